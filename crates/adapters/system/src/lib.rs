//! adapter-system
