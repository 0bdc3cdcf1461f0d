//! The Raft adapter: openraft's types, the log on disk, the state on disk, and the peer network.

pub mod codec;
mod disk;
pub mod log_store;
pub mod network;
mod node;
pub mod observe;
#[cfg(feature = "simulation")]
mod planted_faults;
pub mod space;
pub mod state_machine;
pub mod store;
pub mod type_config;

pub use node::{
    Applied, IdentityError, Machine, NodeConfig, NodeError, NodeHealth, NodeMember, NodeStats, Platform,
    READY_LAG_ENTRIES_MAX, RaftNode,
};

#[cfg(test)]
mod suite;
#[cfg(test)]
mod testing;
