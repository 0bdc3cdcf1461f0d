//! The report of an import.

use super::Totals;
use crate::{Effect, Error};
use domain::Revision;

/// Most failures that a report lists. It counts all of them.
pub(super) const FAILURES_LISTED_MAX: usize = 100;
/// Most effects that a dry run lists. The counts include all of them.
const EFFECTS_LISTED_MAX: usize = 1000;
/// Most violations of each listed failure.
const REASONS_KEPT_MAX: usize = 10;

/// The number of records of one kind by result.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Created.
    pub created: u64,
    /// Updated; for schemas, the number of added versions.
    pub updated: u64,
    /// Unchanged.
    pub unchanged: u64,
    /// Deleted, because not in the file.
    pub deleted: u64,
}

/// A refused record.
#[derive(Debug)]
pub struct ImportFailure {
    /// The line, from 1.
    pub line: u64,
    /// The reason.
    pub error: Error,
}

/// The report of an import; of a dry run, what it would do.
#[derive(Debug, Default)]
pub struct ImportReport {
    /// The records that were read.
    pub read: Totals,
    /// Environments.
    pub environments: Counts,
    /// Schema versions.
    pub schemas: Counts,
    /// Configs.
    pub configs: Counts,
    /// In a dry run: the first changes, without their content.
    pub effects: Vec<Effect>,
    /// The number of refused records.
    pub failed: u64,
    /// The first refused records.
    pub failures: Vec<ImportFailure>,
    /// The reason why the import stopped although no record is wrong. Importing the same records again
    /// continues.
    pub stopped: Option<Error>,
    /// The newest revision that it made or read.
    pub revision: Revision,
}

impl ImportReport {
    /// Reports a refused record or an outside failure.
    pub(super) fn fail(&mut self, line: u64, error: Error) {
        if is_outside(&error) {
            self.stopped.get_or_insert(error);
            return;
        }
        self.failed += 1;
        if self.failures.len() < FAILURES_LISTED_MAX {
            self.failures.push(ImportFailure { line, error: shortened(error) });
        }
    }

    /// Reports a change of a dry run.
    pub(super) fn effect(&mut self, action: &'static str, kind: &'static str, name: String) {
        if self.effects.len() < EFFECTS_LISTED_MAX {
            let (from_version, to_version, before, after) = (None, None, None, None);
            self.effects.push(Effect {
                action,
                kind,
                name,
                from_version,
                to_version,
                before,
                after,
                difference: None,
            });
        }
    }

    /// Whether anything failed, so that nothing more may be changed.
    pub(super) fn is_spoiled(&self) -> bool {
        self.failed > 0 || self.stopped.is_some()
    }
}

/// Whether the error is an outside failure rather than a problem of a record.
fn is_outside(error: &Error) -> bool {
    match error {
        Error::NoLeader
        | Error::Overloaded
        | Error::ChecksBusy
        | Error::DiskFull
        | Error::Behind { .. }
        | Error::OutcomeUnknown
        | Error::Contended
        | Error::Internal(_) => true,
        Error::Step { error, .. } => is_outside(error),
        _ => false,
    }
}

/// Truncates the violations of a failure, because failures are many and quote documents.
fn shortened(mut error: Error) -> Error {
    match &mut error {
        Error::ValidationFailed { violations, .. } | Error::SchemaInvalid(violations) => {
            violations.truncate(REASONS_KEPT_MAX);
        }
        Error::SchemaBreaksDocuments(breaks) => {
            breaks.failures.truncate(1);
            breaks.failures.iter_mut().for_each(|failure| failure.violations.truncate(REASONS_KEPT_MAX));
        }
        _ => {}
    }
    error
}
