//! Sessions. Ending one deletes it with its refresh tokens.

use crate::concerned::raise_user;
use crate::connection::Connection;
use crate::error::{Meaning, SqlError};
use crate::row::Row;
use crate::statement::{Statement, values};
use crate::{Database, rotation, users};
use application::ports::identity::{
    ClientInfo, IdentityError, NETWORKS_MAX, NewSession, Rotate, Rotation, Session, Sessions, Shown,
    UserStatus,
};
use async_trait::async_trait;
use domain::{SessionId, Timestamp, UserId};

/// Reads a session.
pub(crate) fn session(row: &Row) -> Result<Session, SqlError> {
    Ok(Session {
        id: row.parsed("id", SessionId::parse)?,
        user: row.parsed("user_id", UserId::parse)?,
        client: ClientInfo {
            address: row.text("address")?,
            user_agent: row.text("user_agent")?,
            device: row.text("device")?,
        },
        method: row.text("method")?,
        created_at: row.time("created_at")?,
        used_at: row.time("used_at")?,
        idle_at: row.time("idle_at")?,
        ends_at: row.time("ends_at")?,
    })
}

/// Skips rows locked by other transactions, so that concurrent pruning does not deadlock. Checks the
/// condition again in the outer `WHERE`, because it may change before the row is locked.
const PRUNE: Statement = Statement {
    postgres: "DELETE FROM sessions WHERE (idle_at < $1 OR ends_at < $1) AND id IN (
                   SELECT id FROM sessions WHERE idle_at < $1 OR ends_at < $1
                   ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)",
    sqlite: "DELETE FROM sessions WHERE id IN (
                 SELECT id FROM sessions WHERE idle_at < $1 OR ends_at < $1 ORDER BY id LIMIT $2)",
};

/// Checks that the presented credentials are current. Fails with `Missing("proof")`. The row of the user must
/// be locked, as every change of its password or second factor locks it.
async fn still_holds(
    transaction: &mut Connection,
    user: &UserId,
    shown: &Shown,
) -> Result<(), IdentityError> {
    let user = &values![user.as_str()];
    if let Some(checked) = &shown.password {
        let row = transaction.row("SELECT password FROM users WHERE id = $1", user).await?;
        let kept = row.map(|row| row.get::<Option<String>>("password")).transpose()?.flatten();
        if kept.as_ref() != Some(&checked.0) {
            return Err(IdentityError::Missing("proof"));
        }
    }
    if shown.second_factor {
        return Ok(());
    }
    let confirmed = "SELECT user_id FROM second_factors WHERE user_id = $1 AND confirmed";
    if transaction.any(confirmed, user).await? { Err(IdentityError::Missing("proof")) } else { Ok(()) }
}

/// Stores the networks from which the user signed in; the least recently used ones make room.
async fn remember_networks(transaction: &mut Connection, new: &NewSession) -> Result<(), SqlError> {
    let (user, at) = (new.session.user.as_str(), new.session.created_at);
    for network in &new.networks {
        let upsert = "INSERT INTO sign_in_networks (user_id, network, seen_at) VALUES ($1, $2, $3)
                      ON CONFLICT (user_id, network) DO UPDATE SET seen_at = excluded.seen_at";
        transaction.execute(upsert, &values![user, network.as_str(), at]).await?;
    }
    let forget = "DELETE FROM sign_in_networks WHERE user_id = $1 AND network NOT IN (
        SELECT network FROM sign_in_networks WHERE user_id = $1 ORDER BY seen_at DESC, network LIMIT $2)";
    transaction.execute(forget, &values![user, i64::from(NETWORKS_MAX)]).await?;
    Ok(())
}

