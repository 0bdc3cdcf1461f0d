//! Groups of users, which may be nested.

use crate::concerned::{Guard, raise_subject, raise_user};
use crate::connection::Connection;
use crate::error::{Meaning, SqlError};
use crate::row::Row;
use crate::statement::values;
use crate::{Database, users};
use application::identity::{GROUP_DEPTH_MAX, GROUPS_MAX};
use application::ports::identity::{Group, Groups, IdentityError, Mirrored, Subject};
use async_trait::async_trait;
use domain::{GroupName, KeyLabel, UserId};

fn group(row: &Row) -> Result<Group, SqlError> {
    Ok(Group {
        name: row.parsed("name", GroupName::parse)?,
        label: row.parsed("label", KeyLabel::parse)?,
        parent: row.parsed_option("parent", GroupName::parse)?,
        created_at: row.time("created_at")?,
    })
}

/// A group with its ancestors and their distances. Cycles cannot be stored, and would terminate here anyway.
const AROUND: &str = "
    WITH RECURSIVE around (name, depth) AS (
        SELECT name, CAST(1 AS BIGINT) FROM user_groups WHERE name = $1
        UNION ALL
        SELECT g.parent, a.depth + 1 FROM around a JOIN user_groups g ON g.name = a.name
        WHERE g.parent IS NOT NULL AND a.depth <= $2
    )
    SELECT name, depth FROM around";

/// The number of levels of a group with its subgroups.
const HEIGHT: &str = "
    WITH RECURSIVE within (name, depth) AS (
        SELECT name, CAST(1 AS BIGINT) FROM user_groups WHERE name = $1
        UNION ALL
        SELECT g.name, w.depth + 1 FROM within w JOIN user_groups g ON g.parent = w.name
        WHERE w.depth <= $2
    )
    SELECT COALESCE(MAX(depth), 1) AS n FROM within";

/// Checks that a group may be inside this parent. Fails with `Missing("group")` or `Nesting`.
async fn fits(
    transaction: &mut Connection,
    name: &GroupName,
    parent: &GroupName,
) -> Result<(), IdentityError> {
    let around = transaction.rows(AROUND, &values![parent.as_str(), GROUP_DEPTH_MAX]).await?;
    if name != parent && around.is_empty() {
        return Err(IdentityError::Missing("group"));
    }
    for row in &around {
        if row.text("name")? == name.as_str() {
            return Err(IdentityError::Nesting(GROUP_DEPTH_MAX));
        }
    }
    let height = transaction.count(HEIGHT, &values![name.as_str(), GROUP_DEPTH_MAX]).await?;
    if name == parent || around.len() as u64 + height > u64::from(GROUP_DEPTH_MAX) {
        return Err(IdentityError::Nesting(GROUP_DEPTH_MAX));
    }
    Ok(())
}

/// Adds a user; false if already a member.
async fn add(transaction: &mut Connection, name: &GroupName, user: &UserId) -> Result<bool, SqlError> {
    let add = "INSERT INTO group_people (group_name, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(transaction.execute(add, &values![name.as_str(), user.as_str()]).await? > 0)
}

/// Removes a user; false if not a member.
async fn take(transaction: &mut Connection, name: &GroupName, user: &UserId) -> Result<bool, SqlError> {
    let take = "DELETE FROM group_people WHERE group_name = $1 AND user_id = $2";
    Ok(transaction.execute(take, &values![name.as_str(), user.as_str()]).await? > 0)
}

async fn exists(transaction: &mut Connection, name: &GroupName) -> Result<bool, SqlError> {
    transaction.any("SELECT name FROM user_groups WHERE name = $1", &values![name.as_str()]).await
}

