//! Somebody who has not shown who they are yet: the first parameter of what anybody may call.

use crate::Origin;
use domain::RequestId;

/// The circumstances of a request without a credential.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The request's id.
    pub request_id: RequestId,
    /// Where the request came from.
    pub origin: Origin,
}
