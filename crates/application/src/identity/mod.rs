//! Users: authentication, accounts, roles and the audit log.
//!
//! One service for each area, on shared ports. The rights of a user are stored in the identity database and
//! copied into access tokens. When rights are taken, [`Epochs`] raises the user's epoch in the replicated
//! state, so that every node refuses older tokens.

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

/// Most users.
pub const USERS_MAX: u64 = 100_000;
/// Most custom roles.
pub const ROLES_MAX: u64 = 1000;
/// Most groups.
pub const GROUPS_MAX: u64 = 10_000;
/// Deepest nesting of groups; the outermost group counts as 1.
pub const GROUP_DEPTH_MAX: u32 = 8;
/// Most organisations.
pub const ORGANISATIONS_MAX: u64 = 10_000;
/// Most role bindings in one place, and most of one subject.
pub const BINDINGS_MAX: u64 = 10_000;
/// Most open invitations.
pub const INVITATIONS_MAX: u64 = 10_000;
/// Most pending sign-ins through providers.
pub const PENDING_MAX: u64 = 10_000;
/// Number of days for which the last use of an API key is stored.
pub const KEY_USES_KEPT_DAYS: i64 = 400;
/// Longest stored user agent and device name, in bytes; longer ones are truncated.
pub const CLIENT_TEXT_BYTES_MAX: usize = 256;
/// Number of recovery codes of a user.
pub const RECOVERY_CODES: usize = 10;

/// All identity services, on the same ports.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Sign-in, refresh, logout, registration and authentication of access tokens.
    pub sign_in: SignIn,
    /// Sign-in through identity providers.
    pub external: ExternalSignIn,
    /// Users on their own account.
    pub account: Account,
    /// Second factors.
    pub factors: Factors,
    /// Administration of users.
    pub users: Users,
    /// Role bindings.
    pub members: Members,
    /// Custom roles.
    pub roles: Roles,
    /// Groups of users.
    pub groups: Groups,
    /// Organisations and the projects that they own.
    pub organisations: Organisations,
    /// The last uses of API keys.
    pub key_uses: KeyUses,
    /// The audit log.
    pub audit: Audit,
    /// The e-mail addresses of actors.
    pub emails: Emails,
    /// Copies the changes of the replicated state into the audit log.
    pub projector: Projector,
    /// Raises the epochs of users whose rights changed.
    pub epochs: Epochs,
    /// Prunes expired records.
    pub upkeep: Upkeep,
}

impl Identity {
    /// Builds all services on the given ports.
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
