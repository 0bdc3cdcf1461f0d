//! The engine: compiles on blocking threads, keeps what was compiled, and checks documents.

use crate::closure::{Document, Source};
use crate::compile::{Compiled, Step, compile};
use crate::violation::{self, in_schema};
use application::ports::{
    Archive, ArchiveError, Offered, SchemaEngine, SchemaFault, Validator, View, Violation,
};
use async_trait::async_trait;
use domain::{ConfigId, Content, ProjectName, SchemaId, SchemaName, SchemaVersion, Version};
use moka::sync::Cache;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Most schema text, in bytes, whose compiled forms are kept.
pub const CACHE_WEIGHT_MAX: u64 = 64 * 1024 * 1024;
/// Documents up to this size, in bytes, are checked on the calling thread.
pub const INLINE_BYTES_MAX: usize = 16 * 1024;
/// Most compilations and checks of large documents that run at the same time.
const BLOCKING_MAX: usize = 4;
/// Most threads that surveys of many documents may use at the same time, all surveys together.
pub const SURVEY_THREADS_MAX: usize = 2;

type CacheKey = (ProjectName, SchemaName, SchemaVersion);

/// Compiles JSON Schemas of drafts 4 to 2020-12 and keeps the committed ones. A clone shares the cache.
#[derive(Clone)]
pub struct JsonSchemaEngine {
    cache: Cache<CacheKey, Arc<Kept>>,
    blocking: Arc<Semaphore>,
    surveys: Arc<Semaphore>,
}

impl fmt::Debug for JsonSchemaEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonSchemaEngine").field("kept", &self.cache.entry_count()).finish_non_exhaustive()
    }
}

impl Default for JsonSchemaEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl JsonSchemaEngine {
    /// An engine that keeps nothing yet.
    pub fn new() -> Self {
        let cache = Cache::builder()
            .max_capacity(CACHE_WEIGHT_MAX)
            .weigher(|_: &CacheKey, kept: &Arc<Kept>| u32::try_from(kept.compiled.bytes).unwrap_or(u32::MAX))
            .build();
        let (blocking, surveys) = (Semaphore::new(BLOCKING_MAX), Semaphore::new(SURVEY_THREADS_MAX));
        Self { cache, blocking: Arc::new(blocking), surveys: Arc::new(surveys) }
    }

    /// Compiles `first` with what it uses, in as many rounds as its references are deep.
    async fn compile_closure(&self, first: Document, source: &Source<'_>) -> Result<Kept, SchemaFault> {
        let mut documents = vec![first];
        loop {
            let given = documents.clone();
            let compiled = run(&self.blocking, move || compile(&given)).await;
            let failed = || Err(vec![in_schema("", "", "the schema could not be compiled")]);
            match compiled.unwrap_or_else(failed).map_err(SchemaFault::Invalid)? {
                Step::Wants(wants) => {
                    for wanted in &wants {
                        source.load(&mut documents, wanted)?;
                    }
                }
                Step::Done(compiled) => {
                    let (blocking, surveys) = (self.blocking.clone(), self.surveys.clone());
                    return Ok(Kept { compiled: Arc::new(compiled), blocking, surveys });
                }
            }
        }
    }
}

#[async_trait]
impl SchemaEngine for JsonSchemaEngine {
    async fn compile(&self, id: &SchemaId, schema: &Content, view: &View) -> Result<Offered, SchemaFault> {
        let source =
            Source { project: &id.project, archive: &*view.archive, offered: Some((id, &view.state)) };
        let kept = self.compile_closure(Document::first(schema.clone(), &[]), &source).await?;
        let (dialect, uses) = (kept.compiled.dialect, kept.compiled.uses.clone());
        #[cfg(feature = "simulation")]
        if planted::is(planted::Fault::SchemaWithoutCheck) {
            let lax = Content::from_compact("true").map_err(|_| SchemaFault::Invalid(Vec::new()))?;
            let validator = Arc::new(self.compile_closure(Document::first(lax, &[]), &source).await?);
            return Ok(Offered { dialect, uses, validator });
        }
        Ok(Offered { dialect, uses, validator: Arc::new(kept) })
    }

