//! Identifiers without coordination: UUIDs of version 7 (RFC 9562), which sort by time.

use application::ports::IdGenerator;
use domain::{ApiKeyId, RequestId, SessionId, UserId};
use uuid::Uuid;

/// Generates identifiers from the time and the operating system's random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl IdGenerator for RandomIds {
    fn request_id(&self) -> RequestId {
        RequestId::parse(&simple()).expect("32 hexadecimal digits are a request id")
    }

    fn api_key_id(&self) -> ApiKeyId {
        ApiKeyId::parse(&format!("ak-{}", simple())).expect("\"ak-\" and 32 hexadecimal digits are an id")
    }

    fn user_id(&self) -> UserId {
        UserId::parse(&simple()).expect("32 hexadecimal digits are an id")
    }

    fn session_id(&self) -> SessionId {
        SessionId::parse(&simple()).expect("32 hexadecimal digits are an id")
    }
}

/// 32 lower-case hexadecimal digits.
fn simple() -> String {
    #[expect(clippy::disallowed_methods, reason = "this adapter is where ids come from")]
    let id = Uuid::now_v7();
    id.simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_well_formed_and_never_repeat() {
        let requests: BTreeSet<RequestId> = (0..10_000).map(|_| RandomIds.request_id()).collect();
        let keys: BTreeSet<ApiKeyId> = (0..10_000).map(|_| RandomIds.api_key_id()).collect();
        assert_eq!((requests.len(), keys.len()), (10_000, 10_000));
        assert!(keys.iter().all(|id| id.as_str().starts_with("ak-") && id.as_str().len() == 35));
        assert!(requests.iter().all(|id| id.as_str().len() == 32));
    }
}
