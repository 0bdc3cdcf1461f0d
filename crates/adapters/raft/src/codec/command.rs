//! Commands and outcomes as bytes: a version byte, then `MessagePack` with field names.
//!
//! What is written here is in logs for ever. The fixtures beside the tests must always decode.

use super::row;
use domain::{Command, Outcome, Stamped};
use std::io;

/// The newest form of commands that this program can apply.
pub const COMMAND_VERSION_MAX: u32 = 1;

/// Encodes a command for the log.
pub fn encode_command(command: &Stamped<Command>) -> io::Result<Vec<u8>> {
    row::encode(command)
}

/// Decodes a command from the log. A failure means that this program is older than the cluster or the
/// log is damaged; the node must stop rather than guess.
pub fn decode_command(bytes: &[u8]) -> io::Result<Stamped<Command>> {
    row::decode(bytes).map_err(|error| {
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
