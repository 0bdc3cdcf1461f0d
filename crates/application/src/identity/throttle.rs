//! Throttling of failed attempts, without locking out the users whose account or network is attacked.
//!
//! - Passwords and codes can be guessed, so attempts are counted before they are checked.
//! - In a network from which the user has recently signed in, only attempts on this user from there count. So
//!   failures elsewhere never delay the user there.
//! - In other networks, the attempts on the account and from the network count too.
//! - Random tokens cannot be guessed. They are looked up first, and only failures are counted, by network.

use super::network::{network, source};
use super::shared::Shared;
use crate::ports::identity::{Attempt, Observation, ThrottleRule, User};
use crate::{Error, RequestContext};
use domain::{Digest, SessionId, Timestamp, UserId};

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;

/// One account from one network, or from one address if the user has recently signed in from it. A user who
/// mistypes is delayed after five failures.
const ACCOUNT_FROM_NETWORK: ThrottleRule =
    ThrottleRule { free: 4, delay_ms: SECOND_MS, delay_max_ms: 15 * MINUTE_MS, window_ms: 15 * MINUTE_MS };
/// One account from any network. The delays are short, so that an attacker cannot lock out a user for long.
const ACCOUNT: ThrottleRule =
    ThrottleRule { free: 20, delay_ms: SECOND_MS, delay_max_ms: 30 * SECOND_MS, window_ms: 60 * MINUTE_MS };
/// One network, for all accounts that have not recently signed in from it. Many users may share the network.
const NETWORK: ThrottleRule =
    ThrottleRule { free: 50, delay_ms: SECOND_MS, delay_max_ms: 5 * MINUTE_MS, window_ms: 60 * MINUTE_MS };
/// Sign-ins through providers begun from one network. Prevents one network from evicting the pending sign-ins
/// of others.
const BEGIN: ThrottleRule =
    ThrottleRule { free: 300, delay_ms: SECOND_MS, delay_max_ms: SECOND_MS, window_ms: 15 * MINUTE_MS };
/// How long a network counts as one from which the user has recently signed in.
const KNOWN_MS: i64 = 30 * 24 * 60 * MINUTE_MS;
/// The id under which the networks of an unknown user are looked up.
const NOBODY: &str = "unknown";
/// The window in which failures of one address count as suspicious, and the shortest time between two alerts.
const SUSPICION_MS: i64 = 60 * MINUTE_MS;
/// One challenge: the allowed attempts, and then a delay that is longer than its validity.
const CHALLENGE: ThrottleRule = ThrottleRule {
    free: super::challenge::TRIES - 1,
    delay_ms: 10 * MINUTE_MS,
    delay_max_ms: 10 * MINUTE_MS,
    window_ms: 10 * MINUTE_MS,
};
/// The second factor of one user, over all challenges. With five attempts and then a delay that doubles up to
/// 15 minutes, guessing a six-digit code takes years.
const FACTOR: ThrottleRule = ThrottleRule {
    free: 5,
    delay_ms: SECOND_MS,
    delay_max_ms: 15 * MINUTE_MS,
    window_ms: 24 * 60 * MINUTE_MS,
};
/// Invalid tokens from one network. They cannot be guessed, but each costs a lookup and an audit record.
const TOKENS: ThrottleRule =
    ThrottleRule { free: 300, delay_ms: SECOND_MS, delay_max_ms: 10 * SECOND_MS, window_ms: 15 * MINUTE_MS };

/// The windows of all rules.
const WINDOWS_MS: [i64; 8] = [
    ACCOUNT_FROM_NETWORK.window_ms,
    ACCOUNT.window_ms,
    NETWORK.window_ms,
    BEGIN.window_ms,
    SUSPICION_MS,
    CHALLENGE.window_ms,
    FACTOR.window_ms,
    TOKENS.window_ms,
];
/// The longest window, in milliseconds. Younger failures must not be pruned.
pub(super) const WINDOW_LONGEST_MS: i64 = longest(&WINDOWS_MS);

