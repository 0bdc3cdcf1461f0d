//! The tables of all identity stores, in memory.

use crate::identity::GROUP_DEPTH_MAX;
use crate::ports::identity::{
    AuditRecord, Binding, ChainPlace, CustomRole, ExternalIdentity, Group, IdentityError, Invitation,
    Organisation, PasswordHash, PendingEpoch, PendingSignIn, Place, Projected, Reach, SecondFactor, Session,
    Subject, User, UserStatus,
};
use domain::{
    BuiltInRole, Digest, EnvironmentId, Grant, GroupName, KeyRef, OrganisationName, Permission, ProjectName,
    RoleName, SessionId, Timestamp, UserId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// All identity stores in memory. Each sees the changes of the others at once.
#[derive(Debug, Default)]
pub struct MemoryPeople(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tables: Tables,
    unavailable: bool,
    audit_away: bool,
}

/// The error of an unavailable database.
#[derive(Debug, thiserror::Error)]
#[error("the test took the database away")]
struct Away;

#[derive(Clone, Debug)]
pub(super) struct KeptSession {
    pub(super) session: Session,
    pub(super) newest: Digest,
    /// The used tokens, the latest last.
    pub(super) used: Vec<Digest>,
    /// The time and the client of the last rotation.
    pub(super) rotated: Option<(Timestamp, crate::ports::identity::ClientInfo)>,
    pub(super) ended: bool,
}

/// A failed or pending attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Failure {
    pub(super) at: Timestamp,
    pub(super) pending: bool,
}

impl KeptSession {
    pub(super) fn is_live(&self, at: Timestamp) -> bool {
        !self.ended && at < self.session.idle_at && at < self.session.ends_at
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub(super) users: BTreeMap<UserId, (User, Option<PasswordHash>)>,
    pub(super) invitations: BTreeMap<Digest, Invitation>,
    pub(super) outbox: Vec<PendingEpoch>,
    pub(super) outbox_last: i64,
    pub(super) sessions: BTreeMap<SessionId, KeptSession>,
    pub(super) bindings: BTreeMap<(Place, Subject), Binding>,
    pub(super) custom: BTreeMap<RoleName, CustomRole>,
    pub(super) groups: BTreeMap<GroupName, Group>,
    pub(super) grouped: BTreeSet<(GroupName, UserId)>,
    pub(super) organisations: BTreeMap<OrganisationName, Organisation>,
    pub(super) owners: BTreeMap<ProjectName, OrganisationName>,
    pub(super) factors: BTreeMap<UserId, (SecondFactor, BTreeSet<Digest>)>,
    pub(super) identities: BTreeMap<ExternalIdentity, UserId>,
    pub(super) pending: Vec<PendingSignIn>,
    /// The networks of each user, with the time of the last sign-in from each.
    pub(super) networks: BTreeMap<UserId, BTreeMap<String, Timestamp>>,
    /// Failures by key, the oldest first.
    pub(super) failures: BTreeMap<String, Vec<Failure>>,
    pub(super) key_uses: BTreeMap<KeyRef, Timestamp>,
    pub(super) audit: Vec<AuditRecord>,
    pub(super) forgotten: ChainPlace,
    pub(super) end: ChainPlace,
    pub(super) projected: Projected,
}

impl MemoryPeople {
    /// Makes the database unavailable, or available again with its content.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.inner().unavailable = unavailable;
    }

    /// Makes writes of audit records fail, or succeed again; everything else works.
    pub fn set_audit_away(&self, away: bool) {
        self.inner().audit_away = away;
    }

    pub(super) fn audit_is_there(&self) -> Result<(), IdentityError> {
        if self.inner().audit_away { Err(IdentityError::Unavailable(Box::new(Away))) } else { Ok(()) }
    }

    /// Alters audit records, bypassing the chain.
    pub fn tamper(&self, alter: impl FnOnce(&mut Vec<AuditRecord>)) {
        alter(&mut self.inner().tables.audit);
    }

