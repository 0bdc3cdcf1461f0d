//! Folding events into the state. Only writes, and cannot fail: all checks are in `decide`.

use super::State;
use crate::{
    Answer, ApiKey, AuditEntry, Committed, Config, ConfigId, Digest, Environment, Event, KeyRef, Past,
    PreviousSecret, Project, ProjectName, Quotas, Retention, Retired, Schema, SchemaId, SchemaVersion, Usage,
    Version,
};
use std::sync::Arc;

/// Folds in the events and extends the audit chain. The same events give the same state.
pub fn evolve(state: &mut State, committed: &Committed) -> AuditEntry {
    for event in &committed.events {
        fold(state, committed, event);
    }
    let audit = AuditEntry::seal(state.header.audit_head, committed);
    state.header.revision = committed.revision;
    state.header.audit_head = audit.head;
    state.header.time = state.time_of(committed.at);
    audit
}

fn fold(state: &mut State, committed: &Committed, event: &Event) {
    match event {
        Event::ClusterNamed { cluster_id } => state.header.cluster_id = Some(cluster_id.clone()),
        Event::AuditAnchored { anchor } => state.header.audit_anchor = Some(*anchor),
        Event::ProjectCreated { name, display_name } => {
            let project = Project {
                name: name.clone(),
                display_name: display_name.clone(),
                created_at: committed.at,
                updated_at: committed.at,
                created_revision: committed.revision,
                revision: committed.revision,
                quotas: Quotas::default(),
                retention: Retention::default(),
            };
            state.projects.insert(name.clone(), project);
        }
        Event::ProjectUpdated { name, display_name } => {
            if let Some(project) = state.projects.get_mut(name) {
                project.display_name = display_name.clone();
                project.updated_at = committed.at;
                project.revision = committed.revision;
            }
        }
        Event::ProjectBounded { name, quotas, retention } => {
            if let Some(project) = state.projects.get_mut(name) {
                project.quotas = *quotas;
                project.retention = *retention;
                project.updated_at = committed.at;
                project.revision = committed.revision;
            }
        }
        Event::ProjectDeleted { name } => {
            state.projects.remove(name);
        }
        Event::EnvironmentCreated { id } => {
            let environment =
                Environment { id: id.clone(), created_at: committed.at, revision: committed.revision };
            state.environments.insert(id.clone(), environment);
        }
        Event::EnvironmentDeleted { id } => {
            state.environments.remove(id);
        }
        Event::SchemaRegistered { .. } => register_schema(state, committed, event),
        Event::SchemaHeld { id, hold } => {
            if let Some(schema) = state.schemas.get_mut(id) {
                schema.held_at = hold.then_some(committed.at);
            }
        }
        Event::SchemaDeleted { id, version } => delete_schema(state, id, *version),
        Event::ConfigPut { .. } => put_config(state, committed, event),
        Event::ConfigDeleted { id, version, .. } => delete_config(state, committed, id, *version),
        Event::HistoryPruned { id, from, oldest, bytes } => {
            state.forget_past(id, &Forgotten { from: *from, oldest: *oldest, bytes: *bytes });
        }
        Event::ApiKeyCreated { key } => state.insert_api_key(key.clone()),
        Event::MemberRetired { id } => {
            state.retired_members.insert(*id, committed.revision);
        }
        Event::EpochRaised { user, epoch } => {
            state.epochs.insert(user.clone(), *epoch);
        }
        Event::ApiKeyRevoked { key } => drop(state.remove_api_key(key)),
        Event::ApiKeyNarrowed { key, environment } => {
            if let Some(mut narrowed) = state.remove_api_key(key) {
                if let Some(named) = &mut narrowed.environments {
                    named.remove(environment);
                }
                state.insert_api_key(narrowed);
            }
        }
        Event::ApiKeyRotated { key, hash, prefix, previous_until } => {
            if let Some(mut rotated) = state.remove_api_key(key) {
                rotated.previous =
                    previous_until.map(|ends_at| PreviousSecret { hash: rotated.hash, ends_at });
                rotated.hash = *hash;
                rotated.prefix.clone_from(prefix);
                rotated.revision = committed.revision;
                state.insert_api_key(rotated);
            }
        }
        Event::AnswerKept { key, request, project } => {
            let receipt = state.receipt(&committed.events);
            let (revision, at) = (committed.revision, committed.at);
            state.forget_answer(key);
            state.insert_answer(
                *key,
                Answer { request: *request, revision, at, receipt, project: project.clone() },
            );
        }
        Event::AnswerForgotten { key } => state.forget_answer(key),
        // The membership is not part of the state, and an unchanged put changes nothing.
        Event::MemberAdmitted { .. } | Event::MemberUpdated { .. } | Event::ConfigKept { .. } => {}
    }
}

