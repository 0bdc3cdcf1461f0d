//! Reads the keywords of one sub-schema according to its dialect.

use super::{Linker, Place, hides_siblings};
use crate::format;
use crate::keywords::age;
use crate::program::{Bound, Check, Count, Kind, Members, Rule, Says, Slot};
use crate::uri;
use crate::value::{Json, member};
use application::ports::Violation;
use domain::Dialect;
use std::collections::BTreeSet;

type Object<'v> = &'v [(Box<str>, Json)];

/// The sub-schema to build.
#[derive(Clone, Copy)]
struct At<'v, 'p> {
    node: usize,
    place: &'p Place,
    members: Object<'v>,
    dialect: Dialect,
}

impl<'v> At<'v, '_> {
    fn get(&self, keyword: &str) -> Option<&'v Json> {
        member(self.members, keyword)
    }

    /// Whether the dialect is this one or later.
    fn since(&self, dialect: Dialect) -> bool {
        age(self.dialect) >= age(dialect)
    }
}

impl Linker<'_> {
    /// Builds the rules of the sub-schema at a place. Its form is valid: it was checked against the
    /// meta-schema.
    pub(super) fn build(&mut self, place: &Place) -> Result<(), Violation> {
        let Some(located) = self.places.get(place).copied() else { return Ok(()) };
        let Some(node) = located.node else { return Ok(()) };
        if let Json::Bool(truth) = located.json {
            self.program.nodes[node].says = Says::Always(*truth);
            return Ok(());
        }
        let dialect = self.program.origins[place.0].dialect;
        let members = located.json.as_object().unwrap_or_default();
        let at = At { node, place, members, dialect };
        let mut rules = Vec::new();
        if hides_siblings(dialect) && at.get("$ref").is_some() {
            self.references(at, &mut rules)?;
        } else {
            self.scalars(at, &mut rules)?;
            self.texts(at, &mut rules)?;
            self.counts(at, &mut rules)?;
            required(at, &mut rules);
            self.references(at, &mut rules)?;
            self.combined(at, &mut rules);
            self.members(at, &mut rules)?;
            self.elements(at, &mut rules)?;
            self.unevaluated(at, &mut rules);
        }
        self.program.nodes[node].says = Says::Rules(rules);
        Ok(())
    }

    /// The node of a sub-schema of the same document, by relative pointer.
    fn below(&mut self, at: At<'_, '_>, end: &str) -> Option<usize> {
        let place = (at.place.0, format!("{}{end}", at.place.1));
        self.places.contains_key(&place).then(|| self.node(&place))
    }

    /// The node of a sub-schema that a keyword applies to the same value.
    fn in_place(&mut self, at: At<'_, '_>, end: &str) -> Option<usize> {
        let node = self.below(at, end)?;
        self.program.nodes[at.node].in_place.push(node);
        Some(node)
    }

    fn inner(&mut self, at: At<'_, '_>, end: &str, slot: Slot) -> Option<usize> {
        let node = self.below(at, end)?;
        self.program.nodes[at.node].inner.push((slot, node));
        Some(node)
    }

    fn list(&mut self, at: At<'_, '_>, keyword: &str) -> Vec<usize> {
        let length = at.get(keyword).and_then(Json::as_array).map_or(0, <[Json]>::len);
        (0..length).filter_map(|n| self.in_place(at, &format!("/{keyword}/{n}"))).collect()
    }

    fn scalars(&mut self, at: At<'_, '_>, rules: &mut Vec<Rule>) -> Result<(), Violation> {
        if let Some(types) = at.get("type") {
            let names = types.as_array().map_or_else(|| vec![types], |all| all.iter().collect());
            let kinds = names.iter().filter_map(|name| kind(name.as_str()?, at.dialect)).collect();
            rules.push(Rule { keyword: "type", check: Check::Type(kinds) });
        }
        if let Some(only) = at.get("const").filter(|_| at.since(Dialect::Draft6)) {
            rules.push(Rule { keyword: "const", check: Check::Const(only.clone()) });
        }
        if let Some(all) = at.get("enum").and_then(Json::as_array) {
            let texts: BTreeSet<Box<str>> = all.iter().filter_map(Json::as_str).map(Into::into).collect();
            let all = all.to_vec();
            rules.push(Rule { keyword: "enum", check: Check::Enum { all, texts } });
        }
        let flag = |keyword| matches!(at.get(keyword), Some(Json::Bool(true)));
        for (keyword, exclusive, open, closed) in [
            ("minimum", "exclusiveMinimum", Bound::ExclusiveMinimum, Bound::Minimum),
            ("maximum", "exclusiveMaximum", Bound::ExclusiveMaximum, Bound::Maximum),
        ] {
            let old = at.dialect == Dialect::Draft4;
            if let Some(limit) = at.get(keyword).and_then(Json::as_number) {
                let bound = if old && flag(exclusive) { open } else { closed };
                let keyword = if bound == open { exclusive } else { keyword };
                rules.push(Rule { keyword, check: Check::Bound(bound, limit.clone()) });
            }
            if let Some(limit) = at.get(exclusive).and_then(Json::as_number).filter(|_| !old) {
                rules.push(Rule { keyword: exclusive, check: Check::Bound(open, limit.clone()) });
            }
        }
        if let Some(divisor) = at.get("multipleOf").and_then(Json::as_number) {
            if !divisor.is_positive() {
                return Err(self.program.fault(at.node, "multipleOf", "must be greater than 0"));
            }
            rules.push(Rule { keyword: "multipleOf", check: Check::MultipleOf(divisor.clone()) });
        }
        Ok(())
    }

    fn texts(&mut self, at: At<'_, '_>, rules: &mut Vec<Rule>) -> Result<(), Violation> {
        if let Some(text) = at.get("pattern").and_then(Json::as_str)
            && let Some(pattern) = self.pattern(at.node, "pattern", text)?
        {
            rules.push(Rule { keyword: "pattern", check: Check::Pattern(pattern, text.into()) });
        }
        let format = at.get("format").and_then(Json::as_str);
        if let Some(format) = format.and_then(|name| format::of(name, at.dialect)) {
            rules.push(Rule { keyword: "format", check: Check::Format(format) });
        }
        rules.extend(format::content(at.members, at.dialect));
        Ok(())
    }

    /// A non-negative integer keyword.
    fn count(&self, at: At<'_, '_>, keyword: &str) -> Result<Option<u64>, Violation> {
        let Some(number) = at.get(keyword).and_then(Json::as_number) else { return Ok(None) };
        let wrong = || self.program.fault(at.node, keyword, "must be a whole number that is not negative");
        number.as_count().map(Some).ok_or_else(wrong)
    }

    fn counts(&mut self, at: At<'_, '_>, rules: &mut Vec<Rule>) -> Result<(), Violation> {
        for (keyword, of, least) in [
            ("minLength", Count::Characters, true),
            ("maxLength", Count::Characters, false),
            ("minItems", Count::Elements, true),
            ("maxItems", Count::Elements, false),
            ("minProperties", Count::Members, true),
            ("maxProperties", Count::Members, false),
        ] {
            if let Some(limit) = self.count(at, keyword)? {
                rules.push(Rule { keyword, check: Check::Count { of, least, limit } });
            }
        }
        if matches!(at.get("uniqueItems"), Some(Json::Bool(true))) {
            rules.push(Rule { keyword: "uniqueItems", check: Check::Unique });
        }
        Ok(())
    }

    fn references(&mut self, at: At<'_, '_>, rules: &mut Vec<Rule>) -> Result<(), Violation> {
        for (keyword, first, last) in [
            ("$ref", Dialect::Draft4, Dialect::Draft202012),
            ("$dynamicRef", Dialect::Draft202012, Dialect::Draft202012),
            ("$recursiveRef", Dialect::Draft201909, Dialect::Draft201909),
        ] {
            let known = (age(first)..=age(last)).contains(&age(at.dialect));
            let Some(value) = at.get(keyword).filter(|_| known) else { continue };
            let Some(text) = value.as_str() else {
                return Err(self.program.fault(at.node, keyword, "must be a string"));
            };
            rules.extend(self.follow(at.node, keyword, text)?.map(|check| Rule { keyword, check }));
        }
        Ok(())
    }

    fn combined(&mut self, at: At<'_, '_>, rules: &mut Vec<Rule>) {
        let all = self.list(at, "allOf");
        if !all.is_empty() {
            rules.push(Rule { keyword: "allOf", check: Check::AllOf(all) });
        }
        let any = self.list(at, "anyOf");
        if !any.is_empty() {
            rules.push(Rule { keyword: "anyOf", check: Check::AnyOf(any) });
        }
        let one = self.list(at, "oneOf");
        if !one.is_empty() {
            rules.push(Rule { keyword: "oneOf", check: Check::OneOf(one) });
        }
        if let Some(not) = self.in_place(at, "/not") {
            rules.push(Rule { keyword: "not", check: Check::Not(not) });
        }
        if let Some(condition) = self.in_place(at, "/if") {
            let (then, otherwise) = (self.in_place(at, "/then"), self.in_place(at, "/else"));
            rules.push(Rule { keyword: "if", check: Check::If { condition, then, otherwise } });
        }
        for keyword in ["dependentSchemas", "dependencies"] {
            let names: Vec<&Box<str>> = at
                .get(keyword)
                .and_then(Json::as_object)
                .into_iter()
                .flatten()
                .map(|(name, _)| name)
                .collect();
            let mut schemas = Vec::new();
            for name in names {
                if let Some(node) = self.in_place(at, &uri::join(&format!("/{keyword}"), name)) {
                    schemas.push((name.clone(), node));
                }
            }
            if !schemas.is_empty() {
                rules.push(Rule { keyword, check: Check::SchemaWith(schemas) });
            }
        }
    }

    fn members(&mut self, at: At<'_, '_>, rules: &mut Vec<Rule>) -> Result<(), Violation> {
        let mut found = Members::default();
        for (name, _) in at.get("properties").and_then(Json::as_object).unwrap_or_default() {
            let slot = Slot::Member(name.to_string());
            if let Some(node) = self.inner(at, &uri::join("/properties", name), slot) {
                found.named.insert(name.clone(), node);
            }
        }
        for (text, _) in at.get("patternProperties").and_then(Json::as_object).unwrap_or_default() {
            let node = self.inner(at, &uri::join("/patternProperties", text), Slot::AnyMember);
            if let (Some(pattern), Some(node)) = (self.pattern(at.node, "patternProperties", text)?, node) {
                found.matching.push((pattern, node));
            }
        }
        found.others = self.inner(at, "/additionalProperties", Slot::AnyMember);
        if !found.named.is_empty() || !found.matching.is_empty() || found.others.is_some() {
            rules.push(Rule { keyword: "additionalProperties", check: Check::Members(found) });
        }
        if let Some(names) = self.inner(at, "/propertyNames", Slot::AnyMember) {
            rules.push(Rule { keyword: "propertyNames", check: Check::Names(names) });
        }
        Ok(())
    }

    fn elements(&mut self, at: At<'_, '_>, rules: &mut Vec<Rule>) -> Result<(), Violation> {
        let newest = at.dialect == Dialect::Draft202012;
        let listed = if newest { "prefixItems" } else { "items" };
        let length = at.get(listed).and_then(Json::as_array).map_or(0, <[Json]>::len);
        let first: Vec<usize> =
            (0..length).filter_map(|n| self.inner(at, &format!("/{listed}/{n}"), Slot::Element(n))).collect();
        let is_list = at.get(listed).is_some_and(|items| items.as_array().is_some());
        let rest = if newest || !is_list { "items" } else { "additionalItems" };
        let node = self.inner(at, &format!("/{rest}"), Slot::AnyElement);
        if !first.is_empty() || node.is_some() {
            rules.push(Rule { keyword: rest, check: Check::Elements { first, rest: node } });
        }
        if let Some(schema) = self.inner(at, "/contains", Slot::AnyElement) {
            let bounded = at.since(Dialect::Draft201909);
            let least = self.count(at, "minContains")?.filter(|_| bounded).unwrap_or(1);
            let most = self.count(at, "maxContains")?.filter(|_| bounded);
            let check = Check::Contains { schema, least, most, counts: newest };
            rules.push(Rule { keyword: "contains", check });
        }
        Ok(())
    }

    fn unevaluated(&mut self, at: At<'_, '_>, rules: &mut Vec<Rule>) {
        if let Some(node) = self.inner(at, "/unevaluatedProperties", Slot::AnyMember) {
            rules.push(Rule { keyword: "unevaluatedProperties", check: Check::UnevaluatedMembers(node) });
        }
        if let Some(node) = self.inner(at, "/unevaluatedItems", Slot::AnyElement) {
            rules.push(Rule { keyword: "unevaluatedItems", check: Check::UnevaluatedElements(node) });
        }
    }
}

