//! The load generator behind `scripts/bench-etcd` and `scripts/bench-scale`: Guardian and etcd side by side.
//!
//! It starts no server, but for `scale`. It is told where the two clusters are, gives each in turn the same load from the
//! same kind of client, checks every answer, and prints one table. A run with a wrong answer fails.
#![expect(clippy::print_stdout, reason = "a command-line report")]

mod cluster;
mod cpu;
mod document;
mod etcd;
mod guardian;
mod load;
mod machine;
mod report;
mod run;
mod scale;
mod settings;
mod watch;

use anyhow::Result;
use clap::Parser;

fn main() -> Result<()> {
    let settings::CommandLine { command, settings } = settings::CommandLine::parse();
    let mut runtime = match settings.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if settings.threads > 1 {
        runtime.worker_threads(settings.threads);
    }
    let runtime = runtime.enable_all().build()?;
    if let Some(settings::Command::Scale(settings)) = &command {
        runtime.block_on(scale::run(settings))
    } else if settings.watchers.is_empty() {
        runtime.block_on(run::run(&settings))
    } else {
        runtime.block_on(watch::run(&settings))
    }
}
