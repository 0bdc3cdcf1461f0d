//! The one cluster of this program: the first test starts it, and it ends with the program.

use e2e::{Options, Project, TestClient, TestCluster};
use tokio::sync::OnceCell;

/// After how long a watcher hears that nothing happened, in milliseconds.
pub const HEARTBEAT_MS: u64 = 1000;

static CLUSTER: OnceCell<TestCluster> = OnceCell::const_new();

/// The cluster.
pub async fn cluster() -> &'static TestCluster {
    let often = ("http.watch_heartbeat_ms".to_owned(), HEARTBEAT_MS.to_string());
    let options = Options { alone: false, settings: vec![often], ..Options::default() };
    CLUSTER.get_or_init(|| TestCluster::with(options)).await
}

/// The administrator at the first node.
pub async fn admin() -> TestClient {
    cluster().await.client(0)
}

/// The administrator at each node.
pub async fn everywhere() -> Vec<TestClient> {
    cluster().await.clients()
}

/// A new project.
pub async fn project() -> Project {
    Project::create(admin().await).await
}
