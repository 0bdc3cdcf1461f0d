//! Output of commands to the terminal; nothing else writes to it. A closed pipe, as by `head`, is ignored.

use std::fmt::Display;
use std::io::{Write as _, stderr, stdout};

/// Writes a line to standard output.
pub fn say(text: impl Display) {
    let _ = writeln!(stdout(), "{text}");
}

/// Writes an error to standard error.
pub fn complain(text: impl Display) {
    let _ = writeln!(stderr(), "guardian: {text}");
}