const fn longest(spans: &[i64]) -> i64 {
    let (mut longest, mut at) = (0, 0);
    while at < spans.len() {
        if spans[at] > longest {
            longest = spans[at];
        }
        at += 1;
    }
    longest
}

/// A kind of token that cannot be guessed.
#[derive(Clone, Copy, Debug)]
pub(super) enum TokenGuess {
    Refresh,
    Reset,
    Challenge,
    Invitation,
    /// The state of a sign-in through a provider.
    External,
}

impl TokenGuess {
    fn as_str(self) -> &'static str {
        match self {
            Self::Refresh => "refresh-network",
            Self::Reset => "reset",
            Self::Challenge => "challenge-network",
            Self::Invitation => "invitation",
            Self::External => "external",
        }
    }
}

impl Shared {
    /// A sign-in by password to an account, which may be unknown.
    pub(super) async fn sign_in_attempt(
        &self,
        account: &str,
        user: Option<&UserId>,
        address: &str,
    ) -> Result<Attempt, Error> {
        if let Some(place) = self.known_place(user, address).await? {
            return Ok(self.attempt(vec![(key("sign-in", &[account, &place]), ACCOUNT_FROM_NETWORK)]));
        }
        let network = network(address);
        Ok(self.attempt(vec![
            (key("sign-in", &[account, &network]), ACCOUNT_FROM_NETWORK),
            (key("sign-in-account", &[account]), ACCOUNT),
            (key("sign-in-network", &[&network]), NETWORK),
        ]))
    }

    /// An attempt with the bootstrap token, whose strength is unknown.
    pub(super) fn bootstrap_attempt(&self, address: &str) -> Attempt {
        self.attempt(vec![(key("bootstrap", &[&source(address)]), ACCOUNT_FROM_NETWORK)])
    }

    /// An open registration.
    pub(super) fn register_attempt(&self, address: &str) -> Attempt {
        self.attempt(vec![(key("register", &[&network(address)]), NETWORK)])
    }

    /// An attempt at the second factor, after the password. In networks from which the user has recently
    /// signed in, attempts elsewhere do not delay the user.
    pub(super) async fn factor_attempt(
        &self,
        challenge: &str,
        user: &UserId,
        address: &str,
    ) -> Result<Attempt, Error> {
        let place = self.known_place(Some(user), address).await?;
        let place = place.as_deref().unwrap_or("elsewhere");
        Ok(self.attempt(vec![
            (key("factor", &[user.as_str(), place]), FACTOR),
            (key("challenge", &[challenge]), CHALLENGE),
        ]))
    }

    /// An attempt to confirm a new second factor. Counted by session, so that a stolen session delays no
    /// other.
    pub(super) fn confirm_attempt(&self, ctx: &RequestContext, user: &UserId) -> Attempt {
        self.attempt(vec![(key("factor-confirm", &[user.as_str(), session(ctx)]), FACTOR)])
    }

    /// An attempt to prove the password within a session. Counted by session, as above.
    pub(super) fn prove_attempt(&self, ctx: &RequestContext, user: &User) -> Attempt {
        self.attempt(vec![(key("prove", &[user.id.as_str(), session(ctx)]), ACCOUNT_FROM_NETWORK)])
    }

    /// Counts the beginning of a sign-in through a provider. Fails with the delay if there are too many.
    pub(super) async fn count_begin(&self, address: &str) -> Result<(), Error> {
        self.try_once(&self.failure(vec![(key("external-begin", &[&network(address)]), BEGIN)])).await
    }

    /// Counts an invalid token. Fails with the delay if there are too many. Must be called after the lookup,
    /// so that valid tokens are never delayed.
    pub(super) async fn count_bad_token(&self, kind: TokenGuess, address: &str) -> Result<(), Error> {
        self.try_once(&self.failure(vec![(key(kind.as_str(), &[&network(address)]), TOKENS)])).await
    }

