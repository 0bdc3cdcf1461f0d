//! The program around a node: settings, wiring, lifecycle, command line. A library target, so that tests can
//! start real nodes. The only crate that knows every adapter.

mod anchor;
pub mod cli;
pub mod cluster_files;
pub mod database;
pub mod dev;
mod exit;
mod forwarded;
pub mod housekeeping;
mod http_server;
pub mod init;
pub mod lifecycle;
mod observe;
pub mod out;
mod parent;
mod people;
pub mod pki;
mod private_file;
mod probes;
pub mod server;
pub mod settings;
pub mod wire;

pub use exit::{EXIT_FATAL, EXIT_INTERRUPTED, EXIT_SETTINGS};
