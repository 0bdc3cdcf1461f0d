//! Bounds the bytes of responses that clients have not read yet: per principal first, then per node.
//!
//! The connection keeps the [`AnswerHold`] of a response until its last byte is sent.

use crate::problem::{Code, Problem};
use domain::Actor;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Responses up to this size in bytes are not counted; the limits of connections and streams bound them.
const UNCOUNTED_BYTES: usize = 4 * 1024;
/// Maximum wait of a request for the client to read earlier responses.
const ROOM_WITHIN: Duration = Duration::from_secs(2);
/// Interval between two attempts.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Limits of unread response bytes.
#[derive(Clone, Copy, Debug)]
pub struct AnswerRules {
    /// Limit per principal, in bytes.
    pub per_principal_bytes: usize,
    /// Limit of the node, in bytes.
    pub total_bytes: usize,
}

impl Default for AnswerRules {
    fn default() -> Self {
        Self { per_principal_bytes: 64 * 1024 * 1024, total_bytes: 512 * 1024 * 1024 }
    }
}

/// The unread responses of the node.
#[derive(Debug)]
pub(crate) struct Answers {
    rules: AnswerRules,
    accounts: Arc<Mutex<Accounts>>,
}

#[derive(Debug, Default)]
struct Accounts {
    principals: BTreeMap<Actor, usize>,
    total: usize,
}

/// The share of the limits that a response uses, released on drop. It is in the extensions of the response;
/// the connection keeps it until the response is sent.
#[derive(Clone)]
pub struct AnswerHold {
    // Shared, because extensions must be `Clone`.
    _held: Arc<Held>,
}

impl fmt::Debug for AnswerHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerHold")
    }
}

/// Bytes reserved for a response.
#[derive(Debug)]
pub(crate) struct Held {
    accounts: Arc<Mutex<Accounts>>,
    actor: Actor,
    bytes: usize,
}

impl Answers {
    pub(crate) fn new(rules: AnswerRules) -> Self {
        Self { rules, accounts: Arc::default() }
    }

    /// Whether a response of this size counts.
    pub(crate) fn counts(bytes: usize) -> bool {
        bytes > UNCOUNTED_BYTES
    }

    /// Reserves room for a response of at most `bytes`. Waits up to [`ROOM_WITHIN`] if a limit is reached,
    /// then fails.
    pub(crate) async fn reserve(&self, actor: &Actor, bytes: usize) -> Result<Held, Problem> {
        let until = Instant::now() + ROOM_WITHIN;
        loop {
            match self.try_reserve(actor, bytes) {
                Err(_) if Instant::now() < until => sleep(LOOK_EVERY).await,
                done => return done,
            }
        }
    }

    fn try_reserve(&self, actor: &Actor, bytes: usize) -> Result<Held, Problem> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let own = accounts.principals.get(actor).copied().unwrap_or_default();
        // A principal without unread responses may have one of any size.
        if own > 0 && own.saturating_add(bytes) > self.rules.per_principal_bytes {
            let detail = format!(
                "{own} bytes of answers to you are not taken yet, at most {} may be: read them first",
                self.rules.per_principal_bytes
            );
            return Err(Problem::new(Code::Overloaded, detail)
                .with("limit", "answer_bytes")
                .with("limit_bytes", self.rules.per_principal_bytes));
        }
        if accounts.total > 0 && accounts.total.saturating_add(bytes) > self.rules.total_bytes {
            let detail =
                "the clients of this node have not taken their answers yet; try again, or another node";
            return Err(Problem::new(Code::Overloaded, detail)
                .with("limit", "answer_bytes_of_node")
                .with("limit_bytes", self.rules.total_bytes));
        }
        drop(accounts);
        Ok(self.take(actor, bytes))
    }

    /// Reserves without checking the limits.
    pub(crate) fn take(&self, actor: &Actor, bytes: usize) -> Held {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.total += bytes;
        *accounts.principals.entry(actor.clone()).or_default() += bytes;
        Held { accounts: self.accounts.clone(), actor: actor.clone(), bytes }
    }
}

impl Held {
    /// Reduces the reservation to the size of the finished response.
    pub(crate) fn shrunk(mut self, bytes: usize) -> AnswerHold {
        let surplus = self.bytes.saturating_sub(bytes);
        self.bytes -= surplus;
        give_back(&self.accounts, &self.actor, surplus);
        AnswerHold { _held: Arc::new(self) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        give_back(&self.accounts, &self.actor, self.bytes);
    }
}

fn give_back(accounts: &Mutex<Accounts>, actor: &Actor, bytes: usize) {
    let mut accounts = accounts.lock().unwrap_or_else(PoisonError::into_inner);
    accounts.total -= bytes;
    if let Some(own) = accounts.principals.get_mut(actor) {
        *own -= bytes;
        if *own == 0 {
            accounts.principals.remove(actor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(name: &str) -> Actor {
        Actor::User(domain::UserId::parse(name).expect("an id"))
    }

    fn answers() -> Answers {
        Answers::new(AnswerRules { per_principal_bytes: 100_000, total_bytes: 250_000 })
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_nothing_is_refused_and_others_are_not() {
        let answers = answers();
        let (a, b) = (actor("a"), actor("b"));
        let held = answers.reserve(&a, 90_000).await.expect("room").shrunk(80_000);
        assert_eq!(
            answers.reserve(&a, 30_000).await.err().map(|problem| problem.code()),
            Some(Code::Overloaded)
        );
        let other = answers.reserve(&b, 90_000).await.expect("room for others");
        drop(held);
        drop((answers.reserve(&a, 30_000).await.expect("room again"), other));
        assert_eq!(answers.accounts.lock().expect("a lock").total, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn all_together_are_bounded_too() {
        let answers = answers();
        let mut held = Vec::new();
        for name in ["a", "b"] {
            held.push(answers.reserve(&actor(name), 100_000).await.expect("room"));
        }
        assert!(answers.reserve(&actor("c"), 100_000).await.is_err());
        held.pop();
        assert!(answers.reserve(&actor("c"), 100_000).await.is_ok());
    }
}
