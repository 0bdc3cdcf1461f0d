//! What operators decide about the database.

use crate::OpenError;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use std::time::Duration;

/// How to reach the database, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `postgres://user:password@host:port/database?sslmode=verify-full` or `sqlite:/path/to/file`.
    pub url: SecretString,
    /// Most connections of this process; a SQLite database has one more, for writing.
    pub connections_max: u32,
    /// Longest wait for a free or new connection, and of a SQLite writer for those of other processes.
    pub acquire_timeout: Duration,
    /// Longest run of one statement. PostgreSQL ends it then; this side waits `ANSWER_SLACK` more.
    pub statement_timeout: Duration,
    /// Longest time that PostgreSQL lets a transaction idle.
    pub idle_in_transaction_timeout: Duration,
    /// A statement that takes longer is logged, without the values in it.
    pub slow_statement: Duration,
}

/// How much longer than a statement may run its answer may take, before the connection is taken for dead.
pub const ANSWER_SLACK: Duration = Duration::from_secs(1);

impl Settings {
    /// Settings for the database at `url`, the rest as it is good for most.
    pub fn new(url: SecretString) -> Self {
        Self {
            url,
            connections_max: 10,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(10),
            slow_statement: Duration::from_millis(500),
        }
    }

    /// Whether the database is a file, which only those on one machine can share.
    pub fn is_file(&self) -> bool {
        matches!(self.target(), Ok(Target::Sqlite(_)))
    }

    /// Whether the address can be one, before anybody goes there.
    pub fn check(&self) -> Result<(), OpenError> {
        self.target().map(drop)
    }

    /// Which database the address names.
    pub(crate) fn target(&self) -> Result<Target, OpenError> {
        let url = self.url.expose_secret();
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Target::Postgres);
        }
        let path = url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match path {
            // A database in memory would be another one for each connection.
            Some(path) if path.is_empty() || path.contains(":memory:") => {
                Err(OpenError::Settings("a SQLite database needs a file"))
            }
            Some(path) if path.contains('?') => {
                Err(OpenError::Settings("the address of a SQLite database takes no parameters"))
            }
            Some(path) => Ok(Target::Sqlite(PathBuf::from(path))),
            None => Err(OpenError::Settings("the address must begin with postgres:// or sqlite:")),
        }
    }
}

/// The kinds of database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    /// A PostgreSQL server.
    Postgres,
    /// A file.
    Sqlite(PathBuf),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Option<&Target>) {
        let settings = Settings::new(url.into());
        assert_eq!(settings.target().ok().as_ref(), expected, "{url}");
    }

    #[test]
    fn the_address_says_which_database() {
        check("postgres://u:p@h/d", Some(&Target::Postgres));
        check("postgresql://h/d", Some(&Target::Postgres));
        check("sqlite:/var/lib/x.db", Some(&Target::Sqlite("/var/lib/x.db".into())));
        check("sqlite:///var/lib/x.db", Some(&Target::Sqlite("/var/lib/x.db".into())));
        for bad in ["", "mysql://h/d", "sqlite::memory:", "sqlite:", "sqlite:x.db?mode=memory", "/x.db"] {
            check(bad, None);
        }
    }

    #[test]
    fn the_password_is_never_shown() {
        let shown = format!("{:?}", Settings::new("postgres://u:hunter2@h/d".into()));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
