//! What peers say and what the log holds, as protobuf: refused or understood, and then the same once written.

use adapter_raft::codec::{DecodeError, proto};
use adapter_raft::type_config::{Membership, SnapshotMeta, StoredMembership, TypeConfig};
use fuzz::Target;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, TransferLeaderRequest, VoteRequest, VoteResponse,
};
use prost::Message;
use std::fmt::Debug;

/// A message without what has no meaning: the order of a set's members, and how often one is named.
trait Tidy: Sized {
    fn tidy(self) -> Self {
        self
    }
}

impl Tidy for proto::VoteRequest {}
impl Tidy for proto::VoteReply {}
impl Tidy for proto::TransferLeaderRequest {}
impl Tidy for proto::TransferLeaderReply {}

impl Tidy for proto::Membership {
    fn tidy(mut self) -> Self {
        for set in &mut self.configs {
            set.node_ids.sort_unstable();
            set.node_ids.dedup();
        }
        self
    }
}

impl Tidy for proto::StoredMembership {
    fn tidy(self) -> Self {
        Self { membership: self.membership.map(Tidy::tidy), ..self }
    }
}

impl Tidy for proto::SnapshotMeta {
    fn tidy(self) -> Self {
        Self { last_membership: self.last_membership.map(Tidy::tidy), ..self }
    }
}

impl Tidy for proto::Entry {
    fn tidy(self) -> Self {
        use proto::entry::Payload;
        let payload = self.payload.map(|payload| match payload {
            Payload::Membership(membership) => Payload::Membership(membership.tidy()),
            other => other,
        });
        Self { payload, ..self }
    }
}

/// The disk space is for the node that asked, and not for Raft.
impl Tidy for proto::AppendReply {
    fn tidy(self) -> Self {
        Self { space: 0, ..self }
    }
}

impl Tidy for proto::AppendRequest {
    fn tidy(self) -> Self {
        Self { entries: self.entries.into_iter().map(Tidy::tidy).collect(), ..self }
    }
}

/// Reads a message as `M` and turns it into what Raft knows: nothing of it may be lost, now or when it is sent.
fn check_as<M, T>(bytes: &[u8], read: impl Fn(M) -> Result<T, DecodeError>, write: impl Fn(&T) -> M)
where
    M: Message + Default + Clone + PartialEq + Tidy,
    T: Debug,
{
    let Ok(message) = M::decode(bytes) else { return };
    assert!(M::decode(message.encode_to_vec().as_slice()).is_ok_and(|again| again == message));
    let Ok(value) = read(message.clone()) else { return };
    let written = write(&value);
    assert!(written == message.tidy(), "something of {value:?} was lost");
    let sent = M::decode(written.encode_to_vec().as_slice()).expect("our own bytes");
    let again = read(sent).unwrap_or_else(|error| panic!("{value:?} is not read back: {error}"));
    assert!(write(&again) == written, "{value:?} became {again:?}");
}

/// Only decoded: nothing is made of it without looking at each field.
fn check_plain<M: Message + Default + Debug + PartialEq>(bytes: &[u8]) {
    if let Ok(message) = M::decode(bytes) {
        let again = M::decode(message.encode_to_vec().as_slice()).expect("our own bytes");
        assert!(again == message, "{message:?} became {again:?}");
    }
}

fn check(bytes: &[u8]) {
    check_as::<proto::Entry, _>(bytes, proto::Entry::into_entry, |entry| entry.clone().into());
    check_as::<proto::Membership, Membership>(bytes, TryInto::try_into, |all| all.into());
    check_as::<proto::StoredMembership, StoredMembership>(bytes, TryInto::try_into, |all| all.into());
    check_as::<proto::SnapshotMeta, SnapshotMeta>(bytes, TryInto::try_into, |meta| meta.into());
    check_as::<proto::AppendRequest, AppendEntriesRequest<TypeConfig>>(bytes, TryInto::try_into, |request| {
        request.clone().into()
    });
    check_as::<proto::AppendReply, AppendEntriesResponse<TypeConfig>>(bytes, TryInto::try_into, |reply| {
        reply.clone().into()
    });
    check_as::<proto::VoteRequest, VoteRequest<TypeConfig>>(bytes, TryInto::try_into, |request| {
        request.clone().into()
    });
    check_as::<proto::VoteReply, VoteResponse<TypeConfig>>(bytes, TryInto::try_into, |reply| {
        reply.clone().into()
    });
    check_as::<proto::TransferLeaderRequest, TransferLeaderRequest<TypeConfig>>(
        bytes,
        TryInto::try_into,
        |request| request.into(),
    );
    check_as::<proto::TransferLeaderReply, _>(bytes, proto::TransferLeaderReply::into_response, |reply| {
        reply.clone().into()
    });
    check_plain::<proto::HelloRequest>(bytes);
    check_plain::<proto::HelloReply>(bytes);
    check_plain::<proto::SnapshotFrame>(bytes);
    check_plain::<proto::ForwardRequest>(bytes);
    check_plain::<proto::ForwardReply>(bytes);
    check_plain::<proto::StatusReply>(bytes);
    check_plain::<proto::ReadBarrierReply>(bytes);
    check_plain::<proto::Identity>(bytes);
}

#[test]
fn peer_messages() {
    Target::new("peer_messages").check(check);
}
