//! Bodies of users' own accounts.

use super::user::UserBody;
use crate::reply::rfc3339;
use crate::v1::dto::api_key::ApiKeyBody;
use application::RequestContext;
use application::identity::{ChangePassword, Me, ResetPassword};
use application::ports::identity::Session;
use domain::{ApiKey, Grant, SessionId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a person may do by one role.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct GrantBody {
    /// The role.
    role: String,
    /// In which project; `null` for the platform and every project.
    #[schema(required = true)]
    project: Option<String>,
    /// In which environments; `null` for all.
    #[schema(required = true)]
    environments: Option<Vec<String>>,
    /// For which prefixes of config keys; `null` for all.
    #[schema(required = true)]
    key_prefixes: Option<Vec<String>>,
    /// What it allows.
    permissions: Vec<&'static str>,
}

/// Who asks.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct MeBody {
    /// Who.
    user: UserBody,
    /// By which sign-in.
    #[schema(required = true)]
    session: Option<String>,
    /// What the person may do.
    grants: Vec<GrantBody>,
    /// Whether the person has a second factor.
    second_factor: bool,
    /// How many recovery codes are left.
    recovery_codes_left: u32,
    /// Whether a second factor must be set up before anything else.
    second_factor_enrolment_required: bool,
    /// For pages that lost it: what they repeat as `X-CSRF-Token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
}

/// An API key that asks.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct KeyMeBody {
    /// The key, with what it may do and until when.
    api_key: ApiKeyBody,
    /// When the secret that was sent ends, because of a rotation or with the key; `null` for never.
    #[schema(required = true, format = DateTime)]
    secret_until: Option<String>,
}

/// Who asks: a person or an API key.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::v1) enum WhoBody {
    /// A person.
    Person(Box<MeBody>),
    /// An API key.
    Key(Box<KeyMeBody>),
}

impl KeyMeBody {
    pub(in crate::v1) fn new(key: &ApiKey, ctx: &RequestContext) -> Self {
        let replaced = key.previous.as_ref().filter(|previous| ctx.credential == Some(previous.hash));
        let ends = replaced.map(|previous| previous.ends_at).into_iter().chain(key.expires_at).min();
        Self { api_key: key.into(), secret_until: ends.map(rfc3339) }
    }
}

/// A sign-in of a person.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct SessionBody {
    /// Identifies it.
    id: String,
    /// Whether it is the one that asks.
    present: bool,
    /// From where it was opened.
    address: String,
    /// With what program.
    user_agent: String,
    /// What the person calls the device.
    device: String,
    /// How the person proved who they are: `password`, `password+totp`, `oidc:<provider>`.
    method: String,
    /// When it was opened.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last refreshed.
    #[schema(format = DateTime)]
    used_at: String,
    /// When it ends unless it is refreshed before.
    #[schema(format = DateTime)]
    idle_expires_at: String,
    /// When it ends in any case.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v1) struct PasswordBody {
    /// The present one.
    #[schema(value_type = String, max_length = 256, format = Password)]
    current_password: SecretString,
    /// The other one.
    #[schema(value_type = String, max_length = 256, format = Password)]
    new_password: SecretString,
}

/// Another password by the token that an administrator had made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v1) struct PasswordResetBody {
    /// The token.
    #[schema(value_type = String, max_length = 2048)]
    token: SecretString,
    /// The other password.
    #[schema(value_type = String, max_length = 256, format = Password)]
    new_password: SecretString,
}

/// How many sessions ended.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct EndedBody {
    /// How many.
    pub(in crate::v1) ended: u64,
}

impl PasswordBody {
    pub(in crate::v1) fn request(self) -> ChangePassword {
        ChangePassword { current: self.current_password, new: self.new_password }
    }
}

impl PasswordResetBody {
    pub(in crate::v1) fn request(self) -> ResetPassword {
        ResetPassword { token: self.token, new: self.new_password }
    }
}

impl From<&Grant> for GrantBody {
    fn from(grant: &Grant) -> Self {
        Self {
            role: grant.role.to_string(),
            project: grant.project.as_ref().map(ToString::to_string),
            environments: grant
                .environments
                .as_ref()
                .map(|all| all.iter().map(ToString::to_string).collect()),
            key_prefixes: grant.key_prefixes.as_ref().map(|all| all.iter().cloned().collect()),
            permissions: grant.permissions.iter().map(|permission| permission.as_str()).collect(),
        }
    }
}

impl MeBody {
    pub(in crate::v1) fn new(me: &Me, csrf_token: Option<String>) -> Self {
        Self {
            user: (&me.user).into(),
            session: me.session.as_ref().map(ToString::to_string),
            grants: me.person.grants.iter().map(Into::into).collect(),
            second_factor: me.second_factor,
            recovery_codes_left: me.recovery_left,
            second_factor_enrolment_required: me.must_enrol,
            csrf_token,
        }
    }
}

impl SessionBody {
    pub(in crate::v1) fn new(session: &Session, present: Option<&SessionId>) -> Self {
        Self {
            id: session.id.to_string(),
            present: present == Some(&session.id),
            address: session.client.address.clone(),
            user_agent: session.client.user_agent.clone(),
            device: session.client.device.clone(),
            method: session.method.clone(),
            created_at: rfc3339(session.created_at),
            used_at: rfc3339(session.used_at),
            idle_expires_at: rfc3339(session.idle_at),
            expires_at: rfc3339(session.ends_at),
        }
    }
}
