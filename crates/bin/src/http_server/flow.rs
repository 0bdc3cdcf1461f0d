//! Sends a response body in parts and tracks when each is sent. A stream whose client reads nothing is
//! detected and reset, and the [`AnswerHold`] of a response is released only with its last byte.

use super::access::AccessLog;
use super::table::Link;
use adapter_http::{AccessRecord, AnswerHold};
use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Maximum size of a part, in bytes. A client that reads less than one part within the timeout is stalled.
const PART_BYTES_MAX: usize = 32 * 1024;

tokio::task_local! {
    /// The response of the current HTTP/2 stream, once there is one.
    static STREAM: RefCell<Option<Arc<Flow>>>;
}

/// One request and its response, until the response is sent or aborted.
pub(super) struct Flow {
    link: Arc<Link>,
    /// Parts handed to the connection and not sent yet.
    unsent: AtomicUsize,
    /// The time of the last sent part, or of the first unsent one, in milliseconds of the link's clock.
    progress_ms: AtomicU64,
    /// Waker of the wait for the last part.
    waker: Mutex<Option<Waker>>,
    /// Released at the end of the response.
    hold: OnceLock<AnswerHold>,
    /// The access log record.
    access: AccessRecord,
    log: Arc<AccessLog>,
    began: Instant,
    bytes: AtomicU64,
}

impl Flow {
    pub(super) fn new(link: Arc<Link>, log: Arc<AccessLog>) -> Arc<Self> {
        link.request_began();
        let began = Instant::now();
        Arc::new(Self {
            link,
            unsent: AtomicUsize::new(0),
            progress_ms: AtomicU64::new(0),
            waker: Mutex::new(None),
            hold: OnceLock::new(),
            access: AccessRecord::default(),
            log,
            began,
            bytes: AtomicU64::new(0),
        })
    }

    /// Associates the current stream with this response.
    pub(super) fn enter_stream(self: &Arc<Self>) {
        // HTTP/1.1 has no streams.
        let _ = STREAM.try_with(|stream| *stream.borrow_mut() = Some(self.clone()));
    }

    /// The access log record, for the extensions of the request.
    pub(super) fn access(&self) -> AccessRecord {
        self.access.clone()
    }

    /// Stores the hold until the end of the response.
    pub(super) fn keep(&self, hold: AnswerHold) {
        // Set once: there is one response.
        let _ = self.hold.set(hold);
    }

    fn part(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        if self.unsent.fetch_add(1, Ordering::AcqRel) == 0 {
            self.progress_ms.store(self.link.now_ms(), Ordering::Release);
        }
        self.link.part_handed_over();
        self.bytes.fetch_add(bytes.len() as u64, Ordering::AcqRel);
        Bytes::from_owner(Part { bytes, flow: self.clone() })
    }

    fn sent(&self) {
        self.progress_ms.store(self.link.now_ms(), Ordering::Release);
        self.link.part_sent();
        if self.unsent.fetch_sub(1, Ordering::AcqRel) == 1 {
            let waiting = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waker) = waiting {
                waker.wake();
            }
        }
    }

    fn poll_all_sent(&self, cx: &Context<'_>) -> Poll<()> {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        if self.unsent.load(Ordering::Acquire) == 0 { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Ready when the client has read no part for `limit`.
    fn poll_stalled(
        &self,
        limit: Duration,
        timer: &mut Option<Pin<Box<Sleep>>>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        loop {
            if self.unsent.load(Ordering::Acquire) == 0 {
                *timer = None;
                return Poll::Pending;
            }
            let since = Duration::from_millis(
                self.link.now_ms().saturating_sub(self.progress_ms.load(Ordering::Acquire)),
            );
            let Some(left) = limit.checked_sub(since).filter(|left| !left.is_zero()) else {
                return Poll::Ready(());
            };
            let waiting = timer.get_or_insert_with(|| Box::pin(sleep(left)));
            ready!(waiting.as_mut().poll(cx));
            *timer = None;
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.log.write(&self.access, self.bytes.load(Ordering::Acquire), self.began.elapsed());
        self.link.request_ended();
    }
}

/// A part of a response, dropped by the connection when it is sent.
struct Part {
    bytes: Bytes,
    flow: Arc<Flow>,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.flow.sent();
    }
}

/// A response body in parts.
pub(super) struct Parts<B> {
    inner: B,
    flow: Arc<Flow>,
    /// The rest of the last chunk of `inner`.
    rest: Bytes,
    handed_over: usize,
    ended: bool,
}

impl<B> Parts<B> {
    pub(super) fn new(inner: B, flow: Arc<Flow>) -> Self {
        Self { inner, flow, rest: Bytes::new(), handed_over: 0, ended: false }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Parts<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        while this.rest.is_empty() {
            if this.ended {
                // Keeps the stream open, so that it can be reset, until the last part is sent.
                ready!(this.flow.poll_all_sent(cx));
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => this.rest = bytes,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => this.ended = true,
            }
        }
        let part = this.rest.split_to(this.rest.len().min(PART_BYTES_MAX));
        this.handed_over += 1;
        Poll::Ready(Some(Ok(Frame::data(this.flow.part(part)))))
    }

    /// A response of one part ends with that part, which saves a frame.
    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.handed_over < 2 && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.inner.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

/// The executor of HTTP/2 streams; resets streams whose clients read nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams {
    pub(super) write_timeout: Duration,
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let limit = self.write_timeout;
        tokio::spawn(STREAM.scope(RefCell::new(None), async move {
            let mut stream = pin!(stream);
            let mut timer = None;
            poll_fn(|cx| {
                if stream.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                let flow = STREAM.with(|stream| stream.borrow().clone());
                match flow {
                    Some(flow) => flow.poll_stalled(limit, &mut timer, cx).map(|()| {
                        tracing::debug!(client = %flow.link.client(), "a stream was reset: its client takes nothing");
                    }),
                    None => Poll::Pending,
                }
            })
            .await;
        }));
    }
}
