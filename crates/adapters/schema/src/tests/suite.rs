//! The official JSON-Schema-Test-Suite, fetched by `scripts/json-schema-suite`. `suite-exceptions.txt` lists
//! every different result with its reason; the list must be exact.

use crate::closure::Document;
use crate::compile::{Step, compile};
use crate::value::Json;
use domain::Content;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

const DRAFTS: [(&str, &str); 5] = [
    ("draft4", "http://json-schema.org/draft-04/schema#"),
    ("draft6", "http://json-schema.org/draft-06/schema#"),
    ("draft7", "http://json-schema.org/draft-07/schema#"),
    ("draft2019-09", "https://json-schema.org/draft/2019-09/schema"),
    ("draft2020-12", "https://json-schema.org/draft/2020-12/schema"),
];

fn folder() -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/json-schema-suite/tests");
    std::env::var_os("JSON_SCHEMA_SUITE").map_or(target, PathBuf::from)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}; run scripts/json-schema-suite", folder.display()));
    for entry in entries {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "json") {
            found.push(path);
        }
    }
}

/// The schema with the `$schema` of its folder's dialect.
fn written_in(schema: &Json, dialect: &str) -> String {
    let text = schema.to_string();
    match schema {
        Json::Object(members) if schema.get("$schema").is_none() => {
            let comma = if members.is_empty() { "" } else { "," };
            format!("{{\"$schema\":\"{dialect}\"{comma}{}", &text[1..])
        }
        _ => text,
    }
}

fn content(text: &str) -> Content {
    Content::from_compact(text).expect("the text is small")
}

/// The cases with a different result, and the total number of cases.
fn differences() -> (BTreeSet<String>, usize) {
    let (mut different, mut asked) = (BTreeSet::new(), 0);
    for (draft, dialect) in DRAFTS {
        let mut all = Vec::new();
        files(&folder().join(draft), &mut all);
        for path in all {
            let name = path.strip_prefix(folder()).expect("it is in there").display().to_string();
            let text = std::fs::read_to_string(&path).expect("readable");
            let groups = Json::read(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            for group in groups.as_array().expect("a list") {
                let about = group.get("description").and_then(Json::as_str).expect("it says what it is");
                let schema = written_in(group.get("schema").expect("a schema"), dialect);
                let compiled = match compile(&[Document::first(content(&schema), &[])]) {
                    Ok(Step::Done(compiled)) => compiled,
                    refused => {
                        asked += 1;
                        if std::env::var_os("SUITE_DEBUG").is_some() {
                            let why = refused.map(|_| ()).map_err(|found| found[0].message.clone());
                            println_debug(&format!("{name} | {about} | {why:?}"));
                        }
                        different.insert(format!("{name} | {about} | refused"));
                        continue;
                    }
                };
                for test in group.get("tests").and_then(Json::as_array).expect("tests") {
                    asked += 1;
                    let data = content(&test.get("data").expect("data").to_string());
                    let what = test.get("description").and_then(Json::as_str).expect("it says what it is");
                    let valid = matches!(test.get("valid"), Some(Json::Bool(true)));
                    let found = compiled.check(&data, &AtomicBool::new(false)).expect("it is affordable");
                    if found.violations.is_empty() != valid {
                        different.insert(format!("{name} | {about} | {what}"));
                    }
                }
            }
        }
    }
    (different, asked)
}

fn println_debug(line: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stderr(), "{line}"));
}

#[test]
#[ignore = "needs scripts/json-schema-suite"]
fn the_official_suite_passes_but_for_what_is_explained() {
    let (different, asked) = differences();
    let listed = include_str!("suite-exceptions.txt").lines();
    let listed: BTreeSet<String> =
        listed.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect();
    let mut wrong = String::new();
    for line in different.difference(&listed) {
        let _ = writeln!(wrong, "+ {line}");
    }
    for line in listed.difference(&different) {
        let _ = writeln!(wrong, "- {line}");
    }
    assert!(wrong.is_empty(), "not listed (+), or listed and not so (-), of {asked}:\n{wrong}");
    assert!(asked > 6000, "only {asked} answers were asked for: the suite is not whole");
}
