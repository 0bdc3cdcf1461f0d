//! Somebody alters the audit past the program: a check names the first record that is not what was written.

use crate::opening::run;
use crate::places::{Kind, Places};
use crate::sharing::record;
use adapter_sql::Database;
use application::identity::verify_audit;
use application::ports::identity::AuditLog;

async fn check_found(kind: Kind<'_>, statement: &'static str, first_bad: Option<u64>) {
    let places = Places::new(kind);
    let settings = places.migrated().await;
    let database = Database::open(&settings, false).await.expect("opened");
    // More than a check reads at a time.
    let records: Vec<_> = (0..1200).map(|n| record(&format!("a{n}"))).collect();
    database.append(&records).await.expect("written");
    run(kind, &settings, statement).await;
    let verified = verify_audit(&database).await.expect("the chain can be read");
    assert_eq!(verified.first_bad, first_bad, "{kind:?}: {statement}");
}

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

#[tokio::test(flavor = "multi_thread")]
async fn what_was_altered_on_a_server_is_named() {
    check_kind(Kind::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_altered_in_a_file_is_named() {
    check_kind(Kind::Sqlite).await;
}
