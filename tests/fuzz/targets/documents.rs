//! The texts of documents: what is accepted is JSON, means the same as before, and is a fixed point.

use application::{DocumentFault, compact};
use domain::limits::NESTING_MAX;
use fuzz::Target;
use serde_json::Value;

/// A small limit, so that it is reached.
const LIMIT_BYTES: usize = 2000;

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let value = serde_json::from_str::<Value>(&text);
    match compact("content", &text, LIMIT_BYTES) {
        Ok(content) => {
            let value = value.expect("only JSON is accepted");
            let kept: Value = serde_json::from_str(content.as_str()).expect("what is kept is JSON");
            assert_eq!(kept, value, "{text:?} changed its meaning");
            assert!(depth(&value) <= NESTING_MAX && content.as_str().len() <= LIMIT_BYTES);
            let again = compact("content", content.as_str(), LIMIT_BYTES).expect("it was accepted before");
            assert_eq!(again, content, "compacting twice differs");
        }
        Err(DocumentFault::TooLarge { bytes, .. }) => assert!(bytes > LIMIT_BYTES),
        Err(DocumentFault::TooDeep { .. }) => {
            assert!(value.is_err() || value.is_ok_and(|value| depth(&value) > NESTING_MAX), "{text:?}");
        }
        // JSON all the same when a member is there twice, which `Value` does not tell.
        Err(DocumentFault::Syntax { message, .. }) => {
            assert!(value.is_err() || message.contains("appears twice"), "{text:?}: {message}");
        }
    }
}

#[test]
fn documents() {
    Target::new("documents").check(check);
}
