//! Fresh identifiers.

use domain::{ApiKeyId, RequestId};

/// Mints identifiers that are unique without coordination.
pub trait IdGenerator: Send + Sync {
    /// An id for a request that came without one.
    fn request_id(&self) -> RequestId;

    /// An id for a new API key.
    fn api_key_id(&self) -> ApiKeyId;
}
