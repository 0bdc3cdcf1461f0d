//! Slowing down those who guess, without shutting out those whose name they guess with.

use super::shared::Shared;
use crate::Error;
use crate::ports::identity::{Attempt, AuditOutcome, AuditQuery, Observation, ThrottleRule};
use domain::{Digest, Timestamp, UserId};
use std::net::IpAddr;

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;

/// One account from one network: what a person who mistypes meets after five failures.
const ACCOUNT_FROM_NETWORK: ThrottleRule =
    ThrottleRule { free: 4, delay_ms: SECOND_MS, delay_max_ms: 15 * MINUTE_MS, window_ms: 15 * MINUTE_MS };
/// One account from anywhere. Short waits, so that nobody can shut another out for long.
const ACCOUNT: ThrottleRule =
    ThrottleRule { free: 20, delay_ms: SECOND_MS, delay_max_ms: 30 * SECOND_MS, window_ms: 60 * MINUTE_MS };
/// One network, whatever the account: many people may be behind it.
const NETWORK: ThrottleRule =
    ThrottleRule { free: 50, delay_ms: SECOND_MS, delay_max_ms: 5 * MINUTE_MS, window_ms: 60 * MINUTE_MS };
/// Sign-ins through providers that are begun from one network: one network cannot drive out those of all others.
const BEGIN: ThrottleRule =
    ThrottleRule { free: 300, delay_ms: SECOND_MS, delay_max_ms: SECOND_MS, window_ms: 15 * MINUTE_MS };
/// For how long a network in which a person has signed in is known, and how many sign-ins are looked at for it.
const KNOWN_MS: i64 = 30 * 24 * 60 * MINUTE_MS;
const SIGN_INS_LOOKED_AT: u32 = 50;
/// The span in which failures of one address are counted that make it suspicious, and that one alarm is for.
const SUSPICION_MS: i64 = 60 * MINUTE_MS;
/// What guesses of the bootstrap token are called.
pub(super) const BOOTSTRAP: &str = "bootstrap";
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
/// One refresh token: many at once are one client that repeats itself.
const REFRESH: ThrottleRule =
    ThrottleRule { free: 100, delay_ms: SECOND_MS, delay_max_ms: MINUTE_MS, window_ms: 15 * MINUTE_MS };
/// Refresh tokens from one network.
const REFRESH_NETWORK: ThrottleRule =
    ThrottleRule { free: 300, delay_ms: SECOND_MS, delay_max_ms: 10 * SECOND_MS, window_ms: 15 * MINUTE_MS };

