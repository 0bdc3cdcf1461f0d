//! Slowing down those who guess, without shutting out those whose name or network they guess with.
//!
//! Passwords and codes can be guessed: attempts at them are counted before they are looked at. Where the user has
//! signed in lately only attempts at that user from there count, so no failure of others makes a user wait. From
//! elsewhere the account and the network are counted too. Random tokens cannot be guessed: they are looked up
//! first, and only those that are not good are counted, by network.

use super::network::{network, source};
use super::shared::Shared;
use crate::ports::identity::{Attempt, Observation, ThrottleRule, User};
use crate::{Error, RequestContext};
use domain::{Digest, SessionId, Timestamp, UserId};

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;

/// One account from one network, or from one address where the user has signed in from that: what a person who
/// mistypes meets after five failures.
const ACCOUNT_FROM_NETWORK: ThrottleRule =
    ThrottleRule { free: 4, delay_ms: SECOND_MS, delay_max_ms: 15 * MINUTE_MS, window_ms: 15 * MINUTE_MS };
/// One account from anywhere. Short waits, so that nobody can shut another out for long.
const ACCOUNT: ThrottleRule =
    ThrottleRule { free: 20, delay_ms: SECOND_MS, delay_max_ms: 30 * SECOND_MS, window_ms: 60 * MINUTE_MS };
/// One network, whatever the account, for unknown users and those who never signed in there: many people may be
/// behind it.
const NETWORK: ThrottleRule =
    ThrottleRule { free: 50, delay_ms: SECOND_MS, delay_max_ms: 5 * MINUTE_MS, window_ms: 60 * MINUTE_MS };
/// Sign-ins through providers that are begun from one network: one network cannot drive out those of all others.
const BEGIN: ThrottleRule =
    ThrottleRule { free: 300, delay_ms: SECOND_MS, delay_max_ms: SECOND_MS, window_ms: 15 * MINUTE_MS };
