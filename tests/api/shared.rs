//! The cluster that all tests of this program share. The first test starts it.

use domain::Digest;
use e2e::{Options, Project, TestClient, TestCluster};
use tokio::sync::OnceCell;

/// Heartbeat of watches, in milliseconds.
pub const HEARTBEAT_MS: u64 = 1000;

/// The token with which the first user becomes administrator.
pub const BOOTSTRAP_TOKEN: &str = "once-and-never-again-0123456789";

static CLUSTER: OnceCell<TestCluster> = OnceCell::const_new();

/// The cluster.
pub async fn cluster() -> &'static TestCluster {
    let often = ("http.watch_heartbeat_ms".to_owned(), HEARTBEAT_MS.to_string());
    let own = [
        ("identity.database", "sqlite:../people.db".to_owned()),
        ("identity.registration", "invitation".to_owned()),
        ("identity.bcrypt_cost", "10".to_owned()),
        ("identity.bootstrap_token_sha256", Digest::of(&[BOOTSTRAP_TOKEN.as_bytes()]).to_string()),
    ];
    // The most verbose log, so that a secret in it is found (scripts/leaks).
    let everything = ("log.filter".to_owned(), "debug,h2=info,openraft=info,chunked_wal=info".to_owned());
    let mut settings = vec![often, everything];
    settings.extend(own.map(|(key, value)| (key.to_owned(), value)));
    let options = Options { alone: false, settings, ..Options::default() };
    CLUSTER.get_or_init(|| TestCluster::with(options)).await
}

/// A client with the administrator key, at the first node.
pub async fn admin() -> TestClient {
    cluster().await.client(0)
}

/// Clients with the administrator key, at each node.
pub async fn everywhere() -> Vec<TestClient> {
    cluster().await.clients()
}

/// A new project.
pub async fn project() -> Project {
    Project::create(admin().await).await
}
