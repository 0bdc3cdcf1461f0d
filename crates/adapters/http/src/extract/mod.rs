//! What handlers take out of a request. Each extractor refuses with a problem that names the place.

mod body;
mod caller;
mod change;
mod lines;
mod past;
mod patch;
mod path;
mod precondition;
mod query;
mod watch;

pub(crate) use body::{BoundedBody, JsonBody, TransactionBytes};
pub(crate) use caller::{Caller, has_credential};
pub(crate) use change::Change;
pub(crate) use lines::Lines;
pub(crate) use past::{DiffQuery, MomentQuery, PastQuery, PatchQuery, Wanted};
pub(crate) use patch::{JSON_PATCH, MERGE_PATCH, PatchBody};
pub(crate) use path::{
    ApiKeyPath, ConfigPath, ConfigVersionPath, EnvironmentPath, MemberPath, ProjectPath, SchemaPath,
    SchemaVersionPath,
};
pub(crate) use precondition::{Guard, Known, PutGuard, SchemaGuard};
pub(crate) use query::{
    ConfigListQuery, DryRunQuery, ImportQuery, Include, NoQuery, PageQuery, Query, ReadQuery,
};
pub(crate) use watch::{LastEventId, WaitQuery, WatchQuery, asked_wait};
