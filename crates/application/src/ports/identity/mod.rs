//! What the use cases on people need of the world: stores for who they are and what they may, and cryptography
//! for how they prove it. None of it is asked when a program reads or writes with an API key, except
//! for the e-mail addresses of actors where the key may see them.

mod audit;
mod directory;
mod emails;
mod factors;
mod groups;
mod key_uses;
mod observer;
mod organisations;
mod passwords;
mod providers;
mod roles;
mod sealer;
mod sessions;
mod throttle;
mod tokens;
mod users;

pub use audit::{
    AuditCursor, AuditLog, AuditOutcome, AuditQuery, AuditRecord, ChainPage, ChainPlace, NewAuditRecord,
    Projected,
};
pub use directory::{Admissions, EpochOutbox, Invitation, NewInvitation, PendingEpoch, RegisterBy};
pub use emails::{Emails, VisibleEmails};
pub use factors::{SecondFactor, SecondFactors, Totp, TotpSecret};
pub use groups::{Group, Groups, Mirrored};
pub use key_uses::KeyUses;
pub use observer::{IdentityObserver, Observation};
pub use organisations::{Gone, Organisation, Organisations, Owned};
pub use passwords::{
    PasswordError, PasswordFault, PasswordHash, PasswordHasher, PasswordRules, PasswordVerdict,
};
pub use providers::{
    ExternalIdentities, ExternalIdentity, ExternalPerson, IdentityProviders, PendingSignIn, ProviderError,
};
pub use roles::{Binding, CustomRole, Member, Place, Reach, Roles, Subject};
pub use sealer::{SealedFor, Sealer};
pub use sessions::{ClientInfo, NETWORKS_MAX, NewSession, Rotate, Rotation, Session, Sessions, Shown};
pub use throttle::{Attempt, PENDING_MS_MAX, Throttle, ThrottleRule};
pub use tokens::{AccessClaims, AccessTokens, OpaqueToken, OpaqueTokens, TokenFault, TokenKind};
pub use users::{NewUser, User, UserChange, UserStatus, Users};

/// Why a store of people could not answer.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The database cannot be reached or does not answer in time; nothing was changed, or the change is
    /// one that may be made again.
    #[error("the identity database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another thing has this name already; `0` names the field: `email`, `name`.
    #[error("another has this {0} already")]
    Taken(&'static str),
    /// What is to be changed, or what the change names, is not there; `0` says what kind of thing.
    #[error("the {0} does not exist")]
    Missing(&'static str),
    /// The change would leave the platform, or the project, without an active administrator.
    #[error("this is the last active administrator")]
    LastAdministrator,
    /// The change would make a group part of itself, or nest groups deeper than allowed.
    #[error("groups would be nested in a circle, or deeper than {0}")]
    Nesting(u32),
    /// A bound was reached; the name of the limit and its value.
    #[error("there can be no more than {1} {0}")]
    Full(&'static str, u64),
    /// Our fault, or a database that broke its word.
    #[error("the identity database failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}
