//! SQL behind the ports of people: nothing yet.
