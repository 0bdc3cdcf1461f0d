//! Rows of the state and the archive as they are on disk and in snapshots: refused or read, and then stable.

use adapter_raft::codec::row;
use domain::{AuditEntry, ConfigRevision, Outcome, Row, SchemaRevision, State};
use fuzz::Target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

fn check_as<T: Serialize + DeserializeOwned + Debug + PartialEq>(bytes: &[u8]) -> Option<T> {
    let value: T = row::decode(bytes).ok()?;
    let written = row::encode(&value).expect("a row can be written");
    let again: T = row::decode(&written).expect("our own bytes");
    assert_eq!(again, value);
    assert_eq!(row::encode(&again).expect("it was before"), written, "writing is not stable");
    Some(value)
}

fn check(bytes: &[u8]) {
    check_as::<ConfigRevision>(bytes);
    check_as::<SchemaRevision>(bytes);
    check_as::<AuditEntry>(bytes);
    check_as::<Outcome>(bytes);
    if let Some(found) = check_as::<Row>(bytes) {
        // A state takes any row that can be read, and gives it back.
        let mut state = State::default();
        state.insert(found.clone());
        assert!(state.rows().any(|row| row == found), "{found:?} is lost");
    }
}

#[test]
fn rows() {
    Target::new("rows").check(check);
}
