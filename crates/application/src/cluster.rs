//! Use cases on the cluster and its members.

use crate::ports::{ClusterStatus, ClusterView, Freshness, Member, MemberRole, Membership, View};
use crate::{Core, Error, RequestContext, Seen};
use domain::{
    ClusterId, Command, MemberAddress, MemberId, MemberName, NewMember, Permission, Resource, Revision,
};
use std::fmt;
use std::sync::Arc;

/// Use cases on the cluster and its members.
#[derive(Clone)]
pub struct Cluster {
    core: Core,
    members: Arc<dyn ClusterView>,
    membership: Arc<dyn Membership>,
}

/// An added member.
#[derive(Clone, Debug)]
pub struct AddedMember {
    /// The member as this node sees it.
    pub member: Member,
    /// Whether it was not a member before.
    pub created: bool,
    /// The revision of its admission.
    pub revision: Revision,
}

/// New addresses of a member; `None` leaves an address unchanged.
#[derive(Clone, Debug)]
pub struct UpdateMember {
    /// The member.
    pub id: MemberId,
    /// The address for the other members.
    pub peer_addr: Option<MemberAddress>,
    /// The address for clients.
    pub api_url: Option<MemberAddress>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cluster")
    }
}

impl Cluster {
    pub(crate) fn new(core: Core, members: Arc<dyn ClusterView>, membership: Arc<dyn Membership>) -> Self {
        Self { core, members, membership }
    }

    /// The cluster id, if this node has applied it; not secret.
    pub async fn id(&self) -> Option<ClusterId> {
        let view = self.core.state.view(Freshness::STALE).await.ok()?;
        view.state.header().cluster_id.clone()
    }

    /// The cluster as this node sees it, with the state that this node has applied. Available without a
    /// leader, because operators need it then.
    pub async fn status(&self, ctx: &RequestContext) -> Result<(ClusterStatus, View), Error> {
        let view = self
            .core
            .authorized_view(ctx, Freshness::STALE, Permission::ClusterRead, Resource::Platform)
            .await?;
        Ok((self.members.status().await, view))
    }

    /// Adds a waiting node to the cluster as a voter, once it has caught up. A retry is safe and continues an
    /// interrupted request.
    pub async fn add_member(&self, ctx: &RequestContext, new: NewMember) -> Result<AddedMember, Error> {
        self.may_write(ctx).await?;
        let command = Command::AdmitMember { member: new.clone() };
        let done = self.membership.change(self.core.env.stamp(ctx, command)).await?;
        let seen = self.members.status().await.members.into_iter().find(|one| one.id == new.id.get());
        let member = seen.unwrap_or_else(|| unseen(&new));
        Ok(AddedMember { member, created: done.changed, revision: done.revision })
    }

    /// Changes the addresses of a member. It must already run there and answer the leader.
    pub async fn update_member(
        &self,
        ctx: &RequestContext,
        change: UpdateMember,
    ) -> Result<Seen<Member>, Error> {
        self.may_write(ctx).await?;
        let id = change.id;
        let missing = || Error::not_found("member", id);
        let found = |status: ClusterStatus| status.members.into_iter().find(|one| one.id == id.get());
        let now = found(self.members.status().await).ok_or_else(missing)?;
        let address = |text: &str| MemberAddress::parse(text).map_err(|error| Error::Internal(error.into()));
        let member = NewMember {
            id,
            name: MemberName::parse(&now.name).map_err(|error| Error::Internal(error.into()))?,
            peer_addr: change.peer_addr.map_or_else(|| address(&now.peer_addr), Ok)?,
            api_url: change.api_url.map_or_else(|| address(&now.api_url), Ok)?,
        };
        let command = Command::UpdateMember { member: member.clone() };
        let done = self.membership.change(self.core.env.stamp(ctx, command)).await?;
        let seen = found(self.members.status().await).unwrap_or_else(|| unseen(&member));
        Ok(Seen { item: seen, revision: done.revision, stale_for_ms: None })
    }

    /// Permanently removes a member; its id is never accepted again.
    pub async fn remove_member(&self, ctx: &RequestContext, id: MemberId) -> Result<Revision, Error> {
        self.may_write(ctx).await?;
        let command = Command::RetireMember { id };
        Ok(self.membership.change(self.core.env.stamp(ctx, command)).await?.revision)
    }

    /// Transfers leadership. Returns the new leader, and the revision in which the permission was checked.
    pub async fn transfer_leadership(
        &self,
        ctx: &RequestContext,
        to: Option<MemberId>,
    ) -> Result<(MemberId, Revision), Error> {
        let revision = self.may_write(ctx).await?;
        Ok((self.membership.transfer(to).await?, revision))
    }

    /// Checks that the caller may operate this node; works without a leader. Returns the revision of the
    /// check.
    pub async fn may_operate(&self, ctx: &RequestContext) -> Result<Revision, Error> {
        let (permission, resource) = (Permission::ClusterWrite, Resource::Platform);
        let view = self.core.authorized_view(ctx, Freshness::STALE, permission, resource).await?;
        Ok(view.state.revision())
    }

    async fn may_write(&self, ctx: &RequestContext) -> Result<Revision, Error> {
        let (permission, resource) = (Permission::ClusterWrite, Resource::Platform);
        let view = self.core.authorized_view(ctx, Freshness::LINEARIZABLE, permission, resource).await?;
        Ok(view.state.revision())
    }
}

/// A substitute for a member that this node does not list, because the membership changed again meanwhile.
fn unseen(new: &NewMember) -> Member {
    Member {
        id: new.id.get(),
        name: new.name.to_string(),
        role: MemberRole::Follower,
        voter: true,
        reachable: false,
        applied_index: None,
        lag: None,
        peer_addr: new.peer_addr.to_string(),
        api_url: new.api_url.to_string(),
    }
}
