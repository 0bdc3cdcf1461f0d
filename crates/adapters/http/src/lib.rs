//! The HTTP face of Guardian: the contract of `openapi.yaml` on top of the use cases.
//!
//! Handlers are thin: extract, call one use case, answer. Every "no" becomes a problem document in
//! one place (`problem`), every answer passes one middleware (`edge`), and every operation is
//! registered together with its documentation. Knows nothing of storage, consensus or TLS.

mod answers;
mod compress;
mod cookie;
mod docs;
mod edge;
mod extract;
mod limit;
mod openapi;
mod outside;
mod page;
mod probes;
mod problem;
mod reply;
mod router;
mod strict;
mod target;
mod v1;

pub use answers::{AnswerHold, AnswerRules};
pub use edge::{AccessRecord, Answered, Asked, ProbesOnly};
pub use limit::{Limit, LimitRules};
pub use openapi::{openapi_json, openapi_yaml};
pub use outside::{EdgeRules, HttpObserver, LogControl, NodeLog, Outside, Probes, Readiness, WatchRules};
pub use router::router;
