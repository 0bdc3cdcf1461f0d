//! The clients of the other nodes: connections by node id, forwarding of proposals to the leader, read
//! barriers, status. The membership is decided elsewhere.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use tonic::{Response, Status};

use super::channel::{Addresses, Client, PeerChannels};
use super::forward::ForwardClient;
use super::{
    CONNECT_TIMEOUT, ChangeError, ForwardError, MembersDone, NodeStatus, PeerError, PeerTls, Sockets,
    WIRE_VERSION,
};
use crate::codec::{proto, required};
use crate::space::{Level, Space};
use crate::type_config::{LogId, PeerInfo};

/// The greeting of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerHello {
    /// The release of its binary.
    pub binary_version: String,
    /// The newest command version that it can apply.
    pub command_max: u32,
}

/// The known peers. Clones share the connections.
#[derive(Clone, Debug)]
pub struct Peers {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sockets: Arc<dyn Sockets>,
    tls: PeerTls,
    /// Receives the disk levels that peers report.
    space: Arc<Space>,
    known: Mutex<BTreeMap<u64, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    addresses: Arc<Addresses>,
    channels: PeerChannels,
    forward: Arc<ForwardClient>,
}

impl Peers {
    /// Creates a client without known peers.
    pub fn new(sockets: Arc<dyn Sockets>, tls: PeerTls) -> Self {
        Self::telling(sockets, tls, Arc::default())
    }

    /// As [`Self::new`]; passes the disk levels that peers report to `space`.
    pub fn telling(sockets: Arc<dyn Sockets>, tls: PeerTls, space: Arc<Space>) -> Self {
        let known = Mutex::new(BTreeMap::new());
        Self { shared: Arc::new(Shared { sockets, tls, space, known }) }
    }

    /// Records the disk level that a peer reported.
    pub(super) fn heard_space(&self, node: u64, level: Level) {
        self.shared.space.heard(node, level);
    }

    /// The id of this node.
    pub fn node_id(&self) -> u64 {
        self.shared.tls.node_id()
    }

    /// Sets the address of a peer, without connecting. Call it for all members when the membership changes.
    /// Open connections stay; a new address is used for the next one.
    pub fn learn(&self, node_id: u64, info: &PeerInfo) {
        drop(self.channels(node_id, &info.peer_addr));
    }

    /// The ids of the known peers.
    pub fn ids(&self) -> Vec<u64> {
        self.known().keys().copied().collect()
    }

    /// Removes all peers that are not in `members`.
    pub fn retain(&self, members: &std::collections::BTreeSet<u64>) {
        self.known().retain(|id, _| members.contains(id));
    }

