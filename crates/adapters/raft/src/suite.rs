//! openraft's storage test suite on the real log and the real state machine.

use crate::log_store::{LogStore, LogStoreConfig};
use crate::observe::Unobserved;
use crate::state_machine::StateMachine;
use crate::store::{RedbEngine, Store};
use crate::type_config::TypeConfig;
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use std::sync::Arc;
use tempfile::TempDir;

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, StateMachine, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError<TypeConfig>> {
        let dir = tempfile::tempdir().expect("a folder");
        let on_fatal: crate::log_store::OnFatal = Arc::new(|_| {});
        let log = LogStore::open(LogStoreConfig {
            dir: dir.path().join("log"),
            cluster_id: "suite".to_owned(),
            node_id: 1,
            on_fatal: on_fatal.clone(),
            observer: Arc::new(crate::observe::Unobserved),
        })
        .expect("a log");
        let engine = RedbEngine::open(&dir.path().join("state.redb")).expect("a file");
        let store = Arc::new(Store::open(Arc::new(engine)).expect("a store"));
        let machine = StateMachine::new(store, dir.path().join("snapshots"), Arc::new(Unobserved), on_fatal);
        Ok((dir, log, machine.expect("a folder")))
    }
}

#[tokio::test]
async fn openrafts_suite_passes_on_the_real_stores() {
    Suite::test_all(Builder).await.expect("the whole suite");
}
