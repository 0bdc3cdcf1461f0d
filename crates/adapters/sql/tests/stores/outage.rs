//! A server that goes away and comes back.

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

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_when_the_server_is_back() {
    let server = Server::start();
    let database = Database::open(&settings(server.empty()), true).await.expect("opened");
    let stores = stores(&database);
    let user = UserId::parse("ada").expect("a constant");
    let new = application::ports::identity::NewUser {
        id: user.clone(),
        email: domain::Email::parse("ada@example.org").expect("a constant"),
        name: domain::KeyLabel::parse("Ada").expect("a constant"),
        password: None,
        at: domain::Timestamp(1),
    };
    stores.users.create(&new).await.expect("made");
    server.stop();
    for _ in 0..3 {
        let began = Instant::now();
        let read = stores.users.get(&user).await;
        assert!(matches!(read, Err(IdentityError::Unavailable(_))), "{read:?}");
        let write = stores.users.create(&new).await;
        assert!(matches!(write, Err(IdentityError::Unavailable(_))), "{write:?}");
        assert!(matches!(database.ping().await, Err(IdentityError::Unavailable(_))));
        assert!(began.elapsed() < Duration::from_secs(10), "nobody waits for long");
    }
    server.resume();
    let deadline = Instant::now() + Duration::from_secs(30);
    while database.ping().await.is_err() {
        assert!(Instant::now() < deadline, "it comes back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(stores.users.get(&user).await.expect("a read").is_some());
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
    // It takes connections and never says a word, as behind a broken network.
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bound");
    let url = format!("postgres://u@{}/d", listener.local_addr().expect("an address"));
    let began = Instant::now();
    for migrates in [true, false] {
        let refused = Database::open(&settings(url.clone()), migrates).await.expect_err("nobody is there");
        assert!(matches!(refused, OpenError::Unavailable(_)), "{refused:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(10));
}
