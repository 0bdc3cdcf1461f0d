//! The replicated state: the metadata of all entities, without document bodies.
//!
//! All tables are persistent ordered maps, so a clone is a cheap consistent snapshot. Tables marked *derived*
//! are rebuilt from the others and are neither stored nor hashed.

mod apply;
mod decide;
mod evolve;
mod rows;
#[cfg(test)]
mod tests;

pub use apply::Applied;
pub use decide::decide;
pub use evolve::evolve;
pub use rows::{Row, RowKey};

use crate::limits::ANSWER_KEPT_MS;
use crate::{
    Actor, Answer, ApiKey, AuditAnchor, ClusterId, Config, ConfigId, Digest, Environment, EnvironmentId,
    Epoch, KeyRef, MemberId, Project, ProjectName, Retired, Revision, Schema, SchemaId, SchemaName,
    SchemaVersion, Timestamp, Usage, UserId, Version,
};
use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// The newest version of the apply rules that this release supports.
pub const APPLY_VERSION_MAX: u32 = 1;

/// The values of the cluster as a whole.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Header {
    /// The cluster id; `None` before bootstrap.
    pub cluster_id: Option<ClusterId>,
    /// The revision of the last accepted command.
    pub revision: Revision,
    /// The head of the audit chain.
    pub audit_head: Digest,
    /// The apply rules in force. A command raises them once all members support them.
    pub active_version: u32,
    /// The recorded time of the last accepted command. It never decreases, whatever the clock of a leader
    /// says.
    #[serde(default)]
    pub time: Timestamp,
    /// The audit anchor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_anchor: Option<AuditAnchor>,
}

/// The state that all replicas agree on.
#[derive(Clone, Debug)]
pub struct State {
    header: Header,
    projects: OrdMap<ProjectName, Project>,
    environments: OrdMap<EnvironmentId, Environment>,
    schemas: OrdMap<SchemaId, Schema>,
    /// Behind pointers, because a change of a persistent map copies the tree nodes on its path with their
    /// values.
    configs: OrdMap<ConfigId, Arc<Config>>,
    retired_configs: OrdMap<ConfigId, Retired>,
    retired_schemas: OrdMap<SchemaId, SchemaVersion>,
    api_keys: OrdMap<KeyRef, ApiKey>,
    answers: OrdMap<Digest, Answer>,
    retired_members: OrdMap<MemberId, Revision>,
    epochs: OrdMap<UserId, Epoch>,
    /// Derived: API keys by the digest of their secrets.
    keys_by_hash: OrdMap<Digest, KeyRef>,
    /// Derived: the configs bound to each schema.
    bound: OrdMap<SchemaId, OrdSet<ConfigId>>,
    /// Derived: the usage of each project; projects without usage have no entry.
    usage: OrdMap<ProjectName, Usage>,
    /// Derived: the configs that follow each schema, by the revision of their last change. One set for each
    /// schema rather than for each revision: a small set takes as much memory as one of sixteen entries.
    followers_by_age: OrdMap<SchemaId, OrdSet<(Revision, ConfigId)>>,
    /// Derived: the stored receipts by their revision, the oldest first.
    answers_by_age: OrdMap<Revision, Digest>,
    /// Derived: the same for each project, and for the platform.
    answers_by_project: OrdMap<Option<ProjectName>, OrdMap<Revision, Digest>>,
}

impl Default for State {
    fn default() -> Self {
        let header = Header {
            cluster_id: None,
            revision: Revision(0),
            audit_head: Digest::default(),
            active_version: APPLY_VERSION_MAX,
            time: Timestamp::default(),
            audit_anchor: None,
        };
        Self {
            header,
            projects: OrdMap::new(),
            environments: OrdMap::new(),
            schemas: OrdMap::new(),
            configs: OrdMap::new(),
            retired_configs: OrdMap::new(),
            retired_schemas: OrdMap::new(),
            api_keys: OrdMap::new(),
            retired_members: OrdMap::new(),
            epochs: OrdMap::new(),
            keys_by_hash: OrdMap::new(),
            bound: OrdMap::new(),
            followers_by_age: OrdMap::new(),
            answers: OrdMap::new(),
            usage: OrdMap::new(),
            answers_by_age: OrdMap::new(),
            answers_by_project: OrdMap::new(),
        }
    }
}

impl State {
    /// The values of the cluster as a whole.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The revision of the last accepted command.
    pub fn revision(&self) -> Revision {
        self.header.revision
    }

    /// The current epoch of a user; 0 if it was never raised.
    pub fn epoch(&self, user: &UserId) -> Epoch {
        self.epochs.get(user).copied().unwrap_or_default()
    }

    /// One project.
    pub fn project(&self, name: &ProjectName) -> Option<&Project> {
        self.projects.get(name)
    }

