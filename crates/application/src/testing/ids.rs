//! Ids that are the same in every run.

use crate::ports::IdGenerator;
use domain::{ApiKeyId, RequestId, SessionId, UserId};
use std::sync::atomic::{AtomicU64, Ordering};

/// Generates sequential ids from a seed; generators with different seeds never collide.
#[derive(Debug)]
pub struct SeededIds {
    seed: u64,
    next: AtomicU64,
}

impl SeededIds {
    /// A generator whose ids contain `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, next: AtomicU64::new(1) }
    }

    fn next(&self, kind: &str) -> String {
        format!("{kind}-{}-{}", self.seed, self.next.fetch_add(1, Ordering::SeqCst))
    }
}

impl IdGenerator for SeededIds {
    fn request_id(&self) -> RequestId {
        RequestId::parse(&self.next("req")).expect("letters, digits and dashes")
    }

    fn api_key_id(&self) -> ApiKeyId {
        ApiKeyId::parse(&self.next("ak")).expect("letters, digits and dashes")
    }

    fn user_id(&self) -> UserId {
        UserId::parse(&self.next("user")).expect("letters, digits and dashes")
    }

    fn session_id(&self) -> SessionId {
        SessionId::parse(&self.next("session")).expect("letters, digits and dashes")
    }
}
