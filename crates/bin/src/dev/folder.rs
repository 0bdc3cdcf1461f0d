//! The folder of a development cluster: created on the first run, resumed later. Locked by one process at a
//! time.

use super::{ports, record};
use crate::cli::DevArgs;
use crate::cluster_files::{self, Plan, PlannedMember, SETTINGS_FILE};
use crate::private_file;
use crate::settings::{Identity, load};
use adapter_security::ApiKeyMint;
use anyhow::{Context as _, bail};
use application::ports::KeyMint as _;
use domain::Digest;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

const NODES_DEFAULT: u16 = 3;
const PORT_DEFAULT: u16 = 8080;
/// Offset of a node's peer port from its HTTP port.
const PEER_PORT_OFFSET: u16 = 1000;
const ADMIN_KEY_FILE: &str = "admin.key";
const ADMIN_FILE: &str = "admin.json";
const PEOPLE_FILE: &str = "people.db";
const LOCK_FILE: &str = "dev.lock";
pub(super) const LOG_FILE: &str = "log.txt";
/// Number of log lines shown when a node fails to start.
const LINES_SHOWN: usize = 5;

/// One node of the cluster.
#[derive(Debug)]
pub(super) struct DevNode {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) url: String,
    pub(super) http: SocketAddr,
    pub(super) peer: SocketAddr,
}

/// The first administrator, and the token that creates the account.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Admin {
    pub(super) token: String,
    pub(super) email: String,
    pub(super) password: String,
}

impl Admin {
    fn new() -> Self {
        // The random part of a generated API key: 30 base62 characters.
        let random = || ApiKeyMint.mint().secret.rsplit('_').next().unwrap_or_default().to_owned();
        Self { token: random(), email: "admin@localhost".to_owned(), password: random() }
    }
}

/// The folder of a cluster that can be started.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) dir: PathBuf,
    pub(super) program: PathBuf,
    pub(super) admin_key: String,
    /// `None` in a folder of an older release without users.
    pub(super) admin: Option<Admin>,
    pub(super) nodes: Vec<DevNode>,
    _lock: File,
}

impl Folder {
    /// Creates or resumes the folder, locks it, and checks that its ports are free.
    pub(super) fn open(args: &DevArgs) -> anyhow::Result<Self> {
        let dir = std::path::absolute(&args.data_dir)?;
        if !dir.join(ADMIN_KEY_FILE).exists() {
            create(&dir, args)?;
        }
        let lock =
            File::create(dir.join(LOCK_FILE)).with_context(|| format!("{} cannot be used", dir.display()))?;
        if lock.try_lock().is_err() {
            bail!("{} is in use by another `guardian dev`", dir.display());
        }
        record::remove(&dir)?;
        let admin_key = fs::read_to_string(dir.join(ADMIN_KEY_FILE))?.trim().to_owned();
        let admin = match fs::read(dir.join(ADMIN_FILE)) {
            Ok(text) => Some(serde_json::from_slice(&text).context(ADMIN_FILE)?),
            Err(_) => None,
        };
        let nodes = read_nodes(&dir)?;
        same_as_before(args, &dir, &nodes)?;
        ports::require_free(nodes.iter().flat_map(|node| [node.http, node.peer]))?;
        let program = std::env::current_exe().context("the program's own path is not known")?;
        Ok(Self { dir, program, admin_key, admin, nodes, _lock: lock })
    }