    /// Counts a failure of an address. True if the limit is exceeded and no alert was raised in this window.
    pub(super) async fn fails_often(&self, address: &str) -> Result<bool, Error> {
        let rule = |free| ThrottleRule {
            free,
            delay_ms: SUSPICION_MS,
            delay_max_ms: SUSPICION_MS,
            window_ms: SUSPICION_MS,
        };
        let source = source(address);
        // Two fewer, because this failure is not yet counted and the attempt after `free` still passes.
        let counted = rule(self.rules.suspicious_failures.saturating_sub(2));
        let failures = self.failure(vec![(key("suspicious", &[&source]), counted)]);
        let alarm = self.failure(vec![(key("alarm", &[&source]), rule(0))]);
        let throttle = &self.ports.throttle;
        Ok(throttle.begin(&failures).await?.is_some() && throttle.begin(&alarm).await?.is_none())
    }

    /// An attempt that is counted before it is checked.
    fn attempt(&self, keys: Vec<(String, ThrottleRule)>) -> Attempt {
        let known = |rule: &ThrottleRule| WINDOWS_MS.contains(&rule.window_ms);
        debug_assert!(keys.iter().all(|(_, rule)| known(rule)), "a window that is not in WINDOWS_MS");
        Attempt { keys, at: self.now(), pending: true }
    }

    /// An attempt that has already failed.
    fn failure(&self, keys: Vec<(String, ThrottleRule)>) -> Attempt {
        Attempt { pending: false, ..self.attempt(keys) }
    }

    /// Counts the attempt. Fails with the delay if there were too many.
    pub(super) async fn try_once(&self, attempt: &Attempt) -> Result<(), Error> {
        match self.ports.throttle.begin(attempt).await? {
            Some(retry_after_ms) => {
                self.ports.observer.observe(Observation::Throttled);
                Err(Error::TooManyAttempts { retry_after_ms })
            }
            None => Ok(()),
        }
    }

    /// Counts an attempt as failed. If this cannot be stored, the pending attempt counts as failed after a
    /// while.
    pub(super) async fn attempt_failed(&self, attempt: &Attempt) {
        if let Err(error) = self.ports.throttle.fail(attempt).await {
            tracing::warn!(%error, "a failed attempt could not be counted");
        }
    }

    /// The narrowest unit around the address from which the user has recently signed in: the address or its
    /// network. An unknown user costs the same query, so that the time reveals nothing.
    pub(super) async fn known_place(
        &self,
        user: Option<&UserId>,
        address: &str,
    ) -> Result<Option<String>, Error> {
        let nobody = UserId::parse(NOBODY).expect("a constant id");
        let since = Timestamp(self.now().0 - KNOWN_MS);
        let known = self.ports.sessions.networks(user.unwrap_or(&nobody), since).await?;
        Ok([source(address), network(address)].into_iter().find(|place| known.contains(place)))
    }
}

/// The units to store for the address of a sign-in.
pub(super) fn places(address: &str) -> Vec<String> {
    let mut places = vec![source(address), network(address)];
    places.dedup();
    places
}

fn session(ctx: &RequestContext) -> &str {
    ctx.session.as_ref().map_or("", SessionId::as_str)
}

/// A digest of what is counted, so that the store does not contain names.
fn key(kind: &str, parts: &[&str]) -> String {
    let mut bytes = kind.as_bytes().to_vec();
    for part in parts {
        bytes.push(0);
        bytes.extend_from_slice(part.as_bytes());
    }
    Digest::of(&[&bytes]).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_nobody_and_never_run_together() {
        assert_ne!(key("a", &["bc"]), key("ab", &["c"]));
        assert_ne!(key("a", &["b", "c"]), key("a", &["bc"]));
        assert!(!key("sign-in", &["ann@example.org"]).contains("ann"));
    }
}
