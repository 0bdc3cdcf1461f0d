//! Password sign-in: no disclosure of existing accounts, and throttling of guesses.

use crate::world::*;
use application::identity::*;
use application::ports::identity::{AuditOutcome, Observation, PasswordHash};

#[tokio::test]
async fn unknown_wrong_and_deactivated_cannot_be_told_apart() {
    let world = World::new().await;
    world.person("ann").await;
    let gone = world.person("gone").await;
    world.people().users.deactivate(&world.test.admin, &gone.id).await.expect("the key may");
    let without = CreateUser {
        email: email("external"),
        name: label("external"),
        password: None,
        second_factor_required: false,
    };
    world.people().users.create(&world.test.admin, without).await.expect("the key may");
    let before = world.id.passwords.checks();
    let mut answers = Vec::new();
    for (name, password) in [
        ("nobody", PASSWORD),
        ("ann", "a wrong password, really"),
        ("gone", PASSWORD),
        ("gone", "a wrong password, really"),
        ("external", PASSWORD),
    ] {
        let answer = world.people().sign_in.login(&visitor(), login(name, password)).await;
        answers.push(format!("{:?}", answer.expect_err("refused")));
    }
    answers.dedup();
    assert_eq!(answers, ["SignInFailed"], "one answer for all");
    assert_eq!(world.id.passwords.checks() - before, 5, "each costs a check");
    assert_eq!(world.audited("auth.login").await.len(), 5);
}

#[tokio::test]
async fn a_sign_in_opens_a_session_and_is_written_down() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let signed = world.signed("ann").await;
    assert_eq!((signed.expires_in_s, signed.must_enrol), (900, false));
    assert!(signed.csrf.is_none());
    let listed = world.sessions(&ann.id).await;
    assert_eq!(listed, [signed.session]);
    assert_eq!(listed[0].client.address, "192.0.2.7");
    assert_eq!((listed[0].client.device.as_str(), listed[0].method.as_str()), ("laptop", "password"));
    let record = &world.audited("auth.login").await[0].record;
    assert_eq!((record.actor.clone(), record.outcome), (format!("user:{}", ann.id), AuditOutcome::Success));
    assert_eq!((record.address.as_str(), record.user_agent.as_str()), ("192.0.2.7", "curl/8"));
    assert_eq!(record.trace_id, visitor().origin.trace_id);
    assert!(!format!("{:?}", world.id.people.audited()).contains(PASSWORD));
    let browser = Login { browser: true, ..login("ann", PASSWORD) };
    let SignedIn::Signed(signed) = world.people().sign_in.login(&visitor(), browser).await.expect("in")
    else {
        panic!("no second factor");
    };
    assert!(signed.csrf.is_some());
}

#[tokio::test]
async fn long_client_texts_are_cut() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let mut visitor = visitor();
    visitor.origin.user_agent = "ü".repeat(1000);
    let request = Login { device: "ö".repeat(1000), ..login("ann", PASSWORD) };
    world.people().sign_in.login(&visitor, request).await.expect("in");
    let client = &world.sessions(&ann.id).await[0].client;
    assert_eq!((client.user_agent.len(), client.device.len()), (256, 256));
}

#[tokio::test]
async fn guesses_get_slow_and_the_right_password_forgets_them() {
    let world = World::new().await;
    world.person("ann").await;
    let sign_in = &world.people().sign_in;
    for _ in 0..4 {
        assert_eq!(refused(sign_in.login(&visitor(), login("ann", "wrong")).await), "SignInFailed");
    }
    world.signed("ann").await;
    for _ in 0..5 {
        assert_eq!(refused(sign_in.login(&visitor(), login("ann", "wrong")).await), "SignInFailed");
    }
    let before = world.id.passwords.checks();
    let mut waits = Vec::new();
    for _ in 0..3 {
        let error = sign_in.login(&visitor(), login("ann", PASSWORD)).await.expect_err("must wait");
        let application::Error::TooManyAttempts { retry_after_ms } = error else { panic!("{error:?}") };
        waits.push(retry_after_ms);
        world.test.clock.advance(retry_after_ms);
        assert_eq!(refused(sign_in.login(&visitor(), login("ann", "wrong")).await), "SignInFailed");
    }
    assert_eq!(waits, [1000, 2000, 4000], "each further failure doubles the wait");
    assert_eq!(world.id.passwords.checks() - before, 3, "who must wait costs no hashing");
    // Other networks are not throttled by it.
    sign_in.login(&from("198.51.100.1"), login("ann", PASSWORD)).await.expect("no lock-out");
    world.test.clock.advance(8000);
    world.signed("ann").await;
}

