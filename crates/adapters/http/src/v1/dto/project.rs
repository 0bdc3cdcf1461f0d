//! Bodies of projects and environments.

use super::{invalid, object, text};
use crate::problem::Problem;
use crate::reply::rfc3339;
use application::{ChangeProject, ProjectDetail};
use domain::limits::{QUOTA_MAX, RETENTION_AGE_MS_MAX, RETENTION_VERSIONS_MAX};
use domain::{DisplayName, Environment, Project, ProjectName, Quotas, Retention};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A new project.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "demo", "display_name": "Demo"}))]
pub(crate) struct NewProject {
    /// Its name in paths; cannot be changed.
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    pub(crate) name: String,
    /// Its name for people, at most 200 bytes.
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    pub(crate) display_name: Option<String>,
}

/// A change of a project; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1, example = json!({"display_name": "Demo", "retention": {"versions": 100, "age_days": 90}}))]
pub(crate) struct ProjectChange {
    /// Its name for people, at most 200 bytes.
    #[serde(default, deserialize_with = "text")]
    #[schema(value_type = String, required = false, max_length = 200,
        pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    pub(crate) display_name: Option<String>,
    /// How much it may hold, as a whole: a quota that is left out gets the platform's default. Needs the
    /// permission `platform:quota:write`.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = QuotasChange, required = false)]
    pub(crate) quotas: Option<QuotasChange>,
    /// How much of the past of each config is kept, as a whole: a bound that is left out is removed.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = RetentionBody, required = false)]
    pub(crate) retention: Option<RetentionBody>,
}

/// How much a project may hold.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotasChange {
    /// Live documents in all environments.
    #[schema(maximum = 9_007_199_254_740_992_i64)]
    documents: Option<u64>,
    /// Bytes of live documents together.
    #[schema(maximum = 9_007_199_254_740_992_i64)]
    bytes: Option<u64>,
    /// API keys.
    #[schema(maximum = 9_007_199_254_740_992_i64)]
    api_keys: Option<u64>,
    /// Watchers at one node.
    #[schema(maximum = 9_007_199_254_740_992_i64)]
    watchers: Option<u64>,
    /// Bytes of kept history: every version but the present ones, with 1024 for each row.
    #[schema(maximum = 9_007_199_254_740_992_i64)]
    history_bytes: Option<u64>,
    /// Kept versions of configs, the present ones apart.
    #[schema(maximum = 9_007_199_254_740_992_i64)]
    history_versions: Option<u64>,
    /// Versions of schemas.
    #[schema(maximum = 9_007_199_254_740_992_i64)]
    schema_versions: Option<u64>,
    /// Bytes of all versions of schemas.
    #[schema(maximum = 9_007_199_254_740_992_i64)]
    schema_bytes: Option<u64>,
}

/// How much of the past of each config is kept. The newest version always is; with both bounds, what either
/// lets go goes. It goes within a minute, for good. A project that sets neither keeps the newest 1000 versions of
/// each config, and fewer once 75 % of its quota of history are used.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionBody {
    /// So many versions.
    #[schema(minimum = 1, maximum = 1_000_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<u64>,
    /// Every version that was current within so many days.
    #[schema(minimum = 1, maximum = 36_500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    age_days: Option<u64>,
}

/// How much a project may hold.
#[derive(Serialize, ToSchema)]
pub(crate) struct QuotasBody {
    /// Live documents in all environments.
    documents: u64,
    /// Bytes of live documents together.
    bytes: u64,
    /// API keys.
    api_keys: u64,
    /// Watchers at one node.
    watchers: u64,
    /// Bytes of kept history: every version but the present ones, with 1024 for each row.
    history_bytes: u64,
    /// Kept versions of configs, the present ones apart.
    history_versions: u64,
    /// Versions of schemas.
    schema_versions: u64,
    /// Bytes of all versions of schemas.
    schema_bytes: u64,
}

/// What a project holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageBody {
    /// Live documents in all environments.
    documents: u64,
    /// Bytes of live documents together.
    bytes: u64,
    /// API keys.
    api_keys: u64,
    /// Bytes of kept history.
    history_bytes: u64,
    /// Kept versions of configs, the present ones apart.
    history_versions: u64,
    /// Versions of schemas.
    schema_versions: u64,
    /// Bytes of all versions of schemas.
    schema_bytes: u64,
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl QuotasChange {
    fn checked(self) -> Result<Quotas, Problem> {
        let Self { documents, bytes, api_keys, watchers, .. } = self;
        let Self { history_bytes, history_versions, schema_versions, schema_bytes, .. } = self;
        let all = [
            ("documents", documents),
            ("bytes", bytes),
            ("api_keys", api_keys),
            ("watchers", watchers),
            ("history_bytes", history_bytes),
            ("history_versions", history_versions),
            ("schema_versions", schema_versions),
            ("schema_bytes", schema_bytes),
        ];
        for (name, quota) in all {
            if quota.is_some_and(|quota| quota > QUOTA_MAX) {
                return Err(invalid(format!("quotas.{name}"), &format!("must be at most {QUOTA_MAX}")));
            }
        }
        Ok(Quotas {
            documents,
            bytes,
            api_keys,
            watchers,
            history_bytes,
            history_versions,
            schema_versions,
            schema_bytes,
        })
    }
}

