//! The audit: recorded events, read permissions, and verification.

use crate::world::*;
use application::Error;
use application::identity::*;
use application::ports::identity::{
    Attempt, AuditOutcome, AuditQuery, ChainPlace, Observation, Place, ThrottleRule, UserChange, UserStatus,
};
use domain::{ApiKeyId, DisplayName, KeyRef, Permission};

fn refusal(n: usize) -> Refusal {
    Refusal {
        operation: "putConfig".to_owned(),
        resource: format!("/api/v1/projects/a/environments/default/configs/k{n}"),
        project: Some(project("a")),
        code: "forbidden".to_owned(),
    }
}

#[tokio::test]
async fn refusals_wait_and_are_written_together() {
    let world = World::new().await;
    let (ann, ctx) = world.member("ann", "viewer", in_project("a")).await;
    let audit = &world.people().audit;
    audit.refused(&visitor(), Some(&ctx.actor), refusal(1));
    audit.refused(&visitor(), None, refusal(2));
    assert!(world.audited("request.refused").await.is_empty());
    world.id.people.set_unavailable(true);
    assert_eq!(refused(audit.flush().await), "IdentityUnavailable");
    world.id.people.set_unavailable(false);
    assert_eq!(audit.flush().await.expect("written"), 2);
    assert_eq!(audit.flush().await.expect("nothing left"), 0);
    let records = world.audited("request.refused").await;
    assert_eq!(records[1].record.actor, format!("user:{}", ann.id));
    assert_eq!(records[0].record.actor, "anonymous");
    assert!(records.iter().all(|one| one.record.outcome == AuditOutcome::Denied));
    assert_eq!(records[0].record.project.as_deref(), Some("a"));
    assert_eq!(records[0].record.detail, "{\"code\":\"forbidden\",\"operation\":\"putConfig\"}");
}

/// 50,000 anonymous refusals become two records, and refusals of other callers are not lost.
#[tokio::test]
async fn a_flood_of_refusals_is_folded_and_counted() {
    let world = World::new().await;
    let (_, ctx) = world.member("ann", "viewer", in_project("a")).await;
    let audit = &world.people().audit;
    for n in 0..50_000 {
        audit.refused(&visitor(), None, refusal(n));
    }
    audit.refused(&visitor(), Some(&ctx.actor), refusal(1));
    assert_eq!(audit.flush().await.expect("written"), 2);
    world.test.clock.advance(60_000);
    assert_eq!(audit.flush().await.expect("written"), 0, "anonymous callers are counted for an hour");
    world.test.clock.advance(59 * 60_000);
    assert_eq!(audit.flush().await.expect("written"), 1);
    let records = world.audited("request.refused").await;
    assert_eq!(records.len(), 3);
    assert!(records[0].record.detail.contains("\"count\":\"49999\""), "{}", records[0].record.detail);
    assert_eq!(world.id.observed.count(Observation::AuditDropped(1)), 0);
    // Counted refusals are written when the node stops.
    audit.refused(&visitor(), None, refusal(1));
    audit.refused(&visitor(), None, refusal(2));
    assert_eq!(audit.finish().await.expect("written"), 2);
}

#[tokio::test]
async fn an_act_is_written_down_even_when_the_audit_was_away() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let record = &world.audited("user.create").await[0].record;
    assert_eq!(record.actor, "api-key:ak-admin");
    assert_eq!(record.resource, ann.id.to_string());
    assert_eq!(record.request_id, "req-admin");
    world.id.people.set_audit_away(true);
    world.person("bob").await;
    let wrong = world.people().sign_in.login(&visitor(), login("ann", "wrong")).await;
    assert_eq!(refused(wrong), "SignInFailed");
    let right = world.people().sign_in.login(&visitor(), login("ann", PASSWORD)).await;
    assert_eq!(refused(right), "IdentityUnavailable", "nobody comes in unseen");
    world.id.people.set_audit_away(false);
    assert_eq!(world.people().audit.flush().await.expect("written"), 2);
    assert_eq!(world.audited("user.create").await.len(), 2);
    assert_eq!(world.audited("auth.login").await[0].record.outcome, AuditOutcome::Failure);
}

