//! Running the system's tools.

use anyhow::{Context as _, bail};
use std::process::{Command, Output};

/// Runs a tool to its end; what it printed, or an error with what it complained about.
pub async fn run(program: &str, args: &[&str]) -> anyhow::Result<String> {
    let output = tokio::process::Command::new(program).args(args).kill_on_drop(true).output().await;
    judge(program, args, output)
}

/// The same for where nothing can be awaited: clean-up when something is dropped.
pub fn run_now(program: &str, args: &[&str]) -> anyhow::Result<String> {
    judge(program, args, Command::new(program).args(args).output())
}

/// The same, when it does not matter whether there was anything to do.
pub fn try_now(program: &str, args: &[&str]) {
    // The next run sweeps what stays.
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
