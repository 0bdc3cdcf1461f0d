//! Events of watchers: a correct sequence is accepted, and each modification is detected.

use crate::run::run;
use proof::{Changed, Rule, Told, Truth, Version, Watcher, check_watcher};

fn changed_of(key: &str, version: &Version) -> Changed {
    Changed {
        key: key.to_owned(),
        version: version.version,
        revision: version.revision,
        schema: version.schema.clone(),
        digest: version.content.as_ref().map(|content| content.digest.clone()),
    }
}

/// The correct events of a watcher of `prefix`: the initial state, the later changes, a final bookmark.
fn story(truth: &Truth, prefix: &str) -> Watcher {
    let mut watcher = Watcher::new(1, &truth.scene, prefix);
    let mut all: Vec<Changed> = Vec::new();
    let is_watched = |key: &str| key.contains(':') == prefix.contains(':') && key.starts_with(prefix);
    for (key, versions) in truth.keys.iter().filter(|(key, _)| is_watched(key)) {
        all.extend(versions.iter().map(|version| changed_of(key, version)));
    }
    all.sort_by_key(|changed| changed.revision);
    let is_last = |at: usize| all.get(at + 1).is_none_or(|next| next.revision != all[at].revision);
    let first = (all.len() / 3..all.len()).find(|at| is_last(*at)).expect("a revision ends");
    let (before, after) = all.split_at(first + 1);
    let begin = before.last().expect("there are changes").revision;
    let mut live: std::collections::BTreeMap<&str, &Changed> = std::collections::BTreeMap::new();
    for changed in before {
        live.insert(&changed.key, changed);
    }
    let items = live.into_values().filter(|changed| changed.digest.is_some()).cloned().collect();
    watcher.opened("n1");
    watcher.told.push(Told::Reset { revision: begin, items });
    let halfway = (after.len() / 2..after.len()).find(|n| is_last(first + n)).expect("a revision ends");
    for (n, changed) in after.iter().enumerate() {
        if n == halfway {
            let after = Some(after[n - 1].revision);
            watcher.told.push(Told::Opened { node: "n2".to_owned(), after });
        }
        let complete = is_last(first + 1 + n);
        watcher.told.push(Told::Change { changed: changed.clone(), complete });
    }
    watcher.told.push(Told::Bookmark { revision: truth.revision });
    watcher
}

/// Asserts that a modification of the correct sequence is detected.
fn found(spoil: impl Fn(&mut Vec<Told>)) {
    let truth = run(3, 100, None).truth;
    let mut watcher = story(&truth, "");
    spoil(&mut watcher.told);
    let violations = check_watcher(&watcher, &truth);
    assert!(!violations.is_empty(), "nothing was found");
    assert!(violations.iter().all(|violation| violation.rule == Rule::Watch), "{violations:?}");
}

/// The index of the first change after `from`.
fn change_after(told: &[Told], from: usize) -> usize {
    let is_change = |told: &Told| matches!(told, Told::Change { .. });
    told.iter().skip(from).position(is_change).expect("there is one") + from
}

#[test]
fn a_true_story_is_accepted() {
    for seed in 0..6 {
        let truth = run(seed, 100, None).truth;
        for prefix in ["", "hot.", "many.", "other:"] {
            assert_eq!(check_watcher(&story(&truth, prefix), &truth), [], "seed {seed}, {prefix:?}");
        }
    }
}

#[test]
fn a_revision_may_be_told_in_parts_and_again_from_its_beginning() {
    let mut truth = run(3, 100, None).truth;
    // Two changes at one revision: a copy of a key's last change under another key.
    let (key, versions) = truth.keys.iter().find(|(_, versions)| versions.len() > 5).expect("a busy key");
    let twin = (format!("{key}.twin"), vec![Version { version: 1, ..versions[versions.len() - 1].clone() }]);
    let revision = twin.1[0].revision;
    let second = changed_of(&twin.0, &twin.1[0]);
    truth.keys.insert(twin.0, twin.1);
    let story = story(&truth, "");
    let is_twice = |told: &Told| matches!(told, Told::Change { changed, .. } if changed.revision == revision);
    let at = story.told.iter().position(is_twice).expect("it is told");
    let spoilt = |spoil: &dyn Fn(&mut Vec<Told>)| {
        let mut watcher = story.clone();
        spoil(&mut watcher.told);
        check_watcher(&watcher, &truth)
    };
    assert_eq!(spoilt(&|_| {}), [], "the first without an id");
    let again = |told: &mut Vec<Told>| {
        let first = told[at].clone();
        let before = match &told[at - 1] {
            Told::Change { changed, .. } => changed.revision,
            Told::Reset { revision, .. } => *revision,
            other => panic!("{other:?}"),
        };
        told.insert(at + 1, Told::Opened { node: "n3".to_owned(), after: Some(before) });
        told.insert(at + 2, first);
    };
    assert_eq!(spoilt(&again), [], "the first again after a break");
    let cut = |told: &mut Vec<Told>| {
        told.retain(|told| !matches!(told, Told::Change { changed, .. } if *changed == second));
    };
    assert_ne!(spoilt(&cut), [], "the second never");
    let both = |told: &mut Vec<Told>| {
        if let Told::Change { complete, .. } = &mut told[at] {
            *complete = true;
        }
    };
    assert_ne!(spoilt(&both), [], "both complete the revision");
}

