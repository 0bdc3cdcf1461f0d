//! The use cases of Guardian, and the ports through which they access the outside world.
//!
//! One service for each area, one method for each use case: authorise, decide, commit, answer. Nothing here
//! knows how requests arrive, where state is stored, or how nodes communicate.

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

/// All services, on the same ports.
#[derive(Clone, Debug)]
pub struct Application {
    /// Projects and environments.
    pub projects: Projects,
    /// Schemas.
    pub schemas: Schemas,
    /// Configs and their history.
    pub configs: Configs,
    /// Transactions: several changes as one revision.
    pub transactions: Transactions,
    /// Housekeeping of the cluster.
    pub housekeeping: Housekeeping,
    /// Watches of configs.
    pub watches: Watches,
    /// Exports and imports.
    pub transfer: Transfer,
    /// API keys and authentication.
    pub access: Access,
    /// The cluster and its members.
    pub cluster: Cluster,
    /// Users; `None` on a node without an identity database.
    pub identity: Option<Identity>,
}

/// The ports of the services.
#[derive(Clone)]
pub struct Ports {
    /// Commits commands.
    pub consensus: Arc<dyn Consensus>,
    /// Reads state.
    pub state: Arc<dyn StateReader>,
    /// Compiles schemas and checks documents.
    pub schemas: Arc<dyn SchemaEngine>,
    /// Generates and parses secrets of API keys.
    pub keys: Arc<dyn KeyMint>,
    /// Reads the status of the cluster.
    pub cluster: Arc<dyn ClusterView>,
    /// Changes the membership.
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
    /// Builds all services on the given ports.
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

    /// Adds the identity services.
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// The identity services. Fails with [`Error::IdentityUnavailable`] on a node without an identity
    /// database.
    pub fn identity(&self) -> Result<&Identity, Error> {
        self.identity.as_ref().ok_or(Error::IdentityUnavailable(None))
    }
}

/// The ports that every service needs.
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
    /// A view in which the caller has `permission` on `resource`.
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
