//! Invitations.

use crate::extract::{Caller, InvitationPath, JsonBody, NoQuery, Query};
use crate::openapi::{BODY, COMMON, PEOPLE, refusals};
use crate::page::List;
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use crate::v1::dto::people::user::{InvitationBody, InvitedBody, NewInvitationBody};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_invitations, invite)).routes(routes!(revoke_invitation))
}

refusals! {
    Listed: COMMON, PEOPLE;
    Made: COMMON, PEOPLE, BODY, &[Code::InvalidName, Code::RegistrationClosed, Code::Taken, Code::QuotaExceeded, Code::BeyondOwnRights, Code::RoleNotFound, Code::ProjectNotFound, Code::OrganisationNotFound];
    Revoked: COMMON, PEOPLE, &[Code::InvalidName, Code::InvitationNotFound];
}

/// List open invitations
///
/// The newest first, never their tokens.
#[utoipa::path(get, path = "/api/v1/invitations", tag = "users",
    responses((status = 200, description = "The invitations", body = List<InvitationBody>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_invitations(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let invitations = api.app.identity()?.users.invitations(&ctx).await?;
    let items = invitations.iter().map(Into::into).collect();
    Ok(Reply::json(StatusCode::OK, &List::<InvitationBody>::whole(items))?.done())
}

/// Invite somebody
///
/// To the platform, or into a project or an organisation with a role. The answer is the only one that shows the token.
#[utoipa::path(post, path = "/api/v1/invitations", tag = "users",
    request_body = NewInvitationBody,
    responses((status = 201, description = "The invitation with its token", body = InvitedBody), Made),
    security(("bearer" = []), ("api_key" = [])))]
async fn invite(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let request = bytes.parse::<NewInvitationBody>()?.request()?;
    let invited = api.app.identity()?.users.invite(&ctx, request).await?;
    Ok(Reply::json(StatusCode::CREATED, &InvitedBody::from(&invited))?.done())
}

/// Take an invitation back
#[utoipa::path(delete, path = "/api/v1/invitations/{invitation}", tag = "users", params(InvitationPath),
    responses((status = 204, description = "It is gone"), Revoked),
    security(("bearer" = []), ("api_key" = [])))]
async fn revoke_invitation(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: InvitationPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    api.app.identity()?.users.revoke_invitation(&ctx, &path.invitation).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}
