//! The peer plane: how nodes of one cluster talk. gRPC over mutual TLS 1.3 with the cluster's own
//! CA; a certificate names one node of one cluster and both ends check it. What a command or a
//! reply means is not known here.

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

/// The one version of the peer protocol that this binary speaks.
pub const WIRE_VERSION: u32 = 1;
/// Most proposals forwarded to one peer and not yet answered; more wait.
pub const FORWARD_IN_FLIGHT_MAX: usize = 1024;
/// Largest message that is accepted.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Largest snapshot that is accepted.
pub const SNAPSHOT_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;
/// Data bytes in one frame of a snapshot.
pub const SNAPSHOT_CHUNK_BYTES: usize = 1024 * 1024;
/// TLS handshakes under way at a time; for one more the oldest is given up.
pub const HANDSHAKES_MAX: usize = 128;
/// Those of one address.
pub const HANDSHAKES_PER_ADDRESS_MAX: usize = 48;
/// Connections of peers that wait to be served.
const CONNECTIONS_WAITING_MAX: usize = 64;
/// Time within which a peer must finish its TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Time within which a connection to a peer must be made, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// HTTP/2 window of one stream.
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// HTTP/2 window of one connection.
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;
/// Interval of HTTP/2 pings, and the time within which each must be answered.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
