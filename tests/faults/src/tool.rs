//! Tools that scenarios need on the machine, and their installation.

use crate::shell::try_now;
use std::collections::BTreeMap;
use std::path::Path;

/// Debian's path of the library that fakes the clock.
pub const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// A tool that not every machine has.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Tool {
    /// Network namespaces and packet filters.
    Network,
    /// File systems in image files.
    Disk,
    /// Fault injection in system calls.
    Trace,
    /// A separate clock for a process.
    Clock,
}

impl Tool {
    /// All tools.
    pub const ALL: [Self; 4] = [Self::Network, Self::Disk, Self::Trace, Self::Clock];

    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Network => &["iproute2", "iptables", "util-linux"],
            Self::Disk => &["mount", "e2fsprogs"],
            Self::Trace => &["strace"],
            Self::Clock => &["faketime"],
        }
    }

    fn commands(self) -> &'static [&'static str] {
        match self {
            Self::Network => &["ip", "iptables", "nsenter"],
            Self::Disk => &["losetup", "mount", "umount", "mkfs.ext4"],
            Self::Trace => &["strace"],
            Self::Clock => &[],
        }
    }

    /// The reason why the tool is unavailable; `None` if it is available.
    fn missing(self) -> Option<String> {
        if self == Self::Clock {
            return (!Path::new(FAKETIME).exists()).then(|| format!("{FAKETIME} is not there"));
        }
        let absent = |command: &&&str| {
            let places = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
            !places.iter().any(|place| Path::new(place).join(command).exists())
        };
        self.commands().iter().find(absent).map(|command| format!("{command} is not installed"))
    }
}

/// The unavailable tools with reasons. Installs missing ones if permitted.
pub fn unusable(wanted: &[Tool]) -> BTreeMap<Tool, String> {
    let mut found = BTreeMap::new();
    let root = rustix::process::geteuid().is_root();
    for tool in wanted {
        if !root && *tool != Tool::Clock {
            found.insert(*tool, "needs root".to_owned());
            continue;
        }
        if tool.missing().is_some() && root {
            install(tool.packages());
        }
        if let Some(missing) = tool.missing() {
            found.insert(*tool, missing);
        }
    }
    found
}

fn install(packages: &[&str]) {
    try_now("apt-get", &["update", "-qq"]);
    try_now(
        "env",
        &[&["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq"], packages].concat(),
    );
}
