//! The open connections and eviction: limits per client address first, then in total, with additional slots
//! for probes.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Prefix length of IPv6 addresses that count as one client: a client usually has a whole /64.
const CLIENT_PREFIX_BITS: u32 = 64;
/// Maximum number of evictions per second and address for new connections of the same address; the search for
/// an idle connection is expensive.
const EVICTIONS_PER_SECOND_MAX: u32 = 200;
/// Minimum interval between two log lines about evictions.
const SAID_EVERY: Duration = Duration::from_mins(1);

/// Limits of connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots {
    /// Maximum in total.
    pub(super) total: usize,
    /// Maximum per address; `None` behind proxies, which all connections come from.
    pub(super) per_address: Option<usize>,
    /// Additional slots for probes.
    pub(super) probes: usize,
}

/// The state of a connection.
#[derive(Debug)]
pub(super) struct Link {
    client: SocketAddr,
    began: Instant,
    /// Requests whose responses are not sent yet; `asked` counts all requests.
    in_flight: AtomicUsize,
    asked: AtomicUsize,
    /// When the last request ended, in milliseconds since `began`.
    idle_since_ms: AtomicU64,
    /// Unsent parts of responses; `sent_ms` is the time of the last sent part.
    unsent: AtomicUsize,
    sent_ms: AtomicU64,
    /// Cancelled to evict the connection.
    pub(super) evicted: CancellationToken,
    /// Whether it only serves probes.
    pub(super) probes_only: bool,
}

impl Link {
    fn new(client: SocketAddr, probes_only: bool) -> Arc<Self> {
        Arc::new(Self {
            client,
            began: Instant::now(),
            in_flight: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
            idle_since_ms: AtomicU64::new(0),
            unsent: AtomicUsize::new(0),
            sent_ms: AtomicU64::new(0),
            evicted: CancellationToken::new(),
            probes_only,
        })
    }

    pub(super) fn client(&self) -> SocketAddr {
        self.client
    }

    pub(super) fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn request_began(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        self.asked.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn request_ended(&self) {
        self.idle_since_ms.store(self.now_ms(), Ordering::Release);
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }

    pub(super) fn part_handed_over(&self) {
        if self.unsent.fetch_add(1, Ordering::AcqRel) == 0 {
            self.sent_ms.store(self.now_ms(), Ordering::Release);
        }
    }

    pub(super) fn part_sent(&self) {
        self.sent_ms.store(self.now_ms(), Ordering::Release);
        self.unsent.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether a request was received.
    pub(super) fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire) > 0
    }

    /// Time since the last request ended; `None` while a request is pending.
    pub(super) fn idle(&self) -> Option<Duration> {
        let idle_ms = self.now_ms().saturating_sub(self.idle_since_ms.load(Ordering::Acquire));
        (self.in_flight.load(Ordering::Acquire) == 0).then(|| Duration::from_millis(idle_ms))
    }

    /// Time since a part was sent; `None` if no part is pending.
    pub(super) fn stalled(&self) -> Option<Duration> {
        let ms = self.now_ms().saturating_sub(self.sent_ms.load(Ordering::Acquire));
        (self.unsent.load(Ordering::Acquire) > 0).then(|| Duration::from_millis(ms))
    }

    /// Eviction priority, highest first: connections without requests, then with few requests, then with a
    /// long idle time. `None` while a request is pending.
    fn spare(&self) -> Option<(u32, Duration)> {
        let used = usize::BITS - self.asked.load(Ordering::Acquire).leading_zeros();
        self.idle().map(|idle| (u32::MAX - used, idle))
    }
}

/// The connections of this node.
#[derive(Debug)]
pub(super) struct Table {
    slots: Slots,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    clients: HashMap<IpAddr, Vec<Arc<Link>>>,
    /// Evictions for the same address: start of the current second, and the number since.
    evictions: HashMap<IpAddr, (Instant, u32)>,
    total: usize,
    probes: VecDeque<Arc<Link>>,
    said: Option<Instant>,
}

/// A slot of a connection, released on drop.
#[derive(Debug)]
pub(super) struct Entry {
    table: Arc<Table>,
    link: Arc<Link>,
}

impl Entry {
    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.table.lock().remove(&self.link);
    }
}

impl Table {
    pub(super) fn new(slots: Slots) -> Arc<Self> {
        Arc::new(Self { slots, inner: Mutex::default() })
    }

