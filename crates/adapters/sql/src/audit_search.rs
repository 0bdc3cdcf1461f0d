//! Reading the audit: by what is looked for, and in its order for a check of the chain.

use crate::Database;
use crate::error::SqlError;
use crate::row::Row;
use crate::statement::{int, values};
use application::ports::identity::{
    AuditCursor, AuditOutcome, AuditQuery, AuditRecord, IdentityError, NewAuditRecord,
};
use domain::{Digest, Revision, Timestamp};

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

/// What a text of a query looks for: exactly this, or everything that begins so. One of the two is `None`.
fn exactly_or_prefix(text: Option<&str>) -> (Option<&str>, Option<&str>) {
    match text.map(|text| text.strip_suffix('*').ok_or(text)) {
        None => (None, None),
        Some(Ok(prefix)) => (None, Some(prefix)),
        Some(Err(exactly)) => (Some(exactly), None),
    }
}

/// Every filter is there and does nothing when its value is `NULL`, so the text never depends on what a client
/// asks. Prefixes are compared as text: `LIKE` has characters of its own, and does not mind case in SQLite.
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

/// Records that match, the newest first.
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

/// Records in their order, and the head of the one before the first.
pub(crate) async fn chain(
    database: &Database,
    from: u64,
    limit: u32,
) -> Result<(Digest, Vec<AuditRecord>), IdentityError> {
    // The one before the first comes along, so that both are of the same moment.
    let page = select_records!("WHERE number >= $1 ORDER BY number LIMIT $2");
    let start = int(from.max(1) - 1);
    let rows = database.read(page, &values![start, int(u64::from(limit) + 1)]).await?;
    let mut records = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
    if records.first().is_some_and(|first| first.number < from) {
        return Ok((records.remove(0).head, records));
    }
    records.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let row =
        database.read_one("SELECT number, head, pruned_head FROM audit_chain WHERE id = 1", &[]).await?;
    let row = row.ok_or_else(|| SqlError::corrupt("audit_chain"))?;
    // Nothing from there on: the head of the last record; else what was forgotten ends where these begin.
    let column =
        if records.is_empty() && row.count::<u64>("number")? < from { "head" } else { "pruned_head" };
    Ok((row.digest(column)?, records))
}
