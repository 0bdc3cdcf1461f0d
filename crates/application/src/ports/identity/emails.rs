//! The e-mail addresses of many users at once.

use super::IdentityError;
use async_trait::async_trait;
use domain::{Email, ProjectName, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// Whose e-mail addresses are visible; of nobody by default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VisibleEmails {
    /// Every user.
    pub everybody: bool,
    /// This user.
    pub own: Option<UserId>,
    /// Users with a role in this project.
    pub project: Option<ProjectName>,
    /// Users with a role on the platform or in any project.
    pub members: bool,
    /// Users with a role in any organisation.
    pub organisations: bool,
}

/// Reads e-mail addresses.
#[async_trait]
pub trait Emails: Send + Sync {
    /// The addresses of those of these users, at most one page, that exist and are visible. Roles count that the
    /// user has directly, not through a group: lists of members show no others. One read of the store.
    async fn emails(
        &self,
        users: &BTreeSet<UserId>,
        visible: &VisibleEmails,
    ) -> Result<BTreeMap<UserId, Email>, IdentityError>;
}
