//! Email addresses of the actors in a response, as far as the caller may see them.

use super::optional::optional;
use crate::router::Api;
use application::RequestContext;
use application::ports::{Consistency, Freshness};
use domain::ProjectName;

/// An item of a response that names its actor.
pub(super) trait NamesActor {
    /// The actor.
    fn actor(&self) -> &str;

    /// Sets the e-mail address of the actor.
    fn set_email(&mut self, email: String);
}

/// Adds the email addresses of the actors that the caller may see. `project` is the project of the response;
/// `None` for the platform.
///
/// Stale responses get none: nothing confirms the rights of their callers, and they must not wait.
pub(super) async fn add_emails(
    api: &Api,
    ctx: &RequestContext,
    project: Option<&ProjectName>,
    freshness: Freshness,
    items: &mut [impl NamesActor],
) {
    let Some(identity) = &api.app.identity else { return };
    if freshness.consistency == Consistency::Stale {
        return;
    }
    let actors = items.iter().map(NamesActor::actor).collect();
    let emails = identity.emails.of_actors(ctx, project, actors);
    let Some(emails) = optional(emails).await else { return };
    for item in items {
        if let Some(email) = emails.get(item.actor()) {
            item.set_email(email.to_string());
        }
    }
}
