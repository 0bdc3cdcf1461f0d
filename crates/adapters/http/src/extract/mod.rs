//! Extractors of handlers. Each refuses with a problem that names the place of the error.

mod body;
mod caller;
mod change;
mod key;
mod lines;
mod past;
mod patch;
mod path;
mod people;
mod precondition;
mod query;
mod signing;
mod trail;
mod watch;

pub(crate) use body::{BoundedBody, JsonBody, TransactionBytes};
pub(crate) use caller::{Caller, Guest, by_cookie, has_credential};
pub(crate) use change::Change;
pub(crate) use key::{MakerQuery, OverlapQuery};
pub(crate) use lines::Lines;
pub(crate) use past::{DiffQuery, MessageQuery, MomentQuery, PastQuery, Wanted};
pub(crate) use patch::{JSON_PATCH, MERGE_PATCH, PatchBody};
pub(crate) use path::{
    ApiKeyPath, ConfigPath, ConfigVersionPath, EnvironmentPath, MemberPath, ProjectPath, SchemaPath,
    SchemaVersionPath,
};
pub(crate) use people::{
    GroupPath, GroupPersonPath, InvitationPath, OrganisationMemberPath, OrganisationPath,
    OrganisationProjectPath, PlatformMemberPath, ProjectMemberPath, ProviderPath, RolePath, SessionPath,
    UserPath, UserSessionPath, subject, subject_text,
};
pub(crate) use precondition::{Guard, Known, PutGuard, RollbackGuard, SchemaGuard};
pub(crate) use query::{
    ConfigListQuery, DryRunQuery, ImportQuery, Include, KeyQuery, NoQuery, OverwriteQuery, PageQuery, Query,
    ReadQuery,
};
pub(crate) use signing::{CallbackQuery, EndQuery, ModeQuery, RevokeKeysQuery};
pub(crate) use trail::{AuditForm, AuditSearch};
pub(crate) use watch::{LastEventId, Snapshot, WaitQuery, WatchQuery, asked_wait};
