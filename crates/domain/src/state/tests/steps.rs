//! Random commands over a few names, so that they often interact; about half of them are likely to be valid.

use super::{config, content, environment, project, schema};
use crate::limits::ANSWER_KEPT_MS;
use crate::state::State;
use crate::{
    Actor, ApiKeyId, Binding, BindingChange, ChangeKind, ClusterId, Command, Digest, DisplayName,
    Idempotency, KeyLabel, KeyRef, MemberAddress, MemberId, MemberName, Message, NewApiKey, NewMember,
    Operation, Permission, Precondition, ProjectName, Pruned, Quotas, RequestId, Retention, Revision,
    SchemaId, SchemaMode, SchemaRef, SchemaUse, SchemaVersion, Stamped, Timestamp, UserId, Version,
};
use proptest::prelude::*;

/// The number of distinct secrets.
pub const SECRETS: u8 = 6;

/// A recipe for a command; the command depends on the state that it is applied to.
#[derive(Clone, Debug)]
pub struct Step {
    what: u8,
    project: u8,
    environment: u8,
    name: u8,
    secret: u8,
    detail: u8,
    binding: u8,
    /// Whether the command carries the versions that the state expects, rather than random ones.
    aimed: bool,
    actor: u8,
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = (
        0..37_u8,
        0..2_u8,
        0..2_u8,
        0..3_u8,
        0..SECRETS,
        0..8_u8,
        0..6_u8,
        prop::bool::weighted(0.8),
        0..8_u8,
    );
    let one = one.prop_map(|(what, project, environment, name, secret, detail, binding, aimed, actor)| {
        Step { what, project, environment, name, secret, detail, binding, aimed, actor }
    });
    // Without a project and a schema most commands would be rejected.
    let first = |what| Step {
        what,
        project: 0,
        environment: 0,
        name: 0,
        secret: 5,
        detail: 0,
        binding: 0,
        aimed: true,
        actor: 0,
    };
    prop::collection::vec(one, 1..100).prop_map(move |mut steps| {
        steps.splice(0..0, [first(1), first(9)]);
        steps
    })
}

/// The digest of a secret.
pub fn hash(secret: u8) -> Digest {
    Digest::of(&[&[secret]])
}

pub fn all_schemas() -> impl Iterator<Item = SchemaId> {
    ["p0", "p1"].into_iter().flat_map(|owner| ["s0", "s1", "s2"].map(|name| schema(owner, name)))
}

impl Step {
    pub fn stamped(&self, state: &State, number: usize) -> Stamped<Command> {
        let owner = self.actor.is_multiple_of(2).then(|| self.project());
        let key = KeyRef { project: owner, id: self.key_id() };
        Stamped {
            command: self.command(state),
            actor: if self.actor < 6 { Actor::System } else { Actor::ApiKey(key) },
            request_id: RequestId::parse(&format!("req-{number}")).expect("an id"),
            at: Timestamp(i64::try_from(number).expect("few steps") * self.stride()),
            idempotency: self.idempotency(),
            person: None,
            provenance: crate::Provenance::default(),
        }
    }

    /// Advances the time by little, or occasionally by a day.
    fn stride(&self) -> i64 {
        if self.detail == 7 && self.binding == 2 { ANSWER_KEPT_MS } else { 10 }
    }

    /// Few keys and few requests, so that they repeat and conflict.
    fn idempotency(&self) -> Option<Idempotency> {
        let key = Digest::of(&[&[self.name]]);
        (self.secret == 4).then(|| Idempotency { key, request: Digest::of(&[&[self.what % 4]]) })
    }

    fn project(&self) -> ProjectName {
        project(["p0", "p1"][usize::from(self.project)])
    }

    fn key_id(&self) -> ApiKeyId {
        ApiKeyId::parse(["k0", "k1", "k2"][usize::from(self.name)]).expect("an id")
    }

