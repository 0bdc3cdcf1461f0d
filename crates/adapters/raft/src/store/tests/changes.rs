//! Tests that changes are the same from the ring, from rows that wait for a checkpoint, and from disk.

use super::*;
use application::KeyFilter;
use application::ports::{Changes, ChangesWanted, Place};
use domain::Revision;

fn put(key: u8, text: &str, expected: Precondition) -> Command {
    Command::PutConfig {
        id: config_id(key),
        content: content(text),
        binding: BindingChange::Keep,
        checked: None,
        expected,
        kind: ChangeKind::Update,
        message: Message::default(),
        keep_same: false,
    }
}

/// The revision and version of each change after `after`; `None` if they were pruned.
fn read(store: &Store, after: u64) -> Option<Vec<(u64, u64)>> {
    let published = store.published();
    let (environment, through) = (config_id(1).environment_id(), published.state.revision());
    let archive = LiveArchive(published);
    let (mut after, mut found) = (Place::end_of(Revision(after)), Vec::new());
    while after < Place::end_of(through) {
        let filter = &KeyFilter::prefix("k1");
        let wanted = ChangesWanted { environment: &environment, filter, after, through };
        let Changes::Kept { changes, up_to } = archive.config_changes(&wanted).expect("readable") else {
            return None;
        };
        assert!(changes.iter().all(|change| change.shown.content.is_some() && change.last_of_revision));
        found.extend(changes.iter().map(|change| (change.place.revision.0, change.shown.version.0)));
        after = up_to;
    }
    Some(found)
}

/// Writes `count` versions of one config from revision 3 on, with a checkpoint after every `every`.
fn written(store: &Store, count: u64, every: u64) {
    store.apply(items(&first_commands(), 1)).expect("applies");
    for n in 1..=count {
        let expected = if n == 1 { Precondition::Absent } else { Precondition::Present };
        store.apply(items(&[put(1, &n.to_string(), expected)], n + 2)).expect("applies");
        if every > 0 && n % every == 0 {
            store.checkpoint().expect("writes");
        }
    }
}

fn expected(after: u64, count: u64) -> Vec<(u64, u64)> {
    (1..=count).map(|n| (n + 2, n)).filter(|(revision, _)| *revision > after).collect()
}

#[test]
fn changes_are_the_same_from_the_ring_and_from_the_disk() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    written(&store, 100, 7);
    for after in [0, 2, 3, 50, 101, 102] {
        assert_eq!(read(&store, after), Some(expected(after, 100)), "from the ring after {after}");
    }
    store.checkpoint().expect("writes");
    drop(store);
    // The ring of a starting node is empty: earlier changes come from disk, and later ones wait for a
    // checkpoint.
    let store = open(dir.path());
    for after in [0, 2, 3, 50, 101, 102] {
        assert_eq!(read(&store, after), Some(expected(after, 100)), "from the disk after {after}");
    }
    for n in 101..=110 {
        store.apply(items(&[put(1, &n.to_string(), Precondition::Present)], n + 2)).expect("applies");
    }
    for after in [0, 50, 101, 102, 105] {
        assert_eq!(read(&store, after), Some(expected(after, 110)), "from both after {after}");
    }
}

#[test]
fn a_ring_that_is_full_leaves_the_rest_to_the_disk() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let text = format!("\"{}\"", "x".repeat(1024 * 1024 - 2));
    let count = u64::try_from(RECENT_BYTES_MAX / text.len()).expect("few") + 8;
    store.apply(items(&first_commands(), 1)).expect("applies");
    for n in 1..=count {
        let expected = if n == 1 { Precondition::Absent } else { Precondition::Present };
        store.apply(items(&[put(1, &text, expected)], n + 2)).expect("applies");
    }
    // Without a checkpoint, changes that left the ring are in a segment.
    assert_eq!(read(&store, 2), Some(expected(2, count)));
    store.checkpoint().expect("writes");
    assert_eq!(read(&store, 2), Some(expected(2, count)));
}

#[test]
fn a_snapshot_carries_the_changes() {
    let (sender, receiver) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let source = open(sender.path());
    written(&source, 20, 0);
    let file = sender.path().join("s.snap");
    source.checkpoint().expect("writes");
    // A row that cannot be rebuilt from the versions: a second change at the last revision.
    let second = tables::change_key(Place { revision: Revision(22), index: 1 }).to_vec();
    let row = crate::codec::row::encode(&tables::ChangeRow { id: config_id(2), version: Version(1) });
    let batch = Batch { changes: vec![(Table::Changes, second.clone(), Some(row.expect("encodes")))] };
    source.engine.commit(&batch).expect("writes");
    source.write_snapshot(&file).expect("writes");
    let target = open(receiver.path());
    let mut signal = target.follow(&config_id(1).environment_id());
    target.install(&file).expect("installs");
    assert_eq!(read(&target, 2), Some(expected(2, 20)));
    let kept = target.engine.view().expect("a view").get(Table::Changes, &second).expect("reads");
    assert!(kept.is_some(), "the snapshot has the table itself");
    assert_eq!(signal.newest(), Revision(22), "a follower learns of a state that came whole");
    assert_eq!(futures::FutureExt::now_or_never(target.wake_followers()), Some(()));
    assert_eq!(futures::FutureExt::now_or_never(signal.changed()), Some(true));
}

