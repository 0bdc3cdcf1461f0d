//! etcd's watch: one stream on a connection of its own.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::uri::PathAndQuery;
use tokio::sync::oneshot;
use tonic::Streaming;
use tonic::codegen::tokio_stream::Stream;
use tonic_prost::ProstCodec;

use super::{KEY, Watch, Watched, number};
use crate::cluster::Cluster as _;
use crate::etcd::{Etcd, EtcdClient};

const WATCH: &str = "/etcdserverpb.Watch/Watch";

#[derive(Clone, PartialEq, prost::Message)]
struct WatchRequest {
    #[prost(message, optional, tag = "1")]
    create: Option<WatchCreate>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct WatchCreate {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
struct WatchResponse {
    #[prost(bool, tag = "3")]
    created: bool,
    #[prost(message, repeated, tag = "11")]
    events: Vec<Event>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Event {
    #[prost(message, optional, tag = "2")]
    kv: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Value {
    #[prost(bytes = "bytes", tag = "5")]
    value: Bytes,
}

impl Watched for Etcd {
    type Watch = Events;

    async fn write(&self, client: &mut EtcdClient, value: String) -> Result<()> {
        client.put_any(KEY, value).await
    }

    async fn watch(&self, node: usize) -> Result<Events> {
        let mut client = self.connect(node).await?;
        client.grpc.ready().await?;
        let create = WatchRequest { create: Some(WatchCreate { key: Bytes::from_static(KEY.as_bytes()) }) };
        let (open, ended) = oneshot::channel();
        let requests = tonic::Request::new(Requests { create: Some(create), ended });
        let path = PathAndQuery::from_static(WATCH);
        let answer = client.grpc.streaming(requests, path, ProstCodec::default()).await?;
        let mut events =
            Events { stream: answer.into_inner(), read: Vec::new(), _client: client, _open: open };
        let created = events.stream.message().await?.context("the watch ended")?;
        anyhow::ensure!(created.created, "the watch was not created");
        Ok(events)
    }
}

/// An open watch.
pub struct Events {
    stream: Streaming<WatchResponse>,
    /// Events of the last message, the next one last.
    read: Vec<Event>,
    _client: EtcdClient,
    /// Ends the requests when it is dropped.
    _open: oneshot::Sender<()>,
}

/// The one request of a watch, in a stream that stays open as long as the watch does: without its end the
/// connection would never close.
struct Requests {
    create: Option<WatchRequest>,
    ended: oneshot::Receiver<()>,
}

impl Stream for Requests {
    type Item = WatchRequest;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Option<WatchRequest>> {
        if let Some(create) = self.create.take() {
            return Poll::Ready(Some(create));
        }
        Pin::new(&mut self.ended).poll(context).map(|_| None)
    }
}

impl Watch for Events {
    async fn next(&mut self) -> Result<u64> {
        loop {
            if let Some(event) = self.read.pop() {
                return number(&event.kv.context("an event without a value")?.value);
            }
            self.read = self.stream.message().await?.context("the watch ended")?.events;
            self.read.reverse();
        }
    }
}
