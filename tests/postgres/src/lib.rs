//! A real PostgreSQL server for tests: Debian's, in a folder of its own on a free port of this machine.
//!
//! With `TEST_DATABASE_URL` set, that server is used instead; its user must be allowed to create databases. One
//! server serves all tests of a process, each with databases of its own. However the process ends, the server
//! ends with it and its folder goes: a small shell beside it waits for the end of a pipe that only this process
//! holds.

#[cfg(feature = "container")]
pub mod container;
mod programs;

use programs::{Owner, binaries, run};
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longest time for a server to start or to stop.
const START_LIMIT: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(50);
/// How often a start is tried when somebody else was faster to take the port.
const START_TRIES: u32 = 5;
/// How often a database is tried to be made whose template is in use just then.
const CREATE_TRIES: u32 = 100;

/// Runs the server `$1` on the folder `$2` and the port `$3` until the input ends or says `keep`; without that
/// word the folder `$4` goes too.
const SUPERVISOR: &str = r#"
"$1" -D "$2" -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off \
    -c max_connections=300 -c shared_buffers=32MB </dev/null >>"$4/log" 2>&1 &
read -r word || word=remove
kill -QUIT $! 2>/dev/null
wait $!
[ "$word" = keep ] || rm -rf "$4"
"#;

/// A server. Dropping one that was started stops it.
#[derive(Debug)]
pub struct Server {
    /// The address without the name of a database, for `psql` and for the tests.
    base: String,
    /// What comes after the name of the database, with its `?`.
    parameters: String,
    /// The server that was started here.
    own: Option<Own>,
    made: AtomicU32,
    templates: Mutex<Vec<String>>,
}

#[derive(Debug)]
struct Own {
    folder: PathBuf,
    port: u16,
    owner: Option<Owner>,
    supervisor: Mutex<Option<Child>>,
}

impl Server {
    /// The server that all tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var("TEST_DATABASE_URL") {
            Ok(url) if !url.is_empty() => Self::existing(&url),
            _ => Self::start(),
        })
    }

    fn existing(url: &str) -> Self {
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        let authority = address.find("://").map_or(0, |at| at + 3);
        let end = address[authority..].find('/').map_or(address.len(), |at| authority + at);
        let parameters = if parameters.is_empty() { String::new() } else { format!("?{parameters}") };
        Self::new(address[..end].to_owned(), parameters, None)
    }

    fn new(base: String, parameters: String, own: Option<Own>) -> Self {
        Self { base, parameters, own, made: AtomicU32::new(0), templates: Mutex::default() }
    }

    /// Starts a server for one test alone, which may stop it.
    pub fn start() -> Self {
        let owner = Owner::needed();
        let folder = tempfile::Builder::new()
            .prefix("guardian-postgres-")
            .tempdir()
            .expect("a temporary folder can be made")
            .keep();
        if let Some(owner) = owner {
            chown(&folder, Some(owner.user), Some(owner.group)).expect("root may give a folder away");
        }
        let data = folder.join("data");
        let mut initdb = programs::command(&binaries().join("initdb"), owner);
        initdb.args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
            "--locale=C.UTF-8",
        ]);
        run(initdb.arg("--pgdata").arg(&data));
        for attempt in 1.. {
            let port = free_port();
            let own = Own { folder: folder.clone(), port, owner, supervisor: Mutex::new(None) };
            if own.run() {
                let base = format!("postgres://postgres@127.0.0.1:{port}");
                return Self::new(base, "?sslmode=disable".into(), Some(own));
            }
            assert!(attempt < START_TRIES, "PostgreSQL does not start: {}", own.log());
        }
        unreachable!("the loop ends by returning or by its assertion")
    }

    /// The address of a database on this server.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}{}", self.base, self.parameters)
    }

    /// The address of a new, empty database.
    pub fn empty(&self) -> String {
        let name = self.next_name();
        self.create(&name, "template0");
        self.url(&name)
    }

    /// The address of a new database that is a copy of the template `name`. What the template holds is made by
    /// `prepare`, once, in the database at the address that it is given; it must leave no connection open.
    pub fn copy_of(&self, name: &str, prepare: impl FnOnce(&str)) -> String {
        let template = format!("guardian_template_{}_{name}", std::process::id());
        {
            let mut templates = self.templates.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if !templates.contains(&template) {
                self.create(&template, "template0");
                prepare(&self.url(&template));
                templates.push(template.clone());
            }
        }
        let copy = self.next_name();
        self.create(&copy, &template);
        self.url(&copy)
    }

    fn next_name(&self) -> String {
        format!("guardian_test_{}_{}", std::process::id(), self.made.fetch_add(1, Ordering::Relaxed))
    }

    fn create(&self, name: &str, template: &str) {
        let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
        for attempt in 1.. {
            let output = self.psql(&create);
            if output.status.success() {
                return;
            }
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            let busy = error.contains("being accessed by other users");
            assert!(busy && attempt < CREATE_TRIES, "{create}: {error}");
            sleep(PAUSE);
        }
    }

    fn psql(&self, statement: &str) -> std::process::Output {
        let maintenance = self.url("postgres");
        Command::new("psql")
            .args(["--no-psqlrc", "--quiet", "--command", statement, &maintenance])
            .output()
            .expect("psql can be run")
    }

    /// Stops the server at once, as in a crash; what it holds stays. Only of one that was started here.
    pub fn stop(&self) {
        self.own.as_ref().expect("only a server of one's own is stopped").stop("keep\n");
    }

    /// Starts a server again that was stopped, at the same address.
    pub fn resume(&self) {
        let own = self.own.as_ref().expect("only a server of one's own is stopped");
        assert!(own.run(), "PostgreSQL does not start again: {}", own.log());
    }
}

impl Own {
    /// Starts the server; false when it ends instead of answering.
    fn run(&self) -> bool {
        let mut supervisor = programs::command("/bin/sh".as_ref(), self.owner);
        supervisor.args(["-c", SUPERVISOR, "postgres-supervisor"]);
        supervisor.arg(binaries().join("postgres")).arg(self.folder.join("data"));
        supervisor.arg(self.port.to_string()).arg(&self.folder);
        // In a group of its own, so that an interrupt of the tests does not reach the shell before its work.
        supervisor.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let child = supervisor.spawn().expect("a shell can be run");
        *self.supervisor.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(child);
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            let mut ready = Command::new(binaries().join("pg_isready"));
            ready.args(["--quiet", "--host=127.0.0.1", "--port", &self.port.to_string()]);
            if ready.status().is_ok_and(|status| status.success()) && self.is_ours() {
                return true;
            }
            if self.log().contains("could not bind") || self.log().contains("FATAL:  lock file") {
                break;
            }
            sleep(PAUSE);
        }
        self.stop("keep\n");
        false
    }

    /// Whether the server that answers is the one of this folder, not one that took the port before.
    fn is_ours(&self) -> bool {
        let lines = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        lines.lines().nth(3) == Some(self.port.to_string().as_str()) && lines.contains("ready")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn stop(&self, word: &str) {
        let mut held = self.supervisor.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(mut child) = held.take() {
            if let Some(mut input) = child.stdin.take() {
                // A shell that is gone already has nothing left to do.
                input.write_all(word.as_bytes()).ok();
            }
            child.wait().ok();
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let running = self.supervisor.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).is_some();
        self.stop("remove\n");
        if !running {
            fs::remove_dir_all(&self.folder).ok();
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}
