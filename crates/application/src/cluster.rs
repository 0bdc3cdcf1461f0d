//! The cluster itself.

use crate::ports::{ClusterStatus, ClusterView, Freshness, View};
use crate::{Core, Error, RequestContext};
use domain::{Permission, Resource};
use std::fmt;
use std::sync::Arc;

/// Use cases on the cluster.
#[derive(Clone)]
pub struct Cluster {
    core: Core,
    members: Arc<dyn ClusterView>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cluster")
    }
}

impl Cluster {
    pub(crate) fn new(core: Core, members: Arc<dyn ClusterView>) -> Self {
        Self { core, members }
    }

    /// The members as this node sees them, beside what this node has applied. Answers without a leader
    /// too: it is what an operator looks at when there is none.
    pub async fn status(&self, ctx: &RequestContext) -> Result<(ClusterStatus, View), Error> {
        let view = self
            .core
            .authorized_view(ctx, Freshness::STALE, Permission::ClusterRead, Resource::Platform)
            .await?;
        Ok((self.members.status().await, view))
    }
}
