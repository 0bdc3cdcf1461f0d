//! Serving clients: HTTP/1.1 and HTTP/2 without TLS on one port, with bounds on everything that a client
//! can hold open, and a clean end. What is served is somebody else's.

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

/// Time within which a client must send the head of its first request, and of each later one on
/// HTTP/1.1, idle time included.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest head of a request, in bytes: the contract's 16 KiB of headers and 8 KiB of URL and room to
/// count differently, so that the contract's own limits answer first, and with a problem document.
const HEAD_BYTES_MAX: u32 = 32 * 1024;
/// Most requests at a time on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// Most that HTTP/2 buffers of one answer, in bytes, before the client has room for it.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// Most streams that a client may open and reset before they are looked at, and that may end in an error of
/// the client, before the connection is closed ("rapid reset").
const RESETS_MAX: usize = 20;
const ERROR_RESETS_MAX: usize = 256;
/// How often an HTTP/2 client is asked whether it is still there, and how long it may take to answer.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Pause after a failed `accept`, for example when no file descriptors are left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// Pause while closed connections have not given back their descriptors yet.
const CLOSING_RETRY: Duration = Duration::from_millis(5);

/// Connections that the operating system holds until they are accepted. Clients beyond wait a second or longer before
/// they try again, so one that opens many must not fill it.
const BACKLOG: u32 = 4096;

/// Binds the port for clients.
pub(crate) fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As `TcpListener::bind` does: a node can start again at once.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// How connections are treated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionRules {
    /// Most watchers, each of which may have a connection.
    pub(crate) watchers_max: usize,
    /// Most connections from one address; `None` for no bound of its own.
    pub(crate) per_address_max: Option<usize>,
    /// After so long without a request an HTTP/2 connection is closed.
    pub(crate) idle_timeout: Duration,
    /// After so long a connection takes no new requests.
    pub(crate) age_max: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub(crate) write_timeout: Duration,
    /// How many files the process may have open; `None` for any number.
    pub(crate) descriptors: Option<u64>,
}

/// A server that is accepting clients.
#[derive(Debug)]
pub(crate) struct HttpServer {
    addr: SocketAddr,
    tasks: TaskTracker,
    stop: CancellationToken,
    abort: CancellationToken,
}

impl HttpServer {
    /// Starts accepting on a bound port.
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

    /// The port that was bound.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Accepts no more, answers what was asked before, and after `drain` closes what is left.
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

/// What takes connections.
struct Accept {
    serve: Serve,
    table: Arc<Table>,
    tasks: TaskTracker,
    abort: CancellationToken,
}

impl Accept {
    async fn run(self, listener: TcpListener, open_max: usize) {
        loop {
            // One of the tasks is this one.
            while self.tasks.len() > open_max {
                tokio::time::sleep(CLOSING_RETRY).await;
            }
            match listener.accept().await {
                Ok((tcp, client)) => {
                    let Some(entry) = self.table.enter(client) else { continue };
                    // In a box, or the state of the connection would be held twice; there are many.
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
