//! Email addresses of actors: who may see which, and the number of database reads.

use crate::world::*;
use application::RequestContext;
use application::identity::{Identity, IdentityPorts, PutOrganisation, PutRole};
use application::ports::identity::{Emails, IdentityError, Place, Subject, VisibleEmails};
use application::testing::Fault;
use application::testing::identity::MemoryPeople;
use async_trait::async_trait;
use domain::{Email, Permission, UserId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A store that counts its reads.
#[derive(Default)]
struct Counted {
    people: Arc<MemoryPeople>,
    reads: AtomicU64,
}

#[async_trait]
impl Emails for Counted {
    async fn emails(
        &self,
        users: &BTreeSet<UserId>,
        visible: &VisibleEmails,
    ) -> Result<BTreeMap<UserId, Email>, IdentityError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.people.emails(users, visible).await
    }
}

/// A world in which `ann` has a role in the project `a`, `bea` in `b`, `pat` on the platform, `org` in an
/// organisation, and `nil` has none.
struct Office {
    world: World,
    counted: Arc<Counted>,
    identity: Identity,
    names: BTreeMap<String, &'static str>,
    callers: AtomicU64,
}

impl Office {
    async fn new() -> Self {
        let world = World::new().await;
        let request = PutOrganisation {
            name: organisation("acme"),
            label: label("Acme"),
            second_factor_required: false,
        };
        world.people().organisations.put(&world.test.admin, request).await.expect("an organisation");
        let mut names = BTreeMap::new();
        for (name, role, place) in [
            ("ann", "viewer", Some(in_project("a"))),
            ("bea", "viewer", Some(in_project("b"))),
            ("pat", "platform-admin", Some(Place::Platform)),
            ("org", "viewer", Some(Place::Organisation(organisation("acme")))),
            ("nil", "", None),
        ] {
            let user = world.person(name).await;
            if let Some(place) = place {
                world.give(&world.test.admin, &user.id, role, place).await.expect("the key may");
            }
            names.insert(format!("user:{}", user.id), name);
        }
        let counted = Arc::new(Counted { people: world.id.people.clone(), ..Counted::default() });
        let ports = IdentityPorts { emails: counted.clone(), ..world.id.ports.clone() };
        let identity = Identity::new(&world.test.ports, ports, rules());
        Self { world, counted, identity, names, callers: AtomicU64::default() }
    }

    /// The users whose addresses the caller sees in a response on a project (or, with `None`, the platform),
    /// and the number of reads of the store.
    async fn shown(&self, ctx: &RequestContext, project_name: Option<&str>) -> (Vec<&'static str>, u64) {
        let actors =
            self.names.keys().map(String::as_str).chain(["system", "api-key:k", "anonymous", "user:"]);
        let project = project_name.map(project);
        let before = self.counted.reads.load(Ordering::SeqCst);
        let found = self.identity.emails.of_actors(ctx, project.as_ref(), actors.collect()).await;
        let mut names = Vec::new();
        for (actor, address) in found {
            assert_eq!(address, email(self.names[&actor]), "{actor}");
            names.push(self.names[&actor]);
        }
        names.sort_unstable();
        (names, self.counted.reads.load(Ordering::SeqCst) - before)
    }

    /// A user with a role that has only this permission.
    async fn with(&self, permission: Permission, place: Place) -> RequestContext {
        let name = permission.as_str().replace(':', "-");
        let request = PutRole {
            name: role(&name),
            description: String::new(),
            permissions: BTreeSet::from([permission]),
        };
        self.world.people().roles.put(&self.world.test.admin, request).await.expect("a role");
        let user = format!("caller{}", self.callers.fetch_add(1, Ordering::SeqCst));
        self.world.member(&user, &name, place).await.1
    }
}

const NOBODY: &[&str] = &[];

#[tokio::test]
async fn an_address_is_shown_where_another_operation_shows_it() {
    let office = Office::new().await;
    let everybody: &[&str] = &["ann", "bea", "nil", "org", "pat"];
    let check = async |permission, place: Place, project, expected: &[&str]| {
        let ctx = office.with(permission, place.clone()).await;
        let (names, reads) = office.shown(&ctx, project).await;
        assert_eq!(names, expected, "{permission:?} in {place:?} beside {project:?}");
        assert_eq!(reads, u64::from(!expected.is_empty()), "{permission:?} in {place:?} beside {project:?}");
    };
    check(Permission::UserRead, Place::Platform, Some("a"), everybody).await;
    check(Permission::UserRead, Place::Platform, None, everybody).await;
    // A platform permission has no effect in a role of a project.
    check(Permission::UserRead, in_project("a"), Some("a"), NOBODY).await;
    check(Permission::MemberRead, in_project("a"), Some("a"), &["ann"]).await;
    check(Permission::MemberRead, in_project("a"), Some("b"), NOBODY).await;
    check(Permission::MemberRead, in_project("a"), None, NOBODY).await;
    check(Permission::MemberRead, Place::Platform, Some("a"), &["ann", "bea", "pat"]).await;
    check(Permission::MemberRead, Place::Platform, None, &["ann", "bea", "pat"]).await;
    check(Permission::OrganisationRead, Place::Platform, Some("a"), &["org"]).await;
    let shows = [Permission::UserRead, Permission::MemberRead, Permission::OrganisationRead];
    for permission in Permission::ALL.iter().filter(|permission| !shows.contains(permission)) {
        check(*permission, Place::Platform, Some("a"), NOBODY).await;
        check(*permission, Place::Platform, None, NOBODY).await;
    }
}

#[tokio::test]
async fn a_user_sees_the_own_address() {
    let office = Office::new().await;
    let nil = office.world.ctx("nil").await;
    for project in [None, Some("a")] {
        assert_eq!(office.shown(&nil, project).await, (vec!["nil"], 1));
    }
    // A caller who is not an actor in the response needs no look-up.
    office.world.person("zoe").await;
    let zoe = office.world.ctx("zoe").await;
    assert_eq!(office.shown(&zoe, None).await, (vec![], 0));
}

#[tokio::test]
async fn a_right_that_was_taken_shows_nothing_more() {
    let office = Office::new().await;
    let admin = &office.world.test.admin;
    let (mel, ctx) = office.world.member("mel", "admin", in_project("a")).await;
    assert_eq!(office.shown(&ctx, Some("a")).await.0, ["ann"]);
    let subject = Subject::User(mel.id);
    office.world.people().members.delete(admin, &in_project("a"), &subject).await.expect("taken");
    assert_eq!(office.shown(&ctx, Some("a")).await, (vec![], 0), "the old token");
}

#[tokio::test]
async fn without_a_leader_the_rights_of_the_store_count() {
    let office = Office::new().await;
    let (mel, ctx) = office.world.member("mel", "admin", in_project("a")).await;
    office.world.test.node.set_fault(Some(Fault::NoLeader));
    assert_eq!(office.shown(&ctx, Some("a")).await.0, ["ann"]);
    let subject = Subject::User(mel.id);
    let roles = &office.world.id.ports.roles;
    roles.unbind(&subject, &in_project("a")).await.expect("taken, and no node knows");
    assert_eq!(office.shown(&ctx, Some("a")).await.0, NOBODY);
}

#[tokio::test]
async fn without_the_store_no_address_is_shown() {
    let office = Office::new().await;
    let admin = office.world.test.admin.clone();
    assert_eq!(office.shown(&admin, Some("a")).await.0.len(), 5, "the platform key");
    office.world.id.people.set_unavailable(true);
    assert_eq!(office.shown(&admin, Some("a")).await, (vec![], 1));
}
