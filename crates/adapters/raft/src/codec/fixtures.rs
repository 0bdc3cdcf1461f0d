//! One encoded command of each kind, in the form in which it was first written. The files are never edited:
//! if one no longer decodes to the same command, clusters with such a log cannot be upgraded.

use super::command::{decode_command, encode_command, taken};
use domain::{
    Actor, ApiKeyId, Binding, BindingChange, ChangeKind, ClusterId, Command, ConfigId, ConfigKey, Content,
    Dialect, Digest, DisplayName, EnvironmentId, EnvironmentName, Epoch, Grant, Idempotency, KeyLabel,
    KeyRef, MemberAddress, MemberId, MemberName, Message, NewApiKey, NewMember, Operation, Permission,
    Person, Precondition, ProjectName, Provenance, Pruned, Quotas, RequestId, Retention, Revision, RoleName,
    SchemaId, SchemaMode, SchemaName, SchemaRef, SchemaUse, SchemaVersion, Stamped, Timestamp, TraceId,
    UserId, Version,
};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

fn project() -> ProjectName {
    ProjectName::parse("shop").expect("a name")
}

fn environment() -> EnvironmentName {
    EnvironmentName::parse("prod").expect("a name")
}

fn config() -> ConfigId {
    let key = ConfigKey::parse("web.limits").expect("a key");
    ConfigId { project: project(), environment: environment(), key }
}

fn schema() -> SchemaId {
    SchemaId { project: project(), name: SchemaName::parse("limits").expect("a name") }
}

fn port() -> SchemaName {
    SchemaName::parse("port").expect("a name")
}

fn key_ref() -> KeyRef {
    KeyRef { project: Some(project()), id: ApiKeyId::parse("ak-1").expect("an id") }
}

fn new_key() -> NewApiKey {
    NewApiKey {
        id: key_ref().id,
        name: KeyLabel::parse("deploy").expect("a label"),
        hash: Digest([0xab; 32]),
        prefix: "gdn_sk_abcde".to_owned(),
        permissions: BTreeSet::from([Permission::DocumentRead, Permission::DocumentWrite]),
        environments: Some(BTreeSet::from([environment()])),
        key_prefixes: Some(BTreeSet::from(["web.".to_owned()])),
        expires_at: Some(Timestamp(1_900_000_000_000)),
    }
}

fn new_member() -> NewMember {
    let address = |text: &str| MemberAddress::parse(text).expect("an address");
    NewMember {
        id: MemberId::new(MemberId::MAX).expect("an id"),
        name: MemberName::parse("node4").expect("a name"),
        peer_addr: address("10.0.0.4:9080"),
        api_url: address("https://node4.example:8443"),
    }
}

fn put(binding: BindingChange, expected: Precondition, kind: ChangeKind) -> Command {
    Command::PutConfig {
        id: config(),
        content: Content::from_compact("{\"rate\":1.50,\"big\":12345678901234567890}").expect("small"),
        binding,
        checked: Some(SchemaRef { name: schema().name, version: SchemaVersion(3) }),
        expected,
        kind,
        message: Message::parse("why").expect("short"),
        keep_same: false,
    }
}

/// A put that creates no version if it changes nothing.
fn quiet(expected: Precondition, kind: ChangeKind) -> Command {
    let mut command = put(BindingChange::Keep, expected, kind);
    if let Command::PutConfig { keep_same, .. } = &mut command {
        *keep_same = true;
    }
    command
}

/// The same in a transaction.
fn quiet_transact() -> Command {
    let mut command = transact();
    if let Command::Transact { operations, .. } = &mut command {
        for operation in operations {
            if let Operation::Put { keep_same, expected, .. } = operation {
                (*keep_same, *expected) = (true, Precondition::Any);
            }
        }
    }
    command
}

/// A transaction with every kind of operation.
fn transact() -> Command {
    let Command::PutConfig { id, content, binding, checked, expected, kind, message, .. } =
        put(BindingChange::Keep, Precondition::Version(Version(7)), ChangeKind::Update)
    else {
        unreachable!("a put is a put");
    };
    let (present, absent) = (Precondition::Present, Precondition::Absent);
    let operations = vec![
        Operation::Check { id: id.clone(), expected: absent },
        Operation::Put { id: id.clone(), content, binding, checked, expected, kind, keep_same: false },
        Operation::Delete { id, expected: present },
    ];
    Command::Transact { operations, message }
}

/// A transaction of an import.
fn import() -> Command {
    let Command::PutConfig { id, content, checked, message, .. } =
        put(BindingChange::Keep, Precondition::Absent, ChangeKind::Import)
    else {
        unreachable!("a put is a put");
    };
    let binding = BindingChange::Set(Some(Binding { schema: schema().name, pinned: None }));
    let (expected, kind) = (Precondition::Absent, ChangeKind::Import);
    let operations = vec![Operation::Put { id, content, binding, checked, expected, kind, keep_same: false }];
    Command::Transact { operations, message }
}

