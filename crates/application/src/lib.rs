//! The use cases of Guardian, and the ports through which they reach the world.
//!
//! One service per area, one method per use case: authorise, decide, commit, answer. Nothing here
//! knows how requests arrive, where state is stored or how nodes talk; the ports say only what is
//! needed of them.

mod access;
mod changed;
mod check;
mod cluster;
mod configs;
mod context;
mod document;
mod effects;
mod env;
mod error;
mod followers;
mod history;
mod housekeeping;
pub mod identity;
mod json;
mod key_filter;
mod paging;
pub mod ports;
mod projects;
mod schemas;
mod seen;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod transactions;
mod transfer;
mod watch;

pub use access::{Access, CreateApiKey, CreatedApiKey};
pub use changed::{Changed, Effect, How};
pub use cluster::{AddedMember, Cluster, UpdateMember};
pub use configs::{
    Change, ConfigDocument, ConfigList, Configs, DeleteConfig, Difference, Differing, Moment,
    PATCH_OPERATIONS_MAX, Patch, PatchConfig, PutConfig, Rollback, Versions, Written, difference,
};
pub use context::{Origin, RequestContext};
pub use document::{DocumentFault, compact, string_end};
pub use env::Env;
pub use error::{DocumentFailure, Error, SchemaBreaks, StepFailure};
pub use followers::{FAILURES_LISTED_MAX, PLAN_FAILURES_LISTED_MAX, PLAN_VIOLATIONS_MAX};
pub use history::LIST_CONTENT_BYTES_MAX;
pub use housekeeping::Housekeeping;
pub use key_filter::KeyFilter;
pub use paging::{Page, PageRequest};
pub use projects::{ChangeProject, ProjectDetail, Projects};
pub use schemas::{CreateSchema, FailuresPage, SchemaDetail, Schemas, UpdateSchema, UpdatedSchema};
pub use seen::Seen;
pub use transactions::{
    BindConfigs, RestoreEnvironment, Step, StepResult, Transact, Transacted, Transactions,
};
pub use transfer::{
    ConfigRecord, Counts, Export, ExportHeader, ExportLine, IMPORT_KEPT_MAX, IMPORT_PLANNED_BYTES_MAX,
    IMPORT_SCHEMA_VERSIONS_MAX, IMPORT_WINDOW_BYTES_MAX, Import, ImportFailure, ImportMode, ImportReport,
    ImportRequest, Record, SchemaRecord, Totals, Transfer,
};
pub use watch::{OpenWatch, Watch, WatchPart, Watches};

use identity::Identity;
use ports::{ClusterView, Consensus, KeyMint, Membership, SchemaEngine, StateReader};
use std::sync::Arc;

/// Every service, sharing the same ports.
#[derive(Clone, Debug)]
pub struct Application {
    /// Projects and environments.
    pub projects: Projects,
    /// Schemas.
    pub schemas: Schemas,
    /// Config documents and their history.
    pub configs: Configs,
    /// Several changes as one.
    pub transactions: Transactions,
    /// Work of the cluster on itself.
    pub housekeeping: Housekeeping,
    /// Following changes of configs.
    pub watches: Watches,
    /// Exports and imports.
    pub transfer: Transfer,
    /// API keys and authentication.
    pub access: Access,
    /// The cluster itself.
    pub cluster: Cluster,
    /// People; `None` on a node without an identity database.
    pub identity: Option<Identity>,
}

/// What the services need of the world.
#[derive(Clone)]
pub struct Ports {
    /// Commits commands.
    pub consensus: Arc<dyn Consensus>,
    /// Reads state.
    pub state: Arc<dyn StateReader>,
    /// Compiles and runs schemas.
    pub schemas: Arc<dyn SchemaEngine>,
    /// Mints and reads key secrets.
    pub keys: Arc<dyn KeyMint>,
    /// Knows the members.
    pub cluster: Arc<dyn ClusterView>,
    /// Changes the members.
    pub membership: Arc<dyn Membership>,
    /// Clock and ids.
    pub env: Env,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

impl Application {
    /// Builds every service on the given ports.
    pub fn new(ports: &Ports) -> Self {
        let core =
            Core { consensus: ports.consensus.clone(), state: ports.state.clone(), env: ports.env.clone() };
        let engine = &ports.schemas;
        let (projects, schemas) = (Projects::new(core.clone()), Schemas::new(core.clone(), engine.clone()));
        let configs = Configs::new(core.clone(), engine.clone());
        let transactions = Transactions::new(core.clone(), configs.clone(), engine.clone());
        let services = (projects.clone(), schemas.clone(), transactions.clone());
        Self {
            projects,
            schemas,
            configs,
            transactions,
            housekeeping: Housekeeping::new(core.clone()),
            watches: Watches::new(core.clone()),
            transfer: Transfer::new(core.clone(), services, engine.clone()),
            access: Access::new(core.clone(), ports.keys.clone()),
            cluster: Cluster::new(core, ports.cluster.clone(), ports.membership.clone()),
            identity: None,
        }
    }

    /// The same services, with those on people.
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// The use cases on people; [`Error::IdentityUnavailable`] on a node without an identity database.
    pub fn identity(&self) -> Result<&Identity, Error> {
        self.identity.as_ref().ok_or(Error::IdentityUnavailable(None))
    }
}

/// What every service needs.
#[derive(Clone)]
pub(crate) struct Core {
    pub(crate) consensus: Arc<dyn Consensus>,
    pub(crate) state: Arc<dyn StateReader>,
    pub(crate) env: Env,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").finish_non_exhaustive()
    }
}

impl Core {
    /// A view of the state in which `actor` may use `permission` on `resource`.
    pub(crate) async fn authorized_view(
        &self,
        ctx: &RequestContext,
        freshness: ports::Freshness,
        permission: domain::Permission,
        resource: domain::Resource<'_>,
    ) -> Result<ports::View, Error> {
        let view = self.state.view(freshness).await?;
        ctx.require(&view, permission, resource, self.env.clock.now())?;
        Ok(view)
    }
}
