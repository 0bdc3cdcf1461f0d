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
    /// How many schemas share the bound keys; at least one when there are any.
    pub schemas: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self { project: "proof".to_owned(), keys: 24, hot_keys: 3, bound_keys: 6, schemas: 2 }
    }
}

/// What the clients work on, made and ready.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Scene {
    /// The project.
    pub project: String,
    /// The revision that made the project; the environment came with it.
    pub born: u64,
    /// The largest revision that any answer showed before the clients began.
    pub floor: u64,
    /// The schemas.
    pub schemas: Vec<SchemaStart>,
    /// The keys. None of them exists when the clients begin.
    pub keys: Vec<Key>,
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
        let many = (0..self.keys).map(|n| free(format!("many.{n:03}")));
        hot.chain(bound).chain(many).collect()
    }

    /// The schemas' names.
    pub(crate) fn schema_names(&self) -> Vec<String> {
        let count = if self.bound_keys == 0 { self.schemas } else { self.schemas.max(1) };
        (0..count).map(schema_name).collect()
    }
}

fn schema_name(n: usize) -> String {
    format!("limits-{n}")
}

impl Scene {
    /// A path below the project; `rest` is empty or begins with a slash.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/projects/{}{rest}", self.project)
    }

    /// A path below the configs of the project's environment.
    pub fn configs(&self, rest: &str) -> String {
        self.path(&format!("/environments/default/configs{rest}"))
    }
}
