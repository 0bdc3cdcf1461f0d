//! The structure of the settings, before validation. Omitted settings have their default, or are empty, which
//! the validation reports.

use serde::{Deserialize, Serialize};

/// Everything.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `[node]`
    pub node: Node,
    /// `[http]`
    pub http: Http,
    /// `[peer]`
    pub peer: Peer,
    /// `[bootstrap]`
    pub bootstrap: Bootstrap,
    /// `[raft]`
    pub raft: Raft,
    /// `[storage]`
    pub storage: Storage,
    /// `[log]`
    pub log: Log,
    /// `[shutdown]`
    pub shutdown: Shutdown,
    /// `[cluster]`
    pub cluster: Cluster,
    /// `[limits]`
    pub limits: Limits,
    /// `[identity]`
    pub identity: Identity,
}

/// Which node this is.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Node {
    /// See the reference.
    pub id: String,
    /// See the reference.
    pub name: String,
    /// See the reference.
    pub data_dir: String,
}

/// Where clients connect.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// See the reference.
    pub listen: String,
    /// See the reference.
    pub request_timeout_ms: u64,
    /// See the reference.
    pub watchers_max: u64,
    /// See the reference.
    pub watch_heartbeat_ms: u64,
    /// See the reference.
    pub trusted_proxies: u64,
    /// See the reference.
    pub cors_origins: Vec<String>,
    /// See the reference.
    pub connections_per_address: u64,
    /// See the reference.
    pub idle_timeout_ms: u64,
    /// See the reference.
    pub connection_age_max_ms: u64,
    /// See the reference.
    pub write_timeout_ms: u64,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            request_timeout_ms: 10_000,
            watchers_max: 10_000,
            watch_heartbeat_ms: 15_000,
            trusted_proxies: 0,
            cors_origins: Vec::new(),
            connections_per_address: 2_000,
            idle_timeout_ms: 60_000,
            connection_age_max_ms: 3_600_000,
            write_timeout_ms: 60_000,
        }
    }
}

/// Where peers connect.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Peer {
    /// See the reference.
    pub listen: String,
    /// See the reference.
    pub ca_file: String,
    /// See the reference.
    pub cert_file: String,
    /// See the reference.
    pub key_file: String,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:9080".to_owned(),
            ca_file: "tls/ca.pem".to_owned(),
            cert_file: "tls/cert.pem".to_owned(),
            key_file: "tls/key.pem".to_owned(),
        }
    }
}

/// The cluster that the node starts with or joins.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// See the reference.
    pub id: String,
    /// See the reference.
    pub join: bool,
    /// See the reference.
    pub members: Vec<Member>,
}

/// One member that the cluster starts with.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Member {
    /// See the reference.
    pub id: String,
    /// See the reference.
    pub name: String,
    /// See the reference.
    pub peer_addr: String,
    /// See the reference.
    pub api_url: String,
}

/// What a new cluster gets.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bootstrap {
    /// See the reference.
    pub admin_key_sha256: String,
}

/// The replicated log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Raft {
    /// See the reference.
    pub snapshot_every_entries: u64,
    /// See the reference.
    pub snapshot_every_bytes: u64,
}

impl Default for Raft {
    fn default() -> Self {
        Self { snapshot_every_entries: 200_000, snapshot_every_bytes: 256 * 1024 * 1024 }
    }
}

/// The disk that holds the data folder.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// See the reference.
    pub free_bytes_min: u64,
}

/// Log lines.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// See the reference.
    pub format: String,
    /// See the reference.
    pub filter: String,
    /// See the reference.
    pub access_every: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: "json".to_owned(),
            filter: "info,openraft=error,chunked_wal=warn,raft_log=warn".to_owned(),
            access_every: 1,
        }
    }
}

/// The clean stop.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shutdown {
    /// See the reference.
    pub drain_ms: u64,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { drain_ms: 10_000 }
    }
}

/// How many requests one client may send to this node.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// See the reference.
    pub read_per_second: u64,
    /// See the reference.
    pub write_per_second: u64,
    /// See the reference.
    pub watch_open_per_second: u64,
    /// See the reference.
    pub sign_in_per_minute: u64,
    /// See the reference.
    pub anonymous_per_second: u64,
    /// See the reference.
    pub large_mib_per_second: u64,
    /// See the reference.
    pub answer_mib_per_principal: u64,
    /// See the reference.
    pub answer_mib: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            read_per_second: 50_000,
            write_per_second: 20_000,
            watch_open_per_second: 20_000,
            sign_in_per_minute: 300,
            anonymous_per_second: 200,
            large_mib_per_second: 4,
            answer_mib_per_principal: 64,
            answer_mib: 512,
        }
    }
}

/// Who people are, and how they sign in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// See the reference.
    pub database: String,
    /// See the reference.
    pub database_file: String,
    /// See the reference.
    pub migrate: bool,
    /// See the reference.
    pub secrets_dir: String,
    /// See the reference.
    pub secrets_in_use: Vec<String>,
    /// See the reference.
    pub issuer: String,
    /// See the reference.
    pub registration: String,
    /// See the reference.
    pub bootstrap_token_sha256: String,
    /// See the reference.
    pub bcrypt_cost: u64,
    /// See the reference.
    pub session_idle_minutes: u64,
    /// See the reference.
    pub session_max_hours: u64,
    /// See the reference.
    pub sessions_max: u64,
    /// See the reference.
    pub audit_kept_days: u64,
    /// See the reference.
    pub providers: Vec<Provider>,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            database: String::new(),
            database_file: String::new(),
            migrate: true,
            secrets_dir: "secrets".to_owned(),
            secrets_in_use: Vec::new(),
            issuer: String::new(),
            registration: "closed".to_owned(),
            bootstrap_token_sha256: String::new(),
            bcrypt_cost: 12,
            session_idle_minutes: 30,
            session_max_hours: 24,
            sessions_max: 10,
            audit_kept_days: 90,
            providers: Vec::new(),
        }
    }
}

/// One identity provider.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provider {
    /// See the reference.
    pub name: String,
    /// See the reference.
    pub issuer: String,
    /// See the reference.
    pub client_id: String,
    /// See the reference.
    pub client_secret_file: String,
    /// See the reference.
    pub redirect_uri: String,
    /// See the reference.
    pub groups_claim: String,
    /// See the reference.
    pub groups: Vec<String>,
}
