//! Tests of the server with real connections, in process.

use super::*;
use axum::extract::ConnectInfo;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn rules() -> ConnectionRules {
    ConnectionRules {
        watchers_max: 0,
        per_address_max: None,
        idle_timeout: Duration::from_mins(1),
        age_max: Duration::from_hours(1),
        write_timeout: Duration::from_mins(1),
        descriptors: None,
    }
}

async fn server() -> HttpServer {
    let slow = get(async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        "slow"
    });
    let router = Router::new().route("/slow", slow).route("/never", get(std::future::pending::<()>));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    HttpServer::start(listener, router, rules(), AccessLog::new(0, String::new())).expect("a server")
}

/// Sends a request; returns the connection once the server has received the request.
async fn asked(server: &HttpServer, head: &str) -> TcpStream {
    let mut client = TcpStream::connect(server.addr()).await.expect("a connection");
    client.write_all(head.as_bytes()).await.expect("sent");
    client
}

async fn answer(mut client: TcpStream) -> String {
    let mut text = String::new();
    // A reset after the response is not relevant.
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
    let server =
        HttpServer::start(listener, router, rules(), AccessLog::new(0, String::new())).expect("a server");
    let client = asked(&server, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    let own = client.local_addr().expect("an address").to_string();
    assert!(answer(client).await.ends_with(&own));
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let server = server().await;
    let head = format!("GET /slow HTTP/1.1\r\nHost: h\r\nX-Long: {}", "x".repeat(HEAD_BYTES_MAX as usize));
    let client = asked(&server, &head).await;
    let text = answer(client).await;
    assert!(text.starts_with("HTTP/1.1 431"), "{text}");
}

/// Whether the server closes the connection within this time.
async fn ended(client: &mut TcpStream, within: Duration) -> bool {
    let ended = async { while client.read_u8().await.is_ok() {} };
    tokio::time::timeout(within, ended).await.is_ok()
}

async fn serving(router: Router, rules: ConnectionRules) -> HttpServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    HttpServer::start(listener, router, rules, AccessLog::new(0, String::new())).expect("a server")
}

type H2Client = hyper::client::conn::http2::SendRequest<axum::body::Body>;

/// An HTTP/2 connection with this initial window, which is not enlarged automatically.
async fn h2(server: &HttpServer, window: u32) -> (H2Client, tokio::task::JoinHandle<()>) {
    let tcp = TcpStream::connect(server.addr()).await.expect("a connection");
    let mut builder = hyper::client::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
    builder.initial_stream_window_size(window).initial_connection_window_size(1_000_000);
    let (client, connection) = builder.handshake(hyper_util::rt::TokioIo::new(tcp)).await.expect("HTTP/2");
    let task = tokio::spawn(async move { drop(connection.await) });
    (client, task)
}

async fn get_h2(
    client: &mut H2Client,
    path: &str,
) -> Result<hyper::Response<hyper::body::Incoming>, hyper::Error> {
    let request = hyper::Request::get(format!("http://h{path}")).body(axum::body::Body::empty());
    client.send_request(request.expect("a request")).await
}

#[tokio::test]
async fn an_idle_http2_connection_is_closed() {
    let router = Router::new().route("/", get(async || "here"));
    let server =
        serving(router, ConnectionRules { idle_timeout: Duration::from_millis(200), ..rules() }).await;
    let (mut client, task) = h2(&server, 65_535).await;
    assert_eq!(get_h2(&mut client, "/").await.expect("an answer").status(), 200);
    tokio::time::timeout(Duration::from_secs(5), task).await.expect("it is closed").expect("no panic");
    let (_silent, task) = h2(&server, 65_535).await;
    tokio::time::timeout(Duration::from_secs(5), task).await.expect("so is a silent one").expect("no panic");
}

#[tokio::test]
async fn an_old_connection_answers_what_was_asked_and_takes_no_more() {
    let slow = get(async || {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        "slow"
    });
    let router = Router::new().route("/slow", slow);
    let server = serving(router, ConnectionRules { age_max: Duration::from_millis(300), ..rules() }).await;
    let (mut client, task) = h2(&server, 65_535).await;
    let answer = get_h2(&mut client, "/slow").await.expect("it was asked before");
    assert_eq!(answer.status(), 200);
    assert!(get_h2(&mut client, "/slow").await.is_err(), "the connection takes no more requests");
    drop(answer);
    tokio::time::timeout(Duration::from_secs(5), task).await.expect("it is closed").expect("no panic");
}

