//! The time of the last use of each API key. Stored outside of the replicated state, which reads must not
//! write.

use super::IdentityError;
use async_trait::async_trait;
use domain::{ApiKeyId, KeyRef, ProjectName, Timestamp};

/// Stores the last use of each API key. Shared by all nodes.
#[async_trait]
pub trait KeyUses: Send + Sync {
    /// Saves uses, at most one for each key, in one transaction. An earlier use never replaces a later one.
    async fn save(&self, uses: &[(KeyRef, Timestamp)]) -> Result<(), IdentityError>;

    /// The last uses of the keys of a project, or of the platform with `None`, with ids from `first` to
    /// `last`, in order of ids.
    async fn last(
        &self,
        project: Option<&ProjectName>,
        first: &ApiKeyId,
        last: &ApiKeyId,
    ) -> Result<Vec<(ApiKeyId, Timestamp)>, IdentityError>;

    /// Deletes up to `limit` uses from before `before`. Returns the number.
    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError>;
}
