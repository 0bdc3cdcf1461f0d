//! Bodies of users and invitations.

use super::{email, label};
use crate::problem::Problem;
use crate::reply::rfc3339;
use crate::v1::dto::api_key::ApiKeyBody;
use crate::v1::dto::invalid;
use application::identity::{CreateUser, Invite, Invited, MadeKeys, Reset};
use application::ports::identity::{Invitation, Place, User, UserChange, UserStatus};
use domain::{OrganisationName, ProjectName, RoleName};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct UserBody {
    /// Identifies the person, for ever.
    id: String,
    /// Where the person is reached.
    email: String,
    /// What people call the person.
    name: String,
    /// `active` or `deactivated`.
    #[schema(example = "active")]
    status: &'static str,
    /// Whether the person must use a second factor.
    second_factor_required: bool,
    /// When the record was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
}

/// A person to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ada@example.com", "name": "Ada" }))]
pub(in crate::v1) struct NewUserBody {
    /// Where the person is reached; nobody else may have it.
    #[schema(
        max_length = 254,
        pattern = "^[^\\u0000-\\u0020\\u0040\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f-\\u1160\\u1680\\u17b4-\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2100-\\u214f\\u2800\\u3000\\u3164\\ue000-\\uf8ff\\ufdd0-\\ufdef\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\uffff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{10ffff}]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,186}[A-Za-z0-9])?$"
    )]
    email: String,
    /// What people call the person, at most 100 bytes.
    #[schema(min_length = 1, max_length = 100, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    name: String,
    /// The first password. Without one the person comes in through an identity provider, or sets one by a reset.
    #[schema(value_type = Option<String>, max_length = 256, format = Password)]
    password: Option<SecretString>,
    /// Whether the person must use a second factor.
    #[serde(default)]
    second_factor_required: bool,
}

/// What changes of a person; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "status": "deactivated" }))]
pub(in crate::v1) struct UserChangeBody {
    /// Another address.
    #[schema(
        max_length = 254,
        pattern = "^[^\\u0000-\\u0020\\u0040\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f-\\u1160\\u1680\\u17b4-\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2100-\\u214f\\u2800\\u3000\\u3164\\ue000-\\uf8ff\\ufdd0-\\ufdef\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\uffff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{10ffff}]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,186}[A-Za-z0-9])?$"
    )]
    email: Option<String>,
    /// Another name.
    #[schema(min_length = 1, max_length = 100, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    name: Option<String>,
    /// `active` or `deactivated`.
    #[schema(pattern = "^(active|deactivated)$")]
    status: Option<String>,
    /// Whether the person must use a second factor.
    second_factor_required: Option<bool>,
    /// With `status: deactivated`: revoke the API keys that the person made, and those that were made with them.
    #[serde(default)]
    revoke_api_keys: bool,
}

/// The API keys that a person made and that still work.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct MadeKeysBody {
    /// How many this request revoked.
    revoked: u64,
    /// Those that still work and that the caller may read, at most 1000.
    left: Vec<ApiKeyBody>,
    /// How many more still work.
    more: u64,
}

/// A person after a change.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct ChangedUserBody {
    #[serde(flatten)]
    user: UserBody,
    /// After a deactivation: the API keys that the person made, which go on working.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_keys: Option<MadeKeysBody>,
}

impl From<&MadeKeys> for MadeKeysBody {
    fn from(keys: &MadeKeys) -> Self {
        Self { revoked: keys.revoked, left: keys.left.iter().map(Into::into).collect(), more: keys.more }
    }
}

impl ChangedUserBody {
    pub(in crate::v1) fn new(user: &User, keys: Option<&MadeKeys>) -> Self {
        Self { user: user.into(), api_keys: keys.map(Into::into) }
    }
}

/// Where a role holds: at most one of the two; with neither, on the platform.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "role": "editor", "project": "demo" }))]
pub(in crate::v1) struct InvitedRoleBody {
    /// The role: `viewer`, `editor` or `admin`, on the platform `platform-admin`, or one of the platform's own.
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    role: String,
    /// The project.
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    /// The organisation.
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<String>,
}

/// Somebody to be invited.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ada@example.com", "role": { "role": "editor", "project": "demo" } }))]
pub(in crate::v1) struct NewInvitationBody {
    /// Whom.
    #[schema(
        max_length = 254,
        pattern = "^[^\\u0000-\\u0020\\u0040\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f-\\u1160\\u1680\\u17b4-\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2100-\\u214f\\u2800\\u3000\\u3164\\ue000-\\uf8ff\\ufdd0-\\ufdef\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\uffff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{10ffff}]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,186}[A-Za-z0-9])?$"
    )]
    email: String,
    /// The role that the person will have.
    role: Option<InvitedRoleBody>,
}

