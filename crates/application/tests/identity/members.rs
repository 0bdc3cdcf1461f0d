//! Role grants: isolation of projects, organisations, groups, and the last administrator.

use crate::world::*;
use application::identity::*;
use application::ports::identity::{Place, Subject, UserChange};
use domain::{DisplayName, EnvironmentName};

#[tokio::test]
async fn an_administrator_of_one_project_has_no_say_in_another() {
    let world = World::new().await;
    let (ann, of_a) = world.member("ann", "admin", in_project("a")).await;
    let (bob, _) = world.member("bob", "admin", in_project("b")).await;
    let cid = world.person("cid").await;
    let members = &world.people().members;
    world.give(&of_a, &cid.id, "editor", in_project("a")).await.expect("her own project");
    world.give(&of_a, &cid.id, "admin", in_project("a")).await.expect("as much as she has");
    for place in [in_project("b"), Place::Platform, Place::Organisation(organisation("o"))] {
        let (bobs, anns) = (Subject::User(bob.id.clone()), Subject::User(ann.id.clone()));
        assert_eq!(refused(members.list(&of_a, &place, None, 10).await), "Forbidden", "{place:?}");
        assert_eq!(refused(members.get(&of_a, &place, &bobs).await), "Forbidden", "{place:?}");
        assert_eq!(refused(world.give(&of_a, &ann.id, "viewer", place.clone()).await), "Forbidden");
        assert_eq!(refused(members.delete(&of_a, &place, &bobs).await), "Forbidden", "{place:?}");
        assert_eq!(refused(members.delete(&of_a, &place, &anns).await), "Forbidden", "{place:?}");
        let invite = Invite { email: email("x"), role: Some((role("viewer"), place.clone())) };
        assert_eq!(refused(world.people().users.invite(&of_a, invite).await), "Forbidden", "{place:?}");
    }
    assert_eq!(refused(world.people().users.list(&of_a, None, 10).await), "Forbidden");
    assert_eq!(refused(world.people().users.get(&of_a, &bob.id).await), "Forbidden");
    assert_eq!(refused(world.people().groups.list(&of_a, None, 10).await), "Forbidden");
    assert_eq!(refused(world.people().organisations.list(&of_a, None, 10).await), "Forbidden");
    assert_eq!(refused(world.people().roles.list(&of_a).await), "Forbidden");
}

#[tokio::test]
async fn viewers_and_editors_manage_nobody() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    for name in ["viewer", "editor"] {
        let (_, ctx) = world.member(name, name, in_project("a")).await;
        let members = &world.people().members;
        assert_eq!(refused(members.list(&ctx, &in_project("a"), None, 10).await), "Forbidden");
        assert_eq!(refused(world.give(&ctx, &ann.id, "viewer", in_project("a")).await), "Forbidden");
        let subject = Subject::User(ann.id.clone());
        assert_eq!(refused(members.delete(&ctx, &in_project("a"), &subject).await), "Forbidden");
    }
}

#[tokio::test]
async fn one_with_a_narrow_role_gives_no_wider_one() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let narrow = PutMember {
        place: in_project("a"),
        subject: Subject::User(ann.id.clone()),
        role: role("admin"),
        environments: Some([EnvironmentName::parse("dev").expect("a name")].into()),
        key_prefixes: None,
    };
    world.people().members.put(&world.test.admin, narrow.clone()).await.expect("the key may");
    let ctx = world.ctx("ann").await;
    let wide = world.give(&ctx, &ann.id, "admin", in_project("a")).await;
    assert_eq!(refused(wide), "Forbidden", "members belong to the whole project");
}

#[tokio::test]
async fn roles_stay_in_their_places_and_name_what_exists() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let key = &world.test.admin;
    let give = async |name: &str, place: Place| refused(world.give(key, &ann.id, name, place).await);
    assert_eq!(give("admin", Place::Platform).await, "Invalid");
    assert_eq!(give("platform-admin", in_project("a")).await, "Invalid");
    assert_eq!(give("no-such", in_project("a")).await, "NotFound");
    assert_eq!(give("viewer", in_project("missing")).await, "NotFound");
    assert_eq!(give("viewer", Place::Organisation(organisation("missing"))).await, "NotFound");
    let nobody = domain::UserId::parse("nobody").expect("an id");
    assert_eq!(refused(world.give(key, &nobody, "viewer", in_project("a")).await), "NotFound");
    let missing = world.people().members.delete(key, &in_project("a"), &Subject::User(ann.id)).await;
    assert_eq!(refused(missing), "NotFound");
}

