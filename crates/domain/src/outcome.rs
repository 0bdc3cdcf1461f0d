//! The outcome of a command after it was applied.

use crate::{
    ApiKey, Config, Digest, Environment, Project, ProjectName, Rejection, Revision, Schema, Timestamp,
    Version,
};
use serde::{Deserialize, Serialize};

/// The outcome of applying one command, the same on every replica.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The command was accepted. A put that changes nothing is accepted without a new revision.
    Accepted {
        /// The revision of the command, or the current one if nothing changed.
        revision: Revision,
        /// What the command created or changed.
        receipt: Receipt,
    },
    /// The command is a retry of one that was accepted; nothing changed.
    Replayed {
        /// The revision of the accepted command.
        revision: Revision,
        /// The receipt of the accepted command.
        receipt: Receipt,
    },
    /// The command was rejected; nothing changed.
    Rejected {
        /// The revision of the state that rejected it.
        revision: Revision,
        /// The reason.
        rejection: Rejection,
    },
}

/// What an accepted command created or changed, as it was right after the command.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// No entity.
    Nothing,
    /// A project.
    Project(Project),
    /// An environment.
    Environment(Environment),
    /// A schema with the number of configs that are bound to it.
    Schema {
        /// The schema.
        schema: Schema,
        /// The number of configs that are bound to it.
        bound_documents: u64,
    },
    /// A config.
    Config(Config),
    /// A deleted config: the version of the deletion.
    ConfigDeleted(Version),
    /// An API key.
    ApiKey(ApiKey),
    /// The new versions of a transaction's configs, in the order of its operations without the checks.
    Versions(Vec<Version>),
    /// A config that the put did not change.
    ConfigUnchanged(Config),
    /// The writes of a transaction in which at least one put changed nothing, in the order of its operations
    /// without the checks.
    Writes(Vec<WriteReceipt>),
}

/// The result of one write of a transaction.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct WriteReceipt {
    /// The version of the config after the transaction.
    pub version: Version,
    /// Whether the write changed nothing.
    pub unchanged: bool,
}

/// The stored receipt of a request with an idempotency key. A retry gets it and changes nothing.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Answer {
    /// The digest of the request.
    pub request: Digest,
    /// The revision of the command.
    pub revision: Revision,
    /// The recorded time of the command.
    pub at: Timestamp,
    /// The receipt.
    pub receipt: Receipt,
    /// The project of the command; `None` for the platform, and in rows of older releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectName>,
}