/// An invitation, never its token.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct InvitationBody {
    /// Identifies it.
    id: String,
    /// Whom it is for.
    email: String,
    /// The role that the person will have.
    #[schema(required = true)]
    role: Option<InvitedRoleBody>,
    /// Who invited.
    invited_by: String,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it ends.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// An invitation with its token.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct InvitedBody {
    #[serde(flatten)]
    invitation: InvitationBody,
    /// By which the person registers. It is shown this once.
    token: String,
}

/// A password to be set by the person.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct ResetBody {
    /// What the person shows at `POST /api/v1/auth/password/reset`, once. It is shown this once.
    token: String,
    /// When it ends.
    #[schema(format = DateTime)]
    expires_at: String,
}

impl From<&User> for UserBody {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.to_string(),
            name: user.name.as_str().to_owned(),
            status: match user.status {
                UserStatus::Active => "active",
                UserStatus::Deactivated => "deactivated",
            },
            second_factor_required: user.second_factor_required,
            created_at: rfc3339(user.created_at),
            updated_at: rfc3339(user.updated_at),
        }
    }
}

impl NewUserBody {
    pub(in crate::v1) fn request(self) -> Result<CreateUser, Problem> {
        Ok(CreateUser {
            email: email(&self.email)?,
            name: label(&self.name)?,
            password: self.password,
            second_factor_required: self.second_factor_required,
        })
    }
}

impl UserChangeBody {
    /// Whether to revoke the user's API keys; permitted only with a deactivation.
    pub(in crate::v1) fn revokes_keys(&self) -> Result<bool, Problem> {
        if self.revoke_api_keys && self.status.as_deref() != Some("deactivated") {
            return Err(invalid("revoke_api_keys", "goes only with \"status\": \"deactivated\""));
        }
        Ok(self.revoke_api_keys)
    }

    pub(in crate::v1) fn request(self) -> Result<UserChange, Problem> {
        let status = self.status.as_deref().map(|status| match status {
            "active" => Ok(UserStatus::Active),
            "deactivated" => Ok(UserStatus::Deactivated),
            _ => Err(invalid("status", "must be active or deactivated")),
        });
        let change = UserChange {
            email: self.email.as_deref().map(email).transpose()?,
            name: self.name.as_deref().map(label).transpose()?,
            status: status.transpose()?,
            second_factor_required: self.second_factor_required,
        };
        let nothing = change.email.is_none() && change.name.is_none() && change.status.is_none();
        if nothing && change.second_factor_required.is_none() {
            return Err(invalid("status", "or email, name or second_factor_required must be there"));
        }
        Ok(change)
    }
}

impl InvitedRoleBody {
    fn request(&self) -> Result<(RoleName, Place), Problem> {
        let place = match (&self.project, &self.organisation) {
            (None, None) => Place::Platform,
            (Some(project), None) => Place::Project(ProjectName::parse(project)?),
            (None, Some(name)) => Place::Organisation(OrganisationName::parse(name)?),
            (Some(_), Some(_)) => return Err(invalid("role.organisation", "must not be there with project")),
        };
        Ok((RoleName::parse(&self.role)?, place))
    }
}

impl NewInvitationBody {
    pub(in crate::v1) fn request(&self) -> Result<Invite, Problem> {
        let role = self.role.as_ref().map(InvitedRoleBody::request).transpose()?;
        Ok(Invite { email: email(&self.email)?, role })
    }
}

impl From<&Invitation> for InvitationBody {
    fn from(invitation: &Invitation) -> Self {
        let role = invitation.role.as_ref().map(|(role, place)| {
            let (project, organisation) = match place {
                Place::Platform => (None, None),
                Place::Project(project) => (Some(project.to_string()), None),
                Place::Organisation(organisation) => (None, Some(organisation.to_string())),
            };
            InvitedRoleBody { role: role.to_string(), project, organisation }
        });
        Self {
            id: invitation.token.to_string(),
            email: invitation.email.to_string(),
            role,
            invited_by: invitation.invited_by.clone(),
            created_at: rfc3339(invitation.created_at),
            expires_at: rfc3339(invitation.expires_at),
        }
    }
}

impl From<&Invited> for InvitedBody {
    fn from(invited: &Invited) -> Self {
        Self { invitation: (&invited.invitation).into(), token: invited.token.expose_secret().to_owned() }
    }
}

impl From<&Reset> for ResetBody {
    fn from(reset: &Reset) -> Self {
        Self { token: reset.token.expose_secret().to_owned(), expires_at: rfc3339(reset.expires_at) }
    }
}