#[tokio::test]
async fn who_may_read_what() {
    let world = World::new().await;
    let (_, of_a) = world.member("ann", "admin", in_project("a")).await;
    let (_, viewer) = world.member("vic", "viewer", in_project("a")).await;
    world.member("bob", "admin", in_project("b")).await;
    let audit = &world.people().audit;
    let of = |name: Option<&str>| AuditQuery { project: name.map(str::to_owned), ..AuditQuery::default() };
    let found = audit.search(&of_a, of(Some("a")), None, 100).await.expect("her project").items;
    assert!(!found.is_empty());
    assert!(found.iter().all(|one| one.record.project.as_deref() == Some("a")));
    assert_eq!(refused(audit.search(&of_a, of(None), None, 100).await), "Forbidden");
    assert_eq!(refused(audit.search(&of_a, of(Some("b")), None, 100).await), "Forbidden");
    assert_eq!(refused(audit.search(&of_a, of(Some("No Name")), None, 100).await), "Invalid");
    assert_eq!(refused(audit.search(&viewer, of(Some("a")), None, 100).await), "Forbidden");
    assert_eq!(refused(audit.verify(&of_a).await), "Forbidden");
    let request = PutRole {
        name: role("auditor"),
        description: String::new(),
        permissions: [Permission::AuditRead].into(),
    };
    world.people().roles.put(&world.test.admin, request).await.expect("may");
    let (_, auditor) = world.member("aud", "auditor", Place::Platform).await;
    let all = audit.search(&auditor, of(None), None, 1000).await.expect("an auditor").items;
    assert!(all.iter().any(|one| one.record.project.as_deref() == Some("b")));
    let first = audit.search(&auditor, of(None), None, 2).await.expect("a page");
    let second = audit.search(&auditor, of(None), first.next, 2).await.expect("a page");
    assert_eq!(
        all[..4].iter().map(|one| one.number).collect::<Vec<_>>(),
        first.items.iter().chain(&second.items).map(|one| one.number).collect::<Vec<_>>()
    );
    assert_eq!(refused(world.people().users.list(&auditor, None, 10).await), "Forbidden");
}

#[tokio::test]
async fn an_earlier_project_of_the_same_name_is_nobodys_business() {
    let world = World::new().await;
    let of_a = AuditQuery { project: Some("a".to_owned()), ..AuditQuery::default() };
    world.member("ann", "admin", in_project("a")).await;
    let projects = &world.test.application.projects;
    projects.delete(&world.test.admin, project("a")).await.expect("empty");
    let audit = &world.people().audit;
    world.test.clock.advance(60_000);
    projects.create(&world.test.admin, project("a"), DisplayName::default()).await.expect("again");
    while world.people().projector.run().await.expect("projects") {}
    let created = world.now();
    let (_, bob) = world.member("bob", "admin", in_project("a")).await;
    let his = audit.search(&bob, of_a.clone(), None, 100).await.expect("his project").items;
    assert!(his.iter().any(|one| one.record.action == "project.create"), "{his:?}");
    assert!(his.iter().all(|one| one.record.at >= created), "{his:?}");
    let all = audit.search(&world.test.admin, of_a, None, 100).await.expect("the platform's").items;
    assert!(all.len() > his.len());
}

#[tokio::test]
async fn a_check_names_the_first_bad_record() {
    let world = World::new().await;
    for n in 0..30 {
        world.person(&format!("p{n}")).await;
    }
    let audit = &world.people().audit;
    let whole = audit.verify(&world.test.admin).await.expect("may");
    let count = world.id.people.audited().len() as u64;
    assert_eq!((whole.records, whole.first_bad), (count, None));
    assert_eq!(Some(whole.last.head), world.id.people.audited().last().map(|last| last.head));
    world.id.people.tamper(|records| records[16].record.actor = "user:somebody-else".to_owned());
    let bad = audit.verify(&world.test.admin).await.expect("may");
    assert_eq!((bad.records, bad.first_bad), (16, Some(17)));
    world.id.people.tamper(|records| {
        records.remove(9);
    });
    let bad = audit.verify(&world.test.admin).await.expect("may");
    assert_eq!((bad.records, bad.first_bad), (9, Some(10)), "a record that is gone");
}

#[tokio::test]
async fn a_check_misses_records_that_were_cut_off_the_end() {
    let world = World::new().await;
    world.person("ann").await;
    let audit = &world.people().audit;
    let count = world.id.people.audited().len() as u64;
    world.id.people.tamper(|records| drop(records.pop()));
    let bad = audit.verify(&world.test.admin).await.expect("may");
    assert_eq!((bad.records, bad.first_bad), (count - 1, Some(count)), "the last is gone");
    world.id.people.tamper(Vec::clear);
    let bad = audit.verify(&world.test.admin).await.expect("may");
    assert_eq!((bad.records, bad.first_bad), (0, Some(1)), "all are gone");
}

