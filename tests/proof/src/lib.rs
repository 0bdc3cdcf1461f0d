//! What clients did and saw, whether it could have happened, and the clients that do it.
//!
//! Clients work through a [`Caller`], which the driver brings: sockets of real processes, or of a
//! simulated network. Nothing here starts a task, waits for a clock or draws a number of its own, so the
//! same seeds under the same scheduler give the same history. [`check()`] compares the history with the
//! cluster's own account, [`Truth`], and needs no search: the cluster gives every change one global
//! revision, so the order of all changes is known and each answer has its place in it.

mod answer;
mod check;
mod client;
mod document;
mod event;
mod event_text;
mod operation;
mod plan;
mod prepare;
mod recorder;
mod sealed;
mod truth;
mod watcher;
mod wire;

pub use check::{Report, Rule, Violation, check, check_watcher};
pub use client::{Client, Focus, Step};
pub use document::{digest, schema_body};
pub use event::{Event, Meta, Outcome, Page, Shown};
pub use operation::{Bind, Document, Freshness, Guard, Operation, Part, SchemaRef};
pub use plan::{Key, OTHER, Plan, Scene, SchemaStart};
pub use prepare::prepare;
pub use recorder::{Counts, Recorder};
pub use sealed::complete;
pub use truth::{Audit, Content, Pruned, SchemaVersion, Truth, Version, is_pruned, truth};
pub use watcher::{Changed, Told, Watcher};
pub use wire::{Caller, Lost, Request, Response};
