//! Version 1 of the API: one file per kind of resource, bodies in `dto`.

mod actors;
mod api_keys;
mod audit;
mod auth;
mod bindings;
mod cluster;
mod configs;
mod diff;
mod dto;
mod environments;
mod export;
mod history;
mod import;
mod lists;
mod optional;
mod patch;
mod people;
mod projects;
mod rollback;
mod schemas;
mod sending;
mod shares;
mod transactions;

pub(crate) use dto::effect::{DryRunBody, Nothing, Tried};
mod wait;
mod watch;
mod watchers;

pub(crate) use dto::transfer::{ImportAnswer, RefusedLine};
pub(crate) use import::{IMPORT_ROUTE, IMPORT_TIMEOUT, Imports};
pub(crate) use sending::Sending;
pub(crate) use watchers::Watchers;

use crate::router::Api;
use utoipa_axum::router::OpenApiRouter;

/// Every operation below `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(projects::routes())
        .merge(environments::routes())
        .merge(schemas::routes())
        .merge(configs::routes())
        .merge(lists::routes())
        .merge(bindings::routes())
        .merge(patch::routes())
        .merge(watch::routes())
        .merge(history::routes())
        .merge(diff::routes())
        .merge(rollback::routes())
        .merge(transactions::routes())
        .merge(export::routes())
        .merge(import::routes())
        .merge(api_keys::routes())
        .merge(auth::routes())
        .merge(people::routes())
        .merge(audit::routes())
        .merge(cluster::routes())
}
