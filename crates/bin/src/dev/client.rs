//! The API client of `guardian dev`.

use super::folder::Admin;
use super::{ENVIRONMENT, PROJECT};
use anyhow::{Context as _, bail};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// Timeout of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause before a retry.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Whether the objects that the banner's commands create exist.
#[derive(Clone, Copy, Debug)]
pub(super) struct DemoState {
    /// The schema is registered.
    pub(super) schema: bool,
    /// The config exists.
    pub(super) config: bool,
}

/// A client with the administrator key.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    key: String,
}

impl Client {
    pub(super) fn new(key: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(REQUEST_TIMEOUT).build()?;
        Ok(Self { http, key: key.to_owned() })
    }

    /// Waits until the node is ready. The caller sets the timeout.
    pub(super) async fn wait_until_ready(&self, url: &str) {
        let probe = format!("{url}/readyz");
        while !self.http.get(&probe).send().await.is_ok_and(|answer| answer.status().is_success()) {
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Creates the project unless it exists.
    pub(super) async fn ensure_project(&self, url: &str, name: &str) -> anyhow::Result<()> {
        loop {
            let answer =
                self.ask(Method::POST, url, "/projects").json(&json!({ "name": name })).send().await?;
            match answer.status() {
                StatusCode::CREATED | StatusCode::CONFLICT => return Ok(()),
                // The leader may change during the start. The request is idempotent.
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                status => bail!("the project {name} was not created: {status}: {}", answer.text().await?),
            }
        }
    }

    /// Creates the first administrator unless there are users.
    pub(super) async fn ensure_admin(&self, url: &str, admin: &Admin) -> anyhow::Result<()> {
        let body = json!({ "token": admin.token, "email": admin.email, "name": "Administrator",
            "password": admin.password });
        let path = format!("{url}/api/v1/auth/bootstrap");
        loop {
            let answer = self.http.post(&path).json(&body).send().await?;
            match answer.status() {
                // Forbidden: there are users already.
                StatusCode::CREATED | StatusCode::FORBIDDEN => return Ok(()),
                StatusCode::SERVICE_UNAVAILABLE => tokio::time::sleep(RETRY_PAUSE).await,
                status => bail!("the administrator was not made: {status}: {}", answer.text().await?),
            }
        }
    }

    /// The id of the leader; waits until there is one.
    pub(super) async fn leader_id(&self, url: &str) -> anyhow::Result<String> {
        loop {
            let answer = self.ask(Method::GET, url, "/cluster").send().await?.error_for_status()?;
            let cluster: Value = answer.json().await?;
            match cluster.get("leader_id").context("the answer names no leader_id")? {
                Value::Null => tokio::time::sleep(RETRY_PAUSE).await,
                Value::String(id) => return Ok(id.clone()),
                id => return Ok(id.to_string()),
            }
        }
    }

    pub(super) async fn demo_state(&self, url: &str) -> anyhow::Result<DemoState> {
        let schema = format!("/projects/{PROJECT}/schemas/web");
        let config = format!("/projects/{PROJECT}/environments/{ENVIRONMENT}/configs/web");
        Ok(DemoState { schema: self.exists(url, &schema).await?, config: self.exists(url, &config).await? })
    }

    async fn exists(&self, url: &str, path: &str) -> anyhow::Result<bool> {
        let status = self.ask(Method::GET, url, path).send().await?.status();
        Ok(status.is_success())
    }

    fn ask(&self, method: Method, url: &str, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{url}/api/v1{path}")).bearer_auth(&self.key)
    }
}
