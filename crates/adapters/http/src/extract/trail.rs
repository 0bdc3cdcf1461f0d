//! Query parameters of the audit, and the format of its responses.

use super::query::{PageQuery, Parameters, invalid};
use crate::problem::{Code, Problem};
use crate::reply::from_rfc3339;
use application::identity::is_audit_action;
use application::ports::identity::{AuditOutcome, AuditQuery};
use axum::extract::FromRequestParts;
use domain::{ProjectName, Timestamp};
use http::header::ACCEPT;
use http::request::Parts;
use utoipa::IntoParams;

/// Maximum length of a filter value, in bytes.
const FILTER_BYTES_MAX: usize = 512;

/// What is looked for.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditSearch {
    /// By whom: `user:<id>`, `api-key:<id>`, `system` or `anonymous`.
    #[param(value_type = Option<String>, max_length = 512, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$", example = "system")]
    actor: Option<String>,
    /// What; with a `*` at the end, everything that begins so.
    #[param(value_type = Option<String>, max_length = 512, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$", example = "auth.*")]
    action: Option<String>,
    /// On what; with a `*` at the end, everything that begins so.
    #[param(value_type = Option<String>, max_length = 512, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    resource: Option<String>,
    /// How it ended.
    #[param(value_type = Option<String>, pattern = "^(success|denied|failure)$", example = "denied")]
    outcome: Option<AuditOutcome>,
    /// Not before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-21T00:00:00Z")]
    from: Option<Timestamp>,
    /// Before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-22T00:00:00Z")]
    until: Option<Timestamp>,
    #[param(ignore)]
    pub(crate) page: PageQuery,
}

impl AuditSearch {
    /// The audit query, in one project or in all.
    pub(crate) fn query(&self, project: Option<&ProjectName>) -> AuditQuery {
        AuditQuery {
            actor: self.actor.clone(),
            action: self.action.clone(),
            resource: self.resource.clone(),
            project: project.map(ToString::to_string),
            outcome: self.outcome,
            from: self.from,
            until: self.until,
        }
    }
}

impl Parameters for AuditSearch {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        if value.len() > FILTER_BYTES_MAX && name != "page_token" {
            return Err(invalid(name, &format!("must have at most {FILTER_BYTES_MAX} bytes")));
        }
        // No record contains control characters, and not every database accepts them.
        if value.chars().any(char::is_control) && matches!(name, "actor" | "action" | "resource") {
            return Err(invalid(name, "must not have control characters"));
        }
        let text = || Some(value.to_owned());
        match name {
            "actor" => self.actor = text(),
            "action" if !is_audit_action(value) => {
                let rule =
                    "must be an action of the audit such as auth.login, or the beginning of one and a *";
                return Err(invalid("action", rule));
            }
            "action" => self.action = text(),
            "resource" => self.resource = text(),
            "outcome" => {
                let outcome = AuditOutcome::parse(value);
                let rule = "must be success, denied or failure";
                self.outcome = Some(outcome.ok_or_else(|| invalid("outcome", rule))?);
            }
            "from" => self.from = Some(time("from", value)?),
            "until" => self.until = Some(time("until", value)?),
            _ => return self.page.take(name, value),
        }
        Ok(true)
    }
}

fn time(name: &str, value: &str) -> Result<Timestamp, Problem> {
    from_rfc3339(value).map_err(|_| invalid(name, "must be an RFC 3339 time such as 2027-01-31T00:00:00Z"))
}

/// The format of the response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AuditForm {
    /// A page of records.
    Json,
    /// All matching records, one JSON object per line.
    Lines,
    /// All matching records, as CSV.
    Csv,
}

impl<S: Send + Sync> FromRequestParts<S> for AuditForm {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let accepted = parts.headers.get(ACCEPT).map_or("", |value| value.to_str().unwrap_or_default());
        let mut kinds = accepted.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
        let form = |kind: &str| match kind {
            "" | "*/*" | "application/*" | "application/json" => Some(Self::Json),
            "application/x-ndjson" => Some(Self::Lines),
            "text/csv" | "text/*" => Some(Self::Csv),
            _ => None,
        };
        kinds.find_map(form).ok_or_else(|| {
            let detail = "the audit is to be had as application/json, application/x-ndjson or text/csv";
            Problem::new(Code::NotAcceptable, detail).with("header", "Accept")
        })
    }
}
