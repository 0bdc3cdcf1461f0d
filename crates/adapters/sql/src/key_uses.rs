//! The last uses of API keys.

use crate::Database;
use crate::statement::{Statement, values};
use application::ports::identity::{IdentityError, KeyUses};
use async_trait::async_trait;
use domain::{ApiKeyId, KeyRef, ProjectName, Timestamp};

const SAVE: &str = "INSERT INTO api_key_uses (project, key_id, used_at) VALUES ($1, $2, $3)
    ON CONFLICT (project, key_id) DO UPDATE SET used_at = excluded.used_at
    WHERE excluded.used_at > api_key_uses.used_at";

const PRUNE: Statement = Statement {
    postgres: "DELETE FROM api_key_uses WHERE (project, key_id) IN (
                   SELECT project, key_id FROM api_key_uses WHERE used_at < $1
                   ORDER BY project, key_id LIMIT $2 FOR UPDATE SKIP LOCKED)",
    sqlite: "DELETE FROM api_key_uses WHERE (project, key_id) IN (
                 SELECT project, key_id FROM api_key_uses WHERE used_at < $1
                 ORDER BY project, key_id LIMIT $2)",
};

/// The value of the column `project`, which is empty for the platform.
fn column(project: Option<&ProjectName>) -> &str {
    project.map_or("", ProjectName::as_str)
}

#[async_trait]
impl KeyUses for Database {
    async fn save(&self, uses: &[(KeyRef, Timestamp)]) -> Result<(), IdentityError> {
        // All nodes save the keys in the same order, which avoids deadlocks.
        let mut uses = uses.to_vec();
        uses.sort();
        let mut transaction = self.begin().await?;
        for (key, at) in uses {
            let values = values![column(key.project.as_ref()), key.id.as_str(), at];
            transaction.execute(SAVE, &values).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn last(
        &self,
        project: Option<&ProjectName>,
        first: &ApiKeyId,
        last: &ApiKeyId,
    ) -> Result<Vec<(ApiKeyId, Timestamp)>, IdentityError> {
        let select = "SELECT key_id, used_at FROM api_key_uses
                      WHERE project = $1 AND key_id >= $2 AND key_id <= $3 ORDER BY key_id";
        let rows = self.read(select, &values![column(project), first.as_str(), last.as_str()]).await?;
        let uses = rows.iter().map(|row| Ok((row.parsed("key_id", ApiKeyId::parse)?, row.time("used_at")?)));
        uses.collect()
    }

    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError> {
        let mut transaction = self.begin().await?;
        let deleted = transaction.execute(PRUNE, &values![before, limit]).await?;
        transaction.commit().await?;
        Ok(deleted)
    }
}
