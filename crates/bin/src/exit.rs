//! What the process says with its exit code. 0 is a clean stop and 1 any other failure.

/// The settings are not usable; nothing was started (`EX_USAGE` of `sysexits.h`).
pub const EXIT_SETTINGS: u8 = 64;
/// The node must not go on, for example because its disk failed (`EX_SOFTWARE` of `sysexits.h`).
pub const EXIT_FATAL: u8 = 70;
/// A second signal came before the clean stop was over.
pub const EXIT_INTERRUPTED: u8 = 130;
