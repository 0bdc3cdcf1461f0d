//! `guardian server`: runs one node from settings to a clean stop.

use crate::cli::ServerArgs;
use crate::lifecycle::{StopSignals, exit_on_fatal, run_until_signal};
use crate::{parent, settings, wire};
use adapter_telemetry::init_tracing;
use anyhow::Context as _;
use rustix::process::{Resource, Rlimit};

/// Runs until a signal. Invalid settings fail before anything is opened or bound.
pub fn run(args: &ServerArgs) -> anyhow::Result<()> {
    let (file, overrides) = (args.settings.config.clone(), args.settings.overrides.clone());
    let mut settings = settings::load(&file, &overrides).with_context(|| file.display().to_string())?;
    if let Some(identity) = settings.identity.as_mut().filter(|_| args.no_migrate) {
        identity.migrate = false;
    }
    if let Some(pid) = args.die_with_parent {
        parent::die_with(pid)?;
    }
    // The data folder holds every document: files in it must be readable by the owner only.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    raise_open_files();
    use_small_pages();
    init_tracing(settings.log_format, &settings.log_filter)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads")?;
    runtime.block_on(async {
        let mut signals = StopSignals::listen_with_hang_up().context("signals cannot be received")?;
        let starting = wire::start(settings, exit_on_fatal());
        let server = tokio::select! {
            server = starting => server?,
            () = signals.next() => return Ok(()),
        };
        let reload = move || settings::load(&file, &overrides).map(|settings| settings.log_filter);
        run_until_signal(server, &mut signals, &reload).await
    })
}

/// Raises the limit of open files as far as the system permits, because every client needs one.
fn raise_open_files() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    // On failure the previous limit stays.
    let _ = rustix::process::setrlimit(Resource::Nofile, raised);
}

/// Disables huge pages. Ten thousand watchers use only the beginning of their buffers; with huge pages the
/// buffers would be fully resident, nearly twice as much memory.
fn use_small_pages() {
    // Fails on kernels without huge pages.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
