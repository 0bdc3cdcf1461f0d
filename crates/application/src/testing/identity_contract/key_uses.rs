//! The contract of [`KeyUses`](crate::ports::identity::KeyUses).

use super::{Stores, at, project};
use domain::{ApiKeyId, KeyRef, Timestamp};

/// Runs all checks of this port.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_the_latest_use_stays(&open().await).await;
    check_projects_are_apart(&open().await).await;
    check_pruning(&open().await).await;
}

fn id(text: &str) -> ApiKeyId {
    ApiKeyId::parse(text).expect("an id")
}

fn key(of: &str, text: &str) -> KeyRef {
    KeyRef { project: (!of.is_empty()).then(|| project(of)), id: id(text) }
}

async fn last(stores: &Stores, of: &str) -> Vec<(String, Timestamp)> {
    let project = (!of.is_empty()).then(|| project(of));
    let found = stores.key_uses.last(project.as_ref(), &id("b"), &id("d")).await.expect("an answer");
    found.into_iter().map(|(id, at)| (id.to_string(), at)).collect()
}

async fn save(stores: &Stores, uses: &[(KeyRef, Timestamp)]) {
    stores.key_uses.save(uses).await.expect("uses can be saved");
}

async fn check_the_latest_use_stays(stores: &Stores) {
    let keys = ["a", "b", "c", "d", "e"].map(|id| key("shop", id));
    save(stores, &keys.clone().map(|key| (key, at(1000)))).await;
    let [_, b, c, ..] = keys;
    save(stores, &[(c, at(3000)), (b, at(500))]).await;
    let expected = [("b", at(1000)), ("c", at(3000)), ("d", at(1000))];
    assert_eq!(last(stores, "shop").await, expected.map(|(id, at)| (id.to_owned(), at)));
}

async fn check_projects_are_apart(stores: &Stores) {
    save(stores, &[(key("shop", "b"), at(1)), (key("", "c"), at(2))]).await;
    assert_eq!(last(stores, "shop").await, [("b".to_owned(), at(1))]);
    assert_eq!(last(stores, "").await, [("c".to_owned(), at(2))]);
    assert_eq!(last(stores, "other").await, []);
}

async fn check_pruning(stores: &Stores) {
    let uses = [("b", 1), ("c", 2), ("d", 3)];
    save(stores, &uses.map(|(id, ms)| (key("shop", id), at(ms)))).await;
    let prune = async |before| stores.key_uses.prune(before, 1).await.expect("they can be deleted");
    assert_eq!(prune(at(1)).await, 0);
    assert_eq!(prune(at(3)).await, 1);
    assert_eq!(prune(at(3)).await, 1);
    assert_eq!(prune(at(3)).await, 0);
    assert_eq!(last(stores, "shop").await, [("d".to_owned(), at(3))]);
}
