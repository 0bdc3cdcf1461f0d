//! Decisions on who may be a member. That it then is one, or is none any more, is done by others.

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

    /// Deciding it again is allowed: the member may still be there, because the first removal was cut short.
    pub(super) fn retire_member(&self, id: MemberId) -> Result<Vec<Event>, Rejection> {
        self.require(Permission::ClusterWrite, Resource::Platform)?;
        if !self.state.is_retired_member(id) {
            within("retired_members", self.state.retired_members.len(), RETIRED_MEMBERS_MAX)?;
        }
        Ok(vec![Event::MemberRetired { id }])
    }
}
