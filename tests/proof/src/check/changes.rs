//! Checks of each committed change: its document, its precondition, and what its writer had seen before.

use super::commits::Commits;
use super::report::{Findings, Rule};
use super::world::World;
use crate::event::Event;
use crate::operation::{Effect, Guard};
use crate::truth::Version;

pub(super) fn check(world: &World<'_>, commits: &Commits<'_>, findings: &mut Findings) {
    for (key, version, event) in commits.configs() {
        let Some(one) = world.version(key, version) else { continue };
        let before = world.before(key, one);
        let Some((guard, effect)) = event.operation.effect_on(key) else { continue };
        check_content(world, key, one, (event, effect), findings);
        if !holds(guard, before) {
            let was = before.map_or("nothing".to_owned(), |one| format!("{} {}", one.kind, one.version));
            findings.about(Rule::Precondition, event, format!("it became version {version} after {was}"));
        }
        if let (Guard::Version(_), Effect::Put(_, document)) = (guard, effect)
            && let Some(prev) = document.prev
            && before.and_then(Version::serial) != Some(prev)
        {
            let was = before.map_or("nothing", |one| one.message.as_str());
            let text = format!("its writer saw serial {prev} there, the truth has {was:?}");
            findings.about(Rule::Predecessor, event, text);
        }
    }
}

/// Whether a precondition holds on this newest version, which may be a deletion.
pub(super) fn holds(guard: Guard, newest: Option<&Version>) -> bool {
    let live = newest.filter(|one| one.is_live());
    match guard {
        Guard::Absent => live.is_none(),
        Guard::Present => live.is_some(),
        Guard::Version(version) => live.is_some_and(|one| one.version == version),
    }
}

fn check_content(
    world: &World<'_>,
    key: &str,
    one: &Version,
    (event, effect): (&Event, Effect<'_>),
    findings: &mut Findings,
) {
    let wrong = match (effect, &one.content) {
        (Effect::Put(_, document), Some(content)) => {
            let same = content.digest == document.digest && content.serial == Some(document.serial);
            let fits = one.kind != "rollback" && one.from.is_none();
            (!same || !fits).then(|| format!("the truth has a {} of another document", one.kind))
        }
        (Effect::Rollback(to), Some(content)) => {
            let source = world.version(key, to).filter(|source| source.revision < one.revision);
            let digest = source.and_then(|source| source.content.as_ref()).map(|content| &content.digest);
            if one.kind != "rollback" || one.from != Some(to) {
                Some(format!("the truth has a {} from {:?}", one.kind, one.from))
            } else if digest != Some(&content.digest) {
                Some(format!("its document is not that of version {to}"))
            } else {
                None
            }
        }
        (Effect::Delete, None) => None,
        (_, content) => Some(format!("the truth has a {} with {content:?}", one.kind)),
    };
    if let Some(wrong) = wrong {
        let text = format!("as version {} (revision {}): {wrong}", one.version, one.revision);
        findings.about(Rule::Content, event, text);
    }
}
