//! Links JSON schemas to a program: finds every sub-schema and its URI, and refuses external references.
//!
//! The evaluation uses the linked program and never reads `$id` or `$ref` again. The cost bound of a program
//! therefore holds for its checks.

mod build;
mod follow;
mod patterns;
mod scan;

use crate::closure::{Document, Wanted};
use crate::pattern::Pattern;
use crate::program::{Node, Origin, Program, Resource, Says};
use crate::value::Json;
use crate::{dialect, uri};
use application::ports::Violation;
use domain::{Dialect, SchemaUse};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The result of linking. The program is complete only if `wants` is empty.
#[derive(Debug)]
pub(crate) struct Linked {
    pub program: Program,
    /// The schemas of the project that must be loaded first.
    pub wants: Vec<Wanted>,
    /// The schema versions that the root document references.
    pub uses: BTreeSet<SchemaUse>,
    /// The refused patterns.
    pub refused: Vec<Violation>,
}

/// Finds every sub-schema and resolves every reference. Refuses external references.
pub(crate) fn link(documents: &[Document], values: &[Json], dialect: Dialect) -> Result<Linked, Violation> {
    let mut linker = Linker::default();
    for (document, value) in documents.iter().zip(values) {
        let known_as = match &document.is {
            None => uri::document(),
            Some((name, version)) => uri::of(name, *version),
        };
        linker.add(Some(document.clone()), value, dialect, known_as)?;
    }
    // Unreferenced sub-schemas are built too, so that their errors are reported.
    let places: Vec<Place> = linker.places.keys().cloned().collect();
    linker.node(&(0, String::new()));
    for place in &places {
        linker.node(place);
    }
    linker.build_all()?;
    linker.anchor_all()?;
    let Linker { program, wants, uses, refused, .. } = linker;
    Ok(Linked { program, wants, uses, refused })
}

/// Index of a document, and a JSON Pointer in it.
type Place = (usize, String);

/// A sub-schema at a place.
#[derive(Clone, Copy, Debug)]
struct Located<'v> {
    json: &'v Json,
    resource: usize,
    node: Option<usize>,
}

/// A part of a document with its own URI (a schema resource).
#[derive(Debug)]
struct Part {
    root: Place,
    /// The base URI of its references.
    address: String,
    anchors: BTreeMap<String, Place>,
    dynamic: BTreeMap<String, Place>,
    recursive: bool,
}

#[derive(Debug, Default)]
struct Linker<'v> {
    program: Program,
    values: Vec<&'v Json>,
    places: BTreeMap<Place, Located<'v>>,
    parts: Vec<Part>,
    addresses: BTreeMap<String, usize>,
    /// Places that have a node but are not built yet.
    unread: Vec<Place>,
    /// Whether a dynamic reference exists.
    sought: bool,
    references_seen: usize,
    patterns: BTreeMap<String, Option<Arc<Pattern>>>,
    patterns_seen: usize,
    wants: Vec<Wanted>,
    uses: BTreeSet<SchemaUse>,
    refused: Vec<Violation>,
}

impl<'v> Linker<'v> {
    /// Adds a document.
    fn add(
        &mut self,
        given: Option<Document>,
        value: &'v Json,
        dialect: Dialect,
        known_as: String,
    ) -> Result<usize, Violation> {
        let document = self.values.len();
        self.values.push(value);
        self.program.origins.push(Origin { given, dialect });
        let part = self.part((document, String::new()), known_as.clone());
        self.name(known_as, part, "")?;
        self.scan(document, value, String::new(), part)?;
        Ok(part)
    }

    fn part(&mut self, root: Place, address: String) -> usize {
        let (anchors, dynamic) = (BTreeMap::new(), BTreeMap::new());
        self.parts.push(Part { root, address, anchors, dynamic, recursive: false });
        self.program.resources.push(Resource::default());
        self.parts.len() - 1
    }

    /// Registers the URI of a part. A duplicate URI is refused, because references to it would be ambiguous.
    fn name(&mut self, address: String, part: usize, pointer: &str) -> Result<(), Violation> {
        match self.addresses.insert(address, part) {
            Some(other) if other != part => {
                let (document, _) = self.parts[part].root;
                let keyword = id_keyword(self.program.origins[document].dialect);
                let message = "another schema, or another part of this one, has the same address";
                Err(self.wrong(document, &uri::join(pointer, keyword), keyword, message))
            }
            _ => Ok(()),
        }
    }

    /// A violation at a place.
    fn wrong(&self, document: usize, pointer: &str, keyword: &str, message: &str) -> Violation {
        match &self.program.origins[document].given {
            Some(document) => document.fault(pointer, keyword, message),
            None => crate::violation::in_schema("", keyword, message),
        }
    }

    /// The node of the sub-schema at a known place.
    fn node(&mut self, place: &Place) -> usize {
        let number = self.program.nodes.len();
        let Some(located) = self.places.get_mut(place) else { return 0 };
        if let Some(node) = located.node {
            return node;
        }
        located.node = Some(number);
        self.program.nodes.push(Node {
            document: place.0,
            pointer: place.1.clone(),
            resource: located.resource,
            says: Says::Always(true),
            in_place: Vec::new(),
            inner: Vec::new(),
        });
        self.unread.push(place.clone());
        number
    }

    fn build_all(&mut self) -> Result<(), Violation> {
        while let Some(place) = self.unread.pop() {
            self.build(&place)?;
        }
        Ok(())
    }

    /// Collects dynamic anchors until no new nodes appear; anchors can add sub-schemas with further anchors.
    fn anchor_all(&mut self) -> Result<(), Violation> {
        while self.sought {
            let nodes = self.program.nodes.len();
            for part in 0..self.parts.len() {
                for (name, place) in self.parts[part].dynamic.clone() {
                    let node = self.node(&place);
                    self.program.resources[part].dynamic.insert(name, node);
                }
                if self.parts[part].recursive {
                    let node = self.node(&self.parts[part].root.clone());
                    self.program.resources[part].recursive = Some(node);
                }
            }
            self.build_all()?;
            if self.program.nodes.len() == nodes {
                break;
            }
        }
        Ok(())
    }
}

/// The keyword that sets the URI of a schema.
fn id_keyword(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Draft4 { "id" } else { "$id" }
}

/// Whether `$ref` makes its sibling keywords ineffective.
fn hides_siblings(dialect: Dialect) -> bool {
    crate::keywords::age(dialect) <= crate::keywords::age(Dialect::Draft7)
}

/// The meta-schema with this URI.
fn bundled(address: &str) -> Option<&'static (String, Dialect, Json)> {
    dialect::bundled(address)
}
