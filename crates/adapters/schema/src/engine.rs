//! The engine: compiles schemas, keeps what was compiled, and checks documents, on the threads of the pool.

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

/// Most memory, in bytes, of the compiled schemas that are kept, about.
pub const CACHE_WEIGHT_MAX: u64 = 256 * 1024 * 1024;
/// Into how many parts the check of many documents is divided.
const SURVEY_PARTS: usize = 2;
/// How many documents are checked, and about how many steps are taken, before another project has its turn.
const TURN_DOCUMENTS: usize = 64;
const TURN_STEPS: u64 = CHECK_STEPS_MAX / 20;

type CacheKey = (ProjectName, SchemaName, SchemaVersion);

/// Compiles JSON Schemas of drafts 4 to 2020-12 and keeps the committed ones. A clone shares the cache.
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
    /// An engine that keeps nothing yet.
    pub fn new() -> Self {
        let cache = Cache::builder()
            .max_capacity(CACHE_WEIGHT_MAX)
            .weigher(|_: &CacheKey, kept: &Arc<Kept>| u32::try_from(kept.compiled.bytes).unwrap_or(u32::MAX))
            .build();
        Self { cache, pool: Arc::new(Pool::new()) }
    }

    /// Compiles `first` with what it uses, in as many rounds as its references are deep.
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

/// A compiled schema as it is kept.
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
    /// Checks documents one after the other, and waits for its turn again after some of them.
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

/// Reads and checks the first of these documents, at least one.
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
            // It cannot pass for one that satisfies the schema.
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
