//! Tampering with the audit table: verification returns the first modified record.

use crate::opening::run;
use crate::places::{Kind, Places};
use crate::sharing::record;
use adapter_sql::Database;
use application::identity::verify_audit;
use application::ports::identity::{AuditLog, ChainPlace};
use domain::{AuditAnchor, Timestamp};

async fn check_found(kind: Kind<'_>, statement: &'static str, first_bad: Option<u64>) {
    let places = Places::new(kind);
    let settings = places.migrated().await;
    let database = Database::open(&settings, false).await.expect("opened");
    // More than one verification batch.
    let records: Vec<_> = (0..1200).map(|n| record(&format!("a{n}"))).collect();
    database.append(&records).await.expect("written");
    run(kind, &settings, statement).await;
    let verified = verify_audit(&database, None).await.expect("the chain can be read");
    assert_eq!(verified.first_bad, first_bad, "{kind:?}: {statement}");
}

/// Tampering that keeps the chain in the database valid is detected by the anchor in the cluster.
async fn check_anchored(kind: Kind<'_>, statements: &[&'static str], first_bad: Option<u64>) {
    let places = Places::new(kind);
    let settings = places.migrated().await;
    let database = Database::open(&settings, false).await.expect("opened");
    let records: Vec<_> = (0..20).map(|n| record(&format!("a{n}"))).collect();
    database.append(&records).await.expect("written");
    let page = database.chain(1, 20).await.expect("the chain");
    let place = |at: usize| ChainPlace { number: page.records[at].number, head: page.records[at].head };
    let anchor = AuditAnchor { cut: place(3), end: page.end, at: Timestamp(0) };
    for statement in statements {
        run(kind, &settings, statement).await;
    }
    let verified = verify_audit(&database, None).await.expect("the chain can be read");
    assert_eq!(verified.first_bad, None, "{kind:?}: {statements:?}");
    let verified = verify_audit(&database, Some(&anchor)).await.expect("the chain can be read");
    assert_eq!(verified.first_bad, first_bad, "{kind:?}: {statements:?}");
}

const CUT_4: &str = "UPDATE audit_chain SET pruned_number = 4,
                         pruned_head = (SELECT head FROM audit WHERE number = 4)";
const CUT_7: &str = "UPDATE audit_chain SET pruned_number = 7,
                         pruned_head = (SELECT head FROM audit WHERE number = 7)";
const END_15: &str = "UPDATE audit_chain SET number = 15, head = (SELECT head FROM audit WHERE number = 15)";

pub async fn check_kind(kind: Kind<'_>) {
    check_found(kind, "UPDATE audit SET actor = actor", None).await;
    check_found(kind, "UPDATE audit SET actor = 'user:another' WHERE number = 1100", Some(1100)).await;
    check_found(kind, "DELETE FROM audit WHERE number = 7", Some(7)).await;
    check_found(kind, "DELETE FROM audit WHERE number <= 7", Some(1)).await;
    check_found(kind, "DELETE FROM audit WHERE number > 1150", Some(1151)).await;
    check_found(kind, "DELETE FROM audit", Some(1)).await;
    check_found(kind, "UPDATE audit_chain SET number = 1199", Some(1200)).await;
    check_found(kind, "UPDATE audit_chain SET number = 1300", Some(1201)).await;
}

async fn check_anchors(kind: Kind<'_>) {
    check_anchored(kind, &[], None).await;
    check_anchored(kind, &[CUT_4, "DELETE FROM audit WHERE number <= 4"], None).await;
    check_anchored(kind, &[CUT_7, "DELETE FROM audit WHERE number <= 7"], Some(5)).await;
    check_anchored(kind, &[END_15, "DELETE FROM audit WHERE number > 15"], Some(16)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cut_off_beside_the_cluster_is_named() {
    check_anchors(Kind::postgres()).await;
    check_anchors(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_altered_on_a_server_is_named() {
    check_kind(Kind::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_altered_in_a_file_is_named() {
    check_kind(Kind::Sqlite).await;
}
