//! Sessions, second factors and external identities.

use super::MemoryPeople;
use super::tables::KeptSession;
use crate::identity::PENDING_MAX;
use crate::ports::identity::{
    ExternalIdentities, ExternalIdentity, IdentityError, NETWORKS_MAX, NewSession, PendingSignIn, Rotate,
    Rotation, SecondFactor, SecondFactors, Session, Sessions, UserStatus,
};
use async_trait::async_trait;
use domain::{Digest, SessionId, Timestamp, UserId};

/// The relation of a presented token to a session.
enum Shown {
    Newest,
    Repeated,
    Used,
}

fn shown(kept: &KeptSession, rotate: &Rotate) -> Option<Shown> {
    if kept.newest == rotate.presented {
        return Some(Shown::Newest);
    }
    let same_client = |rotated: &(Timestamp, crate::ports::identity::ClientInfo)| {
        let (at, client) = rotated;
        rotate.at.0 - at.0 < rotate.grace_ms
            && (&client.address, &client.user_agent) == (&rotate.client.address, &rotate.client.user_agent)
    };
    if kept.used.last() == Some(&rotate.presented)
        && kept.newest == rotate.successor
        && kept.rotated.as_ref().is_some_and(same_client)
    {
        return Some(Shown::Repeated);
    }
    kept.used.contains(&rotate.presented).then_some(Shown::Used)
}

#[async_trait]
impl Sessions for MemoryPeople {
    async fn open(&self, new: &NewSession) -> Result<Vec<SessionId>, IdentityError> {
        self.change(|tables| {
            let (user, at) = (&new.session.user, new.session.created_at);
            if tables.user(user)?.status != UserStatus::Active {
                return Err(IdentityError::Missing("user"));
            }
            let kept = tables.users.get(user).and_then(|(_, password)| password.as_ref());
            let other_password = new.shown.password.is_some() && new.shown.password.as_ref() != kept;
            let has_factor = tables.factors.get(user).is_some_and(|(factor, _)| factor.confirmed);
            if other_password || (has_factor && !new.shown.second_factor) {
                return Err(IdentityError::Missing("proof"));
            }
            let live = tables.sessions.values().filter(|kept| kept.is_live(at) && kept.session.user == *user);
            let mut live: Vec<&Session> = live.map(|kept| &kept.session).collect();
            live.sort_by_key(|session| std::cmp::Reverse(session.used_at));
            let kept = (new.sessions_max as usize).saturating_sub(1);
            let over: Vec<SessionId> =
                live.into_iter().skip(kept).map(|session| session.id.clone()).collect();
            let ended = tables.end_sessions(|session| over.contains(&session.id));
            if !ended.is_empty() {
                tables.raise([user.clone()]);
            }
            let kept = KeptSession {
                session: new.session.clone(),
                newest: new.refresh,
                used: Vec::new(),
                rotated: None,
                ended: false,
            };
            tables.sessions.insert(new.session.id.clone(), kept);
            let networks = tables.networks.entry(user.clone()).or_default();
            networks.extend(new.networks.iter().map(|network| (network.clone(), at)));
            while networks.len() > NETWORKS_MAX as usize {
                let oldest = networks.iter().min_by_key(|(_, seen_at)| **seen_at);
                let Some(oldest) = oldest.map(|(network, _)| network.clone()) else { break };
                networks.remove(&oldest);
            }
            Ok(ended)
        })
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation, IdentityError> {
        self.change(|tables| {
            let mut live = tables.sessions.values_mut().filter(|kept| kept.is_live(rotate.at));
            let found = live.find_map(|kept| shown(kept, rotate).map(|shown| (kept, shown)));
            let Some((kept, what)) = found else { return Ok(Rotation::Unknown) };
            match what {
                Shown::Newest => {
                    kept.used.push(kept.newest);
                    kept.newest = rotate.successor;
                    kept.rotated = Some((rotate.at, rotate.client.clone()));
                    kept.session.used_at = rotate.at;
                    kept.session.idle_at = rotate.idle_at;
                    Ok(Rotation::Rotated { session: kept.session.clone(), repeated: false })
                }
                Shown::Repeated => Ok(Rotation::Rotated { session: kept.session.clone(), repeated: true }),
                Shown::Used => {
                    kept.ended = true;
                    let session = kept.session.clone();
                    tables.raise([session.user.clone()]);
                    Ok(Rotation::Reused(session))
                }
            }
        })
    }

    async fn list(&self, user: &UserId, at: Timestamp) -> Result<Vec<Session>, IdentityError> {
        self.read(|tables| {
            let live = tables.sessions.values().filter(|kept| kept.is_live(at) && kept.session.user == *user);
            let mut live: Vec<Session> = live.map(|kept| kept.session.clone()).collect();
            live.sort_by_key(|session| std::cmp::Reverse(session.created_at));
            live
        })
    }

    async fn end(&self, user: &UserId, session: &SessionId) -> Result<bool, IdentityError> {
        self.change(|tables| {
            let ended = tables.end_sessions(|one| one.user == *user && one.id == *session);
            tables.raise(ended.first().map(|_| user.clone()));
            Ok(!ended.is_empty())
        })
    }

    async fn end_all(&self, user: &UserId, keep: Option<&SessionId>) -> Result<u64, IdentityError> {
        self.change(|tables| {
            let ended = tables.end_sessions(|one| one.user == *user && Some(&one.id) != keep);
            tables.raise(ended.first().map(|_| user.clone()));
            Ok(ended.len() as u64)
        })
    }

    async fn is_live(&self, session: &SessionId, at: Timestamp) -> Result<bool, IdentityError> {
        self.read(|tables| tables.sessions.get(session).is_some_and(|kept| kept.is_live(at)))
    }

    async fn networks(&self, user: &UserId, since: Timestamp) -> Result<Vec<String>, IdentityError> {
        self.read(|tables| {
            let networks = tables.networks.get(user).into_iter().flatten();
            networks.filter(|(_, seen_at)| **seen_at >= since).map(|(network, _)| network.clone()).collect()
        })
    }

    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError> {
        self.change(|tables| {
            let over = tables.sessions.values();
            let over = over.filter(|kept| kept.session.idle_at.min(kept.session.ends_at) < before);
            let over: Vec<SessionId> =
                over.take(limit as usize).map(|kept| kept.session.id.clone()).collect();
            tables.sessions.retain(|id, _| !over.contains(id));
            Ok(over.len() as u64)
        })
    }
}

#[async_trait]
impl SecondFactors for MemoryPeople {
    async fn get(&self, user: &UserId) -> Result<Option<SecondFactor>, IdentityError> {
        self.read(|tables| {
            let (factor, codes) = tables.factors.get(user)?;
            let recovery_left = u32::try_from(codes.len()).unwrap_or(u32::MAX);
            Some(SecondFactor { recovery_left, ..factor.clone() })
        })
    }

