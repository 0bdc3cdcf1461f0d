//! The whole path, from a client to the disks of three real nodes and back. Every answer is held to
//! `openapi.yaml`; every test works in projects of its own.

mod api_keys;
mod bad_input;
mod bad_schemas;
mod bounds;
mod cluster;
mod configs;
mod documents;
mod dry_run;
mod history;
mod idempotency;
mod lists;
mod operations;
mod past;
mod patches;
mod preconditions;
mod projects;
mod restore;
mod schemas;
mod scopes;
mod shared;
mod transactions;
