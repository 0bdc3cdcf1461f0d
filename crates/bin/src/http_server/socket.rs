//! A socket with a write timeout, so that a client that reads nothing does not hold resources forever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Minimum number of bytes that must be written within the timeout while more are pending.
const PROGRESS_BYTES: usize = 16 * 1024;

/// A socket whose writes fail if the peer reads too little for too long.
#[derive(Debug)]
pub(super) struct TimedSocket<S> {
    inner: S,
    limit: Duration,
    /// Runs while a write is pending.
    timer: Option<Pin<Box<Sleep>>>,
    /// Bytes written since the timer started.
    written: usize,
}

impl<S> TimedSocket<S> {
    pub(super) fn new(inner: S, limit: Duration) -> Self {
        Self { inner, limit, timer: None, written: 0 }
    }

    fn progress(
        &mut self,
        outcome: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(Ok(bytes)) if self.timer.is_some() => {
                self.written += bytes;
                if self.written >= PROGRESS_BYTES {
                    self.timer = None;
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Pending => self.expired(cx).map(Err),
            ready @ Poll::Ready(_) => ready,
        }
    }

    fn expired(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.timer.is_none() {
            self.written = 0;
        }
        let limit = self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        timer.as_mut().poll(cx).map(|()| io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing"))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedSocket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.progress(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.progress(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.inner).poll_flush(cx) {
            Poll::Ready(outcome) => {
                // No write is pending.
                self.timer = None;
                Poll::Ready(outcome)
            }
            Poll::Pending => self.expired(cx).map(Err),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.inner).poll_shutdown(cx) {
            Poll::Ready(outcome) => Poll::Ready(outcome),
            Poll::Pending => self.expired(cx).map(Err),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (ours, _theirs) = duplex(64);
        let mut socket = TimedSocket::new(ours, Duration::from_mins(1));
        let written = socket.write_all(&[0; 1024]).await;
        assert_eq!(written.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));
    }

    #[tokio::test(start_paused = true)]
    async fn so_is_one_that_takes_a_byte_at_a_time() {
        let (ours, mut theirs) = duplex(64);
        let mut socket = TimedSocket::new(ours, Duration::from_mins(1));
        let trickle = tokio::spawn(async move {
            while theirs.read_u8().await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let written = socket.write_all(&[0; 1024]).await;
        assert_eq!(written.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));
        trickle.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_between_writes_do_not_count() {
        let (ours, mut theirs) = duplex(64);
        let mut socket = TimedSocket::new(ours, Duration::from_mins(1));
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).await.map(|_| all.len())
        });
        for _ in 0..3 {
            socket.write_all(&[0; 100]).await.expect("taken");
            socket.flush().await.expect("taken");
            tokio::time::sleep(Duration::from_mins(5)).await;
        }
        drop(socket);
        assert_eq!(reading.await.expect("it ends").expect("read"), 300);
    }
}
