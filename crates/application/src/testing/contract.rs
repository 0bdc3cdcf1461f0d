//! The contract of [`Consensus`], its [`StateReader`] and the archive, for fakes and real implementations.
//!
//! The checks write to their own projects (`contract-…`), so they can run on a cluster in use, but only once
//! for each cluster. They panic with what was expected.

use crate::KeyFilter;
use crate::ports::{
    CHANGES_READ_MAX, Changes, ChangesWanted, Consensus, ConsensusError, Freshness, Place, StateReader, View,
};
use domain::{
    Actor, BindingChange, ChangeKind, Command, ConfigId, Content, Dialect, DisplayName, Message, Outcome,
    Precondition, Rejection, RequestId, Revision, Row, SchemaId, SchemaMode, SchemaVersion, Stamped,
    Timestamp, Version,
};

/// Runs all checks.
pub async fn check_all(consensus: &dyn Consensus, reader: &dyn StateReader) {
    let both = Both { consensus, reader };
    check_write_then_read(&both).await;
    check_history(&both).await;
    check_view_is_a_snapshot(&both).await;
    check_min_revision(&both).await;
    check_rejection_changes_nothing(&both).await;
    check_schema_bodies(&both).await;
    check_changes(&both).await;
}

struct Both<'a> {
    consensus: &'a dyn Consensus,
    reader: &'a dyn StateReader,
}

impl Both<'_> {
    async fn propose(&self, command: Command) -> Outcome {
        let stamped = Stamped {
            command,
            actor: Actor::System,
            request_id: RequestId::parse("req-contract").expect("a constant"),
            at: Timestamp(super::EPOCH_MS),
            idempotency: None,
            person: None,
            provenance: domain::Provenance::default(),
        };
        self.consensus.propose(stamped).await.expect("a healthy cluster takes proposals")
    }

    async fn accept(&self, command: Command) -> Revision {
        match self.propose(command).await {
            Outcome::Accepted { revision, .. } => revision,
            other => panic!("expected to be accepted: {other:?}"),
        }
    }

    async fn view(&self) -> View {
        self.reader.view(Freshness::LINEARIZABLE).await.expect("a healthy cluster gives linearizable views")
    }

    async fn project(&self, project: &str) -> ConfigId {
        let name = parsed(domain::ProjectName::parse(project));
        self.accept(Command::CreateProject { name: name.clone(), display_name: DisplayName::default() })
            .await;
        let environment = parsed(domain::EnvironmentName::parse("default"));
        ConfigId { project: name, environment, key: parsed(domain::ConfigKey::parse("key")) }
    }
}

fn parsed<T, E: std::fmt::Debug>(name: Result<T, E>) -> T {
    name.expect("the constant is a name")
}

fn put(id: &ConfigId, content: &str, expected: Precondition) -> Command {
    Command::PutConfig {
        id: id.clone(),
        content: Content::from_compact(content).expect("the constant is small"),
        binding: BindingChange::Keep,
        checked: None,
        expected,
        kind: ChangeKind::Update,
        message: Message::default(),
        keep_same: false,
    }
}

/// A linearizable view contains every acknowledged write, and the archive its document.
async fn check_write_then_read(both: &Both<'_>) {
    let id = both.project("contract-write").await;
    let revision = both.accept(put(&id, "{\"a\":1}", Precondition::Absent)).await;
    let view = both.view().await;
    assert!(view.state.revision() >= revision, "the view is as new as the acknowledged write");
    let config = view.state.config(&id).expect("the config is there");
    assert_eq!((config.version, config.revision), (Version(1), revision));
    let body = view.archive.config_revision(&id, Version(1)).expect("readable").expect("its body is there");
    assert_eq!(body.content.as_ref().map(Content::as_str), Some("{\"a\":1}"));
    assert_eq!((body.kind, body.revision, body.digest), (ChangeKind::Create, revision, config.digest));
    assert_eq!(view.archive.config_revision(&id, Version(2)).expect("readable"), None);
}