fn user() -> UserId {
    UserId::parse("0198c0de").expect("an id")
}

/// Rights with every kind of scope.
fn person() -> Person {
    let grant = Grant {
        role: RoleName::parse("editor").expect("a name"),
        permissions: [Permission::DocumentRead, Permission::DocumentWrite].into(),
        project: Some(project()),
        environments: Some([environment()].into()),
        key_prefixes: Some(["app.".to_owned()].into()),
    };
    let everywhere = Grant { project: None, environments: None, key_prefixes: None, ..grant.clone() };
    Person { epoch: Epoch(3), grants: vec![grant, everywhere], as_of: None }
}

fn rotate_api_key() -> Command {
    Command::RotateApiKey {
        key: key_ref(),
        hash: Digest([0xcd; 32]),
        prefix: "gdn_sk_fghij".to_owned(),
        overlap_ms: 0,
    }
}

fn change_project() -> Command {
    Command::ChangeProject {
        name: project(),
        display_name: Some(DisplayName::parse("The shop").expect("short")),
        quotas: Some(Quotas { documents: Some(5), ..Quotas::default() }),
        retention: Some(Retention { versions: Some(10), age_ms: Some(86_400_000) }),
    }
}

fn pruned() -> Pruned {
    Pruned { id: config(), oldest: Version(4), from: Version(0), bytes: None }
}

fn create_project() -> Command {
    Command::CreateProject { name: project(), display_name: DisplayName::default() }
}

/// Every kind of command, with every form of its fields.
#[expect(clippy::too_many_lines, reason = "one line for each kind")]
fn commands() -> Vec<(&'static str, Command)> {
    let text = || Content::from_compact("{\"type\":\"object\"}").expect("small");
    let name = DisplayName::parse("The shop").expect("short");
    let pinned = Binding { schema: schema().name, pinned: Some(SchemaVersion(2)) };
    let follow = Binding { schema: schema().name, pinned: None };
    let environment_id = EnvironmentId { project: project(), name: environment() };
    let cluster_id = ClusterId::parse("c-1").expect("a name");
    let rollback = ChangeKind::Rollback { from: Version(4) };
    vec![
        ("bootstrap", Command::Bootstrap { cluster_id, admin_key: new_key() }),
        ("create_project", Command::CreateProject { name: project(), display_name: name.clone() }),
        ("update_project", Command::UpdateProject { name: project(), display_name: name }),
        ("delete_project", Command::DeleteProject { name: project() }),
        ("create_environment", Command::CreateEnvironment { id: environment_id.clone() }),
        ("delete_environment", Command::DeleteEnvironment { id: environment_id }),
        (
            "create_schema",
            Command::CreateSchema {
                id: schema(),
                schema: text(),
                dialect: Dialect::Draft202012,
                mode: SchemaMode::Strict,
                uses: Vec::new(),
            },
        ),
        (
            "update_schema",
            Command::UpdateSchema {
                id: schema(),
                schema: text(),
                dialect: Dialect::Draft4,
                mode: Some(SchemaMode::Strict),
                expected: Some(SchemaVersion(2)),
                checked: Revision(77),
                uses: Vec::new(),
            },
        ),
        (
            "update_schema_ratchet",
            Command::UpdateSchema {
                id: schema(),
                schema: text(),
                dialect: Dialect::Draft7,
                mode: Some(SchemaMode::Ratchet),
                expected: None,
                checked: Revision(0),
                uses: Vec::new(),
            },
        ),
        (
            "create_schema_uses",
            Command::CreateSchema {
                id: schema(),
                schema: Content::from_compact("{\"$ref\":\"schema:port@2\"}").expect("small"),
                dialect: Dialect::Draft202012,
                mode: SchemaMode::Strict,
                uses: vec![SchemaUse { name: port(), version: SchemaVersion(2), newest: false }],
            },
        ),
        (
            "update_schema_uses",
            Command::UpdateSchema {
                id: schema(),
                schema: Content::from_compact("{\"$ref\":\"schema:port\"}").expect("small"),
                dialect: Dialect::Draft202012,
                mode: None,
                expected: None,
                checked: Revision(78),
                uses: vec![SchemaUse { name: port(), version: SchemaVersion(3), newest: true }],
            },
        ),
        ("hold_schema", Command::HoldSchema { id: schema(), hold: true }),
        ("delete_schema", Command::DeleteSchema { id: schema(), expected: None }),
        ("put_keep", put(BindingChange::Keep, Precondition::Version(Version(7)), ChangeKind::Update)),
        ("put_pinned", put(BindingChange::Set(Some(pinned)), Precondition::Absent, ChangeKind::Create)),
        ("put_follow", put(BindingChange::Set(Some(follow)), Precondition::Present, ChangeKind::Update)),
        ("put_patch", put(BindingChange::Keep, Precondition::Version(Version(8)), ChangeKind::Patch)),
        ("put_any", quiet(Precondition::Any, ChangeKind::Update)),
        ("put_undelete", quiet(Precondition::Absent, ChangeKind::Undelete { from: Version(4) })),
        ("transact_any", quiet_transact()),
        ("put_unbound", put(BindingChange::Set(None), Precondition::Present, rollback)),
        (
            "delete_config",
            Command::DeleteConfig {
                id: config(),
                expected: Precondition::Version(Version(9)),
                message: Message::default(),
            },
        ),
        ("transact", transact()),
        ("change_project", change_project()),
        ("prune_history", Command::PruneHistory { pruned: vec![pruned()] }),
        ("transact_import", import()),
        ("create_api_key", Command::CreateApiKey { project: Some(project()), key: new_key() }),
        ("revoke_api_key", Command::RevokeApiKey { key: key_ref() }),
        ("rotate_api_key", rotate_api_key()),
        ("admit_member", Command::AdmitMember { member: new_member() }),
        ("raise_epochs", Command::RaiseEpochs { users: vec![user()] }),
        ("anchor_audit", anchor_audit()),
        ("by_a_person", create_project()),
        ("from_somewhere", create_project()),
        ("with_a_message", create_project()),
        ("retire_member", Command::RetireMember { id: new_member().id }),
        ("update_member", Command::UpdateMember { member: new_member() }),
    ]
}