#[tokio::test]
async fn half_a_platform_administrator_is_not_made() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let whole = PutMember {
        place: Place::Platform,
        subject: Subject::User(ann.id),
        role: role("platform-admin"),
        environments: None,
        key_prefixes: None,
    };
    let dev = EnvironmentName::parse("dev").expect("a name");
    let some = PutMember { environments: Some([dev].into()), ..whole.clone() };
    let keys = PutMember { key_prefixes: Some(["app.".to_owned()].into()), ..whole.clone() };
    for (narrow, wrong) in [(some, "environments"), (keys, "key_prefixes")] {
        let error = world.people().members.put(&world.test.admin, narrow).await.expect_err("refused");
        assert!(matches!(error, application::Error::Invalid { field, .. } if field == wrong), "{error:?}");
    }
    world.people().members.put(&world.test.admin, whole).await.expect("a whole one");
}

#[tokio::test]
async fn members_are_listed_by_pages() {
    let world = World::new().await;
    for name in ["ann", "bob", "cid"] {
        let user = world.person(name).await;
        world.give(&world.test.admin, &user.id, "viewer", in_project("a")).await.expect("the key may");
    }
    let members = &world.people().members;
    let first = members.list(&world.test.admin, &in_project("a"), None, 2).await.expect("may");
    assert_eq!((first.items.len(), first.next.is_some()), (2, true));
    let rest = members.list(&world.test.admin, &in_project("a"), first.next.as_ref(), 2).await.expect("may");
    assert_eq!((rest.items.len(), rest.next.is_some()), (1, false));
    let one = members.get(&world.test.admin, &in_project("a"), &rest.items[0].binding.subject).await;
    assert_eq!(one.expect("there"), rest.items[0]);
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let world = World::new().await;
    let root = world.ctx("root").await;
    let me = world.people().account.me(&root).await.expect("known").user;
    let (users, members) = (&world.people().users, &world.people().members);
    let mine = Subject::User(me.id.clone());
    assert_eq!(refused(members.delete(&root, &Place::Platform, &mine).await), "LastAdministrator");
    assert_eq!(refused(users.deactivate(&world.test.admin, &me.id).await), "LastAdministrator");
    assert_eq!(refused(users.deactivate(&root, &me.id).await), "Invalid", "nobody does that to themselves");
    let (ann, _) = world.member("ann", "platform-admin", Place::Platform).await;
    members.delete(&root, &Place::Platform, &mine).await.expect("there is another");
    let anns = Subject::User(ann.id.clone());
    let last = members.delete(&world.test.admin, &Place::Platform, &anns).await;
    assert_eq!(refused(last), "LastAdministrator");
    assert_eq!(world.audited("role.unbind").await.len(), 1, "only what was done is written down");
}

#[tokio::test]
async fn groups_give_their_roles_and_only_those_who_may_all_change_them() {
    let world = World::new().await;
    let key = &world.test.admin;
    let groups = &world.people().groups;
    let put = |name: &str, parent: Option<&str>| PutGroup {
        name: group(name),
        label: label(name),
        parent: parent.map(group),
    };
    groups.put(key, put("outer", None)).await.expect("may");
    groups.put(key, put("inner", Some("outer"))).await.expect("may");
    assert_eq!(refused(groups.put(key, put("outer", Some("inner"))).await), "Invalid", "a circle");
    let (ann, before) = world.member("ann", "viewer", in_project("a")).await;
    let subject = Subject::Group(group("outer"));
    let given = PutMember {
        place: in_project("b"),
        subject: subject.clone(),
        role: role("editor"),
        environments: None,
        key_prefixes: None,
    };
    world.people().members.put(key, given).await.expect("may");
    groups.add(key, &group("inner"), &ann.id).await.expect("may");
    assert_eq!(refused(world.people().account.me(&before).await), "Unauthenticated");
    let ctx = world.ctx("ann").await;
    assert_eq!(ctx.person.as_ref().expect("a person").grants.len(), 2);
    let inside = groups.people(key, &group("inner"), None, 10).await.expect("may").items;
    assert_eq!(inside, std::slice::from_ref(&ann.id));
    groups.remove(key, &group("inner"), &ann.id).await.expect("may");
    assert_eq!(refused(groups.remove(key, &group("inner"), &ann.id).await), "NotFound");
    assert_eq!(world.ctx("ann").await.person.as_ref().expect("a person").grants.len(), 1);
    assert_eq!(refused(groups.add(key, &group("missing"), &ann.id).await), "NotFound");

    let helper = PutRole {
        name: role("helper"),
        description: String::new(),
        permissions: [domain::Permission::GroupRead, domain::Permission::GroupWrite].into(),
    };
    world.people().roles.put(key, helper).await.expect("may");
    let (bob, helper) = world.member("bob", "helper", Place::Platform).await;
    groups.list(&helper, None, 10).await.expect("may read");
    assert_eq!(refused(groups.add(&helper, &group("outer"), &bob.id).await), "BeyondOwnRights");
    assert_eq!(refused(groups.put(&helper, put("own", None)).await), "BeyondOwnRights");
    assert_eq!(refused(groups.delete(&helper, &group("outer")).await), "BeyondOwnRights");
}

