//! Tests of the program as a process. They also make `cargo test --workspace` build the program for the
//! cluster tests.

use std::path::Path;
use std::process::{Command, Output};

fn guardian(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_guardian")).args(arguments).output().expect("guardian can be run")
}

#[test]
fn the_printed_contract_is_the_committed_one() {
    let printed = guardian(&["openapi"]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.yaml");
    let committed = std::fs::read_to_string(committed).expect("openapi.yaml can be read");
    assert!(
        String::from_utf8_lossy(&printed.stdout).trim_end() == committed.trim_end(),
        "guardian openapi prints another document than openapi.yaml"
    );
}

#[test]
fn an_unknown_setting_is_named_and_ends_with_64() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("guardian.toml");
    std::fs::write(&file, "[http]\nno_such_setting = 1\n").expect("the file can be written");
    let checked = guardian(&["check-config", "--config", file.to_str().expect("a path in UTF-8")]);
    let text =
        String::from_utf8_lossy(&checked.stderr).into_owned() + &String::from_utf8_lossy(&checked.stdout);
    assert_eq!(checked.status.code(), Some(64), "{text}");
    assert!(text.contains("no_such_setting"), "{text}");
}
