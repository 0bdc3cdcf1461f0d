//! Throttling: counts failures by key in a sliding window.
//!
//! Attempts on the same key are serialised by its row in `throttle_keys`. Several keys are locked in order of
//! their names, which avoids deadlocks.

use crate::Database;
use crate::connection::Connection;
use crate::error::SqlError;
use crate::statement::{Statement, Value, values};
use application::ports::identity::{Attempt, IdentityError, PENDING_MS_MAX, Throttle, ThrottleRule};
use async_trait::async_trait;
use domain::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Longest wait for pending attempts on the same key, and the pauses between polls.
const WAIT_MAX: Duration = Duration::from_secs(8);
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(320);

/// Locks the row of a key, and creates it if necessary.
async fn hold(transaction: &mut Connection, key: &str, at: Timestamp) -> Result<(), SqlError> {
    let hold = "INSERT INTO throttle_keys (key, newest_at) VALUES ($1, $2)
                ON CONFLICT (key) DO UPDATE SET newest_at =
                    CASE WHEN excluded.newest_at > throttle_keys.newest_at
                         THEN excluded.newest_at ELSE throttle_keys.newest_at END";
    transaction.execute(hold, &values![key, at]).await?;
    Ok(())
}

/// The remaining delays of a key, in milliseconds: by failures alone, and including pending attempts.
#[derive(Clone, Copy, Default)]
struct Waits {
    failed: i64,
    pending: i64,
}

async fn waits(
    transaction: &mut Connection,
    key: &str,
    rule: &ThrottleRule,
    at: Timestamp,
) -> Result<Waits, SqlError> {
    let forget = "DELETE FROM throttle_failures WHERE key = $1 AND failed_at <= $2";
    transaction.execute(forget, &values![key, at.0.saturating_sub(rule.window_ms)]).await?;
    let of = async |transaction: &mut Connection, select: &'static str, values: &[Value]| {
        let Some(row) = transaction.row(select, values).await? else { return Ok(0) };
        Ok::<_, SqlError>(wait(row.count("n")?, row.get("newest")?, rule, at))
    };
    let all = "SELECT COUNT(*) AS n, MAX(failed_at) AS newest FROM throttle_failures WHERE key = $1";
    let pending = of(transaction, all, &values![key]).await?;
    if pending == 0 {
        return Ok(Waits::default());
    }
    let failed = "SELECT COUNT(*) AS n, MAX(failed_at) AS newest FROM throttle_failures
                  WHERE key = $1 AND (NOT pending OR failed_at <= $2)";
    let failed = of(transaction, failed, &values![key, at.0.saturating_sub(PENDING_MS_MAX)]).await?;
    Ok(Waits { failed, pending })
}

/// The remaining delay after these failures, the latest of them at `newest`.
fn wait(failures: u64, newest: Option<i64>, rule: &ThrottleRule, at: Timestamp) -> i64 {
    let (Some(newest), true) = (newest, failures > u64::from(rule.free)) else { return 0 };
    let delay = delay_ms(rule, failures - u64::from(rule.free));
    // A node whose clock is ahead must not cause a longer delay than the rule allows.
    (newest.saturating_add(delay) - at.0).clamp(0, delay)
}

/// The delay after this many failures beyond the free ones; each doubles it.
fn delay_ms(rule: &ThrottleRule, charged: u64) -> i64 {
    let doublings = u32::try_from(charged - 1).unwrap_or(u32::MAX).min(62);
    rule.delay_ms.saturating_mul(1 << doublings).min(rule.delay_max_ms)
}

const PRUNE: Statement = Statement {
    postgres: "DELETE FROM throttle_keys WHERE newest_at < $1 AND key IN (
                   SELECT key FROM throttle_keys WHERE newest_at < $1
                   ORDER BY key LIMIT $2 FOR UPDATE SKIP LOCKED)",
    sqlite: "DELETE FROM throttle_keys WHERE key IN (
                 SELECT key FROM throttle_keys WHERE newest_at < $1 ORDER BY key LIMIT $2)",
};

/// The result of beginning an attempt.
enum Begun {
    Counted,
    /// Failures delay the attempt by this many milliseconds.
    Refused(i64),
    /// Only pending attempts delay it; their number on the key.
    Pending {
        key: String,
        pending: u64,
        wait_ms: i64,
    },
}

const PENDING: &str =
    "SELECT COUNT(*) AS n FROM throttle_failures WHERE key = $1 AND pending AND failed_at > $2";

