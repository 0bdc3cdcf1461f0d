//! Network namespaces: one per node, joined by a bridge that the clients use too.
//!
//! Packets are dropped in a node's namespace by the address of the other node, so clients always reach every
//! node. Without the required privileges the nodes share the loopback interface and cannot be cut off.

use crate::shell::{run, run_now, try_now};
use rustix::process::{Pid, Signal, kill_process};

/// The prefix of all names of this program on the machine.
pub const PREFIX: &str = "gdnf";
/// Number of nodes of a cluster.
pub const NODES: usize = 3;
const BRIDGE: &str = "gdnf-br";
/// Accepts packets between two ports of the bridge.
const PASS: &[&str] = &["FORWARD", "-i", BRIDGE, "-o", BRIDGE, "-j", "ACCEPT"];
const CLIENTS: &str = "10.213.7.254/24";

/// The direction of dropped packets, as the node sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// Incoming packets.
    In,
    /// Outgoing packets.
    Out,
    /// Both directions.
    Both,
}

/// The namespaces, removed on drop.
#[derive(Debug)]
pub struct Network(());

/// The address of a node in its namespace.
pub fn address(at: usize) -> String {
    format!("10.213.7.{}", at + 1)
}

fn namespace(at: usize) -> String {
    format!("{PREFIX}{}", at + 1)
}

/// The command prefix that runs a command in a node's namespace with the same process id.
pub fn enter(at: usize) -> Vec<String> {
    vec!["nsenter".to_owned(), format!("--net=/var/run/netns/{}", namespace(at)), "--".to_owned()]
}

impl Network {
    /// Creates the bridge and the namespaces.
    pub fn create() -> anyhow::Result<Self> {
        let made = Self(());
        run_now("ip", &["link", "add", BRIDGE, "type", "bridge"])?;
        run_now("ip", &["addr", "add", CLIENTS, "dev", BRIDGE])?;
        run_now("ip", &["link", "set", BRIDGE, "up"])?;
        // A container engine makes the machine's filter apply to bridges and drop everything.
        try_now("iptables", &[&["-w", "-I"], PASS].concat());
        for at in 0..NODES {
            let (space, outer) = (namespace(at), format!("{PREFIX}-v{}", at + 1));
            let own = format!("{}/24", address(at));
            run_now("ip", &["netns", "add", &space])?;
            run_now("ip", &["link", "add", &outer, "type", "veth", "peer", "name", "eth0", "netns", &space])?;
            run_now("ip", &["link", "set", &outer, "master", BRIDGE, "up"])?;
            run_now("ip", &["-n", &space, "addr", "add", &own, "dev", "eth0"])?;
            run_now("ip", &["-n", &space, "link", "set", "eth0", "up"])?;
            run_now("ip", &["-n", &space, "link", "set", "lo", "up"])?;
        }
        Ok(made)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        sweep();
    }
}

/// Drops packets between a node and the others, in one or both directions.
pub async fn cut(at: usize, others: &[usize], way: Way) -> anyhow::Result<()> {
    for other in others {
        let other = address(*other);
        if way != Way::Out {
            filter(at, &["-A", "INPUT", "-s", &other, "-j", "DROP"]).await?;
        }
        if way != Way::In {
            filter(at, &["-A", "OUTPUT", "-d", &other, "-j", "DROP"]).await?;
        }
    }
    Ok(())
}

/// Drops this fraction of packets from the other nodes at random.
pub async fn lose(at: usize, part: f64) -> anyhow::Result<()> {
    let part = part.to_string();
    for other in others(at) {
        let rule = ["-A", "INPUT", "-s", &address(other), "-m", "statistic", "--mode", "random"];
        filter(at, &[&rule[..], &["--probability", &part, "-j", "DROP"]].concat()).await?;
    }
    Ok(())
}

/// Removes all drops at one node.
pub async fn heal(at: usize) -> anyhow::Result<()> {
    filter(at, &["-F"]).await
}

/// The other nodes.
pub fn others(at: usize) -> Vec<usize> {
    (0..NODES).filter(|other| *other != at).collect()
}

async fn filter(at: usize, rule: &[&str]) -> anyhow::Result<()> {
    let inside = enter(at);
    let mut args: Vec<&str> = inside[1..].iter().map(String::as_str).collect();
    args.extend(["iptables", "-w"]);
    args.extend(rule);
    run(&inside[0], &args).await.map(drop)
}

/// Removes all namespaces and links of this program, and kills the processes in them.
pub fn sweep() {
    for at in 0..NODES {
        let space = namespace(at);
        let inside = run_now("ip", &["netns", "pids", &space]).unwrap_or_default();
        for pid in inside.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)) {
            // It may have ended meanwhile.
            let _ = kill_process(pid, Signal::KILL);
        }
        try_now("ip", &["netns", "del", &space]);
        try_now("ip", &["link", "del", &format!("{PREFIX}-v{}", at + 1)]);
    }
    try_now("iptables", &[&["-w", "-D"], PASS].concat());
    try_now("ip", &["link", "del", BRIDGE]);
}
