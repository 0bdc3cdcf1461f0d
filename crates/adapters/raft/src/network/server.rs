//! The server for peers: passes Raft messages to openraft, and forwarded proposals to the node. A forwarded
//! proposal is never forwarded again.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt as _};
use openraft::errors::RaftError;
use openraft::storage::RaftStateMachine;
use openraft::{Raft, ReadPolicy};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status, Streaming};

use super::authorize::{Authorize, Sender};
use super::forward_serve::serve_forwards;
use super::snapshot_receive::Incoming;
use super::{
    CONNECTION_WINDOW_BYTES, FORWARD_IN_FLIGHT_MAX, KEEP_ALIVE, MESSAGE_BYTES_MAX, PeerHandler, PeerListener,
    STREAM_WINDOW_BYTES, SnapshotFile, WIRE_VERSION,
};
use crate::codec::proto::peer_server::{Peer, PeerServer};
use crate::codec::{DecodeError, proto, required};
use crate::observe::Observer;
use crate::space::Space;
use crate::type_config::{Snapshot, TypeConfig, Vote};

/// Time limit for open connections after a shutdown was requested.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// The configuration of the peer service.
#[derive(Clone, Debug)]
pub struct PeerServiceConfig {
    /// The directory for incoming snapshots.
    pub incoming_dir: PathBuf,
    /// The newest command version that this release can apply.
    pub command_max: u32,
    /// Receives votes and handshake failures.
    pub observer: Arc<dyn Observer>,
    /// Checks whether there is room for a snapshot.
    pub space: Arc<Space>,
    /// Ends the service when cancelled.
    pub shutdown: CancellationToken,
}

/// The peer service of one node.
pub struct PeerService<SM>
where
    SM: RaftStateMachine<TypeConfig, SnapshotData = SnapshotFile>,
{
    raft: Raft<TypeConfig, SM>,
    handler: Arc<dyn PeerHandler>,
    incoming: Incoming,
    command_max: u32,
    observer: Arc<dyn Observer>,
    shutdown: CancellationToken,
}

impl<SM> std::fmt::Debug for PeerService<SM>
where
    SM: RaftStateMachine<TypeConfig, SnapshotData = SnapshotFile>,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerService").finish_non_exhaustive()
    }
}

impl<SM> PeerService<SM>
where
    SM: RaftStateMachine<TypeConfig, SnapshotData = SnapshotFile>,
{
    /// Prepares the service; removes incomplete snapshots of an earlier run.
    pub fn new(
        raft: Raft<TypeConfig, SM>,
        handler: Arc<dyn PeerHandler>,
        config: PeerServiceConfig,
    ) -> io::Result<Self> {
        Ok(Self {
            raft,
            handler,
            incoming: Incoming::new(config.incoming_dir, config.space)?,
            command_max: config.command_max,
            observer: config.observer,
            shutdown: config.shutdown,
        })
    }

    fn admit(&self) -> Result<(), Status> {
        if self.handler.takes_part() {
            Ok(())
        } else {
            Err(Status::unavailable("this node does not take part in the cluster yet"))
        }
    }

    /// As [`Self::admit`]; also refuses a removed node. The safety of Raft does not depend on messages of
    /// former members.
    fn admit_member(&self, sender: Sender) -> Result<(), Status> {
        self.admit()?;
        if self.handler.was_removed(sender.0) {
            return Err(Status::permission_denied(format!("node {} was removed from the cluster", sender.0)));
        }
        Ok(())
    }

    /// Serves until the shutdown token is cancelled.
    pub async fn serve(self, listener: PeerListener) -> Result<(), tonic::transport::Error> {
        let (shutdown, observer) = (self.shutdown.clone(), self.observer.clone());
        let authorize = Authorize::new(listener.tls());
        let service = PeerServer::new(self)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let incoming = ReceiverStream::new(listener.accept(shutdown.clone(), observer));
        let serving = tonic::transport::Server::builder()
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_keepalive_timeout(Some(KEEP_ALIVE))
            .serve_with_incoming_shutdown(
                InterceptedService::new(service, authorize),
                incoming,
                shutdown.clone().cancelled_owned(),
            );
        let too_late = async {
            shutdown.cancelled().await;
            tokio::time::sleep(SHUTDOWN_GRACE).await;
        };
        tokio::select! {
            served = serving => served,
            () = too_late => Ok(()),
        }
    }
}

fn nonsense(cause: &DecodeError) -> Status {
    Status::invalid_argument(cause.to_string())
}

/// The error for a node that is stopping or has stopped.
fn stopped(cause: &impl std::error::Error) -> Status {
    Status::unavailable(cause.to_string())
}

