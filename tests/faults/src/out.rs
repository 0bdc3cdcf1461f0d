//! Standard output; nothing else prints.

use std::fmt::Display;
use std::io::Write as _;

/// Writes a line to standard output; a closed pipe is ignored.
pub fn say(text: impl Display) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
