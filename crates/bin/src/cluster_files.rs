//! The files of a new cluster: its certificate authority, and a folder per member with settings, certificates
//! and the data folder. Each folder is complete and may be moved.

use crate::pki::ClusterCa;
use crate::private_file;
use crate::settings::{
    Bootstrap, Cluster, Http, Identity, Limits, Log, Member, Node, Peer, Raft, Settings, Shutdown, Storage,
};
use adapter_security::{ApiKeyMint, create_secrets};
use adapter_system::SystemClock;
use anyhow::{Context as _, bail};
use application::ports::{Clock as _, KeyMint as _};
use domain::ClusterId;
use domain::limits::MEMBERS_MAX;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The file name of a member's settings.
pub const SETTINGS_FILE: &str = "guardian.toml";
/// The name of the folder with the cluster's secrets, in each member's folder.
const SECRETS_FOLDER: &str = "secrets";

/// The plan of a new cluster.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The cluster id.
    pub cluster_id: ClusterId,
    /// The members.
    pub members: Vec<PlannedMember>,
    /// `log.format` of every member.
    pub log_format: &'static str,
    /// The identity settings of every member.
    pub identity: Identity,
}

/// The plan of a member.
#[derive(Clone, Debug)]
pub struct PlannedMember {
    /// The name; also the name of its folder.
    pub name: String,
    /// `host:port` for peers.
    pub peer_addr: String,
    /// The URL for clients.
    pub api_url: String,
    /// The listen address for clients.
    pub http_listen: SocketAddr,
    /// The listen address for peers.
    pub peer_listen: SocketAddr,
}

/// A cluster id from the prefix and 32 random bits.
pub fn random_cluster_id(prefix: &str) -> anyhow::Result<ClusterId> {
    let random = OsRng.try_next_u32().context("no random numbers")?;
    Ok(ClusterId::parse(&format!("{prefix}-{random:08x}"))?)
}

/// Creates all files in `dir`, which must not exist or be empty. Returns the secret of the administrator key;
/// the files contain only its digest. Atomic: on an error nothing is left.
pub fn create(dir: &Path, plan: &Plan) -> anyhow::Result<String> {
    create_with(dir, plan, |_, _| Ok(()))
}

/// As [`create`]; `more` adds files, given the folder and the secret, before the folder is renamed to `dir`.
pub(crate) fn create_with(
    dir: &Path,
    plan: &Plan,
    more: impl FnOnce(&Path, &str) -> anyhow::Result<()>,
) -> anyhow::Result<String> {
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("the folder {} is not empty", dir.display());
    }
    let unfinished = unfinished_name(dir)?;
    let made = write_all(&unfinished, plan).and_then(|secret| {
        more(&unfinished, &secret)?;
        fs::rename(&unfinished, dir)?;
        Ok(secret)
    });
    if made.is_err() {
        // Best effort: the first error is returned.
        let _ = fs::remove_dir_all(&unfinished);
    }
    made.with_context(|| format!("the files of the cluster cannot be made in {}", dir.display()))
}

fn unfinished_name(dir: &Path) -> anyhow::Result<PathBuf> {
    let mut name = dir.file_name().context("the folder needs a name")?.to_owned();
    name.push(format!(".unfinished-{:08x}", OsRng.try_next_u32().context("no random numbers")?));
    Ok(dir.with_file_name(name))
}

fn write_all(dir: &Path, plan: &Plan) -> anyhow::Result<String> {
    for member in &plan.members {
        check_name(&member.name)?;
    }
    let ca = ClusterCa::new(&plan.cluster_id, SystemClock.now())?;
    let authority = ca.credentials();
    fs::create_dir_all(dir.join("ca"))?;
    fs::write(dir.join("ca/ca.pem"), &authority.cert_pem)?;
    private_file::create(&dir.join("ca/ca.key"), authority.key_pem.as_bytes())?;
    let admin_key = ApiKeyMint.mint();
    let ids = plan.members.iter().map(|_| random_node_id()).collect::<anyhow::Result<Vec<u64>>>()?;
    let members: Vec<Member> =
        plan.members.iter().zip(&ids).map(|(planned, id)| declared(planned, *id)).collect();
    let secrets = dir.join("secrets.new");
    create_secrets(&secrets).context("the secrets of the cluster cannot be made")?;
    for (planned, id) in plan.members.iter().zip(&ids) {
        copy_secrets(&secrets, &dir.join(&planned.name).join(SECRETS_FOLDER))?;
        let settings = Settings {
            node: Node { id: id.to_string(), name: planned.name.clone(), data_dir: "data".to_owned() },
            http: Http { listen: planned.http_listen.to_string(), ..Http::default() },
            peer: Peer { listen: planned.peer_listen.to_string(), ..Peer::default() },
            bootstrap: Bootstrap { admin_key_sha256: admin_key.hash.to_string() },
            raft: Raft::default(),
            storage: Storage::default(),
            log: Log { format: plan.log_format.to_owned(), ..Log::default() },
            shutdown: Shutdown::default(),
            cluster: Cluster { id: plan.cluster_id.to_string(), join: false, members: members.clone() },
            limits: Limits::default(),
            identity: plan.identity.clone(),
        };
        write_member(&dir.join(&planned.name), &settings, &ca, *id)?;
    }
    fs::remove_dir_all(&secrets)?;
    Ok(admin_key.secret)
}

