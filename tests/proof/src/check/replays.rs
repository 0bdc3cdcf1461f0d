//! Idempotency keys: a retry is applied once, and every later response states the replay; another request
//! with the key is refused.

use super::commits::Commits;
use super::report::{Findings, Rule};
use super::time::Time;
use super::world::World;
use crate::event::{Event, Outcome};
use std::collections::BTreeMap;

/// The requests sent with one key.
struct Sent<'a> {
    events: Vec<&'a Event>,
    /// The changes by serial number (none for a single deletion) and revision.
    made: BTreeMap<(Option<u64>, u64), &'a Event>,
}

/// The requests of all keys.
pub(super) struct Replays<'a>(BTreeMap<u64, Sent<'a>>);

impl<'a> Replays<'a> {
    pub(super) fn new(events: &'a [Event], commits: &Commits<'_>) -> Self {
        let mut keys: BTreeMap<u64, Sent<'a>> = BTreeMap::new();
        for event in events {
            let Some(token) = event.token else { continue };
            let sent = keys.entry(token).or_insert(Sent { events: Vec::new(), made: BTreeMap::new() });
            sent.events.push(event);
            let promised = event.outcome.revision().filter(|_| event.outcome.is_acknowledged());
            for revision in promised.into_iter().chain(commits.revision(event)) {
                sent.made.entry((event.operation.serial(), revision)).or_insert(event);
            }
        }
        Self(keys)
    }

    /// The revision of this request's change, made by any attempt.
    pub(super) fn made(&self, event: &Event) -> Option<u64> {
        let sent = self.0.get(&event.token?)?;
        let own = |((serial, _), _): &(&(Option<u64>, u64), _)| *serial == event.operation.serial();
        sent.made.iter().find(own).map(|((_, revision), _)| *revision)
    }

    /// The revision of a change by another request with the key.
    fn made_by_another(&self, event: &Event) -> Option<u64> {
        let sent = self.0.get(&event.token?)?;
        let other = |((serial, _), _): &(&(Option<u64>, u64), _)| *serial != event.operation.serial();
        sent.made.iter().find(other).map(|((_, revision), _)| *revision)
    }

    pub(super) fn check(&self, world: &World<'_>, time: &Time<'_>, findings: &mut Findings) {
        for sent in self.0.values() {
            let mut made = sent.made.iter();
            if let (Some(((_, one), event)), Some(((_, two), other))) = (made.next(), made.next()) {
                let text = format!("the key did something at revision {one} and at revision {two}");
                findings.between(Rule::Replay, event, other, text);
            }
            for (at, event) in sent.events.iter().enumerate() {
                let same = |other: &&&Event| other.operation.serial() == event.operation.serial();
                let before = &sent.events[..at];
                let first = before.iter().filter(same).find(|other| other.outcome.is_acknowledged());
                if let Some(first) =
                    first.filter(|first| event.outcome.is_acknowledged() && first.outcome != event.outcome)
                {
                    findings.between(Rule::Replay, event, first, "it is answered otherwise than before");
                }
                let asked = before.iter().filter(same).any(|other| other.may_have_happened());
                if event.replayed && !asked {
                    findings.about(Rule::Replay, event, "it is answered again, and was not done before");
                }
                if let Some(wrong) = self.attempt(event, world, time) {
                    findings.about(Rule::Replay, event, wrong);
                }
            }
        }
    }

    /// The error in the response to one attempt, given the changes made with the key.
    fn attempt(&self, event: &Event, world: &World<'_>, time: &Time<'_>) -> Option<String> {
        let (floor, ceiling) = (time.floor(event), time.ceiling(event));
        let (own, other) = (self.made(event), self.made_by_another(event));
        let reused = "idempotency_key_reused";
        match &event.outcome {
            Outcome::Refused { code, .. } if code == reused => {
                let right = other.is_some_and(|made| made <= ceiling);
                (!right).then(|| "nothing else was done with the key".to_owned())
            }
            // The change was made, and its version is pruned.
            Outcome::Refused { code, .. } if code == "history_pruned" => {
                let made = own.filter(|made| *made <= ceiling);
                let gone = made.zip(event.operation.key()).is_some_and(|(made, key)| {
                    let version = world.newest(key, made).map(|one| one.version);
                    version.is_some_and(|version| version < world.oldest(key, ceiling))
                });
                (!gone).then(|| "what it made is kept, or it made nothing".to_owned())
            }
            Outcome::Refused { status: 503 | 507 | 408, .. } => None,
            Outcome::Refused { code, .. } => {
                let made = own.or(other).filter(|made| *made <= floor)?;
                let should = if own.is_some() { "the answer of then" } else { reused };
                Some(format!("the key was used up at revision {made}: {code} instead of {should}"))
            }
            outcome if outcome.is_acknowledged() => {
                let made = own.filter(|made| *made <= floor && !event.replayed);
                made.map(|made| format!("it was done at revision {made} already, and does not say so"))
            }
            _ => None,
        }
    }
}
