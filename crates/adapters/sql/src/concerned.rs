//! The users affected by a change of rights, and the check for the last administrator.
//!
//! The affected users are added to the epoch outbox in the transaction of the change: before the change if it
//! takes rights, after it if it gives them.

use crate::connection::Connection;
use crate::error::SqlError;
use crate::statement::values;
use application::ports::identity::{IdentityError, Place, Subject};
use domain::{OrganisationName, ProjectName, RoleName, UserId};

/// Adds the users in `touched` to the outbox, and the members of the groups in `touched` and of their
/// subgroups.
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

/// Adds a user.
pub(crate) async fn raise_user(transaction: &mut Connection, user: &UserId) -> Result<(), SqlError> {
    transaction.execute("INSERT INTO epoch_outbox (user_id) VALUES ($1)", &values![user.as_str()]).await?;
    Ok(())
}

/// Adds a user, or all members of a group and its subgroups.
pub(crate) async fn raise_subject(transaction: &mut Connection, subject: &Subject) -> Result<(), SqlError> {
    let (kind, name) = crate::places::subject_columns(subject);
    transaction.execute(BY_SUBJECT, &values![kind, name]).await?;
    Ok(())
}

/// Adds all users with a role in exactly this place.
pub(crate) async fn raise_place(transaction: &mut Connection, place: &Place) -> Result<(), SqlError> {
    let (kind, name) = crate::places::place_columns(place);
    transaction.execute(BY_PLACE, &values![kind, name]).await?;
    Ok(())
}

/// Adds all users with this role in any place.
pub(crate) async fn raise_role(transaction: &mut Connection, role: &RoleName) -> Result<(), SqlError> {
    transaction.execute(BY_ROLE, &values![role.as_str()]).await?;
    Ok(())
}

/// Adds all users with a role in a project or in the organisation that owns it.
pub(crate) async fn raise_project(
    transaction: &mut Connection,
    project: &ProjectName,
) -> Result<(), SqlError> {
    transaction.execute(BY_PROJECT, &values![project.as_str()]).await?;
    Ok(())
}

/// Adds all users with a role in an organisation or in a project that it owns.
pub(crate) async fn raise_organisation(
    transaction: &mut Connection,
    organisation: &OrganisationName,
) -> Result<(), SqlError> {
    transaction.execute(BY_ORGANISATION, &values![organisation.as_str()]).await?;
    Ok(())
}

/// The active platform administrators. A role limited to environments or key prefixes does not count.
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

/// Checks that a change leaves an active platform administrator, if there was one. The directory lock must be
/// held from before the change to the end of the transaction, or two concurrent changes would not see each
/// other.
pub(crate) struct Guard {
    had_one: bool,
}

impl Guard {
    /// Must be called before the change.
    pub(crate) async fn before(transaction: &mut Connection) -> Result<Self, SqlError> {
        Ok(Self { had_one: transaction.any(ADMINISTRATORS, &[]).await? })
    }

    /// Must be called after the change. Fails with `LastAdministrator` if no administrator is left.
    pub(crate) async fn after(self, transaction: &mut Connection) -> Result<(), IdentityError> {
        if self.had_one && !transaction.any(ADMINISTRATORS, &[]).await? {
            return Err(IdentityError::LastAdministrator);
        }
        Ok(())
    }
}
