//! Custom roles and role bindings.

use crate::concerned::{Guard, raise_role, raise_subject};
use crate::connection::Connection;
use crate::error::SqlError;
use crate::places::{can_be_given, place, place_columns, subject, subject_columns};
use crate::row::Row;
use crate::statement::values;
use crate::{Database, grants, users};
use application::identity::{BINDINGS_MAX, ROLES_MAX};
use application::ports::identity::{
    Binding, CustomRole, IdentityError, Member, Place, Reach, Roles, Subject,
};
use async_trait::async_trait;
use domain::{EnvironmentId, EnvironmentName, Grant, Permission, RoleName, UserId};
use std::collections::BTreeSet;

/// A list of texts in its stored form.
pub(crate) fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    serde_json::Value::from(texts.collect::<Vec<_>>()).to_string()
}

/// Reads a list of texts; `None` for `NULL`.
pub(crate) fn set<T: Ord>(
    row: &Row,
    column: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<BTreeSet<T>>, SqlError> {
    let Some(text) = row.get::<Option<String>>(column)? else { return Ok(None) };
    let texts: Vec<String> = serde_json::from_str(&text).map_err(|_| SqlError::corrupt(column))?;
    let all: Option<BTreeSet<T>> = texts.iter().map(|text| read(text)).collect();
    all.map(Some).ok_or_else(|| SqlError::corrupt(column))
}

/// Reads the scope of a role binding: environments and key prefixes.
#[expect(clippy::type_complexity, reason = "the two fields of a binding and of a grant as they are there")]
pub(crate) fn scope(
    row: &Row,
) -> Result<(Option<BTreeSet<EnvironmentName>>, Option<BTreeSet<String>>), SqlError> {
    let environments = set(row, "environments", |text| EnvironmentName::parse(text).ok())?;
    Ok((environments, set(row, "key_prefixes", |text| Some(text.to_owned()))?))
}

/// Reads permissions. Permissions of newer releases are ignored.
pub(crate) fn permissions(row: &Row, column: &str) -> Result<BTreeSet<Permission>, SqlError> {
    let texts = set(row, column, |text| Some(text.to_owned()))?.unwrap_or_default();
    Ok(texts.iter().filter_map(|text| Permission::parse(text)).collect())
}

fn binding(row: &Row) -> Result<Binding, SqlError> {
    let (environments, key_prefixes) = scope(row)?;
    Ok(Binding {
        subject: subject(row)?,
        role: row.parsed("role", RoleName::parse)?,
        place: place(row)?.ok_or_else(|| SqlError::corrupt("place_kind"))?,
        environments,
        key_prefixes,
        given_by: row.text("given_by")?,
        given_at: row.time("given_at")?,
    })
}

/// Stores a role binding and replaces an earlier one. Needs the directory lock.
pub(crate) async fn insert(transaction: &mut Connection, binding: &Binding) -> Result<(), IdentityError> {
    can_be_given(transaction, &binding.role, &binding.place).await?;
    let (subject_kind, subject) = subject_columns(&binding.subject);
    let (place_kind, place) = place_columns(&binding.place);
    let remove = "DELETE FROM bindings
                  WHERE subject_kind = $1 AND subject = $2 AND place_kind = $3 AND place = $4";
    transaction.execute(remove, &values![subject_kind, subject, place_kind, place]).await?;
    let of_place = "SELECT COUNT(*) AS n FROM bindings WHERE place_kind = $1 AND place = $2";
    let of_subject = "SELECT COUNT(*) AS n FROM bindings WHERE subject_kind = $1 AND subject = $2";
    for (count, kind, name) in [(of_place, place_kind, place), (of_subject, subject_kind, subject)] {
        if transaction.count(count, &values![kind, name]).await? >= BINDINGS_MAX {
            return Err(IdentityError::Full("roles given in one place or to one subject", BINDINGS_MAX));
        }
    }
    let insert = "INSERT INTO bindings (subject_kind, subject, place_kind, place, role, environments,
                                        key_prefixes, given_by, given_at)
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let environments = binding.environments.as_ref().map(|all| list(all.iter().map(EnvironmentName::as_str)));
    let key_prefixes = binding.key_prefixes.as_ref().map(|all| list(all.iter().map(String::as_str)));
    let values = values![
        subject_kind,
        subject,
        place_kind,
        place,
        binding.role.as_str(),
        environments,
        key_prefixes,
        binding.given_by.as_str(),
        binding.given_at,
    ];
    transaction.execute(insert, &values).await?;
    Ok(())
}

/// Removes an environment from the role bindings of its project; deletes bindings without any other
/// environment. Needs the directory lock.
pub(crate) async fn narrow(transaction: &mut Connection, id: &EnvironmentId) -> Result<(), IdentityError> {
    let find = "SELECT subject_kind, subject, environments, key_prefixes FROM bindings
                WHERE place_kind = 'project' AND place = $1 AND environments IS NOT NULL";
    for row in transaction.rows(find, &values![id.project.as_str()]).await? {
        let (Some(mut environments), _) = scope(&row)? else { continue };
        if !environments.remove(&id.name) {
            continue;
        }
        let subject = subject(&row)?;
        raise_subject(transaction, &subject).await?;
        let (kind, name) = subject_columns(&subject);
        if environments.is_empty() {
            let remove = "DELETE FROM bindings
                          WHERE place_kind = 'project' AND place = $1 AND subject_kind = $2 AND subject = $3";
            transaction.execute(remove, &values![id.project.as_str(), kind, name]).await?;
            continue;
        }
        let update = "UPDATE bindings SET environments = $4
                      WHERE place_kind = 'project' AND place = $1 AND subject_kind = $2 AND subject = $3";
        let environments = list(environments.iter().map(EnvironmentName::as_str));
        transaction.execute(update, &values![id.project.as_str(), kind, name, environments]).await?;
    }
    Ok(())
}