#[tokio::test]
async fn guesses_from_anywhere_keep_nobody_out_where_they_have_signed_in() {
    let world = World::new().await;
    world.person("ann").await;
    world.signed("ann").await;
    let sign_in = &world.people().sign_in;
    // Always the first attempt after the wait, from many networks.
    let mut kept_up = 0;
    for n in 0..200 {
        match sign_in.login(&from(&format!("198.51.{n}.1")), login("ann", "wrong")).await {
            Err(application::Error::TooManyAttempts { retry_after_ms }) => {
                world.test.clock.advance(retry_after_ms);
                kept_up += 1;
            }
            wrong => assert_eq!(refused(wrong), "SignInFailed"),
        }
    }
    assert!(kept_up > 20, "{kept_up}");
    let last = sign_in.login(&from("198.51.250.1"), login("ann", "wrong")).await;
    assert!(last.is_err(), "whether it had to wait or not, others must now");
    let elsewhere = sign_in.login(&from("203.0.113.7"), login("ann", PASSWORD)).await;
    assert_eq!(refused(elsewhere), "TooManyAttempts", "where nobody knows her");
    world.signed("ann").await;
    for _ in 0..5 {
        assert_eq!(refused(sign_in.login(&visitor(), login("ann", "wrong")).await), "SignInFailed");
    }
    let here = sign_in.login(&visitor(), login("ann", PASSWORD)).await;
    assert_eq!(refused(here), "TooManyAttempts", "guesses from there count there");
}

#[tokio::test]
async fn neighbours_share_their_failures() {
    let world = World::new().await;
    for (network, addresses) in
        [("v4", ["203.0.113.1", "203.0.113.2"]), ("v6", ["2001:db8::1", "2001:db8::2:3:4:5"])]
    {
        world.person(network).await;
        for n in 0..5 {
            let from = from(addresses[n % 2]);
            let wrong = world.people().sign_in.login(&from, login(network, "wrong")).await;
            assert_eq!(refused(wrong), "SignInFailed");
        }
        for address in addresses {
            let answer = world.people().sign_in.login(&from(address), login(network, PASSWORD)).await;
            assert_eq!(refused(answer), "TooManyAttempts", "{address}");
        }
    }
}

#[tokio::test]
async fn many_addresses_that_guess_one_account_are_slowed_down_but_not_for_long() {
    let world = World::new().await;
    world.person("ann").await;
    for n in 0..21 {
        let from = from(&format!("10.0.{n}.1"));
        let wrong = world.people().sign_in.login(&from, login("ann", "wrong")).await;
        assert_eq!(refused(wrong), "SignInFailed");
    }
    let mut longest = 0;
    for n in 0..20 {
        let from = from(&format!("10.1.{n}.1"));
        let error = world.people().sign_in.login(&from, login("ann", "wrong")).await.expect_err("must wait");
        let application::Error::TooManyAttempts { retry_after_ms } = error else { panic!("{error:?}") };
        longest = longest.max(retry_after_ms);
        world.test.clock.advance(retry_after_ms);
        let wrong = world.people().sign_in.login(&from, login("ann", "wrong")).await;
        assert_eq!(refused(wrong), "SignInFailed");
    }
    assert_eq!(longest, 30_000, "nobody is shut out for longer");
}

#[tokio::test]
async fn a_full_hasher_costs_no_attempt() {
    let world = World::new().await;
    world.person("ann").await;
    world.id.passwords.set_busy(true);
    for _ in 0..20 {
        let busy = world.people().sign_in.login(&visitor(), login("ann", PASSWORD)).await;
        assert_eq!(refused(busy), "Overloaded");
    }
    world.id.passwords.set_busy(false);
    world.signed("ann").await;
}

#[tokio::test]
async fn a_password_kept_by_an_older_rule_is_kept_anew() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let old = PasswordHash(format!("old:{PASSWORD}"));
    let users = &world.id.ports.users;
    let today = PasswordHash(format!("new:{PASSWORD}"));
    users.set_password(&ann.id, Some(&today), &old, None, world.now()).await.expect("kept");
    let wrong = world.people().sign_in.login(&visitor(), login("ann", "wrong")).await;
    assert_eq!(refused(wrong), "SignInFailed");
    assert_eq!(users.password(&ann.id).await.expect("there"), Some(old));
    let first = world.signed("ann").await;
    let kept = users.password(&ann.id).await.expect("there");
    assert_eq!(kept, Some(PasswordHash(format!("new:{PASSWORD}"))));
    assert!(world.with_token(&first).await.is_ok());
    assert_eq!(world.epoch(&ann.id), 0, "nothing was taken from anybody");
}

/// The password is changed while a sign-in with the old one, stored as `kept`, is being checked.
async fn changed_meanwhile(kept: &str) {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let users = &world.id.ports.users;
    let set = async |before: &str, new: &str, ends| {
        let (before, new) = (PasswordHash(before.to_owned()), PasswordHash(new.to_owned()));
        users.set_password(&ann.id, Some(&before), &new, ends, world.now()).await.expect("an answer")
    };
    assert!(set(&format!("new:{PASSWORD}"), kept, None).await);
    let gate = world.id.passwords.hold().await;
    let visitor = visitor();
    let (signed, ()) =
        futures::join!(world.people().sign_in.login(&visitor, login("ann", PASSWORD)), async {
            assert!(set(kept, "new:another password, just as long", Some(None)).await);
            drop(gate);
        });
    assert_eq!(refused(signed), "SignInFailed");
    assert!(world.sessions(&ann.id).await.is_empty());
    let now = users.password(&ann.id).await.expect("there");
    assert_eq!(now, Some(PasswordHash("new:another password, just as long".to_owned())), "{kept}");
    assert_eq!(world.audited("auth.login").await[0].record.outcome, AuditOutcome::Failure);
}

