//! Organisations, which own projects.

use crate::concerned::{raise_organisation, raise_place, raise_project};
use crate::connection::Connection;
use crate::error::{Meaning, SqlError};
use crate::row::Row;
use crate::statement::values;
use crate::{Database, roles};
use application::identity::ORGANISATIONS_MAX;
use application::ports::identity::{Gone, IdentityError, Organisation, Organisations, Owned, Place};
use async_trait::async_trait;
use domain::{KeyLabel, OrganisationName, ProjectName, UserId};

fn organisation(row: &Row) -> Result<Organisation, SqlError> {
    Ok(Organisation {
        name: row.parsed("name", OrganisationName::parse)?,
        label: row.parsed("label", KeyLabel::parse)?,
        second_factor_required: row.get("second_factor_required")?,
        created_at: row.time("created_at")?,
    })
}

/// Whether any role of a user, also through groups, is in an organisation that requires a second factor or in
/// a project that such an organisation owns.
const REQUIRES: &str = "
    WITH RECURSIVE mine (name) AS (
        SELECT group_name FROM group_people WHERE user_id = $1
        UNION
        SELECT g.parent FROM user_groups g JOIN mine m ON g.name = m.name WHERE g.parent IS NOT NULL
    )
    SELECT b.place FROM bindings b
    LEFT JOIN organisation_projects p ON b.place_kind = 'project' AND p.project = b.place
    JOIN organisations o
      ON o.name = CASE b.place_kind WHEN 'organisation' THEN b.place ELSE p.organisation END
    WHERE o.second_factor_required
      AND ((b.subject_kind = 'user' AND b.subject = $1)
           OR (b.subject_kind = 'group' AND b.subject IN (SELECT name FROM mine)))
    LIMIT 1";

/// Whether an organisation requires a second factor; false if it does not exist.
async fn requires(transaction: &mut Connection, name: &OrganisationName) -> Result<bool, SqlError> {
    let find = "SELECT name FROM organisations WHERE name = $1 AND second_factor_required";
    transaction.any(find, &values![name.as_str()]).await
}

#[async_trait]
impl Organisations for Database {
    async fn put(&self, new: &Organisation) -> Result<(), IdentityError> {
        let mut transaction = self.begin_directory().await?;
        let required = requires(&mut transaction, &new.name).await?;
        let put = "INSERT INTO organisations (name, label, second_factor_required, created_at)
                   VALUES ($1, $2, $3, $4)
                   ON CONFLICT (name) DO UPDATE SET label = excluded.label,
                       second_factor_required = excluded.second_factor_required";
        let values =
            values![new.name.as_str(), new.label.as_str(), new.second_factor_required, new.created_at];
        transaction.execute(put, &values).await?;
        let count = transaction.count("SELECT COUNT(*) AS n FROM organisations", &[]).await?;
        if count > ORGANISATIONS_MAX {
            return Err(IdentityError::Full("organisations", ORGANISATIONS_MAX));
        }
        if new.second_factor_required && !required {
            raise_organisation(&mut transaction, &new.name).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn delete(&self, name: &OrganisationName) -> Result<bool, IdentityError> {
        let mut transaction = self.begin_directory().await?;
        raise_place(&mut transaction, &Place::Organisation(name.clone())).await?;
        let name = &values![name.as_str()];
        for delete in [
            "DELETE FROM bindings WHERE place_kind = 'organisation' AND place = $1",
            "DELETE FROM invitations WHERE place_kind = 'organisation' AND place = $1",
        ] {
            transaction.execute(delete, name).await?;
        }
        if transaction.execute("DELETE FROM organisations WHERE name = $1", name).await? == 0 {
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }

    async fn list(
        &self,
        after: Option<&OrganisationName>,
        limit: u32,
    ) -> Result<Vec<Organisation>, IdentityError> {
        let page = "SELECT name, label, second_factor_required, created_at FROM organisations
                    WHERE name > $1 ORDER BY name LIMIT $2";
        let rows = self.read(page, &values![after.map_or("", OrganisationName::as_str), limit]).await?;
        Ok(rows.iter().map(organisation).collect::<Result<_, _>>()?)
    }

    async fn own(
        &self,
        project: &ProjectName,
        from: Option<&OrganisationName>,
        to: Option<&OrganisationName>,
    ) -> Result<Owned, IdentityError> {
        let mut transaction = self.begin_directory().await?;
        let find = "SELECT organisation FROM organisation_projects WHERE project = $1";
        let before = transaction.row(find, &values![project.as_str()]).await?;
        let before = before.map(|row| row.parsed("organisation", OrganisationName::parse)).transpose()?;
        if before.as_ref() != from {
            return Ok(Owned::By(before));
        }
        let remove = "DELETE FROM organisation_projects WHERE project = $1";
        transaction.execute(remove, &values![project.as_str()]).await?;
        if let Some(name) = to {
            let insert = "INSERT INTO organisation_projects (project, organisation) VALUES ($1, $2)";
            let values = values![project.as_str(), name.as_str()];
            transaction.execute(insert, &values).await.or_missing("organisation")?;
        }
        // The users who lose the project and those who gain it.
        for name in from.into_iter().chain(to) {
            raise_place(&mut transaction, &Place::Organisation(name.clone())).await?;
        }
        if let Some(name) = to
            && requires(&mut transaction, name).await?
        {
            raise_project(&mut transaction, project).await?;
        }
        transaction.commit().await?;
        Ok(Owned::Moved)
    }

    async fn projects(&self, name: &OrganisationName) -> Result<Vec<ProjectName>, IdentityError> {
        let all = "SELECT project FROM organisation_projects WHERE organisation = $1 ORDER BY project";
        let rows = self.read(all, &values![name.as_str()]).await?;
        let projects = rows.iter().map(|row| row.parsed("project", ProjectName::parse));
        Ok(projects.collect::<Result<_, _>>()?)
    }

    async fn requires_second_factor(&self, user: &UserId) -> Result<bool, IdentityError> {
        Ok(!self.read(REQUIRES, &values![user.as_str()]).await?.is_empty())
    }

    async fn forget(&self, gone: &Gone) -> Result<(), IdentityError> {
        let mut transaction = self.begin_directory().await?;
        let project = match gone {
            Gone::Project(project) => project,
            Gone::Environment(id) => {
                roles::narrow(&mut transaction, id).await?;
                transaction.commit().await?;
                return Ok(());
            }
        };
        raise_project(&mut transaction, project).await?;
        let project = &values![project.as_str()];
        for delete in [
            "DELETE FROM bindings WHERE place_kind = 'project' AND place = $1",
            "DELETE FROM invitations WHERE place_kind = 'project' AND place = $1",
            "DELETE FROM organisation_projects WHERE project = $1",
        ] {
            transaction.execute(delete, project).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
