//! The domain of Guardian: names, documents, schemas, API keys, and the one replicated state.
//!
//! Everything here is a value or a pure function. [`state::decide`] turns a [`Command`] into [`Event`]s or a
//! [`Rejection`], [`state::evolve`] folds the events into the state, and [`State::apply`] does both. Nothing
//! here waits, reads a clock, draws a random number, or fails for a reason outside of its arguments. So all
//! replicas that apply the same commands hold the same state.
//!
//! Terms: a *project* owns *environments*, *schemas* and *API keys*. An environment holds *configs*: JSON
//! documents under a key. The *revision* counts the accepted commands of the whole cluster, the *version*
//! counts the changes of one config. The *archive* holds the document bodies, schema bodies and audit
//! entries, which the state does not carry.

pub mod access;
mod anchor;
pub mod archive;
pub mod audit;
mod command;
mod digest;
mod document;
mod email;
mod entity;
mod event;
pub mod limits;
mod member;
mod name;
mod number;
mod outcome;
mod quota;
mod rejection;
pub mod role;
pub mod state;
mod text;

pub use access::{Actor, Permission, Resource};
pub use anchor::{AuditAnchor, AuditPlace};
pub use archive::{ChangeKind, ConfigRevision, SchemaRevision};
pub use audit::AuditEntry;
pub use command::{
    BindingChange, Command, Idempotency, NewApiKey, Operation, Precondition, Provenance, Pruned, Stamped,
};
pub use digest::Digest;
pub use document::{Content, ContentError};
pub use email::EmailError;
pub use entity::{
    ApiKey, Binding, Config, ConfigId, Dialect, Environment, EnvironmentId, KeyRef, PreviousSecret, Project,
    Retired, Schema, SchemaId, SchemaMode, SchemaRef, SchemaUse,
};
pub use event::{Committed, Event};
pub use member::{MemberId, MemberIdError, NewMember};
pub use name::{
    ApiKeyId, ClusterId, ConfigKey, Email, EnvironmentName, GroupName, MemberAddress, MemberName, NameError,
    OrganisationName, ProjectName, RequestId, RoleName, SchemaName, SessionId, TraceId, UserId,
};
pub use number::{Epoch, Revision, SchemaVersion, Timestamp, Version};
pub use outcome::{Answer, Outcome, Receipt, WriteReceipt};
pub use quota::{Past, Quotas, Retention, Usage};
pub use rejection::Rejection;
pub use role::{BuiltInRole, Grant, Person};
pub use state::{Applied, Row, RowKey, State};
pub use text::{DisplayName, KeyLabel, Message, TextError};