    fn command(&self, state: &State) -> Command {
        let name = self.project();
        let id = environment(name.as_str(), ["default", "prod"][usize::from(self.environment)]);
        match self.what {
            0 => Command::Bootstrap {
                cluster_id: ClusterId::parse("c").expect("a name"),
                admin_key: self.new_key(),
            },
            1 | 2 => Command::CreateProject { name, display_name: DisplayName::default() },
            3 if self.binding > 2 => self.change_project(name),
            31 => Command::PruneHistory {
                pruned: vec![Pruned {
                    id: self.config(),
                    oldest: Version(u64::from(self.detail)),
                    from: Version(0),
                    bytes: None,
                }],
            },
            3 => {
                let display_name = DisplayName::parse(&format!("name {}", self.detail)).expect("text");
                Command::UpdateProject { name, display_name }
            }
            4 => Command::DeleteProject { name },
            5 | 6 => Command::CreateEnvironment { id },
            7 | 8 => Command::DeleteEnvironment { id },
            9..=15 | 34 => self.schema_command(state),
            16..=20 => self.put(state),
            21 | 22 => self.transact(state),
            23..=27 => {
                let (id, message) = (self.config(), Message::default());
                Command::DeleteConfig { expected: self.precondition(state), id, message }
            }
            28 | 29 => {
                Command::CreateApiKey { project: (self.detail > 1).then_some(name), key: self.new_key() }
            }
            35 => Command::RotateApiKey {
                key: KeyRef { project: (self.detail > 1).then_some(name), id: self.key_id() },
                hash: hash(self.secret),
                prefix: "gdn_sk_".to_owned(),
                overlap_ms: u64::from(self.detail % 2) * 1000,
            },
            36 => Command::RaiseEpochs {
                users: vec![UserId::parse(&format!("u{}", self.name)).expect("an id")],
            },
            32 => Command::AdmitMember { member: self.new_member() },
            33 => Command::RetireMember { id: self.member_id() },
            _ => Command::RevokeApiKey {
                key: KeyRef { project: (self.detail > 1).then_some(name), id: self.key_id() },
            },
        }
    }

    fn member_id(&self) -> MemberId {
        MemberId::new(u64::from(self.name) + 1).expect("an id")
    }

    fn new_member(&self) -> NewMember {
        let address = |text: &str| MemberAddress::parse(text).expect("an address");
        NewMember {
            id: self.member_id(),
            name: MemberName::parse("m").expect("a name"),
            peer_addr: address("m:1"),
            api_url: address("m:2"),
        }
    }

    fn schema_command(&self, state: &State) -> Command {
        let id = schema(self.project().as_str(), ["s0", "s1", "s2"][usize::from(self.name)]);
        let body = content(&format!("{{\"title\":{}}}", self.detail));
        let dialect = crate::Dialect::Draft7;
        let number = SchemaVersion(u64::from(self.detail));
        let latest = state.schema(&id).map(|schema| schema.latest);
        let expected = if self.aimed { latest.filter(|_| self.detail > 3) } else { Some(number) };
        match self.what {
            9..=11 => {
                let mode = self.mode().unwrap_or_default();
                Command::CreateSchema { uses: self.uses(state), id, schema: body, dialect, mode }
            }
            12 | 13 => {
                let late = Revision(u64::from(self.detail));
                let checked = if self.secret > 2 { state.revision() } else { late };
                let (mode, uses) = (self.mode(), self.uses(state));
                Command::UpdateSchema { id, schema: body, dialect, mode, expected, checked, uses }
            }
            34 => Command::HoldSchema { id, hold: self.detail < 2 },
            _ => Command::DeleteSchema { id, expected },
        }
    }

    /// Occasionally a reference, to the next schema or to the schema itself.
    fn uses(&self, state: &State) -> Vec<SchemaUse> {
        if self.secret != 5 || self.binding < 3 {
            return Vec::new();
        }
        let next = (usize::from(self.name) + usize::from(self.binding) - 2) % 3;
        let id = schema(self.project().as_str(), ["s0", "s1", "s2"][next]);
        let latest = state.schema(&id).map(|schema| schema.latest);
        let version = latest.filter(|_| self.aimed).unwrap_or(SchemaVersion(u64::from(self.detail)));
        vec![SchemaUse { name: id.name, version, newest: self.detail.is_multiple_of(2) }]
    }

