//! The audit log: one chain of records. Writers lock the row that stores the end of the chain.

use crate::connection::Connection;
use crate::error::SqlError;
use crate::statement::{for_update, int, values};
use crate::{Database, audit_search};
use application::identity::next_head;
use application::ports::identity::{
    AuditCursor, AuditLog, AuditQuery, AuditRecord, ChainPage, ChainPlace, IdentityError, NewAuditRecord,
    Projected,
};
use async_trait::async_trait;
use domain::{Digest, Revision};

/// The end of the chain, and the progress of the projection.
struct Chain {
    number: u64,
    head: Digest,
    projected: Revision,
}

async fn hold(transaction: &mut Connection) -> Result<Chain, SqlError> {
    let statement = for_update!("SELECT number, head, projected FROM audit_chain WHERE id = 1");
    let row = transaction.row(statement, &[]).await?.ok_or_else(|| SqlError::corrupt("audit_chain"))?;
    Ok(Chain {
        number: row.count("number")?,
        head: row.digest("head")?,
        projected: Revision(row.count("projected")?),
    })
}

/// Replaces NUL characters, which PostgreSQL cannot store. Otherwise a client could keep its own record out
/// of the audit log.
fn kept(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn kept_record(record: &NewAuditRecord) -> NewAuditRecord {
    NewAuditRecord {
        at: record.at,
        actor: kept(&record.actor),
        address: kept(&record.address),
        user_agent: kept(&record.user_agent),
        action: kept(&record.action),
        resource: kept(&record.resource),
        project: record.project.as_deref().map(kept),
        outcome: record.outcome,
        request_id: kept(&record.request_id),
        trace_id: kept(&record.trace_id),
        revision: record.revision,
        detail: kept(&record.detail),
    }
}

/// Appends records to the chain and stores its new end.
async fn write(
    transaction: &mut Connection,
    mut chain: Chain,
    records: &[NewAuditRecord],
) -> Result<(), SqlError> {
    for record in records {
        let record = kept_record(record);
        chain.number += 1;
        chain.head = next_head(chain.head, chain.number, &record);
        let insert = "INSERT INTO audit (number, at, actor, address, user_agent, action, resource, project,
                          outcome, request_id, trace_id, revision, revision_index, detail, head)
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
        let values = values![
            int(chain.number),
            record.at,
            record.actor,
            record.address,
            record.user_agent,
            record.action,
            record.resource,
            record.project,
            record.outcome.as_str(),
            record.request_id,
            record.trace_id,
            record.revision.map(|(revision, _)| int(revision.0)),
            record.revision.map(|(_, index)| i64::from(index)),
            record.detail,
            chain.head,
        ];
        transaction.execute(insert, &values).await?;
    }
    let update = "UPDATE audit_chain SET number = $1, head = $2, projected = $3 WHERE id = 1";
    let values = values![int(chain.number), chain.head, int(chain.projected.0)];
    transaction.execute(update, &values).await?;
    Ok(())
}

#[async_trait]
impl AuditLog for Database {
    async fn append(&self, records: &[NewAuditRecord]) -> Result<(), IdentityError> {
        if records.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        let chain = hold(&mut transaction).await?;
        write(&mut transaction, chain, records).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn project(
        &self,
        from: Revision,
        through: Revision,
        records: &[NewAuditRecord],
    ) -> Result<bool, IdentityError> {
        let mut transaction = self.begin().await?;
        let chain = hold(&mut transaction).await?;
        if chain.projected != from {
            return Ok(false);
        }
        let chain = Chain { projected: through, ..chain };
        write(&mut transaction, chain, records).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn projected(&self) -> Result<Projected, IdentityError> {
        let row = self.read_one("SELECT projected FROM audit_chain WHERE id = 1", &[]).await?;
        let row = row.ok_or_else(|| SqlError::corrupt("audit_chain"))?;
        Ok(Projected { revision: Revision(row.count("projected")?) })
    }

    async fn search(
        &self,
        query: &AuditQuery,
        before: Option<AuditCursor>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, IdentityError> {
        audit_search::search(self, query, before, limit).await
    }

    async fn chain(&self, from: u64, limit: u32) -> Result<ChainPage, IdentityError> {
        audit_search::chain(self, from, limit).await
    }

    async fn prune(&self, through: ChainPlace) -> Result<u64, IdentityError> {
        let mut transaction = self.begin().await?;
        hold(&mut transaction).await?;
        let place = values![int(through.number), through.head];
        if !transaction.any("SELECT number FROM audit WHERE number = $1 AND head = $2", &place).await? {
            return Ok(0);
        }
        let forget = "DELETE FROM audit WHERE number <= $1";
        let forgotten = transaction.execute(forget, &values![int(through.number)]).await?;
        let update = "UPDATE audit_chain SET pruned_number = $1, pruned_head = $2 WHERE id = 1";
        transaction.execute(update, &place).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }
}
