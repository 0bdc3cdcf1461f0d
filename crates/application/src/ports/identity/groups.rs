//! Groups of people, which may hold other groups.

use super::IdentityError;
use async_trait::async_trait;
use domain::{GroupName, KeyLabel, Timestamp, UserId};

/// A group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// What people call it.
    pub label: KeyLabel,
    /// The group it is in; everybody in it has what that one has.
    pub parent: Option<GroupName>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a provider's word changed for a person.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Mirrored {
    /// Groups that the person is in now.
    pub joined: Vec<GroupName>,
    /// Groups that the person is not in any more.
    pub left: Vec<GroupName>,
}

/// Keeps groups. Whatever takes or gives rights puts everybody concerned into the outbox in the same
/// transaction.
#[async_trait]
pub trait Groups: Send + Sync {
    /// Makes or changes a group. `Missing("group")` for the parent, `Nesting`, `Full` beyond
    /// [`crate::identity::GROUPS_MAX`].
    async fn put(&self, group: &Group) -> Result<(), IdentityError>;

    /// Deletes a group with the roles that it has; its groups lose their parent. False when there was none.
    async fn delete(&self, name: &GroupName) -> Result<bool, IdentityError>;

    /// At most `limit` groups with names after `after`, by name.
    async fn list(&self, after: Option<&GroupName>, limit: u32) -> Result<Vec<Group>, IdentityError>;

    /// Puts a person into a group; no harm when already there. `Missing("user" | "group")`.
    async fn add(&self, name: &GroupName, user: &UserId) -> Result<(), IdentityError>;

    /// Takes a person out of a group; false when not there.
    async fn remove(&self, name: &GroupName, user: &UserId) -> Result<bool, IdentityError>;

    /// At most `limit` people of exactly this group with ids after `after`, by id. `Missing("group")`.
    async fn people(
        &self,
        name: &GroupName,
        after: Option<&UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>, IdentityError>;

    /// Makes the groups that an identity provider named the only ones of its mapping that a person is in; says
    /// what that changed.
    async fn mirror(
        &self,
        user: &UserId,
        mapped: &[GroupName],
        present: &[GroupName],
    ) -> Result<Mirrored, IdentityError>;
}
