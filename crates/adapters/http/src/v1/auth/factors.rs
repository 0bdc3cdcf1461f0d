//! Second factors: enrolment and removal.

use crate::extract::{Caller, JsonBody, NoQuery, Query};
use crate::openapi::{BODY, COMMON, PEOPLE, refusals};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use crate::v1::dto::people::auth::{CodeBody, EnrolBody, EnrolmentBody, ProofBody, RecoveryBody};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(begin_second_factor))
        .routes(routes!(confirm_second_factor))
        .routes(routes!(remove_second_factor))
        .routes(routes!(replace_recovery_codes))
}

refusals! {
    Begun: COMMON, PEOPLE, BODY, &[Code::TooManyAttempts, Code::Taken];
    Shown: COMMON, PEOPLE, BODY,
        &[Code::SecondFactorFailed, Code::SecondFactorNotFound, Code::SignInFailed, Code::TooManyAttempts, Code::Taken];
}

/// Begin to set up a second factor
///
/// The answer is the only one that shows the secret.
#[utoipa::path(post, path = "/api/v1/auth/second-factor/enrolment", tag = "auth", request_body = EnrolBody,
    responses((status = 201, description = "What the device needs", body = EnrolmentBody), Begun),
    security(("bearer" = []), ("api_key" = [])))]
async fn begin_second_factor(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: EnrolBody = bytes.parse()?;
    let enrolment = api.app.identity()?.factors.begin(&ctx, body.password.as_ref()).await?;
    Ok(Reply::json(StatusCode::CREATED, &EnrolmentBody::from(&enrolment))?.done())
}

/// Show that the device has the secret
///
/// From now on the second factor is needed.
#[utoipa::path(post, path = "/api/v1/auth/second-factor/confirmation", tag = "auth", request_body = CodeBody,
    responses((status = 200, description = "What stands in for it", body = RecoveryBody), Shown),
    security(("bearer" = []), ("api_key" = [])))]
async fn confirm_second_factor(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: CodeBody = bytes.parse()?;
    let confirmed = api.app.identity()?.factors.confirm(&ctx, &body.code).await?;
    Ok(Reply::json(StatusCode::OK, &RecoveryBody::from(&confirmed))?.done())
}

/// Take one's second factor away
#[utoipa::path(post, path = "/api/v1/auth/second-factor/removal", tag = "auth", request_body = ProofBody,
    responses((status = 204, description = "It is gone"), Shown),
    security(("bearer" = []), ("api_key" = [])))]
async fn remove_second_factor(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: ProofBody = bytes.parse()?;
    api.app.identity()?.factors.remove(&ctx, &body.password).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}

/// Have other recovery codes
///
/// The ones before end.
#[utoipa::path(post, path = "/api/v1/auth/second-factor/recovery-codes", tag = "auth",
    request_body = ProofBody,
    responses((status = 200, description = "The codes", body = RecoveryBody), Shown),
    security(("bearer" = []), ("api_key" = [])))]
async fn replace_recovery_codes(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: ProofBody = bytes.parse()?;
    let confirmed = api.app.identity()?.factors.regenerate(&ctx, &body.password).await?;
    Ok(Reply::json(StatusCode::OK, &RecoveryBody::from(&confirmed))?.done())
}
