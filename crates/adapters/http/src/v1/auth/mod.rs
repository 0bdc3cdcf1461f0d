//! Sign-ins: coming in, going on, going out, and what people do about themselves.

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
