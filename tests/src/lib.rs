//! The harness of the tests against real processes: clusters, clients that hold every answer to
//! `openapi.yaml`, and waiting with deadlines. Knows the program only from outside: its command line,
//! its settings and its HTTP contract.

mod answer;
mod binary;
mod client;
mod cluster;
mod contract;
mod folder;
mod leaks;
mod metrics;
mod node;
mod nursery;
mod ports;
mod project;
mod say;
mod wait;
mod watching;

pub use answer::Answer;
pub use binary::guardian;
pub use client::{Call, TestClient, Transport};
pub use cluster::{Options, TestCluster};
pub use contract::{Contract, contract};
pub use folder::RunFolder;
pub use metrics::Metrics;
pub use node::Node;
pub use ports::free_ports;
pub use project::{Project, fresh_name};
pub use say::say;
pub use wait::{until, within};
pub use watching::{Heard, Watching};

use std::path::Path;

/// The folder of the whole workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is inside the workspace")
}
