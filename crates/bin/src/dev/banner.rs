//! The text that `guardian dev` prints when the cluster is ready: addresses, and three example commands.

use super::client::DemoState;
use super::folder::Folder;
use super::nodes::Pids;
use super::{ENVIRONMENT, PROJECT};
use anyhow::Context as _;
use std::fmt::Write as _;

const SCHEMA: &str = r#"{"type":"object","properties":{"port":{"type":"integer","minimum":1,"maximum":65535}},"required":["port"],"additionalProperties":false}"#;

/// Composes the text. `leader` is the id of the current leader.
pub(super) fn text(folder: &Folder, pids: &Pids, leader: &str, demo: DemoState) -> anyhow::Result<String> {
    let leads = |id: u64| id.to_string() == leader;
    let leading =
        folder.nodes.iter().find(|node| leads(node.id)).context("the leader is not one of the nodes")?;
    let pid = pids.of(leading.id).context("the leader has no process")?;
    let first = &folder.nodes[0].url;
    let other = folder.nodes.iter().find(|node| !leads(node.id));
    let mut text =
        format!("\nGuardian is ready: {} nodes, data in {}\n", folder.nodes.len(), folder.dir.display());
    for node in &folder.nodes {
        let pid = pids.of(node.id).context("a node has no process")?;
        let note = if leads(node.id) { ", leads now" } else { "" };
        writeln!(text, "  {}  {}  process {pid}{note}", node.name, node.url)?;
    }
    writeln!(text, "\nThe administrator key (also in {}/dev.json):\n", folder.dir.display())?;
    writeln!(text, "KEY='{}'\n", folder.admin_key)?;
    let register = if demo.schema { String::new() } else { format!("{} && ", register(first)) };
    let precondition = if demo.config { "If-Match: *" } else { "If-None-Match: *" };
    let bound = r#"{"content":{"port":8080},"schema":{"name":"web"}}"#;
    writeln!(text, "1. A schema, and a config that must satisfy it:\n")?;
    writeln!(text, "{register}{}\n", put(first, precondition, bound, ""))?;
    writeln!(text, "2. A config that does not is refused (422, with a pointer to what is wrong):\n")?;
    writeln!(text, "{}\n", put(first, "If-Match: *", r#"{"content":{"port":"eighty"}}"#, ""))?;
    if let Some(other) = other.filter(|_| folder.nodes.len() > 2) {
        writeln!(
            text,
            "3. Kill {}, which leads now, and write through another node at once:\n",
            leading.name
        )?;
        let again =
            put(&other.url, "If-Match: *", r#"{"content":{"port":9090}}"#, "--retry 10 --retry-delay 1 ");
        writeln!(text, "kill -9 {pid} && {again}\n")?;
    }
    if let Some(admin) = &folder.admin {
        writeln!(text, "People sign in too. The administrator is {}, with the password\n", admin.email)?;
        writeln!(text, "PASSWORD='{}'\n", admin.password)?;
        writeln!(text, "{}\n", sign_in(first, &admin.email))?;
    }
    write!(text, "Ctrl-C stops all nodes; the data stays.")?;
    Ok(text)
}

fn register(url: &str) -> String {
    let body = format!(r#"{{"name":"web","schema":{SCHEMA}}}"#);
    format!(
        "curl -sS -X POST {url}/api/v1/projects/{PROJECT}/schemas -H \"Authorization: Bearer $KEY\" \
         -H 'Content-Type: application/json' -d '{body}' && echo"
    )
}

fn sign_in(url: &str, email: &str) -> String {
    format!(
        "curl -sS {url}/api/v1/auth/login -H 'Content-Type: application/json' \
         -d '{{\"email\":\"{email}\",\"password\":\"'$PASSWORD'\"}}' && echo"
    )
}

fn put(url: &str, precondition: &str, body: &str, flags: &str) -> String {
    format!(
        "curl -sS {flags}-X PUT {url}/api/v1/projects/{PROJECT}/environments/{ENVIRONMENT}/configs/web \
         -H \"Authorization: Bearer $KEY\" -H '{precondition}' -H 'Content-Type: application/json' -d '{body}' && echo"
    )
}
