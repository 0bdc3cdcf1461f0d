//! The cluster and its members.

use super::dto::cluster::{
    ClusterBody, LeaderBody, LogFilterBody, MemberBody, MemberChange, NewMemberBody, TransferBody,
};
use crate::extract::{Caller, JsonBody, MemberPath, NoQuery, Query};
use crate::openapi::{BODY, CHANGE, COMMON, refusals};
use crate::outside::LogControl;
use crate::page::List;
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use application::ports::Freshness;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_cluster))
        .routes(routes!(list_members, add_member))
        .routes(routes!(update_member, remove_member))
        .routes(routes!(transfer_leadership))
        .routes(routes!(get_log_filter, set_log_filter))
}

refusals! {
    Read: COMMON, &[Code::Unavailable];
    Logged: COMMON, BODY, &[Code::Unavailable];
    Added: COMMON, CHANGE, BODY, &[Code::QuotaExceeded, Code::Contended, Code::MemberExists,
        Code::MemberNotJoining, Code::MemberRemoved, Code::MemberBehind, Code::MemberUnreachable];
    Updated: COMMON, CHANGE, BODY, &[Code::InvalidName, Code::MemberNotFound, Code::Contended, Code::MemberExists,
        Code::MemberNotJoining, Code::MemberRemoved, Code::MemberUnreachable];
    Removed: COMMON, CHANGE, &[Code::InvalidName, Code::MemberNotFound, Code::Contended, Code::LastVoter,
        Code::QuorumAtRisk, Code::QuotaExceeded];
    Transferred: COMMON, CHANGE, BODY, &[Code::MemberNotFound, Code::Contended, Code::NoSuccessor];
}

/// Read the cluster
///
/// The members as the answering node sees them; answers without a leader too. Ids are strings, because
/// they are numbers beyond 2^53.
#[utoipa::path(get, path = "/api/v1/cluster", tag = "cluster",
    responses((status = 200, description = "The cluster", body = ClusterBody), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_cluster(
    State(api): State<Api>,
    Caller(ctx): Caller,
    _: Query<NoQuery>,
) -> Result<Response, Problem> {
    let (status, view) = api.app.cluster.status(&ctx).await?;
    let reply = Reply::json(StatusCode::OK, &ClusterBody::new(&status, &view))?;
    Ok(reply.seen(view.state.revision(), Freshness::STALE, view.stale_for_ms).done())
}

/// List the members
///
/// As the answering node sees them, by id; always one page.
#[utoipa::path(get, path = "/api/v1/cluster/members", tag = "cluster",
    responses((status = 200, description = "The members", body = List<MemberBody>), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_members(
    State(api): State<Api>,
    Caller(ctx): Caller,
    _: Query<NoQuery>,
) -> Result<Response, Problem> {
    let (status, view) = api.app.cluster.status(&ctx).await?;
    let members: Vec<MemberBody> = status.members.iter().map(Into::into).collect();
    let reply = Reply::json(StatusCode::OK, &List::whole(members))?;
    Ok(reply.seen(view.state.revision(), Freshness::STALE, view.stale_for_ms).done())
}

/// Add a member
///
/// The machine runs already, with `cluster.join` and an empty data folder. It first takes part without a
/// vote, gets what the others have, and then its vote; the answer comes after that. Repeating the request
/// is safe, and goes on where an earlier one stopped, also after `member_behind` and `outcome_unknown`.
/// The id of a member that was removed is never used again.
#[utoipa::path(post, path = "/api/v1/cluster/members", tag = "cluster", request_body = NewMemberBody,
    responses(
        (status = 201, description = "It is a member", body = MemberBody,
            headers(("Location" = String, description = "Where it is"))),
        (status = 200, description = "It was one before, with the same name and addresses", body = MemberBody),
        Added),
    security(("bearer" = []), ("api_key" = [])))]
async fn add_member(
    State(api): State<Api>,
    Caller(ctx): Caller,
    _: Query<NoQuery>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let new = body.parse::<NewMemberBody>()?.member()?;
    let location = format!("/api/v1/cluster/members/{}", new.id);
    let added = api.app.cluster.add_member(&ctx, new).await?;
    let body = MemberBody::from(&added.member);
    let reply = if added.created {
        Reply::json(StatusCode::CREATED, &body)?.location(location)
    } else {
        Reply::json(StatusCode::OK, &body)?
    };
    Ok(reply.revision(added.revision).done())
}

