//! Second factors and recovery codes.

use crate::concerned::raise_user;
use crate::connection::Connection;
use crate::error::{Meaning, SqlError};
use crate::statement::{for_update, values};
use crate::{Database, users};
use application::ports::identity::{IdentityError, SecondFactor, SecondFactors};
use async_trait::async_trait;
use domain::{Digest, SessionId, Timestamp, UserId};

/// Locks the row of a user's second factor and returns whether it is confirmed; `None` if there is none.
async fn hold(transaction: &mut Connection, user: &UserId) -> Result<Option<bool>, SqlError> {
    let statement = for_update!("SELECT confirmed FROM second_factors WHERE user_id = $1");
    let row = transaction.row(statement, &values![user.as_str()]).await?;
    row.map(|row| row.get("confirmed")).transpose()
}

/// Replaces all recovery codes of a user.
async fn replace_codes(
    transaction: &mut Connection,
    user: &UserId,
    codes: &[Digest],
) -> Result<(), SqlError> {
    transaction.execute("DELETE FROM recovery_codes WHERE user_id = $1", &values![user.as_str()]).await?;
    for code in codes {
        let insert = "INSERT INTO recovery_codes (user_id, digest) VALUES ($1, $2)";
        transaction.execute(insert, &values![user.as_str(), *code]).await?;
    }
    Ok(())
}

#[async_trait]
impl SecondFactors for Database {
    async fn get(&self, user: &UserId) -> Result<Option<SecondFactor>, IdentityError> {
        let find = "SELECT sealed, confirmed, last_step,
                           (SELECT COUNT(*) FROM recovery_codes c WHERE c.user_id = $1) AS codes
                    FROM second_factors WHERE user_id = $1";
        let Some(row) = self.read_one(find, &values![user.as_str()]).await? else { return Ok(None) };
        Ok(Some(SecondFactor {
            sealed: row.get("sealed")?,
            confirmed: row.get("confirmed")?,
            last_step: row.get("last_step")?,
            recovery_left: row.count("codes")?,
        }))
    }

    async fn begin(&self, user: &UserId, sealed: &[u8], at: Timestamp) -> Result<(), IdentityError> {
        let mut transaction = Database::begin(self).await?;
        let put = "INSERT INTO second_factors (user_id, sealed, confirmed, last_step, created_at)
                   VALUES ($1, $2, $3, NULL, $4)
                   ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at
                   WHERE NOT second_factors.confirmed";
        let values = values![user.as_str(), sealed, false, at];
        if transaction.execute(put, &values).await.or_missing("user")? == 0 {
            return Err(IdentityError::Taken("second_factor"));
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn confirm(
        &self,
        user: &UserId,
        step: i64,
        recovery: &[Digest],
        keep: Option<&SessionId>,
    ) -> Result<bool, IdentityError> {
        let mut transaction = Database::begin(self).await?;
        // A concurrent sign-in without the second factor either commits before and is ended here, or sees
        // this change.
        users::hold(&mut transaction, user).await?;
        let confirm = "UPDATE second_factors SET confirmed = $3, last_step = $2
                       WHERE user_id = $1 AND NOT confirmed";
        if transaction.execute(confirm, &values![user.as_str(), step, true]).await? == 0 {
            return Ok(false);
        }
        replace_codes(&mut transaction, user, recovery).await?;
        let end = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
        transaction.execute(end, &values![user.as_str(), keep.map_or("", SessionId::as_str)]).await?;
        raise_user(&mut transaction, user).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn use_step(&self, user: &UserId, step: i64) -> Result<bool, IdentityError> {
        let mut transaction = Database::begin(self).await?;
        let statement = "UPDATE second_factors SET last_step = $2
                    WHERE user_id = $1 AND confirmed AND (last_step IS NULL OR last_step < $2)";
        let changed = transaction.execute(statement, &values![user.as_str(), step]).await?;
        transaction.commit().await?;
        Ok(changed == 1)
    }

    async fn use_recovery(&self, user: &UserId, code: &Digest) -> Result<bool, IdentityError> {
        let mut transaction = Database::begin(self).await?;
        let statement = "DELETE FROM recovery_codes WHERE user_id = $1 AND digest = $2";
        let changed = transaction.execute(statement, &values![user.as_str(), *code]).await?;
        transaction.commit().await?;
        Ok(changed == 1)
    }

    async fn set_recovery(&self, user: &UserId, recovery: &[Digest]) -> Result<(), IdentityError> {
        let mut transaction = Database::begin(self).await?;
        if hold(&mut transaction, user).await? != Some(true) {
            return Err(IdentityError::Missing("second_factor"));
        }
        replace_codes(&mut transaction, user, recovery).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn remove(&self, user: &UserId) -> Result<bool, IdentityError> {
        let mut transaction = Database::begin(self).await?;
        let remove = "DELETE FROM second_factors WHERE user_id = $1";
        if transaction.execute(remove, &values![user.as_str()]).await? == 0 {
            return Ok(false);
        }
        raise_user(&mut transaction, user).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