async fn must_exist(transaction: &mut Connection, subject: &Subject) -> Result<(), IdentityError> {
    let (find, name, kind) = match subject {
        Subject::User(user) => ("SELECT id FROM users WHERE id = $1", user.as_str(), "user"),
        Subject::Group(group) => ("SELECT name FROM user_groups WHERE name = $1", group.as_str(), "group"),
    };
    if transaction.any(find, &values![name]).await? { Ok(()) } else { Err(IdentityError::Missing(kind)) }
}

#[async_trait]
impl Roles for Database {
    async fn grants(&self, user: &UserId, reach: Reach) -> Result<Vec<Grant>, IdentityError> {
        grants::grants(self, user, reach).await
    }

    async fn bind(&self, binding: &Binding) -> Result<(), IdentityError> {
        let mut transaction = self.begin_directory().await?;
        must_exist(&mut transaction, &binding.subject).await?;
        let guard = Guard::before(&mut transaction).await?;
        insert(&mut transaction, binding).await?;
        guard.after(&mut transaction).await?;
        raise_subject(&mut transaction, &binding.subject).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn unbind(&self, subject: &Subject, place: &Place) -> Result<bool, IdentityError> {
        let mut transaction = self.begin_directory().await?;
        let guard = Guard::before(&mut transaction).await?;
        let remove = "DELETE FROM bindings
                      WHERE subject_kind = $1 AND subject = $2 AND place_kind = $3 AND place = $4";
        let ((subject_kind, name), (place_kind, at)) = (subject_columns(subject), place_columns(place));
        if transaction.execute(remove, &values![subject_kind, name, place_kind, at]).await? == 0 {
            return Ok(false);
        }
        guard.after(&mut transaction).await?;
        raise_subject(&mut transaction, subject).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn members(
        &self,
        place: &Place,
        after: Option<&Subject>,
        limit: u32,
    ) -> Result<Vec<Member>, IdentityError> {
        // Users come before groups: the reverse of the alphabetical order of their kinds.
        let page = "SELECT b.subject_kind, b.subject, b.place_kind, b.place, b.role, b.environments,
                           b.key_prefixes, b.given_by, b.given_at, u.id, u.email, u.name, u.active,
                           u.second_factor_required, u.created_at, u.updated_at
                    FROM bindings b LEFT JOIN users u ON b.subject_kind = 'user' AND u.id = b.subject
                    WHERE b.place_kind = $1 AND b.place = $2
                      AND (b.subject_kind < $3 OR (b.subject_kind = $3 AND b.subject > $4))
                    ORDER BY b.subject_kind DESC, b.subject LIMIT $5";
        let (place_kind, place) = place_columns(place);
        let (kind, name) = after.map_or(("user", ""), subject_columns);
        let rows = self.read(page, &values![place_kind, place, kind, name, limit]).await?;
        let members = rows.iter().map(|row| {
            let binding = binding(row)?;
            let user = match &binding.subject {
                Subject::User(_) => Some(users::user(row)?),
                Subject::Group(_) => None,
            };
            Ok::<_, SqlError>(Member { binding, user })
        });
        Ok(members.collect::<Result<_, _>>()?)
    }

    async fn custom(&self) -> Result<Vec<CustomRole>, IdentityError> {
        let all = "SELECT name, description, permissions, updated_at FROM custom_roles ORDER BY name";
        let rows = self.read(all, &[]).await?;
        let roles = rows.iter().map(|row| {
            Ok::<_, SqlError>(CustomRole {
                name: row.parsed("name", RoleName::parse)?,
                description: row.text("description")?,
                permissions: permissions(row, "permissions")?,
                updated_at: row.time("updated_at")?,
            })
        });
        Ok(roles.collect::<Result<_, _>>()?)
    }

    async fn put_custom(&self, role: &CustomRole) -> Result<(), IdentityError> {
        let mut transaction = self.begin_directory().await?;
        let put = "INSERT INTO custom_roles (name, description, permissions, updated_at)
                   VALUES ($1, $2, $3, $4)
                   ON CONFLICT (name) DO UPDATE SET description = excluded.description,
                       permissions = excluded.permissions, updated_at = excluded.updated_at";
        let permissions = list(role.permissions.iter().map(|one| one.as_str()));
        let values = values![role.name.as_str(), role.description.as_str(), permissions, role.updated_at];
        transaction.execute(put, &values).await?;
        if transaction.count("SELECT COUNT(*) AS n FROM custom_roles", &[]).await? > ROLES_MAX {
            return Err(IdentityError::Full("custom roles", ROLES_MAX));
        }
        raise_role(&mut transaction, &role.name).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn delete_custom(&self, name: &RoleName) -> Result<bool, IdentityError> {
        let mut transaction = self.begin_directory().await?;
        let name_value = &values![name.as_str()];
        if transaction.execute("DELETE FROM custom_roles WHERE name = $1", name_value).await? == 0 {
            return Ok(false);
        }
        raise_role(&mut transaction, name).await?;
        transaction.execute("DELETE FROM bindings WHERE role = $1", name_value).await?;
        transaction.execute("DELETE FROM invitations WHERE role = $1", name_value).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