    async fn begin(&self, user: &UserId, sealed: &[u8], _: Timestamp) -> Result<(), IdentityError> {
        self.change(|tables| {
            tables.user(user)?;
            if tables.factors.get(user).is_some_and(|(factor, _)| factor.confirmed) {
                return Err(IdentityError::Taken("second_factor"));
            }
            let sealed = sealed.to_vec();
            let factor = SecondFactor { sealed, confirmed: false, last_step: None, recovery_left: 0 };
            tables.factors.insert(user.clone(), (factor, std::collections::BTreeSet::new()));
            Ok(())
        })
    }

    async fn confirm(
        &self,
        user: &UserId,
        step: i64,
        recovery: &[Digest],
        keep: Option<&SessionId>,
    ) -> Result<bool, IdentityError> {
        self.change(|tables| {
            let Some((factor, codes)) = tables.factors.get_mut(user).filter(|(one, _)| !one.confirmed) else {
                return Ok(false);
            };
            (factor.confirmed, factor.last_step) = (true, Some(step));
            *codes = recovery.iter().copied().collect();
            tables.end_sessions(|session| session.user == *user && Some(&session.id) != keep);
            tables.raise([user.clone()]);
            Ok(true)
        })
    }

    async fn use_step(&self, user: &UserId, step: i64) -> Result<bool, IdentityError> {
        self.change(|tables| {
            let confirmed = tables.factors.get_mut(user).filter(|(factor, _)| factor.confirmed);
            let Some((factor, _)) = confirmed.filter(|(factor, _)| factor.last_step < Some(step)) else {
                return Ok(false);
            };
            factor.last_step = Some(step);
            Ok(true)
        })
    }

    async fn use_recovery(&self, user: &UserId, code: &Digest) -> Result<bool, IdentityError> {
        self.change(|tables| Ok(tables.factors.get_mut(user).is_some_and(|(_, codes)| codes.remove(code))))
    }

    async fn set_recovery(&self, user: &UserId, recovery: &[Digest]) -> Result<(), IdentityError> {
        self.change(|tables| {
            let confirmed = tables.factors.get_mut(user).filter(|(factor, _)| factor.confirmed);
            let (_, codes) = confirmed.ok_or(IdentityError::Missing("second_factor"))?;
            *codes = recovery.iter().copied().collect();
            Ok(())
        })
    }

    async fn remove(&self, user: &UserId) -> Result<bool, IdentityError> {
        self.change(|tables| {
            let removed = tables.factors.remove(user).is_some();
            tables.raise(removed.then(|| user.clone()));
            Ok(removed)
        })
    }
}

#[async_trait]
impl ExternalIdentities for MemoryPeople {
    async fn find(&self, identity: &ExternalIdentity) -> Result<Option<UserId>, IdentityError> {
        self.read(|tables| tables.identities.get(identity).cloned())
    }

    async fn keep(&self, pending: &PendingSignIn) -> Result<(), IdentityError> {
        self.change(|tables| {
            if tables.pending.len() as u64 >= PENDING_MAX {
                tables.pending.remove(0);
            }
            tables.pending.push(pending.clone());
            Ok(())
        })
    }

    async fn take(&self, state: &Digest, at: Timestamp) -> Result<Option<PendingSignIn>, IdentityError> {
        self.change(|tables| {
            let place = tables.pending.iter().position(|pending| pending.state == *state);
            let taken = place.map(|place| tables.pending.remove(place));
            Ok(taken.filter(|pending| at < pending.expires_at))
        })
    }
}
