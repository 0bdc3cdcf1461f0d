//! The authorisation matrix: every operation by every role. The results are committed; an operation without a
//! case fails the test.
//!
//! Changes of the replicated state are sent with `dry_run`. Changes of users get a new user per request, and
//! what a request removed is restored before the next one.

use crate::authz_cases::{Case, case};
use crate::support::{CONFIGS, PASSWORD, Server};
use adapter_http::EdgeRules;
use application::identity::{IdentityRules, RegistrationMode};
use application::ports::Clock;
use axum::body::Body;
use domain::{
    Actor, ApiKeyId, Command, Digest, KeyLabel, NewApiKey, Outcome, Permission, Provenance, RequestId,
    Stamped,
};
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;
use tower::ServiceExt;

/// The callers, weakest first: name, and role with its scope.
const ROLES: [(&str, Option<(&str, &str)>); 9] = [
    ("anonymous", None),
    ("nobody", None),
    ("foreign-viewer", Some(("viewer", "projects/other"))),
    ("foreign-editor", Some(("editor", "projects/other"))),
    ("foreign-admin", Some(("admin", "projects/other"))),
    ("viewer", Some(("viewer", "projects/demo"))),
    ("editor", Some(("editor", "projects/demo"))),
    ("admin", Some(("admin", "projects/demo"))),
    ("platform-admin", Some(("platform-admin", ""))),
];
/// API keys with every permission: of another project, of the project, and of the platform.
const KEYS: [&str; 3] = ["foreign-key", "key", "platform-key"];

/// The state that requests refer to.
struct World {
    server: Server,
    /// The values of path parameters.
    names: BTreeMap<&'static str, String>,
    keys: BTreeMap<&'static str, String>,
    /// The body of an import.
    export: String,
    people: u32,
    /// Signed-in users whose rights are unchanged.
    signed: BTreeMap<String, Value>,
    /// Whether the last request may have removed something that the next one needs.
    changed: bool,
}

