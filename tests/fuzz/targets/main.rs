//! Everything that parses bytes from outside or from a disk, against bytes that nobody meant.
//!
//! One test for each target; see `fuzz` for how they run and the README of the package for how to run one again.

use std::alloc::System;

mod api_keys;
mod commands;
mod documents;
mod identity;
mod names;
mod parameters;
mod patches;
mod peer_messages;
mod raw_requests;
mod requests;
mod rows;
mod schemas;
mod scratch;
mod settings;
mod snapshot;
mod swap;
mod wal;
mod world;

/// More than all targets need together at a time. A length that is believed before the bytes are there goes
/// beyond it and ends the process.
const MEMORY_BYTES_MAX: usize = 1536 * 1024 * 1024;

#[global_allocator]
static ALLOCATOR: cap::Cap<System> = cap::Cap::new(System, MEMORY_BYTES_MAX);
