//! The events that a watcher received.

use crate::answer::{name, number};
use crate::document::digest;
use crate::operation::SchemaRef;
use crate::plan::{Scene, joined, split};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A watcher and its events over all connections.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Watcher {
    /// The number of the watcher.
    pub number: usize,
    /// The prefix of the watched keys, with the environment as in keys.
    pub prefix: String,
    /// The events, in order.
    pub told: Vec<Told>,
    path: String,
    resume: Option<u64>,
}

/// An event or an action of a watcher.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Opened a watch.
    Opened {
        /// The node.
        node: String,
        /// The revision to resume after; `None` to start with the current state.
        after: Option<u64>,
    },
    /// The whole state.
    Reset {
        /// Its revision.
        revision: u64,
        /// Its configs.
        items: Vec<Changed>,
    },
    /// A change.
    Change {
        /// The version.
        changed: Changed,
        /// Whether it is the last change of its revision.
        complete: bool,
    },
    /// Everything up to the revision was sent.
    Bookmark {
        /// The revision.
        revision: u64,
    },
    /// An event that the API contract does not permit.
    Odd {
        /// The error, as text.
        why: String,
    },
}

/// A version of a config in an event.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Changed {
    /// The config key.
    pub key: String,
    /// The version.
    pub version: u64,
    /// The revision that made it.
    pub revision: u64,
    /// The schema version that it was checked against.
    pub schema: Option<SchemaRef>,
    /// SHA-256 of the document's compact text; `None` for a deletion.
    pub digest: Option<String>,
}

impl Watcher {
    /// A watcher without events.
    pub fn new(number: usize, scene: &Scene, prefix: &str) -> Self {
        let (environment, own) = split(prefix);
        let path = scene.path(&format!("/environments/{environment}/watch?prefix={own}&snapshot=one"));
        Self { number, prefix: prefix.to_owned(), told: Vec::new(), path, resume: None }
    }

    /// The path of the watch.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The revision to resume after (`Last-Event-ID`).
    pub fn resume(&self) -> Option<u64> {
        self.resume
    }

    /// Discards the events; the next watch starts with the current state.
    pub fn forget(&mut self) {
        self.resume = None;
    }

    /// Records an opened watch.
    pub fn opened(&mut self, node: &str) {
        self.told.push(Told::Opened { node: node.to_owned(), after: self.resume });
    }

    /// Records an event, given as its lines.
    pub fn hear(&mut self, text: &str) {
        let told = told(text, split(&self.prefix).0);
        if let Ok((_, Some(id))) = &told {
            self.resume = Some(*id);
        }
        self.told.push(told.map_or_else(|why| Told::Odd { why }, |(told, _)| told));
    }
}

fn told(text: &str, environment: &str) -> Result<(Told, Option<u64>), String> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let id: Option<u64> =
        field("id").map(str::parse).transpose().map_err(|_| format!("an odd id: {text}"))?;
    let data: Value = serde_json::from_str(field("data").unwrap_or_default())
        .map_err(|error| format!("data that is no JSON: {error}: {text}"))?;
    let event = field("event").unwrap_or_default();
    let told = match event {
        "put" | "delete" => {
            let changed = changed(&data, environment)?;
            if changed.digest.is_some() != (event == "put") || id.is_some_and(|id| id != changed.revision) {
                return Err(format!("an event that contradicts itself: {text}"));
            }
            Told::Change { changed, complete: id.is_some() }
        }
        "reset" => {
            let items = data["items"].as_array().ok_or("a reset without items")?;
            let items = items.iter().map(|item| changed(item, environment)).collect::<Result<_, _>>()?;
            Told::Reset { revision: number(&data, "revision")?, items }
        }
        "bookmark" => Told::Bookmark { revision: number(&data, "revision")? },
        _ => return Err(format!("an event of no known kind: {text}")),
    };
    let own = match &told {
        Told::Reset { revision, .. } | Told::Bookmark { revision } => Some(*revision),
        _ => id,
    };
    if own == id { Ok((told, id)) } else { Err(format!("an id that is not the revision: {text}")) }
}

fn changed(data: &Value, environment: &str) -> Result<Changed, String> {
    let schema = match &data["schema"] {
        Value::Null => None,
        schema => {
            Some(SchemaRef { name: name(schema, "name")?.to_owned(), version: number(schema, "version")? })
        }
    };
    Ok(Changed {
        key: joined(environment, name(data, "key")?),
        version: number(data, "version")?,
        revision: number(data, "revision")?,
        schema,
        digest: data.get("content").map(digest),
    })
}
