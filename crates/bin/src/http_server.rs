//! Serving clients: HTTP/1.1 and HTTP/2 without TLS on one port, with bounds on everything that a client
//! can hold open, and a clean end. What is served is somebody else's.

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

/// Most connections at a time beside those of watchers; more wait in the kernel.
const CONNECTIONS_MAX: usize = 10_000;
/// Time within which a client must send the head of its first request, and of each later one on
/// HTTP/1.1, idle time included.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest head of a request, in bytes: the contract's 16 KiB of headers and 8 KiB of URL and room to
/// count differently, so that the contract's own limits answer first, and with a problem document.
const HEAD_BYTES_MAX: u32 = 32 * 1024;
/// Most requests at a time on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// How often an HTTP/2 client is asked whether it is still there, and how long it may take to answer.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Pause after a failed `accept`, for example when no file descriptors are left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// How long a client that never sent a request may take to agree that the connection is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

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
    pub(crate) fn start(listener: TcpListener, router: Router, watchers_max: usize) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
        let tasks = TaskTracker::new();
        let serve = Serve { router, builder: Arc::new(builder()), stop: stop.clone() };
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX + watchers_max));
        tasks.spawn(accept(listener, slots, serve, tasks.clone(), stop.clone(), abort.clone()));
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

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
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
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE);
    builder
}

async fn accept(
    listener: TcpListener,
    slots: Arc<Semaphore>,
    serve: Serve,
    tasks: TaskTracker,
    stop: CancellationToken,
    abort: CancellationToken,
) {
    let accepting = async {
        loop {
            let Ok(slot) = slots.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((tcp, client)) => {
                    let (serve, abort) = (serve.clone(), abort.clone());
                    // In a box, or the state of the connection would be held twice; there are many.
                    let connection = Box::pin(serve.connection(tcp, client, slot));
                    tasks.spawn(async move { abort.run_until_cancelled(connection).await });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    };
    stop.run_until_cancelled(accepting).await;
}

/// What each connection needs.
#[derive(Clone)]
struct Serve {
    router: Router,
    builder: Arc<Builder<TokioExecutor>>,
    stop: CancellationToken,
}

impl Serve {
    async fn connection(self, tcp: TcpStream, client: SocketAddr, _slot: OwnedSemaphorePermit) {
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "a connection was lost at once");
            return;
        }
        let asked = Arc::new(AtomicBool::new(false));
        let service = {
            let (router, asked) = (self.router, asked.clone());
            hyper::service::service_fn(move |mut request: Request<Incoming>| {
                asked.store(true, Ordering::Relaxed);
                request.extensions_mut().insert(ConnectInfo(client));
                router.clone().call(request)
            })
        };
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(tcp), service));
        let silent = async {
            tokio::time::sleep(HEADER_READ_TIMEOUT).await;
            if asked.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        let mut patience = None;
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = self.stop.cancelled() => None,
            () = silent => {
                patience = Some(CLOSE_TIMEOUT);
                None
            }
        };
        let ended = match (ended, patience) {
            (Some(ended), _) => ended,
            (None, Some(patience)) => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(patience, connection).await.unwrap_or(Ok(()))
            }
            (None, None) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended badly");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn server() -> HttpServer {
        let slow = get(async || {
            tokio::time::sleep(Duration::from_millis(300)).await;
            "slow"
        });
        let router = Router::new().route("/slow", slow).route("/never", get(std::future::pending::<()>));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        HttpServer::start(listener, router, 0).expect("a server")
    }

    /// Sends a request and gives the connection once the server has taken it.
    async fn asked(server: &HttpServer, head: &str) -> TcpStream {
        let mut client = TcpStream::connect(server.addr()).await.expect("a connection");
        client.write_all(head.as_bytes()).await.expect("sent");
        client
    }

    async fn answer(mut client: TcpStream) -> String {
        let mut text = String::new();
        // A reset after the answer is not of interest.
        let _ = client.read_to_string(&mut text).await;
        text
    }

    #[tokio::test]
    async fn what_was_asked_before_the_stop_is_answered() {
        let server = server().await;
        let client = asked(&server, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let addr = server.addr();
        server.stop(Duration::from_secs(10)).await;
        assert!(answer(client).await.ends_with("slow"));
        assert!(TcpStream::connect(addr).await.is_err(), "nobody listens any more");
    }

    #[tokio::test]
    async fn a_stop_does_not_wait_for_ever() {
        let server = server().await;
        let never = asked(&server, "GET /never HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let silent = asked(&server, "").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let stopping = server.stop(Duration::from_millis(100));
        tokio::time::timeout(Duration::from_secs(5), stopping).await.expect("it stops");
        assert_eq!(answer(never).await + &answer(silent).await, "");
    }

    #[tokio::test]
    async fn the_router_knows_the_address() {
        let address = async |ConnectInfo(addr): ConnectInfo<SocketAddr>| addr.to_string();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let router = Router::new().route("/", get(address));
        let server = HttpServer::start(listener, router, 0).expect("a server");
        let client = asked(&server, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
        let own = client.local_addr().expect("an address").to_string();
        assert!(answer(client).await.ends_with(&own));
    }

    #[tokio::test]
    async fn a_head_without_end_is_refused() {
        let server = server().await;
        let head =
            format!("GET /slow HTTP/1.1\r\nHost: h\r\nX-Long: {}", "x".repeat(HEAD_BYTES_MAX as usize));
        let client = asked(&server, &head).await;
        let text = answer(client).await;
        assert!(text.starts_with("HTTP/1.1 431"), "{text}");
    }
}
