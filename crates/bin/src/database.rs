//! `guardian migrate` and `guardian audit verify`: the identity database without a node.

use crate::cli::{AuditArgs, AuditCommand, SettingsArgs};
use crate::out;
use crate::settings::{IdentitySettings, load};
use adapter_sql::Database;
use anyhow::{Context as _, bail};
use application::identity::verify_audit;

/// Brings the schema up to date.
pub fn migrate(args: &SettingsArgs) -> anyhow::Result<()> {
    let identity = settings(args)?;
    runtime()?.block_on(adapter_sql::migrate(&identity.database))?;
    out::say(format_args!("The identity database has schema version {}.", adapter_sql::schema_version()));
    Ok(())
}

/// Does what is asked with the audit.
pub fn audit(args: &AuditArgs) -> anyhow::Result<()> {
    let AuditCommand::Verify(args) = &args.command;
    let identity = settings(args)?;
    runtime()?.block_on(verify(&identity))
}

async fn verify(identity: &IdentitySettings) -> anyhow::Result<()> {
    let database = Database::open(&identity.database, false).await?;
    let verified = verify_audit(&database).await?;
    if let Some(bad) = verified.first_bad {
        bail!("record {bad} is not what was written, or it is missing");
    }
    let last = verified.last.number;
    out::say(match verified.records {
        0 => "There are no records.".to_owned(),
        records => format!("Records {} to {last} are as they were written.", last + 1 - records),
    });
    Ok(())
}

fn settings(args: &SettingsArgs) -> anyhow::Result<IdentitySettings> {
    load(&args.config, &args.overrides)?
        .identity
        .context("identity.database is not set: there is nothing here")
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("no thread")
}
