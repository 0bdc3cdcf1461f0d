//! Patch operations (RFC 6902), in patches and in differences.

use crate::problem::Problem;
use application::{Change, Difference, Versions};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// Operations on a document (RFC 6902), done in order, all or none.
#[derive(ToSchema)]
#[schema(as = JsonPatch, max_items = 128)]
#[expect(dead_code, reason = "only documents what the application reads")]
pub(crate) struct JsonPatch(Vec<PatchOperation>);

/// One operation on a document. Members that it does not use are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "op", rename_all = "lowercase")]
#[expect(dead_code, reason = "only documents what the application reads")]
pub(crate) enum PatchOperation {
    /// Puts a value there: a new item or member, or in place of the member that is there.
    Add {
        /// Where, as a JSON Pointer (RFC 6901); `-` is after the last item.
        #[schema(pattern = "^(/([^/~]|~[01])*)*$")]
        path: String,
        /// The value.
        value: serde_json::Value,
    },
    /// Takes away what is there.
    Remove {
        /// Where.
        #[schema(pattern = "^(/([^/~]|~[01])*)*$")]
        path: String,
    },
    /// Puts a value in place of the one that is there.
    Replace {
        /// Where.
        #[schema(pattern = "^(/([^/~]|~[01])*)*$")]
        path: String,
        /// The value.
        value: serde_json::Value,
    },
    /// Takes a value away and adds it elsewhere.
    Move {
        /// Where it is.
        #[schema(pattern = "^(/([^/~]|~[01])*)*$")]
        from: String,
        /// Where it goes.
        #[schema(pattern = "^(/([^/~]|~[01])*)*$")]
        path: String,
    },
    /// Adds a value that is elsewhere.
    Copy {
        /// Where it is.
        #[schema(pattern = "^(/([^/~]|~[01])*)*$")]
        from: String,
        /// Where it goes.
        #[schema(pattern = "^(/([^/~]|~[01])*)*$")]
        path: String,
    },
    /// Fails, and the patch with it, unless this value is there. Numbers are compared by value.
    Test {
        /// Where.
        #[schema(pattern = "^(/([^/~]|~[01])*)*$")]
        path: String,
        /// The value.
        value: serde_json::Value,
    },
}

/// What differs between two versions of a config.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "from": 3, "to": 4, "from_exists": true, "to_exists": true,
    "patch": [{"op": "replace", "path": "/max_items", "value": 30}],
    "text": "--- version 3\n+++ version 4\n@@ -1,3 +1,3 @@\n {\n-  \"max_items\": 20\n+  \"max_items\": 30\n }\n",
    "text_truncated": false
}))]
pub(crate) struct DiffBody<'a> {
    /// The version it begins with; 0 for before the first one.
    from: u64,
    /// The version it ends with.
    to: u64,
    /// Whether there is a document in `from`: not before the first version, and not in a deletion.
    from_exists: bool,
    /// Whether there is a document in `to`.
    to_exists: bool,
    /// The operations (RFC 6902) that turn the one document into the other; one that does not exist counts as
    /// `null`. Values are compared as they are written, so `1.0` and `1.00` differ; the order of members, for
    /// which there is no operation, is not compared. Beyond 1 MiB it replaces the whole document.
    #[schema(value_type = Vec<DiffOperation>)]
    patch: Vec<DiffOperation<'a>>,
    /// The same for people: a unified diff of the documents with one value a line. Empty when no line differs.
    text: &'a str,
    /// Whether the text was cut after 1 MiB.
    text_truncated: bool,
}

/// One operation of a difference.
#[derive(Serialize, ToSchema)]
#[schema(as = DiffOperation)]
pub(crate) struct DiffOperation<'a> {
    /// `add`, `remove` or `replace`.
    #[schema(example = "replace")]
    op: &'static str,
    /// Where, as a JSON Pointer.
    path: &'a str,
    /// The value; not for `remove`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    value: Option<&'a RawValue>,
}

impl<'a> DiffOperation<'a> {
    /// The operation of a difference; `None` if its value is not JSON, which does not occur.
    pub(super) fn of(change: &'a Change) -> Option<Self> {
        let value = change.value.as_deref().map(serde_json::from_str).transpose().ok()?;
        Some(Self { op: change.op, path: &change.path, value })
    }
}

impl<'a> DiffBody<'a> {
    pub(crate) fn new(versions: &Versions, difference: &'a Difference) -> Result<Self, Problem> {
        let operation = |change: &'a Change| {
            let value = change.value.as_deref().map(serde_json::from_str).transpose();
            Ok(DiffOperation { op: change.op, path: &change.path, value: value.map_err(Problem::internal)? })
        };
        Ok(Self {
            from: versions.from.0,
            to: versions.to.0,
            from_exists: versions.from_content.is_some(),
            to_exists: versions.to_content.is_some(),
            patch: difference.patch.iter().map(operation).collect::<Result<_, Problem>>()?,
            text: &difference.text,
            text_truncated: difference.truncated,
        })
    }
}
