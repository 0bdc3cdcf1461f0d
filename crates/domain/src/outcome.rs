//! What a proposer is told once its command was applied.

use crate::{
    ApiKey, Config, Digest, Environment, Project, ProjectName, Rejection, Revision, Schema, Timestamp,
    Version,
};
use serde::{Deserialize, Serialize};

/// The answer of the replicated state to one command; the same on every replica.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The command was accepted and made this revision.
    Accepted {
        /// The revision it made.
        revision: Revision,
        /// What it left behind.
        receipt: Receipt,
    },
    /// The command repeats one that was accepted before; nothing changed.
    Replayed {
        /// The revision that the first one made.
        revision: Revision,
        /// What the first one left behind.
        receipt: Receipt,
    },
    /// The command was refused; nothing changed.
    Rejected {
        /// The revision at which it was refused.
        revision: Revision,
        /// Why.
        rejection: Rejection,
    },
}

/// The entity that an accepted command created or changed, as it stood right after.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// Nothing is left.
    Nothing,
    /// A project.
    Project(Project),
    /// An environment.
    Environment(Environment),
    /// A schema, and how many documents are bound to it.
    Schema {
        /// The schema.
        schema: Schema,
        /// How many documents are bound to it.
        bound_documents: u64,
    },
    /// A config.
    Config(Config),
    /// A config that is gone, and the version of its deletion.
    ConfigDeleted(Version),
    /// An API key.
    ApiKey(ApiKey),
    /// The configs of a transaction after it, in the order of its operations without the checks.
    Versions(Vec<Version>),
    /// A config that was the same already.
    ConfigUnchanged(Config),
    /// As `Versions`, of a transaction in which something was the same already.
    Writes(Vec<WriteReceipt>),
}

/// What one operation of a transaction left behind.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct WriteReceipt {
    /// The version of the config after it.
    pub version: Version,
    /// Whether the config was the same already.
    pub unchanged: bool,
}

/// The answer to an accepted command, kept so that a repeated request changes nothing again.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Answer {
    /// The digest of what was requested.
    pub request: Digest,
    /// The revision that the command made.
    pub revision: Revision,
    /// When the command was stamped.
    pub at: Timestamp,
    /// What it left behind.
    pub receipt: Receipt,
    /// The project that it was about; `None` for the platform, and in rows of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectName>,
}
