//! Registration of metrics in a registry.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// A metric could not be registered or rendered: a bug in this crate.
#[derive(Debug, thiserror::Error)]
#[error("the metrics are inconsistent")]
pub struct MetricsError(#[from] prometheus::Error);

pub(crate) type Made<T> = Result<T, MetricsError>;

fn keep<C: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<C>) -> Made<C> {
    let collector = made?;
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

pub(crate) fn counter(registry: &Registry, name: &str, help: &str) -> Made<IntCounter> {
    keep(registry, IntCounter::new(name, help))
}

pub(crate) fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Made<IntCounterVec> {
    keep(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

pub(crate) fn gauge(registry: &Registry, name: &str, help: &str) -> Made<IntGauge> {
    keep(registry, IntGauge::new(name, help))
}

pub(crate) fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Made<IntGaugeVec> {
    keep(registry, IntGaugeVec::new(Opts::new(name, help), labels))
}

pub(crate) fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Made<Histogram> {
    keep(registry, Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())))
}

pub(crate) fn histograms(
    registry: &Registry,
    name: &str,
    help: &str,
    buckets: &[f64],
    labels: &[&str],
) -> Made<HistogramVec> {
    keep(registry, HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels))
}

/// Sets a gauge; values above `i64::MAX` saturate.
pub(crate) fn set(gauge: &IntGauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}
