//! adapter-security
