//! Commands and outcomes as bytes: a version byte, then `MessagePack` with field names. The leader puts a
//! command into its log as the second version: the time by its own clock, then the first.
//!
//! What is written here is in logs for ever. The fixtures beside the tests must always decode.

use super::row;
use bytes::Bytes;
use domain::{Command, Outcome, Stamped, Timestamp};
use std::io;

/// The newest form of commands that this program can apply.
pub const COMMAND_VERSION_MAX: u32 = 2;

/// The form of a command that a leader took.
const TAKEN_VERSION: u8 = 2;

/// Encodes a command for the log.
pub fn encode_command(command: &Stamped<Command>) -> io::Result<Vec<u8>> {
    row::encode(command)
}

/// The command as taken by the leader at `at`, the only clock that counts when it is applied: all commands of
/// one leader are stamped alike, whichever node took the request.
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

/// Decodes a command from the log. A failure means that this program is older than the cluster or the
/// log is damaged; the node must stop rather than guess.
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
