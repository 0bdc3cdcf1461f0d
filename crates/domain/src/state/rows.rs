//! The rows of the state, in which it is stored, streamed to other nodes, and hashed.
//!
//! One list of tables serves all three purposes, so no table can be missing from one of them.

use super::{Header, State};
use crate::{
    Answer, ApiKey, Committed, Config, ConfigId, Digest, Environment, EnvironmentId, Epoch, Event, KeyRef,
    MemberId, Project, ProjectName, Retired, Revision, Schema, SchemaId, SchemaVersion, UserId,
};
use serde::{Deserialize, Serialize};

/// One row of one table.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// The values of the cluster as a whole.
    Header(Header),
    /// A project.
    Project(Project),
    /// An environment.
    Environment(Environment),
    /// A schema.
    Schema(Schema),
    /// A live config.
    Config(Config),
    /// A deleted config.
    RetiredConfig(ConfigId, Retired),
    /// The last version of a deleted schema.
    RetiredSchema(SchemaId, SchemaVersion),
    /// An API key.
    ApiKey(ApiKey),
    /// The stored receipt of an idempotency key.
    Answer(Digest, Answer),
    /// A removed member, and the revision of its removal.
    RetiredMember(MemberId, Revision),
    /// The current epoch of a user.
    Epoch(UserId, Epoch),
}

/// The key of a row.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum RowKey {
    /// The header.
    Header,
    /// A project.
    Project(ProjectName),
    /// An environment.
    Environment(EnvironmentId),
    /// A schema.
    Schema(SchemaId),
    /// A live config.
    Config(ConfigId),
    /// A deleted config.
    RetiredConfig(ConfigId),
    /// A deleted schema.
    RetiredSchema(SchemaId),
    /// An API key.
    ApiKey(KeyRef),
    /// The stored receipt of an idempotency key.
    Answer(Digest),
    /// A removed member.
    RetiredMember(MemberId),
    /// The epoch of a user.
    Epoch(UserId),
}

impl RowKey {
    /// The key as bytes, unique over all tables: a tag for the table, then each part followed by a zero byte,
    /// which parts never contain.
    pub fn to_bytes(&self) -> Vec<u8> {
        let digest;
        let number;
        let (tag, parts): (u8, Vec<&str>) = match self {
            Self::Header => (0, vec![]),
            Self::Project(name) => (1, vec![name.as_str()]),
            Self::Environment(id) => (2, vec![id.project.as_str(), id.name.as_str()]),
            Self::Schema(id) => (3, vec![id.project.as_str(), id.name.as_str()]),
            Self::Config(id) => (4, vec![id.project.as_str(), id.environment.as_str(), id.key.as_str()]),
            Self::RetiredConfig(id) => {
                (5, vec![id.project.as_str(), id.environment.as_str(), id.key.as_str()])
            }
            Self::RetiredSchema(id) => (6, vec![id.project.as_str(), id.name.as_str()]),
            Self::ApiKey(key) => {
                (7, vec![key.project.as_ref().map_or("", ProjectName::as_str), key.id.as_str()])
            }
            Self::Answer(key) => {
                digest = key.to_string();
                (8, vec![digest.as_str()])
            }
            Self::RetiredMember(id) => {
                number = id.to_string();
                (9, vec![&number])
            }
            Self::Epoch(user) => (10, vec![user.as_str()]),
        };
        let mut bytes = Vec::with_capacity(1 + parts.iter().map(|part| part.len() + 1).sum::<usize>());
        bytes.push(tag);
        for part in parts {
            bytes.extend_from_slice(part.as_bytes());
            bytes.push(0);
        }
        bytes
    }
}

impl Row {
    /// The key of the row.
    pub fn key(&self) -> RowKey {
        match self {
            Self::Header(_) => RowKey::Header,
            Self::Project(project) => RowKey::Project(project.name.clone()),
            Self::Environment(environment) => RowKey::Environment(environment.id.clone()),
            Self::Schema(schema) => RowKey::Schema(schema.id.clone()),
            Self::Config(config) => RowKey::Config(config.id.clone()),
            Self::RetiredConfig(id, _) => RowKey::RetiredConfig(id.clone()),
            Self::RetiredSchema(id, _) => RowKey::RetiredSchema(id.clone()),
            Self::ApiKey(key) => RowKey::ApiKey(key.key.clone()),
            Self::Answer(key, _) => RowKey::Answer(*key),
            Self::RetiredMember(id, _) => RowKey::RetiredMember(*id),
            Self::Epoch(user, _) => RowKey::Epoch(user.clone()),
        }
    }
}

