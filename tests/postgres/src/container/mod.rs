//! PostgreSQL in a container, where a Docker engine can run one.
//!
//! Whether there is one is for the machine to say, so a test asks and goes without: [`Container::start`] says on the
//! standard error why there is none, and fails only with `GUARDIAN_REQUIRE_DOCKER=1`. A container goes with its
//! value, in a panic too. One whose process was killed ends by itself, and the next start removes it.

mod image;

use crate::{Server, free_port};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use testcontainers::bollard::Docker;
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
};
use testcontainers::core::client::docker_client_instance;
use testcontainers::core::{IntoContainerPort, Mount};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt};
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

/// Longest time for everything until the server answers.
const PREPARE_LIMIT: Duration = Duration::from_secs(40);
/// How long an engine may take to say that it is there.
const ENGINE_LIMIT: Duration = Duration::from_secs(5);
/// How long a server may take to answer, once its container runs.
const READY_LIMIT: Duration = Duration::from_secs(20);
/// How long a container runs at most, in seconds: its test is gone then.
const LIFETIME_SECONDS: u32 = 600;
const PAUSE: Duration = Duration::from_millis(50);
/// How often a start is tried when somebody else was faster to take the port.
const START_TRIES: u32 = 5;
const PORT: u16 = 5432;
/// On every container of ours, with a name of its own as its value.
const LABEL: &str = "guardian.postgres-fixture";

/// Where a server has its data.
#[derive(Clone, Copy, Debug)]
pub enum Data {
    /// In memory: fast to make many databases in, and gone when the server is stopped.
    Memory,
    /// In the container, for as long as that is there.
    Container,
}

impl Data {
    fn put(self, request: ContainerRequest<GenericImage>) -> ContainerRequest<GenericImage> {
        match self {
            Self::Memory => {
                let folder = Mount::tmpfs_mount("/memory");
                request.with_mount(folder).with_env_var("PGDATA", "/memory/data")
            }
            Self::Container => request,
        }
    }
}

/// A server in a container. Dropping it removes the container.
#[derive(Debug)]
pub struct Container {
    server: Server,
    container: ContainerAsync<GenericImage>,
}

impl Container {
    /// Starts a server for one test alone; `None` where no engine can run one. A server that ends in its container is
    /// a failure.
    pub async fn start(data: Data) -> Option<Self> {
        let name = random();
        let started = timeout(PREPARE_LIMIT, Self::prepare(&name, data)).await;
        let why = match started.unwrap_or_else(|_| Err(format!("it took more than {PREPARE_LIMIT:?}"))) {
            Ok(container) => return Some(container),
            Err(why) => why,
        };
        if let Ok(docker) = docker_client_instance().await {
            // What cannot be removed now is removed by a later start.
            timeout(ENGINE_LIMIT, remove_leftovers(&docker, &name)).await.ok();
        }
        let said = format!("no PostgreSQL in a container here: {why}");
        let required = std::env::var("GUARDIAN_REQUIRE_DOCKER").is_ok_and(|value| value == "1");
        assert!(!required, "{said}");
        // Not by a macro, whose text the test harness keeps to itself.
        writeln!(std::io::stderr(), "{said}; what needs one is not tested").ok();
        None
    }

    async fn prepare(name: &str, data: Data) -> Result<Self, String> {
        let docker = docker_client_instance().await.map_err(|error| format!("no Docker engine: {error}"))?;
        let answer = timeout(ENGINE_LIMIT, docker.ping()).await;
        answer
            .map_err(|_| "no Docker engine answers in time")?
            .map_err(|error| format!("no Docker engine: {error}"))?;
        let (image, tag) = image::find_or_make(&docker).await?;
        let password = random();
        for attempt in 1.. {
            remove_leftovers(&docker, name).await?;
            let port = free_port();
            let request = request(&image, &tag, name, &password).with_mapped_port(port, PORT.tcp());
            let started = data.put(request).start().await;
            let container = match started.map_err(|error| format!("the engine starts no container: {error}"))
            {
                Ok(container) => container,
                Err(why) if attempt < START_TRIES && is_taken(&why) => continue,
                Err(why) => return Err(why),
            };
            let host = container.get_host().await.map_err(|error| error.to_string())?;
            let url = format!("postgres://postgres:{password}@{host}:{port}?sslmode=disable");
            let this = Self { server: Server::existing(&url), container };
            this.wait().await?;
            return Ok(this);
        }
        unreachable!("the loop ends by returning")
    }

