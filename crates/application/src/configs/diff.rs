//! The difference between two versions of a config.

use super::Configs;
use crate::json::diff::{Change, changes, whole};
use crate::json::unified::{Side, unified};
use crate::json::{Node, parse};
use crate::ports::Freshness;
use crate::{Error, RequestContext, Seen, history};
use domain::{ConfigId, Content, Version};

/// Two versions of a config to compare.
#[derive(Clone, Debug)]
pub struct Versions {
    /// The earlier version; 0 means before the first.
    pub from: Version,
    /// Its document; `None` for version 0 and for a deletion.
    pub from_content: Option<Content>,
    /// The later version; 0 means before the first.
    pub to: Version,
    /// Its document; `None` for version 0 and for a deletion.
    pub to_content: Option<Content>,
}

/// The difference between two versions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// The operations that turn the first document into the second. A missing document counts as `null`.
    pub patch: Vec<Change>,
    /// The difference as a unified diff; empty if no line differs.
    pub text: String,
    /// Whether the text was truncated.
    pub truncated: bool,
}

impl Configs {
    /// Two versions of a config. `to` defaults to the newest version, and `from` to the one before `to`.
    pub async fn versions(
        &self,
        ctx: &RequestContext,
        id: &ConfigId,
        from: Option<Version>,
        to: Option<Version>,
        freshness: Freshness,
    ) -> Result<Seen<Versions>, Error> {
        let view = self.readable(ctx, id, freshness).await?;
        let to = to.unwrap_or(history::newest(&view, id)?);
        let from = from.unwrap_or(Version(to.0.saturating_sub(1)));
        let content = |version: Version| match version {
            Version(0) => Ok(None),
            version => Self::shown(&view, id, version).map(|found| found.shown.content),
        };
        let versions = Versions { from, from_content: content(from)?, to, to_content: content(to)? };
        Ok(Seen::new(versions, &view))
    }
}

/// Compares two versions. Does not wait, but takes up to a second for large documents.
pub fn difference(versions: &Versions) -> Result<Difference, Error> {
    let from = read(versions.from_content.as_ref())?;
    let to = read(versions.to_content.as_ref())?;
    let patch = match (&from, &to) {
        (Some(from), Some(to)) => changes(from, to),
        (None, None) => Vec::new(),
        // Even if the document is `null`, its creation or deletion is a difference.
        (None, Some(to)) => vec![whole(to)],
        (Some(_), None) => vec![whole(&Node::null())],
    };
    let side = |version: Version, document| Side { title: title(version, document), document };
    let (text, truncated) = unified(&side(versions.from, from.as_ref()), &side(versions.to, to.as_ref()));
    Ok(Difference { patch, text, truncated })
}

fn read(content: Option<&Content>) -> Result<Option<Node<'_>>, Error> {
    let unreadable = || Error::Internal("a document is not JSON".into());
    content.map(|content| parse(content.as_str()).ok_or_else(unreadable)).transpose()
}

fn title(version: Version, document: Option<&Node<'_>>) -> String {
    match document {
        Some(_) => format!("version {version}"),
        None => format!("version {version} (no document)"),
    }
}
