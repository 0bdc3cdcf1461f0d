//! Ports for users and their credentials: stores, and cryptography. Requests with an API key do not need
//! these stores to read and write configs, except for the e-mail addresses of actors that the key may see.

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

/// The reason why an identity store failed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The database is unreachable or too slow. Nothing was changed, or the change may be retried.
    #[error("the identity database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The value of a unique field is in use; the argument names the field, such as `email` or `name`.
    #[error("another has this {0} already")]
    Taken(&'static str),
    /// The target of the change, or something that it refers to, does not exist; the argument names its kind.
    #[error("the {0} does not exist")]
    Missing(&'static str),
    /// The change would leave the platform, or a project, without an active administrator.
    #[error("this is the last active administrator")]
    LastAdministrator,
    /// The change would make a group contain itself, or nest groups too deeply; the argument is the limit.
    #[error("groups would be nested in a circle, or deeper than {0}")]
    Nesting(u32),
    /// A limit is reached; the arguments are its name and its value.
    #[error("there can be no more than {1} {0}")]
    Full(&'static str, u64),
    /// An internal error, or unexpected behaviour of the database.
    #[error("the identity database failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}
