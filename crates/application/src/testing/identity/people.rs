//! Users, registration, and the epoch outbox.

use super::MemoryPeople;
use super::tables::Tables;
use crate::identity::USERS_MAX;
use crate::ports::identity::{
    Admissions, Binding, EpochOutbox, IdentityError, Invitation, NewInvitation, NewUser, PasswordHash,
    PendingEpoch, Place, RegisterBy, Subject, User, UserChange, UserStatus, Users,
};
use async_trait::async_trait;
use domain::{Actor, BuiltInRole, Digest, Email, RoleName, SessionId, Timestamp, UserId};

impl Tables {
    fn email_is_free(&self, email: &Email, but: Option<&UserId>) -> Result<(), IdentityError> {
        let others = self.users.values().filter(|(user, _)| Some(&user.id) != but);
        if others.map(|(user, _)| &user.email).any(|other| other == email) {
            return Err(IdentityError::Taken("email"));
        }
        Ok(())
    }

    fn create(&mut self, new: &NewUser) -> Result<User, IdentityError> {
        self.email_is_free(&new.email, None)?;
        if self.users.len() as u64 >= USERS_MAX {
            return Err(IdentityError::Full("users", USERS_MAX));
        }
        let user = User {
            id: new.id.clone(),
            email: new.email.clone(),
            name: new.name.clone(),
            status: UserStatus::Active,
            second_factor_required: new.second_factor_required,
            created_at: new.at,
            updated_at: new.at,
        };
        if let Some(identity) = new.identity.clone() {
            if self.identities.contains_key(&identity) {
                return Err(IdentityError::Taken("identity"));
            }
            self.identities.insert(identity, new.id.clone());
        }
        self.users.insert(new.id.clone(), (user.clone(), new.password.clone()));
        Ok(user)
    }
}

#[async_trait]
impl Users for MemoryPeople {
    async fn create(&self, new: &NewUser) -> Result<User, IdentityError> {
        self.change(|tables| tables.create(new))
    }

    async fn get(&self, id: &UserId) -> Result<Option<User>, IdentityError> {
        self.read(|tables| tables.users.get(id).map(|(user, _)| user.clone()))
    }

    async fn by_email(&self, email: &Email) -> Result<Option<(User, Option<PasswordHash>)>, IdentityError> {
        self.read(|tables| tables.users.values().find(|(user, _)| user.email == *email).cloned())
    }

    async fn list(&self, after: Option<&UserId>, limit: u32) -> Result<Vec<User>, IdentityError> {
        self.read(|tables| {
            let later = tables.users.values().filter(|(user, _)| after.is_none_or(|after| user.id > *after));
            later.take(limit as usize).map(|(user, _)| user.clone()).collect()
        })
    }

    async fn change(&self, id: &UserId, change: &UserChange, at: Timestamp) -> Result<User, IdentityError> {
        MemoryPeople::change(self, |tables| {
            let mut user = tables.user(id)?.clone();
            if let Some(email) = &change.email {
                tables.email_is_free(email, Some(id))?;
                user.email = email.clone();
            }
            // A session without the second factor that is now required must not continue.
            if change.second_factor_required == Some(true) && !user.second_factor_required {
                tables.raise([id.clone()]);
            }
            user.name = change.name.clone().unwrap_or(user.name);
            user.second_factor_required =
                change.second_factor_required.unwrap_or(user.second_factor_required);
            let status = change.status.unwrap_or(user.status);
            if user.status == UserStatus::Active && status == UserStatus::Deactivated {
                tables.end_sessions(|session| session.user == *id);
                let giver = Actor::User(id.clone()).to_string();
                tables.invitations.retain(|_, invitation| invitation.invited_by != giver);
                tables.raise([id.clone()]);
            }
            user.status = status;
            user.updated_at = at;
            if let Some((kept, _)) = tables.users.get_mut(id) {
                *kept = user.clone();
            }
            Ok(user)
        })
    }

    async fn password(&self, id: &UserId) -> Result<Option<PasswordHash>, IdentityError> {
        self.read(|tables| tables.users.get(id).and_then(|(_, password)| password.clone()))
    }

