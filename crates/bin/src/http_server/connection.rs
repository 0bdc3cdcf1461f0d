//! One client connection: idle timeout, maximum age, eviction.

use super::access::AccessLog;
use super::flow::{Flow, Parts, Streams};
use super::socket::TimedSocket;
use super::table::{Entry, Link};
use super::{ConnectionRules, HEADER_READ_TIMEOUT};
use adapter_http::{AnswerHold, ProbesOnly};
use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

/// Maximum time for a graceful close of an idle connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Minimum and maximum interval between two checks of a connection.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(25);
const LOOK_EVERY_MAX: Duration = Duration::from_secs(5);
/// Maximum duration of a connection that only serves probes.
const PROBES_ONLY_MAX: Duration = Duration::from_secs(5);
/// A connection whose client reads nothing is dropped after this multiple of the write timeout. A stalled
/// stream is reset after one write timeout.
const STALLED_TIMES: u32 = 2;
/// Ages vary by up to one eighth, so that connections that started together do not end together.
const AGE_SPREAD: u32 = 8;

/// Shared state of connections.
#[derive(Clone)]
pub(super) struct Serve {
    pub(super) router: Router,
    pub(super) builder: Arc<Builder<Streams>>,
    pub(super) stop: CancellationToken,
    pub(super) rules: ConnectionRules,
    pub(super) log: Arc<AccessLog>,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    /// The connection stays open.
    Keep,
    /// It accepts no new requests and closes when all responses are sent.
    Retire,
    /// It is closed gracefully; no response is pending.
    Close,
    /// It is dropped at once.
    Drop,
}

impl Serve {
    pub(super) async fn connection(self, tcp: TcpStream, entry: Entry) {
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "a connection was lost at once");
            return;
        }
        let link = entry.link().clone();
        let (rules, stop) = (self.rules, self.stop);
        let service = service(self.router, link.clone(), self.log);
        let socket = TokioIo::new(TimedSocket::new(tcp, rules.write_timeout));
        let mut connection = pin!(self.builder.serve_connection(socket, service));
        let age_max = spread(rules.age_max, &link);
        let every = look_every(&rules);
        let mut retired = false;
        loop {
            let verdict = tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended badly");
                    }
                    return;
                }
                () = stop.cancelled(), if !retired => Verdict::Retire,
                () = link.evicted.cancelled() => Verdict::Drop,
                () = tokio::time::sleep(every) => look(&link, &rules, age_max),
            };
            match verdict {
                Verdict::Drop => return,
                Verdict::Close => {
                    connection.as_mut().graceful_shutdown();
                    // Best effort: no response is pending.
                    let _ = tokio::time::timeout(CLOSE_TIMEOUT, connection).await;
                    return;
                }
                Verdict::Retire if !retired => {
                    retired = true;
                    connection.as_mut().graceful_shutdown();
                }
                Verdict::Keep | Verdict::Retire => {}
            }
        }
    }
}

/// The service of a connection; it tracks the responses.
fn service(
    router: Router,
    link: Arc<Link>,
    log: Arc<AccessLog>,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = Response<Parts<axum::body::Body>>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Parts<axum::body::Body>>, Infallible>> + Send + 'static,
> {
    hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let flow = Flow::new(link.clone(), log.clone());
        request.extensions_mut().insert(flow.access());
        request.extensions_mut().insert(ConnectInfo(link.client()));
        if link.probes_only {
            request.extensions_mut().insert(ProbesOnly);
        }
        let answering = router.clone().call(request);
        async move {
            flow.enter_stream();
            let mut response = answering.await?;
            if let Some(hold) = response.extensions_mut().remove::<AnswerHold>() {
                flow.keep(hold);
            }
            Ok(response.map(|body| Parts::new(body, flow)))
        }
    })
}

fn look(link: &Link, rules: &ConnectionRules, age_max: Duration) -> Verdict {
    let age = link.age();
    if link.probes_only && age >= PROBES_ONLY_MAX
        || link.stalled().is_some_and(|stalled| stalled >= rules.write_timeout * STALLED_TIMES)
    {
        return Verdict::Drop;
    }
    match link.idle() {
        Some(_) if !link.has_asked() && age >= HEADER_READ_TIMEOUT.min(rules.idle_timeout) => Verdict::Close,
        Some(idle) if link.has_asked() && idle >= rules.idle_timeout || age >= age_max => Verdict::Close,
        None if age >= age_max => Verdict::Retire,
        _ => Verdict::Keep,
    }
}

/// The check interval: a quarter of the shortest limit, within bounds.
fn look_every(rules: &ConnectionRules) -> Duration {
    let shortest = rules.idle_timeout.min(rules.age_max).min(rules.write_timeout);
    (shortest / 4).clamp(LOOK_EVERY_MIN, LOOK_EVERY_MAX)
}

fn spread(age_max: Duration, link: &Link) -> Duration {
    age_max.saturating_sub((age_max / AGE_SPREAD) * u32::from(link.client().port() % 16) / 16)
}