#[tokio::test]
async fn an_organisation_reaches_the_projects_that_it_owns() {
    let world = World::new().await;
    let key = &world.test.admin;
    let organisations = &world.people().organisations;
    let request =
        PutOrganisation { name: organisation("o"), label: label("O"), second_factor_required: false };
    organisations.put(key, request).await.expect("may");
    organisations.own(key, &project("a"), &organisation("o")).await.expect("may");
    let place = Place::Organisation(organisation("o"));
    let (ann, before) = world.member("ann", "admin", place.clone()).await;
    let projects = |ctx: &application::RequestContext| -> Vec<String> {
        let grants = &ctx.person.as_ref().expect("a person").grants;
        grants.iter().map(|grant| grant.project.as_ref().expect("a project").to_string()).collect()
    };
    assert_eq!(projects(&before), ["a"]);
    organisations.own(key, &project("b"), &organisation("o")).await.expect("may");
    assert_eq!(refused(world.people().account.me(&before).await), "Unauthenticated");
    let ctx = world.ctx("ann").await;
    assert_eq!(projects(&ctx), ["a", "b"]);
    let bob = world.person("bob").await;
    world.give(&ctx, &bob.id, "admin", in_project("b")).await.expect("she is an administrator of it");
    assert_eq!(refused(world.give(&ctx, &bob.id, "admin", place).await), "Forbidden");
    assert_eq!(refused(organisations.disown(&ctx, &project("b"), &organisation("o")).await), "Forbidden");

    // A caller that may change organisations does not become project administrator by moving the project.
    let helper = PutRole {
        name: role("helper"),
        description: String::new(),
        permissions: [domain::Permission::OrganisationRead, domain::Permission::OrganisationWrite].into(),
    };
    world.people().roles.put(key, helper).await.expect("may");
    let (_, helper) = world.member("cid", "helper", Place::Platform).await;
    let moved = organisations.own(&helper, &project("b"), &organisation("o")).await;
    assert_eq!(refused(moved), "BeyondOwnRights");
    let without_factor =
        PutOrganisation { name: organisation("o"), label: label("O"), second_factor_required: false };
    assert_eq!(refused(organisations.put(&helper, without_factor).await), "BeyondOwnRights");
    let own =
        PutOrganisation { name: organisation("own"), label: label("Own"), second_factor_required: true };
    organisations.put(&helper, own.clone()).await.expect("nobody has a role in it");
    organisations.put(&helper, own).await.expect("again");
    assert_eq!(refused(organisations.delete(&helper, &organisation("o")).await), "BeyondOwnRights");
    organisations.delete(key, &organisation("o")).await.expect("may");
    assert!(world.ctx("ann").await.person.as_ref().expect("a person").grants.is_empty());
    assert_eq!(refused(organisations.own(key, &project("a"), &organisation("o")).await), "NotFound");
    drop(ann);
}

