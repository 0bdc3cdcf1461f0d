//! What handlers take out of a request. Each extractor refuses with a problem that names the place.

mod body;
mod caller;
mod path;
mod precondition;
mod query;

pub(crate) use body::JsonBody;
pub(crate) use caller::Caller;
pub(crate) use path::{
    ApiKeyPath, ConfigPath, ConfigVersionPath, EnvironmentPath, MemberPath, ProjectPath, SchemaPath,
    SchemaVersionPath,
};
pub(crate) use precondition::{Guard, Known, PutGuard, SchemaGuard};
pub(crate) use query::{ConfigListQuery, Include, NoQuery, PageQuery, Query, ReadQuery};
