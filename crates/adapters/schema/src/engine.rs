//! The schema engine: compiles schemas, caches them, and validates documents on the threads of the pool.

use crate::closure::{Document, Source};
use crate::compile::{Compiled, Step, compile};
use crate::evaluate::{CHECK_STEPS_MAX, Stop};
use crate::pool::Pool;
use crate::violation::in_schema;
use application::ports::{
    Archive, CheckFault, Offered, SchemaEngine, SchemaFault, Validator, View, Violation,
};
use async_trait::async_trait;
use domain::{ConfigId, Content, ProjectName, SchemaId, SchemaName, SchemaVersion, Version};
use moka::sync::Cache;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Capacity of the cache of compiled schemas, in bytes (estimated).
pub const CACHE_WEIGHT_MAX: u64 = 256 * 1024 * 1024;
/// Number of parts into which a survey is divided.
const SURVEY_PARTS: usize = 2;
/// Documents to check, and approximate steps to take, before another project gets its turn.
const TURN_DOCUMENTS: usize = 64;
const TURN_STEPS: u64 = CHECK_STEPS_MAX / 20;

type CacheKey = (ProjectName, SchemaName, SchemaVersion);

/// Compiles JSON Schemas of drafts 4 to 2020-12 and caches the committed ones. Clones share the cache.
#[derive(Clone)]
pub struct JsonSchemaEngine {
    cache: Cache<CacheKey, Arc<Kept>>,
    pool: Arc<Pool>,
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
    /// An engine with an empty cache.
    pub fn new() -> Self {
        let cache = Cache::builder()
            .max_capacity(CACHE_WEIGHT_MAX)
            .weigher(|_: &CacheKey, kept: &Arc<Kept>| u32::try_from(kept.compiled.bytes).unwrap_or(u32::MAX))
            .build();
        Self { cache, pool: Arc::new(Pool::new()) }
    }

    /// Compiles `first` with the schemas that it references; one round for each level of references.
    async fn compile_closure(&self, first: Document, source: &Source<'_>) -> Result<Kept, SchemaFault> {
        let mut documents = vec![first];
        loop {
            let given = documents.clone();
            let compiled = self.pool.run(source.project, move |_| compile(&given)).await?;
            match compiled.map_err(SchemaFault::Invalid)? {
                Step::Wants(wants) => {
                    for wanted in &wants {
                        source.load(&mut documents, wanted)?;
                    }
                }
                Step::Done(compiled) => {
                    let (pool, project) = (self.pool.clone(), source.project.clone());
                    return Ok(Kept { compiled: Arc::from(compiled), pool, project });
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

/// A cached compiled schema.
struct Kept {
    compiled: Arc<Compiled>,
    pool: Arc<Pool>,
    project: ProjectName,
}

#[async_trait]
impl Validator for Kept {
    async fn violations(&self, document: &Content) -> Result<Vec<Violation>, CheckFault> {
        let (compiled, document) = (self.compiled.clone(), document.clone());
        let work = move |cancelled: &AtomicBool| compiled.check(&document, cancelled);
        match self.pool.run(&self.project, work).await? {
            Ok(evaluated) => Ok(evaluated.violations),
            Err(Stop::TooExpensive) => Err(CheckFault::TooExpensive { steps_max: CHECK_STEPS_MAX }),
            Err(Stop::Cancelled) => Err(CheckFault::Busy),
        }
    }

    async fn survey(
        &self,
        archive: &Arc<dyn Archive>,
        mut documents: Vec<(ConfigId, Version)>,
    ) -> Result<Vec<Option<Vec<Violation>>>, CheckFault> {
        let second = documents.split_off(documents.len().div_ceil(SURVEY_PARTS));
        let (first, second) =
            tokio::join!(self.survey_part(archive, documents), self.survey_part(archive, second));
        let mut found = first?;
        found.extend(second?);
        Ok(found)
    }
}

impl Kept {
    /// Validates documents in sequence, in turns shared with other projects.
    async fn survey_part(
        &self,
        archive: &Arc<dyn Archive>,
        documents: Vec<(ConfigId, Version)>,
    ) -> Result<Vec<Option<Vec<Violation>>>, CheckFault> {
        let (documents, mut found) = (Arc::new(documents), Vec::new());
        while found.len() < documents.len() {
            let (compiled, archive, from) = (self.compiled.clone(), archive.clone(), found.len());
            let documents = documents.clone();
            let work = move |cancelled: &AtomicBool| {
                survey_turn(&compiled, &*archive, &documents[from..], cancelled)
            };
            found.extend(self.pool.run(&self.project, work).await??);
        }
        Ok(found)
    }
}

/// Reads and validates the documents of one turn; at least one.
fn survey_turn(
    compiled: &Compiled,
    archive: &dyn Archive,
    documents: &[(ConfigId, Version)],
    cancelled: &AtomicBool,
) -> Result<Vec<Option<Vec<Violation>>>, CheckFault> {
    let (mut found, mut steps) = (Vec::new(), 0);
    for (id, version) in documents.iter().take(TURN_DOCUMENTS) {
        let content = archive.config_revision(id, *version)?.and_then(|revision| revision.content);
        found.push(match content.map(|content| compiled.check(&content, cancelled)) {
            None => None,
            Some(Ok(evaluated)) => {
                steps += evaluated.steps;
                Some(evaluated.violations)
            }
            // A document whose check is too expensive counts as invalid.
            Some(Err(Stop::TooExpensive)) => {
                steps += CHECK_STEPS_MAX;
                let message = format_args!("the check needs more than {CHECK_STEPS_MAX} steps");
                Some(vec![in_schema("", "", message)])
            }
            Some(Err(Stop::Cancelled)) => return Err(CheckFault::Busy),
        });
        if steps > TURN_STEPS {
            break;
        }
    }
    Ok(found)
}
