//! The table of attacks.

mod answers;
mod connections;
mod documents;
mod histories;
mod schemas;
mod sign_ins;
mod tables;

use crate::field::Field;
use crate::flood::Stop;
use crate::tally::Tally;
use std::pin::Pin;
use std::sync::Arc;

/// Attacks until stopped; returns the violations that it found.
pub type Act = fn(Arc<Field>, Arc<Tally>, Stop) -> Pin<Box<dyn Future<Output = Vec<String>> + Send>>;

/// An attack on the service of other tenants.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    pub name: &'static str,
    pub what: &'static str,
    /// Whether it is part of the short form.
    pub short: bool,
    pub act: Act,
}

macro_rules! attacks {
    ($($short:ident $name:literal $act:path: $what:literal,)+) => {
        /// All attacks, in the order in which they run.
        pub const ATTACKS: &[Attack] = &[$(Attack {
            name: $name,
            what: $what,
            short: attacks!($short),
            act: |field, tally, stop| Box::pin($act(field, tally, stop)),
        },)+];
    };
    (short) => { true };
    (long) => { false };
}

attacks! {
    short "schemas" schemas::register: "schemas whose check doubles with every level, hidden from a guard by $id, $ref, $schema",
    short "large-checks" schemas::check: "1,900 alternatives against arrays of a megabyte, eight at a time",
    short "sign-ins" sign_ins::wrong: "wrong sign-ins of random addresses from the neighbour's network",
    long "refresh-tokens" sign_ins::made_up: "made-up refresh tokens from the neighbour's network",
    short "idle-http2" connections::idle_http2: "idle HTTP/2 connections from one address, as many as the limit of files allows",
    long "idle-http1" connections::idle_http1: "connections that send a request byte by byte",
    long "slow-bodies" connections::slow_bodies: "authorised bodies that come byte by byte",
    short "unread-lists" answers::unread: "large lists that nobody reads, 100 streams on one connection",
    short "history" histories::history: "versions of one config against a small quota",
    long "schema-versions" histories::schema_versions: "versions of one schema against a small quota",
    short "idempotency" tables::idempotency: "changes with ever new idempotency keys",
    short "slow-imports" tables::slow_imports: "imports by a key that only reads, line by line",
    long "slow-exports" tables::slow_exports: "exports that nobody reads",
    short "watches" tables::watches: "as many watches as a viewer gets",
    short "refused" tables::refused: "refused requests, with a key and without",
    short "large-writes" documents::large: "documents of the largest size, as fast as they are taken",
    short "peer-port" connections::peer_port: "silent connections on the peer port, and a member that starts beside them",
}
