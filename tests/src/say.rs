//! What tests tell the person who watches: seeds and progress.

/// Writes a line to standard error; libtest shows it when the test fails, or with `--nocapture`.
#[expect(clippy::print_stderr, reason = "seeds and progress are for the person who runs the tests")]
pub fn say(text: impl std::fmt::Display) {
    eprintln!("{text}");
}
