//! Metrics of the disk that holds the data folder.

use crate::register::{Made, gauge, set};
use prometheus::{IntGauge, Registry};

/// The disk space of a node.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DiskGauges {
    /// Free bytes, including the node's reserve.
    pub free_bytes: u64,
    /// The limit in bytes; with fewer free bytes, changes that increase disk use are refused.
    pub limit_bytes: u64,
    /// Whether this node is below the limit.
    pub low: bool,
    /// Whether any known member, including this node, is below its limit.
    pub refusing: bool,
}

#[derive(Debug)]
pub(crate) struct Disk {
    free: IntGauge,
    limit: IntGauge,
    low: IntGauge,
    refusing: IntGauge,
}

impl Disk {
    pub(crate) fn new(registry: &Registry) -> Made<Self> {
        let gauge = |name, help| gauge(registry, name, help);
        Ok(Self {
            free: gauge("guardian_disk_free_bytes", "Free space on the disk of the data folder.")?,
            limit: gauge("guardian_disk_limit_bytes", "Below this, changes that grow are refused.")?,
            low: gauge("guardian_disk_low", "1 while this node has less free space than the limit.")?,
            refusing: gauge(
                "guardian_disk_full",
                "1 while this node, or on the leader any member, is below the limit: changes get 507 disk_full.",
            )?,
        })
    }

    pub(crate) fn report(&self, gauges: DiskGauges) {
        set(&self.free, gauges.free_bytes);
        set(&self.limit, gauges.limit_bytes);
        self.low.set(gauges.low.into());
        self.refusing.set(gauges.refusing.into());
    }
}
