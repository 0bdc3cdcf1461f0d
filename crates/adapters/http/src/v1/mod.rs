//! Version 1 of the API: one file per family of resources, bodies in `dto`.

mod api_keys;
mod cluster;
mod configs;
mod diff;
mod dto;
mod environments;
mod history;
mod patch;
mod projects;
mod rollback;
mod schemas;
mod transactions;

pub(crate) use dto::effect::{DryRunBody, Nothing, Tried};

use crate::router::Api;
use utoipa_axum::router::OpenApiRouter;

/// Every operation below `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(projects::routes())
        .merge(environments::routes())
        .merge(schemas::routes())
        .merge(configs::routes())
        .merge(patch::routes())
        .merge(history::routes())
        .merge(diff::routes())
        .merge(rollback::routes())
        .merge(transactions::routes())
        .merge(api_keys::routes())
        .merge(cluster::routes())
}
