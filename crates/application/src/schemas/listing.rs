//! Lists of one schema: its versions, and the configs that are bound to it.

use super::{SchemaDetail, Schemas, detail};
use crate::ports::Freshness;
use crate::{Error, Page, PageRequest, RequestContext};
use domain::{Config, ConfigId, Permission, Resource, SchemaId, SchemaVersion};

impl Schemas {
    /// The versions of a schema before `page.after`, the newest first.
    pub async fn versions(
        &self,
        ctx: &RequestContext,
        id: &SchemaId,
        page: PageRequest<SchemaVersion>,
        freshness: Freshness,
    ) -> Result<Page<SchemaDetail, SchemaVersion>, Error> {
        let resource = Resource::Project(&id.project);
        let view = self.core.authorized_view(ctx, freshness, Permission::SchemaRead, resource).await?;
        view.state.project(&id.project).ok_or_else(|| Error::not_found("project", &id.project))?;
        let schema = view.state.schema(id).ok_or_else(|| Error::no_schema(id))?;
        let below = page.after.map_or(u64::MAX, |after| after.0);
        let numbers = (schema.first.0..=schema.latest.0).rev().filter(|number| *number < below);
        let page = Page::take(numbers.map(SchemaVersion), page.size, &view, |version| *version);
        let items = page.items.iter().map(|version| detail(&view, schema, *version));
        let items = items.collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next, revision: page.revision, stale_for_ms: page.stale_for_ms })
    }

    /// The configs bound to a schema at any version that the caller may read, in order of environment and
    /// key.
    pub async fn bound(
        &self,
        ctx: &RequestContext,
        id: &SchemaId,
        page: PageRequest<ConfigId>,
        freshness: Freshness,
    ) -> Result<Page<Config, ConfigId>, Error> {
        let resource = Resource::Project(&id.project);
        let view = self.core.authorized_view(ctx, freshness, Permission::SchemaRead, resource).await?;
        view.state.project(&id.project).ok_or_else(|| Error::not_found("project", &id.project))?;
        view.state.schema(id).ok_or_else(|| Error::no_schema(id))?;
        let after = page.after.as_ref().filter(|after| after.project == id.project);
        let told = self.told(ctx, &view);
        let bound = view.state.bound_after(id, after).filter(|config| told(&config.id));
        Ok(Page::take(bound.cloned(), page.size, &view, |config| config.id.clone()))
    }
}