#[test]
fn a_state_from_before_there_were_changes_gets_them() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.redb");
    let (hash, rows) = {
        let store = open(dir.path());
        written(&store, 20, 0);
        let hash = store.state_hash().expect("reads");
        let mut rows = Vec::new();
        let all = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
        let visit = &mut |key: &[u8], _: &[u8]| {
            rows.push((Table::Changes, key.to_vec(), None));
            Ok(true)
        };
        store.engine.view().expect("a view").scan(Table::Changes, all, false, visit).expect("reads");
        (hash, rows)
    };
    assert_eq!(rows.len(), 20);
    RedbEngine::open(&file).expect("a file").commit(&Batch { changes: rows }).expect("writes");
    let store = open(dir.path());
    assert_eq!(read(&store, 2), Some(expected(2, 20)));
    assert_eq!(store.state_hash().expect("reads"), hash, "and is then as if it had always had them");
}

#[test]
fn a_change_whose_document_is_gone_is_gone() {
    let dir = tempfile::tempdir().expect("a folder");
    {
        let store = open(dir.path());
        written(&store, 9, 0);
        store.checkpoint().expect("writes");
    }
    let store = open(dir.path());
    let removed = (Table::Configs, tables::config_key(&config_id(1), Version(4)), None);
    store.engine.commit(&Batch { changes: vec![removed] }).expect("writes");
    assert_eq!(read(&store, 2), None);
    assert_eq!(read(&store, 6), Some(expected(6, 9)), "later ones are kept");
}

/// The keys of one table.
fn keys(store: &Store, table: Table) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let visit = &mut |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        Ok(true)
    };
    let all = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
    store.engine.view().expect("a view").scan(table, all, false, visit).expect("reads");
    keys
}

#[test]
fn what_was_pruned_leaves_the_disk_with_the_next_checkpoint() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    written(&store, 9, 4);
    let oldest = domain::Pruned { id: config_id(1), oldest: Version(7), from: Version(0), bytes: None };
    store.apply(items(&[Command::PruneHistory { pruned: vec![oldest] }], 12)).expect("applies");
    store.checkpoint().expect("writes");
    let kept: Vec<_> = (7..=9).map(|version| tables::config_key(&config_id(1), Version(version))).collect();
    assert_eq!(keys(&store, Table::Configs), kept);
    assert_eq!(read(&store, 2), Some(expected(2, 9)), "the ring has what was sent anyway");
    drop(store);
    let store = open(dir.path());
    assert_eq!(read(&store, 2), None);
    assert_eq!(read(&store, 8), Some(expected(8, 9)));
}

#[test]
fn changes_are_kept_for_so_many_revisions_and_then_leave_the_disk() {
    let dir = tempfile::tempdir().expect("a folder");
    {
        let store = open(dir.path());
        written(&store, 9, 0);
        store.checkpoint().expect("writes");
        // As after many revisions without a change here; version 5 is the oldest whose change is kept.
        let mut header = store.published().state.header().clone();
        header.revision = Revision(7 + tables::CHANGES_KEPT_REVISIONS);
        let row = crate::codec::row::encode(&domain::Row::Header(header)).expect("encodes");
        let change = (Table::State, domain::RowKey::Header.to_bytes(), Some(row));
        store.engine.commit(&Batch { changes: vec![change] }).expect("writes");
    }
    let store = open(dir.path());
    assert_eq!(read(&store, 5), None);
    assert_eq!(read(&store, 6), Some(expected(6, 9)));
    assert_eq!(keys(&store, Table::Changes).len(), 9);
    let next = 8 + tables::CHANGES_KEPT_REVISIONS;
    store.apply(items(&[put(2, "1", Precondition::Absent)], 12)).expect("applies");
    store.checkpoint().expect("writes");
    let kept: Vec<_> = [8, 9, 10, 11, next]
        .map(|revision| tables::change_key(Place { revision: Revision(revision), index: 0 }).to_vec())
        .to_vec();
    assert_eq!(keys(&store, Table::Changes), kept);
}

