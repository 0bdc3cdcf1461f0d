//! Exit codes of the process. 0 is a clean stop, 1 any other failure.

/// The settings are invalid; nothing was started (`EX_USAGE` of `sysexits.h`).
pub const EXIT_SETTINGS: u8 = 64;
/// A fatal error of the node, for example a failed disk (`EX_SOFTWARE` of `sysexits.h`).
pub const EXIT_FATAL: u8 = 70;
/// A second signal interrupted the clean stop.
pub const EXIT_INTERRUPTED: u8 = 130;
