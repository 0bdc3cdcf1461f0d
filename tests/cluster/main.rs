//! Fault tests: real processes are killed, paused, isolated, or started with a foreign disk or certificate,
//! while clients write and read and record the results.

mod chaos;
mod contention;
mod disk_full;
mod foreign;
mod hand_over;
mod ledger;
mod load;
mod members;
mod minority;
mod people;
mod power_loss;
mod race;
mod retention;
mod schema_race;
mod snapshot;
mod starvation;
mod watch;
