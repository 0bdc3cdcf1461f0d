//! Bodies of the cluster. Ids are strings, because JavaScript rounds 63-bit numbers.

use super::{invalid, text};
use crate::problem::Problem;
use application::UpdateMember;
use application::ports::{ClusterStatus, Member, MemberRole, View};
use domain::{MemberAddress, MemberId, MemberName, NewMember};
use http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The cluster, as the answering node sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClusterBody {
    /// The cluster's name.
    cluster_id: String,
    /// The answering node. A decimal number as a string, because it may exceed 2^53.
    #[schema(example = "1")]
    node_id: String,
    /// The leader, or `null` when none is known. A decimal number as a string.
    #[schema(required = true, example = "1")]
    leader_id: Option<String>,
    /// The election term.
    term: u64,
    /// The revision that the answering node has applied.
    revision: u64,
    /// Which rules of the replicated state are in force.
    active_version: u32,
    /// The members, by id.
    members: Vec<MemberBody>,
    /// The head of the audit chain at `revision`, in hexadecimal.
    audit_head: String,
}

/// One member.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemberBody {
    /// Its id. A decimal number as a string, because it may exceed 2^53.
    #[schema(example = "1")]
    id: String,
    /// Its name.
    name: String,
    /// What it does.
    role: RoleBody,
    /// Whether it has a vote.
    voter: bool,
    /// Whether it answered just now.
    reachable: bool,
    /// The log index it has applied; `null` when not known.
    #[schema(required = true)]
    applied_index: Option<u64>,
    /// How many log entries it is behind; `null` when not known.
    #[schema(required = true)]
    lag: Option<u64>,
    /// Where the other members reach it.
    peer_addr: String,
    /// Where clients reach it.
    api_url: String,
}

/// What a member does.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RoleBody {
    /// Takes proposals.
    Leader,
    /// Votes and replicates.
    Follower,
    /// Replicates without a vote.
    Learner,
}

impl ClusterBody {
    pub(crate) fn new(status: &ClusterStatus, view: &View) -> Self {
        let header = view.state.header();
        Self {
            cluster_id: status.cluster_id.to_string(),
            node_id: status.node_id.to_string(),
            leader_id: status.leader_id.map(|id| id.to_string()),
            term: status.term,
            revision: header.revision.0,
            active_version: header.active_version,
            members: status.members.iter().map(Into::into).collect(),
            audit_head: header.audit_head.to_string(),
        }
    }
}

impl From<&Member> for MemberBody {
    fn from(member: &Member) -> Self {
        Self {
            id: member.id.to_string(),
            name: member.name.clone(),
            role: match member.role {
                MemberRole::Leader => RoleBody::Leader,
                MemberRole::Follower => RoleBody::Follower,
                MemberRole::Learner => RoleBody::Learner,
            },
            voter: member.voter,
            reachable: member.reachable,
            applied_index: member.applied_index,
            lag: member.lag,
            peer_addr: member.peer_addr.clone(),
            api_url: member.api_url.clone(),
        }
    }
}

/// A machine to add to the cluster. It runs already, with `cluster.join` and an empty data folder.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "id": "4611686018427387904", "name": "node4", "peer_addr": "10.0.0.4:9080",
    "api_url": "http://10.0.0.4:8080"
}))]
pub(crate) struct NewMemberBody {
    /// Its `node.id`: a decimal number from 1 to 2^63 - 1 as a string, never used before.
    #[schema(max_length = 19, pattern = "^[1-9][0-9]{0,18}$")]
    id: String,
    /// What operators call it.
    #[schema(min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    name: String,
    /// Where the other members reach it: host and port.
    #[schema(max_length = 255, pattern = "^[!-~]+:[0-9]{1,5}$")]
    peer_addr: String,
    /// Where clients reach it: an http or https URL without a user, query or fragment.
    #[schema(max_length = 255, pattern = "^https?://[!-~]+$")]
    api_url: String,
}

/// Other addresses of a member; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1, example = json!({ "peer_addr": "10.0.1.4:9080" }))]
pub(crate) struct MemberChange {
    /// Where the other members reach it: host and port.
    #[serde(default, deserialize_with = "text")]
    #[schema(value_type = String, required = false, max_length = 255, pattern = "^[!-~]+:[0-9]{1,5}$")]
    peer_addr: Option<String>,
    /// Where clients reach it: an http or https URL without a user, query or fragment.
    #[serde(default, deserialize_with = "text")]
    #[schema(value_type = String, required = false, max_length = 255, pattern = "^https?://[!-~]+$")]
    api_url: Option<String>,
}

