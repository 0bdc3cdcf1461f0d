//! Writing audit records of actions on users.

use super::shared::Shared;
use super::{CLIENT_TEXT_BYTES_MAX, Visitor};
use crate::ports::identity::{AuditOutcome, NewAuditRecord, Observation};
use crate::{Error, RequestContext};
use domain::{ProjectName, UserId};
use serde_json::{Map, Value};

/// The actions whose failures count as suspicious.
const GUESSES: [&str; 2] = ["auth.login", "auth.second_factor"];
/// The action of a record about suspicious failures.
const SUSPICIOUS: &str = "security.suspicious";

/// An action and its outcome. The actor and the origin are those of the request.
#[derive(Clone, Debug)]
pub(super) struct Act {
    pub(super) action: &'static str,
    pub(super) resource: String,
    pub(super) project: Option<String>,
    pub(super) outcome: AuditOutcome,
    pub(super) detail: Vec<(&'static str, String)>,
}

impl Act {
    #[expect(clippy::needless_pass_by_value, reason = "names and borrowed names alike")]
    pub(super) fn done(action: &'static str, resource: impl ToString) -> Self {
        let (resource, outcome) = (resource.to_string(), AuditOutcome::Success);
        Self { action, resource, project: None, outcome, detail: Vec::new() }
    }

    pub(super) fn failed(action: &'static str, resource: impl ToString) -> Self {
        Self { outcome: AuditOutcome::Failure, ..Self::done(action, resource) }
    }

    pub(super) fn within(mut self, project: Option<&ProjectName>) -> Self {
        self.project = project.map(ToString::to_string);
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "names and borrowed names alike")]
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.detail.push((name, value.to_string()));
        self
    }
}

impl Shared {
    /// Audits an action of the caller. A record that cannot be written is queued; the action is not undone.
    pub(super) async fn acted(&self, ctx: &RequestContext, act: Act) {
        let visitor = Visitor { request_id: ctx.request_id.clone(), origin: ctx.origin.clone() };
        let record = self.record(&visitor, ctx.actor.to_string(), act);
        if self.ports.audit.append(std::slice::from_ref(&record)).await.is_err() {
            self.enqueue(record);
        }
    }

    /// Audits an action of a user who has just authenticated. Fails if the record cannot be written, so that
    /// no sign-in goes unrecorded.
    pub(super) async fn came(&self, visitor: &Visitor, user: &UserId, act: Act) -> Result<(), Error> {
        let record = self.record(visitor, format!("user:{user}"), act);
        Ok(self.ports.audit.append(&[record]).await?)
    }

    /// Audits a failed attempt of an anonymous request, and alerts if its address fails suspiciously often.
    pub(super) async fn failed(&self, visitor: &Visitor, user: Option<&UserId>, act: Act) {
        let actor = user.map_or_else(|| "anonymous".to_owned(), |user| format!("user:{user}"));
        let guess = GUESSES.contains(&act.action);
        let record = self.record(visitor, actor, act);
        self.ports.observer.observe(Observation::SignInFailed);
        if self.ports.audit.append(std::slice::from_ref(&record)).await.is_err() {
            self.enqueue(record);
        } else if guess && let Err(error) = self.suspect(visitor).await {
            tracing::warn!(%error, "failed sign-ins could not be counted");
        }
    }

    /// Alerts, once in a period, if an address fails to sign in too often.
    async fn suspect(&self, visitor: &Visitor) -> Result<(), Error> {
        let address = visitor.origin.address.as_str();
        if !self.fails_often(address).await? {
            return Ok(());
        }
        let failures = self.rules.suspicious_failures;
        let act = Act::failed(SUSPICIOUS, address).with("failures", failures);
        let record = self.record(visitor, "system".to_owned(), act);
        self.ports.observer.observe(Observation::Suspicious);
        tracing::warn!(address, failures, "one address fails to sign in suspiciously often");
        Ok(self.ports.audit.append(&[record]).await?)
    }

    pub(super) fn enqueue(&self, record: NewAuditRecord) {
        if !self.queue.push(record) {
            self.ports.observer.observe(Observation::AuditDropped(1));
        }
    }

    pub(super) fn record(&self, visitor: &Visitor, actor: String, act: Act) -> NewAuditRecord {
        let detail: Map<String, Value> =
            act.detail.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
        NewAuditRecord {
            at: self.now(),
            actor,
            address: cut(&visitor.origin.address).to_owned(),
            user_agent: cut(&visitor.origin.user_agent).to_owned(),
            action: act.action.to_owned(),
            resource: act.resource,
            project: act.project,
            outcome: act.outcome,
            request_id: visitor.request_id.to_string(),
            trace_id: visitor.origin.trace_id.clone(),
            revision: None,
            detail: Value::Object(detail).to_string(),
        }
    }
}

/// The text, truncated to the allowed length.
pub(super) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(CLIENT_TEXT_BYTES_MAX)]
}
