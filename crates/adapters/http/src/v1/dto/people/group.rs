//! Bodies of groups and organisations.

use super::label;
use crate::problem::Problem;
use crate::reply::rfc3339;
use application::identity::{PutGroup, PutOrganisation};
use application::ports::identity::{Group, Organisation};
use domain::{GroupName, OrganisationName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A group to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "label": "On call", "parent": "engineering" }))]
pub(in crate::v1) struct GroupPut {
    /// What people call it.
    #[schema(min_length = 1, max_length = 100, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    label: String,
    /// The group it is in; everybody in it has what that one has.
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    parent: Option<String>,
}

/// A group.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct GroupBody {
    /// Its name.
    name: String,
    /// What people call it.
    label: String,
    /// The group it is in.
    #[schema(required = true)]
    parent: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
}

/// A person of a group.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct GroupPersonBody {
    /// The person's id.
    pub(in crate::v1) user: String,
}

/// An organisation to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "label": "Acme", "second_factor_required": true }))]
pub(in crate::v1) struct OrganisationPut {
    /// What people call it.
    #[schema(min_length = 1, max_length = 100, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    label: String,
    /// Whether everybody with a role in it must use a second factor.
    #[serde(default)]
    second_factor_required: bool,
}

/// An organisation.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct OrganisationBody {
    /// Its name.
    name: String,
    /// What people call it.
    label: String,
    /// Whether everybody with a role in it must use a second factor.
    second_factor_required: bool,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
}

/// A project of an organisation.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct OwnedProjectBody {
    /// The project's name.
    pub(in crate::v1) project: String,
}

impl GroupPut {
    pub(in crate::v1) fn request(&self, name: GroupName) -> Result<PutGroup, Problem> {
        let parent = self.parent.as_deref().map(GroupName::parse).transpose()?;
        Ok(PutGroup { name, label: label(&self.label)?, parent })
    }
}

impl From<&Group> for GroupBody {
    fn from(group: &Group) -> Self {
        Self {
            name: group.name.to_string(),
            label: group.label.as_str().to_owned(),
            parent: group.parent.as_ref().map(ToString::to_string),
            created_at: rfc3339(group.created_at),
        }
    }
}

impl OrganisationPut {
    pub(in crate::v1) fn request(&self, name: OrganisationName) -> Result<PutOrganisation, Problem> {
        let second_factor_required = self.second_factor_required;
        Ok(PutOrganisation { name, label: label(&self.label)?, second_factor_required })
    }
}

impl From<&Organisation> for OrganisationBody {
    fn from(organisation: &Organisation) -> Self {
        Self {
            name: organisation.name.to_string(),
            label: organisation.label.as_str().to_owned(),
            second_factor_required: organisation.second_factor_required,
            created_at: rfc3339(organisation.created_at),
        }
    }
}
