//! A disk of its own for a node: a file system in a file, whose power can be cut.
//!
//! The journal is written every 300 s only, so what was not flushed is in memory alone. A copy of the
//! file is then exactly what a disk holds when the power goes.

use crate::network::PREFIX;
use crate::shell::{run, run_now, try_now};
use anyhow::Context as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

const OPTIONS: &str = "loop,commit=300,noatime";
const MIB: u64 = 1024 * 1024;
const BALLAST: &str = "ballast";

/// A mounted file system; unmounted when dropped. End what uses it first.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    mount: PathBuf,
}

impl Disk {
    /// Makes an empty one of this size, and mounts it.
    pub async fn create(folder: &Path, name: &str, mib: u64) -> anyhow::Result<Self> {
        let disk = Self {
            image: folder.join(format!("{PREFIX}-{name}.img")),
            mount: folder.join(format!("{PREFIX}-{name}")),
        };
        fs::create_dir_all(&disk.mount)?;
        File::create(&disk.image)?.set_len(mib * MIB)?;
        run("mkfs.ext4", &["-q", "-F", "-m", "0", text(&disk.image)?]).await?;
        disk.mount().await?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.mount
    }

    async fn mount(&self) -> anyhow::Result<()> {
        run("mount", &["-o", OPTIONS, text(&self.image)?, text(&self.mount)?]).await.map(drop)
    }

    /// Forgets everything that was not flushed. Nothing may use the disk any more.
    pub async fn cut_power(&self) -> anyhow::Result<()> {
        let copy = self.image.with_extension("cut");
        run("cp", &["--sparse=always", text(&self.image)?, text(&copy)?]).await?;
        run("umount", &[text(&self.mount)?]).await?;
        fs::rename(&copy, &self.image)?;
        self.mount().await
    }

    /// Writes until only about so many bytes are free.
    pub fn fill(&self, free: u64) -> anyhow::Result<()> {
        let mut file = File::create(self.mount.join(BALLAST))?;
        // Large pieces first, then what is left.
        for size in [1 << 20, 1 << 16, 1 << 12] {
            let piece = vec![0xA5; size];
            while file.write_all(&piece).is_ok() {}
        }
        let length = file.metadata()?.len();
        file.set_len(length.saturating_sub(free))?;
        // It may fail for want of space, which is the point.
        let _ = file.sync_all();
        Ok(())
    }

    /// Gives back what `fill` took, at once and not with the next journal entry.
    pub async fn relieve(&self) -> anyhow::Result<()> {
        fs::remove_file(self.mount.join(BALLAST)).context("the ballast is gone")?;
        run("sync", &["-f", text(&self.mount)?]).await.map(drop)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Ok(mount) = text(&self.mount)
            && run_now("umount", &[mount]).is_err()
        {
            try_now("umount", &["-l", mount]);
        }
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("paths are UTF-8")
}

/// Unmounts every image of ours that an earlier run left.
pub fn sweep() {
    for line in fs::read_to_string("/proc/mounts").unwrap_or_default().lines() {
        let mount = line.split(' ').nth(1).unwrap_or_default();
        let name = mount.rsplit('/').next().unwrap_or_default();
        if line.starts_with("/dev/loop") && name.starts_with(&format!("{PREFIX}-")) {
            try_now("umount", &["-l", mount]);
        }
    }
    for line in run_now("losetup", &["-a"]).unwrap_or_default().lines() {
        let ours = line.contains(&format!("/{PREFIX}-")) && line.contains(".img");
        if let (true, Some((device, _))) = (ours, line.split_once(':')) {
            try_now("losetup", &["-d", device]);
        }
    }
}