/// The windows of all rules.
const WINDOWS_MS: [i64; 9] = [
    ACCOUNT_FROM_NETWORK.window_ms,
    ACCOUNT.window_ms,
    NETWORK.window_ms,
    BEGIN.window_ms,
    SUSPICION_MS,
    CHALLENGE.window_ms,
    FACTOR.window_ms,
    REFRESH.window_ms,
    REFRESH_NETWORK.window_ms,
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

impl Shared {
    pub(super) fn sign_in_attempt(&self, account: &str, address: &str) -> Attempt {
        let network = network(address);
        self.attempt(vec![
            (key("sign-in", &[account, &network]), ACCOUNT_FROM_NETWORK),
            (key("sign-in-account", &[account]), ACCOUNT),
            (key("sign-in-network", &[&network]), NETWORK),
        ])
    }

    /// An attempt that names no account: counted by network alone, so that nobody slows down everybody else.
    pub(super) fn network_attempt(&self, kind: &str, address: &str) -> Attempt {
        let network = network(address);
        let rule = if kind == BOOTSTRAP { ACCOUNT_FROM_NETWORK } else { NETWORK };
        self.attempt(vec![(key(kind, &[&network]), rule), (key("sign-in-network", &[&network]), NETWORK)])
    }

    /// The beginning of a sign-in through a provider.
    pub(super) fn begin_attempt(&self, address: &str) -> Attempt {
        self.attempt(vec![(key("external-begin", &[&network(address)]), BEGIN)])
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
        let failures = self.attempt(vec![(key("suspicious", &[&source]), counted)]);
        let alarm = self.attempt(vec![(key("alarm", &[&source]), rule(0))]);
        let throttle = &self.ports.throttle;
        Ok(throttle.begin(&failures).await?.is_some() && throttle.begin(&alarm).await?.is_none())
    }

    pub(super) fn factor_attempt(&self, challenge: &str, user: &str, address: &str) -> Attempt {
        self.attempt(vec![
            (key("factor", &[user]), FACTOR),
            (key("challenge", &[challenge]), CHALLENGE),
            (key("sign-in-network", &[&network(address)]), NETWORK),
        ])
    }

    pub(super) fn refresh_attempt(&self, token: &Digest, address: &str) -> Attempt {
        self.attempt(vec![
            (key("refresh", &[&token.to_string()]), REFRESH),
            (key("refresh-network", &[&network(address)]), REFRESH_NETWORK),
        ])
    }

    fn attempt(&self, keys: Vec<(String, ThrottleRule)>) -> Attempt {
        let known = |rule: &ThrottleRule| WINDOWS_MS.contains(&rule.window_ms);
        debug_assert!(keys.iter().all(|(_, rule)| known(rule)), "a window that is not in WINDOWS_MS");
        Attempt { keys, at: self.now() }
    }

    /// Counts the attempt, or says how long to wait.
    pub(super) async fn try_once(&self, attempt: &Attempt) -> Result<(), Error> {
        match self.ports.throttle.begin(attempt).await? {
            Some(retry_after_ms) => Err(self.throttled(retry_after_ms)),
            None => Ok(()),
        }
    }

    fn throttled(&self, retry_after_ms: i64) -> Error {
        self.ports.observer.observe(Observation::Throttled);
        Error::TooManyAttempts { retry_after_ms }
    }

    /// Counts an attempt of [`Self::sign_in_attempt`], or says how long to wait; gives what was counted. Guesses from
    /// anywhere make nobody wait where the person has signed in lately: what is left there are the failures of that
    /// network. Who is unknown costs the same search.
    pub(super) async fn try_from_where_known(
        &self,
        mut attempt: Attempt,
        user: Option<&UserId>,
        address: &str,
    ) -> Result<Attempt, Error> {
        let wait = self.ports.throttle.begin(&attempt).await?;
        if wait.is_some() && self.has_signed_in_from(user, address).await? {
            attempt.keys.retain(|(_, rule)| *rule != ACCOUNT);
            self.try_once(&attempt).await?;
            return Ok(attempt);
        }
        match wait {
            Some(retry_after_ms) => Err(self.throttled(retry_after_ms)),
            None => Ok(attempt),
        }
    }

    async fn has_signed_in_from(&self, user: Option<&UserId>, address: &str) -> Result<bool, Error> {
        let query = AuditQuery {
            actor: Some(format!("user:{}", user.map_or("unknown", UserId::as_str))),
            action: Some("auth.login".to_owned()),
            outcome: Some(AuditOutcome::Success),
            from: Some(Timestamp(self.now().0 - KNOWN_MS)),
            ..AuditQuery::default()
        };
        let signed_in = self.ports.audit.search(&query, None, SIGN_INS_LOOKED_AT).await?;
        let here = network(address);
        Ok(signed_in.iter().any(|one| network(&one.record.address) == here))
    }

    /// Takes back an attempt that was not looked at: one that counts for none of its keys.
    pub(super) async fn withdraw(&self, mut attempt: Attempt) -> Result<(), Error> {
        let nobody = key("nobody", &[]);
        attempt.keys.insert(0, (nobody, ACCOUNT));
        Ok(self.ports.throttle.succeed(&attempt).await?)
    }
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

/// The network of an address: what one party usually has whole. IPv4 by 24 bits, IPv6 by 64.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(v4)) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_) => "unknown".to_owned(),
    }
}

/// Who is counted as one when failures are: an address, of IPv6 its network, which one party has whole.
fn source(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(v4)) => v4.to_string(),
        _ => network(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_network() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.0/24"),
            ("::ffff:192.0.2.7", "192.0.2.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("", "unknown"),
            ("not an address", "unknown"),
        ] {
            assert_eq!(network(address), expected);
        }
    }

    #[test]
    fn keys_name_nobody_and_never_run_together() {
        assert_ne!(key("a", &["bc"]), key("ab", &["c"]));
        assert_ne!(key("a", &["b", "c"]), key("a", &["bc"]));
        assert!(!key("sign-in", &["ann@example.org"]).contains("ann"));
    }
}
