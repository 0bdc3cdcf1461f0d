//! The leader's replies to membership changes.

use super::proto;
use crate::network::{ChangeError, MembersDone};
use application::ports::{MemberFault, MemberRefusal};
use proto::forward_failure::Kind as FailureKind;
use proto::member_refusal::Kind;
use proto::members_reply::Outcome;

impl From<MemberFault> for Kind {
    fn from(fault: MemberFault) -> Self {
        match fault {
            MemberFault::Exists => Self::Exists,
            MemberFault::NotFound => Self::NotFound,
            MemberFault::TooMany => Self::TooMany,
            MemberFault::Unreachable => Self::Unreachable,
            MemberFault::NotJoining => Self::NotJoining,
            MemberFault::Behind => Self::Behind,
            MemberFault::LastVoter => Self::LastVoter,
            MemberFault::QuorumAtRisk => Self::QuorumAtRisk,
            MemberFault::NoSuccessor => Self::NoSuccessor,
            MemberFault::Busy => Self::Busy,
        }
    }
}

fn fault(kind: Kind) -> Option<MemberFault> {
    Some(match kind {
        Kind::Unspecified => return None,
        Kind::Exists => MemberFault::Exists,
        Kind::NotFound => MemberFault::NotFound,
        Kind::TooMany => MemberFault::TooMany,
        Kind::Unreachable => MemberFault::Unreachable,
        Kind::NotJoining => MemberFault::NotJoining,
        Kind::Behind => MemberFault::Behind,
        Kind::LastVoter => MemberFault::LastVoter,
        Kind::QuorumAtRisk => MemberFault::QuorumAtRisk,
        Kind::NoSuccessor => MemberFault::NoSuccessor,
        Kind::Busy => MemberFault::Busy,
    })
}

impl From<Result<MembersDone, ChangeError>> for proto::MembersReply {
    fn from(result: Result<MembersDone, ChangeError>) -> Self {
        let failure = |kind: FailureKind, message| {
            Outcome::Failure(proto::ForwardFailure { kind: kind.into(), message })
        };
        let outcome = match result {
            Ok(MembersDone { revision, changed, index, leader }) => {
                Outcome::Done(proto::MembersDone { revision, changed, index, leader })
            }
            Err(ChangeError::Rejected(outcome)) => Outcome::Rejected(outcome),
            Err(ChangeError::Refused(refusal)) => Outcome::Refused(proto::MemberRefusal {
                kind: Kind::from(refusal.fault).into(),
                detail: refusal.detail,
            }),
            Err(ChangeError::NotDone(why)) => failure(FailureKind::NotProposed, why),
            Err(ChangeError::Unknown(why)) => failure(FailureKind::Unknown, why),
        };
        Self { outcome: Some(outcome) }
    }
}

impl proto::MembersReply {
    /// The result that the leader reported. If the reply cannot be decoded, the outcome is unknown.
    pub fn into_result(self) -> Result<MembersDone, ChangeError> {
        match self.outcome {
            Some(Outcome::Done(done)) => Ok(MembersDone {
                revision: done.revision,
                changed: done.changed,
                index: done.index,
                leader: done.leader,
            }),
            Some(Outcome::Rejected(outcome)) => Err(ChangeError::Rejected(outcome)),
            Some(Outcome::Refused(refusal)) => Err(match fault(refusal.kind()) {
                Some(fault) => ChangeError::Refused(MemberRefusal { fault, detail: refusal.detail }),
                None => ChangeError::Unknown(refusal.detail),
            }),
            Some(Outcome::Failure(failure)) => Err(match failure.kind() {
                FailureKind::NotProposed => ChangeError::NotDone(failure.message),
                _ => ChangeError::Unknown(failure.message),
            }),
            None => Err(ChangeError::Unknown("the leader's answer is empty".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_arrive_as_they_were_given() {
        let refused = |fault| ChangeError::Refused(MemberRefusal { fault, detail: "why".to_owned() });
        let errors = [
            ChangeError::NotDone("a".to_owned()),
            ChangeError::Unknown("b".to_owned()),
            ChangeError::Rejected(bytes::Bytes::from_static(b"c")),
            refused(MemberFault::Exists),
            refused(MemberFault::NotFound),
            refused(MemberFault::TooMany),
            refused(MemberFault::Unreachable),
            refused(MemberFault::NotJoining),
            refused(MemberFault::Behind),
            refused(MemberFault::LastVoter),
            refused(MemberFault::QuorumAtRisk),
            refused(MemberFault::NoSuccessor),
            refused(MemberFault::Busy),
        ];
        for error in errors {
            let said = format!("{error:?}");
            let heard = proto::MembersReply::from(Err(error)).into_result().expect_err("an error");
            assert_eq!(format!("{heard:?}"), said);
        }
        let done = MembersDone { revision: 1, changed: true, index: 2, leader: 3 };
        assert_eq!(proto::MembersReply::from(Ok(done)).into_result().expect("done"), done);
    }
}
