//! Reading: a view of the required freshness.

use super::{READ_TIMEOUT, RaftNode};
use crate::store::LiveArchive;
use application::ports::{ChangeSignal, ConsensusError, Consistency, Freshness, StateReader, View};
use async_trait::async_trait;
use domain::EnvironmentId;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

#[async_trait]
impl StateReader for RaftNode {
    async fn view(&self, freshness: Freshness) -> Result<View, ConsensusError> {
        #[cfg(feature = "simulation")]
        let freshness = planted(freshness);
        if freshness.consistency == Consistency::Linearizable {
            self.barrier.pass().await?;
        }
        if let Some(wanted) = freshness.min_revision {
            self.wait_for_revision(wanted.0).await?;
        }
        let published = self.shared.store.published();
        let stale_for_ms = match freshness.consistency {
            Consistency::Linearizable => None,
            Consistency::Stale => self.shared.stale_for_ms(),
        };
        Ok(View { state: published.state.clone(), archive: Arc::new(LiveArchive(published)), stale_for_ms })
    }

    fn follow(&self, environment: &EnvironmentId) -> Box<dyn ChangeSignal> {
        self.shared.store.follow(environment)
    }
}

/// The faults of the simulation in reading.
#[cfg(feature = "simulation")]
fn planted(mut freshness: Freshness) -> Freshness {
    use crate::planted_faults::{Fault, is};
    if is(Fault::ReadWithoutBarrier) {
        freshness.consistency = Consistency::Stale;
    }
    if is(Fault::NoMinimum) {
        freshness.min_revision = None;
    }
    freshness
}

impl RaftNode {
    async fn wait_for_revision(&self, wanted: u64) -> Result<(), ConsensusError> {
        let mut progress = self.shared.store.progress();
        let deadline = Instant::now() + READ_TIMEOUT;
        let arrived = timeout_at(deadline, progress.wait_for(|now| now.revision >= wanted)).await;
        if matches!(arrived, Ok(Ok(_))) {
            return Ok(());
        }
        Err(ConsensusError::Behind { at: self.shared.store.published().state.revision().0, wanted })
    }
}
