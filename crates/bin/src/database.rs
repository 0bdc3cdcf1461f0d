//! `guardian migrate` and `guardian audit verify`: the identity database without a node.

use crate::cli::{AuditArgs, AuditCommand, SettingsArgs};
use crate::out;
use crate::settings::{IdentitySettings, load};
use adapter_sql::Database;
use anyhow::{Context as _, bail};
use application::identity::verify_chain;
use application::ports::identity::AuditLog as _;

/// Records that are read at a time.
const RECORDS_AT_ONCE: u32 = 1000;

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
    let (mut from, mut first) = (1, None);
    loop {
        let (head, records) = database.chain(from, RECORDS_AT_ONCE).await?;
        let Some((begin, last)) = records.first().zip(records.last()) else { break };
        let (begin, last) = (begin.number, last.number);
        first.get_or_insert(begin);
        if let Err(bad) = verify_chain(head, begin, &records) {
            bail!("record {bad} is not what was written, or one before it is missing");
        }
        from = last + 1;
    }
    out::say(match first {
        Some(first) => format!("Records {first} to {} are as they were written.", from - 1),
        None => "There are no records.".to_owned(),
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