    /// Forwards a proposal to `leader` and returns the encoded outcome. Never more than one hop: a node that
    /// is not the leader answers `NotSent`.
    pub async fn forward(
        &self,
        leader: u64,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Bytes, ForwardError> {
        let peer = self.get(leader).map_err(|cause| {
            ForwardError::not_sent("no address of the leader is known", Some(cause.into()))
        })?;
        peer.forward.forward(payload, deadline).await
    }

    /// Requests the log id that this node must have applied before it may serve a linearizable read that
    /// began before this call.
    pub async fn read_barrier(&self, leader: u64, deadline: Instant) -> Result<LogId, PeerError> {
        let mut client = self.forward_client(leader)?;
        let call = client.read_barrier(proto::ReadBarrierRequest {});
        let reply = answer(leader, deadline, call).await?;
        let log_id = required(reply.log_id, "ReadBarrierReply.log_id");
        log_id.map(Into::into).map_err(|cause| PeerError::Nonsense { node: leader, cause })
    }

    /// Requests the status of a node.
    pub async fn status(&self, node: u64, deadline: Instant) -> Result<NodeStatus, PeerError> {
        let mut client = self.forward_client(node)?;
        let reply = answer(node, deadline, client.status(proto::StatusRequest {})).await?;
        Ok(reply.into())
    }

    /// Requests the status of a node at an unconfirmed address, on a separate connection.
    pub async fn status_at(&self, node: u64, addr: &str, deadline: Instant) -> Result<NodeStatus, PeerError> {
        let addresses = Arc::new(Addresses::new(addr));
        let channels = PeerChannels::new(&self.shared.sockets, &self.shared.tls, node, &addresses)
            .expect("PeerTls was only made for a cluster id that forms DNS names");
        let mut client = channels.forward;
        let reply = answer(node, deadline, client.status(proto::StatusRequest {})).await?;
        Ok(reply.into())
    }

    /// Asks a node that waits to join to participate.
    pub async fn join(&self, node: u64, deadline: Instant) -> Result<(), PeerError> {
        let mut client = self.forward_client(node)?;
        answer(node, deadline, client.join(proto::JoinRequest {})).await?;
        Ok(())
    }

    /// Asks `leader` to admit, update or retire a member.
    pub async fn change_members(
        &self,
        leader: u64,
        command: Bytes,
        deadline: Instant,
    ) -> Result<MembersDone, ChangeError> {
        let mut client = self.connected(leader, deadline).await?;
        let call = client.change_members(proto::ChangeMembersRequest { command });
        let reply = answer(leader, deadline, call).await;
        reply.map_err(|error| ChangeError::Unknown(error.to_string()))?.into_result()
    }

    /// Asks `leader` to transfer leadership.
    pub async fn hand_over(
        &self,
        leader: u64,
        to: Option<u64>,
        deadline: Instant,
    ) -> Result<MembersDone, ChangeError> {
        let mut client = self.connected(leader, deadline).await?;
        let call = client.hand_over(proto::HandOverRequest { to: to.unwrap_or_default() });
        let reply = answer(leader, deadline, call).await;
        reply.map_err(|error| ChangeError::Unknown(error.to_string()))?.into_result()
    }

    /// A client of a node that responds. A failure before that means that nothing was changed.
    async fn connected(&self, node: u64, deadline: Instant) -> Result<Client, ChangeError> {
        let not_done = |error: PeerError| ChangeError::NotDone(error.to_string());
        self.status(node, deadline.min(Instant::now() + CONNECT_TIMEOUT)).await.map_err(not_done)?;
        self.forward_client(node).map_err(not_done)
    }

    /// Exchanges greetings with a node.
    pub async fn hello(
        &self,
        node: u64,
        command_max: u32,
        deadline: Instant,
    ) -> Result<PeerHello, PeerError> {
        let mut client = self.forward_client(node)?;
        let call = client.hello(proto::HelloRequest {
            wire_min: WIRE_VERSION,
            wire_max: WIRE_VERSION,
            binary_version: env!("CARGO_PKG_VERSION").to_owned(),
            command_max,
        });
        let reply = answer(node, deadline, call).await?;
        Ok(PeerHello { binary_version: reply.binary_version, command_max: reply.command_max })
    }

    /// The connections to a peer, created as needed; further ones use this address.
    pub(super) fn channels(&self, node_id: u64, addr: &str) -> PeerChannels {
        let mut known = self.known();
        if let Some(peer) = known.get(&node_id) {
            peer.addresses.change(addr);
            return peer.channels.clone();
        }
        let addresses = Arc::new(Addresses::new(addr));
        let channels = PeerChannels::new(&self.shared.sockets, &self.shared.tls, node_id, &addresses)
            .expect("PeerTls was only made for a cluster id that forms DNS names");
        let peer = Known {
            addresses,
            channels: channels.clone(),
            forward: Arc::new(ForwardClient::new(channels.forward.clone())),
        };
        known.insert(node_id, peer);
        channels
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<u64, Known>> {
        let known = self.shared.known.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, node: u64) -> Result<Known, PeerError> {
        let known = self.known().get(&node).cloned();
        known.ok_or(PeerError::UnknownNode(node))
    }

    fn forward_client(&self, node: u64) -> Result<Client, PeerError> {
        Ok(self.get(node)?.channels.forward)
    }
}

async fn answer<T>(
    node: u64,
    deadline: Instant,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, PeerError> {
    match timeout_at(deadline, call).await {
        Err(_) => Err(PeerError::Timeout(node)),
        Ok(Err(status)) => Err(PeerError::from_status(node, status)),
        Ok(Ok(response)) => Ok(response.into_inner()),
    }
}
