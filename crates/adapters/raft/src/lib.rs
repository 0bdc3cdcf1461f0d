//! The replicated core's outside: openraft's types, the log on disk, and the peer plane.

pub mod codec;
pub mod log_store;
pub mod network;
mod node;
pub mod observe;
pub mod state_machine;
pub mod store;
pub mod type_config;

pub use node::{
    IdentityError, NodeConfig, NodeError, NodeHealth, NodeMember, NodeStats, READY_LAG_ENTRIES_MAX, RaftNode,
};

#[cfg(test)]
mod suite;
#[cfg(test)]
mod testing;
