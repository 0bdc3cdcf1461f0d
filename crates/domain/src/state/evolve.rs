//! Folding events into the state. Only writes, and cannot fail: every check is in `decide`.

use super::State;
use crate::{
    Answer, ApiKey, AuditEntry, Committed, Config, ConfigId, Digest, Environment, Event, KeyRef,
    PreviousSecret, Project, ProjectName, Quotas, Retention, Retired, Schema, SchemaId, SchemaVersion, Usage,
    Version,
};
use std::sync::Arc;

/// Folds in what was committed and seals the audit chain; the same events give the same state.
pub fn evolve(state: &mut State, committed: &Committed) -> AuditEntry {
    for event in &committed.events {
        fold(state, committed, event);
    }
    let audit = AuditEntry::seal(state.header.audit_head, committed);
    state.header.revision = committed.revision;
    state.header.audit_head = audit.head;
    audit
}

fn fold(state: &mut State, committed: &Committed, event: &Event) {
    match event {
        Event::ClusterNamed { cluster_id } => state.header.cluster_id = Some(cluster_id.clone()),
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
        Event::HistoryPruned { id, oldest, .. } => {
            if let Some(config) = state.configs.get_mut(id) {
                Arc::make_mut(config).oldest = *oldest;
            } else if let Some(retired) = state.retired_configs.get_mut(id) {
                retired.oldest = *oldest;
            }
        }
        Event::ApiKeyCreated { key } => state.insert_api_key(key.clone()),
        // Who takes part is not part of the state; only who may not.
        Event::MemberAdmitted { .. } => {}
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
        Event::AnswerKept { key, request } => {
            let receipt = state.receipt(committed);
            let (revision, at) = (committed.revision, committed.at);
            state.forget_answer(key);
            state.insert_answer(*key, Answer { request: *request, revision, at, receipt });
        }
        Event::AnswerForgotten { key } => state.forget_answer(key),
    }
}

fn register_schema(state: &mut State, committed: &Committed, event: &Event) {
    let Event::SchemaRegistered { id, version, first, dialect, mode, uses, .. } = event else { return };
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
    };
    state.retired_schemas.remove(id);
    state.schemas.insert(id.clone(), schema);
}

fn delete_schema(state: &mut State, id: &SchemaId, version: SchemaVersion) {
    state.schemas.remove(id);
    state.retired_schemas.insert(id.clone(), version);
}

fn put_config(state: &mut State, committed: &Committed, event: &Event) {
    let Event::ConfigPut { id, version, binding, content, digest, created_at, .. } = event else {
        return;
    };
    let oldest = state.oldest_kept(id);
    state.retired_configs.remove(id);
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
    if let Some(config) = state.configs.remove(id) {
        state.uses(&id.project, None, Some(config.bytes));
    }
    state.retired_configs.insert(id.clone(), Retired { version, revision: committed.revision, oldest });
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
        let (id, bytes) = (config.id.clone(), config.bytes);
        let before = self.configs.insert(id.clone(), Arc::new(config)).map(|config| config.bytes);
        self.uses(&id.project, Some(bytes), before);
    }

    /// Counts a document of so many bytes instead of one of so many.
    fn uses(&mut self, project: &ProjectName, now: Option<u32>, before: Option<u32>) {
        let old = self.usage(project);
        let usage = Usage {
            documents: old.documents + u64::from(now.is_some()) - u64::from(before.is_some()),
            bytes: old.bytes + now.map_or(0, u64::from) - before.map_or(0, u64::from),
        };
        if usage.documents == 0 {
            self.usage.remove(project);
        } else {
            self.usage.insert(project.clone(), usage);
        }
    }

    /// Takes an API key out, with the look-up of its secrets.
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
        self.answers.insert(key, answer);
    }

    fn forget_answer(&mut self, key: &Digest) {
        if let Some(answer) = self.answers.remove(key) {
            self.answers_by_age.remove(&answer.revision);
        }
    }

    /// Takes a config out of the derived table of bound documents.
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

/// Gives a config the copies of equal names that the one before it holds, which mostly differs in the end of
/// its key alone: a decoded config has its own copy of each, and of a million that is much memory.
fn share_names(config: &mut Config, near: &Config) {
    share(&mut config.id.project, &near.id.project);
    share(&mut config.id.environment, &near.id.environment);
    share(&mut config.id.key, &near.id.key);
    share(&mut config.updated_by, &near.updated_by);
    share(&mut config.binding, &near.binding);
}

/// Equal values hold equal names, and their clones share them.
fn share<T: Clone + PartialEq>(value: &mut T, near: &T) {
    if value == near {
        value.clone_from(near);
    }
}