/// Copies the secrets; each member has its own copy of the same files.
fn copy_secrets(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        // Copies the permissions too: readable by the owner only.
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Writes a member's folder: settings, certificate, key.
fn write_member(folder: &Path, settings: &Settings, ca: &ClusterCa, id: u64) -> anyhow::Result<()> {
    let own = ca.issue(id)?;
    fs::create_dir_all(folder.join("tls"))?;
    fs::write(folder.join("tls/ca.pem"), &ca.credentials().cert_pem)?;
    fs::write(folder.join("tls/cert.pem"), &own.cert_pem)?;
    private_file::create(&folder.join("tls/key.pem"), own.key_pem.as_bytes())?;
    fs::write(folder.join(SETTINGS_FILE), toml::to_string(settings)?)?;
    if let Err(faults) = settings.validate(folder, &BTreeMap::new()) {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        bail!("{}", faults.join("; "));
    }
    Ok(())
}

/// Creates the folder of a new member in `dir`, which [`create`] created. Returns the member's id. The
/// cluster is taken from the settings of another member's folder.
pub fn add(dir: &Path, planned: &PlannedMember) -> anyhow::Result<u64> {
    check_name(&planned.name)?;
    let folder = dir.join(&planned.name);
    if folder.exists() {
        bail!("the folder {} exists", folder.display());
    }
    let (mut settings, known) = any_settings(dir)?;
    let cluster_id = ClusterId::parse(&settings.cluster.id)?;
    let read = |name: &str| {
        let path = dir.join("ca").join(name);
        fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    };
    let ca = ClusterCa::load(&cluster_id, &read("ca.pem")?, &read("ca.key")?, SystemClock.now())?;
    let id = random_node_id()?;
    settings.node = Node { id: id.to_string(), name: planned.name.clone(), data_dir: "data".to_owned() };
    settings.http.listen = planned.http_listen.to_string();
    settings.peer = Peer { listen: planned.peer_listen.to_string(), ..Peer::default() };
    settings.cluster.join = true;
    let taken = |member: &Member| {
        member.name == planned.name
            || member.peer_addr == planned.peer_addr
            || member.api_url == planned.api_url
    };
    // A replacement may reuse the name and the addresses of the machine that it replaces.
    settings.cluster.members.retain(|member| !taken(member));
    settings.cluster.members.truncate(MEMBERS_MAX - 1);
    settings.cluster.members.push(declared(planned, id));
    let unfinished = unfinished_name(&folder)?;
    let secrets = known.join(SECRETS_FOLDER);
    if secrets.is_dir() {
        copy_secrets(&secrets, &unfinished.join(SECRETS_FOLDER))?;
    }
    let made =
        write_member(&unfinished, &settings, &ca, id).and_then(|()| Ok(fs::rename(&unfinished, &folder)?));
    if made.is_err() {
        // Best effort: the first error is returned.
        let _ = fs::remove_dir_all(&unfinished);
    }
    made.with_context(|| format!("the files of {} cannot be made", planned.name))?;
    Ok(id)
}

/// The settings and the folder of the first member in `dir`, by name.
fn any_settings(dir: &Path) -> anyhow::Result<(Settings, PathBuf)> {
    let entries = fs::read_dir(dir).with_context(|| format!("{} cannot be read", dir.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path().join(SETTINGS_FILE)))
        .filter(|file| file.is_file())
        .collect();
    files.sort();
    let file = files.first().with_context(|| format!("{} holds no member's folder", dir.display()))?;
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let settings = toml::from_str(&text).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok((settings, file.parent().unwrap_or(dir).to_owned()))
}

/// Checks a name before it becomes a folder.
fn check_name(name: &str) -> anyhow::Result<()> {
    if ClusterId::parse(name).is_err() || name == "ca" {
        bail!("{name:?} cannot be a member's name: it must match {}, and not be \"ca\"", ClusterId::PATTERN);
    }
    Ok(())
}

fn declared(planned: &PlannedMember, id: u64) -> Member {
    Member {
        id: id.to_string(),
        name: planned.name.clone(),
        peer_addr: planned.peer_addr.clone(),
        api_url: planned.api_url.clone(),
    }
}

/// A random id from 1 to 2^63 - 1, which fits a signed 64-bit number.
fn random_node_id() -> anyhow::Result<u64> {
    let random = OsRng.try_next_u64().context("no random numbers")?;
    Ok((random >> 1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::load_with;
    use std::collections::BTreeSet;

    fn plan() -> Plan {
        let member = |at: u16| PlannedMember {
            name: format!("node{at}"),
            peer_addr: format!("127.0.0.1:{}", 9079 + at),
            api_url: format!("http://127.0.0.1:{}", 8079 + at),
            http_listen: SocketAddr::from(([127, 0, 0, 1], 8079 + at)),
            peer_listen: SocketAddr::from(([127, 0, 0, 1], 9079 + at)),
        };
        let cluster_id = random_cluster_id("dev").expect("an id");
        Plan {
            cluster_id,
            members: (1..=3).map(member).collect(),
            log_format: "text",
            identity: Identity::default(),
        }
    }

    #[test]
    fn what_is_made_can_be_loaded_and_moved() {
        let outer = tempfile::tempdir().expect("a folder");
        let (made, moved) = (outer.path().join("made"), outer.path().join("moved"));
        let secret = create(&made, &plan()).expect("files");
        fs::rename(&made, &moved).expect("moved");
        let mut ids = BTreeSet::new();
        for name in ["node1", "node2", "node3"] {
            let file = moved.join(name).join(SETTINGS_FILE);
            let settings = load_with(&file, Some(BTreeMap::new()), &[]).expect("no faults");
            assert_eq!(Some(settings.admin_key_hash), ApiKeyMint.digest(&secret));
            assert_eq!(settings.data_dir, moved.join(name).join("data"));
            assert_eq!(settings.members.len(), 3);
            assert!(!fs::read_to_string(&file).expect("text").contains(&secret));
            ids.insert(settings.node_id);
        }
        assert_eq!(ids.len(), 3);
    }

    #[test]
    fn one_more_member_knows_the_others() {
        let outer = tempfile::tempdir().expect("a folder");
        let dir = outer.path().join("c");
        create(&dir, &plan()).expect("files");
        let more = PlannedMember { name: "node4".to_owned(), ..plan().members[2].clone() };
        let id = add(&dir, &more).expect("files");
        let file = dir.join("node4").join(SETTINGS_FILE);
        let settings = load_with(&file, Some(BTreeMap::new()), &[]).expect("no faults");
        assert!(settings.join);
        assert_eq!(settings.node_id, id);
        let names: Vec<_> = settings.members.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["node1", "node2", "node4"], "it has the addresses of node3");
        assert!(add(&dir, &more).is_err(), "nothing is overwritten");
    }

    #[test]
    fn private_keys_are_private() {
        let outer = tempfile::tempdir().expect("a folder");
        let dir = outer.path().join("c");
        create(&dir, &plan()).expect("files");
        for key in ["ca/ca.key", "node1/tls/key.pem"] {
            let mode = fs::metadata(dir.join(key)).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{key}");
        }
    }

    #[test]
    fn nothing_is_overwritten_or_left_half_done() {
        let outer = tempfile::tempdir().expect("a folder");
        let dir = outer.path().join("c");
        create(&dir, &plan()).expect("files");
        assert!(create(&dir, &plan()).is_err());
        let mut bad = plan();
        bad.members[1].name = "../escape".to_owned();
        assert!(create(&outer.path().join("d"), &bad).is_err());
        let left: Vec<_> =
            fs::read_dir(outer.path()).expect("entries").map(|e| e.expect("one").file_name()).collect();
        assert_eq!(left, ["c"]);
    }
}
