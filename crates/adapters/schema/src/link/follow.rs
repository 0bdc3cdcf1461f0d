//! Resolves references: within a document or to another schema of the project.

use super::{Linker, Place, bundled};
use crate::closure::Wanted;
use crate::program::{Anchor, Check};
use crate::reference::{self, Named};
use crate::{meta, uri};
use application::ports::Violation;
use domain::SchemaUse;
use domain::limits::SCHEMA_REFS_MAX;

const NO_SCHEMA: &str = "leads to no schema in this document";

impl Linker<'_> {
    /// Resolves a reference; `None` if the referenced schema is not loaded.
    pub(super) fn follow(
        &mut self,
        from: usize,
        keyword: &'static str,
        text: &str,
    ) -> Result<Option<Check>, Violation> {
        if !self.program.is_bundled(from) {
            self.references_seen += 1;
        }
        if self.references_seen > SCHEMA_REFS_MAX {
            let message =
                format!("the schema has more than {SCHEMA_REFS_MAX} references, with those that it uses");
            return Err(self.program.fault(from, keyword, message));
        }
        let resource = self.program.nodes[from].resource;
        let (address, fragment) = if reference::is_meant(text) {
            match self.named(from, keyword, text)? {
                Some(found) => found,
                None => return Ok(None),
            }
        } else {
            let resolved = uri::resolve(&self.parts[resource].address, text);
            resolved.ok_or_else(|| self.program.fault(from, keyword, "is not a URI reference"))?
        };
        let part = self.part_at(from, keyword, &address)?;
        let place = self.target(from, keyword, part, &fragment)?;
        let otherwise = self.node(&place);
        self.program.nodes[from].in_place.push(otherwise);
        let anchor = match keyword {
            "$dynamicRef" if self.parts[part].dynamic.get(&fragment) == Some(&place) => {
                Anchor::Named(fragment)
            }
            "$recursiveRef" if self.parts[part].recursive && self.parts[part].root == place => {
                Anchor::Recursive
            }
            _ => return Ok(Some(Check::Reference(otherwise))),
        };
        self.sought = true;
        Ok(Some(Check::Dynamic { name: anchor, otherwise }))
    }

    /// The part of a document, or the meta-schema, with this URI.
    fn part_at(&mut self, from: usize, keyword: &str, address: &str) -> Result<usize, Violation> {
        if let Some(part) = self.addresses.get(address) {
            return Ok(*part);
        }
        let Some((uri, dialect, value)) = bundled(address) else {
            let message = "leads out of this document: remote and file references are not fetched; \
                           schema:name leads to a schema of the project";
            return Err(self.program.fault(from, keyword, message));
        };
        if let Some(part) = self.addresses.get(uri).copied() {
            return Ok(part);
        }
        let part = self.add(None, value, *dialect, uri.clone())?;
        self.addresses.insert(address.to_owned(), part);
        Ok(part)
    }

    /// The place that a fragment points to.
    fn target(
        &mut self,
        from: usize,
        keyword: &str,
        part: usize,
        fragment: &str,
    ) -> Result<Place, Violation> {
        let (document, start) = self.parts[part].root.clone();
        if let Some(place) = self.parts[part].anchors.get(fragment) {
            return Ok(place.clone());
        }
        if !fragment.is_empty() && !fragment.starts_with('/') {
            return Err(self.program.fault(from, keyword, NO_SCHEMA));
        }
        let place = (document, format!("{start}{fragment}"));
        if self.places.contains_key(&place) {
            return Ok(place);
        }
        // Not the value of a keyword: the schema belongs to the nearest enclosing part.
        let json = self.values[document].pointer(&place.1).filter(|json| json.is_schema());
        let json = json.ok_or_else(|| self.program.fault(from, keyword, NO_SCHEMA))?;
        if json.as_object().is_some() {
            let broken = meta::broken(self.program.origins[document].dialect, json);
            if let Some(first) = broken.into_iter().next() {
                let pointer = format!("{}{}", place.1, first.pointer);
                return Err(self.wrong(document, &pointer, &first.keyword, &first.message));
            }
        }
        let around = self.around(&place);
        self.scan(document, json, place.1.clone(), around)?;
        Ok(place)
    }

    /// The nearest enclosing part of a place.
    fn around(&self, place: &Place) -> usize {
        let (document, pointer) = place;
        let ends = pointer.rmatch_indices('/').map(|(end, _)| &pointer[..end]);
        let found = ends.filter_map(|pointer| self.places.get(&(*document, pointer.to_owned())));
        found.map(|located| located.resource).next().unwrap_or_default()
    }

    /// Resolves a `schema:` reference; `None` if the schema must be loaded first.
    fn named(
        &mut self,
        from: usize,
        keyword: &str,
        text: &str,
    ) -> Result<Option<(String, String)>, Violation> {
        if keyword != "$ref" {
            let message = "only $ref may lead to another schema of the project";
            return Err(self.program.fault(from, keyword, message));
        }
        let form = "is not of the form schema:name, schema:name@version or one of them with a fragment";
        let named = reference::parse(text).ok_or_else(|| self.program.fault(from, keyword, form))?;
        let Named { name, version, fragment } = named;
        let node = &self.program.nodes[from];
        let (document, place) = (node.document, uri::join(&node.pointer, keyword));
        let newest = |name| {
            let given = self.program.origins[document].given.as_ref();
            given.and_then(|given| given.newest.get(name).copied())
        };
        let settled = version.or_else(|| newest(&name));
        let at_hand = |version: &_| self.addresses.contains_key(&uri::of(&name, *version));
        let Some(found) = settled.filter(at_hand) else {
            self.wants.push(Wanted { from: document, place, name, version: settled });
            return Ok(None);
        };
        let address = uri::of(&name, found);
        if document == 0 {
            self.uses.insert(SchemaUse { name, version: found, newest: version.is_none() });
        }
        let resolved = uri::resolve(&address, &format!("#{fragment}"));
        resolved.map(Some).ok_or_else(|| self.program.fault(from, keyword, form))
    }
}
