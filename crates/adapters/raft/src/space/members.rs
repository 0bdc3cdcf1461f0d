//! The disk levels that other members reported.

use super::Level;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Time for which a report counts. A member that is down does not write, so it does not block others.
const HEARD_WITHIN: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
pub(super) struct Members(Mutex<BTreeMap<u64, (Level, Instant)>>);

impl Members {
    pub(super) fn heard(&self, member: u64, level: Level) {
        let now = Instant::now();
        let before = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(member, (level, now)).map_or(Level::Ample, |(level, _)| level)
        };
        if before < level {
            tracing::warn!(
                alarm = "disk_full",
                member,
                ?level,
                "a member is low on disk space: changes that grow are refused until it has more"
            );
        } else if level < before {
            tracing::info!(member, ?level, "a member has more disk space again");
        }
    }

    /// The lowest level of the members that reported recently.
    pub(super) fn lowest(&self) -> Level {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = known.values().filter(|(_, at)| at.elapsed() < HEARD_WITHIN);
        lately.map(|(level, _)| *level).max().unwrap_or_default()
    }
}
