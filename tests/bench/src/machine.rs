//! What the numbers depend on besides the two systems: cores, kernel, file system, and what a flush costs.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::document::BYTES;

const PROBE: Duration = Duration::from_secs(1);

/// The facts of the header.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    pub cores: usize,
    pub cpu: String,
    pub kernel: String,
    pub filesystem: String,
    /// Median of a 256-byte append and `fdatasync`.
    pub fdatasync_p50_us: u64,
    pub fdatasync_p99_us: u64,
}

impl Machine {
    /// Looks at this machine, and at the disk under `folder`. Takes a second.
    pub fn look(folder: &Path) -> Result<Self> {
        let flush = fdatasync(folder)?;
        let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
        let cpu = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            cpu: cpu.map_or("unknown", |(_, name)| name).to_owned(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            filesystem: filesystem(folder)?,
            fdatasync_p50_us: flush.value_at_quantile(0.5),
            fdatasync_p99_us: flush.value_at_quantile(0.99),
        })
    }
}

fn fdatasync(folder: &Path) -> Result<Histogram<u64>> {
    let path = folder.join("fdatasync-probe");
    let mut file = OpenOptions::new().create(true).append(true).open(&path).context("open the probe file")?;
    let mut latency_us = Histogram::<u64>::new(3)?;
    let end = Instant::now() + PROBE;
    while Instant::now() < end {
        let started = Instant::now();
        file.write_all(&[b'x'; BYTES])?;
        file.sync_data()?;
        latency_us.record(u64::try_from(started.elapsed().as_micros())?)?;
    }
    fs::remove_file(path)?;
    Ok(latency_us)
}

/// Type of the file system that holds `folder`: the mount with the longest matching path.
fn filesystem(folder: &Path) -> Result<String> {
    let folder = folder.canonicalize()?;
    let mounts = fs::read_to_string("/proc/mounts")?;
    let kind = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some((fields.next()?, fields.next()?))
        })
        .filter(|(point, _)| folder.starts_with(point))
        .max_by_key(|(point, _)| point.len())
        .map(|(_, kind)| kind.to_owned());
    kind.context("no mount holds the data folder")
}
