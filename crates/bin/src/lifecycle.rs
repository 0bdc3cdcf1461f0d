//! Signals, stop and exit code.

use crate::exit::{EXIT_FATAL, EXIT_INTERRUPTED};
use crate::settings::SettingsError;
use crate::wire::RunningServer;
use adapter_raft::log_store::OnFatal;
use adapter_telemetry::set_log_filter;
use std::error::Error;
use std::fmt;
use std::io;
use std::process::exit;
use std::sync::{Arc, Once};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, which stop the node, and optionally SIGHUP.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Option<Signal>,
}

impl fmt::Debug for StopSignals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StopSignals")
    }
}

impl StopSignals {
    /// Installs handlers for SIGTERM and SIGINT; they no longer end the process by default.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: None,
        })
    }

    /// As [`Self::listen`], also for SIGHUP, which reloads the log filter.
    pub fn listen_with_hang_up() -> io::Result<Self> {
        Ok(Self { hang_up: Some(signal(SignalKind::hangup())?), ..Self::listen()? })
    }

    /// Waits for SIGTERM or SIGINT.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves until SIGTERM or SIGINT, then stops cleanly; a second signal ends the process at once.
///
/// SIGHUP reloads the log filter from `log_filter`.
pub async fn run_until_signal(
    server: RunningServer,
    signals: &mut StopSignals,
    log_filter: &(dyn Fn() -> Result<String, SettingsError> + Sync),
) -> anyhow::Result<()> {
    loop {
        let StopSignals { terminate, interrupt, hang_up } = signals;
        let hung_up = async {
            match hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hung_up => set_filter(log_filter),
        }
    }
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

fn set_filter(log_filter: &(dyn Fn() -> Result<String, SettingsError> + Sync)) {
    match log_filter() {
        Ok(filter) => match set_log_filter(&filter) {
            Ok(()) => tracing::info!(filter, "SIGHUP: this is logged from now on"),
            Err(error) => tracing::warn!(%error, "SIGHUP: what is logged stays as it is"),
        },
        Err(error) => tracing::warn!(%error, "SIGHUP: what is logged stays as it is"),
    }
}

/// Returns the handler of fatal errors: logs the error and ends the process with `EXIT_FATAL`.
pub fn exit_on_fatal() -> OnFatal {
    let first = Once::new();
    Arc::new(move |error| {
        // Other threads block here until the process has ended.
        first.call_once(|| {
            tracing::error!(error = %Chain(&error), "the node must not go on");
            exit(i32::from(EXIT_FATAL))
        });
    })
}

/// Formats an error with all its causes in one line.
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
