//! Settings of the database.

use crate::OpenError;
use crate::database::postgres_options;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgSslMode;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How to connect to the database, and time limits.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `postgres://user:password@host:port/database?sslmode=verify-full` or `sqlite:/path/to/file`.
    pub url: SecretString,
    /// Most connections of this process. A SQLite database has one more, for writing.
    pub connections_max: u32,
    /// Longest wait for a free or new connection, and of a SQLite writer for other processes.
    pub acquire_timeout: Duration,
    /// Longest run time of one statement, enforced by PostgreSQL. The client waits `ANSWER_SLACK` longer.
    pub statement_timeout: Duration,
    /// Longest idle time of a transaction, enforced by PostgreSQL.
    pub idle_in_transaction_timeout: Duration,
    /// Run time above which a statement is logged, without its values.
    pub slow_statement: Duration,
}

/// Additional time for the response to a statement, after which the connection is considered dead.
pub const ANSWER_SLACK: Duration = Duration::from_secs(1);

impl Settings {
    /// Settings for the database at `url`, with the defaults for everything else.
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

    /// Whether the database is a file, which only processes on one machine can share.
    pub fn is_file(&self) -> bool {
        matches!(self.target(), Ok(Target::Sqlite(_)))
    }

    /// Checks the URL without connecting. Refuses `sslmode=prefer`, which is also the default, for another
    /// host: an attacker on the network could disable the encryption unnoticed.
    pub fn check(&self) -> Result<(), OpenError> {
        match self.remote_ssl_mode()? {
            Some(PgSslMode::Prefer | PgSslMode::Allow) => Err(OpenError::Settings(
                "the address must say how the connection to another host is secured, because 'prefer', the default, \
                 falls back to plain text unnoticed: sslmode=verify-full, verify-ca or require, or sslmode=disable \
                 on a network that nobody else can read",
            )),
            _ => Ok(()),
        }
    }

    /// A warning about weak security of the connection to a server on another host.
    pub fn warning(&self) -> Option<&'static str> {
        match self.remote_ssl_mode() {
            Ok(Some(PgSslMode::Disable)) => {
                Some("sslmode=disable: everybody on the way to the database can read and change what is sent")
            }
            Ok(Some(PgSslMode::Require)) => {
                Some("sslmode=require encrypts but does not check who the database is: use verify-full")
            }
            _ => None,
        }
    }

    /// The TLS mode for a server on another host; `None` for local databases.
    fn remote_ssl_mode(&self) -> Result<Option<PgSslMode>, OpenError> {
        if self.target()? != Target::Postgres {
            return Ok(None);
        }
        let options = postgres_options(self)?;
        let host = options.get_host().trim_matches(['[', ']']);
        let local = options.get_socket().is_some()
            || host == "localhost"
            || host.starts_with('/')
            || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
        Ok((!local).then_some(options.get_ssl_mode()))
    }

    /// The database that the URL names.
    pub(crate) fn target(&self) -> Result<Target, OpenError> {
        let url = self.url.expose_secret();
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Target::Postgres);
        }
        let path = url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match path {
            // Each connection would have its own in-memory database.
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
    fn another_host_needs_a_decision_about_encryption() {
        for (url, refused, warned) in [
            ("postgres://u@db.example/d", true, false),
            ("postgres://u@db.example/d?sslmode=prefer", true, false),
            ("postgres://u@db.example/d?sslmode=allow", true, false),
            ("postgres://u@10.0.0.7:5432/d", true, false),
            ("postgres://u@db.example/d?sslmode=disable", false, true),
            ("postgres://u@db.example/d?sslmode=require", false, true),
            ("postgres://u@db.example/d?sslmode=verify-ca", false, false),
            ("postgres://u@db.example/d?sslmode=verify-full", false, false),
            ("postgres://u@localhost/d", false, false),
            ("postgres://u@127.0.0.1/d?sslmode=prefer", false, false),
            ("postgres://u@[::1]/d", false, false),
            ("postgres:///d?host=/var/run/postgresql", false, false),
            ("sqlite:/var/lib/x.db", false, false),
        ] {
            let settings = Settings::new(url.into());
            assert_eq!(settings.check().is_err(), refused, "{url}");
            assert_eq!(settings.warning().is_some(), warned, "{url}");
        }
    }

    #[test]
    fn the_password_is_never_shown() {
        let shown = format!("{:?}", Settings::new("postgres://u:hunter2@h/d".into()));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
