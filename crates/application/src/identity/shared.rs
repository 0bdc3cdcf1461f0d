//! What every service on people needs: the ports, who may do what, and the end of every change.

use super::{IdentityRules, cache::GrantCache, queue::AuditQueue, refusals::Refusals};
use crate::ports::identity as port;
use crate::ports::{ConsensusError, Freshness, View};
use crate::{Core, Error, Ports, RequestContext};
use domain::access::{Denied, Scope, holds};
use domain::{Actor, Permission, Resource, Timestamp, UserId};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What the services on people need of the world, beside [`Ports`].
#[derive(Clone)]
pub struct IdentityPorts {
    /// People.
    pub users: Arc<dyn port::Users>,
    /// The e-mail addresses of many users at once.
    pub emails: Arc<dyn port::Emails>,
    /// Coming in for the first time.
    pub admissions: Arc<dyn port::Admissions>,
    /// What the replicated state must still be told.
    pub outbox: Arc<dyn port::EpochOutbox>,
    /// Sessions.
    pub sessions: Arc<dyn port::Sessions>,
    /// Roles.
    pub roles: Arc<dyn port::Roles>,
    /// Groups.
    pub groups: Arc<dyn port::Groups>,
    /// Organisations.
    pub organisations: Arc<dyn port::Organisations>,
    /// Second factors.
    pub factors: Arc<dyn port::SecondFactors>,
    /// Who is who at the providers.
    pub external: Arc<dyn port::ExternalIdentities>,
    /// Slowing down those who guess.
    pub throttle: Arc<dyn port::Throttle>,
    /// The last uses of API keys.
    pub key_uses: Arc<dyn port::KeyUses>,
    /// The audit.
    pub audit: Arc<dyn port::AuditLog>,
    /// Hashes passwords.
    pub passwords: Arc<dyn port::PasswordHasher>,
    /// Says which passwords may be chosen.
    pub password_rules: Arc<dyn port::PasswordRules>,
    /// Signs access tokens.
    pub access: Arc<dyn port::AccessTokens>,
    /// Mints opaque tokens.
    pub opaque: Arc<dyn port::OpaqueTokens>,
    /// Seals challenges.
    pub sealer: Arc<dyn port::Sealer>,
    /// Computes codes.
    pub totp: Arc<dyn port::Totp>,
    /// Talks to identity providers.
    pub providers: Arc<dyn port::IdentityProviders>,
    /// Counts.
    pub observer: Arc<dyn port::IdentityObserver>,
}

impl fmt::Debug for IdentityPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityPorts").finish_non_exhaustive()
    }
}

