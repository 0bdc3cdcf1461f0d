//! Subjects and places as two columns each, and checks that they exist.

use crate::connection::Connection;
use crate::error::SqlError;
use crate::row::Row;
use crate::statement::values;
use application::ports::identity::{IdentityError, Place, Subject};
use domain::{BuiltInRole, GroupName, OrganisationName, ProjectName, RoleName, UserId};

/// The kind and the name of a subject.
pub(crate) fn subject_columns(subject: &Subject) -> (&'static str, &str) {
    match subject {
        Subject::User(user) => ("user", user.as_str()),
        Subject::Group(group) => ("group", group.as_str()),
    }
}

/// Reads a subject.
pub(crate) fn subject(row: &Row) -> Result<Subject, SqlError> {
    match row.text("subject_kind")?.as_str() {
        "user" => row.parsed("subject", UserId::parse).map(Subject::User),
        "group" => row.parsed("subject", GroupName::parse).map(Subject::Group),
        _ => Err(SqlError::corrupt("subject_kind")),
    }
}

/// The kind and the name of a place; the name of the platform is empty.
pub(crate) fn place_columns(place: &Place) -> (&'static str, &str) {
    match place {
        Place::Platform => ("platform", ""),
        Place::Organisation(name) => ("organisation", name.as_str()),
        Place::Project(name) => ("project", name.as_str()),
    }
}

/// Reads a place; `None` for the empty kind.
pub(crate) fn place(row: &Row) -> Result<Option<Place>, SqlError> {
    match row.text("place_kind")?.as_str() {
        "" => Ok(None),
        "platform" => Ok(Some(Place::Platform)),
        "organisation" => {
            row.parsed("place", OrganisationName::parse).map(|name| Some(Place::Organisation(name)))
        }
        "project" => row.parsed("place", ProjectName::parse).map(|name| Some(Place::Project(name))),
        _ => Err(SqlError::corrupt("place_kind")),
    }
}

/// Checks that this role may be granted in this place. Fails with `Missing("role" | "organisation")`. Does
/// not check projects, which are not in the database.
pub(crate) async fn can_be_given(
    transaction: &mut Connection,
    role: &RoleName,
    place: &Place,
) -> Result<(), IdentityError> {
    let fits = match BuiltInRole::parse(role.as_str()) {
        Some(BuiltInRole::PlatformAdmin) => *place == Place::Platform,
        Some(_) => *place != Place::Platform,
        None => {
            transaction.any("SELECT name FROM custom_roles WHERE name = $1", &values![role.as_str()]).await?
        }
    };
    if !fits {
        return Err(IdentityError::Missing("role"));
    }
    if let Place::Organisation(name) = place {
        let find = "SELECT name FROM organisations WHERE name = $1";
        if !transaction.any(find, &values![name.as_str()]).await? {
            return Err(IdentityError::Missing("organisation"));
        }
    }
    Ok(())
}
