//! adapter-telemetry
