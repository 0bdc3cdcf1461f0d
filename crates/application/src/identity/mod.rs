//! People: how they come in, prove who they are, and what they may do.
//!
//! One service per area on the same ports. What people may do is found where people are kept and travels in their access
//! token; what takes rights away is told to the replicated state by [`Epochs`], which every node asks.

mod account;
mod actions;
mod audit;
mod cache;
mod chain;
mod challenge;
mod emails;
mod epochs;
mod external;
mod factors;
mod giver;
mod groups;
mod key_uses;
mod listed;
mod made_keys;
mod members;
mod network;
mod organisations;
mod password;
mod projector;
mod queue;
mod record;
mod refusals;
mod rights;
mod roles;
mod rules;
mod shared;
mod sign_in;
mod throttle;
mod upkeep;
mod users;
mod visitor;

pub use account::{Account, ChangePassword, Me, ResetPassword};
pub use actions::{AUDIT_ACTIONS, is_audit_action};
pub use audit::{Audit, BulkRead, Refusal};
pub use chain::{Verified, next_head, verify_audit};
pub use emails::Emails;
pub use epochs::Epochs;
pub use external::{ExternalSignIn, FinishExternal, WentOut};
pub use factors::{Confirmed, Enrolment, Factors};
pub use groups::{Groups, PutGroup};
pub use key_uses::KeyUses;
pub use listed::Listed;
pub use made_keys::{MADE_KEYS_MAX, MadeKeys};
pub use members::{Members, PutMember};
pub use organisations::{Organisations, PutOrganisation};
pub use projector::Projector;
pub use roles::{PutRole, Roles};
pub use rules::{IdentityRules, RegistrationMode};
pub use shared::IdentityPorts;
pub use sign_in::{
    AnswerChallenge, Authenticated, Bootstrap, Challenge, FactorAnswer, Login, Refresh, Register, SignIn,
    Signed, SignedIn,
};
pub use upkeep::{Tidied, Upkeep};
pub use users::{CreateUser, Invite, Invited, Reset, Users};
pub use visitor::Visitor;

use crate::Ports;
use shared::Shared;
use std::sync::Arc;

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
/// For how many days the last use of an API key is stored.
pub const KEY_USES_KEPT_DAYS: i64 = 400;
/// Longest user agent and device that are kept, in bytes; the rest is cut off.
pub const CLIENT_TEXT_BYTES_MAX: usize = 256;
/// How many recovery codes a person gets.
pub const RECOVERY_CODES: usize = 10;

/// Every service on people, sharing the same ports.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Coming in, going on, going out, and what a token says.
    pub sign_in: SignIn,
    /// Coming in through an identity provider.
    pub external: ExternalSignIn,
    /// What people do about themselves.
    pub account: Account,
    /// Second factors.
    pub factors: Factors,
    /// What administrators do about people.
    pub users: Users,
    /// Who has which role where.
    pub members: Members,
    /// The platform's own roles.
    pub roles: Roles,
    /// Groups of people.
    pub groups: Groups,
    /// Organisations and the projects that they own.
    pub organisations: Organisations,
    /// When API keys were last used.
    pub key_uses: KeyUses,
    /// What was done, by whom.
    pub audit: Audit,
    /// The e-mail addresses of actors.
    pub emails: Emails,
    /// Writes the changes of the replicated state into the audit.
    pub projector: Projector,
    /// Tells the replicated state whose rights changed.
    pub epochs: Epochs,
    /// Forgets what is over.
    pub upkeep: Upkeep,
}

impl Identity {
    /// Builds every service on the given ports.
    pub fn new(core: &Ports, ports: IdentityPorts, rules: IdentityRules) -> Self {
        let shared = Arc::new(Shared::new(core, ports, rules));
        Self {
            sign_in: SignIn::new(shared.clone()),
            external: ExternalSignIn::new(shared.clone()),
            account: Account::new(shared.clone()),
            factors: Factors::new(shared.clone()),
            users: Users::new(shared.clone()),
            members: Members::new(shared.clone()),
            roles: Roles::new(shared.clone()),
            groups: Groups::new(shared.clone()),
            organisations: Organisations::new(shared.clone()),
            key_uses: KeyUses::new(shared.clone()),
            audit: Audit::new(shared.clone()),
            emails: Emails::new(shared.clone()),
            projector: Projector::new(shared.clone()),
            epochs: Epochs::new(shared.clone()),
            upkeep: Upkeep::new(shared),
        }
    }
}
