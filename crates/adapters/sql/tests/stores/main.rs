//! Tests of the identity stores on a real PostgreSQL and on SQLite: the contract, and behaviour specific to
//! databases.

mod container;
mod contract;
mod opening;
mod outage;
mod places;
mod sharing;
mod tampering;
