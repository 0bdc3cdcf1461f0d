//! fakes (soon)
