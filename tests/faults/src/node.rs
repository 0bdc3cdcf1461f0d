//! A real `guardian server` process that scenarios kill, pause and restart.

use crate::nursery;
use crate::shell::run;
use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How a node is started.
#[derive(Debug)]
pub struct Birthplace {
    /// The name.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// The folder with its settings file, certificates and log.
    pub folder: PathBuf,
    /// The data folder.
    pub data: PathBuf,
    /// The URL for clients.
    pub url: String,
    /// Settings that override its file.
    pub settings: Vec<(String, String)>,
    /// The command prefix that enters its network namespace.
    pub enter: Vec<String>,
}

/// A node and its process, if it is running.
#[derive(Debug)]
pub struct Node {
    at: Birthplace,
    child: Mutex<Option<Child>>,
}

impl Node {
    /// A node that is not started.
    pub fn new(at: Birthplace) -> Self {
        Self { at, child: Mutex::new(None) }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.at.name
    }

    /// The URL for clients.
    pub fn url(&self) -> &str {
        &self.at.url
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.at.data
    }

    /// Starts the process without waiting for readiness.
    pub fn spawn(&self) -> anyhow::Result<()> {
        self.spawn_under(&[], &[])
    }

    /// Starts the process with a command prefix and additional environment variables.
    pub fn spawn_under(&self, under: &[String], env: &[(&str, String)]) -> anyhow::Result<()> {
        let mut child = self.child();
        if let Some(before) = child.as_mut() {
            match before.try_wait()? {
                Some(status) => bail!("{} has ended by itself: {status}", self.at.name),
                None => bail!("{} runs already", self.at.name),
            }
        }
        let program = self.at.program.to_str().context("paths are UTF-8")?.to_owned();
        let words: Vec<String> = self.at.enter.iter().chain(under).cloned().chain([program]).collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("server").arg("--config").arg(self.at.folder.join("guardian.toml"));
        command.arg("--die-with-parent").arg(std::process::id().to_string());
        let data = ("node.data_dir".to_owned(), self.at.data.to_string_lossy().into_owned());
        for (key, value) in self.at.settings.iter().chain([&data]) {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        let log = File::options().create(true).append(true).open(self.log())?;
        command.envs(env.iter().map(|(name, value)| (*name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        *child =
            Some(nursery::spawn(command).with_context(|| format!("{} cannot be started", self.at.name))?);
        Ok(())
    }

    /// Prepares the machine as a new member: new id, same addresses. Returns the request that adds it.
    pub async fn renew(&self, peer_addr: &str, api_url: &str) -> anyhow::Result<Value> {
        let home = self.at.folder.parent().context("the cluster's folder")?;
        let name = format!("{}-new", self.at.name);
        let member = format!("{name}={peer_addr}={api_url}");
        let cluster = home.to_str().context("paths are UTF-8")?;
        let program = self.at.program.to_str().context("paths are UTF-8")?;
        let args = ["add-member", "--cluster", cluster, "--member", &member, "--http-listen", "0.0.0.0"];
        let said = run(program, &args).await?;
        let body = said.lines().find(|line| line.starts_with('{')).context("it shows no request")?;
        let made = home.join(&name);
        fs::copy(made.join("guardian.toml"), self.at.folder.join("guardian.toml"))?;
        for file in ["ca.pem", "cert.pem", "key.pem"] {
            fs::copy(made.join("tls").join(file), self.at.folder.join("tls").join(file))?;
        }
        fs::remove_dir_all(made)?;
        Ok(serde_json::from_str(body)?)
    }

    /// Sends SIGKILL, also to a paused process. Nothing is flushed.
    pub fn kill(&self) -> anyhow::Result<()> {
        let mut held = self.child();
        if let Some(child) = held.as_mut() {
            if let Some(status) = child.try_wait()? {
                bail!("{} has ended by itself: {status}", self.at.name);
            }
            child.kill()?;
            child.wait()?;
            *held = None;
        }
        Ok(())
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let held = self.child();
        let child = held.as_ref().with_context(|| format!("{} does not run", self.at.name))?;
        kill_process(Pid::from_child(child), signal)
            .with_context(|| format!("{} cannot be signalled", self.at.name))
    }

    /// The id of the process.
    pub fn pid(&self) -> anyhow::Result<u32> {
        self.child().as_ref().map(Child::id).with_context(|| format!("{} does not run", self.at.name))
    }

    /// Waits until the process has ended by itself.
    pub async fn exited(&self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        let what = format!("{} ends", self.at.name);
        let status = crate::wait::until(&what, deadline, async || self.ended()).await?;
        *self.child() = None;
        Ok(status)
    }

    /// The exit status, if the process ended by itself.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child().as_mut()?.try_wait().ok().flatten()
    }

    /// Whether the process is running.
    pub fn is_up(&self) -> bool {
        self.child().is_some() && self.ended().is_none()
    }

    /// The path of its log.
    pub fn log(&self) -> PathBuf {
        self.at.folder.join("node.log")
    }

    /// The log of all its lives.
    pub fn log_text(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log()).unwrap_or_default()).into_owned()
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = self.child().as_mut() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
