//! Where PostgreSQL's programs are, and as whom they run: the server refuses to run as root.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, sync::OnceLock};

/// Whom Debian's package makes, and who is everywhere.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// As whom the server runs.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    pub user: u32,
    pub group: u32,
}

impl Owner {
    /// Somebody else when this is root, `None` otherwise.
    pub fn needed() -> Option<Self> {
        let me = fs::metadata("/proc/self").expect("a process can see itself").uid();
        (me == 0).then(|| {
            let found = UNPRIVILEGED.into_iter().find_map(Self::named);
            found.expect("a machine has an unprivileged user")
        })
    }

    fn named(name: &str) -> Option<Self> {
        let users = fs::read_to_string("/etc/passwd").ok()?;
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        Some(Self { user: numbers.next()?.ok()?, group: numbers.next()?.ok()? })
    }
}

/// The folder of the newest server that is installed.
pub fn binaries() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut found: Vec<(u32, PathBuf)> = versions
            .filter_map(|entry| {
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .filter(|(_, path)| path.join("initdb").exists())
            .collect();
        found.sort();
        let newest = found.pop().map(|(_, path)| path);
        newest.expect("PostgreSQL is missing: `scripts/test --only-setup` installs it")
    })
}

/// A program that runs as somebody, in a folder that everybody may be in.
pub fn command(program: &Path, owner: Option<Owner>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if let Some(owner) = owner {
        command.uid(owner.user).gid(owner.group);
    }
    command
}

/// Runs a program that must succeed.
pub fn run(command: &mut Command) {
    let output = command.output().expect("the program can be run");
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
