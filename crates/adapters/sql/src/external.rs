//! External identities, and pending sign-ins at identity providers.

use crate::Database;
use crate::connection::Connection;
use crate::error::{Meaning, SqlError};
use crate::row::Row;
use crate::statement::{int, values};
use application::identity::PENDING_MAX;
use application::ports::identity::{ExternalIdentities, ExternalIdentity, IdentityError, PendingSignIn};
use async_trait::async_trait;
use domain::{Digest, Timestamp, UserId};
use secrecy::ExposeSecret;

/// Most pending sign-ins that a new one evicts; more than one only after the limit was lowered.
const DRIVEN_OUT_MAX: i64 = 1000;

fn pending(row: &Row) -> Result<PendingSignIn, SqlError> {
    Ok(PendingSignIn {
        state: row.digest("state")?,
        provider: row.text("provider")?,
        nonce: row.text("nonce")?.into(),
        verifier: row.text("verifier")?.into(),
        expires_at: row.time("expires_at")?,
    })
}

/// Stores the external identity of a new user.
pub(crate) async fn insert(
    transaction: &mut Connection,
    identity: &ExternalIdentity,
    user: &UserId,
) -> Result<(), IdentityError> {
    let insert = "INSERT INTO external_identities (issuer, subject, user_id) VALUES ($1, $2, $3)";
    let values = values![identity.issuer.as_str(), identity.subject.as_str(), user.as_str()];
    transaction.execute(insert, &values).await.or_taken("identity")?;
    Ok(())
}

#[async_trait]
impl ExternalIdentities for Database {
    async fn find(&self, identity: &ExternalIdentity) -> Result<Option<UserId>, IdentityError> {
        let find = "SELECT user_id FROM external_identities WHERE issuer = $1 AND subject = $2";
        let row = self.read_one(find, &values![identity.issuer.as_str(), identity.subject.as_str()]).await?;
        Ok(row.map(|row| row.parsed("user_id", UserId::parse)).transpose()?)
    }

    async fn keep(&self, new: &PendingSignIn) -> Result<(), IdentityError> {
        let mut transaction = self.begin().await?;
        let insert = "INSERT INTO pending_sign_ins (state, provider, nonce, verifier, expires_at)
                      VALUES ($1, $2, $3, $4, $5)";
        let values = values![
            new.state,
            new.provider.as_str(),
            new.nonce.expose_secret(),
            new.verifier.expose_secret(),
            new.expires_at,
        ];
        transaction.execute(insert, &values).await.or_taken("state")?;
        let drive_out = "DELETE FROM pending_sign_ins WHERE id IN (
                             SELECT id FROM pending_sign_ins ORDER BY id DESC LIMIT $1 OFFSET $2)";
        transaction.execute(drive_out, &values![DRIVEN_OUT_MAX, int(PENDING_MAX)]).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn take(&self, state: &Digest, at: Timestamp) -> Result<Option<PendingSignIn>, IdentityError> {
        let mut transaction = self.begin().await?;
        let take = "DELETE FROM pending_sign_ins WHERE state = $1
                    RETURNING state, provider, nonce, verifier, expires_at";
        let row = transaction.row(take, &values![*state]).await?;
        transaction.commit().await?;
        let taken = row.as_ref().map(pending).transpose()?;
        Ok(taken.filter(|one| one.expires_at > at))
    }
}
