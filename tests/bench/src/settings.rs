//! The command line. `scripts/bench-etcd` fills in where the servers are; a person sets the rest.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::cluster::System;
use crate::scale;

/// Which nodes the clients talk to; always the same choice for both systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Endpoints {
    /// Every client talks to the leader.
    Leader,
    /// Clients go round-robin over all nodes, the leader first.
    All,
}

/// What is measured.
#[derive(Debug, Clone, Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub settings: Settings,
}

/// What is measured instead of clusters side by side.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// One node of each system as the number of its configs grows.
    Scale(scale::Settings),
}

/// Guardian and etcd under the same closed-loop load, in one run on one machine.
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// Measure one system only.
    #[arg(long)]
    pub only: Option<System>,
    /// Numbers of concurrent clients, each with its own connection.
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256")]
    pub clients: Vec<usize>,
    /// Measure watches instead, with these numbers of watchers, such as `1,100,1000,10000`.
    #[arg(long, value_delimiter = ',')]
    pub watchers: Vec<usize>,
    /// Measured seconds for each cell, system and round.
    #[arg(long, default_value_t = 4.0)]
    pub seconds: f64,
    /// Seconds of load before each measurement.
    #[arg(long, default_value_t = 1.0)]
    pub warm_up: f64,
    /// How often the systems take turns in each cell.
    #[arg(long, default_value_t = 2)]
    pub rounds: usize,
    /// Which nodes the clients talk to.
    #[arg(long, value_enum, default_value = "all")]
    pub endpoints: Endpoints,
    /// Threads of the load generator.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Also write the results to this file, as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,

    /// Folder that holds both systems' data; its file system is measured. Set by the script.
    #[arg(long, default_value = ".")]
    pub data_dir: PathBuf,
    /// Client URLs of the etcd nodes. Set by the script.
    #[arg(long, value_delimiter = ',')]
    pub etcd: Vec<String>,
    /// Process ids of the etcd nodes, for their CPU time. Set by the script.
    #[arg(long, value_delimiter = ',')]
    pub etcd_pids: Vec<u32>,
    /// The `dev.json` of the Guardian cluster. Set by the script.
    #[arg(long)]
    pub guardian: Option<PathBuf>,
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

    /// The measured part of a cell.
    pub fn measured(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// The part of a cell before the measurement.
    pub fn warm_up(&self) -> Duration {
        Duration::from_secs_f64(self.warm_up)
    }
}
