//! Binding of many configs to a schema.

use super::dto::config::BindingsBody;
use super::dto::transaction::TransactionAnswer;
use crate::extract::{Change, EnvironmentPath, JsonBody};
use crate::openapi::{BODY, CHANGE, COMMON, IN_ENVIRONMENT, refusals};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use application::BindConfigs;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(bind_configs))
}

refusals! {
    Bound: COMMON, CHANGE, BODY, IN_ENVIRONMENT, &[Code::Contended, Code::DocumentTooLarge, Code::QuotaExceeded,
        Code::TooManyChanges, Code::UnknownSchema, Code::ValidationFailed, Code::SchemaCheckTooExpensive,
        Code::SchemaChecksBusy];
}

/// Bind configs to a schema
///
/// All configs of the environment that are among `keys` or start with one of `prefixes`, as one transaction, each
/// document checked against the schema; `null` as schema unbinds them. Those that are bound like that already stay
/// as they are and are not among the results. At most 128 configs may differ. Needs the rights to read and to write
/// all of them.
#[utoipa::path(post, path = "/api/v1/projects/{project}/environments/{environment}/bindings", tag = "configs",
    params(EnvironmentPath), request_body = BindingsBody,
    responses((status = 200, description = "All of them are bound", body = TransactionAnswer), Bound),
    security(("bearer" = []), ("api_key" = [])))]
async fn bind_configs(
    State(api): State<Api>,
    change: Change,
    path: EnvironmentPath,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: BindingsBody = bytes.parse()?;
    let message = change.message(body.message.as_deref())?;
    let (filter, binding) = body.what()?;
    let request = BindConfigs { environment: path.id(), filter, binding, message };
    let changed = api.app.transactions.bind(&change.with(&bytes), request).await?;
    let answer = TransactionAnswer::new(changed.revision.0, &changed.item);
    Ok(Reply::changed(StatusCode::OK, &answer, &changed)?.done())
}
