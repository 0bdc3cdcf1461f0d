//! Encoding of commands and outcomes: a version byte, then `MessagePack` with field names. In the log, the
//! leader wraps a command in version 2: its own clock's time, then the version 1 bytes.
//!
//! Logs are read by all later releases. The fixtures beside the tests must always decode.

use super::row;
use bytes::Bytes;
use domain::{Command, Outcome, Stamped, Timestamp};
use std::io;

/// The newest command version that this release can apply.
pub const COMMAND_VERSION_MAX: u32 = 2;

/// The version of a command with the time of the leader.
const TAKEN_VERSION: u8 = 2;

/// Encodes a command for the log.
pub fn encode_command(command: &Stamped<Command>) -> io::Result<Vec<u8>> {
    row::encode(command)
}

/// Adds the leader's time `at` to an encoded command. Only this time counts when the command is applied, so
/// all commands of one leader have times of the same clock.
pub fn taken(command: &[u8], at: Timestamp) -> Bytes {
    let mut bytes = Vec::with_capacity(1 + size_of::<i64>() + command.len());
    bytes.push(TAKEN_VERSION);
    bytes.extend_from_slice(&at.0.to_be_bytes());
    bytes.extend_from_slice(command);
    bytes.into()
}

fn decode(bytes: &[u8]) -> io::Result<Stamped<Command>> {
    let Some((&TAKEN_VERSION, rest)) = bytes.split_first() else { return row::decode(bytes) };
    let (at, command) = rest.split_first_chunk::<8>().ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut stamped: Stamped<Command> = row::decode(command)?;
    stamped.at = Timestamp(i64::from_be_bytes(*at));
    Ok(stamped)
}

/// Decodes a command from the log. A failure means that the release is older than the cluster or that the log
/// is damaged; the node must stop.
pub fn decode_command(bytes: &[u8]) -> io::Result<Stamped<Command>> {
    decode(bytes).map_err(|error| {
        let message =
            format!("this program cannot understand a committed command ({error}); it must not go on");
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// Encodes an outcome for the proposer.
pub fn encode_outcome(outcome: &Outcome) -> io::Result<Vec<u8>> {
    row::encode(outcome)
}

/// Decodes an outcome.
pub fn decode_outcome(bytes: &[u8]) -> io::Result<Outcome> {
    row::decode(bytes)
}
