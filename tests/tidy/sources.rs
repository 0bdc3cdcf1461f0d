//! How source files look: a header, a bounded length, no domain types on the wire.

use e2e::workspace;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file, in lines.
const LINES_MAX: usize = 400;

/// Every Rust file of the project below a folder, with its text.
pub fn rust_files(below: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    collect(&workspace().join(below), &mut found);
    assert!(!found.is_empty(), "there are no sources below {below}");
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            let short = path.strip_prefix(workspace()).expect("it is in the workspace").to_owned();
            found.push((short, text));
        }
    }
}

fn all() -> Vec<(PathBuf, String)> {
    [rust_files("crates"), rust_files("tests")].concat()
}

fn without_header(files: &[(PathBuf, String)]) -> Vec<&PathBuf> {
    let has = |text: &str| text.lines().next().is_some_and(|line| line.starts_with("//! ") && line.len() > 8);
    files.iter().filter(|(_, text)| !has(text)).map(|(path, _)| path).collect()
}

fn too_long(files: &[(PathBuf, String)]) -> Vec<String> {
    let lines = files.iter().map(|(path, text)| (path, text.lines().count()));
    lines
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{}: {lines}", path.display()))
        .collect()
}

/// Domain types that would be written to clients or read from them as they are.
fn domain_on_the_wire(files: &[(PathBuf, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files {
        for (at, line) in text.lines().enumerate() {
            let patterns = ["Json<domain::", "Json(domain::", "to_value(domain::", "ToSchema for domain::"];
            if patterns.iter().any(|pattern| line.contains(pattern)) {
                found.push(format!("{}:{}", path.display(), at + 1));
            }
        }
    }
    found
}

fn example(text: &str) -> Vec<(PathBuf, String)> {
    vec![(PathBuf::from("example.rs"), text.to_owned())]
}

#[test]
fn every_file_says_what_it_is() {
    let (files, example) = (all(), example("use std::fmt;\n"));
    assert_eq!(without_header(&files), Vec::<&PathBuf>::new());
    assert_eq!(without_header(&example).len(), 1, "the check can fail");
}

#[test]
fn no_file_is_long() {
    assert_eq!(too_long(&all()), Vec::<String>::new());
    assert_eq!(too_long(&example(&"\n".repeat(LINES_MAX + 1))).len(), 1, "the check can fail");
}

#[test]
fn no_domain_type_goes_to_a_client() {
    assert_eq!(domain_on_the_wire(&rust_files("crates/adapters/http")), Vec::<String>::new());
    assert_eq!(domain_on_the_wire(&example("fn a() -> Json<domain::Project> {\n")), ["example.rs:1"]);
}