#[test]
fn a_change_that_is_left_out() {
    found(|told| {
        let at = change_after(told, 5);
        told.remove(at);
    });
}

#[test]
fn the_last_change_left_out() {
    found(|told| {
        told.remove(told.len() - 2);
    });
}

#[test]
fn a_change_that_comes_twice() {
    found(|told| {
        let at = change_after(told, 5);
        told.insert(at, told[at].clone());
    });
}

#[test]
fn a_change_that_comes_again_after_a_break() {
    found(|told| {
        let at =
            told.iter().skip(1).position(|told| matches!(told, Told::Opened { .. })).expect("a break") + 1;
        told.insert(at + 1, told[at - 1].clone());
    });
}

#[test]
fn changes_out_of_order() {
    found(|told| {
        let at = change_after(told, 8);
        told.swap(at - 1, at);
    });
}

#[test]
fn another_document() {
    found(|told| {
        let is_put =
            |told: &&mut Told| matches!(told, Told::Change { changed, .. } if changed.digest.is_some());
        let Some(Told::Change { changed, .. }) = told.iter_mut().find(is_put) else { panic!("a put") };
        changed.digest = Some("0".repeat(64));
    });
}

#[test]
fn a_state_without_a_key_and_one_of_another_revision() {
    found(|told| {
        let Told::Reset { items, .. } = &mut told[1] else { panic!("a reset") };
        items.pop();
    });
    found(|told| {
        let Told::Reset { items, .. } = &mut told[1] else { panic!("a reset") };
        items[0].version += 1;
    });
}

#[test]
fn a_bookmark_that_runs_ahead_or_goes_back() {
    for by in [-1_i64, 3] {
        found(|told| {
            let at = change_after(told, 8);
            let Told::Change { changed, .. } = &told[at] else { panic!("a change") };
            let revision = changed.revision.saturating_add_signed(by);
            told.insert(if by > 0 { at - 2 } else { at + 1 }, Told::Bookmark { revision });
        });
    }
}

#[test]
fn a_reset_that_nobody_needs_and_an_end_that_does_not_come() {
    found(|told| {
        let reset = told[1].clone();
        told.insert(4, reset);
    });
    found(|told| {
        told.pop();
        told.pop();
    });
}

#[test]
fn a_reset_because_what_was_missed_is_gone() {
    let mut truth = run(3, 100, None).truth;
    let story = story(&truth, "");
    let at = change_after(&story.told, 5);
    let again = |truth: &Truth| {
        let mut watcher = story.clone();
        let Told::Change { changed, .. } = &watcher.told[at] else { panic!("a change") };
        let (key, version, revision) = (changed.key.clone(), changed.version, truth.revision);
        let live = truth.keys.iter().filter(|(key, _)| !key.contains(':'));
        let live = live.filter_map(|(key, versions)| Some(changed_of(key, versions.last()?)));
        let items = live.filter(|changed| changed.digest.is_some()).collect();
        watcher.told.truncate(at);
        watcher.told.push(Told::Reset { revision, items });
        (check_watcher(&watcher, truth), key, version)
    };
    let (wrong, key, version) = again(&truth);
    assert!(wrong.iter().any(|wrong| wrong.text.contains("was forgotten")), "{wrong:?}");
    let (revision, oldest) = (truth.revision, version + 1);
    truth.pruned.insert(key, vec![proof::Pruned { revision, oldest }]);
    assert_eq!(again(&truth).0, []);
}

#[test]
fn events_are_read_as_they_are_sent() {
    let truth = run(3, 20, None).truth;
    let mut watcher = Watcher::new(1, &truth.scene, "");
    watcher.opened("n1");
    assert_eq!(watcher.resume(), None);
    watcher.hear("event: reset\nid: 7\ndata: {\"revision\":7,\"items\":[]}\n\n");
    let change = |id: &str, more: &str| {
        let data = r#"{"key":"a","version":1,"revision":8,"schema":null"#;
        format!("event: put\ndata: {data}{more}}}\n{id}\n")
    };
    watcher.hear(&change("", ",\"content\":1"));
    assert_eq!(watcher.resume(), Some(7), "a part of a revision is no resume point");
    watcher.hear(&change("id: 8\n", ",\"content\":1"));
    watcher.hear("event: bookmark\ndata: {\"revision\":9}\nid: 9\n\n");
    assert_eq!(watcher.resume(), Some(9));
    let kinds: Vec<bool> = watcher.told.iter().map(|told| matches!(told, Told::Odd { .. })).collect();
    assert_eq!(kinds, [false; 5]);
    for odd in [
        change("id: 8\n", ""),
        change("id: 7\n", ",\"content\":1"),
        "event: bookmark\ndata: {\"revision\":9}\nid: 10\n\n".to_owned(),
        "event: bookmark\ndata: {}\nid: 10\n\n".to_owned(),
        "event: surprise\ndata: {}\n\n".to_owned(),
        "event: put\ndata: {\n\n".to_owned(),
    ] {
        watcher.hear(&odd);
        assert!(matches!(watcher.told.last(), Some(Told::Odd { .. })), "{odd}");
    }
    watcher.forget();
    assert_eq!(watcher.resume(), None);
}
