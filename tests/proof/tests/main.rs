//! The oracle proves itself: a correct model server gives no violation, each of its bugs gives the right
//! one, and so does each way to spoil a correct history.

mod account;
mod broken;
mod correct;
mod corrupt;
mod model;
mod run;
mod sealed;
mod text;
mod watches;
