//! openraft's client of a peer. Every call has openraft's time limit. The append stream carries one request
//! at a time and is dropped after any failure.

use std::future::Future;
use std::time::Duration;

use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::{RPCOption, RPCTypes, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RaftNetworkFactory};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};

use super::channel::{Client, PeerChannels};
use super::{Peers, SnapshotFile, snapshot_send};
use crate::codec::{DecodeError, proto};
use crate::space::Level;
use crate::type_config::{PeerInfo, Snapshot, TypeConfig, Vote};

type RpcError = RPCError<TypeConfig>;

impl RaftNetworkFactory<TypeConfig> for Peers {
    type Network = PeerNetwork;

    async fn new_client(&mut self, target: u64, node: &PeerInfo) -> PeerNetwork {
        let channels = self.channels(target, &node.peer_addr);
        let append = channels.append.clone();
        PeerNetwork::new(self.clone(), target, append, channels)
    }

    async fn new_heartbeat_client(&mut self, target: u64, node: &PeerInfo) -> PeerNetwork {
        let channels = self.channels(target, &node.peer_addr);
        let append = channels.control.clone();
        PeerNetwork::new(self.clone(), target, append, channels)
    }

    async fn new_snapshot_client(&mut self, target: u64, node: &PeerInfo) -> PeerNetwork {
        let channels = self.channels(target, &node.peer_addr);
        let append = channels.snapshot.clone();
        PeerNetwork::new(self.clone(), target, append, channels)
    }
}

/// openraft's network connection to one peer.
#[derive(Debug)]
pub struct PeerNetwork {
    peers: Peers,
    target: u64,
    append: Client,
    control: Client,
    snapshot: Client,
    stream: Option<AppendStream>,
}

/// An open stream without an outstanding response.
#[derive(Debug)]
struct AppendStream {
    requests: mpsc::Sender<proto::AppendRequest>,
    replies: Streaming<proto::AppendReply>,
}

impl PeerNetwork {
    fn new(peers: Peers, target: u64, append: Client, channels: PeerChannels) -> Self {
        Self { peers, target, append, control: channels.control, snapshot: channels.snapshot, stream: None }
    }

    fn timeout(&self, action: RPCTypes, after: Duration) -> Timeout<TypeConfig> {
        Timeout { action, id: self.peers.node_id(), target: self.target, timeout: after }
    }

    /// Sends a request and receives its response. Keeps the stream open only on success.
    async fn exchange(&mut self, request: proto::AppendRequest) -> Result<proto::AppendReply, RpcError> {
        let fresh = self.stream.is_none();
        let mut stream = if let Some(stream) = self.stream.take() {
            let sent = stream.requests.send(request).await;
            sent.map_err(|_| broken(&Status::unavailable("the append stream has ended")))?;
            stream
        } else {
            let (requests, outgoing) = mpsc::channel(1);
            // The first request is sent together with the opening of the stream.
            let sent = requests.send(request).await;
            sent.map_err(|_| broken(&Status::internal("the append stream has no end")))?;
            let opened = self.append.append(ReceiverStream::new(outgoing)).await;
            let replies = opened.map_err(|status| unreachable(&status))?.into_inner();
            AppendStream { requests, replies }
        };
        match stream.replies.message().await {
            Ok(Some(reply)) => {
                self.stream = Some(stream);
                Ok(reply)
            }
            Ok(None) => Err(broken(&Status::unavailable("the append stream has ended"))),
            // A stream that never worked is treated like a failed connection.
            Err(status) if fresh => Err(unreachable(&status)),
            Err(status) => Err(broken(&status)),
        }
    }

    async fn unary<T>(
        &self,
        action: RPCTypes,
        option: &RPCOption,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, RpcError> {
        let limit = option.soft_ttl();
        match timeout(limit, call).await {
            Err(_) => Err(self.timeout(action, limit).into()),
            Ok(Err(status)) => Err(unreachable(&status)),
            Ok(Ok(response)) => Ok(response.into_inner()),
        }
    }
}

/// openraft backs off before it retries.
fn unreachable(status: &Status) -> RpcError {
    Unreachable::new(status).into()
}

/// openraft retries at once, on a new stream.
fn broken(status: &Status) -> RpcError {
    NetworkError::new(status).into()
}

fn nonsense(cause: &DecodeError) -> RpcError {
    NetworkError::new(cause).into()
}

impl RaftNetworkV2<TypeConfig> for PeerNetwork {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RpcError> {
        let limit = option.soft_ttl();
        let late = self.timeout(RPCTypes::AppendEntries, limit);
        // A time-out drops the stream, together with a late response.
        let reply = timeout(limit, self.exchange(rpc.into())).await;
        let reply = reply.map_err(|_| RpcError::from(late))??;
        self.peers.heard_space(self.target, Level::from_number(reply.space));
        reply.try_into().map_err(|cause| nonsense(&cause))
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        let mut client = self.control.clone();
        let call = client.vote(proto::VoteRequest::from(rpc));
        let reply = self.unary(RPCTypes::Vote, &option, call).await?;
        reply.try_into().map_err(|cause| nonsense(&cause))
    }

    // The default grants every pre-vote.
    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        let mut client = self.control.clone();
        let call = client.pre_vote(proto::VoteRequest::from(rpc));
        let reply = self.unary(RPCTypes::Vote, &option, call).await?;
        reply.try_into().map_err(|cause| nonsense(&cause))
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let limit = option.soft_ttl();
        let late = self.timeout(RPCTypes::InstallSnapshot, limit);
        let sending = snapshot_send::send(self.snapshot.clone(), vote, snapshot, limit);
        tokio::select! {
            closed = cancel => Err(closed.into()),
            sent = sending => match sent {
                Ok(Some(vote)) => Ok(SnapshotResponse::new(vote)),
                Ok(None) => Err(late.into()),
                Err(cause) => Err(cause),
            },
        }
    }

    // The default always fails.
    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RpcError> {
        let mut client = self.control.clone();
        let call = client.transfer_leader(proto::TransferLeaderRequest::from(&request));
        let reply = self.unary(RPCTypes::TransferLeader, &option, call).await?;
        reply.into_response().map_err(|cause| nonsense(&cause))
    }
}
