//! The e-mail addresses of many users at once.

use super::IdentityError;
use async_trait::async_trait;
use domain::{Email, ProjectName, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// The users whose e-mail addresses the caller may see; none by default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VisibleEmails {
    /// All users.
    pub everybody: bool,
    /// The caller itself.
    pub own: Option<UserId>,
    /// Users with a role in this project.
    pub project: Option<ProjectName>,
    /// Users with a role on the platform or in any project.
    pub members: bool,
    /// Users with a role in any organisation.
    pub organisations: bool,
}

/// Reads e-mail addresses in bulk.
#[async_trait]
pub trait Emails: Send + Sync {
    /// The addresses of the given users that exist and are visible.
    ///
    /// - `users` is at most one page of ids.
    /// - Only roles of the user itself count, not roles of its groups, as in lists of members.
    /// - Reads the database once.
    async fn emails(
        &self,
        users: &BTreeSet<UserId>,
        visible: &VisibleEmails,
    ) -> Result<BTreeMap<UserId, Email>, IdentityError>;
}
