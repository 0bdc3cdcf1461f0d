//! API keys created by a user. They stay valid after the user is deactivated, unless they are revoked.

use super::Users;
use super::record::Act;
use super::shared::Shared;
use crate::{Error, RequestContext};
use domain::{Actor, ApiKey, Command, KeyRef, Permission, Resource, UserId};

/// Most API keys that one request lists or revokes.
pub const MADE_KEYS_MAX: usize = 1000;

/// The API keys that a user created, directly or through API keys that the user created.
#[derive(Clone, Debug, Default)]
pub struct MadeKeys {
    /// The number of keys that this request revoked.
    pub revoked: u64,
    /// The valid keys that the caller may read, at most [`MADE_KEYS_MAX`].
    pub left: Vec<ApiKey>,
    /// The number of further valid keys.
    pub more: u64,
}

impl Users {
    /// The API keys that a user created, directly or through API keys that the user created.
    pub async fn made_keys(&self, ctx: &RequestContext, user: &UserId) -> Result<MadeKeys, Error> {
        self.shared().allowed(ctx, Permission::UserRead, Resource::Platform).await?;
        self.shared().user(user).await?;
        self.shared().keys_left(ctx, user).await
    }

    /// Handles the API keys of a deactivated user: with `revoke`, revokes those that the caller may revoke.
    /// Returns the remaining ones.
    pub async fn settle_keys(
        &self,
        ctx: &RequestContext,
        user: &UserId,
        revoke: bool,
    ) -> Result<MadeKeys, Error> {
        let shared = self.shared();
        let asker = shared.may_change(ctx, Permission::UserWrite, Resource::Platform).await?;
        let mut revoked = 0;
        if revoke {
            let maker = Actor::User(user.clone());
            let made = asker.view.state.api_keys_made_by(&maker).into_iter();
            let keys: Vec<KeyRef> = made.map(|key| key.key.clone()).take(MADE_KEYS_MAX).collect();
            for key in keys {
                match shared.core.commit(ctx, Command::RevokeApiKey { key }).await {
                    Ok(_) => revoked += 1,
                    // Already revoked, or the caller may not revoke it and it remains.
                    Err(Error::Rejected(_) | Error::Forbidden(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let left = MadeKeys { revoked, ..shared.keys_left(ctx, user).await? };
        let remaining = left.left.len() as u64 + left.more;
        let act = Act::done("user.keys", user).with("revoked", revoked).with("left", remaining);
        shared.acted(ctx, act).await;
        Ok(left)
    }
}

impl Shared {
    /// The valid keys that a user created, as far as the caller may read them.
    async fn keys_left(&self, ctx: &RequestContext, user: &UserId) -> Result<MadeKeys, Error> {
        let asker = self.known(ctx).await?;
        let (now, maker) = (self.now(), Actor::User(user.clone()));
        let mut found = MadeKeys::default();
        for key in asker.view.state.api_keys_made_by(&maker) {
            if key.expires_at.is_some_and(|expiry| expiry <= now) {
                continue;
            }
            let owner = key.key.project.as_ref().map_or(Resource::Platform, Resource::Project);
            let visible = asker.ctx.require(&asker.view, Permission::KeyRead, owner, now).is_ok();
            if visible && found.left.len() < MADE_KEYS_MAX {
                found.left.push(key.clone());
            } else {
                found.more += 1;
            }
        }
        Ok(found)
    }
}
