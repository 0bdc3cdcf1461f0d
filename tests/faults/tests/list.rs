//! Tests of the fault matrix as listed by `faults --list`.

use std::collections::BTreeSet;
use std::process::Command;

/// The scenario ids that the program prints with these arguments.
fn listed(arguments: &[&str]) -> Vec<String> {
    let output =
        Command::new(env!("CARGO_BIN_EXE_faults")).args(arguments).output().expect("faults can be run");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("faults prints UTF-8");
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn the_ci_slice_is_a_part_of_the_matrix() {
    let all = listed(&["--list"]);
    let unique: BTreeSet<&String> = all.iter().collect();
    assert_eq!(unique.len(), all.len(), "two scenarios share an id: {all:?}");
    let slice = listed(&["--list", "--slice", "ci"]);
    assert!(!slice.is_empty() && slice.len() < all.len(), "{slice:?} of {all:?}");
    assert!(slice.iter().all(|id| unique.contains(id)), "{slice:?} of {all:?}");
}

#[test]
fn a_prefix_selects_a_family_and_an_unknown_id_is_refused() {
    let family = listed(&["--list", "--only", "F9"]);
    assert!(!family.is_empty() && family.iter().all(|id| id.starts_with("F9")), "{family:?}");
    let unknown = Command::new(env!("CARGO_BIN_EXE_faults"))
        .args(["--list", "--only", "F999"])
        .output()
        .expect("faults can be run");
    assert!(!unknown.status.success(), "F999 is no scenario");
}
