//! Counters and timestamps, each with its own type so that they cannot be mixed up.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! counter {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $type(pub u64);

        impl $type {
            /// The next number.
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
    /// The number of an accepted command in the whole cluster. 0 is the empty state.
    Revision
);
counter!(
    /// The number of a change of one config, deletions included, from 1. It continues after a delete and a
    /// new create, so a version is never reused. 0 means that the config does not exist.
    Version
);
counter!(
    /// The number of a version of one schema, from 1. It continues after a delete and a new create.
    SchemaVersion
);

counter!(
    /// The number of times that rights or sessions were taken from one user; 0 before the first. Rights that
    /// were resolved before the user's current epoch are no longer accepted.
    Epoch
);

/// Wall-clock time in milliseconds since 1970-01-01T00:00:00Z, by the clock of the leader that accepted the
/// command.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);
