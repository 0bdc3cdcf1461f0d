//! The requests and responses of Raft.

use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, TransferLeaderError, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};

use super::{DecodeError, proto, required};
use crate::type_config::TypeConfig;

impl From<AppendEntriesRequest<TypeConfig>> for proto::AppendRequest {
    fn from(request: AppendEntriesRequest<TypeConfig>) -> Self {
        Self {
            vote: Some((&request.vote).into()),
            prev_log_id: request.prev_log_id.as_ref().map(Into::into),
            entries: request.entries.into_iter().map(Into::into).collect(),
            leader_commit: request.leader_commit.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<proto::AppendRequest> for AppendEntriesRequest<TypeConfig> {
    type Error = DecodeError;

    fn try_from(request: proto::AppendRequest) -> Result<Self, DecodeError> {
        let entries = request.entries.into_iter().map(proto::Entry::into_entry);
        Ok(Self {
            vote: required(request.vote, "AppendRequest.vote")?.into(),
            prev_log_id: request.prev_log_id.map(Into::into),
            entries: entries.collect::<Result<_, _>>()?,
            leader_commit: request.leader_commit.map(Into::into),
        })
    }
}

impl From<AppendEntriesResponse<TypeConfig>> for proto::AppendReply {
    fn from(response: AppendEntriesResponse<TypeConfig>) -> Self {
        use proto::append_reply::{Outcome, Partial};

        let outcome = match response {
            AppendEntriesResponse::Success => Outcome::Success(proto::Blank {}),
            AppendEntriesResponse::PartialSuccess(log_id) => {
                Outcome::Partial(Partial { log_id: log_id.as_ref().map(Into::into) })
            }
            AppendEntriesResponse::Conflict => Outcome::Conflict(proto::Blank {}),
            AppendEntriesResponse::HigherVote(vote) => Outcome::HigherVote((&vote).into()),
        };
        // Filled in by the server.
        Self { outcome: Some(outcome), space: 0 }
    }
}

impl TryFrom<proto::AppendReply> for AppendEntriesResponse<TypeConfig> {
    type Error = DecodeError;

    fn try_from(reply: proto::AppendReply) -> Result<Self, DecodeError> {
        use proto::append_reply::Outcome;

        Ok(match required(reply.outcome, "AppendReply.outcome")? {
            Outcome::Success(_) => Self::Success,
            Outcome::Partial(partial) => Self::PartialSuccess(partial.log_id.map(Into::into)),
            Outcome::Conflict(_) => Self::Conflict,
            Outcome::HigherVote(vote) => Self::HigherVote(vote.into()),
        })
    }
}

impl From<VoteRequest<TypeConfig>> for proto::VoteRequest {
    fn from(request: VoteRequest<TypeConfig>) -> Self {
        Self {
            vote: Some((&request.vote).into()),
            last_log_id: request.last_log_id.as_ref().map(Into::into),
            leadership_transfer: request.leadership_transfer,
        }
    }
}

impl TryFrom<proto::VoteRequest> for VoteRequest<TypeConfig> {
    type Error = DecodeError;

    fn try_from(request: proto::VoteRequest) -> Result<Self, DecodeError> {
        Ok(Self {
            vote: required(request.vote, "VoteRequest.vote")?.into(),
            last_log_id: request.last_log_id.map(Into::into),
            leadership_transfer: request.leadership_transfer,
        })
    }
}

impl From<VoteResponse<TypeConfig>> for proto::VoteReply {
    fn from(response: VoteResponse<TypeConfig>) -> Self {
        Self {
            vote: Some((&response.vote).into()),
            granted: response.vote_granted,
            last_log_id: response.last_log_id.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<proto::VoteReply> for VoteResponse<TypeConfig> {
    type Error = DecodeError;

    fn try_from(reply: proto::VoteReply) -> Result<Self, DecodeError> {
        Ok(Self {
            vote: required(reply.vote, "VoteReply.vote")?.into(),
            vote_granted: reply.granted,
            last_log_id: reply.last_log_id.map(Into::into),
        })
    }
}

impl From<&TransferLeaderRequest<TypeConfig>> for proto::TransferLeaderRequest {
    fn from(request: &TransferLeaderRequest<TypeConfig>) -> Self {
        Self {
            from_leader: Some(request.from_leader().into()),
            to_node_id: *request.to_node_id(),
            last_log_id: request.last_log_id().map(Into::into),
        }
    }
}

impl TryFrom<proto::TransferLeaderRequest> for TransferLeaderRequest<TypeConfig> {
    type Error = DecodeError;

    fn try_from(request: proto::TransferLeaderRequest) -> Result<Self, DecodeError> {
        Ok(Self::new(
            required(request.from_leader, "TransferLeaderRequest.from_leader")?.into(),
            request.to_node_id,
            request.last_log_id.map(Into::into),
        ))
    }
}

impl From<TransferLeaderResponse<TypeConfig>> for proto::TransferLeaderReply {
    fn from(response: TransferLeaderResponse<TypeConfig>) -> Self {
        use proto::transfer_leader_reply::{LogNotFlushed, Outcome, VoteChanged};

        let outcome = match response {
            Ok(()) => Outcome::Accepted(proto::Blank {}),
            Err(TransferLeaderError::VoteChanged { expected, actual }) => Outcome::VoteChanged(VoteChanged {
                expected: Some((&expected).into()),
                actual: Some((&actual).into()),
            }),
            Err(TransferLeaderError::LogNotFlushed { expected, actual }) => {
                Outcome::LogNotFlushed(LogNotFlushed {
                    expected: expected.as_ref().map(Into::into),
                    actual: actual.as_ref().map(Into::into),
                })
            }
        };
        Self { outcome: Some(outcome) }
    }
}

impl proto::TransferLeaderReply {
    /// The response of the target; the outer error is a malformed reply.
    pub fn into_response(self) -> Result<TransferLeaderResponse<TypeConfig>, DecodeError> {
        use proto::transfer_leader_reply::Outcome;

        Ok(match required(self.outcome, "TransferLeaderReply.outcome")? {
            Outcome::Accepted(_) => Ok(()),
            Outcome::VoteChanged(votes) => Err(TransferLeaderError::VoteChanged {
                expected: required(votes.expected, "VoteChanged.expected")?.into(),
                actual: required(votes.actual, "VoteChanged.actual")?.into(),
            }),
            Outcome::LogNotFlushed(ids) => Err(TransferLeaderError::LogNotFlushed {
                expected: ids.expected.map(Into::into),
                actual: ids.actual.map(Into::into),
            }),
        })
    }
}
