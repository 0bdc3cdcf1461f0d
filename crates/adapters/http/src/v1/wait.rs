//! Waiting reads of a config.

use super::watch::enter;
use crate::extract::{Known, ReadQuery, WaitQuery};
use crate::problem::Problem;
use crate::router::Api;
use application::ports::{Consistency, Freshness};
use application::{ConfigDocument, Error, Moment, RequestContext};
use domain::{ConfigId, Version};
use tokio::time::{Instant, sleep_until};

/// Reads a config. Waits until it differs from what the reader has, or until the wait ends.
pub(super) async fn read(
    api: &Api,
    ctx: &RequestContext,
    id: &ConfigId,
    (read, wait): (&ReadQuery, &WaitQuery),
    known: &Known,
) -> Result<ConfigDocument, Problem> {
    let (asked, until) = (read.freshness(), Instant::now() + wait.wait);
    let first = api.app.configs.get(ctx, id, Moment::Now, asked).await;
    if wait.wait.is_zero() || !known.is_any() || !is_known(&first, known) {
        return Ok(first?);
    }
    let mut watching = enter(api, &ctx.actor, &id.project).await?;
    let mut signal = api.app.watches.follow(&id.environment_id());
    loop {
        // This node has reached the revision of the first read, so local reads suffice from here.
        let version = api.app.watches.version(ctx, id).await?;
        if !knows(version, known) {
            break;
        }
        tokio::select! {
            more = signal.changed() => if !more { break },
            () = sleep_until(until) => break,
            () = watching.stopped() => break,
        }
    }
    let mut document = api.app.configs.get(ctx, id, Moment::Now, Freshness::STALE).await?;
    if asked.consistency == Consistency::Linearizable {
        document.stale_for_ms = None;
    }
    Ok(document)
}

fn is_known(first: &Result<ConfigDocument, Error>, known: &Known) -> bool {
    match first {
        Ok(document) => knows(Some(document.shown.version), known),
        Err(Error::NotFound { what: "config", .. }) => knows(None, known),
        Err(_) => false,
    }
}

fn knows(version: Option<Version>, known: &Known) -> bool {
    version.map_or_else(|| known.has_nothing(), |version| known.has(version.0))
}
