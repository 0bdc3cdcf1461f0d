//! What is known of a request beside its text, shared by the edge and the extractors.

use super::Client;
use crate::limit::{Class, Standing};
use domain::{Actor, RequestId};
use std::sync::OnceLock;

/// What is known of a request.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Its id.
    pub(crate) id: RequestId,
    /// From where it comes.
    pub(crate) client: Client,
    /// How it is counted.
    pub(crate) class: Class,
    /// Who asks, once that is found.
    pub(crate) actor: OnceLock<Actor>,
    /// How the client stands with the limit that applies, once that is counted.
    pub(crate) standing: OnceLock<Standing>,
}

impl Facts {
    pub(super) fn new(id: RequestId, client: Client, class: Class) -> Self {
        Self { id, client, class, actor: OnceLock::new(), standing: OnceLock::new() }
    }
}
