//! The whole path, from a client to the disks of three real nodes and back. Every answer is held to
//! `openapi.yaml`; every test works in projects of its own.

mod api_keys;
mod bad_input;
mod bad_schemas;
mod cluster;
mod configs;
mod documents;
mod dry_run;
mod history;
mod idempotency;
mod lists;
mod operations;
mod preconditions;
mod projects;
mod schema_modes;
mod schema_references;
mod schemas;
mod scopes;
mod shared;
mod transactions;
