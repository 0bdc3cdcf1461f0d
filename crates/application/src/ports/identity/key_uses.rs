//! When API keys were last used. Reads must not write to the replicated state, so it is stored here.

use super::IdentityError;
use async_trait::async_trait;
use domain::{ApiKeyId, KeyRef, ProjectName, Timestamp};

/// Stores the last use of each API key. Shared by all nodes.
#[async_trait]
pub trait KeyUses: Send + Sync {
    /// Saves uses, at most one of each key, in one transaction. An earlier use never replaces a later one.
    async fn save(&self, uses: &[(KeyRef, Timestamp)]) -> Result<(), IdentityError>;

    /// The last uses of the keys of a project, or with `None` of the platform, with ids from `first` to `last`,
    /// in the order of the ids.
    async fn last(
        &self,
        project: Option<&ProjectName>,
        first: &ApiKeyId,
        last: &ApiKeyId,
    ) -> Result<Vec<(ApiKeyId, Timestamp)>, IdentityError>;

    /// Deletes up to `limit` uses from before `before`; gives how many.
    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError>;
}
