//! The ports of the use cases, one trait in each file. Each has one adapter and one fake.

mod changes;
mod clock;
mod cluster;
mod consensus;
pub mod identity;
mod ids;
mod key_mint;
mod schema_engine;
mod state_reader;

pub use changes::{
    CHANGES_READ_BYTES_MAX, CHANGES_READ_MAX, Change, ChangeSignal, Changes, ChangesWanted, Place, Selection,
};
pub use clock::Clock;
pub use cluster::{
    ClusterStatus, ClusterView, Member, MemberFault, MemberRefusal, MemberRole, MembersChanged, Membership,
    MembershipError,
};
pub use consensus::{Consensus, ConsensusError};
pub use ids::IdGenerator;
pub use key_mint::{KeyMint, MintedKey};
pub use schema_engine::{CheckFault, Offered, SchemaEngine, SchemaFault, Validator, Violation};
pub use state_reader::{Archive, ArchiveError, Consistency, Freshness, StateReader, View};