#[tokio::test]
async fn what_is_too_old_is_forgotten_and_the_rest_still_holds() {
    let world = World::new().await;
    world.person("ann").await;
    world.signed("ann").await;
    let _ = world.people().sign_in.login(&visitor(), login("ann", "wrong")).await;
    world.test.clock.advance(89 * 24 * 60 * 60 * 1000);
    world.person("bob").await;
    let before = world.id.people.audited().len() as u64;
    let tidied = world.people().upkeep.tidy().await.expect("tidies");
    assert_eq!((tidied.sessions, tidied.records), (1, 0));
    assert!(tidied.attempts > 0);
    world.test.clock.advance(24 * 60 * 60 * 1000 + 1);
    let tidied = world.people().upkeep.tidy().await.expect("tidies");
    assert_eq!(tidied.records, before - 1);
    let left = world.people().audit.verify(&world.test.admin).await.expect("may");
    assert_eq!((left.records, left.first_bad), (1, None));
}

#[tokio::test]
async fn wrong_proofs_are_written_down() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let signed = world.signed("ann").await;
    let ctx = world.with_token(&signed).await.expect("good");
    let (account, factors) = (&world.people().account, &world.people().factors);
    let wrong = || "wrong".into();
    let change = ChangePassword { current: wrong(), new: PASSWORD.into() };
    assert_eq!(refused(account.change_password(&ctx, change).await), "Invalid");
    assert_eq!(refused(factors.begin(&ctx, Some(&wrong())).await), "Invalid");
    factors.begin(&ctx, Some(&PASSWORD.into())).await.expect("hers");
    assert_eq!(refused(factors.confirm(&ctx, &wrong()).await), "Invalid");
    factors.confirm(&ctx, &world.code()).await.expect("the code");
    let signed = world.people().sign_in.refresh(&visitor(), refresh(&signed.refresh)).await.expect("kept");
    let ctx = world.with_token(&signed).await.expect("good");
    assert_eq!(refused(factors.remove(&ctx, &wrong()).await), "Invalid");
    assert_eq!(refused(factors.regenerate(&ctx, &wrong()).await), "Invalid");
    for action in ["user.password", "factor.begin", "factor.confirm", "factor.remove", "factor.recovery"] {
        let records = world.audited(action).await;
        let failed = records.iter().filter(|one| one.record.outcome == AuditOutcome::Failure);
        let failed: Vec<_> =
            failed.map(|one| (one.record.actor.clone(), one.record.resource.clone())).collect();
        assert_eq!(failed, [(format!("user:{}", ann.id), ann.id.to_string())], "{action}");
    }
}

#[tokio::test]
async fn changes_of_people_say_what_they_changed() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let signed = world.signed("ann").await;
    let (users, key) = (&world.people().users, &world.test.admin);
    users.end_sessions(key, &ann.id, Some(&signed.session.id)).await.expect("may");
    users.end_sessions(key, &ann.id, None).await.expect("may");
    let change = UserChange {
        email: Some(email("ann")),
        name: Some(label("Ann B.")),
        second_factor_required: Some(true),
        ..UserChange::default()
    };
    users.change(key, &ann.id, change).await.expect("may");
    users.deactivate(key, &ann.id).await.expect("may");
    let status = Some(UserStatus::Active);
    users.change(key, &ann.id, UserChange { status, ..UserChange::default() }).await.expect("may");
    let detail = async |action: &str| -> Vec<String> {
        world.audited(action).await.into_iter().map(|one| one.record.detail).collect()
    };
    assert_eq!(detail("session.end").await, [format!("{{\"session\":\"{}\"}}", signed.session.id)]);
    assert_eq!(detail("session.end_all").await, ["{\"ended\":\"0\"}"]);
    assert_eq!(
        detail("user.change").await,
        [
            "{\"changed\":\"status\",\"status\":\"active\"}",
            "{\"changed\":\"name second_factor_required\",\"status\":\"active\"}"
        ]
    );
    assert_eq!(detail("user.deactivate").await, ["{\"changed\":\"status\",\"status\":\"deactivated\"}"]);
}

