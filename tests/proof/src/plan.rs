//! What the clients work on: how many keys of which kind, under which schemas.

use serde::{Deserialize, Serialize};

/// What the scene shall be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The project's name. It must not be used by anything else.
    pub project: String,
    /// How many keys are rarely touched.
    pub keys: usize,
    /// How many keys everybody fights for.
    pub hot_keys: usize,
    /// How many keys are held to a schema.
    pub bound_keys: usize,
    /// How many keys follow a schema of their own, which changes while they are written.
    pub raced_keys: usize,
    /// How many schemas share the bound keys; at least one when there are any.
    pub schemas: usize,
    /// How many keys are in an environment of their own, [`OTHER`].
    pub other_keys: usize,
    /// How many versions of each config are kept; all when not given.
    pub retention: Option<u64>,
}

/// The second environment. Its keys are named with it: `other:many.000`.
pub const OTHER: &str = "other";
/// The environment of keys that are named without one.
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

/// What the clients work on, made and ready.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Scene {
    /// The project.
    pub project: String,
    /// The revision that made the project; the environment came with it.
    pub born: u64,
    /// The revision that made the second environment.
    pub other_born: u64,
    /// The largest revision that any answer showed before the clients began.
    pub floor: u64,
    /// The schemas.
    pub schemas: Vec<SchemaStart>,
    /// The keys. None of them exists when the clients begin.
    pub keys: Vec<Key>,
    /// How many versions of each config are kept; all when not given.
    pub retention: Option<u64>,
}

/// A schema's first version.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SchemaStart {
    /// Its name.
    pub name: String,
    /// SHA-256 of its compact text.
    pub digest: String,
}

/// A key to work on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// The schema that it is usually held to.
    pub schema: Option<String>,
}

impl Plan {
    /// The keys, the contended ones first.
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

    /// The schemas' names.
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
    /// Whether its schema is changed while it is written.
    pub(crate) fn is_raced(&self) -> bool {
        self.schema.as_deref() == Some(RACED)
    }
}

impl Scene {
    /// A path below the project; `rest` is empty or begins with a slash.
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

    /// The revision that made what holds a key.
    pub(crate) fn born(&self, key: &str) -> u64 {
        if split(key).0 == OTHER { self.other_born } else { self.born }
    }
}

/// The environment and the rest of a key or a prefix.
pub(crate) fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or((DEFAULT, name))
}

/// The name of a key in an environment.
pub(crate) fn joined(environment: &str, key: &str) -> String {
    if environment == DEFAULT { key.to_owned() } else { format!("{environment}:{key}") }
}

/// Whether a key is in the prefix's environment and starts with it.
pub(crate) fn covers(prefix: &str, key: &str) -> bool {
    let ((wanted, prefix), (environment, key)) = (split(prefix), split(key));
    wanted == environment && key.starts_with(prefix)
}
