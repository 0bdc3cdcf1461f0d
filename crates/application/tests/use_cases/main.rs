//! Tests of the use cases on fakes: authorisation, checks, retries, lists.

mod access;
mod configs;
mod failures;
mod lists;
mod overtaken;
mod past;
mod patches;
mod ratchet;
mod references;
mod replays;
mod retention;
mod schemas;
mod transfer;
mod unchanged;
mod watch;
mod world;

use application::testing::{SingleNode, application, contract};

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    let node = SingleNode::new();
    contract::check_all(&node, &node).await;
}

#[tokio::test]
async fn the_contract_holds_beside_other_data() {
    let test = application();
    contract::check_all(&*test.node, &*test.node).await;
}
