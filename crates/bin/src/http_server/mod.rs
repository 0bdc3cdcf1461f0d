//! The HTTP server for clients: HTTP/1.1 and HTTP/2 without TLS on one port, with limits on connections and
//! requests, and a graceful stop. The router is passed in.

mod access;
mod connection;
mod descriptors;
mod flow;
mod socket;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use access::AccessLog;
pub(crate) use descriptors::descriptor_limit;

use axum::Router;
use connection::Serve;
use descriptors::slots;
use flow::Streams;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto::Builder;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use table::Table;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Timeout of the head of the first request, and of each later one on HTTP/1.1, including idle time.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of a request head, in bytes. Larger than the API's limits (16 KiB of headers, 8 KiB of URL),
/// so that those apply first and the refusal is a problem document.
const HEAD_BYTES_MAX: u32 = 32 * 1024;
/// Maximum number of concurrent streams of an HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// Maximum HTTP/2 send buffer per stream, in bytes.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// Maximum number of pending streams that the client has reset, and of streams reset after client errors,
/// before the connection is closed ("rapid reset").
const RESETS_MAX: usize = 20;
const ERROR_RESETS_MAX: usize = 256;
/// Interval and timeout of HTTP/2 keep-alive pings.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Pause after a failed `accept`, for example without free file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// Pause while closed connections have not released their descriptors yet.
const CLOSING_RETRY: Duration = Duration::from_millis(5);

/// Maximum number of connections that the operating system holds until they are accepted. Further clients wait
/// a second or longer before they retry, so one client must not fill the backlog.
const BACKLOG: u32 = 4096;

/// Binds the port for clients.
pub(crate) fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As `TcpListener::bind` does, so that a restarted node can bind at once.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Settings of connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionRules {
    /// Maximum number of watchers, each of which may need a connection.
    pub(crate) watchers_max: usize,
    /// Maximum number of connections per address; `None` for no separate limit.
    pub(crate) per_address_max: Option<usize>,
    /// Idle time after which a connection is closed.
    pub(crate) idle_timeout: Duration,
    /// Age after which a connection accepts no new requests.
    pub(crate) age_max: Duration,
    /// Maximum time for a client to read nothing of a response.
    pub(crate) write_timeout: Duration,
    /// The limit of open files of this process; `None` for no limit.
    pub(crate) descriptors: Option<u64>,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct HttpServer {
    addr: SocketAddr,
    tasks: TaskTracker,
    stop: CancellationToken,
    abort: CancellationToken,
}

impl HttpServer {
    /// Starts accepting connections on a bound listener.
    pub(crate) fn start(
        listener: TcpListener,
        router: Router,
        rules: ConnectionRules,
        log: AccessLog,
    ) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
        let tasks = TaskTracker::new();
        let slots = slots(&rules);
        let serve = Serve {
            router,
            builder: Arc::new(builder(&rules)),
            stop: stop.clone(),
            rules,
            log: Arc::new(log),
        };
        let accepting =
            Accept { serve, table: Table::new(slots), tasks: tasks.clone(), abort: abort.clone() };
        let open_max = slots.total + slots.probes;
        let stopped = stop.clone();
        tasks.spawn(async move { stopped.run_until_cancelled(accepting.run(listener, open_max)).await });
        Ok(Self { addr, tasks, stop, abort })
    }

    /// The bound address.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops accepting, finishes pending requests, and closes the remaining connections after `drain`.
    pub(crate) async fn stop(self, drain: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(drain, self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "connections were closed before they were done");
            self.abort.cancel();
            self.tasks.wait().await;
        }
    }
}

fn builder(rules: &ConnectionRules) -> Builder<Streams> {
    let mut builder = Builder::new(Streams { write_timeout: rules.write_timeout });
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES_MAX)
        .max_concurrent_streams(STREAMS_MAX)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(ERROR_RESETS_MAX)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE);
    builder
}

/// The accept loop.
struct Accept {
    serve: Serve,
    table: Arc<Table>,
    tasks: TaskTracker,
    abort: CancellationToken,
}

impl Accept {
    async fn run(self, listener: TcpListener, open_max: usize) {
        loop {
            // One of the tasks is the accept loop.
            while self.tasks.len() > open_max {
                tokio::time::sleep(CLOSING_RETRY).await;
            }
            match listener.accept().await {
                Ok((tcp, client)) => {
                    let Some(entry) = self.table.enter(client) else { continue };
                    // Boxed, because the spawned task would hold the large future twice.
                    let connection = Box::pin(self.serve.clone().connection(tcp, entry));
                    let abort = self.abort.clone();
                    self.tasks.spawn(async move { abort.run_until_cancelled(connection).await });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }
}
