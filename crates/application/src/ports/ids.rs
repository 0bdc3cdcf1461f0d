//! Fresh identifiers.

use domain::{ApiKeyId, RequestId, SessionId, UserId};

/// Generates unique ids without coordination between nodes.
pub trait IdGenerator: Send + Sync {
    /// An id for a request that came without one.
    fn request_id(&self) -> RequestId;

    /// An id for a new API key.
    fn api_key_id(&self) -> ApiKeyId;

    /// An id for a new user.
    fn user_id(&self) -> UserId;

    /// An id for a new session.
    fn session_id(&self) -> SessionId;
}
