//! The contract of [`EpochOutbox`](crate::ports::identity::EpochOutbox): entries are returned until they are
//! removed.

use super::{Stores, at};
use crate::ports::identity::{UserChange, UserStatus};

/// Runs all checks of this port.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_oldest_first_until_done(&open().await).await;
    check_a_refused_change_leaves_nothing(&open().await).await;
}

async fn check_oldest_first_until_done(stores: &Stores) {
    let off = UserChange { status: Some(UserStatus::Deactivated), ..UserChange::default() };
    for name in ["c", "a", "b"] {
        let user = stores.person(name).await;
        stores.users.change(&user, &off, at(1)).await.expect("a change");
    }
    let pending = stores.outbox.pending(2).await.expect("entries");
    assert_eq!(pending.iter().map(|one| one.user.as_str()).collect::<Vec<_>>(), ["c", "a"]);
    assert_eq!(stores.outbox.pending(2).await.expect("entries"), pending, "reading takes nothing out");
    stores.outbox.done(&[pending[0].id]).await.expect("done");
    stores.outbox.done(&[pending[0].id]).await.expect("done twice does no harm");
    stores.outbox.done(&[]).await.expect("nothing done");
    let left = stores.outbox.pending(10).await.expect("entries");
    assert_eq!(left.iter().map(|one| one.user.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

async fn check_a_refused_change_leaves_nothing(stores: &Stores) {
    let root = stores.administrator("root").await;
    stores.drain().await;
    let off = UserChange { status: Some(UserStatus::Deactivated), ..UserChange::default() };
    super::refusal(stores.users.change(&root, &off, at(1)).await);
    stores.expect_raised("a change that was refused", &[]).await;
}
