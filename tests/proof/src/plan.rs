//! The scene that clients work on: keys and schemas.

use serde::{Deserialize, Serialize};

/// The plan of a scene.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The project name; must not be used otherwise.
    pub project: String,
    /// Number of rarely used keys.
    pub keys: usize,
    /// Number of contended keys.
    pub hot_keys: usize,
    /// Number of keys bound to a schema.
    pub bound_keys: usize,
    /// Number of keys with a schema of their own, which changes while they are written.
    pub raced_keys: usize,
    /// Number of schemas shared by the bound keys; at least one if there are any.
    pub schemas: usize,
    /// Number of keys in the environment [`OTHER`].
    pub other_keys: usize,
    /// Number of versions kept per config; `None` keeps all.
    pub retention: Option<u64>,
}

/// The second environment. It prefixes the names of its keys: `other:many.000`.
pub const OTHER: &str = "other";
/// The environment of keys without a prefix.
const DEFAULT: &str = "default";
/// The schema of the raced keys.
const RACED: &str = "limits-raced";
/// All environments.
pub(crate) const ENVIRONMENTS: [&str; 2] = [DEFAULT, OTHER];

impl Default for Plan {
    fn default() -> Self {
        Self {
            project: "proof".to_owned(),
            keys: 24,
            hot_keys: 3,
            bound_keys: 6,
            raced_keys: 2,
            schemas: 2,
            other_keys: 4,
            retention: None,
        }
    }
}

/// The prepared scene.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Scene {
    /// The project.
    pub project: String,
    /// The revision that created the project and its first environment.
    pub born: u64,
    /// The revision that created the second environment.
    pub other_born: u64,
    /// The largest revision in any response before the clients began.
    pub floor: u64,
    /// The schemas.
    pub schemas: Vec<SchemaStart>,
    /// The keys. None exists when the clients begin.
    pub keys: Vec<Key>,
    /// Number of versions kept per config; `None` keeps all.
    pub retention: Option<u64>,
}

/// The first version of a schema.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SchemaStart {
    /// The name.
    pub name: String,
    /// SHA-256 of its compact text.
    pub digest: String,
}

/// A key of the scene.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Key {
    /// The name.
    pub name: String,
    /// The schema that it is usually bound to.
    pub schema: Option<String>,
}

impl Plan {
    /// The keys, contended ones first.
    pub(crate) fn key_list(&self) -> Vec<Key> {
        let free = |name: String| Key { name, schema: None };
        let hot = (0..self.hot_keys).map(|n| free(format!("hot.{n}")));
        let bound = (0..self.bound_keys)
            .map(|n| Key { name: format!("bound.{n}"), schema: Some(schema_name(n % self.schemas.max(1))) });
        let raced =
            (0..self.raced_keys).map(|n| Key { name: format!("raced.{n}"), schema: Some(RACED.to_owned()) });
        let many = (0..self.keys).map(|n| free(format!("many.{n:03}")));
        let other = (0..self.other_keys).map(|n| Key {
            name: format!("{OTHER}:many.{n:03}"),
            schema: (self.bound_keys > 0 && n % 2 == 1).then(|| schema_name(0)),
        });
        hot.chain(bound).chain(raced).chain(many).chain(other).collect()
    }

    /// The names of the schemas.
    pub(crate) fn schema_names(&self) -> Vec<String> {
        let count = if self.bound_keys == 0 { self.schemas } else { self.schemas.max(1) };
        let raced = (self.raced_keys > 0).then(|| RACED.to_owned());
        (0..count).map(schema_name).chain(raced).collect()
    }
}

fn schema_name(n: usize) -> String {
    format!("limits-{n}")
}

impl Key {
    /// Whether its schema changes while it is written.
    pub(crate) fn is_raced(&self) -> bool {
        self.schema.as_deref() == Some(RACED)
    }
}

impl Scene {
    /// A path below the project; `rest` is empty or starts with a slash.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/projects/{}{rest}", self.project)
    }

    /// A path below a config.
    pub fn config(&self, key: &str, rest: &str) -> String {
        let (environment, key) = split(key);
        self.configs(environment, &format!("/{key}{rest}"))
    }

    /// A path below the configs of an environment.
    pub fn configs(&self, environment: &str, rest: &str) -> String {
        self.path(&format!("/environments/{environment}/configs{rest}"))
    }

    /// The revision that created the environment of a key.
    pub(crate) fn born(&self, key: &str) -> u64 {
        if split(key).0 == OTHER { self.other_born } else { self.born }
    }
}

/// Splits a key or a prefix into environment and rest.
pub(crate) fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or((DEFAULT, name))
}

/// Joins an environment and a key to a name.
pub(crate) fn joined(environment: &str, key: &str) -> String {
    if environment == DEFAULT { key.to_owned() } else { format!("{environment}:{key}") }
}

/// Whether a key is in the prefix's environment and starts with it.
pub(crate) fn covers(prefix: &str, key: &str) -> bool {
    let ((wanted, prefix), (environment, key)) = (split(prefix), split(key));
    wanted == environment && key.starts_with(prefix)
}
