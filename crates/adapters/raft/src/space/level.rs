//! How much space counts as enough.

/// The limit is this part of the disk, when the settings do not say it ...
const PART_OF_DISK: u64 = 20;
/// ... but at least this many bytes ...
const LIMIT_BYTES_MIN: u64 = 256 * 1024 * 1024;
/// ... at most this many ...
const LIMIT_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// ... and never more than this part of the disk.
const PART_OF_DISK_MAX: u64 = 4;
/// What must be free beyond the limit before changes are accepted again, as a part of the limit.
const HYSTERESIS_PART: u64 = 8;

/// How much space a node has. What a node tells the leader: the numbers never change.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Level {
    /// Enough.
    #[default]
    Ample = 0,
    /// Below the limit: nothing that grows is accepted.
    Low = 1,
    /// Nearly nothing: only what the cluster needs to go on is accepted.
    Full = 2,
}

impl Level {
    /// The level with this number; a member that is newer may know worse ones.
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Ample,
            1 => Self::Low,
            _ => Self::Full,
        }
    }
}

/// When a node is low on space.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SpaceLimits {
    /// Below so many free bytes; 0 for a part of the disk.
    pub free_bytes_min: u64,
}

impl SpaceLimits {
    /// The limit for a disk of this size, in bytes.
    pub fn limit(&self, total: u64) -> u64 {
        if self.free_bytes_min > 0 {
            return self.free_bytes_min;
        }
        (total / PART_OF_DISK).clamp(LIMIT_BYTES_MIN, LIMIT_BYTES_MAX).min(total / PART_OF_DISK_MAX)
    }
}

/// The level after `before`, with so many free bytes, the reserve included.
pub(super) fn next(before: Level, free: u64, limit: u64, reserve: u64) -> Level {
    if free < reserve / 2 {
        Level::Full
    } else if free < limit || (before != Level::Ample && free < limit.saturating_add(limit / HYSTERESIS_PART))
    {
        Level::Low
    } else {
        Level::Ample
    }
}
