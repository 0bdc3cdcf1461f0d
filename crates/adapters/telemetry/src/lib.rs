//! Logs and metrics. Does not know domain or application: callers pass numbers and fixed labels.

mod disk;
mod http;
mod metrics;
mod people;
mod raft;
mod register;
mod tracing_lines;
mod watch;

pub use disk::DiskGauges;
pub use http::{ROUTES_MAX, UNMATCHED_ROUTE};
pub use metrics::Metrics;
pub use people::PeopleGauges;
pub use raft::{RaftGauges, RaftState};
pub use register::MetricsError;
pub use tracing_lines::{
    LogFormat, TracingError, UnknownLogFormat, check_log_filter, init_tracing, log_filter, set_log_filter,
};
