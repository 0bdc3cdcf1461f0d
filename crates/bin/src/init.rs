//! `guardian init` creates the files of a new cluster, one folder per member; `guardian add-member` creates
//! one more.

use crate::cli::{AddMemberArgs, InitArgs, MemberArg};
use crate::cluster_files::{self, Plan, PlannedMember};
use crate::out;
use crate::settings::Identity;
use anyhow::Context as _;
use reqwest::Url;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The HTTP port if `api_url` has none.
const HTTP_PORT: u16 = 8080;

/// Creates the files and prints the administrator key once.
pub fn run(args: &InitArgs) -> anyhow::Result<()> {
    let members = args
        .members
        .iter()
        .map(|member| planned(member, args.http_listen))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let cluster_id = match &args.cluster_id {
        Some(id) => id.clone(),
        None => cluster_files::random_cluster_id("guardian")?,
    };
    let plan = Plan { cluster_id, members, log_format: "json", identity: Identity::default() };
    let admin_key = cluster_files::create(&args.out, &plan)?;
    let dir = args.out.display();
    out::say(format_args!("{dir}/ca/ca.key signs new members: keep it offline, it is not needed to run."));
    for member in &plan.members {
        out::say(format_args!(
            "{dir}/{name} belongs to {name}: guardian server --config {dir}/{name}/guardian.toml",
            name = member.name
        ));
    }
    if args.http_listen.is_loopback() {
        out::say(
            "Clients of other machines need a proxy that does TLS on each member's, or --http-listen: members take \
             clients on this machine only.",
        );
    }
    out::say("The administrator key, shown only now:");
    out::say(admin_key);
    Ok(())
}

/// Creates the folder of a new member, and prints the request that adds it.
pub fn add_member(args: &AddMemberArgs) -> anyhow::Result<()> {
    let planned = planned(&args.member, args.http_listen)?;
    let id = cluster_files::add(&args.cluster, &planned)?;
    let (dir, name) = (args.cluster.display(), &planned.name);
    out::say(format_args!(
        "{dir}/{name} belongs to {name}: guardian server --config {dir}/{name}/guardian.toml"
    ));
    out::say("Once it runs, add it: POST /api/v1/cluster/members");
    out::say(format_args!(
        r#"{{"id":"{id}","name":"{name}","peer_addr":"{}","api_url":"{}"}}"#,
        planned.peer_addr, planned.api_url
    ));
    Ok(())
}

fn planned(member: &MemberArg, http_listen: IpAddr) -> anyhow::Result<PlannedMember> {
    let what = || format!("member {}", member.name);
    let url = Url::parse(&member.api_url).with_context(what)?;
    let (_, peer_port) =
        member.peer_addr.rsplit_once(':').context("expected host:port").with_context(what)?;
    let peer_port = peer_port.parse().with_context(what)?;
    let (peer_host, _) = member.peer_addr.rsplit_once(':').unwrap_or_default();
    Ok(PlannedMember {
        name: member.name.clone(),
        peer_addr: member.peer_addr.clone(),
        api_url: member.api_url.clone(),
        http_listen: SocketAddr::new(http_listen, url.port().unwrap_or(HTTP_PORT)),
        peer_listen: any(peer_host, peer_port),
    })
}

/// The unspecified address of the same family as `host`.
fn any(host: &str, port: u16) -> SocketAddr {
    let is_v6 = host.trim_start_matches('[').trim_end_matches(']').parse::<Ipv6Addr>().is_ok();
    let ip = if is_v6 { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { Ipv4Addr::UNSPECIFIED.into() };
    SocketAddr::from((ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_listens_in_the_family_of_its_addresses() {
        let planned = |peer_addr: &str| {
            let member = MemberArg {
                name: "a".to_owned(),
                peer_addr: peer_addr.to_owned(),
                api_url: "http://h:8080".to_owned(),
            };
            planned(&member, Ipv4Addr::LOCALHOST.into()).expect("a member").peer_listen.to_string()
        };
        assert_eq!(planned("[2001:db8::1]:9080"), "[::]:9080");
        assert_eq!(planned("10.0.0.1:9080"), "0.0.0.0:9080");
        assert_eq!(planned("a.test:9080"), "0.0.0.0:9080");
    }

    #[test]
    fn clients_are_taken_on_this_machine_only_unless_asked_otherwise() {
        let member = MemberArg {
            name: "a".to_owned(),
            peer_addr: "10.0.0.1:9080".to_owned(),
            api_url: "http://10.0.0.1:8443".to_owned(),
        };
        let default = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let listens = |ip| planned(&member, ip).expect("a member").http_listen.to_string();
        assert_eq!(listens(default), "127.0.0.1:8443");
        assert_eq!(listens(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), "0.0.0.0:8443");
    }
}
