//! A cache of users' rights, for access tokens whose rights are too old or were too long for the token.

use domain::{Epoch, Person, Timestamp, UserId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most users in the cache. The constant below limits their grants in total.
pub(super) const REMEMBERED_MAX: usize = 10_000;
const GRANTS_REMEMBERED_MAX: usize = 200_000;

/// The time at which the rights were resolved, and the rights.
type Found = (Timestamp, Arc<Person>);

#[derive(Debug, Default)]
pub(super) struct GrantCache(Mutex<HashMap<(UserId, Epoch), Found>>);

impl GrantCache {
    /// The rights that were resolved for this epoch after `since`.
    pub(super) fn get(&self, user: &UserId, epoch: Epoch, since: Timestamp) -> Option<Arc<Person>> {
        let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (found_at, person) = cache.get(&(user.clone(), epoch))?;
        (*found_at > since).then(|| person.clone())
    }

    /// Stores rights that were resolved at the time `at`. If the cache is full, removes entries older than
    /// `since`, and then all if necessary.
    pub(super) fn put(&self, user: UserId, person: Arc<Person>, at: Timestamp, since: Timestamp) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |cache: &HashMap<(UserId, Epoch), Found>| {
            let grants: usize = cache.values().map(|(_, person)| person.grants.len()).sum();
            cache.len() >= REMEMBERED_MAX || grants + person.grants.len() > GRANTS_REMEMBERED_MAX
        };
        if is_full(&cache) {
            cache.retain(|_, (found_at, _)| *found_at > since);
        }
        if is_full(&cache) {
            cache.clear();
        }
        cache.insert((user, person.epoch), (at, person));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Grant, RoleName};

    #[test]
    fn it_never_grows_beyond_its_bound() {
        let cache = GrantCache::default();
        for n in 0..=REMEMBERED_MAX {
            let user = UserId::parse(&format!("u{n}")).expect("an id");
            cache.put(user, Arc::new(Person::default()), Timestamp(1), Timestamp(0));
        }
        assert!(cache.0.lock().expect("whole").len() <= REMEMBERED_MAX);
        let last = UserId::parse(&format!("u{REMEMBERED_MAX}")).expect("an id");
        assert!(cache.get(&last, Epoch(0), Timestamp(0)).is_some());
        assert!(cache.get(&last, Epoch(1), Timestamp(0)).is_none(), "found at another epoch");
        assert!(cache.get(&last, Epoch(0), Timestamp(1)).is_none(), "too old");
        let grant = Grant {
            role: RoleName::parse("viewer").expect("a name"),
            permissions: [].into(),
            project: None,
            environments: None,
            key_prefixes: None,
        };
        let person = Arc::new(Person { epoch: Epoch(0), grants: vec![grant; 2000], as_of: None });
        for n in 0..101 {
            let user = UserId::parse(&format!("many{n}")).expect("an id");
            cache.put(user, person.clone(), Timestamp(1), Timestamp(0));
        }
        assert_eq!(cache.0.lock().expect("whole").len(), 1, "a hundred of those are all that it takes");
    }
}
