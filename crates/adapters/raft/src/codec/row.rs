//! Encoding of rows of the state and the archive: a version byte, then `MessagePack` with field names.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;

/// The version that is written.
const ROW_VERSION: u8 = 1;

/// Encodes a row.
pub fn encode<T: Serialize>(row: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![ROW_VERSION];
    rmp_serde::encode::write_named(&mut bytes, row).map_err(io::Error::other)?;
    Ok(bytes)
}

/// Decodes a row; fails for unknown versions and malformed bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    match bytes.split_first() {
        Some((&ROW_VERSION, body)) => {
            rmp_serde::from_slice(body).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        }
        Some((version, _)) => Err(unknown(*version)),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "an empty row")),
    }
}

fn unknown(version: u8) -> io::Error {
    let message = format!("a row of format version {version}; this program reads version {ROW_VERSION}");
    io::Error::new(io::ErrorKind::InvalidData, message)
}
