//! The effects of a dry run, as far as the caller may read them.

use crate::ports::View;
use crate::{Difference, Effect, Error, Versions, difference};
use domain::{ApiKey, Command, Committed, Content, Event, Permission, Resource, Version};

/// Largest total size of contents that a dry run compares, in bytes; comparing takes time.
const COMPARED_BYTES_MAX: usize = 256 * 1024;

/// Whether the caller has a permission on a resource.
pub(crate) type MayRead<'a> = dyn Fn(Permission, Resource<'_>) -> bool + Sync + 'a;

/// The changes that the events would make, as far as the caller may read them. Of other entities only those
/// named by the request are listed, without stored values.
pub(crate) fn effects(
    view: &View,
    command: &Command,
    committed: Option<&Committed>,
    may_read: &MayRead<'_>,
) -> Result<Vec<Effect>, Error> {
    let events = committed.into_iter().flat_map(|committed| &committed.events);
    let effects = events.filter_map(|event| {
        let readable = is_readable(event, may_read);
        if !readable && is_unnamed(command, event) {
            return None;
        }
        let shown = effect(view, event).transpose()?;
        Some(shown.map(|shown| if readable { shown } else { shown.withheld() }))
    });
    let mut effects = effects.collect::<Result<Vec<Effect>, Error>>()?;
    let bytes = |content: &Option<Content>| content.as_ref().map_or(0, |content| content.as_str().len());
    let all: usize = effects.iter().map(|effect| bytes(&effect.before) + bytes(&effect.after)).sum();
    if all <= COMPARED_BYTES_MAX {
        for effect in &mut effects {
            effect.difference = compared(effect)?;
        }
    }
    Ok(effects)
}

fn compared(effect: &Effect) -> Result<Option<Difference>, Error> {
    // Without the version before, the content before is withheld, so there is nothing to compare.
    if effect.from_version.is_none() || (effect.before.is_none() && effect.after.is_none()) {
        return Ok(None);
    }
    let versions = Versions {
        from: Version(effect.from_version.unwrap_or_default()),
        from_content: effect.before.clone(),
        to: Version(effect.to_version.unwrap_or_default()),
        to_content: effect.after.clone(),
    };
    difference(&versions).map(Some)
}

fn effect(view: &View, event: &Event) -> Result<Option<Effect>, Error> {
    let plain = |action, kind, name: String| Effect {
        action,
        kind,
        name,
        from_version: None,
        to_version: None,
        before: None,
        after: None,
        difference: None,
    };
    Ok(Some(match event {
        Event::ConfigPut { id, version, content, .. } => {
            let current = view.state.config(id).map(|config| config.version);
            let action = if current.is_some() { "update" } else { "create" };
            Effect {
                from_version: Some(current.unwrap_or_default().0),
                to_version: Some(version.0),
                before: document(view, id)?,
                after: Some(content.clone()),
                ..plain(action, "config", id.to_string())
            }
        }
        Event::ConfigDeleted { id, version, .. } => Effect {
            from_version: view.state.config(id).map(|config| config.version.0),
            to_version: Some(version.0),
            before: document(view, id)?,
            ..plain("delete", "config", id.to_string())
        },
        Event::SchemaRegistered { id, version, schema, .. } => {
            let latest = view.state.schema(id).map(|schema| schema.latest);
            let before = match latest {
                Some(latest) => view.archive.schema_revision(id, latest)?.map(|found| found.schema),
                None => None,
            };
            let action = if latest.is_some() { "update" } else { "create" };
            Effect {
                from_version: Some(latest.unwrap_or_default().0),
                to_version: Some(version.0),
                before,
                after: Some(schema.clone()),
                ..plain(action, "schema", format!("{}/{}", id.project, id.name))
            }
        }
        Event::SchemaDeleted { id, version } => Effect {
            from_version: Some(version.0),
            ..plain("delete", "schema", format!("{}/{}", id.project, id.name))
        },
        Event::ProjectCreated { name, .. } => plain("create", "project", name.to_string()),
        Event::ProjectUpdated { name, .. } | Event::ProjectBounded { name, .. } => {
            plain("update", "project", name.to_string())
        }
        Event::ProjectDeleted { name } => plain("delete", "project", name.to_string()),
        Event::EnvironmentCreated { id } => {
            plain("create", "environment", format!("{}/{}", id.project, id.name))
        }
        Event::EnvironmentDeleted { id } => {
            plain("delete", "environment", format!("{}/{}", id.project, id.name))
        }
        Event::ApiKeyCreated { key } => plain("create", "api_key", key.key.id.to_string()),
        Event::ApiKeyRotated { key, .. } | Event::ApiKeyNarrowed { key, .. } => {
            plain("update", "api_key", key.id.to_string())
        }
        Event::ApiKeyRevoked { key } => plain("delete", "api_key", key.id.to_string()),
        Event::MemberAdmitted { member } => plain("create", "member", member.id.to_string()),
        Event::MemberUpdated { member } => plain("update", "member", member.id.to_string()),
        Event::MemberRetired { id } => plain("delete", "member", id.to_string()),
        Event::EpochRaised { user, .. } => plain("update", "user", user.to_string()),
        Event::ClusterNamed { .. }
        | Event::AuditAnchored { .. }
        | Event::HistoryPruned { .. }
        | Event::SchemaHeld { .. }
        | Event::AnswerKept { .. }
        | Event::AnswerForgotten { .. }
        | Event::ConfigKept { .. } => return Ok(None),
    }))
}

/// The current document of a config in the view.
fn document(view: &View, id: &domain::ConfigId) -> Result<Option<Content>, Error> {
    let Some(config) = view.state.config(id) else { return Ok(None) };
    Ok(view.archive.config_revision(id, config.version)?.and_then(|found| found.content))
}

/// Whether the caller may read what the event would change.
fn is_readable(event: &Event, may_read: &MayRead<'_>) -> bool {
    match event {
        Event::ConfigPut { id, .. } | Event::ConfigDeleted { id, .. } => {
            may_read(Permission::DocumentRead, Resource::Config(id))
        }
        Event::SchemaRegistered { id, .. } | Event::SchemaDeleted { id, .. } => {
            may_read(Permission::SchemaRead, Resource::Project(&id.project))
        }
        Event::EnvironmentCreated { id } | Event::EnvironmentDeleted { id } => {
            may_read(Permission::EnvironmentRead, Resource::Environment(id))
        }
        Event::ApiKeyCreated { key: ApiKey { key, .. } }
        | Event::ApiKeyRotated { key, .. }
        | Event::ApiKeyNarrowed { key, .. }
        | Event::ApiKeyRevoked { key } => {
            let owner = key.project.as_ref().map_or(Resource::Platform, Resource::Project);
            may_read(Permission::KeyRead, owner)
        }
        // The other events quote no stored values.
        _ => true,
    }
}

/// Whether the event concerns an entity that the request does not name: deleting a project deletes its
/// contents, and deleting an environment changes API keys.
fn is_unnamed(command: &Command, event: &Event) -> bool {
    match command {
        Command::DeleteProject { .. } => !matches!(event, Event::ProjectDeleted { .. }),
        Command::DeleteEnvironment { .. } => !matches!(event, Event::EnvironmentDeleted { .. }),
        _ => false,
    }
}

impl Effect {
    /// The effect without stored values.
    fn withheld(self) -> Self {
        let to_version = self.to_version.filter(|_| self.action != "delete");
        Self { from_version: None, to_version, before: None, difference: None, ..self }
    }
}
