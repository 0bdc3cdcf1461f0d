//! The sub-schemas of a schema and how they lead to each other; and the refusal of what leads outside.

mod follow;

use crate::closure::{Document, Wanted};
use crate::keywords::{Applies, Form, HOLDING_SCHEMAS, REFERRING};
use crate::reference;
use crate::violation::in_schema;
use crate::{dialect, uri};
use application::ports::Violation;
use domain::limits::{SCHEMA_PATTERN_BYTES_MAX, SCHEMA_PATTERNS_MAX, SCHEMA_REFS_MAX};
use domain::{Dialect, SchemaUse};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

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
    /// Which document it is in.
    pub document: usize,
    /// Where it is there.
    pub pointer: String,
    /// The sub-schemas that look at the same value; one that is applied twice is listed twice.
    pub in_place: Vec<usize>,
    /// The sub-schemas that look further in.
    pub inner: Vec<(Slot, usize)>,
}

/// Every sub-schema; the first is the whole schema.
#[derive(Debug)]
pub(crate) struct Graph<'a> {
    documents: &'a [Document],
    pub nodes: Vec<Node>,
    /// Every regular expression, with its place.
    pub patterns: Vec<(String, String)>,
}

impl Graph<'_> {
    /// Something wrong with a sub-schema.
    pub(crate) fn fault(&self, node: usize, keyword: &str, message: &str) -> Violation {
        let Node { document, pointer, .. } = &self.nodes[node];
        self.documents[*document].fault(pointer, keyword, message)
    }
}

/// What was found; the graph is complete only when nothing is wanted.
#[derive(Debug)]
pub(crate) struct Explored<'a> {
    pub graph: Graph<'a>,
    pub wants: Vec<Wanted>,
    /// What the first document refers to.
    pub uses: BTreeSet<SchemaUse>,
    /// References by name, to be replaced by addresses: the document, the place, the address.
    pub rewrites: Vec<(usize, String, String)>,
}

/// Finds every sub-schema, also those that only a reference makes one.
pub(crate) fn explore<'a>(
    documents: &'a [Document],
    values: &[Value],
    dialect: Dialect,
) -> Result<Explored<'a>, Violation> {
    let id_keyword = if dialect == Dialect::Draft4 { "id" } else { "$id" };
    let mut explorer = Explorer::new(documents, values, id_keyword);
    for (number, value) in values.iter().enumerate() {
        let address = match &documents[number].is {
            None => uri::document(),
            Some((name, version)) => uri::of(name, *version),
        };
        explorer.name(number, &address, "")?;
        let root = explorer.visit(number, value, "", address)?;
        explorer.roots.push(root);
    }
    while let Some(reference) = explorer.references.pop() {
        explorer.follow(&reference)?;
    }
    let graph = Graph { documents, nodes: explorer.nodes, patterns: explorer.patterns };
    let Explorer { wants, uses, rewrites, .. } = explorer;
    Ok(Explored { graph, wants, uses, rewrites })
}

struct Reference {
    from: usize,
    keyword: &'static str,
    base: String,
    text: String,
}

struct Explorer<'a, 'v> {
    given: &'a [Document],
    values: &'v [Value],
    /// The keyword by which a schema names itself.
    id_keyword: &'static str,
    nodes: Vec<Node>,
    patterns: Vec<(String, String)>,
    /// The whole documents.
    roots: Vec<usize>,
    /// Finds a sub-schema by its document and pointer.
    places: BTreeMap<(usize, String), usize>,
    /// Where documents and what is embedded in them are, by address.
    documents: BTreeMap<String, (usize, String)>,
    /// The address that a document gives itself, by the one that it is known by.
    own_names: BTreeMap<String, String>,
    /// Sub-schemas by address and anchor.
    anchors: BTreeMap<(String, String), usize>,
    /// Sub-schemas by dynamic anchor alone: which of them is meant is only known during a check.
    dynamic_anchors: BTreeMap<String, Vec<usize>>,
    references: Vec<Reference>,
    references_seen: usize,
    wants: Vec<Wanted>,
    uses: BTreeSet<SchemaUse>,
    rewrites: Vec<(usize, String, String)>,
}

impl<'a, 'v> Explorer<'a, 'v> {
    fn new(given: &'a [Document], values: &'v [Value], id_keyword: &'static str) -> Self {
        Self {
            given,
            values,
            id_keyword,
            nodes: Vec::new(),
            patterns: Vec::new(),
            roots: Vec::new(),
            places: BTreeMap::new(),
            documents: BTreeMap::new(),
            own_names: BTreeMap::new(),
            anchors: BTreeMap::new(),
            dynamic_anchors: BTreeMap::new(),
            references: Vec::new(),
            references_seen: 0,
            wants: Vec::new(),
            uses: BTreeSet::new(),
            rewrites: Vec::new(),
        }
    }

