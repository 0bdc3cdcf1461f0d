//! Settings: a TOML file, then `GUARDIAN__SECTION__KEY` in the environment, then `--set`; the later wins.
//!
//! - Every key is listed in `reference::KEYS`; other keys are refused.
//! - Relative paths are relative to the file's folder.
//! - Settings contain no secret: keys are in files, and of the administrator key there is only its SHA-256.

mod edge;
mod fault;
mod identity;
mod load;
mod member;
mod reference;
mod shape;
#[cfg(test)]
mod tests;
mod validate;
mod warnings;

pub use edge::ConnectionSettings;
pub use fault::{Fault, SettingsError};
pub use identity::IdentitySettings;
pub use load::{ENV_PREFIX, load, load_with};
pub use reference::{KEYS, Key, reference};
pub use shape::{
    Bootstrap, Cluster, Http, Identity, Limits, Log, Member, Node, Peer, Provider, Raft, Settings, Shutdown,
    Storage,
};
pub use validate::ServerSettings;

use crate::cli::SettingsArgs;
use crate::out;
use anyhow::Context as _;

/// `guardian check-config`: returns every fault, or prints a summary and warnings.
pub fn check_config(args: &SettingsArgs) -> anyhow::Result<()> {
    let settings = load(&args.config, &args.overrides).with_context(|| args.config.display().to_string())?;
    for warning in settings.warnings() {
        out::complain(format_args!("{}: warning: {warning}", args.config.display()));
    }
    out::say(format_args!(
        "{}: no faults; node {} of cluster {}, {} members",
        args.config.display(),
        settings.node_id,
        settings.cluster_id,
        settings.members.len()
    ));
    Ok(())
}
