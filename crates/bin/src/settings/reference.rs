//! The table of all settings, and the reference page generated from it.

use std::fmt::Write as _;

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Section and name; `[]` stands for each element of a list.
    pub key: &'static str,
    /// The type and the limits.
    pub kind: &'static str,
    /// The default; `None` if the setting is required.
    pub default: Option<&'static str>,
    /// The description.
    pub doc: &'static str,
}

const fn key(key: &'static str, kind: &'static str, default: Option<&'static str>, doc: &'static str) -> Key {
    Key { key, kind, default, doc }
}

/// All settings.
pub const KEYS: &[Key] = &[
    key(
        "node.id",
        "decimal number as a string, 1 to 2^63-1",
        None,
        "Which of the members this node is. Random, and never used again once the node's disk is lost.",
    ),
    key("node.name", "string, `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`", None, "The member's name."),
    key("node.data_dir", "path", None, "Where the node keeps everything. One process at a time."),
    key(
        "http.listen",
        "IP address and port",
        Some("127.0.0.1:8080"),
        "Where clients connect. Port 0 takes any free one.",
    ),
    key(
        "http.request_timeout_ms",
        "integer, 100 to 600000",
        Some("10000"),
        "How long a request may take. A write that takes longer has an unknown outcome.",
    ),
    key(
        "http.watchers_max",
        "integer, 1 to 100000",
        Some("10000"),
        "How many clients may watch, or wait for a change, at a time. Each has a connection of its own. A project has \
         half of them unless its quotas say otherwise, never more than three quarters; a principal a quarter.",
    ),
    key(
        "http.watch_heartbeat_ms",
        "integer, 100 to 60000",
        Some("15000"),
        "After how long without an event a watcher is sent a bookmark. Below the idle time of proxies.",
    ),
    key(
        "http.trusted_proxies",
        "integer, 0 to 8",
        Some("0"),
        "Through how many proxies every request comes. So many entries of `X-Forwarded-For`, from the right, are \
         believed, and `X-Forwarded-Proto`; with 0 the address of the connection counts, so behind a proxy all \
         clients count as one address.",
    ),
    key(
        "http.cors_origins",
        "list of origins, at most 32",
        Some("[]"),
        "The origins whose pages may read answers, such as `https://console.example`.",
    ),
    key(
        "http.connections_per_address",
        "integer, 0 to 100000",
        Some("2000"),
        "Most connections from one address (one /64 network of IPv6), and never more than three quarters of all; 0 is no bound \
         of its own. Idle ones make room. Without effect behind trusted proxies.",
    ),
    key(
        "http.idle_timeout_ms",
        "integer, 100 to 3600000",
        Some("60000"),
        "After how long without a request an HTTP/2 connection is closed (GOAWAY). HTTP/1.1: after 10 s, or this if it \
         is less.",
    ),
    key(
        "http.connection_age_max_ms",
        "integer, 1000 to 86400000",
        Some("3600000"),
        "After how long a connection takes no more requests (GOAWAY); what was asked before is answered.",
    ),
    key(
        "http.write_timeout_ms",
        "integer, 100 to 600000",
        Some("60000"),
        "How long a client may take nothing of an answer. The stream of HTTP/2 is then reset, the connection of \
         HTTP/1.1 closed.",
    ),
    key("peer.listen", "IP address and port", Some("127.0.0.1:9080"), "Where the other members connect."),
    key("peer.ca_file", "path", Some("tls/ca.pem"), "The cluster's certificate authority, PEM."),
    key(
        "peer.cert_file",
        "path",
        Some("tls/cert.pem"),
        "This node's certificate, PEM, for `node-<id>.<cluster id>.guardian.internal`.",
    ),
    key("peer.key_file", "path", Some("tls/key.pem"), "Its private key, PEM."),
    key(
        "bootstrap.admin_key_sha256",
        "64 hexadecimal digits",
        None,
        "SHA-256 of the first administrator key. Used once, when the cluster forms; the same on every member.",
    ),
    key(
        "raft.snapshot_every_entries",
        "integer, 10 to 10000000",
        Some("200000"),
        "How many log entries between two snapshots.",
    ),
    key(
        "raft.snapshot_every_bytes",
        "integer, 1048576 to 1099511627776",
        Some("268435456"),
        "How many bytes of log entries between two snapshots, if this is reached before `raft.snapshot_every_entries`. The log takes at most about twice as much, and 128 MiB.",
    ),
    key(
        "storage.free_bytes_min",
        "integer, 0 to 1125899906842624",
        Some("0"),
        "While the disk of `node.data_dir` has fewer free bytes, the cluster refuses changes that grow with 507 \
         `disk_full`. 0 takes 5 % of the disk, at least 256 MiB and at most 1 GiB, and never more than a quarter of \
         the disk.",
    ),
    key("log.format", "`json` or `text`", Some("json"), "How log lines are written, to standard error."),
    key(
        "log.filter",
        "string",
        Some("info,openraft=error,chunked_wal=warn,raft_log=warn"),
        "What is logged: a level, and others for some modules. openraft warns at every heartbeat that a \
         member misses.",
    ),
    key(
        "log.access_every",
        "integer, 0 to 1000000",
        Some("1"),
        "One line of the access log for so many requests; 0 is none at all. Otherwise answers with a status from 500 on always have one. Module `access` of the filter.",
    ),
    key(
        "shutdown.drain_ms",
        "integer, 0 to 300000",
        Some("10000"),
        "How long a clean stop waits for requests that are being answered.",
    ),
    key(
        "limits.read_per_second",
        "integer, 0 to 1000000",
        Some("50000"),
        "Reads of one principal at this node, and as many at once; 0 is no limit. Beyond: 429 `rate_limited`.",
    ),
    key(
        "limits.write_per_second",
        "integer, 0 to 1000000",
        Some("20000"),
        "Changes of one principal at this node; 0 is no limit.",
    ),
    key(
        "limits.watch_open_per_second",
        "integer, 0 to 1000000",
        Some("20000"),
        "Watches that one principal opens at this node; 0 is no limit.",
    ),
    key(
        "limits.sign_in_per_minute",
        "integer, 0 to 1000000",
        Some("300"),
        "Sign-ins, refreshes and registrations from one address at this node; 0 is no limit. Guessing is slowed \
         down apart from this, for all nodes together.",
    ),
    key(
        "limits.anonymous_per_second",
        "integer, 0 to 1000000",
        Some("200"),
        "Requests from one address without a credential, or with one that is no good; 0 is no limit.",
    ),
    key(
        "limits.large_mib_per_second",
        "integer, 0 to 65536",
        Some("4"),
        "MiB of documents and schemas that one project may write through this node in a second, counting changes of at least 64 KiB, one after the other; 0 is no limit. Beyond: the change waits up to 5 seconds, with at most 16 MiB of the project, and then 503 `overloaded`.",
    ),
    key(
        "limits.answer_mib_per_principal",
        "integer, 16 to 65536",
        Some("64"),
        "MiB of answers to one principal that it has not taken yet. Beyond: a short wait, then 503 `overloaded`.",
    ),
    key(
        "limits.answer_mib",
        "integer, 16 to 1048576",
        Some("512"),
        "MiB of answers that the clients of this node together have not taken yet.",
    ),
    key(
        "identity.database",
        "address without a password",
        Some(""),
        "The database of people: `sqlite:FILE` for one node, `postgres://user@host/name?sslmode=verify-full` for a cluster; a server on another host needs an `sslmode`, and not `prefer` or `allow`. Without it \
         nobody signs in, and API keys work as ever.",
    ),
    key(
        "identity.database_file",
        "path",
        Some(""),
        "A file with the address, in place of `identity.database`, so that it may hold a password.",
    ),
    key(
        "identity.migrate",
        "`true` or `false`",
        Some("true"),
        "Whether the node brings the database's schema up to date when it starts; else `guardian migrate` does.",
    ),
    key(
        "identity.secrets_dir",
        "path",
        Some("secrets"),
        "The secrets of the cluster, the same on every member: `signing-N.pem`, `pepper-N.key`, `cluster-N.key`. \
         `guardian init` makes them. `GUARDIAN_SIGNING_KEY`, `GUARDIAN_PEPPER` and `GUARDIAN_CLUSTER_KEY` in the \
         environment are one more of each, the newest.",
    ),
    key(
        "identity.secrets_in_use",
        "list of strings",
        Some("[]"),
        "Secrets such as `signing-1` that are used for what is made anew, in place of the newest of their kind: for \
         the time in which new ones are brought to all members.",
    ),
    key(
        "identity.issuer",
        "string",
        Some(""),
        "Who issues access tokens (`iss`); `guardian:<cluster id>` when empty.",
    ),
    key(
        "identity.registration",
        "`closed`, `invitation` or `open`",
        Some("closed"),
        "Who may register: nobody, those who were invited, anybody.",
    ),
    key(
        "identity.bootstrap_token_sha256",
        "64 hexadecimal digits",
        Some(""),
        "SHA-256 of the token with which the first person becomes administrator, while there is nobody yet.",
    ),
    key(
        "identity.bcrypt_cost",
        "integer, 10 to 16",
        Some("12"),
        "The cost of password hashes; one more is twice the time.",
    ),
    key(
        "identity.session_idle_minutes",
        "integer, 5 to 1440",
        Some("30"),
        "After this a session that is not refreshed ends.",
    ),
    key("identity.session_max_hours", "integer, 1 to 720", Some("24"), "After this every session ends."),
    key(
        "identity.sessions_max",
        "integer, 1 to 100",
        Some("10"),
        "Most sessions of one person. The one that was used longest ago ends to make room.",
    ),
    key(
        "identity.audit_kept_days",
        "integer, 1 to 3650",
        Some("90"),
        "How long records of the audit are kept.",
    ),
    key(
        "identity.providers[].name",
        "string",
        None,
        "An identity provider's name in addresses (OpenID Connect).",
    ),
    key("identity.providers[].issuer", "https address", None, "Its issuer, exactly as its tokens say it."),
    key("identity.providers[].client_id", "string", None, "Who Guardian is to it."),
    key(
        "identity.providers[].client_secret_file",
        "path",
        Some(""),
        "How Guardian proves it; empty for a public client.",
    ),
    key(
        "identity.providers[].redirect_uri",
        "https address",
        None,
        "Where people come back to; another one for each provider.",
    ),
    key(
        "identity.providers[].groups_claim",
        "string",
        Some(""),
        "The claim that names a person's groups; empty when they do not count.",
    ),
    key(
        "identity.providers[].groups",
        "list of `theirs=ours`",
        Some("[]"),
        "The group of ours for each of theirs.",
    ),
    key(
        "cluster.id",
        "string, `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`",
        None,
        "Names the cluster, so that its parts never join another's.",
    ),
    key(
        "cluster.join",
        "`true` or `false`",
        Some("false"),
        "Whether a node with an empty data folder waits to be added to a cluster that exists, instead of forming \
         one. Without meaning once the folder is in use.",
    ),
    key(
        "cluster.members[].id",
        "decimal number as a string, 1 to 2^63-1",
        None,
        "The member's id. The list holds 1 to 7 members. When a cluster forms it is the same on each of them; a \
         node that joins lists itself and some that are there. Afterwards the cluster knows its members itself.",
    ),
    key(
        "cluster.members[].name",
        "string, `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`",
        None,
        "The member's name.",
    ),
    key("cluster.members[].peer_addr", "host and port", None, "Where the other members reach it."),
    key("cluster.members[].api_url", "http or https URL", None, "Where clients reach it."),
];

/// The reference page as Markdown.
pub fn reference() -> String {
    let mut page = String::from(
        "# Settings\n\n\
         Made from the program by `cargo test -p guardian` (with `UPDATE=1` to rewrite it). A node reads a TOML \
         file (`--config FILE`), then the environment (`GUARDIAN__SECTION__KEY`, such as \
         `GUARDIAN__HTTP__LISTEN`), then flags (`--set section.key=value`); the later wins. Lists can only be set \
         in the file. An unknown key is an error. Relative paths are relative to the file's folder. \
         `guardian check-config --config FILE` names everything that is wrong and exits with 64, as does \
         `guardian server`, before it opens any port.\n\n\
         | Key | Value | Default | What it does |\n|---|---|---|---|\n",
    );
    for Key { key, kind, default, doc } in KEYS {
        let default = default.map_or("must be given".to_owned(), |default| format!("`{default}`"));
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| `{key}` | {} | {default} | {doc} |", kind.replace('|', "\\|"));
    }
    page
}
