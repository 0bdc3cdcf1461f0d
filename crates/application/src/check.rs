//! Checking a document before it is proposed: resolves the schema version and validates the document.

use crate::ports::{ConsensusError, Freshness, SchemaEngine, View};
use crate::{Core, Error};
use domain::{Binding, BindingChange, ConfigId, Content, SchemaId, SchemaRef};

/// Most attempts at a check that concurrent changes make outdated.
pub(crate) const CHECK_ATTEMPTS_MAX: usize = 16;

/// The binding of the config after `change`, in this view.
pub(crate) fn resulting_binding(view: &View, id: &ConfigId, change: &BindingChange) -> Option<Binding> {
    match change {
        BindingChange::Keep => view.state.config(id).and_then(|config| config.binding.clone()),
        BindingChange::Set(binding) => binding.clone(),
    }
}

/// Checks `content` against the schema version that `binding` resolves to in this view. Returns that version.
pub(crate) async fn check_document(
    engine: &dyn SchemaEngine,
    view: &View,
    id: &ConfigId,
    binding: Option<&Binding>,
    content: &Content,
) -> Result<Option<SchemaRef>, Error> {
    let Some(schema) = view.state.effective_schema(id, binding).map_err(Error::Rejected)? else {
        return Ok(None);
    };
    let validator = engine.committed(&id.schema_id(&schema.name), schema.version, &*view.archive).await?;
    let violations = validator.violations(content).await?;
    if violations.is_empty() {
        Ok(Some(schema))
    } else {
        let schema = format!("schema {} version {}", schema.name, schema.version);
        Err(Error::ValidationFailed { schema, violations })
    }
}

/// Waits while writes of documents that follow the schema are blocked by a schema change.
pub(crate) async fn released(core: &Core, id: &SchemaId) -> Result<(), Error> {
    let mut view = core.state.view(Freshness::LINEARIZABLE).await?;
    while view.state.schema(id).is_some_and(|schema| schema.is_held(core.env.clock.now())) {
        let next = Some(view.state.revision().next());
        view = match core.state.view(Freshness { min_revision: next, ..Freshness::STALE }).await {
            // No further revisions: the schema change was abandoned, and its hold has expired by now.
            Err(ConsensusError::Behind { .. }) => return Ok(()),
            later => later?,
        };
    }
    Ok(())
}