/// Checks that the vote in a message is the sender's own.
fn own_vote(sender: Sender, vote: Option<&proto::Vote>) -> Result<(), Status> {
    let vote = required(vote, "vote").map_err(|cause| nonsense(&cause))?;
    sender.must_be(vote.node_id)
}

#[tonic::async_trait]
impl<SM> Peer for PeerService<SM>
where
    SM: RaftStateMachine<TypeConfig, SnapshotData = SnapshotFile>,
{
    type AppendStream = BoxStream<'static, Result<proto::AppendReply, Status>>;
    type ForwardStream = BoxStream<'static, Result<proto::ForwardReply, Status>>;

    async fn hello(
        &self,
        request: Request<proto::HelloRequest>,
    ) -> Result<Response<proto::HelloReply>, Status> {
        let peer = request.get_ref();
        if !(peer.wire_min..=peer.wire_max).contains(&WIRE_VERSION) {
            return Err(Status::failed_precondition(format!(
                "wire versions {} to {} are not spoken here, only {WIRE_VERSION}",
                peer.wire_min, peer.wire_max
            )));
        }
        Ok(Response::new(proto::HelloReply {
            wire_min: WIRE_VERSION,
            wire_max: WIRE_VERSION,
            binary_version: env!("CARGO_PKG_VERSION").to_owned(),
            command_max: self.command_max,
        }))
    }

    async fn append(
        &self,
        request: Request<Streaming<proto::AppendRequest>>,
    ) -> Result<Response<Self::AppendStream>, Status> {
        self.admit()?;
        let sender = Sender::of(&request)?;
        let start = (request.into_inner(), self.raft.clone(), self.handler.clone());
        let replies = stream::unfold(Some(start), move |state| async move {
            let (mut requests, raft, handler) = state?;
            match append_one(sender, &mut requests, &raft).await {
                Ok(reply) => reply.map(|reply| {
                    if reply_is_from_follower(&reply) {
                        handler.heard_from_leader();
                    }
                    let reply = proto::AppendReply { space: handler.space() as u32, ..reply };
                    (Ok(reply), Some((requests, raft, handler)))
                }),
                Err(status) => Some((Err(status), None)),
            }
        });
        let until_shutdown = replies.take_until(self.shutdown.clone().cancelled_owned());
        Ok(Response::new(until_shutdown.boxed()))
    }

    async fn vote(&self, request: Request<proto::VoteRequest>) -> Result<Response<proto::VoteReply>, Status> {
        let sender = Sender::of(&request)?;
        self.admit_member(sender)?;
        own_vote(sender, request.get_ref().vote.as_ref())?;
        let rpc = request.into_inner().try_into();
        let answer = self.raft.vote(rpc.map_err(|cause| nonsense(&cause))?).await;
        let answer = answer.map_err(|cause| stopped(&cause))?;
        let leader = answer.vote.leader_id();
        self.observer.stands_by_vote(leader.term, leader.node_id);
        Ok(Response::new(answer.into()))
    }

    async fn pre_vote(
        &self,
        request: Request<proto::VoteRequest>,
    ) -> Result<Response<proto::VoteReply>, Status> {
        let sender = Sender::of(&request)?;
        self.admit_member(sender)?;
        own_vote(sender, request.get_ref().vote.as_ref())?;
        let rpc = request.into_inner().try_into();
        let answer = self.raft.pre_vote(rpc.map_err(|cause| nonsense(&cause))?);
        let answer = answer.await.map_err(|cause| stopped(&cause))?;
        Ok(Response::new(answer.into()))
    }

    async fn transfer_leader(
        &self,
        request: Request<proto::TransferLeaderRequest>,
    ) -> Result<Response<proto::TransferLeaderReply>, Status> {
        self.admit()?;
        own_vote(Sender::of(&request)?, request.get_ref().from_leader.as_ref())?;
        let rpc = request.into_inner().try_into();
        let rpc = rpc.map_err(|cause| nonsense(&cause))?;
        let answer = self.raft.handle_transfer_leader(rpc).await;
        let answer = answer.map_err(|cause| stopped(&cause))?;
        Ok(Response::new(answer.into()))
    }

    async fn install_snapshot(
        &self,
        request: Request<Streaming<proto::SnapshotFrame>>,
    ) -> Result<Response<proto::SnapshotReply>, Status> {
        self.admit()?;
        let sender = Sender::of(&request)?;
        let receiving =
            self.incoming.receive(request.into_inner(), |head| own_vote(sender, head.vote.as_ref()));
        let (head, file) = receiving.await?;
        let (vote, snapshot) = snapshot_of(head, file).map_err(|cause| nonsense(&cause))?;
        // Checked before the state machine, whose failure to install would be fatal for this node.
        self.handler.check_snapshot(&snapshot).await.map_err(|cause| Status::data_loss(cause.to_string()))?;
        let answer = self.raft.install_full_snapshot(vote, snapshot).await;
        let answer = answer.map_err(|cause| stopped(&cause))?;
        Ok(Response::new(proto::SnapshotReply { vote: Some((&answer.vote).into()) }))
    }

    async fn read_barrier(
        &self,
        request: Request<proto::ReadBarrierRequest>,
    ) -> Result<Response<proto::ReadBarrierReply>, Status> {
        self.admit_member(Sender::of(&request)?)?;
        match self.raft.get_read_linearizer(ReadPolicy::ReadIndex).await {
            Ok(linearizer) => Ok(Response::new(proto::ReadBarrierReply {
                log_id: Some(linearizer.read_log_id().log_id().into()),
            })),
            // The client treats ABORTED as "not the leader".
            Err(RaftError::APIError(cause)) => Err(Status::aborted(cause.to_string())),
            Err(RaftError::Fatal(cause)) => Err(stopped(&cause)),
        }
    }

    async fn forward(
        &self,
        request: Request<Streaming<proto::ForwardRequest>>,
    ) -> Result<Response<Self::ForwardStream>, Status> {
        self.admit_member(Sender::of(&request)?)?;
        let (replies, outgoing) = mpsc::channel(FORWARD_IN_FLIGHT_MAX);
        let serving = serve_forwards(request.into_inner(), self.handler.clone(), replies);
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = serving => {}
            }
        });
        let until_shutdown =
            ReceiverStream::new(outgoing).map(Ok).take_until(self.shutdown.clone().cancelled_owned());
        Ok(Response::new(until_shutdown.boxed()))
    }

    async fn status(
        &self,
        request: Request<proto::StatusRequest>,
    ) -> Result<Response<proto::StatusReply>, Status> {
        let asker = Sender::of(&request)?;
        Ok(Response::new(self.handler.status(asker.0).await.into()))
    }

    async fn join(
        &self,
        _request: Request<proto::JoinRequest>,
    ) -> Result<Response<proto::JoinReply>, Status> {
        self.handler.join().await.map_err(Status::failed_precondition)?;
        Ok(Response::new(proto::JoinReply {}))
    }

    async fn change_members(
        &self,
        request: Request<proto::ChangeMembersRequest>,
    ) -> Result<Response<proto::MembersReply>, Status> {
        self.admit_member(Sender::of(&request)?)?;
        let changed = self.handler.change_members(request.into_inner().command).await;
        Ok(Response::new(changed.into()))
    }

    async fn hand_over(
        &self,
        request: Request<proto::HandOverRequest>,
    ) -> Result<Response<proto::MembersReply>, Status> {
        self.admit_member(Sender::of(&request)?)?;
        let to = Some(request.into_inner().to).filter(|to| *to != 0);
        Ok(Response::new(self.handler.hand_over(to).await.into()))
    }
}

