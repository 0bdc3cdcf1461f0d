//! The contract of the stores of people on a real PostgreSQL and on SQLite files, and what is particular to
//! databases.

mod container;
mod contract;
mod opening;
mod outage;
mod places;
mod sharing;
mod tampering;
