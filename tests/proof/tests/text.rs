//! Readable text and JSON lines.

use crate::run::run;
use proof::{Event, Truth};

#[test]
fn histories_can_be_kept() {
    let run = run(1, 80, None);
    for event in &run.events {
        let again: Event = serde_json::from_str(&event.line()).expect("a line can be read again");
        assert_eq!(*event, again);
        assert_eq!(event.line().lines().count(), 1);
        assert_eq!(event.to_string().lines().count(), 1, "{event}");
    }
    let again: Truth = serde_json::from_str(&run.truth.line()).expect("a truth can be read again");
    assert_eq!(run.truth, again);
}