/// What every service on people shares.
pub(super) struct Shared {
    pub(super) core: Core,
    pub(super) ports: IdentityPorts,
    pub(super) rules: IdentityRules,
    pub(super) grants: GrantCache,
    pub(super) queue: AuditQueue,
    pub(super) refusals: Refusals,
    /// The revision up to which the audit was when somebody last looked.
    pub(super) reached: AtomicU64,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// Somebody who was allowed something, and by what view of the world.
pub(super) struct Asker {
    pub(super) ctx: RequestContext,
    pub(super) view: View,
}

impl Shared {
    pub(super) fn new(core: &Ports, ports: IdentityPorts, rules: IdentityRules) -> Self {
        let core =
            Core { consensus: core.consensus.clone(), state: core.state.clone(), env: core.env.clone() };
        Self {
            core,
            ports,
            rules,
            grants: GrantCache::default(),
            queue: AuditQueue::default(),
            refusals: Refusals::default(),
            reached: AtomicU64::new(0),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.core.env.clock.now()
    }

    /// The newest view there is; whether no leader confirmed it.
    pub(super) async fn view(&self) -> Result<(View, bool), Error> {
        match self.core.state.view(Freshness::LINEARIZABLE).await {
            Ok(view) => Ok((view, false)),
            Err(ConsensusError::Failed(source)) => Err(Error::Internal(source)),
            Err(_) => Ok((self.core.state.view(Freshness::STALE).await?, true)),
        }
    }

    /// Fails unless the actor is known. Without a leader nobody can tell this node of rights that were taken, so
    /// a person's are looked up where they are kept.
    pub(super) async fn known(&self, ctx: &RequestContext) -> Result<Asker, Error> {
        let (view, unconfirmed) = self.view().await?;
        let mut ctx = ctx.clone();
        ctx.known(&view, self.now())?;
        if let (Actor::User(user), true) = (&ctx.actor, unconfirmed) {
            let live = match &ctx.session {
                Some(session) => self.ports.sessions.is_live(session, self.now()).await?,
                None => false,
            };
            if !live {
                return Err(Denied::Outdated.into());
            }
            let epoch = view.state.epoch(user);
            ctx.person = Some(Arc::new(self.rights_of(user, epoch).await?));
        }
        Ok(Asker { ctx, view })
    }

    /// Fails unless the actor may use `permission` on `resource`.
    pub(super) async fn allowed(
        &self,
        ctx: &RequestContext,
        permission: Permission,
        resource: Resource<'_>,
    ) -> Result<Asker, Error> {
        let asker = self.known(ctx).await?;
        asker.ctx.require(&asker.view, permission, resource, self.now())?;
        Ok(asker)
    }

    /// The same for what changes something here, where nothing can be tried.
    pub(super) async fn may_change(
        &self,
        ctx: &RequestContext,
        permission: Permission,
        resource: Resource<'_>,
    ) -> Result<Asker, Error> {
        only_meant(ctx)?;
        self.allowed(ctx, permission, resource).await
    }

    /// The person who asks, who must be one.
    pub(super) async fn person(&self, ctx: &RequestContext) -> Result<(UserId, Asker), Error> {
        let asker = self.known(ctx).await?;
        match &ctx.actor {
            Actor::User(user) => Ok((user.clone(), asker)),
            Actor::System | Actor::ApiKey(_) => Err(Error::Forbidden(Denied::OutOfScope)),
        }
    }

    /// The same, who must have a second factor if one is required.
    pub(super) async fn enrolled(&self, ctx: &RequestContext) -> Result<(port::User, Asker), Error> {
        only_meant(ctx)?;
        let (id, asker) = self.person(ctx).await?;
        let user = self.user(&id).await?;
        if self.must_enrol(&user).await? {
            return Err(Error::SecondFactorRequired);
        }
        Ok((user, asker))
    }

    /// Fails unless the asker has all of these rights, everywhere in the scope.
    pub(super) fn within_own(
        &self,
        asker: &Asker,
        permissions: &BTreeSet<Permission>,
        scope: Scope<'_>,
    ) -> Result<(), Error> {
        if holds(&asker.view.state, asker.ctx.principal(), permissions, scope, self.now())? {
            Ok(())
        } else {
            Err(Error::BeyondOwnRights)
        }
    }

    /// Fails unless the asker may do everything everywhere.
    pub(super) fn has_everything(&self, asker: &Asker) -> Result<(), Error> {
        self.within_own(asker, &Permission::ALL.iter().copied().collect(), EVERYWHERE)
    }

    /// Fails unless the asker has all the rights that this person has or gets once their organisations own a
    /// project. What somebody who may not come in would have again is not known, so that takes everything.
    pub(super) async fn not_above(&self, asker: &Asker, user: &port::User) -> Result<(), Error> {
        if user.status == port::UserStatus::Deactivated {
            return self.has_everything(asker);
        }
        for grant in self.ports.roles.grants(&user.id, port::Reach::Ever).await? {
            self.within_own(asker, &grant.permissions, grant.scope())?;
        }
        Ok(())
    }

    pub(super) async fn user(&self, id: &UserId) -> Result<port::User, Error> {
        self.ports.users.get(id).await?.ok_or_else(|| Error::not_found("user", id))
    }

    /// Whether the person must set up a second factor before anything else.
    pub(super) async fn must_enrol(&self, user: &port::User) -> Result<bool, Error> {
        let required =
            user.second_factor_required || self.ports.organisations.requires_second_factor(&user.id).await?;
        Ok(required && !self.has_factor(&user.id).await?)
    }

    pub(super) async fn has_factor(&self, user: &UserId) -> Result<bool, Error> {
        Ok(self.ports.factors.get(user).await?.is_some_and(|factor| factor.confirmed))
    }
}

/// The platform and every project.
pub(super) const EVERYWHERE: Scope<'static> = Scope { project: None, environments: None, key_prefixes: None };

/// Refuses what an administrator does for others only, for it asks for no proof.
pub(super) fn not_oneself(ctx: &RequestContext, user: &UserId, does: &str) -> Result<(), Error> {
    if ctx.actor == Actor::User(user.clone()) {
        return Err(Error::Invalid { field: "user", message: format!("nobody {does}") });
    }
    Ok(())
}

/// Refuses to try what cannot be tried.
pub(super) fn only_meant(ctx: &RequestContext) -> Result<(), Error> {
    if ctx.dry_run {
        let message = "changes of people and their rights cannot be tried".to_owned();
        return Err(Error::Invalid { field: "dry_run", message });
    }
    Ok(())
}
