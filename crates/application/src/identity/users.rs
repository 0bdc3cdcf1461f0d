//! Use cases of administrators on users.

use super::members::{named, project_of};
use super::record::Act;
use super::rights::later;
use super::shared::{Asker, Shared, not_oneself};
use super::{INVITATIONS_MAX, Listed, RegistrationMode};
use crate::ports::identity::{
    IdentityError, Invitation, NewUser, Place, Session, TokenKind, User, UserChange, UserStatus,
};
use crate::{Error, RequestContext};
use domain::access::Scope;
use domain::{Actor, Digest, Email, KeyLabel, Permission, Resource, RoleName, SessionId, Timestamp, UserId};
use secrecy::SecretString;
use std::sync::Arc;

/// Use cases of administrators on users.
#[derive(Clone, Debug)]
pub struct Users {
    shared: Arc<Shared>,
}

/// A user to create.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// The e-mail address.
    pub email: Email,
    /// The display name.
    pub name: KeyLabel,
    /// The initial password. Without one, the user signs in through a provider, or sets a password by a
    /// reset.
    pub password: Option<SecretString>,
    /// Whether this user must use a second factor.
    pub second_factor_required: bool,
}

/// An invitation to create.
#[derive(Clone, Debug)]
pub struct Invite {
    /// The address of the invited user.
    pub email: Email,
    /// The role that the user gets, and where.
    pub role: Option<(RoleName, Place)>,
}

/// A created invitation.
#[derive(Clone, Debug)]
pub struct Invited {
    /// The invitation.
    pub invitation: Invitation,
    /// Its token; returned only once.
    pub token: SecretString,
}

/// A password reset.
#[derive(Clone, Debug)]
pub struct Reset {
    /// The token with which the user sets a password; returned only once, valid once.
    pub token: SecretString,
    /// The time of expiry.
    pub expires_at: Timestamp,
}

impl Users {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Creates a user.
    pub async fn create(&self, ctx: &RequestContext, request: CreateUser) -> Result<User, Error> {
        let shared = &*self.shared;
        shared.may_change(ctx, Permission::UserWrite, Resource::Platform).await?;
        let CreateUser { email, name, password, second_factor_required } = request;
        let new = if let Some(password) = &password {
            shared.new_user(email, name, password).await?
        } else {
            let (id, at) = (shared.core.env.ids.user_id(), shared.now());
            NewUser { id, email, name, password: None, identity: None, second_factor_required, at }
        };
        let user = shared.ports.users.create(&NewUser { second_factor_required, ..new }).await?;
        shared.settle().await;
        shared.acted(ctx, Act::done("user.create", &user.id).with("email", &user.email)).await;
        Ok(user)
    }

    /// Invites a user, optionally with a role.
    pub async fn invite(&self, ctx: &RequestContext, request: Invite) -> Result<Invited, Error> {
        let shared = &*self.shared;
        match &request.role {
            Some((role, place)) => {
                let asker = shared.may_give(ctx, place).await?;
                shared.within_own_role(&asker, role, place, (None, None)).await?;
                if let Place::Project(project) = place {
                    shared.forgotten_before(&asker, project, None).await?;
                }
            }
            None => drop(shared.may_change(ctx, Permission::UserWrite, Resource::Platform).await?),
        }
        if shared.rules.registration == RegistrationMode::Closed {
            return Err(Error::RegistrationClosed);
        }
        self.may_replace(ctx, &request).await?;
        if shared.ports.users.by_email(&request.email).await?.is_some() {
            return Err(Error::Taken("email"));
        }
        let token = shared.ports.opaque.mint(TokenKind::Invitation);
        let created_at = shared.now();
        let invitation = Invitation {
            token: token.digest,
            email: request.email,
            role: request.role,
            invited_by: ctx.actor.to_string(),
            created_at,
            expires_at: later(created_at, shared.rules.invitation),
        };
        shared.ports.admissions.invite(&invitation).await?;
        let role = invitation.role.as_ref();
        let act = Act::done("user.invite", &invitation.email)
            .within(role.and_then(|(_, place)| project_of(place)))
            .with("role", role.map_or_else(String::new, |(role, place)| format!("{role} {}", named(place))));
        shared.acted(ctx, act).await;
        Ok(Invited { invitation, token: token.secret })
    }