#[tokio::test]
async fn idle_connections_make_room_and_busy_ones_leave_probes_theirs() {
    let router = Router::new()
        .route(
            "/",
            get(async |request: axum::extract::Request| {
                if request.extensions().get::<adapter_http::ProbesOnly>().is_some() {
                    "probes"
                } else {
                    "all"
                }
            }),
        )
        .route("/never", get(std::future::pending::<()>));
    let server = serving(router, ConnectionRules { per_address_max: Some(4), ..rules() }).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(asked(&server, "").await);
    }
    let text = answer(asked(&server, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await).await;
    assert!(text.ends_with("all"), "{text}");
    assert!(ended(&mut idle[0], Duration::from_secs(2)).await, "the oldest made room");
    let mut busy = Vec::new();
    for _ in 0..4 {
        busy.push(asked(&server, "GET /never HTTP/1.1\r\nHost: h\r\n\r\n").await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let text = answer(asked(&server, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await).await;
    assert!(text.ends_with("probes"), "{text}");
}

#[derive(Clone)]
struct Counted(Arc<std::sync::atomic::AtomicUsize>);

/// A router whose response has this many bytes, and a counter of unfinished responses.
fn large(bytes: usize) -> (Router, Arc<std::sync::atomic::AtomicUsize>) {
    use std::sync::atomic::Ordering;
    struct Guard(Counted, Vec<u8>);
    impl AsRef<[u8]> for Guard {
        fn as_ref(&self) -> &[u8] {
            &self.1
        }
    }
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let counted = Counted(Arc::default());
    let held = counted.0.clone();
    let router = Router::new().route(
        "/large",
        get(async move || {
            counted.0.fetch_add(1, Ordering::SeqCst);
            axum::body::Bytes::from_owner(Guard(counted.clone(), vec![b'x'; bytes]))
        }),
    );
    (router, held)
}

async fn released(held: &std::sync::atomic::AtomicUsize) {
    let none = async {
        while held.load(std::sync::atomic::Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), none).await.expect("what nobody reads is given up");
}

#[tokio::test]
async fn streams_that_nobody_reads_are_reset_and_others_go_on() {
    let (router, held) = large(1_000_000);
    let router = router.route("/", get(async || "here"));
    let server =
        serving(router, ConnectionRules { write_timeout: Duration::from_millis(300), ..rules() }).await;
    let (mut client, _task) = h2(&server, 0).await;
    let mut unread = Vec::new();
    for _ in 0..20 {
        unread.push(get_h2(&mut client, "/large").await.expect("its head"));
    }
    assert_eq!(held.load(std::sync::atomic::Ordering::SeqCst), 20);
    released(&held).await;
    assert_eq!(get_h2(&mut client, "/").await.expect("the connection goes on").status(), 200);
}

#[tokio::test]
async fn a_connection_that_nobody_reads_is_closed() {
    let (router, held) = large(20_000_000);
    let server =
        serving(router, ConnectionRules { write_timeout: Duration::from_millis(300), ..rules() }).await;
    let client = asked(&server, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(held.load(std::sync::atomic::Ordering::SeqCst), 1);
    released(&held).await;
    drop(client);
}

#[tokio::test]
async fn a_slow_reader_gets_all() {
    let (router, held) = large(300_000);
    let server = serving(router, ConnectionRules { write_timeout: Duration::from_secs(1), ..rules() }).await;
    let (mut client, _task) = h2(&server, 65_535).await;
    let mut body = get_h2(&mut client, "/large").await.expect("its head").into_body();
    let mut bytes = 0;
    while let Some(frame) =
        std::future::poll_fn(|cx| hyper::body::Body::poll_frame(std::pin::Pin::new(&mut body), cx)).await
    {
        bytes += frame.expect("no reset").into_data().expect("data").len();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(bytes, 300_000);
    released(&held).await;
}
