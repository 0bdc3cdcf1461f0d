//! adapter-raft
