//! What handlers take out of a request. Each extractor refuses with a problem that names the place.

mod body;
mod caller;
mod path;
mod precondition;
mod query;
mod watch;

pub(crate) use body::JsonBody;
pub(crate) use caller::Caller;
pub(crate) use path::{
    ApiKeyPath, ConfigPath, ConfigVersionPath, EnvironmentPath, ProjectPath, SchemaPath, SchemaVersionPath,
};
pub(crate) use precondition::{Guard, Known, PutGuard, SchemaGuard};
pub(crate) use query::{ConfigListQuery, Include, NoQuery, PageQuery, Query, ReadQuery};
pub(crate) use watch::{LastEventId, WaitQuery, WatchQuery, asked_wait};
