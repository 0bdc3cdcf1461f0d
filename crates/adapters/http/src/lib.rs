//! The HTTP adapter: implements the contract of `openapi.yaml` with the use cases.
//!
//! - A handler extracts its input, calls one use case, and builds the response.
//! - `problem` maps every refusal to a problem document.
//! - `edge` is the middleware of every response.
//! - Every operation is registered together with its documentation.
//!
//! It does not know storage, consensus or TLS.

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
