//! How many connections there can be: each is a file descriptor, and the store, the log, the peers and the
//! identity database need theirs whatever clients do.

use super::ConnectionRules;
use super::table::Slots;
use rustix::process::{Resource, getrlimit};

/// Most connections at a time beside those of watchers.
const CONNECTIONS_MAX: usize = 10_000;
/// Connections beside all others that only answer probes.
const PROBES_MAX: usize = 32;
/// File descriptors that clients do not get: the log, the state, snapshots, peers and their handshakes, SQL.
const DESCRIPTORS_RESERVED: usize = 384;

/// How many files this process may have open; `None` for any number.
pub(crate) fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// How many connections there may be. Says so when it is fewer than the settings ask for.
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
    // One address never has all.
    let per_address = rules.per_address_max.map(|max| max.min(total - total / 4));
    Slots { total, per_address, probes: PROBES_MAX }
}

/// The connections that fit into a limit of open files: what the reserve leaves, or half of a very low limit.
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