fn register_schema(state: &mut State, committed: &Committed, event: &Event) {
    let Event::SchemaRegistered { id, version, first, dialect, mode, uses, schema: content } = event else {
        return;
    };
    let earlier = state.schemas.get(id).filter(|_| !first);
    let mut all_uses = earlier.map(|schema| schema.uses.clone()).unwrap_or_default();
    all_uses.extend(uses.iter().map(|used| used.name.clone()));
    let schema = Schema {
        id: id.clone(),
        latest: *version,
        first: earlier.map_or(*version, |schema| schema.first),
        dialect: *dialect,
        mode: *mode,
        created_at: committed.at,
        created_by: committed.actor.clone(),
        revision: committed.revision,
        bound_changed: earlier.map_or(committed.revision, |schema| schema.bound_changed),
        uses: all_uses,
        held_at: None,
        bytes: earlier.map_or(0, |schema| schema.bytes).saturating_add(content.as_str().len() as u64),
    };
    state.retired_schemas.remove(id);
    state.insert_schema(schema);
}

fn delete_schema(state: &mut State, id: &SchemaId, version: SchemaVersion) {
    if let Some(schema) = state.schemas.remove(id) {
        state.count_schema(&id.project, None, Some(&schema));
    }
    state.retired_schemas.insert(id.clone(), version);
}

fn put_config(state: &mut State, committed: &Committed, event: &Event) {
    let Event::ConfigPut { id, version, binding, content, digest, created_at, .. } = event else {
        return;
    };
    let oldest = state.oldest_kept(id);
    // The current document becomes part of the history.
    let past = match (state.config(id), state.retired_config(id)) {
        (Some(config), _) => config.past_documents().saturating_add(config.bytes.into()),
        (None, Some(retired)) => retired.past_bytes,
        (None, None) => 0,
    };
    state.remove_retired(id);
    state.unbind(id);
    let config = Config {
        id: id.clone(),
        version: *version,
        revision: committed.revision,
        binding: binding.clone(),
        digest: *digest,
        bytes: u32::try_from(content.as_str().len()).unwrap_or(u32::MAX),
        created_at: *created_at,
        updated_at: committed.at,
        updated_by: committed.actor.clone(),
        oldest,
        past_bytes: Some(past),
    };
    if let Some(binding) = binding.as_ref().filter(|binding| binding.pinned.is_none())
        && let Some(schema) = state.schemas.get_mut(&id.schema_id(&binding.schema))
    {
        schema.bound_changed = committed.revision;
    }
    state.insert_config(config);
}

fn delete_config(state: &mut State, committed: &Committed, id: &ConfigId, version: Version) {
    let oldest = state.oldest_kept(id);
    state.unbind(id);
    let mut past_bytes = 0;
    if let Some(config) = state.configs.remove(id) {
        past_bytes = config.past_documents().saturating_add(config.bytes.into());
        state.count(&id.project, &Held::default(), &Held::by(&config));
    }
    let retired = Retired { version, revision: committed.revision, oldest, past_bytes };
    state.insert_retired(id.clone(), retired);
}

