//! API keys: authentication, creation, rotation and revocation.

use crate::ports::{Freshness, KeyMint};
use crate::{Changed, Core, Error, How, Page, PageRequest, RequestContext, Seen};
use domain::access::Denied;
use domain::limits::API_KEY_SCOPES_MAX;
use domain::{
    Actor, ApiKey, ApiKeyId, Command, Digest, EnvironmentName, KeyLabel, KeyRef, NewApiKey, Permission,
    ProjectName, Receipt, Resource, Timestamp,
};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Use cases on API keys.
#[derive(Clone)]
pub struct Access {
    core: Core,
    mint: Arc<dyn KeyMint>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access")
    }
}

/// An API key to create.
#[derive(Clone, Debug)]
pub struct CreateApiKey {
    /// The owning project.
    pub project: ProjectName,
    /// The label.
    pub name: KeyLabel,
    /// The permissions.
    pub permissions: BTreeSet<Permission>,
    /// The environments in its scope; `None` means all.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// The prefixes of config keys in its scope; `None` means all keys.
    pub key_prefixes: Option<BTreeSet<String>>,
    /// The time from which it is refused; `None` means never.
    pub expires_at: Option<Timestamp>,
}

/// A new or rotated API key with its secret.
#[derive(Clone)]
pub struct CreatedApiKey {
    /// The key.
    pub key: ApiKey,
    /// The secret, returned only once; empty in a dry run.
    pub secret: String,
}

impl fmt::Debug for CreatedApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedApiKey").field("key", &self.key.key).finish_non_exhaustive()
    }
}

impl Access {
    pub(crate) fn new(core: Core, mint: Arc<dyn KeyMint>) -> Self {
        Self { core, mint }
    }

    /// Authenticates a secret and returns the actor.
    pub async fn authenticate(&self, secret: &str) -> Result<Actor, Error> {
        self.identify(secret).await.map(|(actor, _)| actor)
    }

    /// Authenticates a secret; returns the actor and the secret's digest. A key that this node does not know
    /// may be newer than its state, so the lookup is repeated in a linearizable view before it is refused.
    pub async fn identify(&self, secret: &str) -> Result<(Actor, Digest), Error> {
        let refused = || Error::Unauthenticated("the API key is unknown or revoked".to_owned());
        let hash = self.mint.digest(secret).ok_or_else(refused)?;
        let now = self.core.env.clock.now();
        for freshness in [Freshness::STALE, Freshness::LINEARIZABLE] {
            let view = self.core.state.view(freshness).await?;
            if let Some(key) = view.state.api_key_by_secret(&hash, now) {
                if key.expires_at.is_some_and(|expiry| expiry <= now) {
                    return Err(Error::Unauthenticated("the API key has expired".to_owned()));
                }
                return Ok((Actor::ApiKey(key.key.clone()), hash));
            }
        }
        Err(refused())
    }

    /// Creates an API key of a project.
    pub async fn create(
        &self,
        ctx: &RequestContext,
        request: CreateApiKey,
    ) -> Result<Changed<CreatedApiKey>, Error> {
        let scopes = request.environments.as_ref().map_or(0, BTreeSet::len);
        let prefixes = request.key_prefixes.as_ref().map_or(0, BTreeSet::len);
        for (field, count) in [("environments", scopes), ("key_prefixes", prefixes)] {
            if count > API_KEY_SCOPES_MAX {
                let message = format!("has {count} items, at most {API_KEY_SCOPES_MAX} are allowed");
                return Err(Error::Invalid { field, message });
            }
        }
        if request.expires_at.is_some_and(|expiry| expiry <= self.core.env.clock.now()) {
            return Err(Error::Invalid { field: "expires_at", message: "must be in the future".to_owned() });
        }
        let minted = self.mint.mint();
        let key = NewApiKey {
            id: self.core.env.ids.api_key_id(),
            name: request.name,
            hash: minted.hash,
            prefix: minted.prefix,
            permissions: request.permissions,
            environments: request.environments,
            key_prefixes: request.key_prefixes,
            expires_at: request.expires_at,
        };
        let command = Command::CreateApiKey { project: Some(request.project), key };
        with_secret(self.core.commit(ctx, command).await?, minted.secret)
    }

