//! adapter-schema
