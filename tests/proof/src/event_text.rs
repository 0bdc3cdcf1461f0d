//! Readable text of events: one line each.

use crate::event::{Event, Outcome};
use crate::operation::{Guard, Operation, Part};
use std::fmt;

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.end.map_or("-".to_owned(), |end| end.to_string());
        let Self { number, client, node, begin, operation, outcome, .. } = self;
        write!(f, "#{number} client {client} via {node} [{begin}..{end}] {operation}")?;
        self.token.map_or(Ok(()), |token| write!(f, ", key {token}"))?;
        write!(f, " -> {}{outcome}", if self.replayed { "again " } else { "" })
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("if absent"),
            Self::Present => f.write_str("if present"),
            Self::Version(version) => write!(f, "if at {version}"),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { key, guard, bind, document } => {
                let (serial, bytes) = (document.serial, document.bytes);
                write!(f, "put {key} {guard}: serial {serial}, {bytes} bytes, {bind:?}")?;
                if let Some(limit) = document.limit {
                    write!(f, ", limit {limit}")?;
                }
                document.prev.map_or(Ok(()), |prev| write!(f, ", after serial {prev}"))
            }
            Self::Delete { key, guard } => write!(f, "delete {key} {guard}"),
            Self::Rollback { key, guard, to, serial } => {
                write!(f, "roll back {key} {guard} to {to}: serial {serial}")
            }
            Self::Schema { name, guard, serial, maximum, .. } => {
                write!(f, "schema {name} maximum {maximum}: serial {serial}")?;
                guard.map_or(Ok(()), |version| write!(f, ", if at {version}"))
            }
            Self::Transact { parts, serial } => {
                write!(f, "transact: serial {serial}")?;
                parts.iter().try_for_each(|part| write!(f, ", {part}"))
            }
            Self::Get { key, known, bare, .. } => {
                write!(f, "get {key}")?;
                f.write_str(if *bare { " bare" } else { "" })?;
                known.map_or(Ok(()), |version| write!(f, " unless {version}"))
            }
            Self::Old { key, version, .. } => write!(f, "get {key} version {version}"),
            Self::Past { key, revision, .. } => write!(f, "get {key} at revision {revision}"),
            Self::List { prefix, page_size, content, .. } => {
                write!(f, "list {prefix:?} by {page_size}{}", if *content { " with content" } else { "" })
            }
        }?;
        let fresh = self.freshness();
        f.write_str(if fresh.stale { " stale" } else { "" })?;
        fresh.min_revision.map_or(Ok(()), |least| write!(f, " from revision {least}"))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name(), self.key(), self.guard())?;
        let Self::Put { bind, document, .. } = self else { return Ok(()) };
        let (serial, bytes) = (document.serial, document.bytes);
        write!(f, " (document {serial}, {bytes} bytes, {bind:?}")?;
        document.limit.map_or(Ok(()), |limit| write!(f, ", limit {limit}"))?;
        f.write_str(")")
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("never answered"),
            Self::Written { revision, shown: Some(shown) } => {
                write!(f, "version {} at revision {revision}", shown.version)
            }
            Self::Written { revision, shown: None } => write!(f, "gone at revision {revision}"),
            Self::Registered { revision, version, .. } => {
                write!(f, "version {version} at revision {revision}")
            }
            Self::Transacted { revision, versions } => {
                write!(f, "done at revision {revision}:")?;
                versions.iter().try_for_each(|(key, version)| write!(f, " {key}={version}"))
            }
            Self::Found { revision, shown } => {
                let message = shown.meta.as_ref().map_or("?", |meta| meta.message.as_str());
                write!(f, "version {} serial {message:?} at revision {revision}", shown.version)
            }
            Self::Unchanged { revision, version } => {
                write!(f, "unchanged at version {version} at revision {revision}")
            }
            Self::Listed { pages, complete } => {
                let revision = pages.first().map_or(0, |page| page.revision);
                let items = pages.iter().flat_map(|page| &page.items);
                let items: Vec<_> = items.map(|item| format!("{}={}", item.key, item.version)).collect();
                let end = if *complete { "" } else { " …" };
                write!(f, "{} pages at revision {revision}: {}{end}", pages.len(), items.join(" "))
            }
            Self::Refused { status, code, current, part, failures, .. } => {
                write!(f, "{status} {code}")?;
                part.map_or(Ok(()), |part| write!(f, " in part {part}"))?;
                current.map_or(Ok(()), |version| write!(f, ", it is at {version}"))?;
                failures.iter().try_for_each(|(key, version)| write!(f, " {key}={version}"))
            }
            Self::Unknown { why } => write!(f, "unknown: {why}"),
            Self::Unsent { why } => write!(f, "never sent: {why}"),
            Self::Odd { status, why } => write!(f, "odd {status}: {why}"),
        }
    }
}
