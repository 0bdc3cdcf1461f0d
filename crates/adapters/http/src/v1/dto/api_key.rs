//! Bodies of API keys. Only the responses of creation and rotation contain a secret.

use super::invalid;
use crate::problem::Problem;
use crate::reply::{NotATime, from_rfc3339, rfc3339};
use application::{CreateApiKey, CreatedApiKey};
use domain::limits::{API_KEY_SCOPES_MAX, CONFIG_KEY_BYTES_MAX, NAME_BYTES_MAX};
use domain::{ApiKey, ConfigKey, EnvironmentName, KeyLabel, Permission, ProjectName, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, SchemaType, Type};

/// The pattern of a prefix of config keys.
const PREFIX_PATTERN: &str = "^[A-Za-z0-9._:@+~/-]{1,255}$";

/// A new API key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "checkout service", "permissions": ["config:document:read"],
    "environments": ["production"], "key_prefixes": ["checkout."], "expires_at": "2027-11-21T00:00:00Z"
}))]
pub(crate) struct NewApiKeyBody {
    /// What people call it, at most 100 bytes.
    #[schema(min_length = 1, max_length = 100, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    name: String,
    /// What it may do; never more than its creator.
    #[schema(schema_with = permission_list)]
    permissions: Vec<String>,
    /// The environments it may reach; all when left out.
    #[schema(schema_with = environment_list)]
    environments: Option<Vec<String>>,
    /// The config keys it may reach start with one of these; all when left out.
    #[schema(schema_with = prefix_list)]
    key_prefixes: Option<Vec<String>>,
    /// From when on it is refused; never when left out.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// An API key, never its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiKeyBody {
    /// Its id.
    id: String,
    /// The project it belongs to.
    #[schema(required = true)]
    project: Option<String>,
    /// What people call it.
    name: String,
    /// The first characters of the secret, to recognise it by.
    prefix: String,
    /// What it may do.
    permissions: Vec<&'static str>,
    /// The environments it may reach; `null` for all.
    #[schema(required = true)]
    environments: Option<Vec<String>>,
    /// The prefixes of config keys it may reach; `null` for all.
    #[schema(required = true)]
    key_prefixes: Option<Vec<String>>,
    /// From when on it is refused; `null` for never.
    #[schema(required = true, format = DateTime)]
    expires_at: Option<String>,
    /// When it was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// Who created it.
    created_by: String,
    /// Until when the secret before the last rotation is good; `null` when there is none.
    #[schema(required = true, format = DateTime)]
    previous_secret_until: Option<String>,
    /// When it was last used, to five minutes; only in reads and lists of a project's keys. Missing after 400 days
    /// without use, and while the identity database is not available.
    #[schema(format = DateTime, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    /// The revision that created it, or gave it its present secret.
    revision: u64,
}

/// A new API key with its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedApiKeyBody {
    #[serde(flatten)]
    item: ApiKeyBody,
    /// The secret. It is shown this once.
    #[schema(example = "gdn_key_0123456789abcdefghijABCDEFGHIJxyzXYZ")]
    key: String,
}

/// The schema of a list of permissions.
pub(in crate::v1) fn permission_list() -> Array {
    let names = Permission::ALL.iter().map(|permission| permission.as_str());
    let one = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build();
    ArrayBuilder::new()
        .items(one)
        .min_items(Some(1))
        .description(Some("What it may do; never more than its creator."))
        .build()
}

pub(in crate::v1) fn environment_list() -> Array {
    names("The environments it may reach; all when left out.", EnvironmentName::PATTERN, NAME_BYTES_MAX)
}

pub(in crate::v1) fn prefix_list() -> Array {
    let description = "The config keys it may reach start with one of these; all when left out.";
    names(description, PREFIX_PATTERN, CONFIG_KEY_BYTES_MAX)
}

/// The schema of a list of names with this pattern, or `null`.
fn names(description: &str, pattern: &str, bytes_max: usize) -> Array {
    let one =
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).max_length(Some(bytes_max));
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(one.build())
        .max_items(Some(API_KEY_SCOPES_MAX))
        .description(Some(description))
        .build()
}

impl NewApiKeyBody {
    pub(crate) fn request(self, project: ProjectName) -> Result<CreateApiKey, Problem> {
        Ok(CreateApiKey {
            project,
            name: KeyLabel::parse(&self.name)?,
            permissions: permissions(&self.permissions)?,
            environments: self.environments.as_deref().map(environments).transpose()?,
            key_prefixes: self.key_prefixes.map(prefixes).transpose()?,
            expires_at: self.expires_at.as_deref().map(timestamp).transpose()?,
        })
    }
}

/// Parses a non-empty set of permissions.
pub(super) fn permissions(texts: &[String]) -> Result<BTreeSet<Permission>, Problem> {
    if texts.is_empty() {
        return Err(invalid("permissions", "must not be empty"));
    }
    let permission = |(at, text): (usize, &String)| {
        Permission::parse(text)
            .ok_or_else(|| invalid(format!("permissions[{at}]"), "is not a permission there is"))
    };
    texts.iter().enumerate().map(permission).collect()
}

pub(super) fn environments(names: &[String]) -> Result<BTreeSet<EnvironmentName>, Problem> {
    names.iter().map(|name| Ok(EnvironmentName::parse(name)?)).collect()
}

pub(super) fn prefixes(prefixes: Vec<String>) -> Result<BTreeSet<String>, Problem> {
    let valid = |text: &String| !text.is_empty() && ConfigKey::is_prefix(text);
    match prefixes.iter().position(|prefix| !valid(prefix)) {
        Some(at) => Err(invalid(format!("key_prefixes[{at}]"), &format!("must match {PREFIX_PATTERN}"))),
        None => Ok(prefixes.into_iter().collect()),
    }
}

fn timestamp(text: &str) -> Result<Timestamp, Problem> {
    from_rfc3339(text).map_err(|fault| match fault {
        NotATime::Form => invalid("expires_at", "must be an RFC 3339 time such as 2027-01-31T00:00:00Z"),
        NotATime::Range => invalid("expires_at", "is out of range"),
    })
}

impl From<&ApiKey> for ApiKeyBody {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.key.id.to_string(),
            project: key.key.project.as_ref().map(ToString::to_string),
            name: key.name.as_str().to_owned(),
            prefix: key.prefix.clone(),
            permissions: key.permissions.iter().map(|permission| permission.as_str()).collect(),
            environments: key.environments.as_ref().map(|all| all.iter().map(ToString::to_string).collect()),
            key_prefixes: key.key_prefixes.as_ref().map(|all| all.iter().cloned().collect()),
            expires_at: key.expires_at.map(rfc3339),
            created_at: rfc3339(key.created_at),
            created_by: key.created_by.to_string(),
            previous_secret_until: key.previous.as_ref().map(|previous| rfc3339(previous.ends_at)),
            last_used_at: None,
            revision: key.revision.0,
        }
    }
}

impl ApiKeyBody {
    /// Sets the time of the last use.
    pub(crate) fn used(self, at: Option<Timestamp>) -> Self {
        Self { last_used_at: at.map(rfc3339), ..self }
    }
}

impl From<&CreatedApiKey> for CreatedApiKeyBody {
    fn from(created: &CreatedApiKey) -> Self {
        Self { item: (&created.key).into(), key: created.secret.clone() }
    }
}
