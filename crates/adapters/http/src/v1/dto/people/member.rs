//! Bodies of role grants.

use crate::extract::subject_text;
use crate::problem::Problem;
use crate::reply::rfc3339;
use crate::v1::dto::api_key::{environment_list, prefix_list};
use crate::v1::dto::{api_key, invalid};
use application::identity::PutMember;
use application::ports::identity::{Binding, Member, Place, Subject};
use domain::RoleName;
use domain::limits::API_KEY_SCOPES_MAX;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A role to be given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "role": "editor" }))]
pub(in crate::v1) struct MemberPut {
    /// `viewer`, `editor` or `admin`, on the platform `platform-admin`, or one of the platform's own.
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    role: String,
    /// In which environments; all when left out.
    #[schema(schema_with = environment_list)]
    environments: Option<Vec<String>>,
    /// For which prefixes of config keys; all when left out.
    #[schema(schema_with = prefix_list)]
    key_prefixes: Option<Vec<String>>,
}

/// A role that was given.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct RoleMemberBody {
    /// To whom: a person's id, or `group:` and a group's name.
    subject: String,
    /// The person's address; `null` for a group.
    #[schema(required = true)]
    email: Option<String>,
    /// The person's name; `null` for a group.
    #[schema(required = true)]
    name: Option<String>,
    /// Which role.
    role: String,
    /// In which environments; `null` for all.
    #[schema(required = true)]
    environments: Option<Vec<String>>,
    /// For which prefixes of config keys; `null` for all.
    #[schema(required = true)]
    key_prefixes: Option<Vec<String>>,
    /// By whom it was given.
    given_by: String,
    /// When.
    #[schema(format = DateTime)]
    given_at: String,
}

impl MemberPut {
    pub(in crate::v1) fn request(self, place: Place, subject: Subject) -> Result<PutMember, Problem> {
        let counts = [
            ("environments", self.environments.as_ref().map_or(0, Vec::len)),
            ("key_prefixes", self.key_prefixes.as_ref().map_or(0, Vec::len)),
        ];
        for (field, count) in counts {
            if count > API_KEY_SCOPES_MAX {
                return Err(invalid(field, &format!("must have at most {API_KEY_SCOPES_MAX} items")));
            }
        }
        Ok(PutMember {
            place,
            subject,
            role: RoleName::parse(&self.role)?,
            environments: self.environments.as_deref().map(api_key::environments).transpose()?,
            key_prefixes: self.key_prefixes.map(api_key::prefixes).transpose()?,
        })
    }
}

impl From<&Binding> for RoleMemberBody {
    fn from(binding: &Binding) -> Self {
        Self {
            subject: subject_text(&binding.subject),
            email: None,
            name: None,
            role: binding.role.to_string(),
            environments: binding
                .environments
                .as_ref()
                .map(|all| all.iter().map(ToString::to_string).collect()),
            key_prefixes: binding.key_prefixes.as_ref().map(|all| all.iter().cloned().collect()),
            given_by: binding.given_by.clone(),
            given_at: rfc3339(binding.given_at),
        }
    }
}

impl From<&Member> for RoleMemberBody {
    fn from(member: &Member) -> Self {
        let user = member.user.as_ref();
        Self {
            email: user.map(|user| user.email.to_string()),
            name: user.map(|user| user.name.as_str().to_owned()),
            ..(&member.binding).into()
        }
    }
}
