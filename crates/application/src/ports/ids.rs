//! Fresh identifiers.

use domain::{ApiKeyId, RequestId, SessionId, UserId};

/// Mints identifiers that are unique without coordination.
pub trait IdGenerator: Send + Sync {
    /// An id for a request that came without one.
    fn request_id(&self) -> RequestId;

    /// An id for a new API key.
    fn api_key_id(&self) -> ApiKeyId;

    /// An id for a new person.
    fn user_id(&self) -> UserId;

    /// An id for a new session.
    fn session_id(&self) -> SessionId;
}