    /// Takes a slot.
    ///
    /// - At the limit of the address, an idle connection of this address is evicted.
    /// - At the total limit, an idle connection of the address with the most connections is evicted.
    /// - If no connection is idle, the new one only serves probes.
    /// - `None` if the address exceeds [`EVICTIONS_PER_SECOND_MAX`]; the connection must be closed at once.
    pub(super) fn enter(self: &Arc<Self>, client: SocketAddr) -> Option<Entry> {
        let key = client_key(client.ip());
        let mut inner = self.lock();
        let own = inner.clients.get(&key).map_or(0, Vec::len);
        let crowded = self.slots.per_address.is_some_and(|max| own >= max);
        let full = inner.total >= self.slots.total;
        let room = if crowded {
            inner.say("a client has as many connections as one address may", client);
            if inner.evicts_too_fast(key) {
                return None;
            }
            inner.evict(key)
        } else if full {
            inner.say("the node has as many connections as it may", client);
            inner.largest().is_some_and(|largest| inner.evict(largest))
        } else {
            true
        };
        let link = Link::new(client, !room);
        if room {
            inner.total += 1;
            inner.clients.entry(key).or_default().push(link.clone());
        } else {
            if inner.probes.len() >= self.slots.probes
                && let Some(oldest) = inner.probes.pop_front()
            {
                oldest.evicted.cancel();
            }
            inner.probes.push_back(link.clone());
        }
        drop(inner);
        Some(Entry { table: self.clone(), link })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Evicts the connection of an address with the highest priority; false if all have pending requests.
    fn evict(&mut self, key: IpAddr) -> bool {
        let links = self.clients.get(&key).into_iter().flatten();
        // The first among equals is the oldest.
        let spare =
            links.filter_map(|link| Some((link.spare()?, link))).min_by_key(|(spare, _)| Reverse(*spare));
        let Some(link) = spare.map(|(_, link)| link.clone()) else { return false };
        link.evicted.cancel();
        self.remove(&link);
        true
    }

    /// Counts an eviction for the same address; returns whether there were too many within a second.
    fn evicts_too_fast(&mut self, key: IpAddr) -> bool {
        let now = Instant::now();
        let (since, count) = self.evictions.entry(key).or_insert((now, 0));
        if now.duration_since(*since) >= Duration::from_secs(1) {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count > EVICTIONS_PER_SECOND_MAX
    }

    /// The address with the most connections, among those with an idle one.
    fn largest(&self) -> Option<IpAddr> {
        let idle = |links: &Vec<Arc<Link>>| links.iter().any(|link| link.idle().is_some());
        let clients = self.clients.iter().filter(|(_, links)| idle(links));
        clients.max_by_key(|(_, links)| links.len()).map(|(key, _)| *key)
    }

    fn remove(&mut self, link: &Arc<Link>) {
        if link.probes_only {
            self.probes.retain(|one| !Arc::ptr_eq(one, link));
            return;
        }
        let key = client_key(link.client.ip());
        let Some(links) = self.clients.get_mut(&key) else { return };
        let Some(at) = links.iter().position(|one| Arc::ptr_eq(one, link)) else { return };
        links.remove(at);
        self.total -= 1;
        if links.is_empty() {
            self.clients.remove(&key);
            self.evictions.remove(&key);
        }
    }

    fn say(&mut self, what: &str, client: SocketAddr) {
        if self.said.is_none_or(|said| said.elapsed() >= SAID_EVERY) {
            self.said = Some(Instant::now());
            tracing::warn!(%client, connections = self.total, "{what}; idle ones make room");
        }
    }
}

/// The key of a client: its IPv4 address, or the network of its IPv6 address.
fn client_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let mask = u128::MAX << (u128::BITS - CLIENT_PREFIX_BITS);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(total: usize, per_address: usize) -> Arc<Table> {
        Table::new(Slots { total, per_address: Some(per_address), probes: 2 })
    }

    fn client(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().expect("an address"), 4000)
    }

    fn enter(table: &Arc<Table>, address: &str) -> Entry {
        table.enter(client(address)).expect("a place")
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_cannot_replace_its_connections_fast() {
        let table = table(100, 2);
        let places: Vec<_> = (0..1000).filter_map(|_| table.enter(client("10.0.0.1"))).collect();
        assert_eq!(places.len(), 2 + EVICTIONS_PER_SECOND_MAX as usize);
        assert!(!enter(&table, "10.0.0.2").link().probes_only, "others do not notice");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!enter(&table, "10.0.0.1").link().probes_only);
    }

    #[tokio::test(start_paused = true)]
    async fn the_idle_connections_of_an_address_make_room_for_its_own() {
        let table = table(100, 2);
        let other = enter(&table, "10.0.0.2");
        let [silent, busy] = [enter(&table, "10.0.0.1"), enter(&table, "10.0.0.1")];
        busy.link().request_began();
        let third = enter(&table, "10.0.0.1");
        assert!(silent.link().evicted.is_cancelled() && !busy.link().evicted.is_cancelled());
        third.link().request_began();
        let fourth = enter(&table, "10.0.0.1");
        assert!(fourth.link().probes_only, "all are in use");
        assert!(!enter(&table, "10.0.0.3").link().probes_only);
        assert!(!other.link().evicted.is_cancelled());
        drop(third);
        assert!(!enter(&table, "10.0.0.1").link().probes_only);
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_asked_most_go_last() {
        let table = table(2, 100);
        let [good, bad] = [enter(&table, "10.0.0.1"), enter(&table, "10.0.0.1")];
        for _ in 0..10 {
            good.link().request_began();
            good.link().request_ended();
        }
        bad.link().request_began();
        bad.link().request_ended();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let _third = enter(&table, "10.0.0.2");
        assert!(bad.link().evicted.is_cancelled() && !good.link().evicted.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn probes_have_places_of_their_own() {
        let table = table(1, 1);
        let only = enter(&table, "10.0.0.1");
        only.link().request_began();
        let probes: Vec<Entry> = (0..3).map(|_| enter(&table, "10.0.0.2")).collect();
        assert!(probes.iter().all(|probe| probe.link().probes_only));
        let evicted: Vec<bool> = probes.iter().map(|probe| probe.link().evicted.is_cancelled()).collect();
        assert_eq!(evicted, [true, false, false], "the oldest makes room");
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        let key = |text: &str| client_key(text.parse().expect("an address"));
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
    }
}
