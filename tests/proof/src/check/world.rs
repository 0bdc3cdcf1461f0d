//! Queries of the truth by revision.

use crate::event::Shown;
use crate::truth::{Pruned, SchemaVersion, Truth, Version};

/// The state at every revision.
pub(super) struct World<'a> {
    pub(super) truth: &'a Truth,
}

const NO_VERSIONS: &[Version] = &[];
const NOTHING_PRUNED: &[Pruned] = &[];
const NO_SCHEMAS: &[SchemaVersion] = &[];

impl<'a> World<'a> {
    pub(super) fn new(truth: &'a Truth) -> Self {
        Self { truth }
    }

    /// The versions of a key, oldest first.
    pub(super) fn versions(&self, key: &str) -> &'a [Version] {
        self.truth.keys.get(key).map_or(NO_VERSIONS, Vec::as_slice)
    }

    /// A version of a key.
    pub(super) fn version(&self, key: &str, version: u64) -> Option<&'a Version> {
        let versions = self.versions(key);
        place(versions, version, |one| one.version).map(|at| &versions[at])
    }

    /// The newest version of a key at a revision, including deletions.
    pub(super) fn newest(&self, key: &str, revision: u64) -> Option<&'a Version> {
        let versions = self.versions(key);
        versions.partition_point(|one| one.revision <= revision).checked_sub(1).map(|at| &versions[at])
    }

    /// The live version of a key at a revision.
    pub(super) fn live(&self, key: &str, revision: u64) -> Option<&'a Version> {
        self.newest(key, revision).filter(|version| version.is_live())
    }

    /// The previous version; `None` for the first.
    pub(super) fn before(&self, key: &str, version: &Version) -> Option<&'a Version> {
        let versions = self.versions(key);
        let at = place(versions, version.version, |one| one.version)?;
        at.checked_sub(1).map(|at| &versions[at])
    }

    /// The oldest kept version of a key at a revision.
    pub(super) fn oldest(&self, key: &str, revision: u64) -> u64 {
        let pruned = self.truth.pruned.get(key).map_or(NOTHING_PRUNED, Vec::as_slice);
        let before = pruned.partition_point(|one| one.revision <= revision).checked_sub(1);
        before.map_or(1, |at| pruned[at].oldest)
    }

    /// The versions of a schema, oldest first.
    pub(super) fn schema(&self, name: &str) -> &'a [SchemaVersion] {
        self.truth.schemas.get(name).map_or(NO_SCHEMAS, Vec::as_slice)
    }

    /// The newest version of a schema at a revision.
    pub(super) fn newest_schema(&self, name: &str, revision: u64) -> Option<&'a SchemaVersion> {
        let versions = self.schema(name);
        versions.partition_point(|one| one.revision <= revision).checked_sub(1).map(|at| &versions[at])
    }

    /// A version of a schema.
    pub(super) fn schema_version(&self, name: &str, version: u64) -> Option<&'a SchemaVersion> {
        let versions = self.schema(name);
        place(versions, version, |one| one.version).map(|at| &versions[at])
    }

    /// `low`, and the revisions up to `high` at which one of the keys or any schema changed. The state
    /// relevant to a write of the keys is constant between them.
    pub(super) fn moments<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k str>,
        low: u64,
        high: u64,
    ) -> Vec<u64> {
        if low > high {
            return Vec::new();
        }
        let mut moments = vec![low];
        for versions in self.truth.schemas.values() {
            let from = versions.partition_point(|one| one.revision <= low);
            moments.extend(versions[from..].iter().map(|one| one.revision).take_while(|made| *made <= high));
        }
        for key in keys {
            let versions = self.versions(key);
            let from = versions.partition_point(|one| one.revision <= low);
            moments.extend(versions[from..].iter().map(|one| one.revision).take_while(|made| *made <= high));
        }
        moments.sort_unstable();
        moments.dedup();
        moments
    }
}

/// The index of a version: its own number unless the account has a gap.
fn place<T>(versions: &[T], version: u64, number: impl Fn(&T) -> u64) -> Option<usize> {
    let usual = usize::try_from(version).ok()?.checked_sub(1)?;
    if versions.get(usual).is_some_and(|one| number(one) == version) {
        return Some(usual);
    }
    versions.iter().position(|one| number(one) == version)
}

impl Version {
    /// Whether the config exists at this version.
    pub(super) fn is_live(&self) -> bool {
        self.kind != "delete"
    }

    /// The serial number of the change; single deletions have none.
    pub(super) fn serial(&self) -> Option<u64> {
        self.message.parse().ok()
    }

    /// The difference between a response and this version of `key`; `None` if they agree.
    pub(super) fn differs(&self, shown: &Shown) -> Option<String> {
        let mut wrong = Vec::new();
        let mut compare = |what: &str, told: String, is: String| {
            if told != is {
                wrong.push(format!("{what} {told} instead of {is}"));
            }
        };
        compare("version", shown.version.to_string(), self.version.to_string());
        if let Some(meta) = &shown.meta {
            compare("made at revision", meta.revision.to_string(), self.revision.to_string());
            compare("message", format!("{:?}", meta.message), format!("{:?}", self.message));
            compare("schema", format!("{:?}", meta.schema), format!("{:?}", self.schema));
        }
        if let Some(kind) = &shown.kind {
            compare("kind", kind.clone(), self.kind.clone());
        }
        let digest = self.content.as_ref().map(|content| content.digest.clone());
        if shown.digest.is_some() || shown.kind.is_some() {
            compare("document", format!("{:?}", shown.digest), format!("{digest:?}"));
        }
        (!wrong.is_empty()).then(|| wrong.join(", "))
    }
}