    /// All audit records, the oldest first.
    pub fn audited(&self) -> Vec<AuditRecord> {
        self.inner().tables.audit.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read<T>(&self, get: impl FnOnce(&Tables) -> T) -> Result<T, IdentityError> {
        let inner = self.inner();
        if inner.unavailable {
            return Err(IdentityError::Unavailable(Box::new(Away)));
        }
        Ok(get(&inner.tables))
    }

    /// Changes the tables, or leaves them unchanged on failure. Refuses to remove the last administrator.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&mut Tables) -> Result<T, IdentityError>,
    ) -> Result<T, IdentityError> {
        let mut inner = self.inner();
        if inner.unavailable {
            return Err(IdentityError::Unavailable(Box::new(Away)));
        }
        let mut changed = inner.tables.clone();
        let given = change(&mut changed)?;
        if inner.tables.administrators() > 0 && changed.administrators() == 0 {
            return Err(IdentityError::LastAdministrator);
        }
        inner.tables = changed;
        Ok(given)
    }
}

impl Tables {
    pub(super) fn raise(&mut self, users: impl IntoIterator<Item = UserId>) {
        for user in users {
            self.outbox_last += 1;
            self.outbox.push(PendingEpoch { id: self.outbox_last, user });
        }
    }

    pub(super) fn user(&self, id: &UserId) -> Result<&User, IdentityError> {
        self.users.get(id).map(|(user, _)| user).ok_or(IdentityError::Missing("user"))
    }

    /// Ends the matching sessions and returns their ids.
    pub(super) fn end_sessions(&mut self, ends: impl Fn(&Session) -> bool) -> Vec<SessionId> {
        let mut ended = Vec::new();
        for kept in self.sessions.values_mut() {
            if !kept.ended && ends(&kept.session) {
                kept.ended = true;
                ended.push(kept.session.id.clone());
            }
        }
        ended
    }

    fn administrators(&self) -> usize {
        let active = self.users.values().filter(|(user, _)| user.status == UserStatus::Active);
        let is_one = |user: &User| {
            self.bindings_of(&user.id).any(|binding| {
                binding.place == Place::Platform
                    && (&binding.environments, &binding.key_prefixes) == (&None, &None)
                    && binding.role.as_str() == BuiltInRole::PlatformAdmin.as_str()
            })
        };
        active.filter(|(user, _)| is_one(user)).count()
    }

    /// The groups of a user, with those that contain them.
    pub(super) fn groups_of(&self, user: &UserId) -> BTreeSet<GroupName> {
        let mut open: Vec<GroupName> =
            self.grouped.iter().filter(|(_, one)| one == user).map(|(group, _)| group.clone()).collect();
        let mut all = BTreeSet::new();
        while let Some(name) = open.pop() {
            if let Some(group) = self.groups.get(&name) {
                open.extend(group.parent.clone());
            }
            all.insert(name);
        }
        all
    }