impl World {
    async fn new() -> Self {
        let rules = IdentityRules { registration: RegistrationMode::Invitation, ..IdentityRules::default() };
        let edge = EdgeRules { trusted_proxies: 1, ..EdgeRules::default() };
        let mut server = Server::of_people_by(rules, edge).await;
        // Thousands of requests; other tests check conformance with the API document.
        server.unchecked = true;
        server.post("/api/v1/projects", r#"{"name":"other"}"#).await.is(201);
        server
            .send("PATCH", "/api/v1/projects/demo", &[], r#"{"display_name":"canary-project"}"#)
            .await
            .is(200);
        server.create("a", r#"{"v":"canary-document"}"#).await;
        let writer = server.person("writer@example.com", Some(("editor", "projects/demo"))).await;
        let address = r#"{"email":"canary@example.com"}"#;
        server.send("PATCH", &format!("/api/v1/users/{writer}"), &[], address).await.is(200);
        let signed = server.login("canary@example.com").await;
        let body = r#"{"content":{"v":"canary-document","w":2},"message":"canary-message"}"#;
        server.as_person(&signed, "PUT", &format!("{CONFIGS}/a"), body).await.is(200);
        let schema = r#"{"name":"s","schema":{"type":"object","title":"canary-schema"}}"#;
        server.as_person(&signed, "POST", "/api/v1/projects/demo/schemas", schema).await.is(201);
        while server.people().identity.projector.run().await.expect("the changes are in the audit") {}
        server.send("PUT", "/api/v1/groups/g", &[], r#"{"label":"G"}"#).await.is(200);
        server.send("PUT", "/api/v1/organisations/o", &[], r#"{"label":"O"}"#).await.is(200);
        let permissions: Vec<&str> = domain::Permission::ALL.iter().map(|one| one.as_str()).collect();
        let mut keys = BTreeMap::from([("platform-key", server.test.admin_secret.clone())]);
        let mut names = BTreeMap::from([
            ("project", "demo".to_owned()),
            ("environment", "default".to_owned()),
            ("key", "a".to_owned()),
            ("name", "s".to_owned()),
            ("version", "1".to_owned()),
            ("member", "9".to_owned()),
            ("group", "g".to_owned()),
            ("organisation", "o".to_owned()),
            ("role", "custom".to_owned()),
            ("provider", "corporate".to_owned()),
        ]);
        for (name, project) in [("key", "demo"), ("foreign-key", "other")] {
            let body = json!({ "name": format!("canary-{name}"), "permissions": permissions }).to_string();
            let created =
                server.post(&format!("/api/v1/projects/{project}/api-keys"), &body).await.is(201).json();
            keys.insert(name, text(&created["key"]));
            if project == "demo" {
                names.insert("id", text(&created["id"]));
            }
        }
        for permission in Permission::ALL {
            make_single(&server, *permission);
        }
        let export = server.get("/api/v1/projects/demo/export").await.is(200).body;
        let export = String::from_utf8(export).expect("UTF-8");
        Self { server, names, keys, export, people: 0, signed: BTreeMap::new(), changed: true }
    }

    /// Creates a user with a role and signs in.
    async fn person(&mut self, role: Option<(&str, &str)>) -> Value {
        self.people += 1;
        let email = format!("p{}@example.com", self.people);
        self.server.person(&email, role).await;
        self.server.login(&email).await
    }

    /// Restores what an earlier request may have removed, and creates a target user.
    async fn prepare(&mut self) {
        let victim = self.person(Some(("viewer", "projects/demo"))).await;
        let user = text(&victim["user"]["id"]);
        for (path, body) in [
            ("/api/v1/roles/custom", r#"{"permissions":["config:document:read"]}"#),
            ("/api/v1/groups/g", r#"{"label":"canary-group"}"#),
            ("/api/v1/organisations/o", r#"{"label":"canary-organisation"}"#),
            (&format!("/api/v1/members/{user}"), r#"{"role":"platform-admin"}"#),
            (&format!("/api/v1/organisations/o/members/{user}"), r#"{"role":"viewer"}"#),
        ] {
            self.server.send("PUT", path, &[], body).await.is(200);
        }
        self.server.send("PUT", &format!("/api/v1/groups/g/people/{user}"), &[], "").await.is(204);
        self.server.send("PUT", "/api/v1/organisations/o/projects/demo", &[], "").await.is(204);
        let body = format!(r#"{{"email":"i{}@example.com"}}"#, self.people);
        let invitation = self.server.post("/api/v1/invitations", &body).await.is(201).json();
        self.names.insert("invitation", text(&invitation["id"]));
        self.names.insert("session", text(&victim["session"]));
        self.names.insert("subject", user.clone());
        self.names.insert("user", user);
    }

    /// Sends the request with a platform key that has this permission only; returns status and body.
    async fn ask_alone(&mut self, permission: Permission, place: &Place, case: &Case) -> (u16, String) {
        // A refused request removed nothing.
        if self.changed {
            self.prepare().await;
        }
        // A separate address per permission, so that failures do not throttle others.
        let number = Permission::ALL.iter().position(|one| *one == permission).unwrap_or_default();
        let request = self.request(place, case).header("x-forwarded-for", format!("198.51.{number}.1"));
        let request = request.header("x-api-key", single_secret(permission));
        let body = self.body(case);
        let request = request.body(Body::from(body)).expect("a request");
        let response = self.server.router.clone().oneshot(request).await.expect("the router never fails");
        let status = response.status().as_u16();
        self.changed = !place.harmless() && response.status().is_success();
        let read = tokio::time::timeout(ENDLESS, response.into_body().collect()).await;
        let body = read.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes);
        (status, String::from_utf8_lossy(&body.unwrap_or_default()).into_owned())
    }

    fn body(&self, case: &Case) -> String {
        let body = case.body.replace("PASSWORD", PASSWORD).replace("NUMBER", &self.people.to_string());
        body.replace("EXPORT", &self.export)
    }

    /// A request of the operation without credential and body.
    fn request(&self, place: &Place, case: &Case) -> http::request::Builder {
        let mut path = place.path.clone();
        for (name, value) in &self.names {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        assert!(!path.contains('{'), "{path}: a parameter has no value");
        let trial = if place.tried { "?dry_run=true" } else { case.query };
        let mut request = Request::builder().method(place.method.as_str()).uri(format!("{path}{trial}"));
        if !case.body.is_empty() {
            request = request.header("content-type", case.kind);
        }
        if case.guarded {
            request = request.header("if-match", "*");
        }
        request
    }

    async fn ask(&mut self, who: &str, role: Option<(&str, &str)>, place: &Place, case: &Case) -> String {
        let harmless = place.harmless();
        if !harmless || self.people == 0 {
            self.prepare().await;
        }
        let signed = match who {
            "anonymous" => Value::Null,
            who if KEYS.contains(&who) => Value::Null,
            who => match self.signed.get(who).filter(|_| harmless) {
                Some(signed) => signed.clone(),
                None => self.person(role).await,
            },
        };
        if harmless {
            self.signed.insert(who.to_owned(), signed.clone());
        }
        if let Some(session) = signed["session"].as_str().filter(|_| case.own_session) {
            self.names.insert("session", session.to_owned());
        }
        let mut request = self.request(place, case);
        let body = self.body(case);
        // A separate address per caller, so that failures do not throttle others.
        let at = ROLES.iter().position(|(name, _)| *name == who).unwrap_or(ROLES.len());
        let key = KEYS.iter().position(|name| *name == who).unwrap_or_default();
        request = request.header("x-forwarded-for", format!("192.0.{}.1", at + key));
        if let Some(key) = self.keys.get(who) {
            request = request.header("x-api-key", key);
        } else if let Some(token) = signed["access_token"].as_str() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::from(body)).expect("a request");
        let response = self.server.router.clone().oneshot(request).await.expect("the router never fails");
        let status = response.status().as_u16().to_string();
        drop(response);
        // Lets the task that generates the body end.
        tokio::task::yield_now().await;
        status
    }
}

/// How long a possibly endless response is read.
const ENDLESS: Duration = Duration::from_millis(50);

/// Stored values, and the permissions each of which may read them.
const CANARIES: [(&str, &[Permission]); 9] = [
    ("canary-document", &[Permission::DocumentRead]),
    ("canary-message", &[Permission::DocumentRead, Permission::AuditRead]),
    ("canary-schema", &[Permission::SchemaRead]),
    ("canary-project", &[Permission::ProjectRead, Permission::AuditRead]),
    ("canary-key", &[Permission::KeyRead, Permission::AuditRead]),
    ("canary-group", &[Permission::GroupRead]),
    // The author of the config and the schema.
    ("canary@example.com", &[Permission::UserRead, Permission::MemberRead]),
    ("canary-organisation", &[Permission::OrganisationRead]),
    // Members of projects, groups and organisations are users.
    (
        "A person",
        &[Permission::UserRead, Permission::MemberRead, Permission::GroupRead, Permission::OrganisationRead],
    ),
];

/// The secret of the key with one permission; the fake mint accepts its form.
fn single_secret(permission: Permission) -> String {
    let number = Permission::ALL.iter().position(|one| *one == permission).unwrap_or_default();
    format!("gdn_sk_test{}", 100_000 + number)
}

/// Creates a platform key with one permission.
fn make_single(server: &Server, permission: Permission) {
    let name = permission.as_str().replace(':', "-");
    let secret = single_secret(permission);
    let key = NewApiKey {
        id: ApiKeyId::parse(&name).expect("an id"),
        name: KeyLabel::parse(&name).expect("a label"),
        hash: Digest::of(&[secret.as_bytes()]),
        prefix: "gdn_sk_test".to_owned(),
        permissions: BTreeSet::from([permission]),
        environments: None,
        key_prefixes: None,
        expires_at: None,
    };
    let made = server.test.node.apply(&Stamped {
        command: Command::CreateApiKey { project: None, key },
        actor: Actor::System,
        request_id: RequestId::parse("req-single").expect("an id"),
        at: server.test.clock.now(),
        idempotency: None,
        person: None,
        provenance: Provenance::default(),
    });
    assert!(matches!(made, Outcome::Accepted { .. }), "{made:?}");
}

/// The statuses other than 403 of keys with a single permission. Asserts that no response contains a value
/// that the permission may not read.
async fn alone(world: &mut World, place: &Place, case: &Case) -> String {
    let mut line = format!("{:<28}", place.id);
    let mut answers = BTreeMap::new();
    for permission in Permission::ALL {
        let (status, body) = world.ask_alone(*permission, place, case).await;
        for (canary, readers) in CANARIES {
            // The API document contains examples of everything.
            let quoted = body.contains(canary) && !readers.contains(permission) && place.id != "openapi";
            assert!(!quoted, "{} with {} alone shows {canary}: {body}", place.id, permission.as_str());
        }
        answers.insert(*permission, status);
    }
    let first = answers.values().next().copied();
    if let Some(status) = first.filter(|status| answers.values().all(|one| one == status)) {
        write!(line, " every={status}").expect("a string takes all");
        return line;
    }
    for (permission, status) in answers.into_iter().filter(|(_, status)| *status != 403) {
        write!(line, " {}={status}", permission.as_str()).expect("a string takes all");
    }
    line
}

/// An operation of the API document.
struct Place {
    id: String,
    method: String,
    path: String,
    /// Whether it supports a dry run.
    tried: bool,
}

impl Place {
    fn harmless(&self) -> bool {
        self.tried || self.method == "GET"
    }
}

fn places() -> Vec<Place> {
    let document: Value = serde_json::from_str(&adapter_http::openapi_json()).expect("JSON");
    let mut places = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in ["get", "put", "post", "delete", "patch"] {
            let operation = &item[method];
            if operation.is_null() {
                continue;
            }
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            places.push(Place {
                id: text(&operation["operationId"]),
                method: method.to_uppercase(),
                path: path.clone(),
                tried: parameters.clone().any(|one| one["name"] == "dry_run"),
            });
        }
    }
    places
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn the_committed_matrix_is_what_happens() {
    let mut calm = World::new().await;
    let columns: Vec<(&str, Option<(&str, &str)>)> =
        ROLES.into_iter().chain(KEYS.map(|key| (key, None))).collect();
    let mut table = String::from(
        "# What every operation answers to every role. The project asked for is `demo`; `foreign` ones have their\n\
         # rights in another. Made by a test, UPDATE=1 rewrites it.\n",
    );
    write!(table, "{:<28}", "operation").expect("a string takes all");
    for (who, _) in &columns {
        write!(table, " {who:>14}").expect("a string takes all");
    }
    table.push('\n');
    let mut singles = String::from(
        "\n# What a key of the platform with one permission alone is answered; 403 with each that is not named.\n",
    );
    for place in places() {
        let case = case(&place.id).unwrap_or_else(|| panic!("{}: the operation has no case", place.id));
        write!(table, "{:<28}", place.id).expect("a string takes all");
        let mut fresh = if place.harmless() { None } else { Some(World::new().await) };
        let world = fresh.as_mut().unwrap_or(&mut calm);
        for (who, role) in &columns {
            let answer = world.ask(who, *role, &place, &case).await;
            assert!(!answer.starts_with('5') || case.unavailable, "{} as {who}: {answer}", place.id);
            write!(table, " {answer:>14}").expect("a string takes all");
        }
        table.push('\n');
        singles.push_str(&alone(world, &place, &case).await);
        singles.push('\n');
    }
    table.push_str(&singles);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/snapshots/authz_matrix.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/snapshots"))
            .expect("a folder");
        std::fs::write(path, &table).expect("the matrix can be written");
    }
    let committed = std::fs::read_to_string(path).expect("the matrix is there");
    for (expected, found) in committed.lines().zip(table.lines()) {
        assert_eq!(found, expected, "rights changed; run with UPDATE=1 if that is meant");
    }
    assert_eq!(committed.lines().count(), table.lines().count(), "an operation came or went");
}