    async fn set_password(
        &self,
        id: &UserId,
        before: Option<&PasswordHash>,
        password: &PasswordHash,
        ends_sessions: Option<Option<&SessionId>>,
        at: Timestamp,
    ) -> Result<bool, IdentityError> {
        MemoryPeople::change(self, |tables| {
            let (user, kept) = tables.users.get_mut(id).ok_or(IdentityError::Missing("user"))?;
            if kept.as_ref() != before {
                return Ok(false);
            }
            *kept = Some(password.clone());
            if let Some(keep) = ends_sessions {
                user.updated_at = at;
                tables.end_sessions(|session| session.user == *id && Some(&session.id) != keep);
                tables.raise([id.clone()]);
            }
            Ok(true)
        })
    }
}

#[async_trait]
impl Admissions for MemoryPeople {
    async fn register(&self, new: &NewUser, by: &RegisterBy) -> Result<User, IdentityError> {
        self.change(|tables| {
            let (role, place, given_by) = match by {
                RegisterBy::Open => return tables.create(new),
                RegisterBy::Bootstrap if !tables.users.is_empty() => {
                    return Err(IdentityError::Taken("bootstrap"));
                }
                RegisterBy::Bootstrap => {
                    let role = RoleName::parse(BuiltInRole::PlatformAdmin.as_str());
                    (role.expect("a built-in name is one"), Place::Platform, "system".to_owned())
                }
                RegisterBy::Invitation(token) => {
                    let found = tables.invitations.get(token).cloned();
                    let good = |found: &Invitation| found.email == new.email && new.at < found.expires_at;
                    let found = found.filter(good).ok_or(IdentityError::Missing("invitation"))?;
                    tables.invitations.remove(token);
                    match found.role {
                        None => return tables.create(new),
                        Some((role, place)) => (role, place, found.invited_by),
                    }
                }
            };
            let user = tables.create(new)?;
            let subject = Subject::User(user.id.clone());
            let (environments, key_prefixes, given_at) = (None, None, new.at);
            tables.bind(&Binding { subject, role, place, environments, key_prefixes, given_by, given_at })?;
            Ok(user)
        })
    }

    async fn is_empty(&self) -> Result<bool, IdentityError> {
        self.read(|tables| tables.users.is_empty())
    }

    async fn invite(&self, new: &NewInvitation) -> Result<(), IdentityError> {
        self.change(|tables| {
            if let Some((role, place)) = &new.role {
                tables.permissions(role, place)?;
                tables.has_place(place)?;
            }
            let place = |invitation: &Invitation| invitation.role.as_ref().map(|(_, place)| place.clone());
            tables.invitations.retain(|_, old| old.email != new.email || place(old) != place(new));
            tables.invitations.insert(new.token, new.clone());
            Ok(())
        })
    }

    async fn invitation(&self, token: &Digest) -> Result<Option<Invitation>, IdentityError> {
        self.read(|tables| tables.invitations.get(token).cloned())
    }

    async fn invitations(&self, at: Timestamp, limit: u32) -> Result<Vec<Invitation>, IdentityError> {
        self.read(|tables| {
            let open = tables.invitations.values().filter(|invitation| at < invitation.expires_at);
            let mut open: Vec<Invitation> = open.cloned().collect();
            open.sort_by_key(|invitation| std::cmp::Reverse(invitation.created_at));
            open.truncate(limit as usize);
            open
        })
    }

    async fn revoke(&self, token: &Digest) -> Result<bool, IdentityError> {
        self.change(|tables| Ok(tables.invitations.remove(token).is_some()))
    }
}

#[async_trait]
impl EpochOutbox for MemoryPeople {
    async fn pending(&self, limit: u32) -> Result<Vec<PendingEpoch>, IdentityError> {
        self.read(|tables| tables.outbox.iter().take(limit as usize).cloned().collect())
    }

    async fn done(&self, ids: &[i64]) -> Result<(), IdentityError> {
        self.change(|tables| {
            tables.outbox.retain(|entry| !ids.contains(&entry.id));
            Ok(())
        })
    }
}