impl State {
    /// All rows, table by table, in order.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        std::iter::once(Row::Header(self.header.clone()))
            .chain(self.projects.values().cloned().map(Row::Project))
            .chain(self.environments.values().cloned().map(Row::Environment))
            .chain(self.schemas.values().cloned().map(Row::Schema))
            .chain(self.configs.values().map(|config| Row::Config(Config::clone(config))))
            .chain(self.retired_configs.iter().map(|(id, retired)| Row::RetiredConfig(id.clone(), *retired)))
            .chain(self.retired_schemas.iter().map(|(id, version)| Row::RetiredSchema(id.clone(), *version)))
            .chain(self.api_keys.values().cloned().map(Row::ApiKey))
            .chain(self.answers.iter().map(|(key, answer)| Row::Answer(*key, answer.clone())))
            .chain(self.retired_members.iter().map(|(id, at)| Row::RetiredMember(*id, *at)))
            .chain(self.epochs.iter().map(|(user, epoch)| Row::Epoch(user.clone(), *epoch)))
    }

    /// The row with this key; `None` if there is none.
    pub fn row(&self, key: &RowKey) -> Option<Row> {
        match key {
            RowKey::Header => Some(Row::Header(self.header.clone())),
            RowKey::Project(name) => self.projects.get(name).cloned().map(Row::Project),
            RowKey::Environment(id) => self.environments.get(id).cloned().map(Row::Environment),
            RowKey::Schema(id) => self.schemas.get(id).cloned().map(Row::Schema),
            RowKey::Config(id) => self.config(id).cloned().map(Row::Config),
            RowKey::RetiredConfig(id) => {
                self.retired_configs.get(id).map(|retired| Row::RetiredConfig(id.clone(), *retired))
            }
            RowKey::RetiredSchema(id) => {
                self.retired_schemas.get(id).map(|version| Row::RetiredSchema(id.clone(), *version))
            }
            RowKey::ApiKey(key) => self.api_keys.get(key).cloned().map(Row::ApiKey),
            RowKey::Answer(key) => self.answers.get(key).map(|answer| Row::Answer(*key, answer.clone())),
            RowKey::RetiredMember(id) => self.retired_members.get(id).map(|at| Row::RetiredMember(*id, *at)),
            RowKey::Epoch(user) => self.epochs.get(user).map(|epoch| Row::Epoch(user.clone(), *epoch)),
        }
    }

    /// Inserts a stored row. Rows may come in any order.
    pub fn insert(&mut self, row: Row) {
        match row {
            Row::Header(header) => self.header = header,
            Row::Project(project) => {
                self.projects.insert(project.name.clone(), project);
            }
            Row::Environment(environment) => {
                self.environments.insert(environment.id.clone(), environment);
            }
            Row::Schema(schema) => {
                self.insert_schema(schema);
            }
            Row::Config(config) => self.insert_config(config),
            Row::RetiredConfig(id, retired) => {
                self.insert_retired(id, retired);
            }
            Row::RetiredSchema(id, version) => {
                self.retired_schemas.insert(id, version);
            }
            Row::ApiKey(key) => self.insert_api_key(key),
            Row::Answer(key, answer) => self.insert_answer(key, answer),
            Row::RetiredMember(id, at) => {
                self.retired_members.insert(id, at);
            }
            Row::Epoch(user, epoch) => {
                self.epochs.insert(user, epoch);
            }
        }
    }
}

/// The keys of the rows that these events wrote or removed.
pub(super) fn touched(committed: &Committed) -> Vec<RowKey> {
    let mut keys = vec![RowKey::Header];
    for event in &committed.events {
        match event {
            Event::ClusterNamed { .. }
            | Event::AuditAnchored { .. }
            | Event::MemberAdmitted { .. }
            | Event::MemberUpdated { .. }
            | Event::ConfigKept { .. } => {}
            Event::ProjectCreated { name, .. }
            | Event::ProjectUpdated { name, .. }
            | Event::ProjectBounded { name, .. }
            | Event::ProjectDeleted { name } => keys.push(RowKey::Project(name.clone())),
            Event::EnvironmentCreated { id } | Event::EnvironmentDeleted { id } => {
                keys.push(RowKey::Environment(id.clone()));
            }
            Event::SchemaHeld { id, .. } => keys.push(RowKey::Schema(id.clone())),
            Event::SchemaRegistered { id, .. } | Event::SchemaDeleted { id, .. } => {
                keys.push(RowKey::Schema(id.clone()));
                keys.push(RowKey::RetiredSchema(id.clone()));
            }
            Event::ConfigPut { id, binding, .. } => {
                keys.push(RowKey::Config(id.clone()));
                keys.push(RowKey::RetiredConfig(id.clone()));
                keys.extend(binding.iter().map(|binding| RowKey::Schema(id.schema_id(&binding.schema))));
            }
            Event::ConfigDeleted { id, .. } | Event::HistoryPruned { id, .. } => {
                keys.push(RowKey::Config(id.clone()));
                keys.push(RowKey::RetiredConfig(id.clone()));
            }
            Event::ApiKeyCreated { key } => keys.push(RowKey::ApiKey(key.key.clone())),
            Event::ApiKeyRevoked { key }
            | Event::ApiKeyRotated { key, .. }
            | Event::ApiKeyNarrowed { key, .. } => {
                keys.push(RowKey::ApiKey(key.clone()));
            }
            Event::AnswerKept { key, .. } | Event::AnswerForgotten { key } => keys.push(RowKey::Answer(*key)),
            Event::MemberRetired { id } => keys.push(RowKey::RetiredMember(*id)),
            Event::EpochRaised { user, .. } => keys.push(RowKey::Epoch(user.clone())),
        }
    }
    keys
}
