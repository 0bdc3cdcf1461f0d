//! Validation of settings. Reports all faults at once.

use super::edge::{ConnectionSettings, connections, edge};
use super::identity::{IdentitySettings, identity};
use super::member::{label, members, node_id};
use super::{Fault, Settings};
use adapter_http::EdgeRules;
use adapter_raft::NodeMember;
use adapter_raft::network::PeerTls;
use adapter_raft::space::SpaceLimits;
use adapter_telemetry::{LogFormat, check_log_filter};
use domain::{ClusterId, Digest};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

const REQUEST_TIMEOUT_MS: RangeInclusive<u64> = 100..=600_000;
const WATCHERS_MAX: RangeInclusive<u64> = 1..=100_000;
const WATCH_HEARTBEAT_MS: RangeInclusive<u64> = 100..=60_000;
const SNAPSHOT_EVERY_ENTRIES: RangeInclusive<u64> = 10..=10_000_000;
const LARGE_MIB_PER_SECOND: RangeInclusive<u64> = 0..=65_536;
const SNAPSHOT_EVERY_BYTES: RangeInclusive<u64> = 1 << 20..=1 << 40;
const ACCESS_EVERY: RangeInclusive<u64> = 0..=1_000_000;
const FREE_BYTES_MIN: RangeInclusive<u64> = 0..=1 << 50;
const DRAIN_MS: RangeInclusive<u64> = 0..=300_000;
/// The prefix of an API key, to detect a secret in place of its digest.
const KEY_PREFIX: &str = "gdn_";

/// Validated settings of a node.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// The cluster id.
    pub cluster_id: ClusterId,
    /// The id of this node.
    pub node_id: u64,
    /// The name of this node.
    pub node_name: String,
    /// The data folder.
    pub data_dir: PathBuf,
    /// The listen address for clients.
    pub http_listen: SocketAddr,
    /// Timeout of a request.
    pub request_timeout: Duration,
    /// Maximum number of watchers.
    pub watchers_max: usize,
    /// Idle time after which a watcher is sent a bookmark.
    pub watch_heartbeat: Duration,
    /// The listen address for peers.
    pub peer_listen: SocketAddr,
    /// The TLS credentials for peers.
    pub peer_tls: PeerTls,
    /// The initial members; with `join`, this node and some existing members.
    pub members: Vec<NodeMember>,
    /// Whether a node with a new data folder waits to be added to a cluster.
    pub join: bool,
    /// Digest of the first administrator key.
    pub admin_key_hash: Digest,
    /// Log entries between two snapshots.
    pub snapshot_every_entries: u64,
    pub snapshot_every_bytes: u64,
    pub large_bytes_per_second: u64,
    /// The limits of free disk space.
    pub space: SpaceLimits,
    /// The format of log lines.
    pub log_format: LogFormat,
    /// The log filter.
    pub log_filter: String,
    /// One of this many requests is in the access log; 0 disables it.
    pub access_every: u64,
    /// Maximum duration of a clean stop's wait for requests.
    pub drain: Duration,
    /// Settings of the edge.
    pub edge: EdgeRules,
    /// Settings of client connections.
    pub connections: ConnectionSettings,
    /// Identity settings; `None` without a database, which disables sign-in.
    pub identity: Option<IdentitySettings>,
}

/// Collects faults.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault.
    pub(super) fn add(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.0.push(Fault { key: key.into(), message: message.into() });
    }

    /// Adds a fault and returns a placeholder value.
    pub(super) fn instead<T: Default>(&mut self, key: &str, message: impl Into<String>) -> T {
        self.add(key, message);
        T::default()
    }

    fn address(&mut self, key: &str, text: &str) -> Option<SocketAddr> {
        text.parse()
            .ok()
            .or_else(|| self.instead(key, "must be an IP address and a port, such as 127.0.0.1:8080"))
    }

    /// Checks that the value is within the limits; adds a fault otherwise.
    pub(super) fn within(&mut self, key: &str, value: u64, limits: &RangeInclusive<u64>) -> u64 {
        if !limits.contains(&value) {
            return self.instead(key, format!("must be from {} to {}", limits.start(), limits.end()));
        }
        value
    }

    fn file(&mut self, key: &str, folder: &Path, text: &str) -> Option<Vec<u8>> {
        if text.is_empty() {
            return self.instead(key, "must name a file");
        }
        let path = folder.join(text);
        std::fs::read(&path)
            .map_err(|error| self.add(key, format!("{} cannot be read: {error}", path.display())))
            .ok()
    }

    fn checked<T, E: fmt::Display>(&mut self, key: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(key, error.to_string())).ok()
    }
}

