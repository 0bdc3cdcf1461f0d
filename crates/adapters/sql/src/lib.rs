//! People, roles, sessions and the audit in SQL: PostgreSQL for clusters, embedded SQLite for one node.
//!
//! One type, [`Database`], stands behind every store of `application::ports::identity`. Statements are written
//! once, in the words that both servers know; where they must differ, both texts stand side by side. It knows
//! nothing of how people prove who they are, nor of the replicated state.

mod admissions;
mod audit;
mod audit_search;
mod concerned;
mod connection;
mod database;
mod emails;
mod error;
mod external;
mod factors;
mod grants;
mod groups;
mod key_uses;
mod migrations;
mod organisations;
mod places;
mod roles;
mod rotation;
mod row;
mod sessions;
mod settings;
mod statement;
mod throttle;
mod users;
mod waiters;

pub use database::{Connections, Database};
pub use error::OpenError;
pub use migrations::{migrate, schema_version};
pub use settings::Settings;
