//! Finds the sub-schemas of a document, their URIs and anchors.

use super::{Linker, Located, hides_siblings, id_keyword};
use crate::value::{Json, member};
use crate::{dialect, keywords, reference, uri};
use application::ports::Violation;

impl<'v> Linker<'v> {
    /// Registers the schema at `pointer` and its sub-schemas. Recursion is bounded by the nesting limit.
    pub(super) fn scan(
        &mut self,
        document: usize,
        schema: &'v Json,
        pointer: String,
        part: usize,
    ) -> Result<(), Violation> {
        let place = (document, pointer);
        if self.places.contains_key(&place) {
            return Ok(());
        }
        let Json::Object(members) = schema else {
            self.places.insert(place, Located { json: schema, resource: part, node: None });
            return Ok(());
        };
        let part = self.identify(members, &place, part)?;
        self.places.insert(place.clone(), Located { json: schema, resource: part, node: None });
        let dialect = self.program.origins[document].dialect;
        for (end, inner) in keywords::held(members, dialect) {
            self.scan(document, inner, format!("{}{end}", place.1), part)?;
        }
        Ok(())
    }

    /// Registers the URI and the anchors of a schema. Returns the part that it belongs to.
    fn identify(
        &mut self,
        members: &'v [(Box<str>, Json)],
        place: &(usize, String),
        mut part: usize,
    ) -> Result<usize, Violation> {
        let (document, pointer) = place;
        let own = self.program.origins[*document].dialect;
        if let Some(asked) = member(members, "$schema") {
            match dialect::meant(asked) {
                None => return Err(dialect::unknown(&uri::join(pointer, "$schema"))),
                Some(named) if named != own && !pointer.is_empty() => {
                    let message = "a part of a schema is written in the dialect of the whole";
                    return Err(self.wrong(*document, &uri::join(pointer, "$schema"), "$schema", message));
                }
                Some(_) => {}
            }
        }
        if hides_siblings(own) && member(members, "$ref").is_some() {
            return Ok(part);
        }
        let keyword = id_keyword(own);
        if let Some(id) = member(members, keyword).and_then(Json::as_str) {
            let at = uri::join(pointer, keyword);
            let Some((address, fragment)) = uri::resolve(&self.parts[part].address, id) else {
                return Err(self.wrong(*document, &at, keyword, "is not a URI reference"));
            };
            if reference::is_meant(&address) {
                let message = "addresses that begin with schema: belong to the project";
                return Err(self.wrong(*document, &at, keyword, message));
            }
            if !id.starts_with('#') {
                if pointer.is_empty() {
                    self.parts[part].address.clone_from(&address);
                } else {
                    part = self.part(place.clone(), address.clone());
                }
                self.name(address, part, pointer)?;
            }
            if !fragment.is_empty() {
                self.anchor(part, fragment, place, keyword)?;
            }
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            let Some(name) = member(members, keyword).and_then(Json::as_str) else { continue };
            if hides_siblings(own) {
                continue;
            }
            self.anchor(part, name.to_owned(), place, keyword)?;
            if keyword == "$dynamicAnchor" {
                self.parts[part].dynamic.insert(name.to_owned(), place.clone());
            }
        }
        if matches!(member(members, "$recursiveAnchor"), Some(Json::Bool(true)))
            && self.parts[part].root == *place
        {
            self.parts[part].recursive = true;
        }
        Ok(part)
    }

    fn anchor(
        &mut self,
        part: usize,
        name: String,
        place: &(usize, String),
        keyword: &str,
    ) -> Result<(), Violation> {
        match self.parts[part].anchors.insert(name, place.clone()) {
            Some(other) if other != *place => {
                let message = "another part of the schema has the same anchor";
                Err(self.wrong(place.0, &uri::join(&place.1, keyword), keyword, message))
            }
            _ => Ok(()),
        }
    }
}
