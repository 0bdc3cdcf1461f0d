//! Fakes of all ports, an application on them, and the contract that they share with real adapters. Only for
//! tests; production code does not use this module.

mod archive;
mod clock;
pub mod contract;
pub mod identity;
#[cfg(feature = "testing")]
pub mod identity_contract;
mod ids;
mod keys;
mod node;
mod schemas;
mod signal;

pub use archive::MemoryArchive;
pub use clock::FixedClock;
pub use ids::SeededIds;
pub use keys::PlainKeys;
pub use node::{Fault, SingleNode};
pub use schemas::FakeSchemas;
pub use signal::Bell;

use crate::ports::{Clock, KeyMint};
use crate::{Application, Env, Ports, RequestContext};
use domain::{
    Actor, ApiKeyId, ClusterId, Command, KeyLabel, KeyRef, NewApiKey, Permission, RequestId, Stamped,
};
use std::sync::Arc;

/// The time at which every test starts: 2026-01-01T00:00:00Z, in milliseconds.
pub const EPOCH_MS: i64 = 1_767_225_600_000;

/// An application on fakes, with a bootstrapped cluster and its administrator key.
#[derive(Debug)]
pub struct TestApplication {
    /// The use cases.
    pub application: Application,
    /// The ports of the use cases, to build further services on.
    pub ports: Ports,
    /// The node with the replicated state.
    pub node: Arc<SingleNode>,
    /// The clock, which only the test advances.
    pub clock: Arc<FixedClock>,
    /// The secret of the administrator key, which has all permissions.
    pub admin_secret: String,
    /// The context of a request with that key.
    pub admin: RequestContext,
}

/// An application on [`FakeSchemas`].
pub fn application() -> TestApplication {
    application_with(Arc::new(FakeSchemas))
}

/// An application on the given schema engine and otherwise on fakes.
pub fn application_with(schemas: Arc<dyn crate::ports::SchemaEngine>) -> TestApplication {
    let node = Arc::new(SingleNode::new());
    let clock = Arc::new(FixedClock::new(EPOCH_MS));
    let keys = Arc::new(PlainKeys::default());
    let (admin_secret, key) = bootstrap(&node, &*clock, &*keys);
    let ports = Ports {
        consensus: node.clone(),
        state: node.clone(),
        schemas,
        keys,
        cluster: node.clone(),
        membership: node.clone(),
        env: Env { clock: clock.clone(), ids: Arc::new(SeededIds::new(1)) },
    };
    let application = Application::new(&ports);
    let admin = RequestContext::new(Actor::ApiKey(key), request_id("req-admin"));
    TestApplication { application, ports, node, clock, admin_secret, admin }
}

fn bootstrap(node: &SingleNode, clock: &dyn Clock, keys: &dyn KeyMint) -> (String, KeyRef) {
    let minted = keys.mint();
    let id = ApiKeyId::parse("ak-admin").expect("the constant is an id");
    let admin_key = NewApiKey {
        id: id.clone(),
        name: KeyLabel::parse("admin").expect("the constant is a label"),
        hash: minted.hash,
        prefix: minted.prefix,
        permissions: Permission::ALL.iter().copied().collect(),
        environments: None,
        key_prefixes: None,
        expires_at: None,
    };
    let cluster_id = ClusterId::parse("test").expect("the constant is an id");
    node.apply(&Stamped {
        command: Command::Bootstrap { cluster_id, admin_key },
        actor: Actor::System,
        request_id: request_id("req-bootstrap"),
        at: clock.now(),
        idempotency: None,
        person: None,
        provenance: domain::Provenance::default(),
    });
    (minted.secret, KeyRef { project: None, id })
}

fn request_id(text: &str) -> RequestId {
    RequestId::parse(text).expect("the constant is a request id")
}
