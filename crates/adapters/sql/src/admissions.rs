//! Registration and invitations, and the outbox of epochs to raise.

use crate::concerned::raise_user;
use crate::connection::Connection;
use crate::error::SqlError;
use crate::places::{can_be_given, place, place_columns};
use crate::row::Row;
use crate::statement::values;
use crate::{Database, users};
use application::identity::INVITATIONS_MAX;
use application::ports::identity::{
    Admissions, Binding, EpochOutbox, IdentityError, Invitation, NewInvitation, NewUser, PendingEpoch, Place,
    RegisterBy, Subject, User,
};
use async_trait::async_trait;
use domain::{BuiltInRole, Digest, Email, RoleName, Timestamp, UserId};

fn invitation(row: &Row) -> Result<Invitation, SqlError> {
    let role = row.parsed_option("role", RoleName::parse)?;
    Ok(Invitation {
        token: row.digest("token")?,
        email: row.parsed("email", Email::parse)?,
        role: role.zip(place(row)?),
        invited_by: row.text("invited_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}

/// Deletes and returns the invitation of a token, if it is for this address and has not expired.
async fn take_invitation(
    transaction: &mut Connection,
    token: Digest,
    new: &NewUser,
) -> Result<Invitation, IdentityError> {
    let take = "DELETE FROM invitations WHERE token = $1 AND email = $2 AND expires_at > $3
                RETURNING token, email, role, place_kind, place, invited_by, created_at, expires_at";
    let row = transaction.row(take, &values![token, new.email.as_str(), new.at]).await?;
    Ok(invitation(&row.ok_or(IdentityError::Missing("invitation"))?)?)
}

#[async_trait]
impl Admissions for Database {
    async fn register(&self, new: &NewUser, by: &RegisterBy) -> Result<User, IdentityError> {
        let mut transaction = self.begin_directory().await?;
        let role = match by {
            RegisterBy::Bootstrap => {
                if transaction.any("SELECT id FROM users LIMIT 1", &[]).await? {
                    return Err(IdentityError::Taken("bootstrap"));
                }
                let role = RoleName::parse(BuiltInRole::PlatformAdmin.as_str()).expect("a role's name");
                Some((role, Place::Platform, "system".to_owned()))
            }
            RegisterBy::Invitation(token) => {
                let invited = take_invitation(&mut transaction, *token, new).await?;
                invited.role.map(|(role, place)| (role, place, invited.invited_by))
            }
            RegisterBy::Open => None,
        };
        let made = users::insert(&mut transaction, new).await?;
        if let Some((role, place, given_by)) = role {
            let binding = Binding {
                subject: Subject::User(made.id.clone()),
                role,
                place,
                environments: None,
                key_prefixes: None,
                given_by,
                given_at: new.at,
            };
            crate::roles::insert(&mut transaction, &binding).await?;
            raise_user(&mut transaction, &made.id).await?;
        }
        transaction.commit().await?;
        Ok(made)
    }

    async fn is_empty(&self) -> Result<bool, IdentityError> {
        Ok(self.read("SELECT id FROM users LIMIT 1", &[]).await?.is_empty())
    }

    async fn invite(&self, new: &NewInvitation) -> Result<(), IdentityError> {
        let mut transaction = self.begin_directory().await?;
        if let Some((role, place)) = &new.role {
            can_be_given(&mut transaction, role, place).await?;
        }
        let (kind, place) = new.role.as_ref().map_or(("", ""), |(_, place)| place_columns(place));
        // Expired invitations make room, and so does the one that this one replaces.
        let clear = "DELETE FROM invitations
                     WHERE expires_at <= $1 OR (email = $2 AND place_kind = $3 AND place = $4)";
        transaction.execute(clear, &values![new.created_at, new.email.as_str(), kind, place]).await?;
        if transaction.count("SELECT COUNT(*) AS n FROM invitations", &[]).await? >= INVITATIONS_MAX {
            return Err(IdentityError::Full("invitations", INVITATIONS_MAX));
        }
        let insert = "INSERT INTO invitations
                (token, email, role, place_kind, place, invited_by, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values = values![
            new.token,
            new.email.as_str(),
            new.role.as_ref().map(|(role, _)| role.as_str()),
            kind,
            place,
            new.invited_by.as_str(),
            new.created_at,
            new.expires_at,
        ];
        transaction.execute(insert, &values).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn invitation(&self, token: &Digest) -> Result<Option<Invitation>, IdentityError> {
        let find = "SELECT token, email, role, place_kind, place, invited_by, created_at, expires_at
                    FROM invitations WHERE token = $1";
        let row = self.read_one(find, &values![*token]).await?;
        Ok(row.as_ref().map(invitation).transpose()?)
    }

    async fn invitations(&self, at: Timestamp, limit: u32) -> Result<Vec<Invitation>, IdentityError> {
        let page = "SELECT token, email, role, place_kind, place, invited_by, created_at, expires_at
                    FROM invitations WHERE expires_at > $1 ORDER BY created_at DESC, token LIMIT $2";
        let rows = self.read(page, &values![at, limit]).await?;
        Ok(rows.iter().map(invitation).collect::<Result<_, _>>()?)
    }

    async fn revoke(&self, token: &Digest) -> Result<bool, IdentityError> {
        let mut transaction = self.begin().await?;
        let done = transaction.execute("DELETE FROM invitations WHERE token = $1", &values![*token]).await?;
        transaction.commit().await?;
        Ok(done > 0)
    }
}

#[async_trait]
impl EpochOutbox for Database {
    async fn pending(&self, limit: u32) -> Result<Vec<PendingEpoch>, IdentityError> {
        let page = "SELECT id, user_id FROM epoch_outbox ORDER BY id LIMIT $1";
        let rows = self.read(page, &values![limit]).await?;
        let pending = rows.iter().map(|row| {
            Ok::<_, SqlError>(PendingEpoch {
                id: row.get("id")?,
                user: row.parsed("user_id", UserId::parse)?,
            })
        });
        Ok(pending.collect::<Result<_, _>>()?)
    }

    async fn done(&self, ids: &[i64]) -> Result<(), IdentityError> {
        let mut transaction = self.begin().await?;
        // In order, so that two transactions that remove the same entries do not deadlock.
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        for id in ids {
            transaction.execute("DELETE FROM epoch_outbox WHERE id = $1", &values![id]).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
