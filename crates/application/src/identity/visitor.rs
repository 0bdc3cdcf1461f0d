//! The context of requests to operations that need no credential.

use crate::Origin;
use domain::RequestId;

/// The context of a request without a credential.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The id of the request.
    pub request_id: RequestId,
    /// The origin of the request.
    pub origin: Origin,
}
