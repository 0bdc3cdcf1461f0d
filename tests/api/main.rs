//! End-to-end tests of the API on three real nodes. Every response is checked against `openapi.yaml`; every
//! test has its own projects.

mod api_keys;
mod bad_imports;
mod bad_input;
mod bad_schemas;
mod bounds;
mod cluster;
mod configs;
mod connections;
mod diffs;
mod docs_page;
mod documents;
mod dry_run;
mod environments;
mod history;
mod idempotency;
mod import_export;
mod lists;
mod operations;
mod past;
mod patches;
mod people;
mod preconditions;
mod projects;
mod restore;
mod rollbacks;
mod schema_modes;
mod schema_references;
mod schemas;
mod scopes;
mod shared;
mod transactions;
mod waits;
mod watch;
