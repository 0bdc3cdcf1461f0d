//! Groups of users, which may be nested.

use super::IdentityError;
use async_trait::async_trait;
use domain::{GroupName, KeyLabel, Timestamp, UserId};

/// A group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Group {
    /// The name.
    pub name: GroupName,
    /// The display name.
    pub label: KeyLabel,
    /// The group that contains this one. Members of this group also have the roles of the parent.
    pub parent: Option<GroupName>,
    /// The time of its creation.
    pub created_at: Timestamp,
}

/// The changes of a user's groups that mirroring made.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Mirrored {
    /// The groups that the user joined.
    pub joined: Vec<GroupName>,
    /// The groups that the user left.
    pub left: Vec<GroupName>,
}

/// Stores groups. A change of rights adds every affected user to the epoch outbox in the same transaction.
#[async_trait]
pub trait Groups: Send + Sync {
    /// Creates or changes a group. Fails with `Missing("group")` if the parent does not exist, with
    /// `Nesting`, and with `Full` beyond [`crate::identity::GROUPS_MAX`].
    async fn put(&self, group: &Group) -> Result<(), IdentityError>;

    /// Deletes a group and its role bindings; its subgroups lose their parent. False if there was none.
    async fn delete(&self, name: &GroupName) -> Result<bool, IdentityError>;

    /// The groups after `after`, by name, at most `limit`.
    async fn list(&self, after: Option<&GroupName>, limit: u32) -> Result<Vec<Group>, IdentityError>;

    /// Adds a user to a group; harmless if already a member. Fails with `Missing("user" | "group")`.
    async fn add(&self, name: &GroupName, user: &UserId) -> Result<(), IdentityError>;

    /// Removes a user from a group; false if it was no member.
    async fn remove(&self, name: &GroupName, user: &UserId) -> Result<bool, IdentityError>;

    /// The direct members of a group after `after`, by id, at most `limit`. Fails with `Missing("group")`.
    async fn people(
        &self,
        name: &GroupName,
        after: Option<&UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>, IdentityError>;

    /// Sets the user's membership in the groups `mapped` of an identity provider: the user becomes a member
    /// of those in `present` and of no others. Returns the changes.
    async fn mirror(
        &self,
        user: &UserId,
        mapped: &[GroupName],
        present: &[GroupName],
    ) -> Result<Mirrored, IdentityError>;
}