    /// The open invitations, the newest first.
    pub async fn invitations(&self, ctx: &RequestContext) -> Result<Vec<Invitation>, Error> {
        self.shared.allowed(ctx, Permission::UserRead, Resource::Platform).await?;
        let limit = u32::try_from(INVITATIONS_MAX).unwrap_or(u32::MAX);
        Ok(self.shared.ports.admissions.invitations(self.shared.now(), limit).await?)
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Revokes an invitation. The caller must have all rights that it gives.
    pub async fn revoke_invitation(&self, ctx: &RequestContext, invitation: &Digest) -> Result<(), Error> {
        let asker = self.shared.may_change(ctx, Permission::UserWrite, Resource::Platform).await?;
        let found = self.shared.ports.admissions.invitation(invitation).await?;
        let found = found.ok_or_else(|| Error::not_found("invitation", invitation))?;
        self.not_above_invitation(&asker, &found).await?;
        if !self.shared.ports.admissions.revoke(invitation).await? {
            return Err(Error::not_found("invitation", invitation));
        }
        self.shared.acted(ctx, Act::done("user.uninvite", invitation)).await;
        Ok(())
    }

    /// A user.
    pub async fn get(&self, ctx: &RequestContext, user: &UserId) -> Result<User, Error> {
        self.shared.allowed(ctx, Permission::UserRead, Resource::Platform).await?;
        self.shared.user(user).await
    }

    /// The users, by id.
    pub async fn list(
        &self,
        ctx: &RequestContext,
        after: Option<&UserId>,
        size: u32,
    ) -> Result<Listed<User, UserId>, Error> {
        self.shared.allowed(ctx, Permission::UserRead, Resource::Platform).await?;
        let found = self.shared.ports.users.list(after, size.saturating_add(1)).await?;
        Ok(Listed::take(found, size, |user| user.id.clone()))
    }

    /// Changes a user. The caller must have all rights of the user.
    pub async fn change(
        &self,
        ctx: &RequestContext,
        user: &UserId,
        change: UserChange,
    ) -> Result<User, Error> {
        let shared = &*self.shared;
        let (_, before) = self.other(ctx, user).await?;
        // The result contains the whole user.
        shared.allowed(ctx, Permission::UserRead, Resource::Platform).await?;
        if let Some(UserStatus::Deactivated) = change.status
            && ctx.actor == Actor::User(user.clone())
        {
            let message = "nobody deactivates themselves".to_owned();
            return Err(Error::Invalid { field: "status", message });
        }
        let changed = match shared.ports.users.change(user, &change, shared.now()).await {
            Err(IdentityError::Missing("user")) => return Err(Error::not_found("user", user)),
            changed => changed?,
        };
        shared.settle().await;
        let deactivated = change.status == Some(UserStatus::Deactivated);
        let action = if deactivated { "user.deactivate" } else { "user.change" };
        let status = match changed.status {
            UserStatus::Active => "active",
            UserStatus::Deactivated => "deactivated",
        };
        let act = Act::done(action, user).with("changed", fields(&before, &changed)).with("status", status);
        shared.acted(ctx, act).await;
        Ok(changed)
    }

    /// Deactivates a user: ends all sessions and refuses sign-ins. The history and the audit still name the
    /// user.
    pub async fn deactivate(&self, ctx: &RequestContext, user: &UserId) -> Result<User, Error> {
        let status = Some(UserStatus::Deactivated);
        self.change(ctx, user, UserChange { status, ..UserChange::default() }).await
    }

    /// The live sessions of a user, the newest first.
    pub async fn sessions(&self, ctx: &RequestContext, user: &UserId) -> Result<Vec<Session>, Error> {
        self.shared.allowed(ctx, Permission::UserRead, Resource::Platform).await?;
        self.shared.user(user).await?;
        Ok(self.shared.ports.sessions.list(user, self.shared.now()).await?)
    }

    /// Ends a session of a user, or all with `None`. Returns the number.
    pub async fn end_sessions(
        &self,
        ctx: &RequestContext,
        user: &UserId,
        session: Option<&SessionId>,
    ) -> Result<u64, Error> {
        let shared = &*self.shared;
        self.other(ctx, user).await?;
        let ended = match session {
            Some(session) if shared.ports.sessions.end(user, session).await? => 1,
            Some(session) => return Err(Error::not_found("session", session)),
            None => shared.ports.sessions.end_all(user, None).await?,
        };
        shared.settle().await;
        let act = match session {
            Some(session) => Act::done("session.end", user).with("session", session),
            None => Act::done("session.end_all", user).with("ended", ended),
        };
        shared.acted(ctx, act).await;
        Ok(ended)
    }

    /// Issues a token with which the user sets a new password. The administrator never learns that password.
    pub async fn reset_password(&self, ctx: &RequestContext, user: &UserId) -> Result<Reset, Error> {
        let (_, other) = self.other(ctx, user).await?;
        not_oneself(ctx, user, "resets their own password like this; change it")?;
        if other.status == UserStatus::Deactivated {
            let message = "the person is deactivated".to_owned();
            return Err(Error::Invalid { field: "status", message });
        }
        let (token, expires_at) = self.shared.reset_token(&ctx.actor, user).await?;
        self.shared.acted(ctx, Act::done("user.reset_password", user)).await;
        Ok(Reset { token, expires_at })
    }

    /// An invitation replaces one for the same address and place. The caller must have all rights that the
    /// replaced one gives.
    async fn may_replace(&self, ctx: &RequestContext, request: &Invite) -> Result<(), Error> {
        let limit = u32::try_from(INVITATIONS_MAX).unwrap_or(u32::MAX);
        let open = self.shared.ports.admissions.invitations(self.shared.now(), limit).await?;
        let place = |role: &Option<(RoleName, Place)>| role.as_ref().map(|(_, place)| place.clone());
        let same =
            |open: &&Invitation| open.email == request.email && place(&open.role) == place(&request.role);
        let Some(present) = open.iter().find(same) else { return Ok(()) };
        let asker = self.shared.known(ctx).await?;
        self.not_above_invitation(&asker, present).await
    }

    async fn not_above_invitation(&self, asker: &Asker, invitation: &Invitation) -> Result<(), Error> {
        let Some((role, place)) = &invitation.role else { return Ok(()) };
        let permissions = match self.shared.permissions(role).await {
            // The role was deleted, so the invitation gives nothing.
            Err(Error::NotFound { .. }) => return Ok(()),
            permissions => permissions?,
        };
        let scope = Scope { project: project_of(place), environments: None, key_prefixes: None };
        self.shared.within_own(asker, &permissions, scope)
    }

    /// Checks that the caller may change this user, and has all rights of the user.
    async fn other(&self, ctx: &RequestContext, user: &UserId) -> Result<(Asker, User), Error> {
        let asker = self.shared.may_change(ctx, Permission::UserWrite, Resource::Platform).await?;
        let other = self.shared.user(user).await?;
        self.shared.not_above(&asker, &other).await?;
        Ok((asker, other))
    }
}

/// The names of the changed fields, for the audit record.
fn fields(before: &User, after: &User) -> String {
    let fields = [
        ("email", before.email != after.email),
        ("name", before.name != after.name),
        ("status", before.status != after.status),
        ("second_factor_required", before.second_factor_required != after.second_factor_required),
    ];
    fields.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect::<Vec<_>>().join(" ")
}