fn required(at: At<'_, '_>, rules: &mut Vec<Rule>) {
    if let Some(names) = at.get("required").and_then(Json::as_array) {
        rules.push(Rule { keyword: "required", check: Check::Required(texts(names)) });
    }
    for keyword in ["dependentRequired", "dependencies"] {
        let known = keyword == "dependencies" || at.since(Dialect::Draft201909);
        let Some(all) = at.get(keyword).and_then(Json::as_object).filter(|_| known) else { continue };
        let lists = all.iter().filter_map(|(name, value)| Some((name.clone(), texts(value.as_array()?))));
        let lists: Vec<_> = lists.collect();
        if !lists.is_empty() {
            rules.push(Rule { keyword, check: Check::RequiredWith(lists) });
        }
    }
}

fn texts(values: &[Json]) -> Vec<Box<str>> {
    values.iter().filter_map(Json::as_str).map(Into::into).collect()
}

fn kind(name: &str, dialect: Dialect) -> Option<Kind> {
    Some(match name {
        "null" => Kind::Null,
        "boolean" => Kind::Boolean,
        "number" => Kind::Number,
        "integer" if dialect == Dialect::Draft4 => Kind::PlainInteger,
        "integer" => Kind::Integer,
        "string" => Kind::String,
        "array" => Kind::Array,
        "object" => Kind::Object,
        _ => return None,
    })
}
