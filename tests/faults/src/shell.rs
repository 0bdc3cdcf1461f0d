//! Running system tools.

use anyhow::{Context as _, bail};
use std::process::{Command, Output};

/// Runs a tool to its end; returns its output, or an error with its error output.
pub async fn run(program: &str, args: &[&str]) -> anyhow::Result<String> {
    let output = tokio::process::Command::new(program).args(args).kill_on_drop(true).output().await;
    judge(program, args, output)
}

/// As [`run`], blocking, for clean-up on drop.
pub fn run_now(program: &str, args: &[&str]) -> anyhow::Result<String> {
    judge(program, args, Command::new(program).args(args).output())
}

/// As [`run_now`], ignoring errors.
pub fn try_now(program: &str, args: &[&str]) {
    // The next run cleans up what stays.
    let _ = run_now(program, args);
}

fn judge(program: &str, args: &[&str], output: std::io::Result<Output>) -> anyhow::Result<String> {
    let what = || format!("{program} {}", args.join(" "));
    let output = output.with_context(what)?;
    if !output.status.success() {
        bail!("{}: {}: {}", what(), output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
