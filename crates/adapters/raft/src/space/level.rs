//! Levels of free disk space.

/// The default limit is the size of the disk divided by this ...
const PART_OF_DISK: u64 = 20;
/// ... but at least this many bytes ...
const LIMIT_BYTES_MIN: u64 = 256 * 1024 * 1024;
/// ... and at most this many ...
const LIMIT_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// ... and never more than the size of the disk divided by this.
const PART_OF_DISK_MAX: u64 = 4;
/// The limit divided by this must be free in addition before the level returns to ample.
const HYSTERESIS_PART: u64 = 8;

/// The level of free disk space of a node. Sent to the leader: the numbers never change.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Level {
    /// Enough.
    #[default]
    Ample = 0,
    /// Below the limit: commands that increase disk use are refused.
    Low = 1,
    /// Nearly full: only upkeep commands are accepted.
    Full = 2,
}

impl Level {
    /// The level with this number. Unknown higher numbers of newer releases count as full.
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Ample,
            1 => Self::Low,
            _ => Self::Full,
        }
    }
}

/// The configured limit of free disk space.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SpaceLimits {
    /// The limit, in bytes; 0 means a share of the disk.
    pub free_bytes_min: u64,
}

impl SpaceLimits {
    /// The limit for a disk of `total` bytes, in bytes.
    pub fn limit(&self, total: u64) -> u64 {
        if self.free_bytes_min > 0 {
            return self.free_bytes_min;
        }
        (total / PART_OF_DISK).clamp(LIMIT_BYTES_MIN, LIMIT_BYTES_MAX).min(total / PART_OF_DISK_MAX)
    }
}

/// The level after `before`, with `free` bytes including the reserve.
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
