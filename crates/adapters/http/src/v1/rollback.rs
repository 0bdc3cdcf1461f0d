//! Rollback of a config to an earlier version.

use super::configs::written;
use super::dto::config::{ConfigBody, RollbackBody};
use crate::extract::{Change, ConfigPath, JsonBody, RollbackGuard};
use crate::openapi::{BODY, CHANGE, COMMON, GUARDED, IN_ENVIRONMENT, refusals};
use crate::problem::{Code, Problem};
use crate::router::Api;
use application::Rollback;
use axum::extract::State;
use axum::response::Response;
use domain::Version;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(rollback_config))
}

refusals! {
    RolledBack: COMMON, CHANGE, BODY, GUARDED, IN_ENVIRONMENT, &[Code::ConfigNotFound, Code::VersionNotFound,
        Code::Contended, Code::HistoryPruned, Code::QuotaExceeded, Code::UnknownSchema, Code::ValidationFailed, Code::SchemaCheckTooExpensive, Code::SchemaChecksBusy];
}

/// Roll a config back
///
/// Makes a new version with the document of an earlier one, checked against today's schema. A deleted config comes
/// back with `If-None-Match: *`, and then follows the newest version of the schema that it had.
#[utoipa::path(post, path = "/api/v1/projects/{project}/environments/{environment}/configs/{key}/rollback",
    tag = "configs", params(ConfigPath,
        ("If-Match" = Option<String>, Header, pattern = "^([*]|\"(0|[1-9][0-9]{0,18})\")$", example = "*",
            description = "The version in quotes that it must have, or `*`"),
        ("If-None-Match" = Option<String>, Header, pattern = "^[*]$",
            description = "`*`: it must have been deleted")),
    request_body = RollbackBody,
    responses((status = 201, description = "The config that is back", body = ConfigBody,
        headers(("ETag" = String, description = "The version in quotes"),
            ("Location" = String, description = "Where it is"))), (status = 200, description = "The config after the change", body = ConfigBody,
        headers(("ETag" = String, description = "The version in quotes"))), RolledBack),
    security(("bearer" = []), ("api_key" = [])))]
async fn rollback_config(
    State(api): State<Api>,
    change: Change,
    path: ConfigPath,
    RollbackGuard(expected): RollbackGuard,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: RollbackBody = bytes.parse()?;
    let request = Rollback {
        id: path.id(),
        to_version: Version(body.to_version),
        expected,
        message: change.message(body.message.as_deref())?,
    };
    written(&api.app.configs.rollback(&change.with(&bytes), request).await?)
}
