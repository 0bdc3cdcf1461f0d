//! Counters and the wall clock as values, each its own type so that they cannot be mixed up.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! counter {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $type(pub u64);

        impl $type {
            /// The one that follows.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter!(
    /// Counts the accepted commands of the whole cluster. 0 is the empty state.
    Revision
);
counter!(
    /// Counts the changes of one config key, deletions included, from 1. It goes on across delete and
    /// re-create, so a version never means two things. 0 means "does not exist".
    Version
);
counter!(
    /// Counts the versions of one schema, from 1; it too goes on across delete and re-create.
    SchemaVersion
);

counter!(
    /// Counts what took rights or sessions from one person; 0 until something did. What was found about
    /// the person before the newest epoch counts for nothing.
    Epoch
);

/// Wall-clock time in milliseconds since 1970-01-01T00:00:00Z, as stamped by the leader that took the command.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);
