//! Reading the audit log: by a filter, and in order for verification.

use crate::Database;
use crate::error::SqlError;
use crate::row::Row;
use crate::statement::{int, values};
use application::ports::identity::{
    AuditCursor, AuditOutcome, AuditQuery, AuditRecord, ChainPage, ChainPlace, IdentityError, NewAuditRecord,
};
use domain::{Revision, Timestamp};

/// The columns that [`record`] reads.
macro_rules! select_records {
    ($rest:literal) => {
        concat!(
            "SELECT number, at, actor, address, user_agent, action, resource, project, outcome, request_id,
                    trace_id, revision, revision_index, detail, head FROM audit ",
            $rest
        )
    };
}

fn record(row: &Row) -> Result<AuditRecord, SqlError> {
    let outcome = row.text("outcome")?;
    let revision: Option<i64> = row.get("revision")?;
    let revision = match revision {
        None => None,
        Some(_) => Some((Revision(row.count("revision")?), row.count("revision_index")?)),
    };
    Ok(AuditRecord {
        number: row.count("number")?,
        record: NewAuditRecord {
            at: row.time("at")?,
            actor: row.text("actor")?,
            address: row.text("address")?,
            user_agent: row.text("user_agent")?,
            action: row.text("action")?,
            resource: row.text("resource")?,
            project: row.get("project")?,
            outcome: AuditOutcome::parse(&outcome).ok_or_else(|| SqlError::corrupt("outcome"))?,
            request_id: row.text("request_id")?,
            trace_id: row.text("trace_id")?,
            revision,
            detail: row.text("detail")?,
        },
        head: row.digest("head")?,
    })
}

/// Splits a filter into an exact text or a prefix. At most one of the two is `Some`.
fn exactly_or_prefix(text: Option<&str>) -> (Option<&str>, Option<&str>) {
    match text.map(|text| text.strip_suffix('*').ok_or(text)) {
        None => (None, None),
        Some(Ok(prefix)) => (None, Some(prefix)),
        Some(Err(exactly)) => (Some(exactly), None),
    }
}

/// Contains every filter; one whose value is `NULL` has no effect, so the statement never depends on the
/// request. Prefixes are compared with `substr`: `LIKE` has wildcards, and ignores case in SQLite.
const SEARCH: &str = select_records!(
    "WHERE number < $1
       AND ($2 IS NULL OR actor = $2)
       AND ($3 IS NULL OR action = $3)
       AND ($4 IS NULL OR substr(action, 1, length($4)) = $4)
       AND ($5 IS NULL OR resource = $5)
       AND ($6 IS NULL OR substr(resource, 1, length($6)) = $6)
       AND ($7 IS NULL OR project = $7)
       AND ($8 IS NULL OR outcome = $8)
       AND ($9 IS NULL OR at >= $9)
       AND ($10 IS NULL OR at < $10)
     ORDER BY number DESC LIMIT $11"
);

/// The matching records, the newest first.
pub(crate) async fn search(
    database: &Database,
    query: &AuditQuery,
    before: Option<AuditCursor>,
    limit: u32,
) -> Result<Vec<AuditRecord>, IdentityError> {
    let (action, action_prefix) = exactly_or_prefix(query.action.as_deref());
    let (resource, resource_prefix) = exactly_or_prefix(query.resource.as_deref());
    let time = |time: Option<Timestamp>| time.map(|time| time.0);
    let values = values![
        before.map_or(i64::MAX, int),
        query.actor.as_deref(),
        action,
        action_prefix,
        resource,
        resource_prefix,
        query.project.as_deref(),
        query.outcome.map(AuditOutcome::as_str),
        time(query.from),
        time(query.until),
        limit,
    ];
    let rows = database.read(SEARCH, &values).await?;
    Ok(rows.iter().map(record).collect::<Result<_, _>>()?)
}

/// Each record with the start and the end of the chain; one row without a record if there is none.
const CHAIN: &str = "SELECT c.pruned_number, c.pruned_head, c.number AS end_number, c.head AS end_head,
        a.number, a.at, a.actor, a.address, a.user_agent, a.action, a.resource, a.project, a.outcome,
        a.request_id, a.trace_id, a.revision, a.revision_index, a.detail, a.head
    FROM audit_chain c
    LEFT JOIN (SELECT * FROM audit WHERE number >= $1 ORDER BY number LIMIT $2) a ON TRUE
    WHERE c.id = 1 ORDER BY a.number";

/// The records in order, with the start and the end of the chain.
pub(crate) async fn chain(database: &Database, from: u64, limit: u32) -> Result<ChainPage, IdentityError> {
    let rows = database.read(CHAIN, &values![int(from), limit]).await?;
    let first = rows.first().ok_or_else(|| SqlError::corrupt("audit_chain"))?;
    let place = |number: &str, head: &str| {
        Ok::<_, SqlError>(ChainPlace { number: first.count(number)?, head: first.digest(head)? })
    };
    let (forgotten, end) = (place("pruned_number", "pruned_head")?, place("end_number", "end_head")?);
    let empty = first.get::<Option<i64>>("number")?.is_none();
    let records = if empty { Vec::new() } else { rows.iter().map(record).collect::<Result<_, _>>()? };
    Ok(ChainPage { forgotten, end, records })
}
