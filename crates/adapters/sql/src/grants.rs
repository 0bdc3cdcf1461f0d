//! The grants of a user: from its own roles, those of its groups and of their parents; in projects, in
//! organisations and on the platform.

use crate::Database;
use crate::error::SqlError;
use crate::roles::{permissions, scope};
use crate::row::Row;
use crate::statement::values;
use application::ports::identity::{IdentityError, Reach};
use domain::{BuiltInRole, Grant, ProjectName, RoleName, UserId};

/// With `$2`, roles in organisations extend to the projects that these own now; otherwise to all projects.
const GRANTS: &str = "
    WITH RECURSIVE mine (name) AS (
        SELECT group_name FROM group_people WHERE user_id = $1
        UNION
        SELECT g.parent FROM user_groups g JOIN mine m ON g.name = m.name WHERE g.parent IS NOT NULL
    )
    SELECT b.role, b.environments, b.key_prefixes, c.permissions,
           CASE b.place_kind WHEN 'project' THEN b.place WHEN 'organisation' THEN o.project END AS project
    FROM bindings b
    LEFT JOIN organisation_projects o ON $2 AND b.place_kind = 'organisation' AND o.organisation = b.place
    LEFT JOIN custom_roles c ON c.name = b.role
    WHERE ((b.subject_kind = 'user' AND b.subject = $1)
           OR (b.subject_kind = 'group' AND b.subject IN (SELECT name FROM mine)))
      AND (b.place_kind <> 'organisation' OR o.project IS NOT NULL OR NOT $2)
      AND EXISTS (SELECT 1 FROM users u WHERE u.id = $1 AND u.active)";

/// The grants of an active user, in order of project and role, without duplicates.
pub(crate) async fn grants(
    database: &Database,
    user: &UserId,
    reach: Reach,
) -> Result<Vec<Grant>, IdentityError> {
    let rows = database.read(GRANTS, &values![user.as_str(), reach == Reach::Now]).await?;
    let mut grants = rows.iter().map(grant).collect::<Result<Vec<_>, _>>()?;
    grants.sort_by(|a, b| {
        (&a.project, a.role.as_str(), &a.environments, &a.key_prefixes).cmp(&(
            &b.project,
            b.role.as_str(),
            &b.environments,
            &b.key_prefixes,
        ))
    });
    grants.dedup();
    Ok(grants)
}

fn grant(row: &Row) -> Result<Grant, SqlError> {
    let role = row.parsed("role", RoleName::parse)?;
    let (environments, key_prefixes) = scope(row)?;
    let permissions = match BuiltInRole::parse(role.as_str()) {
        Some(built_in) => built_in.permissions(),
        None => permissions(row, "permissions")?,
    };
    let project = row.parsed_option("project", ProjectName::parse)?;
    Ok(Grant { role, permissions, project, environments, key_prefixes })
}
