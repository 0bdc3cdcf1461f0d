//! Opening a database: required schema version, and concurrent migration.

use crate::places::{Kind, Places};
use adapter_sql::{Database, OpenError, Settings, migrate, schema_version};
use application::ports::identity::Users;
use domain::{Timestamp, UserId};
use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::path::Path;

/// Runs a statement outside of the program's own connections.
pub async fn run(kind: Kind<'_>, settings: &Settings, statement: &'static str) {
    let url = secrecy::ExposeSecret::expose_secret(&settings.url);
    match kind {
        Kind::Postgres(_) => {
            let mut connection = PgConnection::connect(url).await.expect("connected");
            sqlx::query(statement).execute(&mut connection).await.expect("done");
        }
        Kind::Sqlite => {
            let mut connection = SqliteConnection::connect(url).await.expect("connected");
            sqlx::query(statement).execute(&mut connection).await.expect("done");
        }
    }
}

pub async fn check_schema_must_be_known(kind: Kind<'_>) {
    let places = Places::new(kind);
    let settings = places.empty();
    if let Kind::Sqlite = kind {
        let missing = Database::open(&settings, false).await;
        assert!(matches!(missing, Err(OpenError::Unavailable(_))), "a file that is not there: {missing:?}");
        let url = secrecy::ExposeSecret::expose_secret(&settings.url);
        std::fs::write(url.strip_prefix("sqlite:").expect("a file"), "").expect("an empty file");
    }
    let old = Database::open(&settings, false).await.expect_err("there is no schema");
    assert!(matches!(old, OpenError::Older { found: 0, needed } if needed == schema_version()), "{old:?}");
    Database::open(&settings, true).await.expect("migrated").ping().await.expect("it answers");
    Database::open(&settings, true).await.expect("migrated again");
    Database::open(&settings, false).await.expect("it is known now");
    let next = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                SELECT MAX(version) + 1, 'next', TRUE, '', 0 FROM _sqlx_migrations";
    run(kind, &settings, next).await;
    for migrates in [false, true] {
        let opened = Database::open(&settings, migrates).await.expect("the next version breaks nothing");
        opened.ping().await.expect("it answers");
    }
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (900, 'later', TRUE, '', 0)";
    run(kind, &settings, newer).await;
    for migrates in [false, true] {
        let refused = Database::open(&settings, migrates).await.expect_err("it is newer");
        assert!(matches!(refused, OpenError::Newer { found: 900, .. }), "{refused:?}");
    }
    let text = OpenError::Newer { found: 900, known: schema_version() }.to_string();
    assert!(text.contains("900") && text.contains("newer program"), "{text}");
}

/// A database of every earlier schema version is migrated to the newest, and its user is kept.
pub async fn check_earlier_versions_are_upgraded(kind: Kind<'_>) {
    let folder = match kind {
        Kind::Postgres(_) => "postgres",
        Kind::Sqlite => "sqlite",
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../migrations").join(folder);
    for version in 1..schema_version() {
        let mut migrator = Migrator::new(path.as_path()).await.expect("the files are there");
        migrator.migrations.to_mut().retain(|migration| migration.version <= version);
        let places = Places::new(kind);
        let settings = places.empty();
        let url = secrecy::ExposeSecret::expose_secret(&settings.url);
        match kind {
            Kind::Postgres(_) => {
                let mut connection = PgConnection::connect(url).await.expect("connected");
                migrator.run_direct(None, &mut connection, false).await.expect("an earlier version");
            }
            Kind::Sqlite => {
                let file = format!("{url}?mode=rwc");
                let mut connection = SqliteConnection::connect(&file).await.expect("connected");
                migrator.run_direct(None, &mut connection, false).await.expect("an earlier version");
            }
        }
        let user = "INSERT INTO users
                (id, email, name, password, active, second_factor_required, created_at, updated_at)
            VALUES ('ann', 'ann@example.org', 'Ann', NULL, TRUE, FALSE, 7, 7)";
        run(kind, &settings, user).await;
        let old = Database::open(&settings, false).await.expect_err("it is older");
        assert!(matches!(old, OpenError::Older { found, .. } if found == version), "{old:?}");
        let database = Database::open(&settings, true).await.expect("upgraded");
        let user = Users::get(&database, &UserId::parse("ann").expect("an id")).await.expect("an answer");
        assert_eq!(user.expect("she is there").created_at, Timestamp(7));
    }
}

pub async fn check_many_migrate_at_once(kind: Kind<'_>) {
    for _ in 0..3 {
        let places = Places::new(kind);
        let settings = places.empty();
        let all: Vec<_> = (0..8)
            .map(|_| {
                let settings = settings.clone();
                tokio::spawn(async move { Database::open(&settings, true).await })
            })
            .collect();
        for one in all {
            one.await.expect("no panic").expect("opened").ping().await.expect("it answers");
        }
    }
}

pub async fn check_changed_migration_is_refused(kind: Kind<'_>) {
    let places = Places::new(kind);
    let settings = places.migrated().await;
    run(kind, &settings, "UPDATE _sqlx_migrations SET checksum = '' WHERE version = 1").await;
    let refused = migrate(&settings).await.expect_err("it is not the one that was released");
    assert!(matches!(refused, OpenError::Failed(_)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_must_be_known_to_postgres() {
    check_schema_must_be_known(Kind::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_must_be_known_to_sqlite() {
    check_schema_must_be_known(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_versions_are_upgraded() {
    check_earlier_versions_are_upgraded(Kind::postgres()).await;
    check_earlier_versions_are_upgraded(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_migrate_postgres_at_once() {
    check_many_migrate_at_once(Kind::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_migrate_sqlite_at_once() {
    check_many_migrate_at_once(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_migration_is_refused() {
    check_changed_migration_is_refused(Kind::postgres()).await;
    check_changed_migration_is_refused(Kind::Sqlite).await;
}

#[tokio::test]
async fn a_file_of_people_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let places = Places::new(Kind::Sqlite);
    let settings = places.migrated().await;
    let database = Database::open(&settings, false).await.expect("opened");
    application::ports::identity::AuditLog::append(&database, &[]).await.expect("nothing");
    database.ping().await.expect("it answers");
    let url = secrecy::ExposeSecret::expose_secret(&settings.url);
    let path = std::path::Path::new(url.strip_prefix("sqlite:").expect("a file"));
    for entry in std::fs::read_dir(path.parent().expect("a folder")).expect("a folder") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}
