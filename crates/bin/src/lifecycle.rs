//! From the first signal to the exit code.

use crate::exit::{EXIT_FATAL, EXIT_INTERRUPTED};
use crate::wire::RunningServer;
use adapter_raft::log_store::OnFatal;
use std::error::Error;
use std::fmt;
use std::io;
use std::process::exit;
use std::sync::{Arc, Once};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl fmt::Debug for StopSignals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StopSignals")
    }
}

impl StopSignals {
    /// From now on these signals do not end the process by themselves.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves until a signal comes, then stops cleanly; a second signal ends the process at once.
pub async fn run_until_signal(server: RunningServer, signals: &mut StopSignals) -> anyhow::Result<()> {
    signals.next().await;
    tracing::info!("a signal came: the node stops");
    tokio::select! {
        stopped = server.stop() => {
            stopped?;
            tracing::info!("the node has stopped");
            Ok(())
        }
        () = signals.next() => {
            tracing::warn!("a second signal came: the node ends at once");
            exit(i32::from(EXIT_INTERRUPTED))
        }
    }
}

/// Says why the node must not go on, and ends the process: whatever it still did could be wrong.
pub fn exit_on_fatal() -> OnFatal {
    let first = Once::new();
    Arc::new(move |error| {
        // Other threads that come here wait until the process is gone.
        first.call_once(|| {
            tracing::error!(error = %Chain(&error), "the node must not go on");
            exit(i32::from(EXIT_FATAL))
        });
    })
}

/// An error with all its causes, on one line.
struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_causes_are_said() {
        let error = anyhow::anyhow!("the disk is full").context("the log cannot be written");
        let error = io::Error::other(error);
        assert_eq!(Chain(&error).to_string(), "the log cannot be written: the disk is full");
    }
}
