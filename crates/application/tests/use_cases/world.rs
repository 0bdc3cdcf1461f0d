//! Fixtures: the project `p` with the environment `default`, and short forms of requests.

use application::testing::{TestApplication, application};
use application::{
    CreateApiKey, CreateSchema, DeleteConfig, Error, PageRequest, PutConfig, RequestContext, Rollback,
    SchemaDetail, UpdateSchema, Written,
};
use domain::{
    Actor, Binding, BindingChange, ConfigId, ConfigKey, Content, DisplayName, EnvironmentId, EnvironmentName,
    KeyLabel, Message, Permission, Precondition, ProjectName, RequestId, Revision, SchemaId, SchemaMode,
    SchemaName, SchemaVersion, Version,
};

pub struct World {
    pub test: TestApplication,
}

pub fn project(name: &str) -> ProjectName {
    ProjectName::parse(name).expect("a name")
}

pub fn environment(name: &str) -> EnvironmentId {
    EnvironmentId { project: project("p"), name: EnvironmentName::parse(name).expect("a name") }
}

pub fn config(key: &str) -> ConfigId {
    let EnvironmentId { project, name } = environment("default");
    ConfigId { project, environment: name, key: ConfigKey::parse(key).expect("a key") }
}

pub fn schema(name: &str) -> SchemaId {
    SchemaId { project: project("p"), name: SchemaName::parse(name).expect("a name") }
}

pub fn content(text: &str) -> Content {
    Content::from_compact(text).expect("small")
}

pub fn follow(name: &str) -> BindingChange {
    BindingChange::Set(Some(Binding { schema: schema(name).name, pinned: None }))
}

pub fn pin(name: &str, version: u64) -> BindingChange {
    let pinned = Some(SchemaVersion(version));
    BindingChange::Set(Some(Binding { schema: schema(name).name, pinned }))
}

pub fn at(version: u64) -> Precondition {
    Precondition::Version(Version(version))
}

pub fn page<K>(size: usize, after: Option<K>, at: Option<Revision>) -> PageRequest<K> {
    PageRequest { size, after, at }
}

pub fn put_request(key: &str, text: &str, binding: BindingChange, expected: Precondition) -> PutConfig {
    PutConfig { id: config(key), content: content(text), binding, expected, message: Message::default() }
}

impl World {
    pub async fn new() -> Self {
        let test = application();
        test.application
            .projects
            .create(&test.admin, project("p"), DisplayName::default())
            .await
            .expect("the project is new");
        Self { test }
    }

    pub async fn put_with(
        &self,
        key: &str,
        text: &str,
        binding: BindingChange,
        expected: Precondition,
    ) -> Result<Written, Error> {
        let request = put_request(key, text, binding, expected);
        self.test.application.configs.put(&self.test.admin, request).await.map(|changed| changed.item)
    }

    /// Puts a config without a schema, unconditionally.
    pub async fn put(&self, key: &str, text: &str) -> Revision {
        let live = self.test.node.state().config(&config(key)).is_some();
        let expected = if live { Precondition::Present } else { Precondition::Absent };
        let written = self.put_with(key, text, BindingChange::Keep, expected).await;
        written.expect("the put is accepted").document.revision
    }

    pub async fn delete(&self, key: &str) {
        let request =
            DeleteConfig { id: config(key), expected: Precondition::Present, message: Message::default() };
        self.test.application.configs.delete(&self.test.admin, request).await.expect("the config exists");
    }

    pub async fn rollback(&self, key: &str, to: u64, expected: Precondition) -> Result<Written, Error> {
        let (id, message) = (config(key), Message::default());
        let request = Rollback { id, to_version: Version(to), expected, message };
        self.test.application.configs.rollback(&self.test.admin, request).await.map(|changed| changed.item)
    }

    pub async fn create_schema(&self, name: &str, text: &str) -> Result<SchemaDetail, Error> {
        let request = CreateSchema { id: schema(name), schema: content(text), mode: SchemaMode::Strict };
        self.test.application.schemas.create(&self.test.admin, request).await.map(|changed| changed.item)
    }

    pub async fn update_schema(&self, name: &str, text: &str) -> Result<SchemaDetail, Error> {
        let request = UpdateSchema { id: schema(name), schema: content(text), mode: None, expected: None };
        self.test
            .application
            .schemas
            .update(&self.test.admin, request)
            .await
            .map(|changed| changed.item.detail)
    }

    /// Creates an API key of project `p` with these permissions; returns a context with the key as caller.
    pub async fn key(&self, permissions: &[Permission]) -> RequestContext {
        let request = CreateApiKey {
            project: project("p"),
            name: KeyLabel::parse("key").expect("a label"),
            permissions: permissions.iter().copied().collect(),
            environments: None,
            key_prefixes: None,
            expires_at: None,
        };
        let created = self.test.application.access.create(&self.test.admin, request).await;
        context(Actor::ApiKey(created.expect("the administrator may").item.key.key))
    }
}

pub fn context(actor: Actor) -> RequestContext {
    RequestContext::new(actor, RequestId::parse("req-test").expect("an id"))
}
