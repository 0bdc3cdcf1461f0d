//! The command line.

use clap::{Args, Parser, Subcommand};
use domain::ClusterId;
use std::net::IpAddr;
use std::path::PathBuf;

/// Guardian keeps configuration: JSON documents that services read at run time.
#[derive(Debug, Parser)]
#[command(name = "guardian", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Starts a whole cluster on this machine, to try things out.
    Dev(DevArgs),
    /// Runs one node.
    Server(ServerArgs),
    /// Says what is wrong with a settings file; exits with 64 when something is.
    CheckConfig(SettingsArgs),
    /// Makes the certificates, the settings files and the administrator key of a new cluster.
    Init(InitArgs),
    /// Makes the certificate and the settings file of one more member of a cluster.
    AddMember(AddMemberArgs),
    /// Brings the schema of the identity database up to date.
    Migrate(SettingsArgs),
    /// The record of what was done.
    Audit(AuditArgs),
    /// Prints the HTTP contract (`OpenAPI` 3.1).
    Openapi,
}

/// `guardian dev`.
#[derive(Args, Debug)]
pub struct DevArgs {
    /// How many nodes; 3 for a new folder, what is there for an existing one.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=7))]
    pub nodes: Option<u16>,
    /// Where everything is kept; an existing folder is resumed with all its data.
    #[arg(long, default_value = "./guardian-dev")]
    pub data_dir: PathBuf,
    /// HTTP port of the first node, the others follow; peers use these ports plus 1000. 8080 for a new
    /// folder, what is there for an existing one.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1024..=64_000))]
    pub port: Option<u16>,
}

/// `guardian audit`.
#[derive(Args, Debug)]
pub struct AuditArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// What to do with the audit.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Checks that no record was changed, taken out or put in, and names the first bad one; exits with 1 then.
    Verify(SettingsArgs),
}

/// Where settings come from.
#[derive(Args, Debug)]
pub struct SettingsArgs {
    /// The settings file (TOML).
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Overrides one setting of the file and the environment, such as `log.filter=debug`.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", value_parser = assignment)]
    pub overrides: Vec<(String, String)>,
}

/// `guardian server`.
#[derive(Args, Debug)]
pub struct ServerArgs {
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Refuse to start when the schema of the identity database is not up to date, instead of migrating it.
    #[arg(long)]
    pub no_migrate: bool,
    /// Stop when this process, the parent, ends.
    #[arg(long, hide = true, value_name = "PID")]
    pub die_with_parent: Option<i32>,
}

/// `guardian init`.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// Names the cluster; random when left out.
    #[arg(long, value_parser = cluster_id)]
    pub cluster_id: Option<ClusterId>,
    /// The folder to make; must not exist or be empty.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// One member, such as `a=10.0.0.1:9080=http://10.0.0.1:8080`; repeat for each.
    #[arg(long = "member", required = true, value_name = "NAME=PEER_ADDR=API_URL", value_parser = member)]
    pub members: Vec<MemberArg>,
    /// The address on which members take clients, over HTTP without TLS: this machine only, unless another one is
    /// named, such as 0.0.0.0 in a network of its own behind a proxy that does TLS.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub http_listen: IpAddr,
}

/// `guardian add-member`.
#[derive(Args, Debug)]
pub struct AddMemberArgs {
    /// The folder that `guardian init` made, with `ca/ca.key` and the folder of at least one member.
    #[arg(long, value_name = "DIR")]
    pub cluster: PathBuf,
    /// The new member, such as `d=10.0.0.4:9080=http://10.0.0.4:8080`; its folder is made beside the others.
    #[arg(long, value_name = "NAME=PEER_ADDR=API_URL", value_parser = member)]
    pub member: MemberArg,
    /// The address on which members take clients, over HTTP without TLS: this machine only, unless another one is
    /// named, such as 0.0.0.0 in a network of its own behind a proxy that does TLS.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub http_listen: IpAddr,
}

/// A member on the command line, without an id.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MemberArg {
    /// The name; also the name of its folder.
    pub name: String,
    /// `host:port` for peers.
    pub peer_addr: String,
    /// The URL for clients.
    pub api_url: String,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected SECTION.KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn cluster_id(text: &str) -> Result<ClusterId, String> {
    ClusterId::parse(text).map_err(|error| error.to_string())
}

fn member(text: &str) -> Result<MemberArg, String> {
    let mut parts = text.splitn(3, '=').map(str::to_owned);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(peer_addr), Some(api_url)) => Ok(MemberArg { name, peer_addr, api_url }),
        _ => Err("expected NAME=PEER_ADDR=API_URL".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn members_have_three_parts() {
        let parsed = member("a=10.0.0.1:9080=http://h:8080/?x=1").expect("three parts");
        assert_eq!(parsed.api_url, "http://h:8080/?x=1");
        assert!(member("a=10.0.0.1:9080").is_err());
    }
}
