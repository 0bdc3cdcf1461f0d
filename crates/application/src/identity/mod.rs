//! People: how they come in, prove who they are, and what they may do.

mod chain;
mod rules;

pub use chain::{next_head, verify_chain};
pub use rules::{IdentityRules, RegistrationMode};

/// Most people.
pub const USERS_MAX: u64 = 100_000;
/// Most custom roles.
pub const ROLES_MAX: u64 = 1000;
/// Most groups.
pub const GROUPS_MAX: u64 = 10_000;
/// How deep groups may be nested, the outermost counted.
pub const GROUP_DEPTH_MAX: u32 = 8;
/// Most organisations.
pub const ORGANISATIONS_MAX: u64 = 10_000;
/// Most roles given in one place, and most given to one subject.
pub const BINDINGS_MAX: u64 = 10_000;
/// Most open invitations.
pub const INVITATIONS_MAX: u64 = 10_000;
/// Most sign-ins through providers that are under way.
pub const PENDING_MAX: u64 = 10_000;
/// Longest user agent and device that are kept, in bytes; the rest is cut off.
pub const CLIENT_TEXT_BYTES_MAX: usize = 256;
/// How many recovery codes a person gets.
pub const RECOVERY_CODES: usize = 10;
