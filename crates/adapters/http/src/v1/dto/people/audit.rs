//! Bodies of audit records, as JSON and as CSV.

use crate::reply::rfc3339;
use crate::v1::actors::NamesActor;
use application::identity::Verified;
use application::ports::identity::AuditRecord;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Something that happened.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct AuditRecordBody {
    /// Its place in the audit.
    number: u64,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who: `user:<id>`, `api-key:<id>`, `system`, `anonymous`.
    actor: String,
    /// The e-mail address of the user, in a page and where the caller may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_email: Option<String>,
    /// From where.
    address: String,
    /// With what program.
    user_agent: String,
    /// What.
    #[schema(example = "auth.login")]
    action: String,
    /// On what.
    resource: String,
    /// The project that it concerns.
    #[schema(required = true)]
    project: Option<String>,
    /// `success`, `denied` or `failure`.
    outcome: &'static str,
    /// The request.
    request_id: String,
    /// The trace.
    trace_id: String,
    /// The revision that it made; `null` when it changed no documents.
    #[schema(required = true)]
    revision: Option<u64>,
    /// Anything more.
    #[schema(value_type = Object)]
    detail: Value,
    /// SHA-256 over the chain before and this record.
    head: String,
}

/// What a check of the chain found.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct VerifiedBody {
    /// Whether every record follows the ones before it.
    intact: bool,
    /// How many records were checked.
    records: u64,
    /// The first record that does not follow the ones before it.
    #[schema(required = true)]
    first_bad: Option<u64>,
    /// The head of the last good record.
    head: String,
}

impl From<&AuditRecord> for AuditRecordBody {
    fn from(one: &AuditRecord) -> Self {
        let record = &one.record;
        Self {
            number: one.number,
            at: rfc3339(record.at),
            actor: record.actor.clone(),
            actor_email: None,
            address: record.address.clone(),
            user_agent: record.user_agent.clone(),
            action: record.action.clone(),
            resource: record.resource.clone(),
            project: record.project.clone(),
            outcome: record.outcome.as_str(),
            request_id: record.request_id.clone(),
            trace_id: record.trace_id.clone(),
            revision: record.revision.map(|(revision, _)| revision.0),
            detail: serde_json::from_str(&record.detail).unwrap_or_default(),
            head: one.head.to_string(),
        }
    }
}

impl NamesActor for AuditRecordBody {
    fn actor(&self) -> &str {
        &self.actor
    }

    fn set_email(&mut self, email: String) {
        self.actor_email = Some(email);
    }
}

impl From<Verified> for VerifiedBody {
    fn from(found: Verified) -> Self {
        Self {
            intact: found.first_bad.is_none(),
            records: found.records,
            first_bad: found.first_bad,
            head: found.last.head.to_string(),
        }
    }
}

/// The header row.
pub(in crate::v1) const CSV_HEAD: &str = "number,at,actor,address,user_agent,action,resource,project,outcome,request_id,trace_id,revision,detail,head\r\n";

impl AuditRecordBody {
    /// Appends the record as a row (RFC 4180).
    pub(in crate::v1) fn write_csv(&self, row: &mut String) {
        let number = self.number.to_string();
        let revision = self.revision.map(|revision| revision.to_string()).unwrap_or_default();
        let detail = self.detail.to_string();
        let cells = [
            &number,
            &self.at,
            &self.actor,
            &self.address,
            &self.user_agent,
            &self.action,
            &self.resource,
            self.project.as_deref().unwrap_or_default(),
            self.outcome,
            &self.request_id,
            &self.trace_id,
            &revision,
            &detail,
            &self.head,
        ];
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                row.push(',');
            }
            write_cell(cell, row);
        }
        row.push_str("\r\n");
    }
}

/// Appends a quoted cell. A possible spreadsheet formula is prefixed with an apostrophe, because clients
/// choose the content of audit records.
fn write_cell(text: &str, row: &mut String) {
    row.push('"');
    let formula =
        text.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    if formula || text.starts_with(['\t', '\r', '\n']) {
        row.push('\'');
    }
    for letter in text.chars() {
        if letter == '"' {
            row.push('"');
        }
        row.push(letter);
    }
    row.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, cell: &str) {
        let mut row = String::new();
        write_cell(text, &mut row);
        assert_eq!(row, cell, "{text:?}");
    }

    #[test]
    fn no_cell_is_a_formula() {
        check("plain", "\"plain\"");
        check("say \"a,b\"", "\"say \"\"a,b\"\"\"");
        check("=HYPERLINK(1)", "\"'=HYPERLINK(1)\"");
        check("  =1", "\"'  =1\"");
        check("@SUM(A1)", "\"'@SUM(A1)\"");
        check("-1", "\"'-1\"");
        check("\t=1", "\"'\t=1\"");
        check("\u{ff1d}1", "\"'\u{ff1d}1\"");
        check("a=1", "\"a=1\"");
    }
}
