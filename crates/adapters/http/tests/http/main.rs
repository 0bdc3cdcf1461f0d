//! The HTTP contract, in process: the real router and use cases on fakes of the world.

mod access;
mod authz_cases;
mod authz_matrix;
mod bodies;
mod browsers;
mod configs;
mod conformance;
mod documentation;
mod edge;
mod exports;
mod failures;
mod hardening;
mod imports;
mod lists;
mod members;
mod origins;
mod past;
mod patches;
mod people;
mod preconditions;
mod projects;
mod schemas;
mod signing_out;
mod strangers;
mod support;
mod watch;
