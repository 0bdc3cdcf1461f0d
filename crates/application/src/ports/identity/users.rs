//! People: who they are, and whether they may come in.

use super::{ExternalIdentity, IdentityError, PasswordHash};
use async_trait::async_trait;
use domain::{Email, KeyLabel, Timestamp, UserId};

/// Whether a person may come in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UserStatus {
    /// May sign in.
    Active,
    /// May not; what the person did stays in their name.
    Deactivated,
}

/// A person.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    /// What identifies the person, for ever.
    pub id: UserId,
    /// Where the person is reached; nobody else has it.
    pub email: Email,
    /// What people call the person.
    pub name: KeyLabel,
    /// Whether the person may come in.
    pub status: UserStatus,
    /// Whether the person must use a second factor.
    pub second_factor_required: bool,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A person to be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// What will identify the person.
    pub id: UserId,
    /// Where the person is reached.
    pub email: Email,
    /// What people call the person.
    pub name: KeyLabel,
    /// The person's password; `None` for those who only come through an identity provider.
    pub password: Option<PasswordHash>,
    /// Who the person is at an identity provider; made with the person or not at all, and `Taken("identity")` when
    /// it is another's.
    pub identity: Option<ExternalIdentity>,
    /// Whether the person must use a second factor.
    pub second_factor_required: bool,
    /// When the record is made.
    pub at: Timestamp,
}

/// What changes of a person; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Another address.
    pub email: Option<Email>,
    /// Another name.
    pub name: Option<KeyLabel>,
    /// Whether the person may come in. Deactivating ends every session, takes the invitations back that the person
    /// gave and that are open, and raises the epoch.
    pub status: Option<UserStatus>,
    /// Whether the person must use a second factor. To require it raises the epoch.
    pub second_factor_required: Option<bool>,
}

/// Keeps people. A change that takes something from a person puts the person into the outbox of
/// [`super::EpochOutbox`] in the same transaction.
#[async_trait]
pub trait Users: Send + Sync {
    /// Makes a record. `Taken("email")` when another has the address, `Full` beyond
    /// [`crate::identity::USERS_MAX`].
    async fn create(&self, new: &NewUser) -> Result<User, IdentityError>;

    /// One person.
    async fn get(&self, id: &UserId) -> Result<Option<User>, IdentityError>;

    /// The person with this address, and their password.
    async fn by_email(&self, email: &Email) -> Result<Option<(User, Option<PasswordHash>)>, IdentityError>;

    /// At most `limit` people with ids after `after`, by id.
    async fn list(&self, after: Option<&UserId>, limit: u32) -> Result<Vec<User>, IdentityError>;

    /// Changes a person. `Missing("user")`, `Taken("email")`, `LastAdministrator` when an active platform
    /// administrator would be the last one deactivated.
    async fn change(&self, id: &UserId, change: &UserChange, at: Timestamp) -> Result<User, IdentityError>;

    /// The password of one person.
    async fn password(&self, id: &UserId) -> Result<Option<PasswordHash>, IdentityError>;

    /// Sets the password in place of `before`, the one that was kept when the right to that was shown; false, and
    /// nothing is changed, when another is kept by now. With `ends_sessions` every session but `keep` ends and the
    /// epoch is raised; without, only the form in which the same password is kept changes. `Missing("user")`.
    async fn set_password(
        &self,
        id: &UserId,
        before: Option<&PasswordHash>,
        password: &PasswordHash,
        ends_sessions: Option<Option<&domain::SessionId>>,
        at: Timestamp,
    ) -> Result<bool, IdentityError>;
}
