//! The command line of `scale`. `scripts/bench-scale` fills in where the programs are.

use std::path::PathBuf;

use clap::Args;

use crate::cluster::System;

/// One node of each system as the number of its configs grows.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Numbers of configs, each larger than the one before.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000")]
    pub sizes: Vec<usize>,
    /// Measure one system only.
    #[arg(long)]
    pub only: Option<System>,
    /// Concurrent clients of the measured puts, each with its own connection.
    #[arg(long, default_value_t = 16)]
    pub clients: usize,
    /// Measured seconds of puts for each node and round.
    #[arg(long, default_value_t = 4.0)]
    pub seconds: f64,
    /// Seconds of puts before each measurement.
    #[arg(long, default_value_t = 1.0)]
    pub warm_up: f64,
    /// How often the nodes take turns at each size.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Concurrent clients that create the configs.
    #[arg(long, default_value_t = 128)]
    pub fillers: usize,
    /// Configs that are created with one write: 1, or up to 128 in a transaction.
    #[arg(long, default_value_t = 1)]
    pub batch: usize,
    /// How many of the configs are listed with their content.
    #[arg(long, default_value_t = 10_000)]
    pub list: usize,
    /// Restarts after a stop for each size; one after a SIGKILL follows.
    #[arg(long, default_value_t = 3)]
    pub restarts: usize,

    /// Folder for the data; its file system is measured. Set by the script.
    #[arg(long, default_value = ".")]
    pub data_dir: PathBuf,
    /// First of 20 free ports. Set by the script.
    #[arg(long, default_value_t = 25_000)]
    pub port: u16,
    /// The program `guardian`. Set by the script.
    #[arg(long, default_value = "target/release/guardian")]
    pub guardian: PathBuf,
    /// Guardian's version, for the header. Set by the script.
    #[arg(long, default_value = "unknown")]
    pub guardian_version: String,
    /// The command that the person typed, for the header. Set by the script.
    #[arg(long)]
    pub command: Option<String>,
}

impl Settings {
    /// Whether this run measures `system`.
    pub fn wants(&self, system: System) -> bool {
        self.only.is_none_or(|only| only == system)
    }
}