/// The versions to remove from the count of a config's history.
struct Forgotten {
    from: Version,
    oldest: Version,
    bytes: Option<u64>,
}

impl Forgotten {
    /// The bytes that remain of a history of `versions` versions and `bytes` bytes.
    fn rest(&self, bytes: u64, versions: u64) -> u64 {
        let gone = self.oldest.0.saturating_sub(self.from.0);
        if gone >= versions {
            return 0;
        }
        // Without a computed size, assume that all versions are equally large.
        let estimated = || u128::from(bytes) * u128::from(gone) / u128::from(versions.max(1));
        let gone = self.bytes.unwrap_or_else(|| u64::try_from(estimated()).unwrap_or(u64::MAX));
        bytes.saturating_sub(gone)
    }
}

/// The share of one config, live or deleted, in the usage of its project.
#[derive(Default)]
struct Held {
    documents: u64,
    bytes: u64,
    past: Past,
}

impl Held {
    fn by(config: &Config) -> Self {
        Self { documents: 1, bytes: config.bytes.into(), past: config.past() }
    }

    fn by_retired(retired: &Retired) -> Self {
        Self { past: retired.past(), ..Self::default() }
    }
}

impl State {
    pub(super) fn insert_config(&mut self, mut config: Config) {
        if let Some((_, near)) = self.configs.get_prev(&config.id) {
            share_names(&mut config, near);
        }
        if let Some(binding) = &config.binding {
            let schema = config.id.schema_id(&binding.schema);
            if binding.pinned.is_none() {
                let followers = self.followers_by_age.entry(schema.clone()).or_default();
                followers.insert((config.revision, config.id.clone()));
            }
            self.bound.entry(schema).or_default().insert(config.id.clone());
        }
        let (id, now) = (config.id.clone(), Held::by(&config));
        let before = self.configs.insert(id.clone(), Arc::new(config));
        let before = before.map(|config| Held::by(&config)).unwrap_or_default();
        self.count(&id.project, &now, &before);
    }

    pub(super) fn insert_retired(&mut self, id: ConfigId, retired: Retired) {
        let project = id.project.clone();
        let before = self.retired_configs.insert(id, retired);
        let before = before.map(|before| Held::by_retired(&before)).unwrap_or_default();
        self.count(&project, &Held::by_retired(&retired), &before);
    }

    fn remove_retired(&mut self, id: &ConfigId) {
        if let Some(retired) = self.retired_configs.remove(id) {
            self.count(&id.project, &Held::default(), &Held::by_retired(&retired));
        }
    }

    pub(super) fn insert_schema(&mut self, schema: Schema) {
        let now = schema.clone();
        let before = self.schemas.insert(now.id.clone(), schema);
        self.count_schema(&now.id.project, Some(&now), before.as_ref());
    }

    fn forget_past(&mut self, id: &ConfigId, gone: &Forgotten) {
        if let Some(config) = self.configs.get_mut(id) {
            let before = Held::by(config);
            let (documents, versions) = (config.past_documents(), before.past.versions);
            let config = Arc::make_mut(config);
            config.past_bytes = Some(gone.rest(documents, versions));
            config.oldest = gone.oldest;
            let now = Held::by(config);
            self.count(&id.project, &now, &before);
        } else if let Some(mut retired) = self.retired_configs.get(id).copied() {
            // The newest version is the deletion, which has no document.
            retired.past_bytes = gone.rest(retired.past_bytes, retired.past().versions.saturating_sub(1));
            retired.oldest = gone.oldest;
            self.insert_retired(id.clone(), retired);
        }
    }

    /// Replaces the share `before` of a config in the usage by `now`.
    fn count(&mut self, project: &ProjectName, now: &Held, before: &Held) {
        let old = self.usage(project);
        let moved = |old: u64, now: u64, before: u64| (old + now).saturating_sub(before);
        let usage = Usage {
            documents: moved(old.documents, now.documents, before.documents),
            bytes: moved(old.bytes, now.bytes, before.bytes),
            history: Past {
                versions: moved(old.history.versions, now.past.versions, before.past.versions),
                bytes: moved(old.history.bytes, now.past.bytes, before.past.bytes),
            },
            ..old
        };
        self.set_usage(project, usage);
    }

