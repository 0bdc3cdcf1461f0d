//! The database schema and its versions. Forward only: a released migration is never edited.

use crate::connection::Connection;
use crate::database::{postgres_options, sqlite_options};
use crate::error::{OpenError, SqlError};
use crate::settings::{Settings, Target};
use crate::statement::Statement;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{ConnectOptions, Connection as _, SqlSafeStr};
use std::path::Path;
use std::time::Duration;

/// The version, the name, and the text for each database.
const MIGRATIONS: &[(i64, &str, Statement)] = &[
    (
        1,
        "identity",
        Statement {
            postgres: include_str!("../../../../migrations/postgres/0001_identity.sql"),
            sqlite: include_str!("../../../../migrations/sqlite/0001_identity.sql"),
        },
    ),
    (
        2,
        "sign_in_networks",
        Statement {
            postgres: include_str!("../../../../migrations/postgres/0002_sign_in_networks.sql"),
            sqlite: include_str!("../../../../migrations/sqlite/0002_sign_in_networks.sql"),
        },
    ),
    (
        3,
        "api_key_uses",
        Statement {
            postgres: include_str!("../../../../migrations/postgres/0003_api_key_uses.sql"),
            sqlite: include_str!("../../../../migrations/sqlite/0003_api_key_uses.sql"),
        },
    ),
];

/// Retries, and the pause between them, for opening a SQLite file that another process is creating.
const NEW_FILE_TRIES: u32 = 40;
const NEW_FILE_PAUSE: Duration = Duration::from_millis(50);

/// The newest schema version of this release.
pub fn schema_version() -> i64 {
    MIGRATIONS.last().map_or(0, |(version, _, _)| *version)
}

fn migrator(text: fn(&Statement) -> &'static str) -> Migrator {
    let all = MIGRATIONS.iter().map(|(version, name, statement)| {
        let sql = text(statement).into_sql_str();
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql, false)
    });
    let mut migrator = Migrator::with_migrations(all.collect());
    // A newer schema is judged by `check`.
    migrator.set_ignore_missing(true);
    migrator
}

/// Migrates the database to the newest schema version of this release. Safe to run concurrently. A newer schema stays as
/// it is.
pub async fn migrate(settings: &Settings) -> Result<(), OpenError> {
    match settings.target()? {
        Target::Postgres => {
            // A separate connection without time limits, because migrations may take long. The migrator takes
            // an advisory lock.
            let mut connection = tokio::time::timeout(
                settings.acquire_timeout.max(Duration::from_secs(1)),
                postgres_options(settings)?.connect(),
            )
            .await
            .map_err(|_| SqlError::Unavailable("the database did not answer in time".into()))?
            .map_err(SqlError::from)?;
            let done = migrator(|one| one.postgres).run_direct(None, &mut connection, false).await;
            // Closing the connection releases the lock, even after a failure.
            connection.close().await.ok();
            done.map_err(meaning)
        }
        Target::Sqlite(path) => migrate_file(settings, &path).await,
    }
}

/// Runs in one transaction: SQLite admits one writer, so concurrent migrations wait and then find nothing to
/// do.
async fn migrate_file(settings: &Settings, path: &Path) -> Result<(), OpenError> {
    make_private(path).map_err(|error| OpenError::Unavailable(Box::new(error)))?;
    let options = sqlite_options(settings, path).busy_timeout(NEW_FILE_PAUSE * NEW_FILE_TRIES);
    let mut tries = 0;
    let mut connection = loop {
        // SQLite does not wait for other processes when it enables the write-ahead log.
        match options.connect().await.map_err(SqlError::from) {
            Err(SqlError::Unavailable(_)) if tries < NEW_FILE_TRIES => {
                tries += 1;
                tokio::time::sleep(NEW_FILE_PAUSE).await;
            }
            other => break other?,
        }
    };
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(SqlError::from)?;
    run_within(&mut *transaction).await?;
    transaction.commit().await.map_err(SqlError::from)?;
    connection.close().await.map_err(SqlError::from)?;
    Ok(())
}

async fn run_within(connection: &mut impl Migrate) -> Result<(), OpenError> {
    migrator(|one| one.sqlite).run_direct(None, connection, false).await.map_err(meaning)
}

/// Creates the file if it does not exist, readable only by its owner: it contains session and password
/// digests. SQLite creates its other files with the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

fn meaning(error: MigrateError) -> OpenError {
    match error {
        MigrateError::Execute(error) => SqlError::from(error).into(),
        other => OpenError::Failed(Box::new(other)),
    }
}

const HAS_TABLE: Statement = Statement {
    postgres: "SELECT tablename FROM pg_tables
               WHERE tablename = '_sqlx_migrations' AND schemaname = current_schema()",
    sqlite: "SELECT name FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'",
};

/// Checks that this release can use the schema: its version is the newest that the release knows, or the next one,
/// because no migration breaks the release before it (`migrations/README.md`).
pub(crate) async fn check(connection: &mut Connection) -> Result<(), OpenError> {
    let mut found = Vec::new();
    if connection.any(HAS_TABLE, &[]).await? {
        let applied = "SELECT version FROM _sqlx_migrations WHERE success ORDER BY version";
        for row in connection.rows(applied, &[]).await? {
            found.push(row.get::<i64>("version")?);
        }
    }
    let known: Vec<i64> = MIGRATIONS.iter().map(|(version, _, _)| *version).collect();
    let newest = found.last().copied().unwrap_or(0);
    if newest > schema_version() + 1 {
        return Err(OpenError::Newer { found: newest, known: schema_version() });
    }
    if known.iter().any(|version| !found.contains(version)) {
        return Err(OpenError::Older { found: newest, needed: schema_version() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that the files of a folder are those of the list, by name.
    fn check_folder(folder: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../migrations").join(folder);
        let mut files: Vec<_> = std::fs::read_dir(path)
            .expect("the folder is there")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        files.sort();
        let listed: Vec<_> =
            MIGRATIONS.iter().map(|(version, name, _)| format!("{version:04}_{name}.sql")).collect();
        assert_eq!(files, listed, "{folder}");
    }

    #[test]
    fn every_file_is_in_the_list_and_versions_have_no_gap() {
        check_folder("postgres");
        check_folder("sqlite");
        let versions: Vec<_> = MIGRATIONS.iter().map(|(version, _, _)| *version).collect();
        assert_eq!(versions, (1..=schema_version()).collect::<Vec<_>>());
    }
}