    /// The projects after `after`, in order of names.
    pub fn projects_after(&self, after: Option<&ProjectName>) -> impl Iterator<Item = &Project> {
        let start = after.map_or(Bound::Unbounded, |name| Bound::Excluded(name.clone()));
        self.projects.range((start, Bound::Unbounded)).map(|(_, project)| project)
    }

    /// One environment.
    pub fn environment(&self, id: &EnvironmentId) -> Option<&Environment> {
        self.environments.get(id)
    }

    /// The environments of a project, in order.
    pub fn environments<'a>(
        &'a self,
        project: &'a ProjectName,
    ) -> impl Iterator<Item = &'a Environment> + 'a {
        // Names sort by bytes, and "0" is the smallest.
        let first = crate::EnvironmentName::parse("0").expect("a digit is a name");
        let start = EnvironmentId { project: project.clone(), name: first };
        self.environments.range(start..).map(|(_, e)| e).take_while(move |e| e.id.project == *project)
    }

    /// One schema.
    pub fn schema(&self, id: &SchemaId) -> Option<&Schema> {
        self.schemas.get(id)
    }

    /// The schemas of a project, in order.
    pub fn schemas<'a>(&'a self, project: &'a ProjectName) -> impl Iterator<Item = &'a Schema> + 'a {
        let first = crate::SchemaName::parse("0").expect("a digit is a name");
        let start = SchemaId { project: project.clone(), name: first };
        self.schemas.range(start..).map(|(_, s)| s).take_while(move |s| s.id.project == *project)
    }

    /// Whether one of `from` is `to` or refers to it, directly or through others, in any version.
    pub fn schemas_lead_to(&self, from: impl Iterator<Item = SchemaId>, to: &SchemaId) -> bool {
        let (mut open, mut seen): (Vec<_>, _) = (from.collect(), BTreeSet::new());
        while let Some(id) = open.pop() {
            if id == *to {
                return true;
            }
            if let Some(schema) = self.schema(&id).filter(|_| seen.insert(id.clone())) {
                let used = |name: &SchemaName| SchemaId { project: id.project.clone(), name: name.clone() };
                open.extend(schema.uses.iter().map(used));
            }
        }
        false
    }

    /// One config.
    pub fn config(&self, id: &ConfigId) -> Option<&Config> {
        self.configs.get(id).map(Arc::as_ref)
    }

    /// The number of live configs.
    pub fn config_count(&self) -> u64 {
        self.configs.len() as u64
    }

    /// The usage of a project.
    pub fn usage(&self, project: &ProjectName) -> Usage {
        self.usage.get(project).copied().unwrap_or_default()
    }

    /// The oldest version of a config in the history; 0 and 1 both mean that nothing was pruned.
    pub fn oldest_kept(&self, id: &ConfigId) -> Version {
        let live = self.config(id).map(|config| config.oldest);
        live.or_else(|| self.retired_config(id).map(|retired| retired.oldest)).unwrap_or_default()
    }

    /// The live and the deleted configs of a project, each with the version of its last change.
    pub fn all_configs<'a>(
        &'a self,
        project: &'a ProjectName,
    ) -> impl Iterator<Item = (&'a ConfigId, Version)> + 'a {
        let environments = self.environments(project);
        environments.flat_map(move |environment| {
            let live = self.configs_from(&environment.id, Bound::Unbounded).map(|c| (&c.id, c.version));
            let gone = self.retired_configs_from(&environment.id, Bound::Unbounded);
            live.chain(gone.map(|(id, retired)| (id, retired.version)))
        })
    }

    /// What remains of a deleted config; `None` while the config is live.
    pub fn retired_config(&self, id: &ConfigId) -> Option<Retired> {
        self.retired_configs.get(id).copied()
    }

    /// The deleted configs of an environment from `from` on, in order of keys.
    pub fn retired_configs_from<'a>(
        &'a self,
        environment: &'a EnvironmentId,
        from: Bound<&crate::ConfigKey>,
    ) -> impl Iterator<Item = (&'a ConfigId, Retired)> + 'a {
        self.retired_configs
            .range((config_bound(environment, from), Bound::Unbounded))
            .map(|(id, retired)| (id, *retired))
            .take_while(move |(id, _)| {
                id.project == environment.project && id.environment == environment.name
            })
    }

    /// The configs of an environment from `from` on, in order of keys.
    pub fn configs_from<'a>(
        &'a self,
        environment: &'a EnvironmentId,
        from: Bound<&crate::ConfigKey>,
    ) -> impl Iterator<Item = &'a Config> + 'a {
        self.configs
            .range((config_bound(environment, from), Bound::Unbounded))
            .map(|(_, config)| config.as_ref())
            .take_while(move |c| c.id.project == environment.project && c.id.environment == environment.name)
    }

    /// The configs bound to a schema, pinned ones included, in order.
    pub fn bound_configs<'a>(&'a self, schema: &SchemaId) -> impl Iterator<Item = &'a Config> + 'a {
        self.bound.get(schema).into_iter().flatten().filter_map(|id| self.config(id))
    }

    /// The configs bound to a schema after `after`, pinned ones included, in order.
    pub fn bound_after<'a>(
        &'a self,
        schema: &SchemaId,
        after: Option<&ConfigId>,
    ) -> impl Iterator<Item = &'a Config> + use<'a> {
        let start = after.map_or(Bound::Unbounded, |id| Bound::Excluded(id.clone()));
        let bound = self.bound.get(schema).into_iter();
        bound
            .flat_map(move |set| set.range((start.clone(), Bound::Unbounded)))
            .filter_map(|id| self.config(id))
    }

    /// The configs that follow the newest version of a schema, after `after`, in order.
    pub fn followers_after<'a>(
        &'a self,
        schema: &SchemaId,
        after: Option<&ConfigId>,
    ) -> impl Iterator<Item = &'a Config> + use<'a> {
        self.bound_after(schema, after)
            .filter(|config| config.binding.as_ref().is_some_and(|binding| binding.pinned.is_none()))
    }

    /// The configs that follow the newest version of a schema and changed after `since`, in order of change.
    pub fn followers_since(&self, schema: &SchemaId, since: Revision) -> impl Iterator<Item = &Config> {
        let start = Bound::Included((since.next(), ConfigId::smallest()));
        let by_age = self.followers_by_age.get(schema).into_iter();
        by_age
            .flat_map(move |by_age| by_age.range((start.clone(), Bound::Unbounded)))
            .filter_map(|(_, id)| self.config(id))
    }

    /// The number of configs bound to a schema.
    pub fn bound_count(&self, schema: &SchemaId) -> u64 {
        self.bound.get(schema).map_or(0, |set| set.len() as u64)
    }

    /// Whether the id belonged to a member that was removed.
    pub fn is_retired_member(&self, id: MemberId) -> bool {
        self.retired_members.contains_key(&id)
    }

    /// One API key.
    pub fn api_key(&self, key: &KeyRef) -> Option<&ApiKey> {
        self.api_keys.get(key)
    }

    /// The API keys that an actor created, directly or through API keys that it created, in all projects and
    /// of the platform.
    pub fn api_keys_made_by(&self, maker: &Actor) -> Vec<&ApiKey> {
        let mut by_maker: BTreeMap<&Actor, Vec<&ApiKey>> = BTreeMap::new();
        for key in self.api_keys.values() {
            by_maker.entry(&key.created_by).or_default().push(key);
        }
        let mut made = by_maker.remove(maker).unwrap_or_default();
        let mut at = 0;
        while let Some(key) = made.get(at) {
            made.extend(by_maker.remove(&Actor::ApiKey(key.key.clone())).unwrap_or_default());
            at += 1;
        }
        made
    }

    /// The API key whose secret has this digest, if the secret is valid at the time `at`. The key itself may
    /// have expired.
    pub fn api_key_by_secret(&self, hash: &Digest, at: Timestamp) -> Option<&ApiKey> {
        self.api_key_by_hash(hash).filter(|key| key.is_opened_by(hash, at))
    }

    /// The API key whose current or previous secret has this digest, valid or not.
    pub fn api_key_by_hash(&self, hash: &Digest) -> Option<&ApiKey> {
        self.keys_by_hash.get(hash).and_then(|key| self.api_keys.get(key))
    }

    /// The stored receipt for an idempotency key, unless it has expired at the time `at`.
    pub fn answer(&self, key: &Digest, at: Timestamp) -> Option<&Answer> {
        self.answers.get(key).filter(|answer| answer.at.0.saturating_add(ANSWER_KEPT_MS) > at.0)
    }

    /// The API keys of a project, or of the platform with `None`, in order of ids.
    pub fn api_keys<'a>(&'a self, project: Option<&'a ProjectName>) -> impl Iterator<Item = &'a ApiKey> + 'a {
        let first = crate::ApiKeyId::parse("0").expect("a digit is an id");
        let start = KeyRef { project: project.cloned(), id: first };
        self.api_keys
            .range(start..)
            .map(|(_, key)| key)
            .take_while(move |key| key.key.project.as_ref() == project)
    }
}

/// The bound on config ids for a bound on the keys of an environment.
fn config_bound(environment: &EnvironmentId, from: Bound<&crate::ConfigKey>) -> Bound<ConfigId> {
    let id = |key: crate::ConfigKey| ConfigId {
        project: environment.project.clone(),
        environment: environment.name.clone(),
        key,
    };
    match from {
        Bound::Unbounded => Bound::Included(id(crate::ConfigKey::parse("0").expect("a digit is a key"))),
        Bound::Included(key) => Bound::Included(id(key.clone())),
        Bound::Excluded(key) => Bound::Excluded(id(key.clone())),
    }
}
