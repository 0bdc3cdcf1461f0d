//! What an import did, and what it could not do.

use super::Totals;
use crate::{Effect, Error};
use domain::Revision;

/// How many failures a report lists; it always counts them all.
pub(super) const FAILURES_LISTED_MAX: usize = 100;
/// How many effects a dry run lists; the counts count them all.
const EFFECTS_LISTED_MAX: usize = 1000;
/// How many reasons a listed failure keeps.
const REASONS_KEPT_MAX: usize = 10;

/// What became of the records of one kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Did not exist before.
    pub created: u64,
    /// Existed and were changed; for schemas: versions that were added.
    pub updated: u64,
    /// Existed and were the same.
    pub unchanged: u64,
    /// Existed and were not in the file.
    pub deleted: u64,
}

/// A record that was refused.
#[derive(Debug)]
pub struct ImportFailure {
    /// Its line, from 1.
    pub line: u64,
    /// Why.
    pub error: Error,
}

/// What an import did. In a dry run: what it would have done.
#[derive(Debug, Default)]
pub struct ImportReport {
    /// What was read.
    pub read: Totals,
    /// Environments.
    pub environments: Counts,
    /// Versions of schemas.
    pub schemas: Counts,
    /// Configs.
    pub configs: Counts,
    /// In a dry run: the first things that would be changed, without their content.
    pub effects: Vec<Effect>,
    /// How many records were refused.
    pub failed: u64,
    /// The first of them.
    pub failures: Vec<ImportFailure>,
    /// Why it ended before its time, when nothing is wrong with the records: sending them again goes on.
    pub stopped: Option<Error>,
    /// The newest revision that it made, or saw.
    pub revision: Revision,
}

impl ImportReport {
    /// Notes a refused record, or that the world failed.
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

    /// Notes what a dry run would change.
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

    /// Whether something went wrong, so that nothing more may be changed.
    pub(super) fn is_spoiled(&self) -> bool {
        self.failed > 0 || self.stopped.is_some()
    }
}

/// Says whether it is the world that failed, and not a record.
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

/// Failures are many and quote documents, so each keeps only its first reasons.
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