#[tokio::test]
async fn a_project_is_taken_from_its_owner_only_and_by_nobody_below() {
    let world = World::new().await;
    let key = &world.test.admin;
    let organisations = &world.people().organisations;
    for name in ["acme", "globex"] {
        let request =
            PutOrganisation { name: organisation(name), label: label(name), second_factor_required: false };
        organisations.put(key, request).await.expect("may");
    }
    let [acme, globex] = ["acme", "globex"].map(organisation);
    let owned = async || organisations.projects(key, &globex).await.expect("may");
    organisations.own(key, &project("a"), &globex).await.expect("nobody's");
    organisations.own(key, &project("a"), &globex).await.expect("it is already");
    assert_eq!(refused(organisations.disown(key, &project("a"), &acme).await), "NotFound");
    assert_eq!(refused(organisations.disown(key, &project("b"), &globex).await), "NotFound");
    assert_eq!(owned().await, [project("a")]);

    world.member("ann", "admin", Place::Organisation(globex.clone())).await;
    let helper = PutRole {
        name: role("helper"),
        description: String::new(),
        permissions: [domain::Permission::OrganisationRead, domain::Permission::OrganisationWrite].into(),
    };
    world.people().roles.put(key, helper).await.expect("may");
    let (_, helper) = world.member("cid", "helper", Place::Platform).await;
    let moved = organisations.own(&helper, &project("a"), &acme).await;
    assert_eq!(refused(moved), "BeyondOwnRights", "the administrators of the other one would lose it");
    let taken = organisations.disown(&helper, &project("a"), &globex).await;
    assert_eq!(refused(taken), "BeyondOwnRights");
    assert_eq!(owned().await, [project("a")]);
    organisations.own(&helper, &project("b"), &acme).await.expect("nobody's to nobody above");
    organisations.own(key, &project("a"), &acme).await.expect("the key may");
    assert!(owned().await.is_empty());
    organisations.disown(key, &project("a"), &acme).await.expect("the key may");
    assert_eq!(world.audited("organisation.own").await.len(), 4, "only what was done");
}

#[tokio::test]
async fn a_project_made_again_starts_with_nobody() {
    let world = World::new().await;
    let (ann, before) = world.member("ann", "admin", in_project("a")).await;
    let projects = &world.test.application.projects;
    projects.delete(&world.test.admin, project("a")).await.expect("empty");
    projects.create(&world.test.admin, project("a"), DisplayName::default()).await.expect("again");
    // The deletion was not reported. The projector finds it, at the latest before the next grant.
    let bob = world.person("bob").await;
    world.give(&world.test.admin, &bob.id, "viewer", in_project("a")).await.expect("may");
    let members =
        world.people().members.list(&world.test.admin, &in_project("a"), None, 10).await.expect("may");
    let subjects: Vec<_> = members.items.into_iter().map(|member| member.binding.subject).collect();
    assert_eq!(subjects, [Subject::User(bob.id)]);
    assert_eq!(refused(world.people().account.me(&before).await), "Unauthenticated");
    assert!(world.ctx("ann").await.person.as_ref().expect("a person").grants.is_empty());
    while world.people().projector.run().await.expect("runs") {}
    let members =
        world.people().members.list(&world.test.admin, &in_project("a"), None, 10).await.expect("may");
    assert_eq!(members.items.len(), 1, "the later role stays");
    drop(ann);
}

#[tokio::test]
async fn a_deleted_project_is_forgotten_when_told() {
    let world = World::new().await;
    world.member("ann", "admin", in_project("a")).await;
    let organisations = &world.people().organisations;
    organisations.forget_project(&project("a")).await.expect("it is there, so nothing is done");
    assert_eq!(world.ctx("ann").await.person.as_ref().expect("a person").grants.len(), 1);
    world.test.application.projects.delete(&world.test.admin, project("a")).await.expect("empty");
    organisations.forget_project(&project("a")).await.expect("forgotten");
    assert!(world.ctx("ann").await.person.as_ref().expect("a person").grants.is_empty());
}

#[tokio::test]
async fn one_who_must_have_a_second_factor_is_made_so_at_once() {
    let world = World::new().await;
    for (name, password) in [("ann", Some(PASSWORD.into())), ("bob", None)] {
        let request =
            CreateUser { email: email(name), name: label(name), password, second_factor_required: true };
        let made = world.people().users.create(&world.test.admin, request).await.expect("may");
        assert!(made.second_factor_required);
    }
    assert!(world.signed("ann").await.must_enrol);
}

#[tokio::test]
async fn people_are_listed_and_renamed() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let change = UserChange { name: Some(label("Ann B.")), ..UserChange::default() };
    let changed = world.people().users.change(&world.test.admin, &ann.id, change).await.expect("may");
    assert_eq!(changed.name, label("Ann B."));
    assert_eq!(world.epoch(&ann.id), 0, "nothing was taken");
    let page = world.people().users.list(&world.test.admin, None, 1).await.expect("may");
    let rest = world.people().users.list(&world.test.admin, page.next.as_ref(), 1).await.expect("may");
    assert_eq!((page.items.len(), rest.items.len(), rest.next), (1, 1, None));
    let nobody = domain::UserId::parse("nobody").expect("an id");
    assert_eq!(refused(world.people().users.get(&world.test.admin, &nobody).await), "NotFound");
}
