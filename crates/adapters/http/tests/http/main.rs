//! The HTTP contract, in process: the real router and use cases on fakes of the world.

mod access;
mod bodies;
mod configs;
mod conformance;
mod documentation;
mod edge;
mod failures;
mod hardening;
mod lists;
mod members;
mod past;
mod patches;
mod preconditions;
mod projects;
mod schemas;
mod support;
mod watch;
