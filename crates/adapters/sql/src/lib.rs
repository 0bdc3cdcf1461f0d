//! Users, roles, sessions and the audit log in SQL: PostgreSQL for clusters, embedded SQLite for a single
//! node.
//!
//! One type, [`Database`], implements all stores of `application::ports::identity`. Statements are written
//! once, in the common dialect of both databases; where they must differ, both texts are next to each other.
//! This crate contains no authentication logic and does not access the replicated state.

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
