//! How an answer leaves: cut into parts, each of which tells when it is sent, so that a stream whose client
//! takes nothing is found and reset, and what the answer holds is given back only with its last byte.

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

/// Largest part of an answer, in bytes. A client that takes less than one within the time limit takes nothing.
const PART_BYTES_MAX: usize = 32 * 1024;

tokio::task_local! {
    /// The answer of the HTTP/2 stream that is being driven, once there is one.
    static STREAM: RefCell<Option<Arc<Flow>>>;
}

/// One request and its answer, until the last byte of it is sent or given up.
pub(super) struct Flow {
    link: Arc<Link>,
    /// Parts that were handed to the connection and are not sent yet.
    unsent: AtomicUsize,
    /// When one was last sent, or the first handed over, in milliseconds of the link's clock.
    progress_ms: AtomicU64,
    /// Waits for the last part to be sent.
    waker: Mutex<Option<Waker>>,
    /// What is given back at the end.
    hold: OnceLock<AnswerHold>,
    /// What the access log will tell.
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

    /// The stream that is driven now carries this answer.
    pub(super) fn enter_stream(self: &Arc<Self>) {
        // HTTP/1.1 has no streams.
        let _ = STREAM.try_with(|stream| *stream.borrow_mut() = Some(self.clone()));
    }

    /// Goes with the request, to be filled.
    pub(super) fn access(&self) -> AccessRecord {
        self.access.clone()
    }

    /// Keeps what the answer holds until its end.
    pub(super) fn keep(&self, hold: AnswerHold) {
        // There is one answer.
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

    /// Ready when the client took no part for `limit`.
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

/// A part of an answer; whoever sends it drops it when it is sent.
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

/// The body of an answer in parts.
pub(super) struct Parts<B> {
    inner: B,
    flow: Arc<Flow>,
    /// What is left of the last chunk of `inner`.
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
                // The stream stays open, and can be reset, until its last part is sent.
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

    /// An answer of one part ends with it, which saves a frame.
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

/// Drives the streams of HTTP/2 connections, and resets those whose clients take nothing.
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
