//! The keywords that contain sub-schemas, per dialect.

use crate::value::Json;
use domain::Dialect;

/// The form of the sub-schemas.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// One schema, or an array of schemas.
    Schemas,
    /// An object whose members are schemas.
    Named,
}

const D4: Dialect = Dialect::Draft4;
const D6: Dialect = Dialect::Draft6;
const D7: Dialect = Dialect::Draft7;
const D19: Dialect = Dialect::Draft201909;
const D20: Dialect = Dialect::Draft202012;

/// Every keyword that contains sub-schemas, with the first and the last dialect that has it. All others
/// (`enum`, `const`, `examples`, `default`, …) contain data.
const HOLDING_SCHEMAS: [(&str, Form, Dialect, Dialect); 22] = [
    ("$defs", Form::Named, D19, D20),
    ("additionalItems", Form::Schemas, D4, D19),
    ("additionalProperties", Form::Schemas, D4, D20),
    ("allOf", Form::Schemas, D4, D20),
    ("anyOf", Form::Schemas, D4, D20),
    ("contains", Form::Schemas, D6, D20),
    ("contentSchema", Form::Schemas, D19, D20),
    ("definitions", Form::Named, D4, D20),
    ("dependencies", Form::Named, D4, D20),
    ("dependentSchemas", Form::Named, D19, D20),
    ("else", Form::Schemas, D7, D20),
    ("if", Form::Schemas, D7, D20),
    ("items", Form::Schemas, D4, D20),
    ("not", Form::Schemas, D4, D20),
    ("oneOf", Form::Schemas, D4, D20),
    ("patternProperties", Form::Named, D4, D20),
    ("prefixItems", Form::Schemas, D20, D20),
    ("properties", Form::Named, D4, D20),
    ("propertyNames", Form::Schemas, D6, D20),
    ("then", Form::Schemas, D7, D20),
    ("unevaluatedItems", Form::Schemas, D19, D20),
    ("unevaluatedProperties", Form::Schemas, D19, D20),
];

/// The order of dialects: a later dialect has a larger number.
pub(crate) fn age(dialect: Dialect) -> u8 {
    match dialect {
        Dialect::Draft4 => 4,
        Dialect::Draft6 => 6,
        Dialect::Draft7 => 7,
        Dialect::Draft201909 => 8,
        Dialect::Draft202012 => 9,
    }
}

/// The sub-schemas of an object in this dialect, each with its pointer relative to the object.
pub(crate) fn held(members: &[(Box<str>, Json)], dialect: Dialect) -> Vec<(String, &Json)> {
    let mut found = Vec::new();
    for (keyword, form, first, last) in HOLDING_SCHEMAS {
        if !(age(first)..=age(last)).contains(&age(dialect)) {
            continue;
        }
        let place = crate::uri::join("", keyword);
        match (form, crate::value::member(members, keyword)) {
            (Form::Named, Some(Json::Object(named))) => {
                found.extend(named.iter().map(|(name, inner)| (crate::uri::join(&place, name), inner)));
            }
            (Form::Schemas, Some(Json::Array(listed))) => {
                let numbered = listed.iter().enumerate();
                found.extend(numbered.map(|(at, inner)| (format!("{place}/{at}"), inner)));
            }
            (Form::Schemas, Some(inner)) => found.push((place, inner)),
            _ => {}
        }
    }
    found.retain(|(_, inner)| inner.is_schema());
    found
}
