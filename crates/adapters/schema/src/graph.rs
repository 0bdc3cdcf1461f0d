//! The sub-schemas of a schema and how they lead to each other; and the refusal of what leads outside.

use crate::keywords::{Applies, Form, HOLDING_SCHEMAS, REFERRING};
use crate::violation::in_schema;
use crate::{dialect, uri};
use application::ports::Violation;
use domain::Dialect;
use domain::limits::{SCHEMA_PATTERN_BYTES_MAX, SCHEMA_PATTERNS_MAX, SCHEMA_REFS_MAX};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Which part of a value a sub-schema looks at.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Slot {
    /// The member of this name.
    Member(String),
    /// Any member.
    AnyMember,
    /// The element at this place.
    Element(usize),
    /// Any element.
    AnyElement,
}

/// One sub-schema.
#[derive(Debug)]
pub(crate) struct Node {
    /// Where it is.
    pub pointer: String,
    /// The sub-schemas that look at the same value; one that is applied twice is listed twice.
    pub in_place: Vec<usize>,
    /// The sub-schemas that look further in.
    pub inner: Vec<(Slot, usize)>,
}

/// Every sub-schema; the first is the whole schema.
#[derive(Debug)]
pub(crate) struct Graph {
    pub nodes: Vec<Node>,
    /// Every regular expression, with its place.
    pub patterns: Vec<(String, String)>,
}

/// Finds every sub-schema, also those that only a reference makes one.
pub(crate) fn explore(schema: &Value, dialect: Dialect) -> Result<Graph, Violation> {
    let id_keyword = if dialect == Dialect::Draft4 { "id" } else { "$id" };
    let mut explorer = Explorer::new(schema, id_keyword);
    explorer.visit(schema, "", uri::document())?;
    while let Some(reference) = explorer.references.pop() {
        explorer.follow(&reference)?;
    }
    Ok(Graph { nodes: explorer.nodes, patterns: explorer.patterns })
}

struct Reference {
    from: usize,
    keyword: &'static str,
    base: String,
    text: String,
}

struct Explorer<'a> {
    schema: &'a Value,
    /// The keyword by which a schema names itself.
    id_keyword: &'static str,
    nodes: Vec<Node>,
    patterns: Vec<(String, String)>,
    /// Finds a sub-schema by its pointer.
    places: BTreeMap<String, usize>,
    /// The pointers of embedded documents, by address.
    documents: BTreeMap<String, String>,
    /// Sub-schemas by address and anchor.
    anchors: BTreeMap<(String, String), usize>,
    /// Sub-schemas by dynamic anchor alone: which of them is meant is only known during a check.
    dynamic_anchors: BTreeMap<String, Vec<usize>>,
    references: Vec<Reference>,
    references_seen: usize,
}

impl<'a> Explorer<'a> {
    fn new(schema: &'a Value, id_keyword: &'static str) -> Self {
        Self {
            schema,
            id_keyword,
            nodes: Vec::new(),
            patterns: Vec::new(),
            places: BTreeMap::new(),
            documents: BTreeMap::from([(uri::document(), String::new())]),
            anchors: BTreeMap::new(),
            dynamic_anchors: BTreeMap::new(),
            references: Vec::new(),
            references_seen: 0,
        }
    }

    /// Notes the sub-schema at `pointer` and everything in it; nesting is bounded, so recursion is.
    fn visit(&mut self, schema: &Value, pointer: &str, base: String) -> Result<usize, Violation> {
        if let Some(known) = self.places.get(pointer) {
            return Ok(*known);
        }
        let node = self.nodes.len();
        self.nodes.push(Node { pointer: pointer.to_owned(), in_place: Vec::new(), inner: Vec::new() });
        self.places.insert(pointer.to_owned(), node);
        let Value::Object(members) = schema else { return Ok(node) };
        let base = self.identify(members, node, pointer, base)?;
        self.collect_references(members, node, pointer, &base)?;
        self.collect_patterns(members, pointer)?;
        for (keyword, form, applies) in HOLDING_SCHEMAS {
            let Some(value) = members.get(keyword) else { continue };
            let place = uri::join(pointer, keyword);
            match (form, value) {
                (Form::Named, Value::Object(named)) => {
                    for (name, inner) in named.iter().filter(|(_, inner)| is_schema(inner)) {
                        let inner = self.visit(inner, &uri::join(&place, name), base.clone())?;
                        let slot = if keyword == "properties" {
                            Slot::Member(name.clone())
                        } else {
                            Slot::AnyMember
                        };
                        self.connect(node, applies, slot, inner);
                    }
                }
                (Form::Schemas, Value::Array(listed)) => {
                    for (position, inner) in listed.iter().enumerate().filter(|(_, inner)| is_schema(inner)) {
                        let inner = self.visit(inner, &format!("{place}/{position}"), base.clone())?;
                        self.connect(node, applies, Slot::Element(position), inner);
                    }
                }
                (Form::Schemas, inner) if is_schema(inner) => {
                    let inner = self.visit(inner, &place, base.clone())?;
                    let slot = if applies == Applies::Members { Slot::AnyMember } else { Slot::AnyElement };
                    self.connect(node, applies, slot, inner);
                }
                _ => {}
            }
        }
        // To know what is left unevaluated, the schemas in place are looked at once more.
        if members.contains_key("unevaluatedProperties") || members.contains_key("unevaluatedItems") {
            self.nodes[node].in_place.extend_from_within(..);
        }
        Ok(node)
    }

