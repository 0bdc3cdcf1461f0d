//! The documents that follow a schema: which of them do not satisfy a version of it.

use crate::ports::{Validator, View};
use crate::{DocumentFailure, Error, SchemaBreaks};
use domain::{Config, ConfigId, Revision, SchemaId};

/// How many failing documents the refusal of a new version lists; it always counts them all.
pub const FAILURES_LISTED_MAX: usize = 100;
/// How many failing documents a dry run lists; it too counts them all.
pub const PLAN_FAILURES_LISTED_MAX: usize = 10_000;
/// How many violations a dry run, and the list of failing documents, tell of one document.
pub const PLAN_VIOLATIONS_MAX: usize = 3;
/// How many documents are checked between two looks at what else is to be done.
const BATCH_DOCUMENTS: usize = 512;

/// How much of what is found is listed.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Most documents.
    pub(crate) documents: usize,
    /// Most violations of one document.
    pub(crate) violations: usize,
}

impl Bounds {
    /// What a refusal lists.
    pub(crate) const REFUSAL: Self = Self { documents: FAILURES_LISTED_MAX, violations: usize::MAX };
    /// What a dry run lists.
    pub(crate) const PLAN: Self =
        Self { documents: PLAN_FAILURES_LISTED_MAX, violations: PLAN_VIOLATIONS_MAX };
}

/// Looks through the followers of one schema in the order of their ids.
pub(crate) struct Survey<'a> {
    pub(crate) view: &'a View,
    pub(crate) schema: &'a SchemaId,
    pub(crate) validator: &'a dyn Validator,
    /// Whom the failures may be told of, because the violations quote the documents.
    pub(crate) told: &'a (dyn Fn(&ConfigId) -> bool + Sync),
}

/// What a stretch of followers was found to be.
pub(crate) struct Stretch {
    /// Those that fail and may be told of.
    pub(crate) failures: Vec<DocumentFailure>,
    /// How many more fail.
    pub(crate) hidden: u64,
    /// The last document that was looked at, when there are more.
    pub(crate) more_after: Option<ConfigId>,
}

impl Survey<'_> {
    /// Counts all that fail among those that changed after `since`, and lists the first; all of them, in
    /// the order of their ids, with `None`.
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

    /// Looks at no more than about `most` followers after `after`, and stops when `size` were listed.
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

    /// Those of the batch that fail, in its order.
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
