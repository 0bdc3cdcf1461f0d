//! Communication between the nodes of a cluster: gRPC over mutual TLS 1.3 with the cluster's own CA. A
//! certificate names one node of one cluster, and both ends check it. Commands and outcomes are opaque here.

mod authorize;
mod channel;
mod client;
mod error;
#[cfg(test)]
mod fixture;
mod forward;
mod forward_serve;
mod handler;
mod handshakes;
mod listener;
mod members;
mod peers;
mod server;
mod snapshot_file;
mod snapshot_receive;
mod snapshot_send;
mod sockets;
#[cfg(test)]
mod tests;
mod tls;

use std::time::Duration;

pub use self::client::PeerNetwork;
pub use self::error::{ForwardError, PeerError};
pub use self::handler::{NodeStatus, PeerHandler, ProposeError};
pub use self::listener::PeerListener;
pub use self::members::{ChangeError, MembersDone};
pub use self::peers::{PeerHello, Peers};
pub use self::server::{PeerService, PeerServiceConfig};
pub use self::snapshot_file::SnapshotFile;
pub use self::sockets::{Socket, SocketListener, Sockets, Tcp};
pub use self::tls::{PeerTls, TlsError, peer_dns_name};

/// The version of the peer protocol.
pub const WIRE_VERSION: u32 = 1;
/// Most unanswered proposals forwarded to one peer; further ones wait.
pub const FORWARD_IN_FLIGHT_MAX: usize = 1024;
/// Largest accepted message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Largest accepted snapshot, in bytes.
pub const SNAPSHOT_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;
/// Size of the data in one frame of a snapshot, in bytes.
pub const SNAPSHOT_CHUNK_BYTES: usize = 1024 * 1024;
/// Most pending TLS handshakes; beyond it the oldest is aborted.
pub const HANDSHAKES_MAX: usize = 128;
/// Most pending TLS handshakes of one address.
pub const HANDSHAKES_PER_ADDRESS_MAX: usize = 48;
/// Most accepted connections that wait to be served.
const CONNECTIONS_WAITING_MAX: usize = 64;
/// Time limit of a TLS handshake by a peer.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit for connecting to a peer, including TLS.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// HTTP/2 window of one stream, in bytes.
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// HTTP/2 window of one connection, in bytes.
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;
/// Interval of HTTP/2 pings, and the time within which each must be answered.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
