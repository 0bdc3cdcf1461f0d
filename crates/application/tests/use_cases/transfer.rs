//! Imports with concurrent writes, and with failures of ports.

use crate::world::*;
use application::ports::Freshness;
use application::testing::Fault;
use application::{
    ConfigRecord, Error, ExportHeader, ExportLine, ImportMode, ImportReport, ImportRequest, Record,
    RequestContext, SchemaRecord, Totals,
};
use domain::{
    BindingChange, ChangeKind, Command, Message, Precondition, Rejection, Revision, SchemaMode,
    SchemaVersion, Version,
};

fn record(key: &str, text: &str) -> Record {
    Record::Config(ConfigRecord {
        environment: environment("default").name,
        key: config(key).key,
        binding: None,
        content: content(text),
    })
}

async fn import(world: &World, mode: ImportMode, dry_run: bool, records: &[Record]) -> ImportReport {
    let source = ExportHeader { project: project("p"), environment: None, revision: Revision(1) };
    let ctx = RequestContext { dry_run, ..world.test.admin.clone() };
    let request = ImportRequest { project: project("p"), mode, source, message: Message::default() };
    let mut import = world.test.application.transfer.import(&ctx, request).await.expect("it may");
    let mut totals = Totals::default();
    for (at, record) in records.iter().enumerate() {
        totals.count(record);
        import.add(at as u64 + 1, record.clone()).await;
    }
    import.finish(Some((records.len() as u64 + 1, totals))).await
}

/// Injects a concurrent write of `b` between check and commit.
fn rival(world: &World) {
    let command = Command::PutConfig {
        id: config("b"),
        content: content("\"rival\""),
        binding: BindingChange::Keep,
        checked: None,
        expected: Precondition::Absent,
        kind: ChangeKind::Update,
        message: Message::default(),
        keep_same: false,
    };
    world.test.node.inject_before_next_proposal(world.test.ports.env.stamp(&world.test.admin, command));
}

#[tokio::test]
async fn a_rival_write_is_looked_at_again() {
    let records = [record("a", "1"), record("b", "2")];
    for (mode, version) in [(ImportMode::Merge, 2), (ImportMode::Replace, 2), (ImportMode::Create, 1)] {
        let world = World::new().await;
        rival(&world);
        let report = import(&world, mode, false, &records).await;
        let refused = matches!(report.failures.first(), Some(failure)
            if failure.line == 2 && matches!(failure.error, Error::Rejected(Rejection::VersionConflict { .. })));
        assert_eq!(refused, mode == ImportMode::Create, "{report:?}");
        let state = world.test.node.state();
        assert_eq!(state.config(&config("b")).expect("it is there").version, Version(version), "{mode:?}");
        assert_eq!(state.config(&config("a")).is_some(), mode != ImportMode::Create, "all or nothing");
    }
}

#[tokio::test]
async fn an_import_stops_when_the_world_fails_and_goes_on_later() {
    let records: Vec<Record> = (0..300).map(|n| record(&format!("k{n:03}"), "1")).collect();
    for fault in [Fault::NoLeader, Fault::Overloaded, Fault::OutcomeUnknownLost, Fault::OutcomeUnknownApplied]
    {
        let world = World::new().await;
        let source = ExportHeader { project: project("p"), environment: None, revision: Revision(1) };
        let request = ImportRequest {
            project: project("p"),
            mode: ImportMode::Merge,
            source,
            message: Message::default(),
        };
        let transfer = &world.test.application.transfer;
        let mut under_way = transfer.import(&world.test.admin, request).await.expect("it may");
        for (line, record) in (1..).zip(&records) {
            under_way.add(line, record.clone()).await;
        }
        world.test.node.set_fault(Some(fault));
        let report = under_way.finish(None).await;
        assert!(report.stopped.is_some() && report.failed == 0 && report.configs.created == 0, "{report:?}");
        world.test.node.set_fault(None);
        let there = world.test.node.state().config_count();
        assert_eq!(there, if fault == Fault::OutcomeUnknownApplied { 128 } else { 0 });
        let report = import(&world, ImportMode::Merge, false, &records).await;
        assert_eq!((report.configs.unchanged, report.configs.created), (there, 300 - there), "{fault:?}");
    }
}

#[tokio::test]
async fn a_dry_run_checks_against_schemas_that_are_only_planned() {
    let world = World::new().await;
    let schema = |version: u64, text: &str| {
        let (name, mode) = (schema("s").name, SchemaMode::Strict);
        Record::Schema(SchemaRecord {
            name,
            version: SchemaVersion(version),
            mode,
            schema: content(text),
            newest: None,
        })
    };
    let bound = |key: &str, text: &str, binding: BindingChange| match (record(key, text), binding) {
        (Record::Config(record), BindingChange::Set(binding)) => {
            Record::Config(ConfigRecord { binding, ..record })
        }
        (other, _) => other,
    };
    let records = [
        schema(1, "{\"required\":[\"a\"]}"),
        schema(2, "{\"required\":[\"b\"]}"),
        bound("pinned", "{\"a\":1}", pin("s", 1)),
        bound("follows", "{\"b\":1}", follow("s")),
        bound("wrong", "{\"a\":1}", follow("s")),
        bound("none", "{\"a\":1}", pin("s", 3)),
    ];
    let before = world.test.node.state().revision();
    let report = import(&world, ImportMode::Merge, true, &records[..4]).await;
    assert_eq!((report.failed, report.schemas.created, report.schemas.updated), (0, 1, 1), "{report:?}");
    assert_eq!((report.configs.created, report.effects.len()), (2, 4));
    let report = import(&world, ImportMode::Merge, false, &records).await;
    let lines: Vec<u64> = report.failures.iter().map(|failure| failure.line).collect();
    assert_eq!((lines, report.configs.created), (vec![5, 6], 0), "{report:?}");
    assert_eq!(world.test.node.state().revision(), before);
    let backwards = [schema(2, "{}"), schema(1, "{\"required\":[]}"), schema(2, "{}")];
    let report = import(&world, ImportMode::Merge, false, &backwards).await;
    assert_eq!((report.failed, report.failures[0].line), (2, 2), "{report:?}");
    assert_eq!(world.test.node.state().revision(), before);
    let report = import(&world, ImportMode::Merge, false, &records[..4]).await;
    assert_eq!((report.failed, report.configs.created), (0, 2), "{report:?}");

    // An export shows one revision, despite concurrent writes.
    let transfer = &world.test.application.transfer;
    let name = project("p");
    let mut export =
        transfer.export_project(&world.test.admin, &name, Freshness::default()).await.expect("it may");
    world.put("later", "1").await;
    let mut keys = Vec::new();
    while let Some(line) = export.next().await.expect("the archive works") {
        if let ExportLine::Record(Record::Config(record)) = line {
            keys.push(record.key.to_string());
        }
    }
    assert_eq!(keys, ["follows", "pinned"]);
}

#[tokio::test]
async fn a_config_that_is_twice_in_a_long_file_is_refused() {
    let world = World::new().await;
    let large = format!("{{\"t\":\"{}\"}}", "x".repeat(900_000));
    let mut records: Vec<Record> = (0..20).map(|n| record(&format!("k{n}"), &large)).collect();
    records.push(record("k0", "{}"));
    let report = import(&world, ImportMode::Merge, false, &records).await;
    let lines: Vec<u64> = report.failures.iter().map(|failure| failure.line).collect();
    assert_eq!(lines, [21], "{report:?}");
}
