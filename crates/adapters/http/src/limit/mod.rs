//! Rate limits per principal and per address: one limiter per class, each with a bounded number of keys.
//! Throttling of failed sign-ins is separate: the use cases do it for all nodes together.

mod class;
mod clock;
mod header;
mod rules;

pub(crate) use class::Class;
pub(crate) use header::Standing;
pub use rules::{Limit, LimitRules};

use clock::TokioClock;
use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// Maximum number of principals and addresses with a bucket of their own. Near it, all of them share
/// [`SHARED_KEYS`] buckets.
const KEYS_MAX: usize = 100_000;
/// Number of shared buckets.
const SHARED_KEYS: u64 = 1024;
/// Number of requests between two removals of idle keys.
const PRUNE_EVERY: u32 = 16 * 1024;
/// Prefix length of IPv6 addresses that are counted as one: a customer has at least one such network.
const IPV6_PREFIX_BITS: u32 = 64;

type Keyed = RateLimiter<u64, HashMapStateStore<u64>, TokioClock, StateInformationMiddleware>;

/// The limiters of the node.
pub(crate) struct Limits {
    limiters: [Option<Limiter>; Class::ALL.len()],
    hasher: RandomState,
}

/// The request exceeds its limit.
#[derive(Debug)]
pub(crate) struct Exceeded {
    /// The state of the limit, for the headers.
    pub(crate) standing: Standing,
    /// Whole seconds until the next request is admitted, at least 1.
    pub(crate) retry_after: u64,
}

impl Limits {
    pub(crate) fn new(rules: &LimitRules) -> Self {
        let limiter = |class: Class| class.limit(rules).and_then(|limit| Limiter::new(class, limit));
        Self { limiters: Class::ALL.map(limiter), hasher: RandomState::new() }
    }

    /// Counts a request of a principal; `None` if its class has no limit.
    pub(crate) fn principal(&self, class: Class, who: &impl Hash) -> Result<Option<Standing>, Exceeded> {
        self.check(class, &(0_u8, who))
    }

    /// Counts a request from an address; all unknown addresses count as one.
    pub(crate) fn address(&self, class: Class, from: Option<IpAddr>) -> Result<Option<Standing>, Exceeded> {
        self.check(class, &(1_u8, from.map(network)))
    }

    fn check(&self, class: Class, key: &impl Hash) -> Result<Option<Standing>, Exceeded> {
        match &self.limiters[class as usize] {
            Some(limiter) => limiter.check(self.hasher.hash_one(key)).map(Some),
            None => Ok(None),
        }
    }
}

/// The network of one customer: an IPv4 address (also inside IPv6), or the first 64 bits of an IPv6 address.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << IPV6_PREFIX_BITS)).into()),
    }
}

/// The limiter of one class.
struct Limiter {
    class: Class,
    limit: Limit,
    keyed: Keyed,
    clock: TokioClock,
    /// Requests since the last removal of idle keys.
    unseen: AtomicU32,
    /// Whether the number of keys was near the maximum then.
    full: AtomicBool,
}

impl Limiter {
    fn new(class: Class, limit: Limit) -> Option<Self> {
        let per_one = Duration::from_secs(limit.window_seconds.into()) / limit.requests;
        let quota = Quota::with_period(per_one)?.allow_burst(limit.requests.try_into().ok()?);
        let clock = TokioClock::new();
        let keyed = Keyed::new(quota, HashMapStateStore::default(), clock.clone());
        Some(Self { class, limit, keyed, clock, unseen: AtomicU32::new(0), full: AtomicBool::new(false) })
    }

    fn check(&self, key: u64) -> Result<Standing, Exceeded> {
        if self.unseen.fetch_add(1, Ordering::Relaxed) >= PRUNE_EVERY {
            self.unseen.store(0, Ordering::Relaxed);
            self.keyed.retain_recent();
            self.full.store(self.keyed.len() >= KEYS_MAX - PRUNE_EVERY as usize, Ordering::Relaxed);
        }
        let key = if self.full.load(Ordering::Relaxed) { key % SHARED_KEYS } else { key };
        match self.keyed.check_key(&key) {
            Ok(state) => Ok(Standing::left(self.class, self.limit, state.remaining_burst_capacity())),
            Err(refused) => {
                let wait = refused.wait_time_from(self.clock.now());
                let retry_after = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                let retry_after = retry_after.max(1);
                Err(Exceeded { standing: Standing::spent(self.class, self.limit, retry_after), retry_after })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn limits(requests: u32, window_seconds: u32) -> Limits {
        let limit = Some(Limit { requests, window_seconds });
        Limits::new(&LimitRules { read: limit, anonymous: limit, ..LimitRules::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_used_comes_back_with_time() {
        let limits = limits(3, 60);
        for left in [2, 1, 0] {
            let standing = limits.principal(Class::Read, &"a").expect("admitted").expect("limited");
            assert_eq!(standing.remaining(), left);
        }
        let refused = limits.principal(Class::Read, &"a").expect_err("one too many");
        assert_eq!(refused.retry_after, 20, "one of three a minute");
        limits.principal(Class::Read, &"b").expect("another has its own");
        limits.principal(Class::Write, &"a").expect("no limit there");
        tokio::time::advance(Duration::from_millis(19_900)).await;
        limits.principal(Class::Read, &"a").expect_err("not yet");
        tokio::time::advance(Duration::from_millis(200)).await;
        limits.principal(Class::Read, &"a").expect("one came back");
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_counts_as_one() {
        let limits = limits(1, 1);
        let v6 = |low: u16| Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, low)));
        limits.address(Class::Anonymous, v6(1)).expect("the first");
        limits.address(Class::Anonymous, v6(2)).expect_err("of the same network");
        let v4 = Ipv4Addr::new(192, 0, 2, 1);
        limits.address(Class::Anonymous, Some(v4.into())).expect("the first");
        limits.address(Class::Anonymous, Some(v4.to_ipv6_mapped().into())).expect_err("the same address");
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_keys_is_bounded() {
        let limits = limits(1, 3600);
        for key in 0..(KEYS_MAX as u64 * 2) {
            // Refusals are expected: the keys share buckets.
            let _ = limits.principal(Class::Read, &key);
        }
        let limiter = limits.limiters[Class::Read as usize].as_ref().expect("limited");
        assert!(limiter.keyed.len() as u64 <= KEYS_MAX as u64 + 2 * SHARED_KEYS, "{}", limiter.keyed.len());
        tokio::time::advance(Duration::from_secs(7201)).await;
        for _ in 0..=PRUNE_EVERY {
            let _ = limits.principal(Class::Read, &"one");
        }
        assert!(limiter.keyed.len() < 10, "those not heard of lately are forgotten: {}", limiter.keyed.len());
    }
}
