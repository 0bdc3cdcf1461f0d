//! Everything around the node: settings, wiring, lifecycle and the command line. The library target is
//! there so that tests start real nodes; the only crate that knows every adapter.

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
