//! Tests of recorded times, whatever the clocks of leaders say.

use super::*;

#[test]
fn recorded_times_never_go_back() {
    let mut state = State::default();
    accept(&mut state, create_project("p"));
    let id = config("p", "default", "a");
    let write = |state: &mut State, expected, at| {
        let command = by(Actor::System, put(&id, BindingChange::Keep, None, expected), at);
        state.apply(&command).committed.expect("accepted").at.0
    };
    assert_eq!(write(&mut state, Precondition::Absent, 90_000_000), 90_000_000);
    // A second leader, with a correct clock.
    assert_eq!(write(&mut state, Precondition::Present, 5000), 90_000_000);
    assert_eq!(state.config(&id).map(|config| config.updated_at), Some(Timestamp(90_000_000)));
    accept(&mut state, delete(&id));
    assert_eq!(write(&mut state, Precondition::Absent, 6000), 90_000_000);
    assert_eq!(state.config(&id).map(|config| config.created_at), Some(Timestamp(90_000_000)));
    assert_eq!(write(&mut state, Precondition::Present, 90_000_001), 90_000_001);
}

#[test]
fn one_wrong_clock_expires_nothing_for_good() {
    let mut state = State::default();
    accept(&mut state, create_project("p"));
    let key = crate::NewApiKey {
        id: crate::ApiKeyId::parse("k").expect("an id"),
        name: crate::KeyLabel::parse("k").expect("a label"),
        hash: crate::Digest::of(&[b"k"]),
        prefix: String::new(),
        permissions: crate::Permission::ALL.iter().copied().collect(),
        environments: None,
        key_prefixes: None,
        expires_at: Some(Timestamp(10_000)),
    };
    accept(&mut state, Command::CreateApiKey { project: Some(project("p")), key });
    let actor = Actor::ApiKey(crate::KeyRef {
        project: Some(project("p")),
        id: crate::ApiKeyId::parse("k").expect("an id"),
    });
    let write = |state: &mut State, key: &str, at| {
        let id = config("p", "default", key);
        let command = by(actor.clone(), put(&id, BindingChange::Keep, None, Precondition::Absent), at);
        matches!(state.apply(&command).outcome, Outcome::Accepted { .. })
    };
    // A leader whose clock is a day ahead commits one command of the system.
    state.apply(&by(Actor::System, create_project("q"), 90_000_000));
    assert!(write(&mut state, "a", 5000), "by the clock of this leader the key is good");
    assert!(!write(&mut state, "b", 10_000));
}
