//! Memberships and snapshot metadata.

use std::collections::BTreeSet;

use super::{DecodeError, proto, required};
use crate::type_config::{Membership, PeerInfo, SnapshotMeta, StoredMembership};

impl From<&PeerInfo> for proto::PeerInfo {
    fn from(info: &PeerInfo) -> Self {
        Self { name: info.name.clone(), peer_addr: info.peer_addr.clone(), api_url: info.api_url.clone() }
    }
}

impl From<proto::PeerInfo> for PeerInfo {
    fn from(info: proto::PeerInfo) -> Self {
        Self { name: info.name, peer_addr: info.peer_addr, api_url: info.api_url }
    }
}

impl From<&Membership> for proto::Membership {
    fn from(membership: &Membership) -> Self {
        let configs = membership
            .get_joint_config()
            .iter()
            .map(|set| proto::NodeSet { node_ids: set.iter().copied().collect() })
            .collect();
        let nodes = membership.nodes().map(|(id, info)| (*id, info.into())).collect();
        Self { configs, nodes }
    }
}

impl TryFrom<proto::Membership> for Membership {
    type Error = DecodeError;

    fn try_from(membership: proto::Membership) -> Result<Self, DecodeError> {
        // `new` refuses the empty membership of a node that never joined.
        if membership.configs.is_empty() && membership.nodes.is_empty() {
            return Ok(Self::default());
        }
        let configs: Vec<BTreeSet<u64>> =
            membership.configs.into_iter().map(|set| set.node_ids.into_iter().collect()).collect();
        let nodes: std::collections::BTreeMap<u64, PeerInfo> =
            membership.nodes.into_iter().map(|(id, info)| (id, info.into())).collect();
        Self::new(configs, nodes).map_err(|cause| DecodeError::Invalid(cause.to_string()))
    }
}

impl From<&StoredMembership> for proto::StoredMembership {
    fn from(stored: &StoredMembership) -> Self {
        Self {
            log_id: stored.log_id().as_ref().map(Into::into),
            membership: Some(stored.membership().into()),
        }
    }
}

impl TryFrom<proto::StoredMembership> for StoredMembership {
    type Error = DecodeError;

    fn try_from(stored: proto::StoredMembership) -> Result<Self, DecodeError> {
        let membership = required(stored.membership, "StoredMembership.membership")?;
        Ok(Self::new(stored.log_id.map(Into::into), membership.try_into()?))
    }
}

impl From<&SnapshotMeta> for proto::SnapshotMeta {
    fn from(meta: &SnapshotMeta) -> Self {
        Self {
            last_log_id: meta.last_log_id.as_ref().map(Into::into),
            last_membership: Some((&meta.last_membership).into()),
        }
    }
}

impl TryFrom<proto::SnapshotMeta> for SnapshotMeta {
    type Error = DecodeError;

    fn try_from(meta: proto::SnapshotMeta) -> Result<Self, DecodeError> {
        let membership = required(meta.last_membership, "SnapshotMeta.last_membership")?;
        Ok(Self { last_log_id: meta.last_log_id.map(Into::into), last_membership: membership.try_into()? })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn check(membership: &Membership) {
        let back = Membership::try_from(proto::Membership::from(membership));
        assert_eq!(&back.expect("our own membership"), membership);
    }

    fn nodes(ids: &[u64]) -> BTreeMap<u64, PeerInfo> {
        ids.iter().map(|id| (*id, PeerInfo::default())).collect()
    }

    #[test]
    fn the_membership_of_a_fresh_node_survives() {
        check(&Membership::default());
    }

    #[test]
    fn a_joint_membership_with_a_learner_survives() {
        let configs = vec![BTreeSet::from([1, 2, 3]), BTreeSet::from([2, 3, 4])];
        check(&Membership::new(configs, nodes(&[1, 2, 3, 4, 9])).expect("well-formed"));
    }

    #[test]
    fn a_voter_without_address_is_refused() {
        let membership =
            proto::Membership { configs: vec![proto::NodeSet { node_ids: vec![7] }], nodes: BTreeMap::new() };
        assert!(Membership::try_from(membership).is_err());
    }
}
