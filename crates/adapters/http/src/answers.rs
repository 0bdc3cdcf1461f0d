//! The bytes of answers that clients have not taken yet: bounded for each principal, then for the node.
//!
//! Whoever sends an answer keeps its [`AnswerHold`] until the last byte is sent.

use crate::problem::{Code, Problem};
use domain::Actor;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Answers up to this size are not counted, in bytes: the bounds on connections and streams are enough for them.
const UNCOUNTED_BYTES: usize = 4 * 1024;
/// How long a request waits until its caller took earlier answers.
const ROOM_WITHIN: Duration = Duration::from_secs(2);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How many bytes of answers may be under way.
#[derive(Clone, Copy, Debug)]
pub struct AnswerRules {
    /// To one principal.
    pub per_principal_bytes: usize,
    /// To all of them.
    pub total_bytes: usize,
}

impl Default for AnswerRules {
    fn default() -> Self {
        Self { per_principal_bytes: 64 * 1024 * 1024, total_bytes: 512 * 1024 * 1024 }
    }
}

/// The answers that are under way.
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

/// What an answer takes of the bounds; given back when it is dropped. Whoever serves the connection finds it in the
/// answer's extensions, and keeps it until the answer is sent.
#[derive(Clone)]
pub struct AnswerHold {
    // It is shared, because extensions are cloneable.
    _held: Arc<Held>,
}

impl fmt::Debug for AnswerHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerHold")
    }
}

/// Bytes that are taken for an answer in the making.
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

    /// Whether an answer of this size is counted.
    pub(crate) fn counts(bytes: usize) -> bool {
        bytes > UNCOUNTED_BYTES
    }

    /// Takes room for an answer of at most so many bytes; waits a moment when the caller, or all together, have not
    /// taken earlier ones.
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
        // One answer is always allowed, whatever its size.
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

    /// Takes room whether or not there is any.
    pub(crate) fn take(&self, actor: &Actor, bytes: usize) -> Held {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.total += bytes;
        *accounts.principals.entry(actor.clone()).or_default() += bytes;
        Held { accounts: self.accounts.clone(), actor: actor.clone(), bytes }
    }
}

impl Held {
    /// Gives back what the finished answer does not need.
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