impl MemberChange {
    pub(crate) fn change(self, id: MemberId) -> Result<UpdateMember, Problem> {
        if self.peer_addr.is_none() && self.api_url.is_none() {
            return Err(invalid("peer_addr", "or api_url must be there"));
        }
        let peer_addr = self.peer_addr.as_deref().map(peer_addr).transpose()?;
        Ok(UpdateMember { id, peer_addr, api_url: self.api_url.as_deref().map(api_url).transpose()? })
    }
}

fn peer_addr(text: &str) -> Result<MemberAddress, Problem> {
    let rule = "must be host:port of at most 255 bytes, with a port from 1 to 65535";
    let address = MemberAddress::parse(text).ok().filter(|_| is_host_and_port(text));
    address.ok_or_else(|| invalid("peer_addr", rule))
}

fn api_url(text: &str) -> Result<MemberAddress, Problem> {
    let rule = "must be an http or https URL of at most 255 bytes, without a user, query or fragment";
    let text = text.trim_end_matches('/');
    let address = MemberAddress::parse(text).ok().filter(|_| is_api_url(text));
    address.ok_or_else(|| invalid("api_url", rule))
}

impl NewMemberBody {
    pub(crate) fn member(self) -> Result<NewMember, Problem> {
        Ok(NewMember {
            id: MemberId::parse(&self.id).map_err(|error| invalid("id", &rule(&error.to_string())))?,
            name: MemberName::parse(&self.name).map_err(|_| {
                invalid("name", &format!("must be 1 to 63 bytes and match {}", MemberName::PATTERN))
            })?,
            peer_addr: peer_addr(&self.peer_addr)?,
            api_url: api_url(&self.api_url)?,
        })
    }
}

/// The message of a rule without the name of its subject.
fn rule(message: &str) -> String {
    message.strip_prefix("a member id ").unwrap_or(message).to_owned()
}

fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let host_is_valid =
        !host.is_empty() && !host.contains(['/', '@', '?', '#']) && (!host.contains(':') || bracketed);
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    host_is_valid && digits && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_api_url(text: &str) -> bool {
    let scheme = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    scheme
        && !text.contains(['@', '?', '#'])
        && text.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()))
}

/// Who shall lead.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "to": "4611686018427387904" }))]
pub(crate) struct TransferBody {
    /// A member with a vote; the one that is furthest when left out.
    #[schema(max_length = 19, pattern = "^[1-9][0-9]{0,18}$")]
    to: Option<String>,
}

impl TransferBody {
    pub(crate) fn to(&self) -> Result<Option<MemberId>, Problem> {
        let parse =
            |text: &String| MemberId::parse(text).map_err(|error| invalid("to", &rule(&error.to_string())));
        self.to.as_ref().map(parse).transpose()
    }
}

/// What a node logs.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "filter": "info,openraft=error" }))]
pub(crate) struct LogFilterBody {
    /// A level (`off`, `error`, `warn`, `info`, `debug`, `trace`), and others for some modules, as in `log.filter`.
    #[schema(min_length = 1, max_length = 1024)]
    pub(crate) filter: String,
}

/// Who leads now.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeaderBody {
    /// The leader. A decimal number as a string.
    #[schema(example = "1")]
    pub(crate) leader_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_their_form() {
        for good in ["127.0.0.1:9080", "node-1.local:1", "[::1]:9080"] {
            assert!(is_host_and_port(good), "{good}");
        }
        for bad in ["", "host", "host:", ":1", "host:0", "host:65536", "host:+1", "::1:9080", "http://h:1"] {
            assert!(!is_host_and_port(bad), "{bad}");
        }
        for good in ["http://h", "https://h:1/base", "http://[::1]:8080"] {
            assert!(is_api_url(good), "{good}");
        }
        for bad in ["", "h", "ftp://h", "http://", "http://u@h", "http://h?x", "http://h#x", "http:///x"] {
            assert!(!is_api_url(bad), "{bad}");
        }
    }
}
