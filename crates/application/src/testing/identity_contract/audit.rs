//! The contract of [`AuditLog`](crate::ports::identity::AuditLog).

use super::{Stores, at, digest, together};
use crate::identity::verify_audit;
use crate::ports::identity::{AuditOutcome, AuditQuery, AuditRecord, ChainPage, ChainPlace, NewAuditRecord};
use domain::Revision;

/// Runs all checks of this port.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_records_make_a_chain(&open().await).await;
    check_many_writers_make_one_chain(&open().await).await;
    check_one_projector_writes(&open().await).await;
    check_search(&open().await).await;
    check_search_takes_text_as_it_is(&open().await).await;
    check_pruning_keeps_the_chain(&open().await).await;
}

fn record(action: &str, ms: i64) -> NewAuditRecord {
    NewAuditRecord {
        at: at(ms),
        actor: "user:ada".into(),
        address: "192.0.2.1".into(),
        user_agent: "test \u{1f980}".into(),
        action: action.into(),
        resource: "config:shop/default/app".into(),
        project: Some("shop".into()),
        outcome: AuditOutcome::Success,
        request_id: "req-1".into(),
        trace_id: String::new(),
        revision: None,
        detail: "{\"why\":\"\"}".into(),
    }
}

fn of_revision(revision: u64, index: u32) -> NewAuditRecord {
    NewAuditRecord { revision: Some((Revision(revision), index)), ..record("config.put", 0) }
}

/// Verifies the whole chain and returns its records.
async fn whole(stores: &Stores) -> Vec<AuditRecord> {
    let page = stores.audit.chain(1, 10_000).await.expect("the chain");
    let verified = verify_audit(stores.audit.as_ref(), None).await.expect("the chain");
    assert_eq!((verified.first_bad, verified.last), (None, page.end), "the chain holds");
    assert_eq!(verified.records, page.records.len() as u64);
    page.records
}

fn place(record: &AuditRecord) -> ChainPlace {
    ChainPlace { number: record.number, head: record.head }
}