/// For how long a network in which a person has signed in is known.
const KNOWN_MS: i64 = 30 * 24 * 60 * MINUTE_MS;
/// The user in whose name the networks of an unknown user are looked for.
const NOBODY: &str = "unknown";
/// The span in which failures of one address are counted that make it suspicious, and that one alarm is for.
const SUSPICION_MS: i64 = 60 * MINUTE_MS;
/// One challenge: as many tries, then none for longer than it lasts.
const CHALLENGE: ThrottleRule = ThrottleRule {
    free: super::challenge::TRIES - 1,
    delay_ms: 10 * MINUTE_MS,
    delay_max_ms: 10 * MINUTE_MS,
    window_ms: 10 * MINUTE_MS,
};
/// One person's second factor, over all challenges: with five tries and then a doubling wait up to 15 minutes, a
/// code of six digits withstands years.
const FACTOR: ThrottleRule = ThrottleRule {
    free: 5,
    delay_ms: SECOND_MS,
    delay_max_ms: 15 * MINUTE_MS,
    window_ms: 24 * 60 * MINUTE_MS,
};
/// Tokens from one network that are not good: nobody guesses one, but each costs a lookup and a record.
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
/// For how long a failure counts at most, in milliseconds: what is younger must not be forgotten.
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
    /// A sign-in with the password of an account, which may be unknown.
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

    /// A guess of the bootstrap token, of whose strength nothing is known.
    pub(super) fn bootstrap_attempt(&self, address: &str) -> Attempt {
        self.attempt(vec![(key("bootstrap", &[&source(address)]), ACCOUNT_FROM_NETWORK)])
    }

    /// A registration where anybody may register.
    pub(super) fn register_attempt(&self, address: &str) -> Attempt {
        self.attempt(vec![(key("register", &[&network(address)]), NETWORK)])
    }

    /// The second factor of a user who showed the password. Users who signed in here lately do not wait for those
    /// who know their password elsewhere.
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

    /// The first code of a second factor. Counted by session: one in wrong hands holds up nobody else.
    pub(super) fn confirm_attempt(&self, ctx: &RequestContext, user: &UserId) -> Attempt {
        self.attempt(vec![(key("factor-confirm", &[user.as_str(), session(ctx)]), FACTOR)])
    }

    /// The password of somebody who is signed in. Counted by session, as above.
    pub(super) fn prove_attempt(&self, ctx: &RequestContext, user: &User) -> Attempt {
        self.attempt(vec![(key("prove", &[user.id.as_str(), session(ctx)]), ACCOUNT_FROM_NETWORK)])
    }

    /// The beginning of a sign-in through a provider: counts, or says how long to wait.
    pub(super) async fn count_begin(&self, address: &str) -> Result<(), Error> {
        self.try_once(&self.failure(vec![(key("external-begin", &[&network(address)]), BEGIN)])).await
    }

    /// Counts a token that is not good, or says how long to wait. To be called after the token was looked up, so
    /// that nobody who shows a good one waits.
    pub(super) async fn count_bad_token(&self, kind: TokenGuess, address: &str) -> Result<(), Error> {
        self.try_once(&self.failure(vec![(key(kind.as_str(), &[&network(address)]), TOKENS)])).await
    }

    /// Counts a failure of an address; says whether it is one too many, and nobody has heard of that yet.
    pub(super) async fn fails_often(&self, address: &str) -> Result<bool, Error> {
        let rule = |free| ThrottleRule {
            free,
            delay_ms: SUSPICION_MS,
            delay_max_ms: SUSPICION_MS,
            window_ms: SUSPICION_MS,
        };
        let source = source(address);
        // Two fewer: this failure is not among those that were counted, and the one after `free` still goes through.
        let counted = rule(self.rules.suspicious_failures.saturating_sub(2));
        let failures = self.failure(vec![(key("suspicious", &[&source]), counted)]);
        let alarm = self.failure(vec![(key("alarm", &[&source]), rule(0))]);
        let throttle = &self.ports.throttle;
        Ok(throttle.begin(&failures).await?.is_some() && throttle.begin(&alarm).await?.is_none())
    }

    /// An attempt that is counted before it is looked at.
    fn attempt(&self, keys: Vec<(String, ThrottleRule)>) -> Attempt {
        let known = |rule: &ThrottleRule| WINDOWS_MS.contains(&rule.window_ms);
        debug_assert!(keys.iter().all(|(_, rule)| known(rule)), "a window that is not in WINDOWS_MS");
        Attempt { keys, at: self.now(), pending: true }
    }

    /// An attempt that has failed already.
    fn failure(&self, keys: Vec<(String, ThrottleRule)>) -> Attempt {
        Attempt { pending: false, ..self.attempt(keys) }
    }

    /// Counts the attempt, or says how long to wait.
    pub(super) async fn try_once(&self, attempt: &Attempt) -> Result<(), Error> {
        match self.ports.throttle.begin(attempt).await? {
            Some(retry_after_ms) => {
                self.ports.observer.observe(Observation::Throttled);
                Err(Error::TooManyAttempts { retry_after_ms })
            }
            None => Ok(()),
        }
    }

    /// Counts an attempt for good. One that cannot be counted now counts by itself after a while.
    pub(super) async fn attempt_failed(&self, attempt: &Attempt) {
        if let Err(error) = self.ports.throttle.fail(attempt).await {
            tracing::warn!(%error, "a failed attempt could not be counted");
        }
    }

    /// The narrowest place around the address where the user has signed in lately: the address itself, or its
    /// network. Who is unknown costs the same search.
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

/// What is remembered of the address of a sign-in.
pub(super) fn places(address: &str) -> Vec<String> {
    let mut places = vec![source(address), network(address)];
    places.dedup();
    places
}

fn session(ctx: &RequestContext) -> &str {
    ctx.session.as_ref().map_or("", SessionId::as_str)
}

/// A digest of what is counted, because the names themselves are nobody's business.
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