impl Settings {
    /// Validates all settings. Relative paths are relative to `folder`; `environment` may contain secrets.
    pub fn validate(
        &self,
        folder: &Path,
        environment: &BTreeMap<String, String>,
    ) -> Result<ServerSettings, Vec<Fault>> {
        let mut faults = Faults::default();
        let members = members(&mut faults, self);
        if self.cluster.join && self.cluster.members.len() == 1 {
            faults.add("cluster.join", "needs at least one other member in cluster.members");
        }
        let node_id = own_id(&mut faults, self);
        if self.node.data_dir.is_empty() {
            faults.add("node.data_dir", "must name a folder");
        }
        let http_listen = faults.address("http.listen", &self.http.listen);
        let peer_listen = faults.address("peer.listen", &self.peer.listen);
        if let (Some(http), Some(peer)) = (http_listen, peer_listen)
            && http == peer
            && http.port() != 0
        {
            faults.add("peer.listen", "must differ from http.listen");
        }
        let request_timeout_ms =
            faults.within("http.request_timeout_ms", self.http.request_timeout_ms, &REQUEST_TIMEOUT_MS);
        let watchers_max = faults.within("http.watchers_max", self.http.watchers_max, &WATCHERS_MAX);
        let watch_heartbeat_ms =
            faults.within("http.watch_heartbeat_ms", self.http.watch_heartbeat_ms, &WATCH_HEARTBEAT_MS);
        let snapshot_every_entries = faults.within(
            "raft.snapshot_every_entries",
            self.raft.snapshot_every_entries,
            &SNAPSHOT_EVERY_ENTRIES,
        );
        let snapshot_every_bytes =
            faults.within("raft.snapshot_every_bytes", self.raft.snapshot_every_bytes, &SNAPSHOT_EVERY_BYTES);
        let large_mib_per_second = faults.within(
            "limits.large_mib_per_second",
            self.limits.large_mib_per_second,
            &LARGE_MIB_PER_SECOND,
        );
        let access_every = faults.within("log.access_every", self.log.access_every, &ACCESS_EVERY);
        let free_bytes_min =
            faults.within("storage.free_bytes_min", self.storage.free_bytes_min, &FREE_BYTES_MIN);
        let drain_ms = faults.within("shutdown.drain_ms", self.shutdown.drain_ms, &DRAIN_MS);
        let log_format = faults.checked("log.format", self.log.format.parse::<LogFormat>());
        faults.checked("log.filter", check_log_filter(&self.log.filter));
        let admin_key_hash = admin_key_hash(&mut faults, &self.bootstrap.admin_key_sha256);
        let cluster_id = faults.checked("cluster.id", ClusterId::parse(&self.cluster.id));
        let edge = edge(&mut faults, self);
        let connections = connections(&mut faults, self);
        let identity = identity(&mut faults, self, folder, environment);
        let peer_tls = peer_tls(&mut faults, self, cluster_id.as_ref(), node_id, folder);
        let (true, Some(cluster_id), Some(http_listen), Some(peer_listen), Some(peer_tls), Some(log_format)) =
            (faults.0.is_empty(), cluster_id, http_listen, peer_listen, peer_tls, log_format)
        else {
            return Err(faults.0);
        };
        Ok(ServerSettings {
            cluster_id,
            node_id,
            node_name: self.node.name.clone(),
            data_dir: folder.join(&self.node.data_dir),
            http_listen,
            request_timeout: Duration::from_millis(request_timeout_ms),
            watchers_max: usize::try_from(watchers_max).unwrap_or(usize::MAX),
            watch_heartbeat: Duration::from_millis(watch_heartbeat_ms),
            peer_listen,
            peer_tls,
            members,
            join: self.cluster.join,
            admin_key_hash,
            snapshot_every_entries,
            snapshot_every_bytes,
            large_bytes_per_second: large_mib_per_second * 1024 * 1024,
            space: SpaceLimits { free_bytes_min },
            log_format,
            log_filter: self.log.filter.clone(),
            drain: Duration::from_millis(drain_ms),
            edge,
            connections,
            access_every,
            identity,
        })
    }
}

fn own_id(faults: &mut Faults, settings: &Settings) -> u64 {
    let id = node_id(faults, "node.id", &settings.node.id);
    label(faults, "node.name", &settings.node.name);
    match settings.cluster.members.iter().find(|member| member.id == settings.node.id) {
        None => faults.add("node.id", "must be the id of one of cluster.members"),
        Some(own) if own.name != settings.node.name => {
            faults.add("node.name", "must be the name that cluster.members gives to node.id");
        }
        Some(_) => (),
    }
    id
}

fn admin_key_hash(faults: &mut Faults, text: &str) -> Digest {
    let key = "bootstrap.admin_key_sha256";
    if text.starts_with(KEY_PREFIX) {
        return faults
            .instead(key, "is the key itself: put its SHA-256 here, and keep the key out of settings");
    }
    match Digest::parse(text) {
        Some(digest) if digest != Digest::default() => digest,
        _ => faults.instead(key, "must be 64 hexadecimal digits: the SHA-256 of the administrator key"),
    }
}

fn peer_tls(
    faults: &mut Faults,
    settings: &Settings,
    cluster_id: Option<&ClusterId>,
    node_id: u64,
    folder: &Path,
) -> Option<PeerTls> {
    let peer = &settings.peer;
    let ca = faults.file("peer.ca_file", folder, &peer.ca_file);
    let cert = faults.file("peer.cert_file", folder, &peer.cert_file);
    let key = faults.file("peer.key_file", folder, &peer.key_file);
    if node_id == 0 {
        return None;
    }
    faults.checked("peer", PeerTls::from_pem(cluster_id?.as_str(), node_id, &ca?, &cert?, &key?))
}
