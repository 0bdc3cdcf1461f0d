//! A project of its own for each test, so that tests share a cluster without seeing each other.

use crate::{Answer, TestClient};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// A name that nobody used before: `<kind>-<process>-<number>`.
pub fn fresh_name(kind: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{kind}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A project and a client that works in it.
#[derive(Clone, Debug)]
pub struct Project {
    /// The client.
    pub client: TestClient,
    /// The project's name.
    pub name: String,
}

impl Project {
    /// A new one.
    pub async fn create(client: TestClient) -> Self {
        let name = fresh_name("p");
        client.post("/api/v1/projects").json(&json!({ "name": name })).send().await.is(201);
        Self { client, name }
    }

    /// The same project through another client.
    #[must_use]
    pub fn through(&self, client: TestClient) -> Self {
        Self { client, name: self.name.clone() }
    }

    /// A path below the project; `rest` is empty or begins with a slash.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/projects/{}{rest}", self.name)
    }

    /// A path below the configs of the environment `default`.
    pub fn configs(&self, rest: &str) -> String {
        self.path(&format!("/environments/default/configs{rest}"))
    }

    /// The path on which the environment `default` is watched; `query` is empty or begins with `?`.
    pub fn watched(&self, query: &str) -> String {
        let snapshot = if query.is_empty() { "?snapshot=one" } else { "&snapshot=one" };
        self.path(&format!("/environments/default/watch{query}{snapshot}"))
    }

    /// The path of a config in the environment `default`.
    pub fn config(&self, key: &str) -> String {
        self.configs(&format!("/{key}"))
    }

    /// Creates a config.
    pub async fn create_config(&self, key: &str, content: &Value) -> Answer {
        self.client
            .put(&self.config(key))
            .if_absent()
            .json(&json!({ "content": content }))
            .send()
            .await
            .is(201)
    }

    /// Creates a config that is bound to the newest version of a schema.
    pub async fn create_bound(&self, key: &str, schema: &str, content: &Value) -> Answer {
        let body = json!({ "content": content, "schema": { "name": schema } });
        self.client.put(&self.config(key)).if_absent().json(&body).send().await.is(201)
    }

    /// Writes a config that exists, whatever its version.
    pub async fn write(&self, key: &str, content: &Value) -> Answer {
        self.client.put(&self.config(key)).if_any().json(&json!({ "content": content })).send().await.is(200)
    }

    /// Reads a config.
    pub async fn read(&self, key: &str) -> Value {
        self.client.get(&self.config(key)).send().await.is(200).json()
    }

    /// Registers a schema.
    pub async fn create_schema(&self, name: &str, schema: &Value) -> Answer {
        let body = json!({ "name": name, "schema": schema });
        self.client.post(&self.path("/schemas")).json(&body).send().await.is(201)
    }

    /// Creates an API key of the project: its description, and a client that uses it.
    pub async fn create_key(&self, body: &Value) -> (Value, TestClient) {
        let made = self.client.post(&self.path("/api-keys")).json(body).send().await.is(201).json();
        let secret = made["key"].as_str().expect("the key is shown").to_owned();
        let client = self.client.with_key(&secret);
        (made, client)
    }

    /// The same project through a new API key with these permissions.
    pub async fn key_with(&self, permissions: &[&str]) -> Self {
        let body = json!({ "name": "test", "permissions": permissions });
        let (_, client) = self.create_key(&body).await;
        self.through(client)
    }

    /// Every item of a list, page after page.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let (mut items, mut token) = (Vec::new(), String::new());
        let separator = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = format!("{path}{separator}page_size=1000&page_token={token}");
            let page = self.client.get(&page).send().await.is(200).json();
            items.extend(page["items"].as_array().expect("items").iter().cloned());
            page["next_page_token"].as_str().expect("a token").clone_into(&mut token);
            if token.is_empty() {
                return items;
            }
        }
    }
}
