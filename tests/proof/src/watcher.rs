//! What one watcher was told, as it was told.

use crate::answer::{name, number};
use crate::document::digest;
use crate::operation::SchemaRef;
use crate::plan::{Scene, joined, split};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One watcher and everything that it was told, over all its connections.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Watcher {
    /// Which one.
    pub number: usize,
    /// It watches the keys that start with this, with the environment as keys have it.
    pub prefix: String,
    /// What it was told, in order.
    pub told: Vec<Told>,
    path: String,
    resume: Option<u64>,
}

/// One thing that a watcher was told, or did.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// It opened a watch.
    Opened {
        /// At this node.
        node: String,
        /// After this revision; `None` to begin with the present state.
        after: Option<u64>,
    },
    /// The whole state.
    Reset {
        /// As of this revision.
        revision: u64,
        /// Its configs.
        items: Vec<Changed>,
    },
    /// A change.
    Change {
        /// What it made.
        changed: Changed,
        /// Whether its revision is told with it.
        complete: bool,
    },
    /// Everything up to the revision was told.
    Bookmark {
        /// The revision.
        revision: u64,
    },
    /// Something that the contract does not allow.
    Odd {
        /// What is wrong with it.
        why: String,
    },
}

/// One version of a config, as an event shows it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Changed {
    /// Which config.
    pub key: String,
    /// Which version.
    pub version: u64,
    /// The revision that made it.
    pub revision: u64,
    /// The schema version that it was checked against.
    pub schema: Option<SchemaRef>,
    /// SHA-256 of the document's compact text; `None` for a deletion.
    pub digest: Option<String>,
}

impl Watcher {
    /// One that was told nothing yet.
    pub fn new(number: usize, scene: &Scene, prefix: &str) -> Self {
        let (environment, own) = split(prefix);
        let path = scene.path(&format!("/environments/{environment}/watch?prefix={own}&snapshot=one"));
        Self { number, prefix: prefix.to_owned(), told: Vec::new(), path, resume: None }
    }

    /// Where it watches.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The revision after which it goes on (`Last-Event-ID`).
    pub fn resume(&self) -> Option<u64> {
        self.resume
    }

    /// Forgets what it was told; the next watch begins with the present state.
    pub fn forget(&mut self) {
        self.resume = None;
    }

    /// Notes that a watch was opened.
    pub fn opened(&mut self, node: &str) {
        self.told.push(Told::Opened { node: node.to_owned(), after: self.resume });
    }

    /// Notes one event, given as its lines.
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
