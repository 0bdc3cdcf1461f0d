//! The text of a JSON document, byte for byte as it is served.
//!
//! The domain treats it as opaque: parsing, the nesting limit and schema validation happen before a command
//! is proposed.

use crate::limits::DOCUMENT_BYTES_MAX;
use crate::{Command, Digest, Operation};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::sync::Arc;

/// A document larger than [`DOCUMENT_BYTES_MAX`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("content has {bytes} bytes, at most {DOCUMENT_BYTES_MAX} are allowed")]
pub struct ContentError {
    /// The actual size, in bytes.
    pub bytes: usize,
}

/// The compact text of one JSON value, at most [`DOCUMENT_BYTES_MAX`] bytes. A clone shares the text.
#[derive(Clone, Eq, PartialEq)]
pub struct Content(Arc<str>);

impl Content {
    /// Takes compact JSON text that the caller has already parsed. Fails only if it is too large.
    pub fn from_compact(text: &str) -> Result<Self, ContentError> {
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(ContentError { bytes: text.len() });
        }
        Ok(Self(Arc::from(text)))
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The SHA-256 digest of the text.
    pub fn digest(&self) -> Digest {
        Digest::of(&[self.0.as_bytes()])
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.0.len())
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_compact(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl Command {
    /// The total size of the documents and schemas in the command, in bytes.
    pub fn content_bytes(&self) -> usize {
        match self {
            Self::CreateSchema { schema: content, .. }
            | Self::UpdateSchema { schema: content, .. }
            | Self::PutConfig { content, .. } => content.as_str().len(),
            Self::Transact { operations, .. } => operations.iter().filter_map(written).sum(),
            _ => 0,
        }
    }
}

fn written(operation: &Operation) -> Option<usize> {
    if let Operation::Put { content, .. } = operation { Some(content.as_str().len()) } else { None }
}
