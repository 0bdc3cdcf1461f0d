//! The projector writes each change of the replicated state to the audit once.

use crate::world::*;
use application::ports::identity::AuditRecord;
use domain::{Command, DisplayName, Revision, Stamped};

/// The records projected from the replicated state, by revision and index.
fn projected(world: &World) -> Vec<AuditRecord> {
    let all = world.id.people.audited().into_iter();
    all.filter(|one| one.record.revision.is_some()).collect()
}

/// Makes `count` changes without the use cases.
fn change(world: &World, count: usize) {
    for n in 0..count {
        let command = Command::UpdateProject {
            name: project("a"),
            display_name: DisplayName::parse(&format!("number {n}")).expect("a name"),
        };
        let outcome = world.test.node.apply(&Stamped {
            command,
            actor: world.test.admin.actor.clone(),
            request_id: request_id(),
            at: world.now(),
            idempotency: None,
            person: None,
            provenance: domain::Provenance::default(),
        });
        assert!(matches!(outcome, domain::Outcome::Accepted { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn every_change_is_there_once() {
    let world = World::new().await;
    change(&world, 450);
    let revision = world.test.node.state().revision();
    let projector = &world.people().projector;
    projector.look().await.expect("a look");
    assert_eq!(projector.reached(), Revision(0));
    let mut batches = 1;
    while projector.run().await.expect("runs") {
        batches += 1;
    }
    assert_eq!(batches, 3);
    assert_eq!(projector.reached(), revision);
    assert!(!projector.run().await.expect("nothing to do"));
    let records = projected(&world);
    let mut places: Vec<_> = records.iter().filter_map(|one| one.record.revision).collect();
    places.dedup();
    assert_eq!(places.len(), records.len());
    assert!(places.is_sorted());
    assert_eq!(places.last().map(|place| place.0), Some(revision));
    let last = &records.last().expect("some").record;
    assert_eq!((last.action.as_str(), last.project.as_deref()), ("project.update", Some("a")));
    assert_eq!((last.actor.as_str(), last.request_id.as_str()), ("api-key:ak-admin", "req-test"));
    assert_eq!(last.detail, "{\"display_name\":\"number 449\"}");
    assert_eq!(world.people().audit.verify(&world.test.admin).await.expect("may").first_bad, None);
}

#[tokio::test]
async fn a_change_says_from_where_it_came() {
    let world = World::new().await;
    let trace_id = "0af7651916cd43dd8448eb211c80319c".to_owned();
    let origin = application::Origin {
        address: "2001:db8::7".to_owned(),
        user_agent: "curl".to_owned(),
        trace_id,
        message: Some(domain::Message::parse("for the shop").expect("text")),
    };
    let ctx = application::RequestContext { origin, ..world.test.admin.clone() };
    let projects = &world.test.application.projects;
    projects.create(&ctx, project("c"), DisplayName::default()).await.expect("may");
    projects.create(&world.test.admin, project("d"), DisplayName::default()).await.expect("may");
    while world.people().projector.run().await.expect("runs") {}
    let records = projected(&world);
    let whence = |name: &str| {
        let of_project = records.iter().map(|one| &one.record).find(|one| one.resource == name);
        of_project.map(|one| (one.address.as_str(), one.trace_id.as_str())).expect("it is there")
    };
    assert_eq!(whence("c"), ("2001:db8::7", ctx.origin.trace_id.as_str()));
    assert_eq!(whence("d"), ("", ""));
    let detail = |name: &str| {
        let of_project = records.iter().map(|one| &one.record).find(|one| one.resource == name);
        of_project.map(|one| one.detail.clone()).expect("it is there")
    };
    assert!(detail("c").contains(r#""message":"for the shop""#), "{}", detail("c"));
    assert!(!detail("d").contains("message"), "{}", detail("d"));
}

#[tokio::test]
async fn each_kind_of_change_names_its_project() {
    let world = World::new().await;
    let app = &world.test.application;
    let key = application::CreateApiKey {
        project: project("a"),
        name: label("key"),
        permissions: [domain::Permission::DocumentRead].into(),
        environments: None,
        key_prefixes: None,
        expires_at: None,
    };
    app.access.create(&world.test.admin, key).await.expect("a key");
    let environment = domain::EnvironmentName::parse("dev").expect("a name");
    let id = domain::EnvironmentId { project: project("b"), name: environment };
    app.projects.create_environment(&world.test.admin, id).await.expect("an environment");
    world.people().projector.run().await.expect("runs");
    let records = projected(&world);
    let projects = |action: &str| {
        let found = records.iter().filter(|one| one.record.action == action);
        found.map(|one| one.record.project.as_deref().unwrap_or("none")).collect::<Vec<_>>()
    };
    assert_eq!(projects("cluster.name"), ["none"]);
    assert_eq!(projects("api_key.create"), ["none", "a"], "the first is the platform's");
    assert_eq!(projects("project.create"), ["a", "b"]);
    assert_eq!(projects("environment.create"), ["a", "b", "b"]);
}

#[tokio::test]
async fn many_projectors_write_each_change_once() {
    let world = std::sync::Arc::new(World::new().await);
    change(&world, 500);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let world = world.clone();
        tasks.spawn(async move { while world.people().projector.run().await.expect("runs") {} });
    }
    tasks.join_all().await;
    while world.people().projector.run().await.expect("runs") {}
    let mut places: Vec<_> = projected(&world).iter().filter_map(|one| one.record.revision).collect();
    let count = places.len();
    places.dedup();
    assert_eq!(places.len(), count);
    assert_eq!(places.last().map(|place| place.0), Some(world.test.node.state().revision()));
}

#[tokio::test]
async fn an_outage_loses_nothing_and_an_empty_database_is_filled_again() {
    let world = World::new().await;
    change(&world, 10);
    world.id.people.set_unavailable(true);
    assert_eq!(refused(world.people().projector.run().await), "IdentityUnavailable");
    change(&world, 10);
    world.id.people.set_unavailable(false);
    world.people().projector.run().await.expect("runs");
    let first = projected(&world);
    assert_eq!(first.last().and_then(|one| one.record.revision).map(|place| place.0), Some(revision(&world)));

    let anew = application::testing::identity::identity(&world.test, rules());
    anew.identity.projector.run().await.expect("runs");
    let again: Vec<_> = anew.people.audited().into_iter().map(|one| one.record).collect();
    assert_eq!(again, first.into_iter().map(|one| one.record).collect::<Vec<_>>());
}

fn revision(world: &World) -> Revision {
    world.test.node.state().revision()
}
