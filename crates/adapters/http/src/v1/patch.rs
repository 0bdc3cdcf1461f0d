//! Partial updates of configs.

use super::configs::written;
use super::dto::config::ConfigBody;
use super::dto::patch::JsonPatch;
use crate::extract::{Change, ConfigPath, Guard, PatchBody};
use crate::openapi::{BODY, CHANGE, COMMON, GUARDED, IN_ENVIRONMENT, refusals};
use crate::problem::{Code, Problem};
use crate::router::Api;
use application::PatchConfig;
use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(patch_config))
}

refusals! {
    Patched: COMMON, CHANGE, BODY, GUARDED, IN_ENVIRONMENT, &[Code::ConfigNotFound,
        Code::Contended, Code::DocumentTooLarge, Code::HistoryPruned, Code::PatchFailed, Code::QuotaExceeded,
        Code::UnknownSchema, Code::ValidationFailed, Code::SchemaCheckTooExpensive, Code::SchemaChecksBusy];
}

/// Patch a config
///
/// Changes a part of the document and leaves the text of everything else as it is, to the last digit of a
/// number. Either a merge patch (RFC 7396), whose members are set and whose `null`s remove, or a list of at most
/// 128 operations (RFC 6902), done in order, all or none. The result is held to the limits and the schema of a
/// document that is put. With `If-Match: *` the patch is done on whatever version there is.
#[utoipa::path(patch, path = "/api/v1/projects/{project}/environments/{environment}/configs/{key}",
    tag = "configs", params(ConfigPath,
        ("If-Match" = String, Header, pattern = "^([*]|\"(0|[1-9][0-9]{0,18})\")$", example = "*",
            description = "The version in quotes that it must have, or `*`")),
    request_body(content(
        (serde_json::Value = "application/merge-patch+json",
            example = json!({"max_items": 30, "burst": null})),
        (JsonPatch = "application/json-patch+json",
            example = json!([{"op": "test", "path": "/max_items", "value": 20},
                {"op": "replace", "path": "/max_items", "value": 30}])))),
    responses((status = 200, description = "The config after the change", body = ConfigBody,
        headers(("ETag" = String, description = "The version in quotes"))), Patched),
    security(("bearer" = []), ("api_key" = [])))]
async fn patch_config(
    State(api): State<Api>,
    change: Change,
    path: ConfigPath,
    Guard(expected): Guard,
    body: PatchBody,
) -> Result<Response, Problem> {
    let message = change.message(None)?;
    let request = PatchConfig { id: path.id(), patch: body.parse()?, expected, message };
    written(&api.app.configs.patch(&change.with_bytes(body.bytes()), request).await?)
}
