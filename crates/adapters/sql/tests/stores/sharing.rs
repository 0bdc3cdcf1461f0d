//! Several processes on one database, cancelled requests, and statement timeouts.

use crate::places::{Kind, Places, stores};
use adapter_sql::Database;
use application::identity::verify_audit;
use application::ports::identity::{AuditLog, AuditOutcome, NewAuditRecord};
use domain::Timestamp;
use futures::future::join_all;
use std::time::Duration;

pub fn record(action: &str) -> NewAuditRecord {
    NewAuditRecord {
        at: Timestamp(1),
        actor: "system".into(),
        address: String::new(),
        user_agent: String::new(),
        action: action.into(),
        resource: String::new(),
        project: None,
        outcome: AuditOutcome::Success,
        request_id: "r".into(),
        trace_id: String::new(),
        revision: None,
        detail: "{}".into(),
    }
}

/// Three pools on one database act as three processes: SQLite locks its file between connections.
pub async fn check_three_share(kind: Kind<'_>) {
    let places = Places::new(kind);
    let settings = places.migrated().await;
    let mut three = Vec::new();
    for _ in 0..3 {
        three.push(Database::open(&settings, false).await.expect("opened"));
    }
    let writes = (0..90).map(|n| {
        let database = three[n % 3].clone();
        tokio::spawn(async move { database.append(&[record(&format!("a{n}"))]).await })
    });
    for one in join_all(writes).await {
        one.expect("no panic").expect("written");
    }
    let verified = verify_audit(&three[0], None).await.expect("the chain");
    assert_eq!((verified.records, verified.first_bad), (90, None));
}

/// Requests cancelled at any point leave no changes and no locks.
async fn check_given_up_requests(kind: Kind<'_>) {
    let places = Places::new(kind);
    let settings = places.migrated().await;
    let database = Database::open(&settings, false).await.expect("opened");
    let mut done = 0;
    for micros in (0..4000).step_by(40) {
        let records = [record("first"), record("second"), record("third")];
        let work = database.append(&records);
        if let Ok(result) = tokio::time::timeout(Duration::from_micros(micros), work).await {
            result.expect("written");
            done += 1;
        }
    }
    database.append(&[record("last")]).await.expect("nothing is stuck");
    let verified = verify_audit(&database, None).await.expect("the chain");
    assert_eq!(verified.first_bad, None, "one chain");
    assert_eq!(verified.records % 3, 1, "all or nothing");
    assert!(verified.records > 3 * done, "what was answered is there");
}

async fn check_text_that_one_server_cannot_keep(kind: Kind<'_>) {
    let places = Places::new(kind);
    let stores = places.stores().await;
    let odd = NewAuditRecord { user_agent: "nul\0nul".into(), ..record("a") };
    stores.audit.append(&[odd]).await.expect("nobody keeps a record out of the audit");
    let page = stores.audit.chain(1, 10).await.expect("the chain");
    assert_eq!(page.records[0].record.user_agent, "nul\u{fffd}nul");
    let verified = verify_audit(stores.audit.as_ref(), None).await.expect("the chain");
    assert_eq!(verified.first_bad, None, "it is chained as it is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_share_a_server() {
    check_three_share(Kind::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_share_a_file() {
    check_three_share(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_up_requests_leave_nothing_on_a_server() {
    check_given_up_requests(Kind::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_up_requests_leave_nothing_in_a_file() {
    check_given_up_requests(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_text_can_be_audited() {
    check_text_that_one_server_cannot_keep(Kind::postgres()).await;
    check_text_that_one_server_cannot_keep(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_waits_too_long_is_ended() {
    let places = Places::new(Kind::postgres());
    let mut settings = places.migrated().await;
    settings.statement_timeout = Duration::from_millis(300);
    let database = Database::open(&settings, false).await.expect("opened");
    let url = secrecy::ExposeSecret::expose_secret(&settings.url);
    let mut other = <sqlx::PgConnection as sqlx::Connection>::connect(url).await.expect("connected");
    sqlx::query("BEGIN").execute(&mut other).await.expect("begun");
    sqlx::query("SELECT * FROM audit_chain FOR UPDATE").execute(&mut other).await.expect("held");
    let waited = database.append(&[record("a")]).await;
    assert!(matches!(waited, Err(application::ports::identity::IdentityError::Unavailable(_))), "{waited:?}");
    sqlx::query("ROLLBACK").execute(&mut other).await.expect("let go");
    database.append(&[record("a")]).await.expect("it goes on");
    assert_eq!(stores(&database).audit.chain(1, 10).await.expect("the chain").records.len(), 1);
}