    /// Rotates the secret of an API key. The previous secret stays valid for `overlap_ms` milliseconds.
    pub async fn rotate(
        &self,
        ctx: &RequestContext,
        project: ProjectName,
        id: ApiKeyId,
        overlap_ms: u64,
    ) -> Result<Changed<CreatedApiKey>, Error> {
        let key = KeyRef { project: Some(project), id };
        // The response contains the whole key. Every key may read itself.
        if ctx.actor != Actor::ApiKey(key.clone()) {
            let resource = key.project.as_ref().map_or(Resource::Platform, Resource::Project);
            let freshness = Freshness::LINEARIZABLE;
            self.core.authorized_view(ctx, freshness, Permission::KeyRead, resource).await?;
        }
        let minted = self.mint.mint();
        let (hash, prefix) = (minted.hash, minted.prefix);
        let command = Command::RotateApiKey { key, hash, prefix, overlap_ms };
        with_secret(self.core.commit(ctx, command).await?, minted.secret)
    }

    /// Permanently revokes an API key.
    pub async fn revoke(
        &self,
        ctx: &RequestContext,
        project: ProjectName,
        id: ApiKeyId,
    ) -> Result<Changed<()>, Error> {
        let key = KeyRef { project: Some(project), id };
        Ok(self.core.commit(ctx, Command::RevokeApiKey { key }).await?.done())
    }

    /// An API key without its secret.
    pub async fn get(
        &self,
        ctx: &RequestContext,
        project: &ProjectName,
        id: &ApiKeyId,
        freshness: Freshness,
    ) -> Result<Seen<ApiKey>, Error> {
        let resource = Resource::Project(project);
        let view = self.core.authorized_view(ctx, freshness, Permission::KeyRead, resource).await?;
        view.state.project(project).ok_or_else(|| Error::not_found("project", project))?;
        let key = KeyRef { project: Some(project.clone()), id: id.clone() };
        let key = view.state.api_key(&key).ok_or_else(|| Error::not_found("API key", id))?;
        Ok(Seen::new(key.clone(), &view))
    }

    /// The API key of the request; requires no permission.
    pub async fn own(&self, ctx: &RequestContext) -> Result<Seen<ApiKey>, Error> {
        let Actor::ApiKey(key) = &ctx.actor else { return Err(Error::Forbidden(Denied::OutOfScope)) };
        for freshness in [Freshness::STALE, Freshness::LINEARIZABLE] {
            let view = self.core.state.view(freshness).await?;
            if let (Ok(()), Some(own)) =
                (ctx.known(&view, self.core.env.clock.now()), view.state.api_key(key))
            {
                return Ok(Seen::new(own.clone(), &view));
            }
        }
        Err(Denied::UnknownKey.into())
    }

    /// The API keys of a project without their secrets, in order of ids. With `maker` only those created by
    /// this actor, written as `user:<id>` or `api-key:<id>`.
    pub async fn list(
        &self,
        ctx: &RequestContext,
        project: &ProjectName,
        maker: Option<&str>,
        page: PageRequest<ApiKeyId>,
        freshness: Freshness,
    ) -> Result<Page<ApiKey, ApiKeyId>, Error> {
        let resource = Resource::Project(project);
        let view = self.core.authorized_view(ctx, freshness, Permission::KeyRead, resource).await?;
        view.state.project(project).ok_or_else(|| Error::not_found("project", project))?;
        let keys = view
            .state
            .api_keys(Some(project))
            .filter(|key| page.after.as_ref().is_none_or(|after| key.key.id > *after))
            .filter(|key| maker.is_none_or(|maker| key.created_by.to_string() == maker))
            .cloned();
        Ok(Page::take(keys, page.size, &view, |key| key.key.id.clone()))
    }
}

/// Attaches the secret. Fails for replays (the secret was returned once and not stored); empty for dry runs.
fn with_secret(changed: Changed<Receipt>, secret: String) -> Result<Changed<CreatedApiKey>, Error> {
    let (replayed, tried) = (matches!(changed.how, How::Replayed), matches!(changed.how, How::DryRun(_)));
    changed.map(|receipt| match receipt {
        Receipt::ApiKey(key) if replayed => Err(Error::SecretShownOnce(key.key.id)),
        Receipt::ApiKey(key) if tried => Ok(CreatedApiKey { key, secret: String::new() }),
        Receipt::ApiKey(key) => Ok(CreatedApiKey { key, secret }),
        _ => Err(Error::unexpected_receipt()),
    })
}
