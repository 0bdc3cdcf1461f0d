//! Reads the account at the revision of the first page of the list.
//!
//! Later changes are omitted, so a change with an unknown outcome may still arrive.

use super::{Audit, Content, SchemaVersion, Truth, Version};
use crate::answer::{name, number, shown};
use crate::document::{digest, schema_parts};
use crate::event::{Meta, Shown};
use crate::plan::{ENVIRONMENTS, Scene, joined};
use crate::prepare::get;
use crate::wire::{Caller, Request, Response};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The page size.
const PAGE_SIZE: usize = 100;

/// Reads the account. Clients should have stopped; later writes are omitted.
pub async fn truth<C: Caller>(caller: &C, scene: &Scene) -> Result<Truth, String> {
    let (mut list, mut revision) = (Vec::new(), None);
    for environment in ENVIRONMENTS {
        let at = revision.map_or(String::new(), |at| format!("&revision={at}"));
        let path = scene.configs(environment, &format!("?include=content{at}&"));
        let (seen, items) = all(caller, &path).await?.ok_or("no list")?;
        revision.get_or_insert(seen);
        for item in &items {
            list.push(shown(&joined(environment, name(item, "key")?), item)?);
        }
    }
    let revision = revision.unwrap_or_default();
    let (mut faults, mut kept) = (Vec::new(), BTreeMap::new());
    let mut keys: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    let named = scene.keys.iter().map(|key| key.name.clone());
    let listed = list.iter().map(|shown| shown.key.clone());
    for key in named.chain(listed).collect::<BTreeSet<_>>() {
        let versions = history(caller, scene, &key, revision, &mut faults).await?;
        kept.insert(key.clone(), versions.iter().map(|one| one.version).collect());
        keys.insert(key, versions);
    }
    let mut schemas = BTreeMap::new();
    for schema in &scene.schemas {
        schemas.insert(schema.name.clone(), schema_history(caller, scene, &schema.name, revision).await?);
    }
    let cluster = get(caller, "/api/v1/cluster").await?;
    let audit = cluster.body["audit_head"].as_str().map(|head| Audit {
        node: caller.name().to_owned(),
        revision: cluster.body["revision"].as_u64().unwrap_or_default(),
        head: head.to_owned(),
    });
    let (scene, pruned, complete) = (scene.clone(), BTreeMap::new(), false);
    Ok(Truth { scene, revision, keys, kept, pruned, complete, schemas, list, audit, faults })
}

/// Whether all versions beyond the retention are pruned.
pub async fn is_pruned<C: Caller>(caller: &C, scene: &Scene) -> Result<bool, String> {
    let Some(most) = scene.retention else { return Ok(true) };
    for key in &scene.keys {
        let path = scene.config(&key.name, &format!("/history?page_size={}", most + 1));
        let answer =
            caller.call(Request::new("GET", &path)).await.map_err(|lost| format!("{path}: {lost}"))?;
        match (answer.status, answer.body["items"].as_array()) {
            (200, Some(items)) if items.len() as u64 > most => return Ok(false),
            (200, Some(_)) => {}
            (404, _) if answer.code() == Some("config_not_found") => {}
            (status, _) => return Err(format!("GET {path}: {status} {}", answer.body)),
        }
    }
    Ok(true)
}

/// The versions up to `revision`, oldest first.
async fn history<C: Caller>(
    caller: &C,
    scene: &Scene,
    key: &str,
    revision: u64,
    faults: &mut Vec<String>,
) -> Result<Vec<Version>, String> {
    let Some((_, mut items)) = all(caller, &scene.config(key, "/history?")).await? else {
        return Ok(Vec::new());
    };
    items.reverse();
    let mut versions = Vec::new();
    for item in &items {
        if number(item, "revision")? > revision {
            break;
        }
        let path = scene.config(key, &format!("/history/{}", number(item, "version")?));
        let one = get(caller, &path).await?.body;
        let own = item.as_object().into_iter().flatten();
        for (member, value) in own.filter(|(member, value)| one[member.as_str()] != **value) {
            faults.push(format!(
                "{key}: the history says {member} {value}, its version {} says {}",
                item["version"],
                one[member.as_str()]
            ));
        }
        versions.push(version(key, &one)?);
    }
    Ok(versions)
}

fn version(key: &str, body: &Value) -> Result<Version, String> {
    let Shown { version, meta, digest, .. } = shown(key, body)?;
    let Meta { revision, schema, message } = meta.ok_or("a version without description")?;
    let kind = name(body, "kind")?.to_owned();
    let content = digest.filter(|_| kind != "delete").map(|digest| Content {
        digest,
        serial: body["content"]["serial"].as_u64(),
        prev: body["content"]["prev"].as_u64(),
        limit: body["content"]["limit"].as_u64(),
    });
    let from = body["from_version"].as_u64();
    let claimed = body["content_sha256"].as_str().map(str::to_owned);
    Ok(Version { version, revision, kind, from, schema, message, claimed, content })
}

async fn schema_history<C: Caller>(
    caller: &C,
    scene: &Scene,
    name: &str,
    revision: u64,
) -> Result<Vec<SchemaVersion>, String> {
    let path = scene.path(&format!("/schemas/{name}"));
    let newest = get(caller, &path).await?.etag().ok_or("a schema without entity tag")?;
    let mut versions = Vec::new();
    for version in 1..=newest {
        let body = get(caller, &format!("{path}/versions/{version}")).await?.body;
        let (serial, maximum) = schema_parts(&body["schema"]);
        let made = number(&body, "revision")?;
        if made <= revision {
            let (version, digest) = (number(&body, "version")?, digest(&body["schema"]));
            versions.push(SchemaVersion { version, revision: made, serial, maximum, digest });
        }
    }
    Ok(versions)
}

/// All items of a list, and the revision of its first page; `None` if the list does not exist. `path` ends so
/// that a parameter can be appended.
async fn all<C: Caller>(caller: &C, path: &str) -> Result<Option<(u64, Vec<Value>)>, String> {
    let (mut items, mut first, mut token) = (Vec::new(), None, String::new());
    loop {
        let page = format!("{path}page_size={PAGE_SIZE}&page_token={token}");
        let lost = |lost| format!("GET {page}: {lost}");
        let answer: Response = caller.call(Request::new("GET", &page)).await.map_err(lost)?;
        match (answer.status, answer.body["items"].as_array()) {
            (200, Some(found)) => items.extend(found.iter().cloned()),
            (404, _) if answer.code() == Some("config_not_found") => return Ok(None),
            (status, _) => return Err(format!("GET {page}: {status} {}", answer.body)),
        }
        let first = *first.get_or_insert(answer.revision().ok_or("a list without revision")?);
        name(&answer.body, "next_page_token")?.clone_into(&mut token);
        if token.is_empty() {
            return Ok(Some((first, items)));
        }
    }
}
