//! Transactions, and rollbacks of environments.

use super::dto::transaction::{EnvironmentRollback, TransactionAnswer, TransactionBody};
use crate::extract::{Change, EnvironmentPath, JsonBody, ProjectPath, TransactionBytes};
use crate::openapi::{BODY, CHANGE, COMMON, IN_ENVIRONMENT, refusals};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use application::{RestoreEnvironment, Transact};
use axum::extract::State;
use axum::response::Response;
use domain::Revision;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(transact)).routes(routes!(restore_environment))
}

refusals! {
    Transacted: COMMON, CHANGE, BODY, IN_ENVIRONMENT, &[Code::ConfigNotFound, Code::VersionConflict,
        Code::ConfigRepeated, Code::Contended, Code::DocumentTooLarge, Code::QuotaExceeded, Code::UnknownSchema,
        Code::ValidationFailed, Code::SchemaCheckTooExpensive, Code::SchemaChecksBusy];
    Restored: COMMON, CHANGE, BODY, IN_ENVIRONMENT, &[Code::Contended, Code::DocumentTooLarge,
        Code::FutureRevision, Code::HistoryPruned, Code::QuotaExceeded, Code::TooManyChanges,
        Code::UnknownSchema, Code::ValidationFailed, Code::SchemaCheckTooExpensive, Code::SchemaChecksBusy];
}

/// Make several changes as one
///
/// All operations at one revision, or none. A refusal says in `operation` which one was refused; the
/// `errors` of `validation_failed` name the operation of each. The body may have 8 MiB.
#[utoipa::path(post, path = "/api/v1/projects/{project}/transactions", tag = "configs", params(ProjectPath),
    request_body = TransactionBody,
    responses((status = 200, description = "All operations were done", body = TransactionAnswer), Transacted),
    security(("bearer" = []), ("api_key" = [])))]
async fn transact(
    State(api): State<Api>,
    change: Change,
    path: ProjectPath,
    bytes: TransactionBytes,
) -> Result<Response, Problem> {
    let body: TransactionBody<'_> = bytes.parse()?;
    let steps = body.operations.into_iter().enumerate();
    let steps =
        steps.map(|(number, operation)| operation.step(number, &path.project)).collect::<Result<_, _>>()?;
    let request = Transact { steps, message: change.message(body.message.as_deref())? };
    let changed = api.app.transactions.transact(&change.with(&bytes), request).await?;
    let answer = TransactionAnswer::new(changed.revision.0, &changed.item);
    Ok(Reply::changed(StatusCode::OK, &answer, &changed)?.done())
}

/// Roll an environment back
///
/// As one transaction that makes every config what it was at a revision: what came since is deleted, what went
/// or changed is put back, each document checked against today's schema. At most 128 configs may differ. Try it
/// first with `dry_run=true`.
#[utoipa::path(post, path = "/api/v1/projects/{project}/environments/{environment}/rollback", tag = "configs",
    params(EnvironmentPath), request_body = EnvironmentRollback,
    responses((status = 200, description = "The environment is what it was", body = TransactionAnswer), Restored),
    security(("bearer" = []), ("api_key" = [])))]
async fn restore_environment(
    State(api): State<Api>,
    change: Change,
    path: EnvironmentPath,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: EnvironmentRollback = bytes.parse()?;
    let request = RestoreEnvironment {
        id: path.id(),
        to_revision: Revision(body.to_revision),
        message: change.message(body.message.as_deref())?,
    };
    let changed = api.app.transactions.restore(&change.with(&bytes), request).await?;
    let answer = TransactionAnswer::new(changed.revision.0, &changed.item);
    Ok(Reply::changed(StatusCode::OK, &answer, &changed)?.done())
}
