//! Sign-in, refresh, sign-out, and operations of users on their own accounts.

mod account;
mod external;
mod factors;
mod signing;

use crate::router::Api;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(signing::routes())
        .merge(account::routes())
        .merge(factors::routes())
        .merge(external::routes())
}