/// Answers the next request of an append stream; `None` once the stream has ended.
async fn append_one<SM>(
    sender: Sender,
    requests: &mut Streaming<proto::AppendRequest>,
    raft: &Raft<TypeConfig, SM>,
) -> Result<Option<proto::AppendReply>, Status>
where
    SM: RaftStateMachine<TypeConfig, SnapshotData = SnapshotFile>,
{
    let Some(request) = requests.message().await? else {
        return Ok(None);
    };
    own_vote(sender, request.vote.as_ref())?;
    let rpc = request.try_into().map_err(|cause| nonsense(&cause))?;
    let answer = raft.append_entries(rpc).await;
    answer.map(|answer| Some(answer.into())).map_err(|cause| stopped(&cause))
}

/// Whether the reply accepts the sender as leader, rather than reporting a higher vote.
fn reply_is_from_follower(reply: &proto::AppendReply) -> bool {
    !matches!(reply.outcome, Some(proto::append_reply::Outcome::HigherVote(_)))
}

fn snapshot_of(
    head: proto::snapshot_frame::Head,
    snapshot: SnapshotFile,
) -> Result<(Vote, Snapshot), DecodeError> {
    let vote = required(head.vote, "Head.vote")?.into();
    let meta = required(head.meta, "Head.meta")?.try_into()?;
    Ok((vote, Snapshot { meta, snapshot }))
}
