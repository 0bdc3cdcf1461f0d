//! Which keywords of any dialect hold schemas, and what those schemas look at.

/// What a sub-schema is applied to, seen from the value that the outer schema looks at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Applies {
    /// The same value.
    InPlace,
    /// Each member, or each of those with a name of its own.
    Members,
    /// Each element.
    Elements,
    /// Nothing, unless something refers to it.
    Never,
}

/// How the sub-schemas are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// One schema, or an array of them.
    Schemas,
    /// An object of schemas under names of the author's choosing.
    Named,
}

/// Every keyword that holds schemas. Anything else (`enum`, `const`, `examples`, `default`, …) is data.
pub(crate) const HOLDING_SCHEMAS: [(&str, Form, Applies); 25] = [
    ("$defs", Form::Named, Applies::Never),
    ("additionalItems", Form::Schemas, Applies::Elements),
    ("additionalProperties", Form::Schemas, Applies::Members),
    ("allOf", Form::Schemas, Applies::InPlace),
    ("anyOf", Form::Schemas, Applies::InPlace),
    ("contains", Form::Schemas, Applies::Elements),
    ("contentSchema", Form::Schemas, Applies::Never),
    ("definitions", Form::Named, Applies::Never),
    ("dependencies", Form::Named, Applies::InPlace),
    ("dependentSchemas", Form::Named, Applies::InPlace),
    ("else", Form::Schemas, Applies::InPlace),
    ("if", Form::Schemas, Applies::InPlace),
    ("items", Form::Schemas, Applies::Elements),
    ("not", Form::Schemas, Applies::InPlace),
    ("oneOf", Form::Schemas, Applies::InPlace),
    ("patternProperties", Form::Named, Applies::Members),
    ("prefixItems", Form::Schemas, Applies::Elements),
    ("properties", Form::Named, Applies::Members),
    ("propertyNames", Form::Schemas, Applies::Members),
    ("then", Form::Schemas, Applies::InPlace),
    ("unevaluatedItems", Form::Schemas, Applies::Elements),
    ("unevaluatedProperties", Form::Schemas, Applies::Members),
    // Of draft 3, not applied in any dialect here, but found when something refers into them.
    ("disallow", Form::Schemas, Applies::Never),
    ("extends", Form::Schemas, Applies::Never),
    ("type", Form::Schemas, Applies::Never),
];

/// The keywords that refer to another schema, which is applied to the same value.
pub(crate) const REFERRING: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];
