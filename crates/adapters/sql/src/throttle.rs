//! Counts failures by key in a sliding window.
//!
//! Attempts on the same key take turns at its row in `throttle_keys`; with several keys always in the order of
//! their names, so that no two attempts wait for each other.

use crate::Database;
use crate::connection::Connection;
use crate::error::SqlError;
use crate::statement::{Statement, values};
use application::ports::identity::{Attempt, IdentityError, Throttle, ThrottleRule};
use async_trait::async_trait;
use domain::Timestamp;
use std::collections::BTreeMap;

/// Holds the row of a key, which is made if it is not there.
async fn hold(transaction: &mut Connection, key: &str, at: Timestamp) -> Result<(), SqlError> {
    let hold = "INSERT INTO throttle_keys (key, newest_at) VALUES ($1, $2)
                ON CONFLICT (key) DO UPDATE SET newest_at =
                    CASE WHEN excluded.newest_at > throttle_keys.newest_at
                         THEN excluded.newest_at ELSE throttle_keys.newest_at END";
    transaction.execute(hold, &values![key, at]).await?;
    Ok(())
}

/// For how many milliseconds more a key must wait.
async fn wait(
    transaction: &mut Connection,
    key: &str,
    rule: &ThrottleRule,
    at: Timestamp,
) -> Result<i64, SqlError> {
    let forget = "DELETE FROM throttle_failures WHERE key = $1 AND failed_at <= $2";
    transaction.execute(forget, &values![key, at.0.saturating_sub(rule.window_ms)]).await?;
    let count = "SELECT COUNT(*) AS n, MAX(failed_at) AS newest FROM throttle_failures WHERE key = $1";
    let Some(row) = transaction.row(count, &values![key]).await? else { return Ok(0) };
    let failures: u64 = row.count("n")?;
    let (Some(newest), true) = (row.get::<Option<i64>>("newest")?, failures > u64::from(rule.free)) else {
        return Ok(0);
    };
    let delay = delay_ms(rule, failures - u64::from(rule.free));
    // A node whose clock is ahead makes nobody wait longer than the rule says.
    Ok((newest.saturating_add(delay) - at.0).clamp(0, delay))
}

/// The wait after this many failures that were not free: doubled by each.
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

#[async_trait]
impl Throttle for Database {
    async fn begin(&self, attempt: &Attempt) -> Result<Option<i64>, IdentityError> {
        let keys: BTreeMap<_, _> = attempt.keys.iter().map(|(key, rule)| (key.as_str(), rule)).collect();
        let mut transaction = Database::begin(self).await?;
        let mut longest = 0;
        for (key, rule) in &keys {
            hold(&mut transaction, key, attempt.at).await?;
            longest = wait(&mut transaction, key, rule, attempt.at).await?.max(longest);
        }
        if longest > 0 {
            return Ok(Some(longest));
        }
        for key in keys.keys() {
            let insert = "INSERT INTO throttle_failures (key, failed_at) VALUES ($1, $2)";
            transaction.execute(insert, &values![*key, attempt.at]).await?;
        }
        transaction.commit().await?;
        Ok(None)
    }

    async fn succeed(&self, attempt: &Attempt) -> Result<(), IdentityError> {
        let first = attempt.keys.first().map(|(key, _)| key.as_str());
        let keys: BTreeMap<_, _> = attempt.keys.iter().map(|(key, rule)| (key.as_str(), rule)).collect();
        let mut transaction = Database::begin(self).await?;
        for key in keys.into_keys() {
            hold(&mut transaction, key, attempt.at).await?;
            if Some(key) == first {
                let forget = "DELETE FROM throttle_failures WHERE key = $1";
                transaction.execute(forget, &values![key]).await?;
            } else {
                let take_back = "DELETE FROM throttle_failures WHERE id = (
                    SELECT MIN(id) FROM throttle_failures WHERE key = $1 AND failed_at = $2)";
                transaction.execute(take_back, &values![key, attempt.at]).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError> {
        let mut transaction = Database::begin(self).await?;
        let forgotten = transaction.execute(PRUNE, &values![before, limit]).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }
}
