//! A consistent snapshot of the applied state, with the archive rows that are not on disk yet.

use super::recent::Recent;
use super::segment::Segment;
use super::tables::Marker;
use super::{Engine, Progress};
use crate::type_config::LogId;
use domain::State;
use std::sync::Arc;

/// The snapshot that readers use. Immutable; replaced by the next one.
#[derive(Clone, Debug)]
pub struct Published {
    /// The state.
    pub state: Arc<State>,
    /// The last applied log id, and the membership.
    pub(crate) marker: Marker,
    /// The log id up to which the state on disk is complete.
    pub(crate) persisted: Option<LogId>,
    /// Rows applied since the last checkpoint began.
    pub(super) active: Segment,
    /// Rows that a checkpoint is writing.
    pub(super) sealed: Segment,
    /// The newest changes of configs.
    pub(super) recent: Recent,
    pub(super) engine: Arc<dyn Engine>,
}

impl Published {
    pub(super) fn new(state: State, marker: Marker, engine: Arc<dyn Engine>) -> Self {
        Self {
            recent: Recent::new(state.revision()),
            state: Arc::new(state),
            persisted: marker.applied,
            marker,
            active: Segment::default(),
            sealed: Segment::default(),
            engine,
        }
    }

    /// The same snapshot, with all waiting rows sealed for a checkpoint.
    pub(super) fn seal(&self) -> Self {
        Self { sealed: self.active.clone(), active: Segment::default(), ..self.clone() }
    }

    /// The same snapshot, after the sealed rows were written to disk.
    pub(super) fn persisted_up_to(&self, log_id: Option<LogId>) -> Self {
        Self { sealed: Segment::default(), persisted: log_id, ..self.clone() }
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            applied_index: self.marker.applied.map_or(0, |log_id| log_id.index),
            revision: self.state.revision().0,
        }
    }
}
