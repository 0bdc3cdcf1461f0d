//! `dev.json`: the addresses of the running cluster, for programs. It exists only while the cluster is ready.

use super::folder::Folder;
use super::nodes::Pids;
use super::{ENVIRONMENT, PROJECT};
use crate::private_file;
use anyhow::Context as _;
use serde::Serialize;
use std::io;
use std::path::Path;

const FILE: &str = "dev.json";

#[derive(Serialize)]
struct Record<'a> {
    nodes: Vec<NodeRecord<'a>>,
    api_key: &'a str,
    project: &'a str,
    environment: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<AdminRecord<'a>>,
}

#[derive(Serialize)]
struct AdminRecord<'a> {
    email: &'a str,
    password: &'a str,
}

#[derive(Serialize)]
struct NodeRecord<'a> {
    /// A string, because JavaScript numbers cannot hold it.
    id: String,
    name: &'a str,
    url: &'a str,
    pid: Option<u32>,
}

/// Writes the record atomically.
pub(super) fn write(folder: &Folder, pids: &Pids) -> anyhow::Result<()> {
    let record = Record {
        nodes: folder
            .nodes
            .iter()
            .map(|node| NodeRecord {
                id: node.id.to_string(),
                name: &node.name,
                url: &node.url,
                pid: pids.of(node.id),
            })
            .collect(),
        api_key: &folder.admin_key,
        project: PROJECT,
        environment: ENVIRONMENT,
        admin: folder
            .admin
            .as_ref()
            .map(|admin| AdminRecord { email: &admin.email, password: &admin.password }),
    };
    let text = serde_json::to_vec_pretty(&record)?;
    private_file::replace(&folder.dir.join(FILE), &text).context("dev.json cannot be written")
}

/// Removes the record of an earlier run.
pub(super) fn remove(dir: &Path) -> io::Result<()> {
    match std::fs::remove_file(dir.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