/// Change the addresses of a member
///
/// The member runs at the new address already (`peer.listen` in its settings), and must answer the leader there.
/// What is left out stays.
#[utoipa::path(patch, path = "/api/v1/cluster/members/{member}", tag = "cluster", params(MemberPath),
    request_body = MemberChange,
    responses((status = 200, description = "The member", body = MemberBody), Updated),
    security(("bearer" = []), ("api_key" = [])))]
async fn update_member(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: MemberPath,
    _: Query<NoQuery>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let change = body.parse::<MemberChange>()?.change(path.member)?;
    let member = api.app.cluster.update_member(&ctx, change).await?;
    Ok(Reply::json(StatusCode::OK, &MemberBody::from(&member.item))?.revision(member.revision).done())
}

/// Remove a member
///
/// For good: its id never joins again. A leader hands over first. Refused when it is the last member with
/// a vote, and when too few of the others answer to go on without it.
#[utoipa::path(delete, path = "/api/v1/cluster/members/{member}", tag = "cluster", params(MemberPath),
    responses((status = 204, description = "It is no member any more"), Removed),
    security(("bearer" = []), ("api_key" = [])))]
async fn remove_member(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: MemberPath,
    _: Query<NoQuery>,
) -> Result<Response, Problem> {
    let revision = api.app.cluster.remove_member(&ctx, path.member).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).revision(revision).done())
}

/// Hand over the leadership
///
/// To a member that has a vote, answers and has what the others have. Writes wait for a moment.
#[utoipa::path(post, path = "/api/v1/cluster/leadership-transfer", tag = "cluster", request_body = TransferBody,
    responses((status = 200, description = "Who leads now", body = LeaderBody), Transferred),
    security(("bearer" = []), ("api_key" = [])))]
async fn transfer_leadership(
    State(api): State<Api>,
    Caller(ctx): Caller,
    _: Query<NoQuery>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let to = body.parse::<TransferBody>()?.to()?;
    let (leader, revision) = api.app.cluster.transfer_leadership(&ctx, to).await?;
    if let Ok(identity) = api.app.identity() {
        identity.audit.led(&ctx, leader).await;
    }
    let reply = Reply::json(StatusCode::OK, &LeaderBody { leader_id: leader.to_string() })?;
    Ok(reply.revision(revision).done())
}

/// Read what this node logs
///
/// Of the node that answers alone.
#[utoipa::path(get, path = "/api/v1/cluster/log-filter", tag = "cluster",
    responses((status = 200, description = "The filter", body = LogFilterBody), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_log_filter(
    State(api): State<Api>,
    Caller(ctx): Caller,
    _: Query<NoQuery>,
) -> Result<Response, Problem> {
    let (_, view) = api.app.cluster.status(&ctx).await?;
    let filter = log(&api)?.filter().ok_or_else(no_log)?;
    let reply = Reply::json(StatusCode::OK, &LogFilterBody { filter })?;
    Ok(reply.seen(view.state.revision(), Freshness::STALE, view.stale_for_ms).done())
}

/// Change what this node logs
///
/// Of the node that answers alone, until it ends or reads its settings again (SIGHUP); works without a leader.
#[utoipa::path(put, path = "/api/v1/cluster/log-filter", tag = "cluster", request_body = LogFilterBody,
    responses((status = 200, description = "The filter from now on", body = LogFilterBody), Logged),
    security(("bearer" = []), ("api_key" = [])))]
async fn set_log_filter(
    State(api): State<Api>,
    Caller(ctx): Caller,
    _: Query<NoQuery>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let LogFilterBody { filter } = body.parse()?;
    let revision = api.app.cluster.may_operate(&ctx).await?;
    let set = log(&api)?.set(&filter);
    set.map_err(|detail| Problem::new(Code::InvalidBody, detail).with("field", "filter"))?;
    if let Ok(identity) = api.app.identity() {
        identity.audit.logs(&ctx, &filter).await;
    }
    Ok(Reply::json(StatusCode::OK, &LogFilterBody { filter })?.revision(revision).done())
}

fn log(api: &Api) -> Result<&dyn LogControl, Problem> {
    api.outside.edge.log.0.as_deref().ok_or_else(no_log)
}

fn no_log() -> Problem {
    Problem::new(Code::Unavailable, "logging is not set up in this process")
}