    /// The server; it is stopped and started again by this container's methods, not its own.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Stops the server at once, as in a crash; what it holds in its container stays.
    pub async fn stop(&self) {
        self.container.stop_with_timeout(Some(0)).await.expect("a container can be stopped");
    }

    /// Starts a server again that was stopped, at the same address.
    pub async fn resume(&self) {
        self.container.start().await.expect("a container that was stopped can be started");
        self.wait().await.expect("a server that answered does so again");
    }

    async fn wait(&self) -> Result<(), String> {
        let deadline = Instant::now() + READY_LIMIT;
        while !self.answers().await {
            // An engine that starts containers has nothing to do with it.
            let is_running = self.container.is_running().await.unwrap_or(true);
            assert!(is_running, "the server has ended: {}", self.log().await);
            if Instant::now() > deadline {
                return Err(format!("the server cannot be reached: {}", self.log().await));
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn answers(&self) -> bool {
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet", "--command", "SELECT 1", &self.server.url("postgres")]);
        psql.env("PGCONNECT_TIMEOUT", "2").kill_on_drop(true);
        psql.output().await.expect("psql can be run").status.success()
    }

    async fn log(&self) -> String {
        let mut text = self.container.stdout_to_vec().await.unwrap_or_default();
        text.extend(self.container.stderr_to_vec().await.unwrap_or_default());
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// A container with the settings of the server that runs without one.
fn request(image: &str, tag: &str, name: &str, password: &str) -> ContainerRequest<GenericImage> {
    let lifetime = LIFETIME_SECONDS.to_string();
    let run = [lifetime.as_str(), "docker-entrypoint.sh", "postgres"];
    // What memory holds of the log is a part of what the databases take.
    let settings = [
        "listen_addresses=*",
        "fsync=off",
        "max_connections=300",
        "shared_buffers=32MB",
        "max_wal_size=64MB",
    ];
    let settings = settings.into_iter().flat_map(|setting| ["-c", setting]);
    GenericImage::new(image, tag)
        .with_entrypoint("timeout")
        .with_cmd(run.into_iter().chain(settings))
        .with_env_var("POSTGRES_PASSWORD", password)
        .with_env_var("POSTGRES_INITDB_ARGS", "--no-sync")
        .with_label(LABEL, name)
        .with_startup_timeout(READY_LIMIT)
}

fn is_taken(why: &str) -> bool {
    why.contains("port is already allocated") || why.contains("address already in use")
}

/// Removes what `name` left behind, and what anybody did whose process was killed.
async fn remove_leftovers(docker: &Docker, name: &str) -> Result<(), String> {
    let filters = HashMap::from([("label", vec![LABEL])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let ours = docker.list_containers(Some(options)).await.map_err(|error| error.to_string())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    for one in ours {
        let made = one.created.and_then(|at| u64::try_from(at).ok()).unwrap_or(now);
        let is_old = now.saturating_sub(made) > u64::from(LIFETIME_SECONDS);
        let is_named = one.labels.is_some_and(|labels| labels.get(LABEL).is_some_and(|value| value == name));
        if is_old || is_named {
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            // Somebody else may have been faster.
            docker.remove_container(&one.id.unwrap_or_default(), Some(options)).await.ok();
        }
    }
    Ok(())
}

/// A text that nobody guesses: for as long as it runs, the port may be open to the network.
fn random() -> String {
    let mut bytes = [0; 16];
    let mut source = File::open("/dev/urandom").expect("there is randomness");
    source.read_exact(&mut bytes).expect("there is enough of it");
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes anything");
        text
    })
}
