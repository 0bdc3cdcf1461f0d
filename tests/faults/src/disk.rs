//! A separate disk for a node: a file system in an image file, with simulated power cuts.
//!
//! The journal is written only every 300 s, so unflushed data is only in memory. A copy of the image is
//! therefore what a disk contains after a power cut.

use crate::network::PREFIX;
use crate::shell::{run, run_now, try_now};
use anyhow::Context as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

const OPTIONS: &str = "loop,commit=300,noatime";
const MIB: u64 = 1024 * 1024;
const BALLAST: &str = "ballast";

/// A mounted file system, unmounted on drop. Its users must end first.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    mount: PathBuf,
}

impl Disk {
    /// Creates an empty disk of this size and mounts it.
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

    /// The mount point.
    pub fn path(&self) -> &Path {
        &self.mount
    }

    async fn mount(&self) -> anyhow::Result<()> {
        run("mount", &["-o", OPTIONS, text(&self.image)?, text(&self.mount)?]).await.map(drop)
    }

    /// Discards everything that was not flushed. Nothing may be using the disk.
    pub async fn cut_power(&self) -> anyhow::Result<()> {
        let copy = self.image.with_extension("cut");
        run("cp", &["--sparse=always", text(&self.image)?, text(&copy)?]).await?;
        run("umount", &[text(&self.mount)?]).await?;
        fs::rename(&copy, &self.image)?;
        self.mount().await
    }

    /// Fills the disk until about `free` bytes are free.
    pub fn fill(&self, free: u64) -> anyhow::Result<()> {
        let mut file = File::create(self.mount.join(BALLAST))?;
        // Large pieces first, then the rest.
        for size in [1 << 20, 1 << 16, 1 << 12] {
            let piece = vec![0xA5; size];
            while file.write_all(&piece).is_ok() {}
        }
        let length = file.metadata()?.len();
        file.set_len(length.saturating_sub(free))?;
        // May fail because the disk is full, which is intended.
        let _ = file.sync_all();
        Ok(())
    }

    /// Frees the space that `fill` used, at once and not with the next journal write.
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

/// Unmounts the disks that an earlier run left.
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