    pub(super) fn bindings_of<'a>(&'a self, user: &UserId) -> impl Iterator<Item = &'a Binding> + use<'a> {
        let (user, groups) = (user.clone(), self.groups_of(user));
        self.bindings.values().filter(move |binding| match &binding.subject {
            Subject::User(one) => *one == user,
            Subject::Group(group) => groups.contains(group),
        })
    }

    /// The users that a subject includes.
    pub(super) fn people_of(&self, subject: &Subject) -> BTreeSet<UserId> {
        match subject {
            Subject::User(user) => BTreeSet::from([user.clone()]),
            Subject::Group(group) => {
                let inside = |user: &&UserId| self.groups_of(user).contains(group);
                self.users.keys().filter(inside).cloned().collect()
            }
        }
    }

    /// The users with a role by a matching binding.
    pub(super) fn people_by(&self, meant: impl Fn(&Binding) -> bool) -> BTreeSet<UserId> {
        let bindings = self.bindings.values().filter(|binding| meant(binding));
        bindings.flat_map(|binding| self.people_of(&binding.subject)).collect()
    }

    /// The depth of a group, the outermost being 1; more than the limit for a cycle.
    pub(super) fn depth(&self, name: &GroupName) -> u32 {
        let (mut depth, mut at) = (1, self.groups.get(name));
        while let Some(parent) = at.and_then(|group| group.parent.as_ref()) {
            depth += 1;
            if depth > GROUP_DEPTH_MAX {
                break;
            }
            at = self.groups.get(parent);
        }
        depth
    }

    /// The permissions of a role in a place.
    pub(super) fn permissions(
        &self,
        role: &RoleName,
        place: &Place,
    ) -> Result<BTreeSet<Permission>, IdentityError> {
        let missing = IdentityError::Missing("role");
        match BuiltInRole::parse(role.as_str()) {
            Some(built_in) if (built_in == BuiltInRole::PlatformAdmin) == (*place == Place::Platform) => {
                Ok(built_in.permissions())
            }
            Some(_) => Err(missing),
            None => self.custom.get(role).map(|custom| custom.permissions.clone()).ok_or(missing),
        }
    }

    pub(super) fn grants(&self, user: &UserId, reach: Reach) -> Vec<Grant> {
        if !self.users.get(user).is_some_and(|(user, _)| user.status == UserStatus::Active) {
            return Vec::new();
        }
        let mut grants = Vec::new();
        for binding in self.bindings_of(user) {
            let Ok(permissions) = self.permissions(&binding.role, &binding.place) else { continue };
            let grant = |project: Option<&ProjectName>| Grant {
                role: binding.role.clone(),
                permissions: permissions.clone(),
                project: project.cloned(),
                environments: binding.environments.clone(),
                key_prefixes: binding.key_prefixes.clone(),
            };
            match &binding.place {
                Place::Platform => grants.push(grant(None)),
                Place::Organisation(_) if reach == Reach::Ever => grants.push(grant(None)),
                Place::Project(project) => grants.push(grant(Some(project))),
                Place::Organisation(name) => {
                    let owned = self.owners.iter().filter(|(_, owner)| *owner == name);
                    grants.extend(owned.map(|(project, _)| grant(Some(project))));
                }
            }
        }
        grants.sort_by(|a, b| (&a.project, &a.role).cmp(&(&b.project, &b.role)));
        grants
    }

    pub(super) fn bind(&mut self, binding: &Binding) -> Result<(), IdentityError> {
        self.permissions(&binding.role, &binding.place)?;
        match &binding.subject {
            Subject::User(user) => drop(self.user(user)?),
            Subject::Group(group) if !self.groups.contains_key(group) => {
                return Err(IdentityError::Missing("group"));
            }
            Subject::Group(_) => {}
        }
        self.has_place(&binding.place)?;
        self.raise(self.people_of(&binding.subject));
        self.bindings.insert((binding.place.clone(), binding.subject.clone()), binding.clone());
        Ok(())
    }

    pub(super) fn has_place(&self, place: &Place) -> Result<(), IdentityError> {
        match place {
            Place::Organisation(name) if !self.organisations.contains_key(name) => {
                Err(IdentityError::Missing("organisation"))
            }
            _ => Ok(()),
        }
    }

    /// Removes an environment from the role bindings of its project. A binding without any other environment
    /// is removed.
    pub(super) fn narrow(&mut self, id: &EnvironmentId) {
        let place = Place::Project(id.project.clone());
        let names_it = |binding: &Binding| {
            let named = binding.environments.as_ref().is_some_and(|all| all.contains(&id.name));
            binding.place == place && named
        };
        self.raise(self.people_by(names_it));
        self.bindings.retain(|_, binding| {
            if names_it(binding)
                && let Some(named) = &mut binding.environments
            {
                named.remove(&id.name);
            }
            binding.environments.as_ref().is_none_or(|all| !all.is_empty())
        });
    }

    /// Removes all role bindings and invitations in a place.
    pub(super) fn empty(&mut self, place: &Place) {
        self.raise(self.people_by(|binding| binding.place == *place));
        self.bindings.retain(|(one, _), _| one != place);
        self.invitations.retain(|_, invitation| {
            invitation.role.as_ref().is_none_or(|(_, invited_to)| invited_to != place)
        });
    }
}
