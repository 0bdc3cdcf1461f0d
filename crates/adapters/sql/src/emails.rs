//! E-mail addresses in bulk.

use crate::Database;
use crate::error::SqlError;
use crate::roles::list;
use crate::statement::{Statement, values};
use application::ports::identity::{Emails, IdentityError, VisibleEmails};
use async_trait::async_trait;
use domain::{Email, ProjectName, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// The users with the given ids. The ids are one value, as JSON, so the statement does not depend on their
/// number.
macro_rules! select_emails {
    ($ids:literal) => {
        concat!(
            "SELECT u.id, u.email FROM users u WHERE u.id IN (SELECT i.value FROM ",
            $ids,
            " i) AND ($2 OR u.id = $3 OR EXISTS (
                SELECT 1 FROM bindings b WHERE b.subject_kind = 'user' AND b.subject = u.id
                  AND ((b.place_kind = 'project' AND ($5 OR b.place = $4))
                       OR (b.place_kind = 'platform' AND $5)
                       OR (b.place_kind = 'organisation' AND $6))))"
        )
    };
}

const EMAILS: Statement = Statement {
    postgres: select_emails!("json_array_elements_text($1::json)"),
    sqlite: select_emails!("json_each($1)"),
};

#[async_trait]
impl Emails for Database {
    async fn emails(
        &self,
        users: &BTreeSet<UserId>,
        visible: &VisibleEmails,
    ) -> Result<BTreeMap<UserId, Email>, IdentityError> {
        let values = values![
            list(users.iter().map(UserId::as_str)),
            visible.everybody,
            visible.own.as_ref().map(UserId::as_str),
            visible.project.as_ref().map(ProjectName::as_str),
            visible.members,
            visible.organisations,
        ];
        let rows = self.read(EMAILS, &values).await?;
        let found = rows.iter().map(|row| {
            Ok::<_, SqlError>((row.parsed("id", UserId::parse)?, row.parsed("email", Email::parse)?))
        });
        Ok(found.collect::<Result<_, _>>()?)
    }
}
