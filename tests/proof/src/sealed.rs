//! Completion of the account from the cluster's audit entries, which outlive pruned versions. Only operators
//! of the nodes have them.

use crate::event::Event;
use crate::operation::{Document, SchemaRef};
use crate::plan::joined;
use crate::truth::{Content, Pruned, Truth, Version};
use serde_json::Value;
use std::collections::BTreeMap;

/// Adds pruned versions, and records differences between the audit entries and the readable history.
/// `records` are all entries of the cluster in order; pruned documents are taken from the operations that
/// wrote them.
pub fn complete(truth: &mut Truth, records: &[String], events: &[Event]) {
    let written = events.iter().flat_map(|event| event.operation.documents());
    let written: BTreeMap<&str, &Document> =
        written.map(|document| (document.digest.as_str(), document)).collect();
    let mut keys: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    for record in records {
        let record: Value = serde_json::from_str(record).unwrap_or_default();
        let Some(revision) = record["revision"].as_u64() else {
            truth.faults.push(format!("an audit entry without revision: {record}"));
            continue;
        };
        for change in record["changes"].as_array().into_iter().flatten() {
            let Some(key) = key(change, &truth.scene.project) else { continue };
            let version = change["version"].as_u64().unwrap_or_default();
            if change["action"] == "config.prune" {
                truth.pruned.entry(key).or_default().push(Pruned { revision, oldest: version });
            } else if revision <= truth.revision {
                let versions = keys.entry(key).or_default();
                let existed = versions.last().is_some_and(|before| before.kind != "delete");
                versions.push(sealed(change, version, revision, existed, &written));
            }
        }
    }
    let read = std::mem::take(&mut truth.keys);
    for (key, versions) in read {
        let own = keys.entry(key.clone()).or_default();
        for one in versions {
            match own.iter_mut().find(|sealed| sealed.version == one.version) {
                Some(sealed) if is_same(sealed, &one) => *sealed = one,
                Some(sealed) => truth.faults.push(format!("{key}: {one:?} is sealed as {sealed:?}")),
                None => truth.faults.push(format!("{key}: {one:?} is not sealed")),
            }
        }
    }
    truth.keys = keys;
    truth.complete = true;
}

/// The config of a change, if it is in the project.
fn key(change: &Value, project: &str) -> Option<String> {
    let is_config = change["action"].as_str()?.starts_with("config.");
    let mut parts = change["resource"].as_str()?.splitn(3, '/');
    let (own, environment, key) = (parts.next()?, parts.next()?, parts.next()?);
    (is_config && own == project).then(|| joined(environment, key))
}

fn sealed(
    change: &Value,
    version: u64,
    revision: u64,
    existed: bool,
    written: &BTreeMap<&str, &Document>,
) -> Version {
    let from = change["from_version"].as_u64();
    let kind = match change["action"].as_str() {
        Some("config.delete") => "delete",
        _ if from.is_some() => "rollback",
        _ if existed => "update",
        _ => "create",
    };
    let claimed = change["digest"].as_str().map(str::to_owned);
    let content = claimed.clone().map(|digest| {
        let document = written.get(digest.as_str());
        let serial = document.map(|document| document.serial);
        let prev = document.and_then(|document| document.prev);
        let limit = document.and_then(|document| document.limit);
        Content { digest, serial, prev, limit }
    });
    let schema = change["schema"].as_str().and_then(|text| text.split_once('@'));
    let schema = schema.and_then(|(name, version)| {
        Some(SchemaRef { name: name.to_owned(), version: version.parse().ok()? })
    });
    let message = change["message"].as_str().unwrap_or_default().to_owned();
    Version { version, revision, kind: kind.to_owned(), from, schema, message, claimed, content }
}

/// Whether both agree, as far as audit entries contain the data.
fn is_same(sealed: &Version, read: &Version) -> bool {
    Version { content: None, ..sealed.clone() } == Version { content: None, ..read.clone() }
}
