//! The common part of the identity services: ports, authorisation, audit.

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

/// The ports of the identity services, in addition to [`Ports`].
#[derive(Clone)]
pub struct IdentityPorts {
    /// User accounts.
    pub users: Arc<dyn port::Users>,
    /// E-mail addresses in bulk.
    pub emails: Arc<dyn port::Emails>,
    /// Registration and invitations.
    pub admissions: Arc<dyn port::Admissions>,
    /// The outbox of epochs to raise.
    pub outbox: Arc<dyn port::EpochOutbox>,
    /// Sessions and refresh tokens.
    pub sessions: Arc<dyn port::Sessions>,
    /// Custom roles and role bindings.
    pub roles: Arc<dyn port::Roles>,
    /// Groups of users.
    pub groups: Arc<dyn port::Groups>,
    /// Organisations and the projects that they own.
    pub organisations: Arc<dyn port::Organisations>,
    /// Second factors.
    pub factors: Arc<dyn port::SecondFactors>,
    /// External identities and pending sign-ins.
    pub external: Arc<dyn port::ExternalIdentities>,
    /// Throttling of failed attempts.
    pub throttle: Arc<dyn port::Throttle>,
    /// The last uses of API keys.
    pub key_uses: Arc<dyn port::KeyUses>,
    /// The audit log.
    pub audit: Arc<dyn port::AuditLog>,
    /// Hashing of passwords.
    pub passwords: Arc<dyn port::PasswordHasher>,
    /// Rules for new passwords.
    pub password_rules: Arc<dyn port::PasswordRules>,
    /// Access tokens.
    pub access: Arc<dyn port::AccessTokens>,
    /// Opaque tokens.
    pub opaque: Arc<dyn port::OpaqueTokens>,
    /// Challenges and reset tokens.
    pub sealer: Arc<dyn port::Sealer>,
    /// Time-based one-time passwords.
    pub totp: Arc<dyn port::Totp>,
    /// Identity providers.
    pub providers: Arc<dyn port::IdentityProviders>,
    /// Metrics.
    pub observer: Arc<dyn port::IdentityObserver>,
}

impl fmt::Debug for IdentityPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityPorts").finish_non_exhaustive()
    }
}

/// The common part of all identity services.
pub(super) struct Shared {
    pub(super) core: Core,
    pub(super) ports: IdentityPorts,
    pub(super) rules: IdentityRules,
    pub(super) grants: GrantCache,
    pub(super) queue: AuditQueue,
    pub(super) refusals: Refusals,
    /// The last completely copied revision at the latest read of the projector's progress.
    pub(super) reached: AtomicU64,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// An authenticated caller, and the view in which it was checked.
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

    /// The newest available view, and whether it is unconfirmed: true if no leader confirmed it.
    pub(super) async fn view(&self) -> Result<(View, bool), Error> {
        match self.core.state.view(Freshness::LINEARIZABLE).await {
            Ok(view) => Ok((view, false)),
            Err(ConsensusError::Failed(source)) => Err(Error::Internal(source)),
            Err(_) => Ok((self.core.state.view(Freshness::STALE).await?, true)),
        }
    }

    /// Authenticates the caller. Without a leader this node may have missed raised epochs, so it looks up the
    /// session and the rights of a user in the database.
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

    /// Checks that the caller has `permission` on `resource`.
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

    /// As [`Self::allowed`], for changes, which do not support dry runs.
    pub(super) async fn may_change(
        &self,
        ctx: &RequestContext,
        permission: Permission,
        resource: Resource<'_>,
    ) -> Result<Asker, Error> {
        only_meant(ctx)?;
        self.allowed(ctx, permission, resource).await
    }

    /// The user who is the caller. Fails for other principals.
    pub(super) async fn person(&self, ctx: &RequestContext) -> Result<(UserId, Asker), Error> {
        let asker = self.known(ctx).await?;
        match &ctx.actor {
            Actor::User(user) => Ok((user.clone(), asker)),
            Actor::System | Actor::ApiKey(_) => Err(Error::Forbidden(Denied::OutOfScope)),
        }
    }

    /// The same; fails also if the user must first set up a second factor.
    pub(super) async fn enrolled(&self, ctx: &RequestContext) -> Result<(port::User, Asker), Error> {
        only_meant(ctx)?;
        let (id, asker) = self.person(ctx).await?;
        let user = self.user(&id).await?;
        if self.must_enrol(&user).await? {
            return Err(Error::SecondFactorRequired);
        }
        Ok((user, asker))
    }

    /// Checks that the caller has all of these permissions in the whole scope.
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

    /// Checks that the caller has all permissions everywhere.
    pub(super) fn has_everything(&self, asker: &Asker) -> Result<(), Error> {
        self.within_own(asker, &Permission::ALL.iter().copied().collect(), EVERYWHERE)
    }

    /// Checks that the caller has all rights that the user has, or would have if the user's organisations
    /// owned more projects. The rights that a deactivated user would regain are unknown, so this requires all
    /// permissions.
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

    /// Whether the user must set up a second factor before anything else.
    pub(super) async fn must_enrol(&self, user: &port::User) -> Result<bool, Error> {
        let required =
            user.second_factor_required || self.ports.organisations.requires_second_factor(&user.id).await?;
        Ok(required && !self.has_factor(&user.id).await?)
    }

    pub(super) async fn has_factor(&self, user: &UserId) -> Result<bool, Error> {
        Ok(self.ports.factors.get(user).await?.is_some_and(|factor| factor.confirmed))
    }
}

/// The scope of the platform and all projects.
pub(super) const EVERYWHERE: Scope<'static> = Scope { project: None, environments: None, key_prefixes: None };

/// Refuses an administrator's action on the own account: it would bypass the check of the password.
pub(super) fn not_oneself(ctx: &RequestContext, user: &UserId, does: &str) -> Result<(), Error> {
    if ctx.actor == Actor::User(user.clone()) {
        return Err(Error::Invalid { field: "user", message: format!("nobody {does}") });
    }
    Ok(())
}

/// Refuses dry runs where they are not supported.
pub(super) fn only_meant(ctx: &RequestContext) -> Result<(), Error> {
    if ctx.dry_run {
        let message = "changes of people and their rights cannot be tried".to_owned();
        return Err(Error::Invalid { field: "dry_run", message });
    }
    Ok(())
}