/// The history is newest first; pages have no gaps or overlaps; deletions have no document.
async fn check_history(both: &Both<'_>) {
    let id = both.project("contract-history").await;
    both.accept(put(&id, "1", Precondition::Absent)).await;
    both.accept(put(&id, "2", Precondition::Version(Version(1)))).await;
    let message = Message::default();
    both.accept(Command::DeleteConfig { id: id.clone(), expected: Precondition::Present, message }).await;
    both.accept(put(&id, "4", Precondition::Absent)).await;
    let neighbour = ConfigId { key: parsed(domain::ConfigKey::parse("key2")), ..id.clone() };
    both.accept(put(&neighbour, "9", Precondition::Absent)).await;
    let archive = both.view().await.archive;
    let versions = |before: Option<u64>, limit| {
        let page = archive.config_history(&id, before.map(Version), limit).expect("readable");
        page.into_iter().map(|found| found.version.0).collect::<Vec<_>>()
    };
    assert_eq!(versions(None, 10), [4, 3, 2, 1]);
    assert_eq!(versions(None, 2), [4, 3]);
    assert_eq!(versions(Some(3), 10), [2, 1]);
    assert_eq!(versions(Some(1), 10), [0_u64; 0]);
    let deletion = archive.config_revision(&id, Version(3)).expect("readable").expect("kept");
    assert_eq!((deletion.kind, deletion.content), (ChangeKind::Delete, None));
}

/// Later writes do not change a view.
async fn check_view_is_a_snapshot(both: &Both<'_>) {
    let id = both.project("contract-snapshot").await;
    both.accept(put(&id, "1", Precondition::Absent)).await;
    let view = both.view().await;
    let rows: Vec<Row> = view.state.rows().collect();
    let body = view.archive.config_revision(&id, Version(1)).expect("readable");
    both.accept(put(&id, "2", Precondition::Present)).await;
    assert_eq!(view.state.rows().collect::<Vec<_>>(), rows, "the view's state stays as it was");
    assert_eq!(view.archive.config_revision(&id, Version(1)).expect("readable"), body, "bodies never change");
    let later = both.view().await;
    assert_eq!(later.state.config(&id).map(|config| config.version), Some(Version(2)));
}

/// A stale read waits for a revision that exists; a revision that does not exist is an error.
async fn check_min_revision(both: &Both<'_>) {
    let id = both.project("contract-min-revision").await;
    let revision = both.accept(put(&id, "1", Precondition::Absent)).await;
    let stale = Freshness { min_revision: Some(revision), ..Freshness::STALE };
    let view = both.reader.view(stale).await.expect("the revision arrives");
    assert!(view.state.config(&id).is_some(), "a stale view of min_revision holds that write");
    assert!(view.stale_for_ms.is_some(), "a stale view says how old it is");
    assert_eq!(both.view().await.stale_for_ms, None, "a linearizable view has no age");
    let wanted = view.state.revision().0 + 1_000_000;
    for freshness in [Freshness::STALE, Freshness::LINEARIZABLE] {
        let future = Freshness { min_revision: Some(Revision(wanted)), ..freshness };
        match both.reader.view(future).await {
            Err(ConsensusError::Behind { at, wanted: told }) => assert!(told == wanted && at < wanted),
            other => panic!("expected Behind, got {other:?}"),
        }
    }
}

/// A rejection has a reason and changes nothing.
async fn check_rejection_changes_nothing(both: &Both<'_>) {
    let id = both.project("contract-rejection").await;
    both.accept(put(&id, "1", Precondition::Absent)).await;
    let before: Vec<Row> = both.view().await.state.rows().collect();
    let outcome = both.propose(put(&id, "2", Precondition::Version(Version(7)))).await;
    let Outcome::Rejected { rejection: Rejection::VersionConflict { current, expected, .. }, .. } = outcome
    else {
        panic!("expected a version conflict, got {outcome:?}");
    };
    assert_eq!((current, expected), (Version(1), Some(Version(7))));
    let view = both.view().await;
    assert_eq!(view.state.rows().collect::<Vec<_>>(), before, "a refused command changes nothing");
    assert_eq!(view.archive.config_revision(&id, Version(2)).expect("readable"), None);
}