/// Whether a watcher of the environment `default` is notified by a command.
fn told_by(command: Command) -> bool {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let environment = |name: &str| EnvironmentId {
        project: config_id(1).project,
        name: EnvironmentName::parse(name).expect("a name"),
    };
    store.apply(items(&first_commands(), 1)).expect("applies");
    let made = [
        Command::CreateEnvironment { id: environment("e") },
        Command::CreateApiKey { project: Some(config_id(1).project), key: new_key(1) },
    ];
    store.apply(items(&made, 3)).expect("applies");
    let mut signal = store.follow(&environment("default"));
    let outcomes = store.apply(items(&[command], 5)).expect("applies");
    assert!(matches!(outcomes[..], [Some(Outcome::Accepted { .. })]), "{outcomes:?}");
    let woken = futures::FutureExt::now_or_never(store.wake_followers()).is_some();
    let told = futures::FutureExt::now_or_never(signal.changed()) == Some(true);
    assert_eq!(woken, told, "who is woken has something to see");
    told
}

#[test]
fn only_what_concerns_a_follower_wakes_it() {
    let elsewhere = ConfigId { environment: EnvironmentName::parse("e").expect("a name"), ..config_id(1) };
    let Command::PutConfig { content, binding, checked, expected, kind, message, keep_same, .. } =
        put(1, "1", Precondition::Absent)
    else {
        panic!("a put");
    };
    let other =
        Command::PutConfig { id: elsewhere, content, binding, checked, expected, kind, message, keep_same };
    assert!(!told_by(other), "a write in another environment");
    assert!(told_by(put(1, "1", Precondition::Absent)), "a write");
    let project = config_id(1).project;
    assert!(told_by(Command::DeleteProject { name: project.clone() }), "the end of the project");
    let id = EnvironmentName::parse("default").expect("a name");
    let id = EnvironmentId { project: project.clone(), name: id };
    assert!(told_by(Command::DeleteEnvironment { id }), "the end of the environment");
    assert!(told_by(Command::RaiseEpochs { users: vec![user(1)] }), "the end of a person's rights");
    let key = domain::KeyRef { project: Some(project), id: new_key(1).id };
    assert!(told_by(Command::RevokeApiKey { key }), "the end of a key");
    let admin = domain::KeyRef { project: None, id: new_key(0).id };
    assert!(told_by(Command::RevokeApiKey { key: admin }), "the end of a key of the platform");
}

#[test]
fn followers_hear_of_the_end() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let mut before = store.follow(&config_id(1).environment_id());
    store.stop_followers();
    let mut after = store.follow(&config_id(1).environment_id());
    for signal in [&mut before, &mut after] {
        assert_eq!(futures::FutureExt::now_or_never(signal.changed()), Some(false));
    }
}

/// The revisions of the audit entries after `after`, read in batches of `limit`.
fn read_audit(store: &Store, after: u64, limit: usize) -> Vec<u64> {
    let archive = LiveArchive(store.published());
    let (mut after, mut found) = (Revision(after), Vec::new());
    loop {
        let entries = archive.audit_entries(after, limit).expect("readable");
        assert!(entries.len() <= limit);
        let Some(last) = entries.last() else { return found };
        after = last.revision;
        found.extend(entries.iter().map(|entry| entry.revision.0));
    }
}

#[test]
fn audit_entries_are_the_same_from_the_disk_and_from_what_waits_for_a_checkpoint() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    written(&store, 40, 7);
    let expected = |after: u64, last: u64| (after + 1..=last).collect::<Vec<u64>>();
    for (after, limit) in [(0, 1000), (0, 1), (0, 5), (17, 3), (35, 100), (41, 5), (42, 5), (100, 5)] {
        assert_eq!(read_audit(&store, after, limit), expected(after, 42), "after {after}, {limit} at a time");
    }
    assert!(LiveArchive(store.published()).audit_entries(Revision(0), 0).expect("readable").is_empty());
    store.checkpoint().expect("writes");
    drop(store);
    let store = open(dir.path());
    assert_eq!(read_audit(&store, 0, 9), expected(0, 42), "from the disk");
    for n in 41..=50 {
        store.apply(items(&[put(1, &n.to_string(), Precondition::Present)], n + 2)).expect("applies");
    }
    assert_eq!(read_audit(&store, 3, 9), expected(3, 52), "from both");
    let mut head = domain::Digest::default();
    for entry in LiveArchive(store.published()).audit_entries(Revision(0), 1000).expect("readable") {
        assert!(entry.follows(head), "revision {}", entry.revision);
        head = entry.head;
    }
    assert_eq!(head, store.published().state.header().audit_head);
}