impl Database {
    async fn try_begin(&self, attempt: &Attempt) -> Result<Begun, IdentityError> {
        let mut transaction = Database::begin(self).await?;
        let (mut refused, mut blocked) = (0, None::<(&str, i64)>);
        let keys = in_order(attempt);
        for (key, rule) in &keys {
            hold(&mut transaction, key, attempt.at).await?;
            let Waits { failed, pending } = waits(&mut transaction, key, rule, attempt.at).await?;
            refused = failed.max(refused);
            if pending > blocked.map_or(0, |(_, longest)| longest) {
                blocked = Some((key, pending));
            }
        }
        if refused > 0 {
            return Ok(Begun::Refused(refused));
        }
        if let Some((key, wait_ms)) = blocked {
            let since = attempt.at.0.saturating_sub(PENDING_MS_MAX);
            let pending = transaction.count(PENDING, &values![key, since]).await?;
            return Ok(Begun::Pending { key: key.to_owned(), pending, wait_ms });
        }
        for key in keys.keys() {
            let insert = "INSERT INTO throttle_failures (key, failed_at, pending) VALUES ($1, $2, $3)";
            transaction.execute(insert, &values![*key, attempt.at, attempt.pending]).await?;
        }
        transaction.commit().await?;
        Ok(Begun::Counted)
    }

    /// Waits until fewer attempts are pending on the key than before; false at the deadline.
    async fn fewer_pending(
        &self,
        attempt: &Attempt,
        (key, before): (&str, u64),
        deadline: Instant,
    ) -> Result<bool, IdentityError> {
        let mut pause = PAUSE_MIN;
        loop {
            if Instant::now() + pause > deadline {
                return Ok(false);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
            let since = attempt.at.0.saturating_sub(PENDING_MS_MAX);
            let row = self.read_one(PENDING, &values![key, since]).await?;
            if row.map_or(Ok(0), |row| row.count("n"))? < before {
                return Ok(true);
            }
        }
    }

    /// Ends a pending attempt. Deletes all failures of the key `forgotten`. For other keys deletes this
    /// attempt, or counts it as a failure if it `failed`.
    async fn end(
        &self,
        attempt: &Attempt,
        forgotten: Option<&str>,
        failed: bool,
    ) -> Result<(), IdentityError> {
        let mut transaction = Database::begin(self).await?;
        for key in in_order(attempt).into_keys() {
            hold(&mut transaction, key, attempt.at).await?;
            if Some(key) == forgotten {
                let forget = "DELETE FROM throttle_failures WHERE key = $1";
                transaction.execute(forget, &values![key]).await?;
                continue;
            }
            let take_back = "DELETE FROM throttle_failures WHERE id = (
                SELECT MIN(id) FROM throttle_failures WHERE key = $1 AND failed_at = $2 AND pending)";
            transaction.execute(take_back, &values![key, attempt.at]).await?;
            if failed {
                // Even if a concurrent success deleted the failures of the key meanwhile.
                let insert = "INSERT INTO throttle_failures (key, failed_at) VALUES ($1, $2)";
                transaction.execute(insert, &values![key, attempt.at]).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}

fn in_order(attempt: &Attempt) -> BTreeMap<&str, &ThrottleRule> {
    attempt.keys.iter().map(|(key, rule)| (key.as_str(), rule)).collect()
}

#[async_trait]
impl Throttle for Database {
    async fn begin(&self, attempt: &Attempt) -> Result<Option<i64>, IdentityError> {
        let deadline = Instant::now() + WAIT_MAX;
        let mut place = None;
        loop {
            let (key, pending, wait_ms) = match self.try_begin(attempt).await? {
                Begun::Counted => return Ok(None),
                Begun::Refused(wait_ms) => return Ok(Some(wait_ms)),
                Begun::Pending { key, pending, wait_ms } => (key, pending, wait_ms),
            };
            if place.is_none() {
                place = self.waiters.enter(&key);
            }
            if place.is_none() || !self.fewer_pending(attempt, (&key, pending), deadline).await? {
                return Ok(Some(wait_ms));
            }
        }
    }

    async fn succeed(&self, attempt: &Attempt) -> Result<(), IdentityError> {
        self.end(attempt, attempt.keys.first().map(|(key, _)| key.as_str()), false).await
    }

    async fn fail(&self, attempt: &Attempt) -> Result<(), IdentityError> {
        self.end(attempt, None, true).await
    }

    async fn withdraw(&self, attempt: &Attempt) -> Result<(), IdentityError> {
        self.end(attempt, None, false).await
    }

    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError> {
        let mut transaction = Database::begin(self).await?;
        let forgotten = transaction.execute(PRUNE, &values![before, limit]).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }
}
