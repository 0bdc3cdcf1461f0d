//! Use cases on role bindings.

use super::Listed;
use super::record::Act;
use super::shared::{Asker, Shared};
use crate::ports::identity::{Binding, Member, Place, Subject};
use crate::{Error, RequestContext};
use domain::access::Scope;
use domain::{BuiltInRole, EnvironmentName, Permission, ProjectName, Resource, RoleName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Use cases on role bindings.
#[derive(Clone, Debug)]
pub struct Members {
    shared: Arc<Shared>,
}

/// A role to grant.
#[derive(Clone, Debug)]
pub struct PutMember {
    /// The place.
    pub place: Place,
    /// The holder.
    pub subject: Subject,
    /// The role.
    pub role: RoleName,
    /// The environments in its scope; `None` means all.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// The prefixes of config keys in its scope; `None` means all keys.
    pub key_prefixes: Option<BTreeSet<String>>,
}

impl Members {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The subjects with a role in exactly this place, in order.
    pub async fn list(
        &self,
        ctx: &RequestContext,
        place: &Place,
        after: Option<&Subject>,
        size: u32,
    ) -> Result<Listed<Member, Subject>, Error> {
        self.shared.may_see(ctx, place).await?;
        let found = self.shared.ports.roles.members(place, after, size.saturating_add(1)).await?;
        Ok(Listed::take(found, size, |member| member.binding.subject.clone()))
    }

    /// A subject with a role in exactly this place.
    pub async fn get(&self, ctx: &RequestContext, place: &Place, subject: &Subject) -> Result<Member, Error> {
        self.shared.may_see(ctx, place).await?;
        let found = self.shared.member(place, subject).await?;
        found.ok_or_else(|| Error::not_found("member", shown(subject)))
    }

    /// Grants a role and replaces the subject's earlier role in the place.
    pub async fn put(&self, ctx: &RequestContext, request: PutMember) -> Result<Binding, Error> {
        let shared = &*self.shared;
        let PutMember { place, subject, role, environments, key_prefixes } = request;
        let asker = shared.may_give(ctx, &place).await?;
        let scope = (environments.as_ref(), key_prefixes.as_ref());
        shared.within_own_role(&asker, &role, &place, scope).await?;
        if let Some(present) = shared.member(&place, &subject).await? {
            shared.not_above_role(&asker, &present.binding).await?;
        }
        if let Place::Project(project) = &place {
            shared.forgotten_before(&asker, project, environments.as_ref()).await?;
        }
        let (given_by, given_at) = (ctx.actor.to_string(), shared.now());
        let binding = Binding { subject, role, place, environments, key_prefixes, given_by, given_at };
        shared.ports.roles.bind(&binding).await?;
        shared.settle().await;
        let act = Act::done("role.bind", named(&binding.place))
            .within(project_of(&binding.place))
            .with("subject", shown(&binding.subject))
            .with("role", &binding.role);
        shared.acted(ctx, act).await;
        Ok(binding)
    }

    /// Revokes the role of a subject in a place.
    pub async fn delete(&self, ctx: &RequestContext, place: &Place, subject: &Subject) -> Result<(), Error> {
        let shared = &*self.shared;
        let asker = shared.may_give(ctx, place).await?;
        let missing = || Error::not_found("member", shown(subject));
        let present = shared.member(place, subject).await?.ok_or_else(missing)?;
        shared.not_above_role(&asker, &present.binding).await?;
        if !shared.ports.roles.unbind(subject, place).await? {
            return Err(missing());
        }
        shared.settle().await;
        let act = Act::done("role.unbind", named(place))
            .within(project_of(place))
            .with("subject", shown(subject))
            .with("role", &present.binding.role);
        shared.acted(ctx, act).await;
        Ok(())
    }
}

/// Members that are read at a time.
const PAGE: u32 = 1000;

impl Shared {
    /// Checks that the caller may read the role bindings in this place.
    async fn may_see(&self, ctx: &RequestContext, place: &Place) -> Result<Asker, Error> {
        let (permission, resource) = match place {
            Place::Platform => (Permission::MemberRead, Resource::Platform),
            Place::Organisation(_) => (Permission::OrganisationRead, Resource::Platform),
            Place::Project(project) => (Permission::MemberRead, Resource::Project(project)),
        };
        let asker = self.allowed(ctx, permission, resource).await?;
        exists(&asker, place)?;
        Ok(asker)
    }

    /// Checks that the caller may grant roles in this place.
    pub(super) async fn may_give(&self, ctx: &RequestContext, place: &Place) -> Result<Asker, Error> {
        let (permission, resource) = giving(place);
        let asker = self.may_change(ctx, permission, resource).await?;
        exists(&asker, place)?;
        Ok(asker)
    }

    /// Checks that the role may be granted in this place, and that the caller has all its permissions there.
    /// A role in an organisation extends to projects that it may own later, so the caller needs the
    /// permissions in all projects.
    pub(super) async fn within_own_role(
        &self,
        asker: &Asker,
        role: &RoleName,
        place: &Place,
        (environments, key_prefixes): (Option<&BTreeSet<EnvironmentName>>, Option<&BTreeSet<String>>),
    ) -> Result<(), Error> {
        let built_in = BuiltInRole::parse(role.as_str());
        let on_platform = *place == Place::Platform;
        if built_in.is_some_and(|built_in| (built_in == BuiltInRole::PlatformAdmin) != on_platform) {
            let message = format!("the role {role} is not given in this place");
            return Err(Error::Invalid { field: "role", message });
        }
        // A platform administrator with a limited scope would escape the check for the last administrator.
        if built_in == Some(BuiltInRole::PlatformAdmin) {
            let parts = [("environments", environments.is_some()), ("key_prefixes", key_prefixes.is_some())];
            if let Some((field, _)) = parts.into_iter().find(|(_, narrow)| *narrow) {
                let message = format!("the role {role} holds everywhere; leave this out");
                return Err(Error::Invalid { field, message });
            }
        }
        let permissions = self.permissions(role).await?;
        let project = match place {
            Place::Platform | Place::Organisation(_) => None,
            Place::Project(project) => Some(project),
        };
        self.within_own(asker, &permissions, Scope { project, environments, key_prefixes })
    }

    /// Checks that the caller has all permissions of an existing role binding.
    pub(super) async fn not_above_role(&self, asker: &Asker, binding: &Binding) -> Result<(), Error> {
        let permissions = self.permissions(&binding.role).await?;
        let project = match &binding.place {
            Place::Platform | Place::Organisation(_) => None,
            Place::Project(project) => Some(project),
        };
        let (environments, key_prefixes) = (binding.environments.as_ref(), binding.key_prefixes.as_ref());
        self.within_own(asker, &permissions, Scope { project, environments, key_prefixes })
    }

    /// The permissions of a role.
    pub(super) async fn permissions(&self, role: &RoleName) -> Result<BTreeSet<Permission>, Error> {
        if let Some(built_in) = BuiltInRole::parse(role.as_str()) {
            return Ok(built_in.permissions());
        }
        let custom = self.ports.roles.custom().await?.into_iter().find(|custom| custom.name == *role);
        Ok(custom.ok_or_else(|| Error::not_found("role", role))?.permissions)
    }

    /// The role binding of a subject in exactly this place.
    async fn member(&self, place: &Place, subject: &Subject) -> Result<Option<Member>, Error> {
        let mut after = None;
        loop {
            let page = self.ports.roles.members(place, after.as_ref(), PAGE).await?;
            let more = page.len() == PAGE as usize;
            let last = page.last().map(|member| member.binding.subject.clone());
            if let Some(found) = page.into_iter().find(|member| member.binding.subject == *subject) {
                return Ok(Some(found));
            }
            if !more || last.as_ref().is_some_and(|last| last > subject) {
                return Ok(None);
            }
            after = last;
        }
    }

    /// All role bindings in exactly this place.
    pub(super) async fn bindings(&self, place: &Place) -> Result<Vec<Binding>, Error> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.ports.roles.members(place, after.as_ref(), PAGE).await?;
            let more = page.len() == PAGE as usize;
            after = page.last().map(|member| member.binding.subject.clone());
            all.extend(page.into_iter().map(|member| member.binding));
            if !more {
                return Ok(all);
            }
        }
    }
}