#[tokio::test]
async fn a_sign_in_under_way_does_not_undo_a_change_of_the_password() {
    changed_meanwhile(&format!("new:{PASSWORD}")).await;
    changed_meanwhile(&format!("old:{PASSWORD}")).await;
}

#[tokio::test]
async fn two_sign_ins_at_once_that_keep_a_password_anew_both_come_in() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let [old, new] = ["old", "new"].map(|rule| PasswordHash(format!("{rule}:{PASSWORD}")));
    world.id.ports.users.set_password(&ann.id, Some(&new), &old, None, world.now()).await.expect("kept");
    let (gate, visitor) = (world.id.passwords.hold().await, visitor());
    let sign_in = || world.people().sign_in.login(&visitor, login("ann", PASSWORD));
    let (one, two, ()) = futures::join!(sign_in(), sign_in(), async { drop(gate) });
    one.expect("in");
    two.expect("in");
    assert_eq!(world.sessions(&ann.id).await.len(), 2);
}

#[tokio::test]
async fn the_addresses_of_a_network_that_one_party_has_are_one() {
    let world = World::new().await;
    for n in 0..10 {
        let visitor = from(&format!("2001:db8:1:2::{n}"));
        let answer = world.people().sign_in.login(&visitor, login(&format!("nobody-{n}"), "wrong")).await;
        assert_eq!(refused(answer), "SignInFailed");
    }
    assert_eq!(world.id.observed.count(Observation::Suspicious), 1);
}

#[tokio::test]
async fn an_address_that_fails_too_often_is_told_of_once_an_hour() {
    let world = World::new().await;
    let fail = async |n: usize| {
        let request = login(&format!("nobody-{n}"), "wrong");
        let answer = world.people().sign_in.login(&from("203.0.113.9"), request).await;
        assert_eq!(refused(answer), "SignInFailed");
    };
    for n in 0..9 {
        fail(n).await;
    }
    assert_eq!(world.id.observed.count(Observation::Suspicious), 0);
    for n in 9..15 {
        fail(n).await;
    }
    assert_eq!(world.id.observed.count(Observation::Suspicious), 1);
    let records = world.audited("security.suspicious").await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].record.resource, "203.0.113.9");
    assert_eq!(records[0].record.detail, "{\"failures\":\"10\"}");
    world.test.clock.advance(61 * 60 * 1000);
    for n in 15..25 {
        fail(n).await;
    }
    assert_eq!(world.audited("security.suspicious").await.len(), 2);
}

#[tokio::test]
async fn without_the_database_nobody_signs_in_and_nothing_is_lost() {
    let world = World::new().await;
    world.person("ann").await;
    let signed = world.signed("ann").await;
    world.id.people.set_unavailable(true);
    let answer = world.people().sign_in.login(&visitor(), login("ann", PASSWORD)).await;
    assert_eq!(refused(answer), "IdentityUnavailable");
    let answer = world.people().sign_in.refresh(&visitor(), refresh(&signed.refresh)).await;
    assert_eq!(refused(answer), "IdentityUnavailable");
    world.with_token(&signed).await.expect("a valid token goes on without the database");
    world.id.people.set_unavailable(false);
    world.people().sign_in.refresh(&visitor(), refresh(&signed.refresh)).await.expect("as before");
}

#[tokio::test]
async fn forgetting_what_is_over_leaves_the_failures_that_count() {
    const MINUTE_MS: i64 = 60 * 1000;
    let world = World::new().await;
    world.person("ann").await;
    let ctx = world.ctx("ann").await;
    world.people().factors.begin(&ctx, Some(&PASSWORD.into())).await.expect("begun");
    let confirm = async || refused(world.people().factors.confirm(&ctx, &"1".into()).await);
    let tidy = async || world.people().upkeep.tidy().await.expect("tidies").attempts;
    for _ in 0..5 {
        assert_eq!(confirm().await, "Invalid");
    }
    world.test.clock.advance(10 * MINUTE_MS);
    for _ in 0..5 {
        let wrong = world.people().sign_in.login(&visitor(), login("ann", "wrong")).await;
        assert_eq!(refused(wrong), "SignInFailed");
    }
    world.test.clock.advance(1);
    assert_eq!(tidy().await, 0, "every failure is younger than the longest window");
    let sixth = world.people().sign_in.login(&visitor(), login("ann", PASSWORD)).await;
    assert_eq!(refused(sixth), "TooManyAttempts");
    assert_eq!(confirm().await, "Invalid");
    assert_eq!(confirm().await, "TooManyAttempts", "the failures of ten minutes ago count for the factor");
    world.test.clock.advance(24 * 60 * MINUTE_MS);
    tidy().await;
    world.test.clock.advance(1);
    tidy().await;
    assert_eq!(tidy().await, 0, "after the longest window nothing is left");
    world.signed("ann").await;
}
