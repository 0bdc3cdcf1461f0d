//! User accounts.

use super::{ExternalIdentity, IdentityError, PasswordHash};
use async_trait::async_trait;
use domain::{Email, KeyLabel, Timestamp, UserId};

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UserStatus {
    /// The user may sign in.
    Active,
    /// The user may not sign in; the history and the audit still name the user.
    Deactivated,
}

/// A user account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    /// The permanent id.
    pub id: UserId,
    /// The e-mail address; unique.
    pub email: Email,
    /// The display name.
    pub name: KeyLabel,
    /// Whether the user may sign in.
    pub status: UserStatus,
    /// Whether this user must use a second factor.
    pub second_factor_required: bool,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
}

/// A user account to create.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The id.
    pub id: UserId,
    /// The e-mail address.
    pub email: Email,
    /// The display name.
    pub name: KeyLabel,
    /// The password; `None` if the user only signs in through an identity provider.
    pub password: Option<PasswordHash>,
    /// The identity at a provider. Stored in the same transaction; fails with `Taken("identity")` if another
    /// user has it.
    pub identity: Option<ExternalIdentity>,
    /// Whether this user must use a second factor.
    pub second_factor_required: bool,
    /// The time of creation.
    pub at: Timestamp,
}

/// A change of a user account; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// The new e-mail address.
    pub email: Option<Email>,
    /// The new display name.
    pub name: Option<KeyLabel>,
    /// The new status. Deactivating ends all sessions of the user, revokes the user's open invitations and
    /// raises the epoch.
    pub status: Option<UserStatus>,
    /// Whether this user must use a second factor. Requiring it raises the epoch.
    pub second_factor_required: Option<bool>,
}

/// Stores user accounts. A change that takes rights or sessions from a user adds the user to the outbox
/// ([`super::EpochOutbox`]) in the same transaction.
#[async_trait]
pub trait Users: Send + Sync {
    /// Creates a user. Fails with `Taken("email")` if the address is in use, and with `Full` beyond
    /// [`crate::identity::USERS_MAX`].
    async fn create(&self, new: &NewUser) -> Result<User, IdentityError>;

    /// The user with this id.
    async fn get(&self, id: &UserId) -> Result<Option<User>, IdentityError>;

    /// The user with this address, and the stored password.
    async fn by_email(&self, email: &Email) -> Result<Option<(User, Option<PasswordHash>)>, IdentityError>;

    /// The users after `after`, by id, at most `limit`.
    async fn list(&self, after: Option<&UserId>, limit: u32) -> Result<Vec<User>, IdentityError>;

    /// Changes a user. Fails with `Missing("user")`, `Taken("email")`, and with `LastAdministrator` if it
    /// would deactivate the last active platform administrator.
    async fn change(&self, id: &UserId, change: &UserChange, at: Timestamp) -> Result<User, IdentityError>;

    /// The stored password of a user.
    async fn password(&self, id: &UserId) -> Result<Option<PasswordHash>, IdentityError>;

    /// Replaces the stored password `before`, which was current when the caller checked it.
    ///
    /// - Returns false and changes nothing if the stored password is no longer `before`.
    /// - `ends_sessions`: ends all sessions except the given one, and raises the epoch. `None` only stores a
    ///   new hash of the same password.
    /// - Fails with `Missing("user")`.
    async fn set_password(
        &self,
        id: &UserId,
        before: Option<&PasswordHash>,
        password: &PasswordHash,
        ends_sessions: Option<Option<&domain::SessionId>>,
        at: Timestamp,
    ) -> Result<bool, IdentityError>;
}