async fn check_records_make_a_chain(stores: &Stores) {
    let begin = ChainPlace::default();
    let none = stores.audit.chain(1, 10).await.expect("the chain");
    assert_eq!(none, ChainPage { forgotten: begin, end: begin, records: vec![] }, "the empty digest");
    let written = [record("a", 1), of_revision(u64::from(u32::MAX) * 3, u32::MAX), record("c", 3)];
    stores.audit.append(&written).await.expect("written");
    stores.audit.append(&[]).await.expect("nothing to write");
    stores.audit.append(&[record("d", 2)]).await.expect("written");
    let records = whole(stores).await;
    assert_eq!(records.iter().map(|one| one.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(records[..3].iter().map(|one| one.record.clone()).collect::<Vec<_>>(), written);
    let page = stores.audit.chain(3, 1).await.expect("the chain");
    assert_eq!((page.forgotten, page.end, &page.records[..]), (begin, place(&records[3]), &records[2..3]));
    let after = stores.audit.chain(5, 1).await.expect("the chain");
    assert_eq!((after.end, after.records), (place(&records[3]), vec![]), "after the end");
}

async fn check_many_writers_make_one_chain(stores: &Stores) {
    let all = together((0..20).map(|n| async move {
        stores.audit.append(&[record(&format!("a{n}"), n), record(&format!("b{n}"), n)]).await
    }));
    assert!(all.await.iter().all(Result::is_ok));
    let records = whole(stores).await;
    assert_eq!(records.len(), 40, "no gap, no double");
    for pair in records.chunks(2) {
        assert_eq!(
            pair[0].record.action[1..],
            pair[1].record.action[1..],
            "what belongs together is together"
        );
    }
}

async fn check_one_projector_writes(stores: &Stores) {
    assert_eq!(stores.audit.projected().await.expect("a read").revision, Revision(0));
    let batch = [of_revision(1, 0), of_revision(1, 1), of_revision(3, 0)];
    let all = together((0..8).map(|_| stores.audit.project(Revision(0), Revision(5), &batch))).await;
    assert_eq!(all.iter().filter(|one| matches!(one, Ok(true))).count(), 1, "{all:?}");
    assert_eq!(all.iter().filter(|one| matches!(one, Ok(false))).count(), 7, "{all:?}");
    assert_eq!(stores.audit.projected().await.expect("a read").revision, Revision(5));
    assert_eq!(whole(stores).await.len(), 3);
    let empty = stores.audit.project(Revision(5), Revision(9), &[]).await.expect("an answer");
    assert!(empty, "revisions without records count too");
    assert_eq!(stores.audit.projected().await.expect("a read").revision, Revision(9));
    assert!(!stores.audit.project(Revision(5), Revision(9), &batch).await.expect("an answer"));
}

async fn found(stores: &Stores, query: &AuditQuery, before: Option<u64>, limit: u32) -> Vec<u64> {
    let records = stores.audit.search(query, before, limit).await.expect("records");
    records.into_iter().map(|one| one.number).collect()
}

async fn check_search(stores: &Stores) {
    let denied = NewAuditRecord {
        outcome: AuditOutcome::Denied,
        actor: "api-key:ak".into(),
        project: None,
        resource: "user:bob".into(),
        ..record("auth.logout", 20)
    };
    let records = [record("auth.login", 0), record("auth.login.totp", 10), denied, record("config.put", 30)];
    stores.audit.append(&records).await.expect("written");
    let all = AuditQuery::default();
    assert_eq!(found(stores, &all, None, 10).await, [4, 3, 2, 1], "the newest first");
    assert_eq!(found(stores, &all, None, 2).await, [4, 3]);
    assert_eq!(found(stores, &all, Some(3), 2).await, [2, 1]);
    let text = |text: &str| Some(text.to_owned());
    for (query, expected) in [
        (AuditQuery { action: text("auth.login"), ..all.clone() }, &[1][..]),
        (AuditQuery { action: text("auth.login*"), ..all.clone() }, &[2, 1]),
        (AuditQuery { action: text("auth.*"), ..all.clone() }, &[3, 2, 1]),
        (AuditQuery { action: text("*"), ..all.clone() }, &[4, 3, 2, 1]),
        (AuditQuery { actor: text("api-key:ak"), ..all.clone() }, &[3]),
        (AuditQuery { resource: text("user:*"), ..all.clone() }, &[3]),
        (AuditQuery { project: text("shop"), ..all.clone() }, &[4, 2, 1]),
        (AuditQuery { outcome: Some(AuditOutcome::Denied), ..all.clone() }, &[3]),
        (AuditQuery { from: Some(at(10)), until: Some(at(30)), ..all.clone() }, &[3, 2]),
        (AuditQuery { action: text("auth.*"), project: text("shop"), ..all.clone() }, &[2, 1]),
    ] {
        assert_eq!(found(stores, &query, None, 10).await, expected, "{query:?}");
    }
}

async fn check_search_takes_text_as_it_is(stores: &Stores) {
    let named = |resource: &str| NewAuditRecord { resource: resource.into(), ..record("a", 0) };
    let records = ["100%_x", "100x_x", "ABC", "abc", "it's", "*", "ünï-code"].map(named);
    stores.audit.append(&records).await.expect("written");
    for (resource, expected) in
        [("100%*", &[1][..]), ("100%_x", &[1]), ("AB*", &[3]), ("it's*", &[5]), ("ün*", &[7]), ("**", &[6])]
    {
        let query = AuditQuery { resource: Some(resource.into()), ..AuditQuery::default() };
        assert_eq!(found(stores, &query, None, 10).await, expected, "{resource}");
    }
}

async fn check_pruning_keeps_the_chain(stores: &Stores) {
    let times = [0, 10, 50, 20, 60];
    stores.audit.append(&times.map(|ms| record("a", ms))).await.expect("written");
    let before = whole(stores).await;
    let no_such = ChainPlace { number: 2, head: digest("other") };
    assert_eq!(stores.audit.prune(no_such).await.expect("pruned"), 0);
    assert_eq!(stores.audit.prune(place(&before[0])).await.expect("pruned"), 1);
    assert_eq!(stores.audit.prune(place(&before[0])).await.expect("pruned"), 0, "it is gone");
    assert_eq!(stores.audit.prune(place(&before[1])).await.expect("pruned"), 1);
    let page = stores.audit.chain(1, 10).await.expect("the chain");
    assert_eq!((page.forgotten, &page.records[..]), (place(&before[1]), &before[2..]));
    assert_eq!(whole(stores).await.len(), 3);
    assert_eq!(stores.audit.prune(place(&before[4])).await.expect("pruned"), 3);
    stores.audit.append(&[record("b", 70)]).await.expect("written");
    let after = whole(stores).await;
    assert_eq!(after[0].number, 6, "numbers go on");
    assert_eq!(stores.audit.chain(6, 1).await.expect("the chain").forgotten, place(&before[4]));
}
