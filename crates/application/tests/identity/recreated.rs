//! Grants in a deleted project or environment do not apply to a new one of the same name.

use crate::world::*;
use application::identity::*;
use application::ports::Freshness;
use application::ports::identity::Subject;
use application::{CreateApiKey, RequestContext};
use domain::{DisplayName, EnvironmentId, EnvironmentName, Permission, ProjectName};
use std::collections::BTreeSet;

const FRESH: Freshness = Freshness::LINEARIZABLE;

fn environment(name: &str) -> EnvironmentId {
    EnvironmentId { project: project("a"), name: EnvironmentName::parse(name).expect("a name") }
}

impl World {
    async fn recreate(&self, name: &ProjectName) {
        let projects = &self.test.application.projects;
        projects.delete(&self.test.admin, name.clone()).await.expect("empty");
        projects.create(&self.test.admin, name.clone(), DisplayName::default()).await.expect("again");
    }

    /// Asserts that reading the project `a` and creating a key in it are refused.
    async fn is_nobody_in_a(&self, ctx: &RequestContext, what: &str) {
        let app = &self.test.application;
        let read = app.projects.get(ctx, &project("a"), FRESH).await;
        assert_eq!(refused(read), "Forbidden", "{what}");
        let request = CreateApiKey {
            project: project("a"),
            name: label("stays"),
            permissions: BTreeSet::from([Permission::ProjectRead]),
            environments: None,
            key_prefixes: None,
            expires_at: None,
        };
        assert_eq!(refused(app.access.create(ctx, request).await.map(drop)), "Rejected", "{what}");
    }
}

/// While the identity database is down, the grants cannot be removed.
#[tokio::test]
async fn members_of_a_deleted_project_are_nobody_in_a_later_one() {
    let world = World::new().await;
    let (ann, ctx) = world.member("ann", "admin", in_project("a")).await;
    world.test.application.projects.get(&ctx, &project("a"), FRESH).await.expect("an administrator");
    let signed = world.signed("ann").await;
    world.id.people.set_unavailable(true);
    world.recreate(&project("a")).await;
    world.is_nobody_in_a(&ctx, "a request of before").await;
    world.is_nobody_in_a(&world.with_token(&signed).await.expect("good"), "a token of before").await;
    // Cached rights are refused too.
    world.id.people.set_unavailable(false);
    world.test.clock.advance(10 * 60 * 1000);
    let cached = world.with_token(&signed).await.expect("looked up");
    world.is_nobody_in_a(&cached, "rights that were looked up again").await;
    // The database still has the grant until the deletion is projected.
    let early = world.ctx("ann").await;
    world.is_nobody_in_a(&early, "a sign-in before the deletion was carried over").await;
    while world.people().projector.run().await.expect("runs") {}
    let late = world.ctx("ann").await;
    assert!(late.person.as_ref().expect("a person").grants.is_empty(), "forgotten");
    world.give(&world.test.admin, &ann.id, "viewer", in_project("a")).await.expect("the key may");
    let again = world.ctx("ann").await;
    world.test.application.projects.get(&again, &project("a"), FRESH).await.expect("a role in the later one");
}

#[tokio::test]
async fn a_role_in_a_deleted_environment_ends() {
    let world = World::new().await;
    let projects = &world.test.application.projects;
    let [dev, prod] = ["dev", "prod"].map(environment);
    for id in [&dev, &prod] {
        projects.create_environment(&world.test.admin, id.clone()).await.expect("new");
    }
    let ann = world.person("ann").await;
    let request = PutMember {
        place: in_project("a"),
        subject: Subject::User(ann.id.clone()),
        role: role("editor"),
        environments: Some([&dev, &prod].map(|id| id.name.clone()).into()),
        key_prefixes: None,
    };
    world.people().members.put(&world.test.admin, request).await.expect("may");
    let ctx = world.ctx("ann").await;
    projects.environment(&ctx, &dev, FRESH).await.expect("a role in it");
    projects.delete_environment(&world.test.admin, dev.clone()).await.expect("empty");
    projects.create_environment(&world.test.admin, dev.clone()).await.expect("again");
    let refusal = projects.environment(&ctx, &dev, FRESH).await.map(drop);
    assert_eq!(refused(refusal), "Forbidden");
    projects.environment(&ctx, &prod, FRESH).await.expect("the other one stays");
    while world.people().projector.run().await.expect("runs") {}
    let grants = &world.ctx("ann").await.person.expect("a person").grants;
    assert_eq!(grants[0].environments, Some(BTreeSet::from([prod.name])));
}
