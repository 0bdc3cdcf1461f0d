//! The program under test, built once with the profile of the tests.

use crate::workspace;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names a ready program to test instead of building one.
const PROGRAM: &str = "GUARDIAN_BIN";

/// Where the `guardian` program is. The first call builds it.
pub fn guardian() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| std::env::var_os(PROGRAM).map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let folder = profile_dir();
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--package", "guardian", "--bin", "guardian", "--profile", profile])
        .arg("--target-dir")
        .arg(target_dir())
        .current_dir(workspace())
        .output()
        .expect("cargo can be run");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the program does not build:\n{text}");
    folder.join("guardian")
}

/// `target/<profile>`: this program is in its folder `deps`.
fn profile_dir() -> PathBuf {
    let own = std::env::current_exe().expect("a program knows where it is");
    let deps = own.parent().expect("a program is in a folder");
    deps.parent().expect("the folder deps is in that of the profile").to_owned()
}

/// `target`.
pub(crate) fn target_dir() -> PathBuf {
    profile_dir().parent().expect("the profile's folder is in target").to_owned()
}
