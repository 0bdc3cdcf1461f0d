//! What Guardian means: names, documents, schemas, keys, and the one replicated state.
//!
//! Everything here is a value or a pure function. A [`Command`] asks for a change, [`state::decide`]
//! answers with [`Event`]s or a [`Rejection`], [`state::evolve`] folds the events in, and
//! [`State::apply`] is the two together. Nothing here waits, asks the time, draws a random number or
//! fails for a reason outside its arguments, so every replica that applies the same commands holds
//! the same state.
//!
//! Glossary: a *project* owns *environments*, *schemas* and *API keys*; an environment holds *configs*
//! (JSON documents under a key); the *revision* counts accepted commands of the whole cluster, the
//! *version* counts changes of one config; the *archive* is every document body and audit entry ever
//! committed, which the state itself does not carry.

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
