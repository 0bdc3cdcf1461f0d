//! E-mail addresses in bulk.

use super::MemoryPeople;
use crate::ports::identity::{Emails, IdentityError, Place, Subject, VisibleEmails};
use async_trait::async_trait;
use domain::{Email, UserId};
use std::collections::{BTreeMap, BTreeSet};

#[async_trait]
impl Emails for MemoryPeople {
    async fn emails(
        &self,
        users: &BTreeSet<UserId>,
        visible: &VisibleEmails,
    ) -> Result<BTreeMap<UserId, Email>, IdentityError> {
        self.read(|tables| {
            let shown = |place: &Place| match place {
                Place::Platform => visible.members,
                Place::Project(project) => visible.members || visible.project.as_ref() == Some(project),
                Place::Organisation(_) => visible.organisations,
            };
            let is_visible = |id: &&UserId| {
                let subject = Subject::User((*id).clone());
                visible.everybody
                    || visible.own.as_ref() == Some(*id)
                    || tables.bindings.keys().any(|(place, one)| *one == subject && shown(place))
            };
            let found = users.iter().filter(is_visible).filter_map(|id| tables.users.get(id));
            found.map(|(user, _)| (user.id.clone(), user.email.clone())).collect()
        })
    }
}
