//! Pending TLS handshakes, limited by address and in total. Beyond a limit the oldest is aborted: the
//! handshake of a member takes milliseconds, while others may never end. Failures are counted and folded into
//! one log line.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{HANDSHAKES_MAX, HANDSHAKES_PER_ADDRESS_MAX};
use crate::observe::Observer;

/// Shortest time between two log lines about failed handshakes.
pub(super) const SAID_EVERY: Duration = Duration::from_mins(1);

/// The pending handshakes of this node.
#[derive(Debug)]
pub(super) struct Handshakes {
    observer: Arc<dyn Observer>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The handshakes by address, the oldest first.
    under_way: HashMap<IpAddr, Vec<(u64, CancellationToken)>>,
    count: usize,
    next: u64,
    failed: u64,
    said: Option<Instant>,
}

/// A pending handshake; its place is freed on drop.
#[derive(Debug)]
pub(super) struct Handshake {
    all: Arc<Handshakes>,
    address: SocketAddr,
    number: u64,
    pub(super) given_up: CancellationToken,
}

impl Handshakes {
    pub(super) fn new(observer: Arc<dyn Observer>) -> Arc<Self> {
        Arc::new(Self { observer, inner: Mutex::default() })
    }

    /// Registers a handshake; aborts the oldest beyond a limit.
    pub(super) fn enter(self: &Arc<Self>, address: SocketAddr) -> Handshake {
        let key = address.ip().to_canonical();
        let given_up = CancellationToken::new();
        let mut inner = self.lock();
        if inner.under_way.get(&key).is_some_and(|own| own.len() >= HANDSHAKES_PER_ADDRESS_MAX) {
            inner.give_up_oldest(key);
        } else if inner.count >= HANDSHAKES_MAX
            && let Some(largest) = inner.largest()
        {
            inner.give_up_oldest(largest);
        }
        let number = inner.next;
        inner.next += 1;
        inner.count += 1;
        inner.under_way.entry(key).or_default().push((number, given_up.clone()));
        drop(inner);
        Handshake { all: self.clone(), address, number, given_up }
    }

    /// Counts a failed handshake; logs it at most once in the interval.
    pub(super) fn failed(&self, address: SocketAddr, cause: &str) {
        self.observer.handshake_failed();
        let failed = {
            let mut inner = self.lock();
            inner.failed += 1;
            if inner.said.is_some_and(|said| said.elapsed() < SAID_EVERY) {
                return;
            }
            inner.said = Some(Instant::now());
            std::mem::take(&mut inner.failed)
        };
        tracing::warn!(failed, %address, cause, "TLS handshakes on the peer port failed; the last one is named");
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn largest(&self) -> Option<IpAddr> {
        self.under_way.iter().max_by_key(|(_, own)| own.len()).map(|(key, _)| *key)
    }

    fn give_up_oldest(&mut self, key: IpAddr) {
        let Some((number, given_up)) = self.under_way.get(&key).and_then(|own| own.first()).cloned() else {
            return;
        };
        given_up.cancel();
        self.remove(key, number);
    }

    fn remove(&mut self, key: IpAddr, number: u64) {
        let Some(own) = self.under_way.get_mut(&key) else { return };
        let Some(at) = own.iter().position(|(one, _)| *one == number) else { return };
        own.remove(at);
        self.count -= 1;
        if own.is_empty() {
            self.under_way.remove(&key);
        }
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.all.lock().remove(self.address.ip().to_canonical(), self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Unobserved;

    fn from(address: [u8; 4]) -> SocketAddr {
        (address, 4000).into()
    }

    #[tokio::test]
    async fn the_oldest_of_an_address_makes_room() {
        let all = Handshakes::new(Arc::new(Unobserved));
        let member = all.enter(from([10, 0, 0, 1]));
        let silent: Vec<_> =
            (0..=HANDSHAKES_PER_ADDRESS_MAX).map(|_| all.enter(from([10, 0, 0, 9]))).collect();
        let given_up: Vec<_> = silent.iter().filter(|one| one.given_up.is_cancelled()).collect();
        assert_eq!(given_up.len(), 1);
        assert!(silent[0].given_up.is_cancelled() && !member.given_up.is_cancelled());
        drop(silent);
        assert_eq!(all.lock().count, 1);
    }

    #[tokio::test]
    async fn in_all_the_largest_address_makes_room() {
        let all = Handshakes::new(Arc::new(Unobserved));
        let member = all.enter(from([10, 0, 0, 1]));
        let third = u8::try_from(HANDSHAKES_MAX / 3).expect("small");
        let last_bytes = (0..third).cycle().take(HANDSHAKES_MAX * 2);
        let many: Vec<_> = last_bytes.map(|last| all.enter(from([10, 9, 0, last]))).collect();
        assert!(!member.given_up.is_cancelled());
        let open = many.iter().filter(|one| !one.given_up.is_cancelled()).count();
        assert_eq!(open, HANDSHAKES_MAX - 1);
    }

    #[derive(Debug, Default)]
    struct Counted(std::sync::atomic::AtomicU64);

    impl Observer for Counted {
        fn applied(&self, _: usize, _: f64) {}
        fn log_flushed(&self, _: f64) {}
        fn snapshot_built(&self, _: u64) {}
        fn snapshot_installed(&self) {}
        fn leader_changed(&self) {}
        fn stands_by_vote(&self, _: u64, _: u64) {}
        fn handshake_failed(&self) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_all_counted_and_said_once() {
        let counted = Arc::new(Counted::default());
        let all = Handshakes::new(counted.clone());
        for _ in 0..10 {
            all.failed(from([10, 0, 0, 9]), "silent");
        }
        assert_eq!(counted.0.load(std::sync::atomic::Ordering::Relaxed), 10);
        assert_eq!(all.lock().failed, 9, "those wait for the next line");
        tokio::time::sleep(SAID_EVERY).await;
        all.failed(from([10, 0, 0, 9]), "silent");
        assert_eq!(all.lock().failed, 0);
    }
}