#[tokio::test]
async fn all_that_is_too_old_is_forgotten_at_once() {
    let world = World::new().await;
    let (audit, throttle) = (&world.id.ports.audit, &world.id.ports.throttle);
    let one = world.id.people.audited()[0].record.clone();
    audit.append(&vec![one; 12_000]).await.expect("written");
    let rule = ThrottleRule { free: 1, delay_ms: 1, delay_max_ms: 1, window_ms: 1 };
    let keys = (0..12_000).map(|n| (format!("key-{n}"), rule)).collect();
    throttle.begin(&Attempt { keys, at: world.now(), pending: false }).await.expect("counted");
    world.test.clock.advance(91 * 24 * 60 * 60 * 1000);
    let tidied = world.people().upkeep.tidy().await.expect("tidies");
    assert!(tidied.records >= 12_000 && tidied.attempts >= 12_000, "{tidied:?}");
    assert!(world.id.people.audited().is_empty());
}

#[tokio::test]
async fn the_last_use_of_an_api_key_is_pruned_after_400_days() {
    let world = World::new().await;
    let id = ApiKeyId::parse("ak-1").expect("an id");
    let (uses, key) = (&world.id.ports.key_uses, KeyRef { project: Some(project("a")), id: id.clone() });
    uses.save(&[(key, world.now())]).await.expect("saved");
    world.test.clock.advance(KEY_USES_KEPT_DAYS * 24 * 60 * 60 * 1000);
    assert_eq!(world.people().upkeep.tidy().await.expect("pruned").key_uses, 0);
    world.test.clock.advance(1);
    assert_eq!(world.people().upkeep.tidy().await.expect("pruned").key_uses, 1);
    assert_eq!(uses.last(Some(&project("a")), &id, &id).await.expect("an answer"), []);
}

#[tokio::test]
async fn a_node_without_an_identity_database_says_so() {
    let test = application::testing::application();
    let error = test.application.identity().map(drop).expect_err("there is none");
    assert!(matches!(error, Error::IdentityUnavailable(None)));
    let world = World::new().await;
    let application = test.application.with_identity(world.people().clone());
    assert!(application.identity().is_ok());
}

#[tokio::test]
async fn the_beginning_of_the_audit_is_not_cut_off_unnoticed() {
    let world = World::new().await;
    for n in 0..10 {
        world.person(&format!("p{n}")).await;
    }
    let (audit, log) = (&world.people().audit, &world.id.ports.audit);
    assert_eq!(audit.anchor().await.expect("known"), None);
    world.people().upkeep.tidy().await.expect("tidies");
    let anchor = audit.anchor().await.expect("known").expect("the first look anchors");
    let end = log.chain(1, 1).await.expect("the chain").end;
    assert_eq!((anchor.cut.number, anchor.end), (0, end));
    world.people().upkeep.tidy().await.expect("tidies");
    assert_eq!(audit.anchor().await.expect("known"), Some(anchor), "not at every look");
    // Removes the oldest records in the same way as the program.
    let third = world.id.people.audited()[2].clone();
    log.prune(ChainPlace { number: third.number, head: third.head }).await.expect("cut");
    let bad = audit.verify(&world.test.admin).await.expect("may");
    assert_eq!(bad.first_bad, Some(1));
    world.test.clock.advance(61 * 60 * 1000);
    assert_eq!(refused(world.people().upkeep.tidy().await), "Internal", "the cut is not made good");
    assert_eq!(audit.anchor().await.expect("known"), Some(anchor));
}

#[tokio::test]
async fn records_are_forgotten_under_an_anchor_and_as_they_were_written() {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    let world = World::new().await;
    world.person("ann").await;
    world.people().upkeep.tidy().await.expect("tidies");
    world.test.clock.advance(80 * DAY_MS);
    world.person("bob").await;
    world.people().upkeep.tidy().await.expect("tidies");
    world.test.clock.advance(11 * DAY_MS);
    world.id.people.tamper(|records| records[0].record.actor = "user:somebody-else".to_owned());
    assert_eq!(refused(world.people().upkeep.tidy().await), "Internal", "nothing is covered up");
    world.id.people.tamper(|records| records[0].record.actor = "anonymous".to_owned());
    let audit = &world.people().audit;
    let broken = audit.verify(&world.test.admin).await.expect("may").first_bad;
    assert_eq!(broken, Some(1), "it was not anonymous");
}
