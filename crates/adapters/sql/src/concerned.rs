//! Whose rights a change touches, and whether an administrator is left.
//!
//! Whoever is concerned comes into the outbox in the transaction of the change: before it where the change
//! takes rights, after it where it gives them.

use crate::connection::Connection;
use crate::error::SqlError;
use crate::statement::values;
use application::ports::identity::{IdentityError, Place, Subject};
use domain::{OrganisationName, ProjectName, RoleName, UserId};

/// Puts the people of `touched` and of the groups of `touched`, with the groups within, into the outbox.
macro_rules! raise_touched {
    ($touched:literal) => {
        concat!(
            "INSERT INTO epoch_outbox (user_id)
             WITH RECURSIVE touched (kind, name) AS (",
            $touched,
            "), within (name) AS (
                 SELECT name FROM touched WHERE kind = 'group'
                 UNION
                 SELECT g.name FROM user_groups g JOIN within w ON g.parent = w.name
             )
             SELECT t.name FROM touched t JOIN users u ON u.id = t.name WHERE t.kind = 'user'
             UNION
             SELECT p.user_id FROM group_people p JOIN within w ON p.group_name = w.name"
        )
    };
}

const BY_SUBJECT: &str = raise_touched!(
    "SELECT 'user', id FROM users WHERE $1 = 'user' AND id = $2
     UNION ALL
     SELECT 'group', name FROM user_groups WHERE $1 = 'group' AND name = $2"
);
const BY_PLACE: &str =
    raise_touched!("SELECT subject_kind, subject FROM bindings WHERE place_kind = $1 AND place = $2");
const BY_ROLE: &str = raise_touched!("SELECT subject_kind, subject FROM bindings WHERE role = $1");
const BY_PROJECT: &str = raise_touched!(
    "SELECT subject_kind, subject FROM bindings WHERE place_kind = 'project' AND place = $1
     UNION
     SELECT b.subject_kind, b.subject FROM bindings b
     JOIN organisation_projects o ON o.organisation = b.place AND b.place_kind = 'organisation'
     WHERE o.project = $1"
);

const BY_ORGANISATION: &str = raise_touched!(
    "SELECT subject_kind, subject FROM bindings WHERE place_kind = 'organisation' AND place = $1
     UNION
     SELECT b.subject_kind, b.subject FROM bindings b
     JOIN organisation_projects o ON o.project = b.place AND b.place_kind = 'project'
     WHERE o.organisation = $1"
);

/// One person.
pub(crate) async fn raise_user(transaction: &mut Connection, user: &UserId) -> Result<(), SqlError> {
    transaction.execute("INSERT INTO epoch_outbox (user_id) VALUES ($1)", &values![user.as_str()]).await?;
    Ok(())
}

/// One person, or everybody in a group and the groups within.
pub(crate) async fn raise_subject(transaction: &mut Connection, subject: &Subject) -> Result<(), SqlError> {
    let (kind, name) = crate::places::subject_columns(subject);
    transaction.execute(BY_SUBJECT, &values![kind, name]).await?;
    Ok(())
}

/// Everybody with a role in exactly this place.
pub(crate) async fn raise_place(transaction: &mut Connection, place: &Place) -> Result<(), SqlError> {
    let (kind, name) = crate::places::place_columns(place);
    transaction.execute(BY_PLACE, &values![kind, name]).await?;
    Ok(())
}

/// Everybody with this role anywhere.
pub(crate) async fn raise_role(transaction: &mut Connection, role: &RoleName) -> Result<(), SqlError> {
    transaction.execute(BY_ROLE, &values![role.as_str()]).await?;
    Ok(())
}

/// Everybody with a role in a project or in the organisation that owns it.
pub(crate) async fn raise_project(
    transaction: &mut Connection,
    project: &ProjectName,
) -> Result<(), SqlError> {
    transaction.execute(BY_PROJECT, &values![project.as_str()]).await?;
    Ok(())
}

/// Everybody with a role in an organisation or in a project that it owns.
pub(crate) async fn raise_organisation(
    transaction: &mut Connection,
    organisation: &OrganisationName,
) -> Result<(), SqlError> {
    transaction.execute(BY_ORGANISATION, &values![organisation.as_str()]).await?;
    Ok(())
}

/// One whose role holds only in some environments or for some keys is none.
const ADMINISTRATORS: &str = "
    WITH RECURSIVE within (name) AS (
        SELECT subject FROM bindings
        WHERE subject_kind = 'group' AND place_kind = 'platform' AND role = 'platform-admin'
          AND environments IS NULL AND key_prefixes IS NULL
        UNION
        SELECT g.name FROM user_groups g JOIN within w ON g.parent = w.name
    )
    SELECT u.id FROM users u
    WHERE u.active AND (
        u.id IN (SELECT subject FROM bindings
                 WHERE subject_kind = 'user' AND place_kind = 'platform' AND role = 'platform-admin'
                   AND environments IS NULL AND key_prefixes IS NULL)
        OR u.id IN (SELECT p.user_id FROM group_people p JOIN within w ON p.group_name = w.name))
    LIMIT 1";

/// Sees to it that a change leaves an active administrator of the platform, if there was one. Needs the lock
/// on the directory from before the change until the end, or two changes would each see the other's.
pub(crate) struct Guard {
    had_one: bool,
}

impl Guard {
    /// Before the change.
    pub(crate) async fn before(transaction: &mut Connection) -> Result<Self, SqlError> {
        Ok(Self { had_one: transaction.any(ADMINISTRATORS, &[]).await? })
    }

    /// After the change: `LastAdministrator` when there is none any more.
    pub(crate) async fn after(self, transaction: &mut Connection) -> Result<(), IdentityError> {
        if self.had_one && !transaction.any(ADMINISTRATORS, &[]).await? {
            return Err(IdentityError::LastAdministrator);
        }
        Ok(())
    }
}