/// The permission and resource required to grant roles in this place.
pub(super) fn giving(place: &Place) -> (Permission, Resource<'_>) {
    match place {
        Place::Platform => (Permission::MemberWrite, Resource::Platform),
        Place::Organisation(_) => (Permission::OrganisationWrite, Resource::Platform),
        Place::Project(project) => (Permission::MemberWrite, Resource::Project(project)),
    }
}

/// Checks that the project of the place exists.
fn exists(asker: &Asker, place: &Place) -> Result<(), Error> {
    match place {
        Place::Project(project) if asker.view.state.project(project).is_none() => {
            Err(Error::not_found("project", project))
        }
        _ => Ok(()),
    }
}

/// The project of a place.
pub(super) fn project_of(place: &Place) -> Option<&ProjectName> {
    match place {
        Place::Project(project) => Some(project),
        Place::Platform | Place::Organisation(_) => None,
    }
}

/// The place in its form for the audit log.
pub(super) fn named(place: &Place) -> String {
    match place {
        Place::Platform => "platform".to_owned(),
        Place::Organisation(name) => format!("organisation:{name}"),
        Place::Project(name) => format!("project:{name}"),
    }
}

/// The subject in its form for the audit log.
fn shown(subject: &Subject) -> String {
    match subject {
        Subject::User(user) => format!("user:{user}"),
        Subject::Group(group) => format!("group:{group}"),
    }
}
