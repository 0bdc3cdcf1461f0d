//! Decisions on API keys.

use super::Decision;
use crate::access::{Permission, Resource, may_grant};
use crate::limits::{API_KEY_OVERLAP_MS_MAX, API_KEYS_PER_PROJECT_DEFAULT};
use crate::{ApiKey, Command, Event, KeyRef, NewApiKey, ProjectName, Rejection, Timestamp};

impl Decision<'_> {
    pub(super) fn create_api_key(
        &self,
        project: Option<&ProjectName>,
        new: &NewApiKey,
    ) -> Result<Vec<Event>, Rejection> {
        self.require(Permission::KeyWrite, owner(project))?;
        if let Some(name) = project {
            self.existing_project(name)?;
        }
        let key = self.free_api_key(project.cloned(), new)?;
        self.room_for_api_key(project)?;
        self.within_own_rights(&key)?;
        Ok(vec![Event::ApiKeyCreated { key }])
    }

    fn room_for_api_key(&self, project: Option<&ProjectName>) -> Result<(), Rejection> {
        let used = self.state.api_keys(project).count() as u64;
        let Some(project) = project.and_then(|name| self.state.project(name)) else {
            let (limit, max) = ("api_keys".to_owned(), API_KEYS_PER_PROJECT_DEFAULT);
            return if used < max { Ok(()) } else { Err(Rejection::LimitReached { limit, max }) };
        };
        let max = project.quotas.api_keys();
        if used < max {
            return Ok(());
        }
        let (project, limit) = (project.name.clone(), "api_keys".to_owned());
        Err(Rejection::QuotaExceeded { project, limit, max, used })
    }

    /// As with [`Self::rotate_api_key`], the principal needs all rights of the key.
    pub(super) fn revoke_api_key(&self, key: &KeyRef) -> Result<Vec<Event>, Rejection> {
        self.require(Permission::KeyWrite, owner(key.project.as_ref()))?;
        if let Some(name) = &key.project {
            self.existing_project(name)?;
        }
        let present = self.state.api_key(key).ok_or_else(|| Rejection::ApiKeyNotFound(key.id.clone()))?;
        self.within_own_rights(present)?;
        Ok(vec![Event::ApiKeyRevoked { key: key.clone() }])
    }

    /// The new secret gives all rights of the key, so the principal must have them too.
    pub(super) fn rotate_api_key(&self, command: &Command) -> Result<Vec<Event>, Rejection> {
        let Command::RotateApiKey { key, hash, prefix, overlap_ms } = command else {
            return Ok(Vec::new());
        };
        self.require(Permission::KeyWrite, owner(key.project.as_ref()))?;
        if let Some(name) = &key.project {
            self.existing_project(name)?;
        }
        let present = self.state.api_key(key).ok_or_else(|| Rejection::ApiKeyNotFound(key.id.clone()))?;
        if self.state.api_key_by_hash(hash).is_some() {
            return Err(Rejection::ApiKeyExists(key.id.clone()));
        }
        self.within_own_rights(present)?;
        if *overlap_ms > API_KEY_OVERLAP_MS_MAX {
            let (limit, max) = ("overlap_ms".to_owned(), API_KEY_OVERLAP_MS_MAX);
            return Err(Rejection::LimitReached { limit, max });
        }
        let overlap = i64::try_from(*overlap_ms).ok().filter(|overlap| *overlap > 0);
        let previous_until = overlap.map(|overlap| Timestamp(self.stamped.at.0.saturating_add(overlap)));
        let (key, hash, prefix) = (key.clone(), *hash, prefix.clone());
        Ok(vec![Event::ApiKeyRotated { key, hash, prefix, previous_until }])
    }

    fn within_own_rights(&self, key: &ApiKey) -> Result<(), Rejection> {
        let may = may_grant(self.state, self.stamped.principal(), key, self.stamped.at);
        if may.map_err(Rejection::Denied)? { Ok(()) } else { Err(Rejection::GrantExceedsOwn) }
    }

    /// The new key; fails if its id or its secret is already in use.
    pub(super) fn free_api_key(
        &self,
        project: Option<ProjectName>,
        new: &NewApiKey,
    ) -> Result<ApiKey, Rejection> {
        let key = self.api_key(project, new);
        if self.state.api_key(&key.key).is_some() || self.state.api_key_by_hash(&key.hash).is_some() {
            return Err(Rejection::ApiKeyExists(new.id.clone()));
        }
        Ok(key)
    }

    fn api_key(&self, project: Option<ProjectName>, new: &NewApiKey) -> ApiKey {
        ApiKey {
            key: KeyRef { project, id: new.id.clone() },
            name: new.name.clone(),
            hash: new.hash,
            prefix: new.prefix.clone(),
            permissions: new.permissions.clone(),
            environments: new.environments.clone(),
            key_prefixes: new.key_prefixes.clone(),
            expires_at: new.expires_at,
            created_at: self.stamped.at,
            created_by: self.stamped.actor.clone(),
            revision: self.state.revision().next(),
            previous: None,
        }
    }
}

fn owner(project: Option<&ProjectName>) -> Resource<'_> {
    project.map_or(Resource::Platform, Resource::Project)
}
