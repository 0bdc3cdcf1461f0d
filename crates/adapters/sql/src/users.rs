//! User accounts.

use crate::concerned::{Guard, raise_user};
use crate::connection::Connection;
use crate::error::{Meaning, SqlError};
use crate::row::Row;
use crate::statement::{for_update, values};
use crate::{Database, external};
use application::identity::USERS_MAX;
use application::ports::identity::{
    IdentityError, NewUser, PasswordHash, User, UserChange, UserStatus, Users,
};
use async_trait::async_trait;
use domain::{Actor, Email, KeyLabel, SessionId, Timestamp, UserId};

/// The columns that [`user`] reads.
macro_rules! select_users {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.email, u.name, u.password, u.active, u.second_factor_required,
                    u.created_at, u.updated_at FROM users u ",
            $rest
        )
    };
}

/// Reads a user.
pub(crate) fn user(row: &Row) -> Result<User, SqlError> {
    Ok(User {
        id: row.parsed("id", UserId::parse)?,
        email: row.parsed("email", Email::parse)?,
        name: row.parsed("name", KeyLabel::parse)?,
        status: if row.get("active")? { UserStatus::Active } else { UserStatus::Deactivated },
        second_factor_required: row.get("second_factor_required")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// Creates a user. Needs the directory lock, for the limit.
pub(crate) async fn insert(transaction: &mut Connection, new: &NewUser) -> Result<User, IdentityError> {
    if transaction.count("SELECT COUNT(*) AS n FROM users", &[]).await? >= USERS_MAX {
        return Err(IdentityError::Full("people", USERS_MAX));
    }
    let made = User {
        id: new.id.clone(),
        email: new.email.clone(),
        name: new.name.clone(),
        status: UserStatus::Active,
        second_factor_required: new.second_factor_required,
        created_at: new.at,
        updated_at: new.at,
    };
    let insert = "INSERT INTO users
            (id, email, name, password, active, second_factor_required, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
    let password = new.password.as_ref().map(|password| password.0.as_str());
    let values = values![
        made.id.as_str(),
        made.email.as_str(),
        made.name.as_str(),
        password,
        true,
        made.second_factor_required,
        made.created_at,
    ];
    transaction.execute(insert, &values).await.or_taken("email")?;
    if let Some(identity) = &new.identity {
        external::insert(transaction, identity, &made.id).await?;
    }
    Ok(made)
}

/// Finds a user and locks its row.
pub(crate) async fn hold(transaction: &mut Connection, id: &UserId) -> Result<Option<User>, SqlError> {
    let statement = for_update!(
        "SELECT id, email, name, active, second_factor_required, created_at, updated_at
         FROM users WHERE id = $1"
    );
    transaction.row(statement, &values![id.as_str()]).await?.as_ref().map(user).transpose()
}

#[async_trait]
impl Users for Database {
    async fn create(&self, new: &NewUser) -> Result<User, IdentityError> {
        let mut transaction = self.begin_directory().await?;
        let made = insert(&mut transaction, new).await?;
        transaction.commit().await?;
        Ok(made)
    }

    async fn get(&self, id: &UserId) -> Result<Option<User>, IdentityError> {
        let row = self.read_one(select_users!("WHERE u.id = $1"), &values![id.as_str()]).await?;
        Ok(row.as_ref().map(user).transpose()?)
    }

    async fn by_email(&self, email: &Email) -> Result<Option<(User, Option<PasswordHash>)>, IdentityError> {
        let row = self.read_one(select_users!("WHERE u.email = $1"), &values![email.as_str()]).await?;
        let Some(row) = row else { return Ok(None) };
        let password: Option<String> = row.get("password")?;
        Ok(Some((user(&row)?, password.map(PasswordHash))))
    }

    async fn list(&self, after: Option<&UserId>, limit: u32) -> Result<Vec<User>, IdentityError> {
        let page = select_users!("WHERE u.id > $1 ORDER BY u.id LIMIT $2");
        // No id is empty, so all ids sort after the empty text.
        let rows = self.read(page, &values![after.map_or("", UserId::as_str), limit]).await?;
        Ok(rows.iter().map(user).collect::<Result<_, _>>()?)
    }

    async fn change(&self, id: &UserId, change: &UserChange, at: Timestamp) -> Result<User, IdentityError> {
        let mut transaction = self.begin_directory().await?;
        let before = hold(&mut transaction, id).await?.ok_or(IdentityError::Missing("user"))?;
        let after = User {
            email: change.email.clone().unwrap_or_else(|| before.email.clone()),
            name: change.name.clone().unwrap_or_else(|| before.name.clone()),
            status: change.status.unwrap_or(before.status),
            second_factor_required: change.second_factor_required.unwrap_or(before.second_factor_required),
            updated_at: at,
            ..before.clone()
        };
        let deactivated = before.status == UserStatus::Active && after.status == UserStatus::Deactivated;
        let guard = Guard::before(&mut transaction).await?;
        let update = "UPDATE users SET email = $2, name = $3, active = $4, second_factor_required = $5,
                             updated_at = $6 WHERE id = $1";
        let values = values![
            id.as_str(),
            after.email.as_str(),
            after.name.as_str(),
            after.status == UserStatus::Active,
            after.second_factor_required,
            after.updated_at,
        ];
        transaction.execute(update, &values).await.or_taken("email")?;
        if deactivated {
            guard.after(&mut transaction).await?;
            transaction.execute("DELETE FROM sessions WHERE user_id = $1", &values![id.as_str()]).await?;
            let giver = Actor::User(id.clone()).to_string();
            transaction.execute("DELETE FROM invitations WHERE invited_by = $1", &values![giver]).await?;
            raise_user(&mut transaction, id).await?;
        }
        // A session without the second factor that is now required must not continue.
        if after.second_factor_required && !before.second_factor_required {
            raise_user(&mut transaction, id).await?;
        }
        transaction.commit().await?;
        Ok(after)
    }

    async fn password(&self, id: &UserId) -> Result<Option<PasswordHash>, IdentityError> {
        let row = self.read_one("SELECT password FROM users WHERE id = $1", &values![id.as_str()]).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(row.get::<Option<String>>("password")?.map(PasswordHash))
    }

    async fn set_password(
        &self,
        id: &UserId,
        before: Option<&PasswordHash>,
        password: &PasswordHash,
        ends_sessions: Option<Option<&SessionId>>,
        at: Timestamp,
    ) -> Result<bool, IdentityError> {
        let mut transaction = self.begin().await?;
        hold(&mut transaction, id).await?.ok_or(IdentityError::Missing("user"))?;
        let update = "UPDATE users SET password = $2, updated_at = $3
                      WHERE id = $1 AND password IS NOT DISTINCT FROM $4";
        let before = before.map(|before| before.0.as_str());
        let values = values![id.as_str(), password.0.as_str(), at, before];
        if transaction.execute(update, &values).await? == 0 {
            return Ok(false);
        }
        if let Some(keep) = ends_sessions {
            let end = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
            let keep = keep.map_or("", SessionId::as_str);
            transaction.execute(end, &values![id.as_str(), keep]).await?;
            raise_user(&mut transaction, id).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}
