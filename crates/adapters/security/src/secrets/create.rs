//! Creates the secrets of a new cluster.

use super::KEY_BYTES_MIN;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

const OWNER_ONLY: u32 = 0o600;
const OWNER_ONLY_FOLDER: u32 = 0o700;

/// Creates one secret of each kind in `folder`: `signing-1.pem`, `pepper-1.key` and `cluster-1.key`.
///
/// - A missing folder is created. The files are readable by their owner only.
/// - Every node of the cluster needs the same files.
/// - Fails before it writes anything if one of the files exists.
pub fn create_secrets(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(OWNER_ONLY_FOLDER).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let names = ["signing-1.pem", "pepper-1.key", "cluster-1.key"];
    if let Some(name) = names.into_iter().find(|name| folder.join(name).exists()) {
        let there = folder.join(name).display().to_string();
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, there));
    }
    create(&folder.join(names[0]), &signing_key()?)?;
    create(&folder.join(names[1]), &symmetric_key()?)?;
    create(&folder.join(names[2]), &symmetric_key()?)?;
    fs::File::open(folder)?.sync_all()
}

fn create(path: &Path, content: &str) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(OWNER_ONLY).open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

fn symmetric_key() -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES_MIN]);
    getrandom::fill(&mut *bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Zeroizing::new(STANDARD.encode(*bytes) + "\n"))
}

fn signing_key() -> io::Result<Zeroizing<String>> {
    let failed = |_| io::Error::other("no Ed25519 key could be made");
    // PKCS#8 version 1, which every tool reads.
    let der = Ed25519KeyPair::generate().map_err(failed)?.to_pkcs8v1().map_err(failed)?;
    let encoded = Zeroizing::new(STANDARD.encode(der.as_ref()));
    let mut pem = Zeroizing::new(String::from("-----BEGIN PRIVATE KEY-----\n"));
    for line in encoded.as_bytes().chunks(64) {
        pem.extend(line.iter().copied().map(char::from));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem)
}