    async fn committed(
        &self,
        id: &SchemaId,
        version: SchemaVersion,
        archive: &dyn Archive,
    ) -> Result<Arc<dyn Validator>, SchemaFault> {
        let key = (id.project.clone(), id.name.clone(), version);
        if let Some(kept) = self.cache.get(&key) {
            return Ok(kept);
        }
        let found = archive.schema_revision(id, version)?;
        let found = found.ok_or_else(|| SchemaFault::Missing(id.name.to_string(), version.0))?;
        let source = Source { project: &id.project, archive, offered: None };
        let first = Document::first(found.schema, &found.uses);
        let compiled = Arc::new(self.compile_closure(first, &source).await?);
        self.cache.insert(key, compiled.clone());
        Ok(compiled)
    }
}

/// Runs `work` on a thread that may block; `None` when it panicked or the program is ending. A simulation
/// has one thread, so there it runs at once.
async fn run<T: Send + 'static>(
    permits: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let permit = permits.clone().acquire_owned().await.ok()?;
    #[cfg(feature = "simulation")]
    if planted::runs_in_place() {
        return Some(work());
    }
    let task = spawn_blocking(move || {
        let _permit = permit;
        work()
    });
    task.await.ok()
}

/// A compiled schema as it is kept.
struct Kept {
    compiled: Arc<Compiled>,
    blocking: Arc<Semaphore>,
    surveys: Arc<Semaphore>,
}

#[async_trait]
impl Validator for Kept {
    async fn violations(&self, document: &Content) -> Vec<Violation> {
        if document.as_str().len() <= INLINE_BYTES_MAX {
            // Checking many in a row lets other tasks run now and then.
            tokio::task::consume_budget().await;
            return check(&self.compiled, document);
        }
        let (compiled, document) = (self.compiled.clone(), document.clone());
        let checked = run(&self.blocking, move || check(&compiled, &document)).await;
        // A check that did not finish must not pass for one that found nothing.
        checked.unwrap_or_else(unchecked)
    }

    async fn survey(
        &self,
        archive: &Arc<dyn Archive>,
        mut documents: Vec<(ConfigId, Version)>,
    ) -> Result<Vec<Option<Vec<Violation>>>, ArchiveError> {
        let half = documents.split_off(documents.len().div_ceil(SURVEY_THREADS_MAX));
        let part = |documents: Vec<(ConfigId, Version)>| {
            let (compiled, archive, missed) = (self.compiled.clone(), archive.clone(), documents.len());
            async move {
                let work = move || survey(&compiled, &*archive, &documents);
                let checked = run(&self.surveys, work).await;
                checked.unwrap_or_else(|| Ok(vec![Some(unchecked()); missed]))
            }
        };
        let (first, second) = tokio::join!(part(documents), part(half));
        let mut found = first?;
        found.extend(second?);
        Ok(found)
    }
}

/// What is said of a document whose check did not finish.
fn unchecked() -> Vec<Violation> {
    vec![in_schema("", "", "the document could not be checked")]
}

/// Reads and checks documents one after the other.
fn survey(
    compiled: &Compiled,
    archive: &dyn Archive,
    documents: &[(ConfigId, Version)],
) -> Result<Vec<Option<Vec<Violation>>>, ArchiveError> {
    let one = |(id, version): &(ConfigId, Version)| {
        let found = archive.config_revision(id, *version)?;
        Ok(found.and_then(|revision| revision.content).map(|content| check(compiled, &content)))
    };
    documents.iter().map(one).collect()
}

/// Most documents are valid, so the errors are only collected once it is known that there are some.
fn check(compiled: &Compiled, document: &Content) -> Vec<Violation> {
    match serde_json::from_str::<Value>(document.as_str()) {
        Err(error) => vec![in_schema("", "", format!("the document is not JSON: {error}"))],
        Ok(value) if compiled.validator.is_valid(&value) => Vec::new(),
        Ok(value) => {
            let found = violation::list(&compiled.validator, &value, compiled.evaluations);
            if found.is_empty() {
                vec![in_schema("", "", "the document does not satisfy the schema")]
            } else {
                found
            }
        }
    }
}