impl ProjectChange {
    /// The request to change the project.
    pub(crate) fn request(self, name: ProjectName) -> Result<ChangeProject, Problem> {
        if self.display_name.is_none() && self.quotas.is_none() && self.retention.is_none() {
            return Err(invalid("display_name", "or quotas or retention must be there"));
        }
        let quotas = self.quotas.map(QuotasChange::checked);
        let retention = self.retention.map(|retention| {
            let RetentionBody { versions, age_days } = retention;
            if versions.is_some_and(|versions| !(1..=RETENTION_VERSIONS_MAX).contains(&versions)) {
                let rule = format!("must be 1 to {RETENTION_VERSIONS_MAX}");
                return Err(invalid("retention.versions", &rule));
            }
            let days_max = RETENTION_AGE_MS_MAX / DAY_MS;
            let days = age_days.map(|days| i64::try_from(days).unwrap_or(i64::MAX));
            if days.is_some_and(|days| !(1..=days_max).contains(&days)) {
                return Err(invalid("retention.age_days", &format!("must be 1 to {days_max}")));
            }
            Ok(Retention { versions, age_ms: days.map(|days| days * DAY_MS) })
        });
        Ok(ChangeProject {
            name,
            display_name: self.display_name.as_deref().map(DisplayName::parse).transpose()?,
            quotas: quotas.transpose()?,
            retention: retention.transpose()?,
        })
    }
}

/// A project.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProjectBody {
    /// Its name in paths.
    name: String,
    /// Its name for people.
    display_name: String,
    /// `active`; other states may come.
    status: &'static str,
    /// When it was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// The revision that last changed it.
    revision: u64,
    /// How much it may hold.
    quotas: QuotasBody,
    /// How much of the past of each config is kept; without members the platform's default.
    retention: RetentionBody,
    /// What it holds; only when one project is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageBody>,
}

impl From<&ProjectDetail> for ProjectBody {
    fn from(detail: &ProjectDetail) -> Self {
        let (usage, api_keys) = (detail.usage, detail.api_keys);
        let usage = UsageBody {
            documents: usage.documents,
            bytes: usage.bytes,
            api_keys,
            history_bytes: usage.history.bytes,
            history_versions: usage.history.versions,
            schema_versions: usage.schema_versions,
            schema_bytes: usage.schema_bytes,
        };
        Self { usage: Some(usage), ..Self::from(&detail.project) }
    }
}

impl From<&Project> for ProjectBody {
    fn from(project: &Project) -> Self {
        Self {
            name: project.name.to_string(),
            display_name: project.display_name.as_str().to_owned(),
            status: "active",
            created_at: rfc3339(project.created_at),
            updated_at: rfc3339(project.updated_at),
            revision: project.revision.0,
            quotas: QuotasBody {
                documents: project.quotas.documents(),
                bytes: project.quotas.bytes(),
                api_keys: project.quotas.api_keys(),
                watchers: project.quotas.watchers(),
                history_bytes: project.quotas.history_bytes(),
                history_versions: project.quotas.history_versions(),
                schema_versions: project.quotas.schema_versions(),
                schema_bytes: project.quotas.schema_bytes(),
            },
            retention: RetentionBody {
                versions: project.retention.versions,
                age_days: project.retention.age_ms.map(|age| (age / DAY_MS).unsigned_abs()),
            },
            usage: None,
        }
    }
}

/// A new environment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "production"}))]
pub(crate) struct NewEnvironment {
    /// Its name in paths; cannot be changed.
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    pub(crate) name: String,
}

/// An environment.
#[derive(Serialize, ToSchema)]
pub(crate) struct EnvironmentBody {
    /// The project it belongs to.
    project: String,
    /// Its name.
    name: String,
    /// When it was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// The revision that created it.
    revision: u64,
}

impl From<&Environment> for EnvironmentBody {
    fn from(environment: &Environment) -> Self {
        Self {
            project: environment.id.project.to_string(),
            name: environment.id.name.to_string(),
            created_at: rfc3339(environment.created_at),
            revision: environment.revision.0,
        }
    }
}
