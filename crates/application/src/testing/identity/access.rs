//! Roles, groups and organisations.

use super::MemoryPeople;
use crate::identity::{GROUP_DEPTH_MAX, GROUPS_MAX, ORGANISATIONS_MAX, ROLES_MAX};
use crate::ports::identity::{
    Binding, CustomRole, Gone, Group, Groups, IdentityError, Member, Mirrored, Organisation, Organisations,
    Owned, Place, Reach, Roles, Subject,
};
use async_trait::async_trait;
use domain::{Grant, GroupName, OrganisationName, ProjectName, RoleName, UserId};

#[async_trait]
impl Roles for MemoryPeople {
    async fn grants(&self, user: &UserId, reach: Reach) -> Result<Vec<Grant>, IdentityError> {
        self.read(|tables| tables.grants(user, reach))
    }

    async fn bind(&self, binding: &Binding) -> Result<(), IdentityError> {
        self.change(|tables| tables.bind(binding))
    }

    async fn unbind(&self, subject: &Subject, place: &Place) -> Result<bool, IdentityError> {
        self.change(|tables| {
            let taken = tables.bindings.remove(&(place.clone(), subject.clone())).is_some();
            if taken {
                tables.raise(tables.people_of(subject));
            }
            Ok(taken)
        })
    }

    async fn members(
        &self,
        place: &Place,
        after: Option<&Subject>,
        limit: u32,
    ) -> Result<Vec<Member>, IdentityError> {
        self.read(|tables| {
            let here = tables.bindings.values().filter(|binding| {
                binding.place == *place && after.is_none_or(|after| binding.subject > *after)
            });
            let member = |binding: &Binding| {
                let user = match &binding.subject {
                    Subject::User(user) => tables.users.get(user).map(|(user, _)| user.clone()),
                    Subject::Group(_) => None,
                };
                Member { binding: binding.clone(), user }
            };
            here.take(limit as usize).map(member).collect()
        })
    }

    async fn custom(&self) -> Result<Vec<CustomRole>, IdentityError> {
        self.read(|tables| tables.custom.values().cloned().collect())
    }

    async fn put_custom(&self, role: &CustomRole) -> Result<(), IdentityError> {
        self.change(|tables| {
            if !tables.custom.contains_key(&role.name) && tables.custom.len() as u64 >= ROLES_MAX {
                return Err(IdentityError::Full("roles", ROLES_MAX));
            }
            tables.custom.insert(role.name.clone(), role.clone());
            tables.raise(tables.people_by(|binding| binding.role == role.name));
            Ok(())
        })
    }

    async fn delete_custom(&self, name: &RoleName) -> Result<bool, IdentityError> {
        self.change(|tables| {
            tables.raise(tables.people_by(|binding| binding.role == *name));
            tables.bindings.retain(|_, binding| binding.role != *name);
            tables.invitations.retain(|_, one| one.role.as_ref().is_none_or(|(role, _)| role != name));
            Ok(tables.custom.remove(name).is_some())
        })
    }
}

#[async_trait]
impl Groups for MemoryPeople {
    async fn put(&self, group: &Group) -> Result<(), IdentityError> {
        self.change(|tables| {
            let nesting = IdentityError::Nesting(GROUP_DEPTH_MAX);
            match &group.parent {
                Some(parent) if *parent == group.name => return Err(nesting),
                Some(parent) if !tables.groups.contains_key(parent) => {
                    return Err(IdentityError::Missing("group"));
                }
                _ => {}
            }
            let before = tables.groups.get(&group.name).cloned();
            if before.is_none() && tables.groups.len() as u64 >= GROUPS_MAX {
                return Err(IdentityError::Full("groups", GROUPS_MAX));
            }
            let created_at = before.as_ref().map_or(group.created_at, |before| before.created_at);
            tables.groups.insert(group.name.clone(), Group { created_at, ..group.clone() });
            if tables.groups.keys().any(|name| tables.depth(name) > GROUP_DEPTH_MAX) {
                return Err(nesting);
            }
            if before.is_some_and(|before| before.parent != group.parent) {
                tables.raise(tables.people_of(&Subject::Group(group.name.clone())));
            }
            Ok(())
        })
    }

    async fn delete(&self, name: &GroupName) -> Result<bool, IdentityError> {
        self.change(|tables| {
            if !tables.groups.contains_key(name) {
                return Ok(false);
            }
            let subject = Subject::Group(name.clone());
            tables.raise(tables.people_of(&subject));
            tables.groups.remove(name);
            for group in tables.groups.values_mut().filter(|group| group.parent.as_ref() == Some(name)) {
                group.parent = None;
            }
            tables.grouped.retain(|(group, _)| group != name);
            tables.bindings.retain(|(_, one), _| *one != subject);
            Ok(true)
        })
    }

    async fn list(&self, after: Option<&GroupName>, limit: u32) -> Result<Vec<Group>, IdentityError> {
        self.read(|tables| {
            let later = tables.groups.values().filter(|group| after.is_none_or(|after| group.name > *after));
            later.take(limit as usize).cloned().collect()
        })
    }

    async fn add(&self, name: &GroupName, user: &UserId) -> Result<(), IdentityError> {
        self.change(|tables| {
            tables.user(user)?;
            if !tables.groups.contains_key(name) {
                return Err(IdentityError::Missing("group"));
            }
            if tables.grouped.insert((name.clone(), user.clone())) {
                tables.raise([user.clone()]);
            }
            Ok(())
        })
    }

