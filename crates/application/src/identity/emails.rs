//! Adds e-mail addresses to the ids of actors, in the history and in the audit log.

use super::shared::{Asker, Shared};
use crate::ports::Freshness;
use crate::ports::identity::VisibleEmails;
use crate::{Error, RequestContext};
use domain::{Actor, Email, Permission, ProjectName, Resource, UserId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Use cases on the e-mail addresses of actors.
#[derive(Clone, Debug)]
pub struct Emails {
    shared: Arc<Shared>,
}

impl Emails {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The visible e-mail addresses of actors in a response on `project`, or on the platform with `None`. The
    /// keys are the given actor names (`user:<id>`).
    ///
    /// - `actors` is at most one page.
    /// - Never fails: addresses that cannot be read are left out.
    /// - Reads the database once, and not at all if the caller may see none of the addresses.
    pub async fn of_actors(
        &self,
        ctx: &RequestContext,
        project: Option<&ProjectName>,
        actors: BTreeSet<&str>,
    ) -> BTreeMap<String, Email> {
        let users = actors.into_iter().filter_map(|actor| UserId::parse(actor.strip_prefix("user:")?).ok());
        match self.of_users(ctx, project, users.collect()).await {
            Ok(found) => found.into_iter().map(|(id, email)| (Actor::User(id).to_string(), email)).collect(),
            Err(error) => {
                tracing::debug!(%error, "e-mail addresses of actors are left out");
                BTreeMap::new()
            }
        }
    }

    async fn of_users(
        &self,
        ctx: &RequestContext,
        project: Option<&ProjectName>,
        users: BTreeSet<UserId>,
    ) -> Result<BTreeMap<UserId, Email>, Error> {
        let shared = &*self.shared;
        let is_one_visible = |visible: &VisibleEmails| {
            let others = visible.everybody || visible.members || visible.organisations;
            let own = visible.own.as_ref().is_some_and(|own| users.contains(own));
            own || (!users.is_empty() && (others || visible.project.is_some()))
        };
        // The state of this node is enough to see that no address is visible.
        let here = Asker { ctx: ctx.clone(), view: shared.core.state.view(Freshness::STALE).await? };
        if !is_one_visible(&shared.visible_emails(&here, project)) {
            return Ok(BTreeMap::new());
        }
        let visible = shared.visible_emails(&shared.known(ctx).await?, project);
        if !is_one_visible(&visible) {
            return Ok(BTreeMap::new());
        }
        Ok(shared.ports.emails.emails(&users, &visible).await?)
    }
}

impl Shared {
    /// The users whose e-mail addresses the caller may see in a response on `project`, or on the platform
    /// with `None`. They are those that another operation also returns to the caller:
    ///
    /// | Caller | sees the address of | as in |
    /// |---|---|---|
    /// | a user | itself | `Account::me` |
    /// | `platform:user:read` on the platform | every user | `Users::list` |
    /// | `project:member:read` in the project | users with a role in the project | `Members::list` |
    /// | `project:member:read` on the platform | users with a role on the platform or in any project | the same |
    /// | `platform:organisation:read` on the platform | users with a role in any organisation | the same |
    ///
    /// All other callers see none. A permission in one project shows nothing in responses on another, and
    /// `audit:record:read` shows nothing.
    fn visible_emails(&self, asker: &Asker, project: Option<&ProjectName>) -> VisibleEmails {
        let Asker { ctx, view } = asker;
        let may =
            |permission, resource: Resource<'_>| ctx.require(view, permission, resource, self.now()).is_ok();
        let own = match &ctx.actor {
            Actor::User(user) if ctx.known(view, self.now()).is_ok() => Some(user.clone()),
            _ => None,
        };
        let reads_members = |project: &&ProjectName| may(Permission::MemberRead, Resource::Project(project));
        VisibleEmails {
            everybody: may(Permission::UserRead, Resource::Platform),
            own,
            project: project.filter(reads_members).cloned(),
            members: may(Permission::MemberRead, Resource::Platform),
            organisations: may(Permission::OrganisationRead, Resource::Platform),
        }
    }
}
