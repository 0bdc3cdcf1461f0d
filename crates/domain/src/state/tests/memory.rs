//! Tests that equal names of configs share memory.

use super::*;
use crate::{Binding, Config};

/// Whether two configs share the memory of all names but their keys.
fn share_names(a: &Config, b: &Config) -> bool {
    let schema = |config: &Config| config.binding.as_ref().expect("a binding").schema.as_str().as_ptr();
    a.id.project.as_str().as_ptr() == b.id.project.as_str().as_ptr()
        && a.id.environment.as_str().as_ptr() == b.id.environment.as_str().as_ptr()
        && schema(a) == schema(b)
}

#[track_caller]
fn check(state: &State, keys: [&str; 3]) {
    let [a, b, c] =
        keys.map(|key| state.config(&config("p0", "default", key)).expect("a config written before"));
    assert!(share_names(a, b) && share_names(b, c));
}

#[test]
fn configs_share_equal_names_whether_written_or_read_back() {
    let mut state = State::default();
    accept(&mut state, create_project("p0"));
    accept(&mut state, create_schema(&schema("p0", "s0")));
    for (key, expected) in [
        ("a", Precondition::Absent),
        ("b", Precondition::Absent),
        ("c", Precondition::Absent),
        ("b", Precondition::Present),
    ] {
        // A command decoded from the log has its own copies of all names.
        let binding = Some(Binding { schema: schema("p0", "s0").name, pinned: None });
        let binding = BindingChange::Set(binding);
        accept(&mut state, put(&config("p0", "default", key), binding, Some(1), expected));
    }
    check(&state, ["a", "b", "c"]);

    let mut again = State::default();
    for row in state.rows() {
        let text = serde_json::to_string(&row).expect("a row is serialised");
        again.insert(serde_json::from_str(&text).expect("and read back"));
    }
    check(&again, ["a", "b", "c"]);
    assert_eq!(rows(&again), rows(&state));
}
