//! Validation of the configured members.

use super::validate::Faults;
use super::{Member, Settings};
use adapter_raft::NodeMember;
use domain::ClusterId;
use domain::limits::MEMBERS_MAX;
use reqwest::Url;
use std::collections::BTreeSet;

pub(super) fn node_id(faults: &mut Faults, key: &str, text: &str) -> u64 {
    match text.parse::<i64>() {
        Ok(id) if id > 0 && id.to_string() == text => id.unsigned_abs(),
        _ => faults.instead(key, format!("must be a decimal number from 1 to {}", i64::MAX)),
    }
}

/// Checks that a name is a DNS label; a member's name is part of paths.
pub(super) fn label(faults: &mut Faults, key: &str, text: &str) {
    if ClusterId::parse(text).is_err() {
        faults.add(key, format!("must be 1 to 63 bytes and match {}", ClusterId::PATTERN));
    }
}

pub(super) fn members(faults: &mut Faults, settings: &Settings) -> Vec<NodeMember> {
    let declared = &settings.cluster.members;
    if !(1..=MEMBERS_MAX).contains(&declared.len()) {
        faults.add("cluster.members", format!("must list 1 to {MEMBERS_MAX} members"));
    }
    for (what, of) in [
        ("id", (|member| &member.id) as fn(&Member) -> &String),
        ("name", |member| &member.name),
        ("peer_addr", |member| &member.peer_addr),
        ("api_url", |member| &member.api_url),
    ] {
        let distinct: BTreeSet<&String> = declared.iter().map(of).collect();
        if distinct.len() != declared.len() {
            faults.add("cluster.members", format!("two members have the same {what}"));
        }
    }
    declared.iter().enumerate().map(|(at, member)| one(faults, at, member)).collect()
}

fn one(faults: &mut Faults, at: usize, member: &Member) -> NodeMember {
    let key = |field: &str| format!("cluster.members[{at}].{field}");
    let id = node_id(faults, &key("id"), &member.id);
    label(faults, &key("name"), &member.name);
    if !is_host_and_port(&member.peer_addr) {
        faults.add(key("peer_addr"), "must be host:port, with a port from 1 to 65535");
    }
    if !is_api_url(&member.api_url) {
        faults.add(key("api_url"), "must be an http or https URL without a user, query or fragment");
    }
    NodeMember {
        id,
        name: member.name.clone(),
        peer_addr: member.peer_addr.clone(),
        api_url: member.api_url.trim_end_matches('/').to_owned(),
    }
}

fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let host_is_valid = !host.is_empty()
        && !host.contains(['/', '@', ' ', '?', '#'])
        && (!host.contains(':') || (host.starts_with('[') && host.ends_with(']')));
    host_is_valid && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_api_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_host_and_port() {
        for good in ["127.0.0.1:9080", "node-1.local:1", "[::1]:9080"] {
            assert!(is_host_and_port(good), "{good}");
        }
        for bad in ["", "host", "host:", ":1", "host:0", "host:65536", "::1:9080", "http://h:1", "a b:1"] {
            assert!(!is_host_and_port(bad), "{bad}");
        }
    }
}
