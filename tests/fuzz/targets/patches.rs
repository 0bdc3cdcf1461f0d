//! Patches: the first line of the input is the document, the rest the patch. What comes out is a document, means
//! what a simpler reading of the rules says, and the difference leads from the one to the other.

use application::{Change, Error, PATCH_OPERATIONS_MAX, Patch, Versions, compact, difference};
use domain::limits::DOCUMENT_BYTES_MAX;
use domain::{Content, Version};
use fuzz::Target;
use serde_json::Value;
use tokio::runtime::Runtime;

fn value(content: &Content) -> Value {
    serde_json::from_str(content.as_str()).expect("a document is JSON")
}

/// RFC 7396 as it is written there.
fn merged(target: Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut target = match target {
        Value::Object(members) => members,
        _ => serde_json::Map::new(),
    };
    for (name, change) in changes {
        if change.is_null() {
            target.remove(name);
        } else {
            let before = target.get(name).cloned().unwrap_or_default();
            target.insert(name.clone(), merged(before, change));
        }
    }
    Value::Object(target)
}

fn text(changes: &[Change]) -> String {
    let one = |change: &Change| {
        let value = change.value.as_ref().map(|value| format!(",\"value\":{value}")).unwrap_or_default();
        format!("{{\"op\":\"{}\",\"path\":{}{value}}}", change.op, Value::from(change.path.as_str()))
    };
    format!("[{}]", changes.iter().map(one).collect::<Vec<_>>().join(","))
}

/// The document after the patch, if it can be done.
fn applied(runtime: &Runtime, patch: &Patch, document: &Content) -> Option<Content> {
    match runtime.block_on(patch.apply(document)) {
        Ok(after) => {
            let again = compact("content", after.as_str(), DOCUMENT_BYTES_MAX).expect("it is a document");
            assert_eq!(again, after, "{:?} is not compact", after.as_str());
            Some(after)
        }
        Err(Error::PatchFailed { operation, .. }) => {
            assert!(operation < PATCH_OPERATIONS_MAX);
            None
        }
        Err(Error::Document(_)) => None,
        Err(other) => panic!("{other:?}"),
    }
}

fn check_difference(runtime: &Runtime, from: &Content, to: &Content) {
    let versions = Versions {
        from: Version(1),
        from_content: Some(from.clone()),
        to: Version(2),
        to_content: Some(to.clone()),
    };
    let found = difference(&versions).expect("both are documents");
    assert!(found.patch.is_empty() || !found.text.is_empty(), "a difference that nobody sees");
    assert!(value(from) == value(to) || !found.patch.is_empty(), "a difference was overlooked");
    assert!(from == to || !found.text.is_empty(), "a difference was overlooked");
    if found.patch.len() <= PATCH_OPERATIONS_MAX {
        let patch = Patch::operations(&text(&found.patch)).expect("a difference is a patch");
        let after = applied(runtime, &patch, from).expect("a difference can be done");
        assert_eq!(value(&after), value(to), "the difference leads elsewhere");
    }
}

fn check(runtime: &Runtime, bytes: &[u8]) {
    let input = String::from_utf8_lossy(bytes);
    let (document, patch) = input.split_once('\n').unwrap_or((&input, ""));
    let Ok(document) = compact("content", document, DOCUMENT_BYTES_MAX) else { return };
    if let Ok(merge) = Patch::merge(patch) {
        let Patch::Merge(patch) = &merge else { panic!("a merge patch is one") };
        if let Some(after) = applied(runtime, &merge, &document) {
            assert_eq!(value(&after), merged(value(&document), &value(patch)));
            check_difference(runtime, &document, &after);
        }
    }
    match Patch::operations(patch) {
        Ok(operations) => {
            if let Some(after) = applied(runtime, &operations, &document) {
                check_difference(runtime, &document, &after);
            }
        }
        Err(Error::Document(_) | Error::PatchInvalid { .. }) => {}
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn patches() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    Target::new("patches").check(|bytes| check(&runtime, bytes));
}