#[async_trait]
impl Sessions for Database {
    async fn open(&self, new: &NewSession) -> Result<Vec<SessionId>, IdentityError> {
        let session = &new.session;
        let mut transaction = self.begin().await?;
        // The row of the user is locked, so concurrently opened sessions count each other.
        let user = users::hold(&mut transaction, &session.user).await?;
        if user.is_none_or(|user| user.status != UserStatus::Active) {
            return Err(IdentityError::Missing("user"));
        }
        still_holds(&mut transaction, &session.user, &new.shown).await?;
        let live = "SELECT id FROM sessions WHERE user_id = $1 AND idle_at > $2 AND ends_at > $2
                    ORDER BY used_at DESC, created_at DESC, id DESC";
        let rows = transaction.rows(live, &values![session.user.as_str(), session.created_at]).await?;
        let room = usize::try_from(new.sessions_max.max(1) - 1).unwrap_or(usize::MAX);
        let ended = rows.iter().skip(room).map(|row| row.parsed("id", SessionId::parse));
        let ended = ended.collect::<Result<Vec<_>, _>>()?;
        for id in &ended {
            transaction.execute("DELETE FROM sessions WHERE id = $1", &values![id.as_str()]).await?;
        }
        if !ended.is_empty() {
            raise_user(&mut transaction, &session.user).await?;
        }
        let insert = "INSERT INTO sessions (id, user_id, address, user_agent, device, method, created_at,
                                            used_at, idle_at, ends_at, newest)
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let values = values![
            session.id.as_str(),
            session.user.as_str(),
            session.client.address.as_str(),
            session.client.user_agent.as_str(),
            session.client.device.as_str(),
            session.method.as_str(),
            session.created_at,
            session.used_at,
            session.idle_at,
            session.ends_at,
            new.refresh,
        ];
        transaction.execute(insert, &values).await.or_taken("session")?;
        rotation::remember(&mut transaction, new.refresh, &session.id).await?;
        remember_networks(&mut transaction, new).await?;
        transaction.commit().await?;
        Ok(ended)
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation, IdentityError> {
        rotation::rotate(self, rotate).await
    }

    async fn list(&self, user: &UserId, at: Timestamp) -> Result<Vec<Session>, IdentityError> {
        let live = "SELECT id, user_id, address, user_agent, device, method, created_at, used_at, idle_at,
                           ends_at
                    FROM sessions WHERE user_id = $1 AND idle_at > $2 AND ends_at > $2
                    ORDER BY created_at DESC, id DESC";
        let rows = self.read(live, &values![user.as_str(), at]).await?;
        Ok(rows.iter().map(session).collect::<Result<_, _>>()?)
    }

    async fn end(&self, user: &UserId, session: &SessionId) -> Result<bool, IdentityError> {
        let mut transaction = self.begin().await?;
        let end = "DELETE FROM sessions WHERE id = $1 AND user_id = $2";
        if transaction.execute(end, &values![session.as_str(), user.as_str()]).await? == 0 {
            return Ok(false);
        }
        raise_user(&mut transaction, user).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn end_all(&self, user: &UserId, keep: Option<&SessionId>) -> Result<u64, IdentityError> {
        let mut transaction = self.begin().await?;
        users::hold(&mut transaction, user).await?;
        let end = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
        let keep = keep.map_or("", SessionId::as_str);
        let ended = transaction.execute(end, &values![user.as_str(), keep]).await?;
        if ended > 0 {
            raise_user(&mut transaction, user).await?;
        }
        transaction.commit().await?;
        Ok(ended)
    }

    async fn is_live(&self, session: &SessionId, at: Timestamp) -> Result<bool, IdentityError> {
        let live = "SELECT id FROM sessions WHERE id = $1 AND idle_at > $2 AND ends_at > $2";
        Ok(!self.read(live, &values![session.as_str(), at]).await?.is_empty())
    }

    async fn networks(&self, user: &UserId, since: Timestamp) -> Result<Vec<String>, IdentityError> {
        let select = "SELECT network FROM sign_in_networks WHERE user_id = $1 AND seen_at >= $2
                      ORDER BY seen_at DESC, network LIMIT $3";
        let rows = self.read(select, &values![user.as_str(), since, i64::from(NETWORKS_MAX)]).await?;
        Ok(rows.iter().map(|row| row.text("network")).collect::<Result<_, _>>()?)
    }

    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError> {
        let mut transaction = self.begin().await?;
        let forgotten = transaction.execute(PRUNE, &values![before, limit]).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }
}