    /// Notes the address of a document or of what is embedded in one. Two documents must not share one:
    /// which of them a reference means would be anybody's guess.
    fn name(&mut self, document: usize, address: &str, pointer: &str) -> Result<(), Violation> {
        let place = (document, pointer.to_owned());
        match self.documents.insert(address.to_owned(), place) {
            Some((other, _)) if other != document => {
                let message = "another schema that is used has the same address";
                Err(self.given[document].fault(
                    &uri::join(pointer, self.id_keyword),
                    self.id_keyword,
                    message,
                ))
            }
            _ => Ok(()),
        }
    }

    /// Notes the sub-schema at `pointer` and everything in it; nesting is bounded, so recursion is.
    fn visit(
        &mut self,
        document: usize,
        schema: &Value,
        pointer: &str,
        base: String,
    ) -> Result<usize, Violation> {
        let place = (document, pointer.to_owned());
        if let Some(known) = self.places.get(&place) {
            return Ok(*known);
        }
        let node = self.nodes.len();
        let pointer_of_node = pointer.to_owned();
        let (in_place, inner) = (Vec::new(), Vec::new());
        self.nodes.push(Node { document, pointer: pointer_of_node, in_place, inner });
        self.places.insert(place, node);
        let Value::Object(members) = schema else { return Ok(node) };
        let base = self.identify(members, node, pointer, base)?;
        self.collect_references(members, node, &base)?;
        self.collect_patterns(members, node)?;
        for (keyword, form, applies) in HOLDING_SCHEMAS {
            let Some(value) = members.get(keyword) else { continue };
            let place = uri::join(pointer, keyword);
            match (form, value) {
                (Form::Named, Value::Object(named)) => {
                    for (name, inner) in named.iter().filter(|(_, inner)| is_schema(inner)) {
                        let inner = self.visit(document, inner, &uri::join(&place, name), base.clone())?;
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
                        let inner =
                            self.visit(document, inner, &format!("{place}/{position}"), base.clone())?;
                        self.connect(node, applies, Slot::Element(position), inner);
                    }
                }
                (Form::Schemas, inner) if is_schema(inner) => {
                    let inner = self.visit(document, inner, &place, base.clone())?;
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
        let document = self.nodes[node].document;
        let keyword = self.id_keyword;
        if let Some(id) = members.get(keyword).and_then(Value::as_str) {
            let Some((address, fragment)) = uri::resolve(&base, id) else {
                return Err(in_schema(&uri::join(pointer, keyword), keyword, "is not a URI reference"));
            };
            if reference::is_meant(&address) {
                let message = "addresses that begin with schema: belong to the project";
                return Err(self.given[document].fault(&uri::join(pointer, keyword), keyword, message));
            }
            if !fragment.is_empty() {
                self.anchors.insert((address.clone(), fragment), node);
            }
            if !id.starts_with('#') {
                self.name(document, &address, pointer)?;
                if pointer.is_empty() {
                    self.own_names.insert(base, address.clone());
                }
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
        base: &str,
    ) -> Result<(), Violation> {
        for keyword in REFERRING {
            let Some(value) = members.get(keyword) else { continue };
            let Some(text) = value.as_str() else {
                return Err(self.fault(node, keyword, "must be a string"));
            };
            self.references_seen += 1;
            if self.references_seen > SCHEMA_REFS_MAX {
                let message =
                    format!("the schema has more than {SCHEMA_REFS_MAX} references, with those that it uses");
                return Err(self.fault(node, keyword, &message));
            }
            let (base, text) = (base.to_owned(), text.to_owned());
            self.references.push(Reference { from: node, keyword, base, text });
        }
        Ok(())
    }

    fn collect_patterns(&mut self, members: &Map<String, Value>, node: usize) -> Result<(), Violation> {
        let Node { document, pointer, .. } = &self.nodes[node];
        let document = &self.given[*document];
        let one = members.get("pattern").and_then(Value::as_str).map(|text| ("pattern", text, None));
        let named = members.get("patternProperties").and_then(Value::as_object);
        let named = named.into_iter().flat_map(Map::keys);
        let named = named.map(|text| ("patternProperties", text.as_str(), Some(text)));
        for (keyword, text, member) in one.into_iter().chain(named) {
            let place = uri::join(pointer, keyword);
            let place = member.map_or(place.clone(), |member| uri::join(&place, member));
            if text.len() > SCHEMA_PATTERN_BYTES_MAX {
                let message = format!("the pattern has more than {SCHEMA_PATTERN_BYTES_MAX} bytes");
                return Err(document.fault(&place, keyword, message));
            }
            if self.patterns.len() >= SCHEMA_PATTERNS_MAX {
                let message = format!(
                    "the schema has more than {SCHEMA_PATTERNS_MAX} patterns, with those that it uses"
                );
                return Err(document.fault(&place, keyword, message));
            }
            self.patterns.push((place, text.to_owned()));
        }
        Ok(())
    }
}

fn is_schema(value: &Value) -> bool {
    value.is_object() || value.is_boolean()
}
