//! What the compiler does not check: who depends on whom, which words appear where, how files look.

mod dependencies;
mod sources;
mod words;