fn anchor_audit() -> Command {
    let place = |number, byte| domain::AuditPlace { number, head: Digest([byte; 32]) };
    Command::AnchorAudit { cut: place(5, 6), end: place(70, 7) }
}

#[test]
fn every_command_ever_written_still_decodes() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/commands-v1");
    for (n, (name, command)) in commands().into_iter().enumerate() {
        let stamped = Stamped {
            command,
            actor: match (n, name) {
                (0, _) => Actor::System,
                (_, "by_a_person") => Actor::User(user()),
                _ => Actor::ApiKey(key_ref()),
            },
            request_id: RequestId::parse("req-1").expect("an id"),
            at: Timestamp(1_780_000_000_123),
            idempotency: (name == "transact")
                .then_some(Idempotency { key: Digest([1; 32]), request: Digest([2; 32]) }),
            person: (name == "by_a_person").then(|| Arc::new(person())),
            provenance: match name {
                "from_somewhere" => Provenance {
                    address: Some([192, 0, 2, 1].into()),
                    trace_id: Some(TraceId::parse("0af7651916cd43dd8448eb211c80319c").expect("an id")),
                    message: None,
                },
                "with_a_message" => Provenance {
                    message: Some(Message::parse("why").expect("text")),
                    ..Provenance::default()
                },
                _ => Provenance::default(),
            },
        };
        let path = dir.join(format!("{name}.bin"));
        if std::env::var_os("NEW_FIXTURES").is_some() && !path.exists() {
            std::fs::write(&path, encode_command(&stamped).expect("encodes")).expect("writes");
        }
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(decode_command(&bytes).expect(name), stamped, "{name}");
    }
}

#[test]
fn a_command_that_a_leader_took_has_the_time_of_the_leader() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let asked = std::fs::read(folder.join("commands-v1/transact.bin")).expect("a fixture");
    let at = Timestamp(1_790_000_000_321);
    let path = folder.join("commands-v2/transact.bin");
    if std::env::var_os("NEW_FIXTURES").is_some() && !path.exists() {
        std::fs::create_dir_all(folder.join("commands-v2")).expect("a folder");
        std::fs::write(&path, taken(&asked, at)).expect("writes");
    }
    let bytes = std::fs::read(&path).expect("a fixture");
    assert_eq!(taken(&asked, at), bytes);
    let expected = Stamped { at, ..decode_command(&asked).expect("a command") };
    assert_eq!(decode_command(&bytes).expect("a taken command"), expected);
    for end in 0..bytes.len() {
        assert!(decode_command(&bytes[..end]).is_err(), "cut at {end}");
    }
    assert!(decode_command(&taken(&bytes, at)).is_err(), "taken twice");
}

#[test]
fn what_is_no_command_is_refused() {
    for bytes in [&[][..], &[1], &[2, 0x80], &[1, 0x80], &[1, 0xff, 0xff], &[1, 0xdf, 0xff, 0xff, 0xff, 0xff]]
    {
        assert!(decode_command(bytes).is_err(), "{bytes:?}");
    }
}
