//! The maximum number of connections. Each uses a file descriptor; some are reserved for the store, the log,
//! peers and the identity database.

use super::ConnectionRules;
use super::table::Slots;
use rustix::process::{Resource, getrlimit};

/// Maximum number of connections, in addition to those of watchers.
const CONNECTIONS_MAX: usize = 10_000;
/// Additional connections that only serve probes.
const PROBES_MAX: usize = 32;
/// File descriptors reserved for the log, the state, snapshots, peers and their handshakes, SQL.
const DESCRIPTORS_RESERVED: usize = 384;

/// The limit of open files of this process; `None` for no limit.
pub(crate) fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// The connection limits. Logs a warning if the limit of open files reduces them.
pub(super) fn slots(rules: &ConnectionRules) -> Slots {
    let wanted = CONNECTIONS_MAX + rules.watchers_max;
    let limit = rules.descriptors.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let total = granted(limit).min(wanted);
    if total < wanted {
        tracing::warn!(
            open_files = limit,
            connections = total,
            wanted,
            "the limit of open files is small: the node takes fewer connections; raise it (ulimit -n, LimitNOFILE)"
        );
    }
    // One address never gets more than three quarters.
    let per_address = rules.per_address_max.map(|max| max.min(total - total / 4));
    Slots { total, per_address, probes: PROBES_MAX }
}

/// The connections within a limit of open files: the limit without the reserve, at least half of it.
fn granted(limit: usize) -> usize {
    let reserved = (DESCRIPTORS_RESERVED + PROBES_MAX).min(limit / 2);
    (limit - reserved).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_left_for_the_store() {
        assert_eq!(granted(1024), 608);
        assert_eq!(granted(256), 128);
        assert_eq!(granted(1), 1);
        assert!(granted(usize::MAX) > CONNECTIONS_MAX);
    }
}
