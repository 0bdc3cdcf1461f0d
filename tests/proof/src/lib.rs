//! Histories of clients, a checker for them, and the clients that produce them.
//!
//! - Clients use a [`Caller`] that the driver provides: sockets of real processes or of a simulated network.
//! - This crate starts no task, reads no clock and has no random source of its own, so equal seeds under an
//!   equal scheduler give equal histories.
//! - [`check()`] compares a history with the cluster's own account, [`Truth`]. It needs no search, because
//!   the cluster assigns one global revision to every change.

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