    fn connect(&mut self, from: usize, applies: Applies, slot: Slot, to: usize) {
        match applies {
            Applies::InPlace => self.nodes[from].in_place.push(to),
            Applies::Members | Applies::Elements => self.nodes[from].inner.push((slot, to)),
            Applies::Never => {}
        }
    }

    /// Notes the names that the sub-schema gives itself; gives the address that it is relative to.
    fn identify(
        &mut self,
        members: &Map<String, Value>,
        node: usize,
        pointer: &str,
        base: String,
    ) -> Result<String, Violation> {
        if members.contains_key("$schema") && dialect::of(&Value::Object(members.clone())).is_err() {
            return Err(dialect::unknown(&uri::join(pointer, "$schema")));
        }
        let mut base = base;
        let keyword = self.id_keyword;
        if let Some(id) = members.get(keyword).and_then(Value::as_str) {
            let Some((address, fragment)) = uri::resolve(&base, id) else {
                return Err(in_schema(&uri::join(pointer, keyword), keyword, "is not a URI reference"));
            };
            if !fragment.is_empty() {
                self.anchors.insert((address.clone(), fragment), node);
            }
            if !id.starts_with('#') {
                self.documents.insert(address.clone(), pointer.to_owned());
                base = address;
            }
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            let Some(name) = members.get(keyword).and_then(Value::as_str) else { continue };
            self.anchors.insert((base.clone(), name.to_owned()), node);
            if keyword == "$dynamicAnchor" {
                self.dynamic_anchors.entry(name.to_owned()).or_default().push(node);
            }
        }
        Ok(base)
    }

    fn collect_references(
        &mut self,
        members: &Map<String, Value>,
        node: usize,
        pointer: &str,
        base: &str,
    ) -> Result<(), Violation> {
        for keyword in REFERRING {
            let Some(value) = members.get(keyword) else { continue };
            let Some(text) = value.as_str() else {
                return Err(in_schema(&uri::join(pointer, keyword), keyword, "must be a string"));
            };
            self.references_seen += 1;
            if self.references_seen > SCHEMA_REFS_MAX {
                let message = format!("the schema has more than {SCHEMA_REFS_MAX} references");
                return Err(in_schema(&uri::join(pointer, keyword), keyword, message));
            }
            let (base, text) = (base.to_owned(), text.to_owned());
            self.references.push(Reference { from: node, keyword, base, text });
        }
        Ok(())
    }

    fn collect_patterns(&mut self, members: &Map<String, Value>, pointer: &str) -> Result<(), Violation> {
        let one = members.get("pattern").and_then(Value::as_str).map(|text| ("pattern", text, None));
        let named = members.get("patternProperties").and_then(Value::as_object);
        let named = named.into_iter().flat_map(Map::keys);
        let named = named.map(|text| ("patternProperties", text.as_str(), Some(text)));
        for (keyword, text, member) in one.into_iter().chain(named) {
            let place = uri::join(pointer, keyword);
            let place = member.map_or(place.clone(), |member| uri::join(&place, member));
            if text.len() > SCHEMA_PATTERN_BYTES_MAX {
                let message = format!("the pattern has more than {SCHEMA_PATTERN_BYTES_MAX} bytes");
                return Err(in_schema(&place, keyword, message));
            }
            if self.patterns.len() >= SCHEMA_PATTERNS_MAX {
                let message = format!("the schema has more than {SCHEMA_PATTERNS_MAX} patterns");
                return Err(in_schema(&place, keyword, message));
            }
            self.patterns.push((place, text.to_owned()));
        }
        Ok(())
    }

    /// Connects a reference with what it may mean, or refuses it.
    fn follow(&mut self, reference: &Reference) -> Result<(), Violation> {
        let Reference { from, keyword, base, text } = reference;
        let place = uri::join(&self.nodes[*from].pointer, keyword);
        let refused = |message: &str| in_schema(&place, keyword, message);
        let (address, fragment) =
            uri::resolve(base, text).ok_or_else(|| refused("is not a URI reference"))?;
        let mut targets = Vec::new();
        if *keyword != "$ref" {
            targets.extend(self.dynamic_anchors.get(&fragment).into_iter().flatten().copied());
            targets.extend((*keyword == "$recursiveRef").then_some(0));
        }
        if let Some(document) = self.documents.get(&address) {
            let absolute = format!("{document}{fragment}");
            if let Some(node) = self.anchors.get(&(address.clone(), fragment.clone())) {
                targets.push(*node);
            } else if fragment.is_empty() || fragment.starts_with('/') {
                let schema = self.schema;
                let target = schema.pointer(&absolute).filter(|target| is_schema(target));
                let target = target.ok_or_else(|| refused("leads to no schema in this document"))?;
                targets.push(self.visit(target, &absolute, address)?);
            } else if targets.is_empty() {
                return Err(refused("leads to no schema in this document"));
            }
        } else if !dialect::is_bundled(&address) {
            return Err(refused("leads out of this document: remote and file references are not fetched"));
        }
        targets.sort_unstable();
        targets.dedup();
        self.nodes[*from].in_place.extend(targets);
        Ok(())
    }
}

fn is_schema(value: &Value) -> bool {
    value.is_object() || value.is_boolean()
}
