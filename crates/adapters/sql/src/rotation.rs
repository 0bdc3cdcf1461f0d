//! Rotation of refresh tokens (RFC 9700 section 4.14.2).
//!
//! All mutable state is in the row of the session, which is locked for the decision. A token only identifies
//! its session.

use crate::Database;
use crate::concerned::raise_user;
use crate::connection::Connection;
use crate::error::{Meaning, SqlError};
use crate::row::Row;
use crate::sessions::session;
use crate::statement::{for_update, values};
use application::ports::identity::{IdentityError, Rotate, Rotation, Session};
use domain::{Digest, SessionId};

/// Stores the session of a token.
pub(crate) async fn remember(
    transaction: &mut Connection,
    token: Digest,
    session: &SessionId,
) -> Result<(), IdentityError> {
    let insert = "INSERT INTO refresh_tokens (digest, session_id) VALUES ($1, $2)";
    transaction.execute(insert, &values![token, session.as_str()]).await.or_taken("token")?;
    Ok(())
}

/// Uses a refresh token.
pub(crate) async fn rotate(database: &Database, rotate: &Rotate) -> Result<Rotation, IdentityError> {
    let find = "SELECT session_id FROM refresh_tokens WHERE digest = $1";
    // An unknown token is refused without taking a turn as writer.
    if database.read_one(find, &values![rotate.presented]).await?.is_none() {
        return Ok(Rotation::Unknown);
    }
    let mut transaction = database.begin().await?;
    let Some(row) = transaction.row(find, &values![rotate.presented]).await? else {
        return Ok(Rotation::Unknown);
    };
    let id = row.parsed("session_id", SessionId::parse)?;
    // Locked in a separate statement: joined with the token, the row would be from before the wait for the
    // lock.
    let hold = for_update!(
        "SELECT id, user_id, address, user_agent, device, method, created_at, used_at, idle_at, ends_at,
                newest, previous, rotated_address, rotated_agent
         FROM sessions WHERE id = $1"
    );
    let Some(row) = transaction.row(hold, &values![id.as_str()]).await? else {
        return Ok(Rotation::Unknown);
    };
    let session = session(&row)?;
    if session.idle_at <= rotate.at || session.ends_at <= rotate.at {
        return Ok(Rotation::Unknown);
    }
    if row.digest("newest")? == rotate.presented {
        let session = carry_on(&mut transaction, session, rotate).await?;
        transaction.commit().await?;
        return Ok(Rotation::Rotated { session, repeated: false });
    }
    if within_grace(&row, &session, rotate)? {
        return Ok(Rotation::Rotated { session, repeated: true });
    }
    transaction.execute("DELETE FROM sessions WHERE id = $1", &values![id.as_str()]).await?;
    raise_user(&mut transaction, &session.user).await?;
    transaction.commit().await?;
    Ok(Rotation::Reused(session))
}

/// Whether the previous token was presented again within the grace period by the client that used it, and the
/// current token is the successor that this client would get again.
fn within_grace(row: &Row, session: &Session, rotate: &Rotate) -> Result<bool, SqlError> {
    let previous: Option<Vec<u8>> = row.get("previous")?;
    let address: Option<String> = row.get("rotated_address")?;
    let agent: Option<String> = row.get("rotated_agent")?;
    Ok(previous.as_deref() == Some(rotate.presented.0.as_slice())
        && row.digest("newest")? == rotate.successor
        && rotate.at.0.saturating_sub(session.used_at.0) < rotate.grace_ms
        && address.as_deref() == Some(rotate.client.address.as_str())
        && agent.as_deref() == Some(rotate.client.user_agent.as_str()))
}

async fn carry_on(
    transaction: &mut Connection,
    session: Session,
    rotate: &Rotate,
) -> Result<Session, IdentityError> {
    let update = "UPDATE sessions SET newest = $2, previous = $3, rotated_address = $4, rotated_agent = $5,
                         used_at = $6, idle_at = $7
                  WHERE id = $1";
    let values = values![
        session.id.as_str(),
        rotate.successor,
        rotate.presented,
        rotate.client.address.as_str(),
        rotate.client.user_agent.as_str(),
        rotate.at,
        rotate.idle_at,
    ];
    transaction.execute(update, &values).await?;
    remember(transaction, rotate.successor, &session.id).await?;
    Ok(Session { used_at: rotate.at, idle_at: rotate.idle_at, ..session })
}
