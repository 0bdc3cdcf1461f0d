//! Tests that disk, snapshot and replay always give the same state.

mod changes;

use super::*;
use crate::codec::command::encode_command;
use crate::type_config::LeaderId;
use application::ports::Archive as _;
use domain::{
    Actor, BindingChange, ChangeKind, ClusterId, Command, ConfigId, ConfigKey, Content, Digest, DisplayName,
    EnvironmentId, EnvironmentName, KeyLabel, Message, NewApiKey, Precondition, ProjectName, RequestId,
    SchemaId, SchemaName, SchemaRef, SchemaVersion, Stamped, Timestamp, Version,
};
use openraft::vote::RaftLeaderId as _;
use proptest::prelude::*;
use std::path::Path;

fn log_id(index: u64) -> LogId {
    LogId::new(LeaderId::new(1, 1), index)
}

fn open(dir: &Path) -> Store {
    let engine = RedbEngine::open(&dir.join("state.redb")).expect("a file");
    Store::open(Arc::new(engine)).expect("a store")
}

fn content(text: &str) -> Content {
    Content::from_compact(text).expect("small")
}

fn config_id(key: u8) -> ConfigId {
    ConfigId {
        project: ProjectName::parse("p").expect("a name"),
        environment: EnvironmentName::parse("default").expect("a name"),
        // Some keys have segments, and share their start with others.
        key: ConfigKey::parse(&if key % 3 == 2 { format!("k{key}/A:x+y") } else { format!("k{key}") })
            .expect("a key"),
    }
}

fn schema_id(name: u8) -> SchemaId {
    SchemaId {
        project: ProjectName::parse("p").expect("a name"),
        name: SchemaName::parse(&format!("s{name}")).expect("a name"),
    }
}

fn user(n: u8) -> domain::UserId {
    domain::UserId::parse(&format!("u{n}")).expect("an id")
}

fn new_key(id: u8) -> NewApiKey {
    NewApiKey {
        id: domain::ApiKeyId::parse(&format!("ak-{id}")).expect("an id"),
        name: KeyLabel::parse("key").expect("a label"),
        hash: Digest([id; 32]),
        prefix: "gdn_sk_".to_owned(),
        permissions: domain::Permission::ALL.iter().copied().collect(),
        environments: None,
        key_prefixes: None,
        expires_at: None,
    }
}

/// Accepted and rejected commands of every kind.
fn command() -> impl Strategy<Value = Command> {
    let project = || ProjectName::parse("p").expect("a name");
    let environment = |n: u8| EnvironmentId {
        project: ProjectName::parse("p").expect("a name"),
        name: EnvironmentName::parse(&format!("e{n}")).expect("a name"),
    };
    let binding = prop_oneof![
        Just((BindingChange::Keep, None)),
        (0..2_u8, 1..3_u64).prop_map(|(name, version)| {
            let name = schema_id(name).name;
            let binding = domain::Binding { schema: name.clone(), pinned: Some(SchemaVersion(version)) };
            let checked = SchemaRef { name, version: SchemaVersion(version) };
            (BindingChange::Set(Some(binding)), Some(checked))
        }),
    ];
    let put = (0..6_u8, any::<u16>(), binding, prop::bool::ANY).prop_map(
        move |(key, n, (binding, checked), new)| Command::PutConfig {
            id: config_id(key),
            content: content(&format!("{{\"n\":{n}}}")),
            binding,
            checked,
            expected: if new { Precondition::Absent } else { Precondition::Present },
            kind: ChangeKind::Update,
            message: Message::default(),
            keep_same: false,
        },
    );
    prop_oneof![
        8 => put,
        2 => (0..6_u8).prop_map(|key| Command::DeleteConfig {
            id: config_id(key),
            expected: Precondition::Present,
            message: Message::default(),
        }),
        1 => (0..6_u8, 1..9_u64).prop_map(|(key, oldest)| Command::PruneHistory {
            pruned: vec![domain::Pruned { id: config_id(key), oldest: Version(oldest), from: Version(0), bytes: None }],
        }),
        1 => (0..2_u8).prop_map(|name| Command::CreateSchema {
            id: schema_id(name),
            schema: content("true"),
            dialect: domain::Dialect::Draft202012,
            mode: domain::SchemaMode::Strict,
            uses: Vec::new(),
        }),
        1 => (0..2_u8).prop_map(|name| Command::UpdateSchema {
            id: schema_id(name),
            schema: content("{}"),
            dialect: domain::Dialect::Draft7,
            mode: None,
            expected: None,
            checked: domain::Revision(u64::MAX),
            uses: Vec::new(),
        }),
        1 => (0..2_u8).prop_map(|name| Command::DeleteSchema { id: schema_id(name), expected: None }),
        1 => (0..2_u8).prop_map(move |n| Command::CreateEnvironment { id: environment(n) }),
        1 => (0..2_u8).prop_map(move |n| Command::DeleteEnvironment { id: environment(n) }),
        1 => (1..5_u8).prop_map(move |id| Command::CreateApiKey { project: Some(project()), key: new_key(id) }),
        1 => (0..3_u8).prop_map(|n| Command::RaiseEpochs { users: vec![user(n)] }),
        1 => (1..5_u8).prop_map(move |id| Command::RevokeApiKey {
            key: domain::KeyRef { project: Some(project()), id: new_key(id).id },
        }),
    ]
}

fn stamped(command: Command, at: i64) -> Stamped<Command> {
    Stamped {
        command,
        actor: Actor::System,
        request_id: RequestId::parse("r-1").expect("an id"),
        at: Timestamp(at),
        idempotency: None,
        person: None,
        provenance: domain::Provenance::default(),
    }
}