#[async_trait]
impl Groups for Database {
    async fn put(&self, new: &Group) -> Result<(), IdentityError> {
        let mut transaction = self.begin_directory().await?;
        if let Some(parent) = &new.parent {
            fits(&mut transaction, &new.name, parent).await?;
        }
        let guard = Guard::before(&mut transaction).await?;
        let find = "SELECT name, label, parent, created_at FROM user_groups WHERE name = $1";
        let before = transaction.row(find, &values![new.name.as_str()]).await?;
        let before = before.as_ref().map(group).transpose()?;
        let put = "INSERT INTO user_groups (name, label, parent, created_at) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (name) DO UPDATE SET label = excluded.label, parent = excluded.parent";
        let parent = new.parent.as_ref().map(GroupName::as_str);
        let values = values![new.name.as_str(), new.label.as_str(), parent, new.created_at];
        transaction.execute(put, &values).await?;
        match before {
            None => {
                let count = transaction.count("SELECT COUNT(*) AS n FROM user_groups", &[]).await?;
                if count > GROUPS_MAX {
                    return Err(IdentityError::Full("groups", GROUPS_MAX));
                }
            }
            Some(before) if before.parent != new.parent => {
                guard.after(&mut transaction).await?;
                raise_subject(&mut transaction, &Subject::Group(new.name.clone())).await?;
            }
            Some(_) => {}
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn delete(&self, name: &GroupName) -> Result<bool, IdentityError> {
        let mut transaction = self.begin_directory().await?;
        let guard = Guard::before(&mut transaction).await?;
        // The members of the group and its subgroups, before the group is deleted.
        raise_subject(&mut transaction, &Subject::Group(name.clone())).await?;
        let name = &values![name.as_str()];
        transaction
            .execute("DELETE FROM bindings WHERE subject_kind = 'group' AND subject = $1", name)
            .await?;
        if transaction.execute("DELETE FROM user_groups WHERE name = $1", name).await? == 0 {
            return Ok(false);
        }
        guard.after(&mut transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn list(&self, after: Option<&GroupName>, limit: u32) -> Result<Vec<Group>, IdentityError> {
        let page = "SELECT name, label, parent, created_at FROM user_groups
                    WHERE name > $1 ORDER BY name LIMIT $2";
        let rows = self.read(page, &values![after.map_or("", GroupName::as_str), limit]).await?;
        Ok(rows.iter().map(group).collect::<Result<_, _>>()?)
    }

    async fn add(&self, name: &GroupName, user: &UserId) -> Result<(), IdentityError> {
        let mut transaction = self.begin_directory().await?;
        if !exists(&mut transaction, name).await? {
            return Err(IdentityError::Missing("group"));
        }
        if add(&mut transaction, name, user).await.or_missing("user")? {
            raise_user(&mut transaction, user).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn remove(&self, name: &GroupName, user: &UserId) -> Result<bool, IdentityError> {
        let mut transaction = self.begin_directory().await?;
        let guard = Guard::before(&mut transaction).await?;
        if !take(&mut transaction, name, user).await? {
            return Ok(false);
        }
        guard.after(&mut transaction).await?;
        raise_user(&mut transaction, user).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn people(
        &self,
        name: &GroupName,
        after: Option<&UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>, IdentityError> {
        let find = "SELECT name FROM user_groups WHERE name = $1";
        if self.read_one(find, &values![name.as_str()]).await?.is_none() {
            return Err(IdentityError::Missing("group"));
        }
        let page = "SELECT user_id FROM group_people
                    WHERE group_name = $1 AND user_id > $2 ORDER BY user_id LIMIT $3";
        let after = after.map_or("", UserId::as_str);
        let rows = self.read(page, &values![name.as_str(), after, limit]).await?;
        let people = rows.iter().map(|row| row.parsed("user_id", UserId::parse));
        Ok(people.collect::<Result<_, _>>()?)
    }

    async fn mirror(
        &self,
        user: &UserId,
        mapped: &[GroupName],
        present: &[GroupName],
    ) -> Result<Mirrored, IdentityError> {
        let mut transaction = self.begin_directory().await?;
        if users::hold(&mut transaction, user).await?.is_none() {
            return Err(IdentityError::Missing("user"));
        }
        let guard = Guard::before(&mut transaction).await?;
        let mut mirrored = Mirrored::default();
        for name in mapped {
            if !present.contains(name) {
                if take(&mut transaction, name, user).await? {
                    mirrored.left.push(name.clone());
                }
            } else if exists(&mut transaction, name).await? && add(&mut transaction, name, user).await? {
                mirrored.joined.push(name.clone());
            }
        }
        if mirrored != Mirrored::default() {
            guard.after(&mut transaction).await?;
            raise_user(&mut transaction, user).await?;
        }
        transaction.commit().await?;
        Ok(mirrored)
    }
}
