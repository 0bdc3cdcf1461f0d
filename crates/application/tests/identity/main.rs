//! The use cases on people, on fakes: who comes in, who may what, what is written down.

mod admission;
mod audit;
mod epochs;
mod external;
mod factors;
mod guesses;
mod members;
mod projector;
mod rights;
mod sessions;
mod world;
