//! Automatic pruning: by the project's retention, and near its quota.

use crate::world::*;
use application::ChangeProject;
use domain::limits::{HISTORY_ROW_BYTES, RETENTION_VERSIONS_DEFAULT};
use domain::{Past, Quotas, Retention, Version};

impl World {
    async fn set_bounds(&self, quotas: Quotas, retention: Option<Retention>) {
        let change =
            ChangeProject { name: project("p"), display_name: None, quotas: Some(quotas), retention };
        self.test.application.projects.change(&self.test.admin, change).await.expect("it may");
    }

    async fn prune_now(&self) -> u64 {
        self.test.application.housekeeping.prune().await.expect("it is pruned")
    }

    fn kept_past(&self) -> Past {
        self.test.node.state().usage(&project("p")).history
    }

    fn oldest_of(&self, key: &str) -> Version {
        self.test.node.state().oldest_kept(&config(key))
    }
}

#[tokio::test]
async fn a_project_without_a_retention_keeps_so_many_versions() {
    let world = World::new().await;
    for n in 0..RETENTION_VERSIONS_DEFAULT + 5 {
        world.put("a", &n.to_string()).await;
    }
    assert_eq!(world.prune_now().await, 5);
    assert_eq!(world.oldest_of("a"), Version(6));
    assert_eq!(world.prune_now().await, 0);
}

#[tokio::test]
async fn the_bytes_that_go_are_counted_exactly() {
    let world = World::new().await;
    let large = format!("\"{}\"", "x".repeat(998));
    world.put("a", &large).await;
    world.put("a", "1").await;
    world.put("a", "2").await;
    world.put("a", "3").await;
    assert_eq!(world.kept_past(), Past { versions: 3, bytes: 1002 + 3 * HISTORY_ROW_BYTES });
    let retention = Retention { versions: Some(3), age_ms: None };
    world.set_bounds(Quotas::default(), Some(retention)).await;
    assert_eq!(world.prune_now().await, 1);
    assert_eq!(world.kept_past(), Past { versions: 2, bytes: 2 + 2 * HISTORY_ROW_BYTES });
}

#[tokio::test]
async fn a_full_history_is_trimmed_unless_the_project_chose_what_it_keeps() {
    let world = World::new().await;
    let quotas = Quotas { history_versions: Some(40), ..Quotas::default() };
    world.set_bounds(quotas, Some(Retention { versions: Some(1000), age_ms: None })).await;
    for n in 0..31 {
        world.put("a", &n.to_string()).await;
    }
    assert_eq!((world.kept_past().versions, world.prune_now().await), (30, 0), "it chose to keep them");
    world.set_bounds(quotas, Some(Retention::default())).await;
    assert!(world.prune_now().await > 0);
    let kept = world.kept_past().versions;
    assert!((15..=21).contains(&kept), "{kept} of 40 are left");
    assert_eq!(world.prune_now().await, 0, "there is enough room now");
    // Writes never exhaust the quota.
    for n in 0..100 {
        world.put("a", &n.to_string()).await;
        world.prune_now().await;
    }
}
