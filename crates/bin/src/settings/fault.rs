//! Errors in settings. They name the key and the limit, never a value that may be secret.

use std::fmt;
use std::path::PathBuf;

/// One invalid setting.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The key, such as `http.listen`.
    pub key: String,
    /// The error.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file, the environment or a flag cannot be parsed.
    #[error("the settings cannot be read")]
    Unreadable(#[source] config::ConfigError),
    /// The file cannot be read.
    #[error("the settings file {0} cannot be read")]
    NoFile(PathBuf, #[source] std::io::Error),
    /// Invalid settings, all of them.
    #[error("the settings are not usable:{}", lines(.0))]
    Faults(Vec<Fault>),
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().flat_map(|fault| ["\n  ".to_owned(), fault.to_string()]).collect()
}
