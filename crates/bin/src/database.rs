//! `guardian migrate` and `guardian audit verify`: commands on the identity database.

use crate::cli::{AuditArgs, AuditCommand, SettingsArgs};
use crate::settings::{IdentitySettings, load};
use crate::{anchor, out};
use adapter_sql::Database;
use anyhow::{Context as _, bail};
use application::identity::verify_audit;
use std::path::Path;
use std::time::Duration;

/// Maximum time until a node has stored a new anchor in its data folder.
const ANCHOR_KEPT_WITHIN: Duration = Duration::from_secs(5);
const NO_DATABASE: &str = "identity.database is not set: there is nothing here";

/// Migrates the database schema to the current version.
pub fn migrate(args: &SettingsArgs) -> anyhow::Result<()> {
    let identity = settings(args)?;
    runtime()?.block_on(async {
        adapter_sql::migrate(&identity.database).await?;
        Database::open(&identity.database, false).await.map(drop)
    })?;
    out::say(format_args!("The identity database has schema version {}.", adapter_sql::schema_version()));
    Ok(())
}

/// Runs an audit command.
pub fn audit(args: &AuditArgs) -> anyhow::Result<()> {
    let AuditCommand::Verify(args) = &args.command;
    let settings = load(&args.config, &args.overrides)?;
    let data_dir = settings.data_dir.clone();
    let identity = settings.identity.context(NO_DATABASE)?;
    runtime()?.block_on(verify(&identity, &data_dir))
}

async fn verify(identity: &IdentitySettings, data_dir: &Path) -> anyhow::Result<()> {
    let database = Database::open(&identity.database, false).await?;
    let mut anchor = anchor::read(data_dir)?;
    let verified = loop {
        let verified = verify_audit(&database, anchor.as_ref()).await?;
        if verified.first_bad.is_some() {
            // Longer than a node needs to store an anchor that another node set before it pruned records.
            tokio::time::sleep(ANCHOR_KEPT_WITHIN).await;
        }
        let newer = anchor::read(data_dir)?;
        // Records may have been pruned meanwhile, under a newer anchor.
        if verified.first_bad.is_none() || newer == anchor {
            break verified;
        }
        anchor = newer;
    };
    if let Some(bad) = verified.first_bad {
        bail!("record {bad} is not what was written, or it is missing");
    }
    out::say(match anchor {
        Some(anchor) => format!("The cluster vouches for records {} to {}.", anchor.cut.number + 1, anchor.end.number),
        None => "This node's data folder has no anchor of the audit, so nobody knows whether its beginning or its end \
                 is missing."
            .to_owned(),
    });
    let last = verified.last.number;
    out::say(match verified.records {
        0 => "There are no records.".to_owned(),
        records => format!("Records {} to {last} are as they were written.", last + 1 - records),
    });
    Ok(())
}

fn settings(args: &SettingsArgs) -> anyhow::Result<IdentitySettings> {
    load(&args.config, &args.overrides)?.identity.context(NO_DATABASE)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("no thread")
}
