//! What commands say to the person who started them. The only place that writes to the terminal. A reader
//! that went away, such as `head`, is no reason to fail.

use std::fmt::Display;
use std::io::{Write as _, stderr, stdout};

/// Writes the answer of a command to standard output.
pub fn say(text: impl Display) {
    let _ = writeln!(stdout(), "{text}");
}

/// Says what went wrong on standard error.
pub fn complain(text: impl Display) {
    let _ = writeln!(stderr(), "guardian: {text}");
}
