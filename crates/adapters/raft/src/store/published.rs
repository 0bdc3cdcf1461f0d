//! One consistent picture of what is applied: the state, and the bodies that are not on disk yet.

use super::recent::Recent;
use super::segment::Segment;
use super::tables::Marker;
use super::{Engine, Progress};
use crate::type_config::LogId;
use domain::State;
use std::sync::Arc;

/// What readers see. Never changed; replaced by the next one.
#[derive(Clone, Debug)]
pub struct Published {
    /// The state.
    pub state: Arc<State>,
    /// How far the log is applied, and who the members are.
    pub(crate) marker: Marker,
    /// How far the disk has caught up.
    pub(crate) persisted: Option<LogId>,
    /// Applied since the last checkpoint began.
    pub(super) active: Segment,
    /// Being written by a checkpoint.
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

    /// The same, with everything that waits put aside for a checkpoint to write.
    pub(super) fn seal(&self) -> Self {
        Self { sealed: self.active.clone(), active: Segment::default(), ..self.clone() }
    }

    /// The same, after everything that was set aside reached the disk.
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
