//! One real `guardian server` process, which tests may kill, pause and start again.

use crate::binary::guardian;
use crate::{leaks, nursery, say, wait};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many lines of a log are shown when a test fails.
const LINES_SHOWN: usize = 60;

/// A node and its process, if it runs.
#[derive(Debug)]
pub struct Node {
    name: String,
    url: String,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    child: Mutex<Option<Child>>,
}

impl Node {
    /// A node with its files in `folder`, not started yet; `settings` win over its file.
    pub fn new(name: &str, url: &str, folder: &Path, settings: &[(String, String)]) -> Self {
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
            folder: folder.to_owned(),
            settings: settings.to_vec(),
            child: Mutex::new(None),
        }
    }

    /// What operators call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where clients reach it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its settings file, certificates and log.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it keeps.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Starts the process; whoever needs it ready waits for that.
    pub fn spawn(&self) {
        let mut child = self.child();
        assert!(child.is_none(), "{} runs already", self.name);
        *child = Some(self.another(&[]));
    }

    /// Starts another process on the same folder, with settings on top. The caller waits for its end.
    pub fn another(&self, settings: &[(&str, &str)]) -> Child {
        let log = File::options().create(true).append(true).open(self.log()).expect("the log can be opened");
        let mut command = Command::new(guardian());
        command.arg("server").arg("--config").arg(self.folder.join("guardian.toml"));
        command.arg("--die-with-parent").arg(std::process::id().to_string());
        let own = self.settings.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        for (key, value) in own.chain(settings.iter().copied()) {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        command.stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a file handle can be shared")).stderr(log);
        nursery::spawn(command).expect("the node's process can be started")
    }

    /// SIGKILL, also when it is paused. Nothing is flushed, nobody is told.
    pub fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            child.kill().expect("the process can be killed");
            child.wait().expect("the process ends");
        }
    }

    /// SIGTERM: asks for a clean stop. `exited` waits for it.
    pub fn term(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGSTOP: it keeps its sockets and answers nothing.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits until the process has ended by itself.
    pub async fn exited(&self, deadline: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name);
        let status = wait::until(&what, deadline, async || self.try_exited()).await;
        *self.child() = None;
        status
    }

    /// How the process ended, if it has.
    pub fn try_exited(&self) -> Option<ExitStatus> {
        self.child().as_mut()?.try_wait().expect("the process can be asked")
    }

    /// The id of its process, if it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    /// Whether it was started and not taken down since.
    pub fn is_up(&self) -> bool {
        self.child().is_some() && self.try_exited().is_none()
    }

    /// Everything it has logged, over all its lives.
    pub fn log_text(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log()).unwrap_or_default()).into_owned()
    }

    pub(crate) fn show_log(&self) {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        say(format_args!("---- {} at {}: {}", self.name, self.url, self.log().display()));
        for line in &lines[lines.len().saturating_sub(LINES_SHOWN)..] {
            say(line);
        }
    }

    fn log(&self) -> PathBuf {
        leaks::log_file(&self.folder)
    }

    fn signal(&self, signal: Signal) {
        let child = self.child();
        let child = child.as_ref().unwrap_or_else(|| panic!("{} does not run", self.name));
        kill_process(Pid::from_child(child), signal).expect("the process can be signalled");
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