fn items(commands: &[Command], from: u64) -> Vec<Item> {
    let numbered = commands.iter().zip(from..);
    numbered
        .map(|(command, index)| {
            let bytes = encode_command(&stamped(command.clone(), i64::try_from(index).expect("small")));
            Item { log_id: log_id(index), change: Change::Command(bytes.expect("encodes").into()) }
        })
        .collect()
}

fn first_commands() -> Vec<Command> {
    let name = ProjectName::parse("p").expect("a name");
    vec![
        Command::Bootstrap { cluster_id: ClusterId::parse("c").expect("a name"), admin_key: new_key(0) },
        Command::CreateProject { name, display_name: DisplayName::default() },
    ]
}

/// Applies in batches of varying size, with a checkpoint after some.
fn apply_all(store: &Store, commands: &[Command], from: u64, batch: usize, checkpoint_every: usize) {
    for (n, chunk) in commands.chunks(batch.max(1)).enumerate() {
        let offset = u64::try_from(n * batch.max(1)).expect("small");
        store.apply(items(chunk, from + offset)).expect("applies");
        if checkpoint_every > 0 && n % checkpoint_every == 0 {
            store.checkpoint().expect("writes");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The log, the log with restarts, and a snapshot with the remaining log give the same hash of all
    /// tables.
    #[test]
    fn snapshot_and_tail_equal_the_log(
        commands in prop::collection::vec(command(), 1..80),
        cut in 0..80_usize,
        batch in 1..7_usize,
        checkpoint_every in 0..4_usize,
    ) {
        let commands = [first_commands(), commands].concat();
        let cut = cut.min(commands.len());
        let (head, tail) = commands.split_at(cut);
        let tail_index = 1 + u64::try_from(cut).expect("small");
        let folder = || tempfile::tempdir().expect("a folder");

        let whole = (folder(), ());
        let log = open(whole.0.path());
        apply_all(&log, &commands, 1, batch, checkpoint_every);

        let restarted = folder();
        {
            let store = open(restarted.path());
            apply_all(&store, head, 1, batch, checkpoint_every);
            store.checkpoint().expect("writes");
        }
        let store = open(restarted.path());
        prop_assert_eq!(store.progress().borrow().applied_index, cut as u64);
        apply_all(&store, tail, tail_index, batch, checkpoint_every);
        prop_assert_eq!(store.state_hash().expect("reads"), log.state_hash().expect("reads"));

        let (sender, receiver) = (folder(), folder());
        let source = open(sender.path());
        apply_all(&source, head, 1, batch, checkpoint_every);
        let file = sender.path().join("s.snap");
        source.write_snapshot(&file).expect("writes");
        let target = open(receiver.path());
        // The previous content of the receiver must be replaced.
        apply_all(&target, &first_commands(), 1, 1, 1);
        target.install(&file).expect("installs");
        apply_all(&target, tail, tail_index, batch, checkpoint_every);
        prop_assert_eq!(target.state_hash().expect("reads"), log.state_hash().expect("reads"));
        prop_assert_eq!(
            target.published().state.header().audit_head,
            log.published().state.header().audit_head
        );
    }
}

#[test]
fn bodies_are_readable_before_during_and_after_a_checkpoint() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let puts = |n: u64| Command::PutConfig {
        id: config_id(1),
        content: content(&format!("{n}")),
        binding: BindingChange::Keep,
        checked: None,
        expected: if n == 1 { Precondition::Absent } else { Precondition::Present },
        kind: ChangeKind::Update,
        message: Message::default(),
        keep_same: false,
    };
    store.apply(items(&first_commands(), 1)).expect("applies");
    for n in 1..=9 {
        store.apply(items(&[puts(n)], n + 2)).expect("applies");
        if n % 4 == 0 {
            store.checkpoint().expect("writes");
        }
    }
    let archive = LiveArchive(store.published());
    for n in 1..=9 {
        let read = archive.config_revision(&config_id(1), Version(n)).expect("reads").expect("is there");
        assert_eq!(read.content, Some(content(&n.to_string())));
    }
    let history = archive.config_history(&config_id(1), Some(Version(8)), 3).expect("reads");
    assert_eq!(history.iter().map(|v| v.version.0).collect::<Vec<_>>(), [7, 6, 5]);
    assert_eq!(archive.config_history(&config_id(1), None, 100).expect("reads").len(), 9);
}

#[test]
fn a_damaged_snapshot_changes_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    store.apply(items(&first_commands(), 1)).expect("applies");
    let file = dir.path().join("s.snap");
    store.write_snapshot(&file).expect("writes");
    let before = store.state_hash().expect("reads");
    let bytes = std::fs::read(&file).expect("reads");
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&file, &damaged).expect("writes");
        assert!(store.install(&file).is_err(), "a flipped bit at byte {at} went unnoticed");
    }
    for length in (0..bytes.len()).step_by(11) {
        std::fs::write(&file, &bytes[..length]).expect("writes");
        assert!(store.install(&file).is_err(), "a file cut to {length} bytes went unnoticed");
    }
    assert_eq!(store.state_hash().expect("reads"), before);
}

#[test]
fn a_command_from_the_future_stops_the_node_and_changes_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    for bytes in [&[9_u8, 1, 2][..], &[1, 0xff], &[]] {
        let item = Item { log_id: log_id(1), change: Change::Command(bytes::Bytes::copy_from_slice(bytes)) };
        assert!(store.apply(vec![item]).is_err());
    }
    assert_eq!(store.progress().borrow().applied_index, 0);
}