    fn mode(&self) -> Option<SchemaMode> {
        match self.binding {
            0 | 1 => None,
            2 => Some(SchemaMode::Ratchet),
            _ => Some(SchemaMode::Strict),
        }
    }

    fn config(&self) -> crate::ConfigId {
        let environment = ["default", "prod"][usize::from(self.environment)];
        config(self.project().as_str(), environment, ["a", "A/b:1", "a/b+c"][usize::from(self.name)])
    }

    fn precondition(&self, state: &State) -> Precondition {
        let current = state.config(&self.config()).map(|config| config.version);
        match (self.aimed, current) {
            (true, None) => Precondition::Absent,
            (true, Some(version)) if self.detail > 3 => Precondition::Version(version),
            (true, Some(_)) => Precondition::Present,
            (false, _) if self.detail == 0 => Precondition::Absent,
            (false, _) => Precondition::Version(Version(u64::from(self.detail))),
        }
    }

    fn put(&self, state: &State) -> Command {
        let id = self.config();
        let name = schema("p0", ["s0", "s1", "s2"][usize::from(self.detail) % 3]).name;
        let pinned = (self.binding == 3).then(|| SchemaVersion(u64::from(self.detail)));
        let change = match self.binding {
            0 | 1 => BindingChange::Keep,
            5 => BindingChange::Set(None),
            _ => BindingChange::Set(Some(Binding { schema: name.clone(), pinned })),
        };
        let binding = match &change {
            BindingChange::Keep => state.config(&id).and_then(|config| config.binding.clone()),
            BindingChange::Set(binding) => binding.clone(),
        };
        let right = state.effective_schema(&id, binding.as_ref()).ok().flatten();
        let wrong = Some(SchemaRef { name, version: SchemaVersion(u64::from(self.detail)) });
        Command::PutConfig {
            content: content(&format!("{}", self.detail)),
            binding: change,
            checked: if self.aimed || self.secret > 3 { right } else { wrong },
            expected: self.precondition(state),
            // A peer may send any kind; the recorded kind must still be right.
            kind: match self.secret {
                0 => ChangeKind::Create,
                1 => ChangeKind::Delete,
                2 => ChangeKind::Rollback { from: Version(1) },
                3 => ChangeKind::Patch,
                4 => ChangeKind::Import,
                _ => ChangeKind::Update,
            },
            message: Message::parse("why").expect("text"),
            id,
            keep_same: self.detail.is_multiple_of(2),
        }
    }

    fn change_project(&self, name: ProjectName) -> Command {
        let documents = self.aimed.then(|| u64::from(self.detail));
        let quotas = (self.name > 0).then(|| Quotas { documents, ..Quotas::default() });
        let retention = Retention { versions: Some(u64::from(self.detail)), age_ms: None };
        let retention = (self.name < 2).then_some(retention);
        Command::ChangeProject { name, display_name: None, quotas, retention }
    }

    /// The step's put between operations on the two other keys.
    fn transact(&self, state: &State) -> Command {
        let Command::PutConfig { id, content, binding, checked, expected, kind, message, keep_same } =
            self.put(state)
        else {
            unreachable!("a put is a put");
        };
        let put = Operation::Put { id, content, binding, checked, expected, kind, keep_same };
        let other = |more: u8| Self { name: (self.name + more) % 3, ..self.clone() };
        let (first, last) = (other(1), other(u8::from(self.aimed) * 2));
        let check = Operation::Check { id: first.config(), expected: first.precondition(state) };
        let delete = Operation::Delete { id: last.config(), expected: last.precondition(state) };
        let operations = if self.secret > 2 { vec![check, put] } else { vec![check, put, delete] };
        Command::Transact { operations, message }
    }

    fn new_key(&self) -> NewApiKey {
        let permissions = Permission::ALL.iter().copied();
        NewApiKey {
            id: self.key_id(),
            name: KeyLabel::parse("key").expect("a label"),
            hash: hash(self.secret),
            prefix: "gdn_sk_".to_owned(),
            permissions: permissions.skip(usize::from(self.detail) * 3).collect(),
            environments: None,
            key_prefixes: None,
            expires_at: (self.binding == 1).then_some(Timestamp(400)),
        }
    }
}
