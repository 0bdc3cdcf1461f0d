//! Following references: within a document, to another schema of the project, and nowhere else.

use super::{Explorer, Node, Reference, is_schema};
use crate::closure::Wanted;
use crate::reference::{self, Named};
use crate::{dialect, uri};
use application::ports::Violation;
use domain::SchemaUse;

impl Explorer<'_, '_> {
    /// Something wrong with a keyword of a sub-schema.
    pub(super) fn fault(&self, node: usize, keyword: &str, message: &str) -> Violation {
        let Node { document, pointer, .. } = &self.nodes[node];
        self.given[*document].fault(&uri::join(pointer, keyword), keyword, message)
    }

    /// Connects a reference with what it may mean, or refuses it.
    pub(super) fn follow(&mut self, reference: &Reference) -> Result<(), Violation> {
        let Reference { from, keyword, base, text } = reference;
        let (address, fragment) = if reference::is_meant(text) {
            match self.named(*from, keyword, text)? {
                Some(found) => found,
                None => return Ok(()),
            }
        } else {
            uri::resolve(base, text).ok_or_else(|| self.fault(*from, keyword, "is not a URI reference"))?
        };
        let refused = |explorer: &Self, message: &str| explorer.fault(*from, keyword, message);
        let mut targets = Vec::new();
        if *keyword != "$ref" {
            targets.extend(self.dynamic_anchors.get(&fragment).into_iter().flatten().copied());
            targets.extend(self.roots.iter().copied().filter(|_| *keyword == "$recursiveRef"));
        }
        if let Some((document, start)) = self.documents.get(&address) {
            let (document, absolute) = (*document, format!("{start}{fragment}"));
            if let Some(node) = self.anchors.get(&(address.clone(), fragment.clone())) {
                targets.push(*node);
            } else if fragment.is_empty() || fragment.starts_with('/') {
                let values = self.values;
                let target = values[document].pointer(&absolute).filter(|target| is_schema(target));
                let target = target.ok_or_else(|| refused(self, "leads to no schema in this document"))?;
                targets.push(self.visit(document, target, &absolute, address)?);
            } else if targets.is_empty() {
                return Err(refused(self, "leads to no schema in this document"));
            }
        } else if !dialect::is_bundled(&address) {
            let message = "leads out of this document: remote and file references are not fetched; \
                           schema:name leads to a schema of the project";
            return Err(refused(self, message));
        }
        targets.sort_unstable();
        targets.dedup();
        self.nodes[*from].in_place.extend(targets);
        Ok(())
    }

    /// Where a reference by name leads; `None` when that schema has to be fetched first.
    fn named(
        &mut self,
        from: usize,
        keyword: &str,
        text: &str,
    ) -> Result<Option<(String, String)>, Violation> {
        if keyword != "$ref" {
            return Err(self.fault(from, keyword, "only $ref may lead to another schema of the project"));
        }
        let form = "is not of the form schema:name, schema:name@version or one of them with a fragment";
        let named = reference::parse(text).ok_or_else(|| self.fault(from, keyword, form))?;
        let Node { document, pointer, .. } = &self.nodes[from];
        let (document, place) = (*document, uri::join(pointer, keyword));
        let Named { name, version, fragment } = named;
        let settled = version.or_else(|| self.given[document].newest.get(&name).copied());
        let at_hand = |version| self.given.iter().any(|one| one.is == Some((name.clone(), version)));
        let Some(found) = settled.filter(|version| at_hand(*version)) else {
            self.wants.push(Wanted { from: document, place, name, version: settled });
            return Ok(None);
        };
        let address = uri::of(&name, found);
        self.rewrites.push((document, place, format!("{address}#{fragment}")));
        if document == 0 {
            self.uses.insert(SchemaUse { name, version: found, newest: version.is_none() });
        }
        let resolved = uri::resolve(&address, &format!("#{fragment}"));
        let (address, fragment) = resolved.ok_or_else(|| self.fault(from, keyword, form))?;
        let own = self.own_names.get(&address).cloned();
        Ok(Some((own.unwrap_or(address), fragment)))
    }
}
