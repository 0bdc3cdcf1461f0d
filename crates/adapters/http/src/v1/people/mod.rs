//! Administration of users, roles, groups and organisations.

mod groups;
mod invitations;
mod members;
mod organisations;
mod roles;
mod users;

use crate::router::Api;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(users::routes())
        .merge(invitations::routes())
        .merge(members::routes())
        .merge(roles::routes())
        .merge(groups::routes())
        .merge(organisations::routes())
}