    fn count_schema(&mut self, project: &ProjectName, now: Option<&Schema>, before: Option<&Schema>) {
        let old = self.usage(project);
        let versions = |schema: Option<&Schema>| schema.map_or(0, Schema::versions);
        let bytes = |schema: Option<&Schema>| schema.map_or(0, |schema| schema.bytes);
        let usage = Usage {
            schema_versions: (old.schema_versions + versions(now)).saturating_sub(versions(before)),
            schema_bytes: (old.schema_bytes + bytes(now)).saturating_sub(bytes(before)),
            ..old
        };
        self.set_usage(project, usage);
    }

    fn set_usage(&mut self, project: &ProjectName, usage: Usage) {
        if usage == Usage::default() {
            self.usage.remove(project);
        } else {
            self.usage.insert(project.clone(), usage);
        }
    }

    /// Removes an API key and the index entries of its secrets.
    fn remove_api_key(&mut self, key: &KeyRef) -> Option<ApiKey> {
        let removed = self.api_keys.remove(key)?;
        self.keys_by_hash.remove(&removed.hash);
        if let Some(previous) = &removed.previous {
            self.keys_by_hash.remove(&previous.hash);
        }
        Some(removed)
    }

    pub(super) fn insert_api_key(&mut self, key: ApiKey) {
        self.keys_by_hash.insert(key.hash, key.key.clone());
        if let Some(previous) = &key.previous {
            self.keys_by_hash.insert(previous.hash, key.key.clone());
        }
        self.api_keys.insert(key.key.clone(), key);
    }

    pub(super) fn insert_answer(&mut self, key: Digest, answer: Answer) {
        self.answers_by_age.insert(answer.revision, key);
        let own = self.answers_by_project.entry(answer.project.clone()).or_default();
        own.insert(answer.revision, key);
        self.answers.insert(key, answer);
    }

    fn forget_answer(&mut self, key: &Digest) {
        if let Some(answer) = self.answers.remove(key) {
            self.answers_by_age.remove(&answer.revision);
            if let Some(own) = self.answers_by_project.get_mut(&answer.project) {
                own.remove(&answer.revision);
                if own.is_empty() {
                    self.answers_by_project.remove(&answer.project);
                }
            }
        }
    }

    /// Removes a config from the derived indexes of bound configs.
    fn unbind(&mut self, id: &ConfigId) {
        let Some(config) = self.configs.get(id) else { return };
        let Some(binding) = config.binding.as_ref() else { return };
        let schema = id.schema_id(&binding.schema);
        if let Some(followers) = self.followers_by_age.get_mut(&schema) {
            followers.remove(&(config.revision, id.clone()));
            if followers.is_empty() {
                self.followers_by_age.remove(&schema);
            }
        }
        if let Some(set) = self.bound.get_mut(&schema) {
            set.remove(id);
            if set.is_empty() {
                self.bound.remove(&schema);
            }
        }
    }
}

/// Shares the allocations of equal names with the preceding config, from which a config mostly differs only
/// in the end of its key. A decoded config has a copy of each name, which is much memory for a million
/// configs.
fn share_names(config: &mut Config, near: &Config) {
    share(&mut config.id.project, &near.id.project);
    share(&mut config.id.environment, &near.id.environment);
    share(&mut config.id.key, &near.id.key);
    share(&mut config.updated_by, &near.updated_by);
    share(&mut config.binding, &near.binding);
}

/// Replaces the value by a clone of its equal, which shares its allocations.
fn share<T: Clone + PartialEq>(value: &mut T, near: &T) {
    if value == near {
        value.clone_from(near);
    }
}