    /// The folder of a node.
    pub(super) fn of(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The settings file of a node.
    pub(super) fn settings_file(&self, name: &str) -> PathBuf {
        self.of(name).join(SETTINGS_FILE)
    }

    /// The shell command that starts a node.
    pub(super) fn command(&self, name: &str) -> String {
        let program = if in_path(&self.program) { "guardian".to_owned() } else { quoted(&self.program) };
        format!("{program} server --config {}", quoted(&self.settings_file(name)))
    }

    /// The last lines of a node's log.
    pub(super) fn last_lines(&self, name: &str) -> String {
        let text = fs::read_to_string(self.of(name).join(LOG_FILE)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
    }
}

fn create(dir: &Path, args: &DevArgs) -> anyhow::Result<()> {
    let (nodes, first) = (args.nodes.unwrap_or(NODES_DEFAULT), args.port.unwrap_or(PORT_DEFAULT));
    let local = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let members: Vec<PlannedMember> = (0..nodes)
        .map(|at| {
            let (http, peer) = (local(first + at), local(first + at + PEER_PORT_OFFSET));
            PlannedMember {
                name: format!("node{}", at + 1),
                peer_addr: peer.to_string(),
                api_url: format!("http://{http}"),
                http_listen: http,
                peer_listen: peer,
            }
        })
        .collect();
    ports::require_free(members.iter().flat_map(|member| [member.http_listen, member.peer_listen]))?;
    let admin = Admin::new();
    let identity = Identity {
        // One SQLite file for all nodes, which run on one machine.
        database: format!("sqlite:../{PEOPLE_FILE}"),
        registration: "invitation".to_owned(),
        bootstrap_token_sha256: Digest::of(&[admin.token.as_bytes()]).to_string(),
        ..Identity::default()
    };
    let cluster_id = cluster_files::random_cluster_id("dev")?;
    let plan = Plan { cluster_id, members, log_format: "text", identity };
    cluster_files::create_with(dir, &plan, |dir, secret| {
        private_file::create(&dir.join(ADMIN_FILE), &serde_json::to_vec(&admin)?)?;
        Ok(private_file::create(&dir.join(ADMIN_KEY_FILE), format!("{secret}\n").as_bytes())?)
    })?;
    Ok(())
}

fn read_nodes(dir: &Path) -> anyhow::Result<Vec<DevNode>> {
    let files =
        (1..).map(|at| dir.join(format!("node{at}")).join(SETTINGS_FILE)).take_while(|file| file.exists());
    let mut nodes = Vec::new();
    for file in files {
        let settings = load(&file, &[]).with_context(|| file.display().to_string())?;
        let own = settings.members.into_iter().find(|member| member.id == settings.node_id);
        let own = own.context("the node is not among its members")?;
        nodes.push(DevNode {
            id: own.id,
            name: own.name,
            url: own.api_url,
            http: settings.http_listen,
            peer: settings.peer_listen,
        });
    }
    if nodes.is_empty() {
        bail!("{} holds no node", dir.display());
    }
    Ok(nodes)
}

fn same_as_before(args: &DevArgs, dir: &Path, nodes: &[DevNode]) -> anyhow::Result<()> {
    let dir = dir.display();
    if let Some(asked) = args.nodes
        && usize::from(asked) != nodes.len()
    {
        bail!(
            "{dir} has {} nodes, not {asked}: leave --nodes out, or choose another --data-dir",
            nodes.len()
        );
    }
    let first = nodes[0].http.port();
    if let Some(asked) = args.port
        && asked != first
    {
        bail!("{dir} uses ports from {first}, not {asked}: leave --port out, or choose another --data-dir");
    }
    Ok(())
}

fn in_path(program: &Path) -> bool {
    let Some(path) = std::env::var_os("PATH") else { return false };
    std::env::split_paths(&path).any(|folder| {
        fs::canonicalize(folder.join("guardian"))
            .is_ok_and(|found| Ok(found) == fs::canonicalize(program).map_err(drop))
    })
}

/// Quotes a path as one word of a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    if text.bytes().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(dir: &Path, nodes: Option<u16>, port: Option<u16>) -> DevArgs {
        DevArgs { nodes, data_dir: dir.to_owned(), port }
    }

    #[test]
    fn a_folder_is_resumed_as_it_was() {
        let outer = tempfile::tempdir().expect("a folder");
        let dir = outer.path().join("dev");
        let first = Folder::open(&args(&dir, Some(2), Some(23_480))).expect("a new folder");
        let (key, ids) =
            (first.admin_key.clone(), first.nodes.iter().map(|node| node.id).collect::<Vec<_>>());
        assert!(Folder::open(&args(&dir, None, None)).is_err(), "it is in use");
        drop(first);
        let again = Folder::open(&args(&dir, None, None)).expect("the same folder");
        assert_eq!(again.admin_key, key);
        assert_eq!(again.nodes.iter().map(|node| node.id).collect::<Vec<_>>(), ids);
        drop(again);
        let other = Folder::open(&args(&dir, Some(3), None)).expect_err("another number of nodes");
        assert!(other.to_string().contains("has 2 nodes, not 3"), "{other}");
        let other = Folder::open(&args(&dir, None, Some(9_000))).expect_err("another port");
        assert!(other.to_string().contains("23480, not 9000"), "{other}");
    }

    #[test]
    fn paths_are_one_word() {
        assert_eq!(quoted(Path::new("/a/b-c.d")), "/a/b-c.d");
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