/// Every schema version is stored with its own body.
async fn check_schema_bodies(both: &Both<'_>) {
    let project = both.project("contract-schema").await.project;
    let id = SchemaId { project, name: parsed(domain::SchemaName::parse("app")) };
    let body = |text: &str| Content::from_compact(text).expect("the constant is small");
    both.accept(Command::CreateSchema {
        id: id.clone(),
        schema: body("{}"),
        dialect: Dialect::Draft7,
        mode: SchemaMode::Strict,
        uses: Vec::new(),
    })
    .await;
    let checked = both.view().await.state.revision();
    both.accept(Command::UpdateSchema {
        id: id.clone(),
        schema: body("{\"type\":\"object\"}"),
        dialect: Dialect::Draft202012,
        mode: None,
        expected: Some(SchemaVersion(1)),
        checked,
        uses: Vec::new(),
    })
    .await;
    let view = both.view().await;
    assert_eq!(view.state.schema(&id).map(|schema| schema.latest), Some(SchemaVersion(2)));
    let shown = |version| {
        let found = view.archive.schema_revision(&id, SchemaVersion(version)).expect("readable");
        found.map(|found| (found.schema.as_str().to_owned(), found.dialect))
    };
    assert_eq!(shown(1), Some(("{}".to_owned(), Dialect::Draft7)));
    assert_eq!(shown(2), Some(("{\"type\":\"object\"}".to_owned(), Dialect::Draft202012)));
    assert_eq!(shown(3), None);
}

/// Changes of an environment are read in order from any position, in pages without gaps or overlaps, and
/// watchers are notified.
async fn check_changes(both: &Both<'_>) {
    let id = both.project("contract-changes").await;
    let begin = both.view().await.state.revision();
    let mut signal = both.reader.follow(&id.environment_id());
    let mut made = vec![both.accept(put(&id, "0", Precondition::Absent)).await];
    assert!(signal.changed().await, "a follower is told");
    let other = both.project("contract-changes-other").await;
    both.accept(put(&other, "9", Precondition::Absent)).await;
    let longer = ConfigId { key: parsed(domain::ConfigKey::parse("other-key")), ..id.clone() };
    both.accept(put(&longer, "9", Precondition::Absent)).await;
    for n in 1..CHANGES_READ_MAX {
        made.push(both.accept(put(&id, &n.to_string(), Precondition::Present)).await);
    }
    let message = Message::default();
    made.push(
        both.accept(Command::DeleteConfig { id: id.clone(), expected: Precondition::Present, message }).await,
    );
    let view = both.view().await;
    let through = view.state.revision();
    assert!(signal.newest() >= made[made.len() - 1], "the signal knows what the view shows");
    let environment = id.environment_id();
    for skipped in [0, 1, made.len() - 1, made.len()] {
        let after = if skipped == 0 { begin } else { made[skipped - 1] };
        let (mut after, mut found) = (Place::end_of(after), Vec::new());
        while after < Place::end_of(through) {
            let filter = &KeyFilter::prefix("key");
            let wanted = ChangesWanted { environment: &environment, filter, after, through };
            let Changes::Kept { changes, up_to } = view.archive.config_changes(&wanted).expect("readable")
            else {
                panic!("nothing was forgotten");
            };
            assert!(up_to > after && changes.len() <= CHANGES_READ_MAX, "each piece goes on, and is bounded");
            assert!(changes.iter().all(|change| change.last_of_revision), "each revision has one change");
            assert!(changes.iter().all(|change| change.shown.id == id), "only what was asked for");
            found.extend(changes.iter().map(|change| change.shown.revision));
            after = up_to;
        }
        assert_eq!(found, made[skipped..], "all changes after the place, in order, once");
    }
}
