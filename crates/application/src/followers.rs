//! Checking the documents that follow a schema against a version of it.

use crate::ports::{Validator, View};
use crate::{DocumentFailure, Error, SchemaBreaks};
use domain::{Config, ConfigId, Revision, SchemaId};

/// Most failing documents that the refusal of a new version lists. It counts all of them.
pub const FAILURES_LISTED_MAX: usize = 100;
/// Most failing documents that a dry run lists. It counts all of them.
pub const PLAN_FAILURES_LISTED_MAX: usize = 10_000;
/// Most violations of each document that a dry run and the list of failing documents contain.
pub const PLAN_VIOLATIONS_MAX: usize = 3;
/// Number of documents that are checked in one batch.
const BATCH_DOCUMENTS: usize = 512;

/// Limits on the listed failures.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Most documents.
    pub(crate) documents: usize,
    /// Most violations of each document.
    pub(crate) violations: usize,
}

impl Bounds {
    /// The limits of a refusal.
    pub(crate) const REFUSAL: Self = Self { documents: FAILURES_LISTED_MAX, violations: usize::MAX };
    /// The limits of a dry run.
    pub(crate) const PLAN: Self =
        Self { documents: PLAN_FAILURES_LISTED_MAX, violations: PLAN_VIOLATIONS_MAX };
}

/// Checks the followers of one schema.
pub(crate) struct Survey<'a> {
    pub(crate) view: &'a View,
    pub(crate) schema: &'a SchemaId,
    pub(crate) validator: &'a dyn Validator,
    /// Whether the caller may read a document. Failures of other documents are only counted, because
    /// violations quote the document.
    pub(crate) told: &'a (dyn Fn(&ConfigId) -> bool + Sync),
}

/// The result of checking some of the followers.
pub(crate) struct Stretch {
    /// The failures that the caller may read.
    pub(crate) failures: Vec<DocumentFailure>,
    /// The number of other failures.
    pub(crate) hidden: u64,
    /// The last checked document, if there are more.
    pub(crate) more_after: Option<ConfigId>,
}

impl Survey<'_> {
    /// Counts all failing documents among those that changed after `since`, and lists the first. With `None`
    /// checks all followers, in order of ids.
    pub(crate) async fn failing(
        &self,
        since: Option<Revision>,
        bounds: Bounds,
    ) -> Result<SchemaBreaks, Error> {
        let state = &self.view.state;
        match since {
            None => self.count(state.followers_after(self.schema, None), bounds).await,
            Some(since) => self.count(state.followers_since(self.schema, since), bounds).await,
        }
    }

    async fn count<'a>(
        &self,
        mut followers: impl Iterator<Item = &'a Config> + Send,
        bounds: Bounds,
    ) -> Result<SchemaBreaks, Error> {
        let mut breaks = SchemaBreaks { total: 0, failures: Vec::new() };
        loop {
            let batch: Vec<&Config> = followers.by_ref().take(BATCH_DOCUMENTS).collect();
            if batch.is_empty() {
                return Ok(breaks);
            }
            for mut failure in self.check(&batch).await? {
                breaks.total += 1;
                if breaks.failures.len() < bounds.documents && (self.told)(&failure.id) {
                    failure.violations.truncate(bounds.violations);
                    breaks.failures.push(failure);
                }
            }
        }
    }

    /// Checks about `most` followers after `after`; stops once `size` failures are listed.
    pub(crate) async fn stretch(
        &self,
        after: Option<&ConfigId>,
        size: usize,
        most: usize,
    ) -> Result<Stretch, Error> {
        let mut stretch = Stretch { failures: Vec::new(), hidden: 0, more_after: None };
        let (mut followers, mut seen) = (self.view.state.followers_after(self.schema, after).peekable(), 0);
        loop {
            let batch: Vec<&Config> = followers.by_ref().take(BATCH_DOCUMENTS).collect();
            let Some(last) = batch.last().map(|config| &config.id) else { return Ok(stretch) };
            seen += batch.len();
            let failing = self.check(&batch).await?;
            for mut failure in failing {
                if !(self.told)(&failure.id) {
                    stretch.hidden += 1;
                    continue;
                }
                failure.violations.truncate(PLAN_VIOLATIONS_MAX);
                stretch.failures.push(failure);
                if stretch.failures.len() == size {
                    break;
                }
            }
            if stretch.failures.len() == size || seen >= most {
                let listed = stretch.failures.last().filter(|_| stretch.failures.len() == size);
                let at = listed.map_or(last, |failure| &failure.id).clone();
                let rest = at != *last || followers.peek().is_some();
                stretch.more_after = rest.then_some(at);
                return Ok(stretch);
            }
        }
    }

    /// The failing documents of the batch, in its order.
    async fn check(&self, batch: &[&Config]) -> Result<Vec<DocumentFailure>, Error> {
        let documents = batch.iter().map(|config| (config.id.clone(), config.version)).collect();
        let found = self.validator.survey(&self.view.archive, documents).await?;
        let mut failures = Vec::new();
        for (config, violations) in batch.iter().zip(found) {
            let violations = violations.ok_or(Error::Contended)?;
            if !violations.is_empty() {
                let (id, version) = (config.id.clone(), config.version);
                failures.push(DocumentFailure { id, version, violations });
            }
        }
        Ok(failures)
    }
}
