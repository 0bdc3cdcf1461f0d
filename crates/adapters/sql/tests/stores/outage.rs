//! A server that stops and starts again.

use crate::places::stores;
use adapter_sql::{Database, OpenError, Settings};
use application::ports::identity::IdentityError;
use domain::UserId;
use postgres_fixture::Server;
use std::net::TcpListener;
use std::time::Duration;
use tokio::time::Instant;

fn settings(url: String) -> Settings {
    Settings {
        acquire_timeout: Duration::from_secs(1),
        statement_timeout: Duration::from_millis(500),
        ..Settings::new(url.into())
    }
}

/// Acknowledged writes are present after the server is back.
pub async fn check_outage(server: &Server, stop: impl AsyncFnOnce(), resume: impl AsyncFnOnce()) {
    let database = Database::open(&settings(server.empty()), true).await.expect("opened");
    let stores = stores(&database);
    let user = UserId::parse("ada").expect("a constant");
    let new = application::ports::identity::NewUser {
        id: user.clone(),
        email: domain::Email::parse("ada@example.org").expect("a constant"),
        name: domain::KeyLabel::parse("Ada").expect("a constant"),
        password: None,
        identity: None,
        second_factor_required: false,
        at: domain::Timestamp(1),
    };
    stores.users.create(&new).await.expect("made");
    stop().await;
    for _ in 0..3 {
        let began = Instant::now();
        let read = stores.users.get(&user).await;
        assert!(matches!(read, Err(IdentityError::Unavailable(_))), "{read:?}");
        let write = stores.users.create(&new).await;
        assert!(matches!(write, Err(IdentityError::Unavailable(_))), "{write:?}");
        assert!(database.ping().await.is_err_and(|error| error.is_unavailable()));
        assert!(began.elapsed() < Duration::from_secs(10), "nobody waits for long");
    }
    resume().await;
    is_back(&database).await;
    assert!(stores.users.get(&user).await.expect("a read").is_some());
}

async fn is_back(database: &Database) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while database.ping().await.is_err() {
        assert!(Instant::now() < deadline, "it comes back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_at_the_start_is_migrated_when_it_is_back() {
    let server = Server::start();
    let settings = settings(server.empty());
    server.stop();
    let refused = Database::open(&settings, true).await.expect_err("it is away");
    assert!(refused.is_unavailable(), "{refused:?}");
    let database = Database::open_later(&settings, true).expect("the address is good");
    let checks_only = Database::open_later(&settings, false).expect("the address is good");
    let stores = stores(&database);
    assert!(matches!(stores.admissions.is_empty().await, Err(IdentityError::Unavailable(_))));
    server.resume();
    let old = loop {
        match checks_only.ping().await.expect_err("nobody migrated it yet") {
            away if away.is_unavailable() => tokio::time::sleep(Duration::from_millis(50)).await,
            other => break other,
        }
    };
    assert!(matches!(old, OpenError::Older { found: 0, .. }), "{old:?}");
    assert!(matches!(stores.admissions.is_empty().await, Err(IdentityError::Unavailable(_))), "nobody asked");
    is_back(&database).await;
    assert!(stores.admissions.is_empty().await.expect("a read"));
    checks_only.ping().await.expect("another node has migrated it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_when_the_server_is_back() {
    let server = Server::start();
    check_outage(&server, async || server.stop(), async || server.resume()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_survives_connections_that_died() {
    let server = Server::start();
    let database = Database::open(&settings(server.empty()), true).await.expect("opened");
    database.ping().await.expect("it answers");
    server.stop();
    server.resume();
    database.ping().await.expect("dead connections are not the caller's business");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_silent_is_not_available() {
    // Accepts connections and never responds, as behind a broken network.
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bound");
    let url = format!("postgres://u@{}/d", listener.local_addr().expect("an address"));
    let began = Instant::now();
    for migrates in [true, false] {
        let refused = Database::open(&settings(url.clone()), migrates).await.expect_err("nobody is there");
        assert!(matches!(refused, OpenError::Unavailable(_)), "{refused:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(10));
}