    async fn remove(&self, name: &GroupName, user: &UserId) -> Result<bool, IdentityError> {
        self.change(|tables| {
            let removed = tables.grouped.remove(&(name.clone(), user.clone()));
            tables.raise(removed.then(|| user.clone()));
            Ok(removed)
        })
    }

    async fn people(
        &self,
        name: &GroupName,
        after: Option<&UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>, IdentityError> {
        let found = self.read(|tables| {
            let inside = tables.grouped.iter().filter(|(group, _)| group == name);
            let later = inside.filter(|(_, user)| after.is_none_or(|after| user > after));
            let people = later.take(limit as usize).map(|(_, user)| user.clone()).collect();
            tables.groups.contains_key(name).then_some(people)
        })?;
        found.ok_or(IdentityError::Missing("group"))
    }

    async fn mirror(
        &self,
        user: &UserId,
        mapped: &[GroupName],
        present: &[GroupName],
    ) -> Result<Mirrored, IdentityError> {
        self.change(|tables| {
            tables.user(user)?;
            let mut mirrored = Mirrored::default();
            for group in mapped {
                let place = (group.clone(), user.clone());
                if !present.contains(group) {
                    if tables.grouped.remove(&place) {
                        mirrored.left.push(group.clone());
                    }
                } else if tables.groups.contains_key(group) && tables.grouped.insert(place) {
                    mirrored.joined.push(group.clone());
                }
            }
            tables.raise((mirrored != Mirrored::default()).then(|| user.clone()));
            Ok(mirrored)
        })
    }
}

#[async_trait]
impl Organisations for MemoryPeople {
    async fn put(&self, organisation: &Organisation) -> Result<(), IdentityError> {
        self.change(|tables| {
            let before = tables.organisations.get(&organisation.name).cloned();
            if before.is_none() && tables.organisations.len() as u64 >= ORGANISATIONS_MAX {
                return Err(IdentityError::Full("organisations", ORGANISATIONS_MAX));
            }
            let created_at = before.as_ref().map_or(organisation.created_at, |before| before.created_at);
            let kept = Organisation { created_at, ..organisation.clone() };
            let newly = kept.second_factor_required && before.is_none_or(|one| !one.second_factor_required);
            let name = kept.name.clone();
            tables.organisations.insert(kept.name.clone(), kept);
            if newly {
                tables.raise(tables.people_by(|binding| match &binding.place {
                    Place::Platform => false,
                    Place::Organisation(one) => *one == name,
                    Place::Project(project) => tables.owners.get(project) == Some(&name),
                }));
            }
            Ok(())
        })
    }

    async fn delete(&self, name: &OrganisationName) -> Result<bool, IdentityError> {
        self.change(|tables| {
            tables.empty(&Place::Organisation(name.clone()));
            tables.owners.retain(|_, owner| owner != name);
            Ok(tables.organisations.remove(name).is_some())
        })
    }

    async fn list(
        &self,
        after: Option<&OrganisationName>,
        limit: u32,
    ) -> Result<Vec<Organisation>, IdentityError> {
        self.read(|tables| {
            let later = tables.organisations.values();
            let later = later.filter(|one| after.is_none_or(|after| one.name > *after));
            later.take(limit as usize).cloned().collect()
        })
    }

    async fn own(
        &self,
        project: &ProjectName,
        from: Option<&OrganisationName>,
        to: Option<&OrganisationName>,
    ) -> Result<Owned, IdentityError> {
        self.change(|tables| {
            if tables.owners.get(project) != from {
                return Ok(Owned::By(tables.owners.get(project).cloned()));
            }
            if to.is_some_and(|name| !tables.organisations.contains_key(name)) {
                return Err(IdentityError::Missing("organisation"));
            }
            tables.owners.remove(project);
            if let Some(name) = to {
                tables.owners.insert(project.clone(), name.clone());
            }
            for name in from.into_iter().chain(to) {
                let place = Place::Organisation(name.clone());
                tables.raise(tables.people_by(|binding| binding.place == place));
            }
            if to.is_some_and(|name| tables.organisations[name].second_factor_required) {
                let place = Place::Project(project.clone());
                tables.raise(tables.people_by(|binding| binding.place == place));
            }
            Ok(Owned::Moved)
        })
    }

    async fn projects(&self, name: &OrganisationName) -> Result<Vec<ProjectName>, IdentityError> {
        self.read(|tables| {
            let owned = tables.owners.iter().filter(|(_, owner)| *owner == name);
            owned.map(|(project, _)| project.clone()).collect()
        })
    }

    async fn requires_second_factor(&self, user: &UserId) -> Result<bool, IdentityError> {
        self.read(|tables| {
            tables.bindings_of(user).any(|binding| {
                let organisation = match &binding.place {
                    Place::Platform => None,
                    Place::Organisation(name) => Some(name),
                    Place::Project(project) => tables.owners.get(project),
                };
                let organisation = organisation.and_then(|name| tables.organisations.get(name));
                organisation.is_some_and(|organisation| organisation.second_factor_required)
            })
        })
    }

    async fn forget(&self, gone: &Gone) -> Result<(), IdentityError> {
        let project = match gone {
            Gone::Project(project) => project,
            Gone::Environment(id) => {
                return self.change(|tables| {
                    tables.narrow(id);
                    Ok(())
                });
            }
        };
        self.change(|tables| {
            tables.empty(&Place::Project(project.clone()));
            if let Some(owner) = tables.owners.remove(project) {
                let place = Place::Organisation(owner);
                tables.raise(tables.people_by(|binding| binding.place == place));
            }
            Ok(())
        })
    }
}
