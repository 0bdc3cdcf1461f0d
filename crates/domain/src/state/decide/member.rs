//! Decisions on which nodes may be members. Consensus changes the membership itself.

use super::{Decision, within};
use crate::access::{Permission, Resource};
use crate::limits::RETIRED_MEMBERS_MAX;
use crate::{Event, MemberId, NewMember, Rejection};

impl Decision<'_> {
    pub(super) fn admit_member(&self, member: &NewMember) -> Result<Vec<Event>, Rejection> {
        self.require(Permission::ClusterWrite, Resource::Platform)?;
        if self.state.is_retired_member(member.id) {
            return Err(Rejection::MemberRetired(member.id));
        }
        Ok(vec![Event::MemberAdmitted { member: member.clone() }])
    }

    pub(super) fn update_member(&self, member: &NewMember) -> Result<Vec<Event>, Rejection> {
        self.require(Permission::ClusterWrite, Resource::Platform)?;
        if self.state.is_retired_member(member.id) {
            return Err(Rejection::MemberRetired(member.id));
        }
        Ok(vec![Event::MemberUpdated { member: member.clone() }])
    }

    /// May be repeated, because an earlier removal may have been interrupted before the membership changed.
    pub(super) fn retire_member(&self, id: MemberId) -> Result<Vec<Event>, Rejection> {
        self.require(Permission::ClusterWrite, Resource::Platform)?;
        if !self.state.is_retired_member(id) {
            within("retired_members", self.state.retired_members.len(), RETIRED_MEMBERS_MAX)?;
        }
        Ok(vec![Event::MemberRetired { id }])
    }
}
