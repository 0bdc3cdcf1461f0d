//! Conversion of responses to outcomes. A response that the API contract does not permit is odd.

use crate::document::digest;
use crate::event::{Meta, Outcome, Page, Shown};
use crate::operation::{Operation, Part, SchemaRef};
use crate::plan::{joined, split};
use crate::wire::{Lost, Response};
use serde_json::Value;

/// Codes of 503 that promise that nothing was changed. `unavailable` promises nothing and is only for reads.
const NOTHING_CHANGED: [&str; 6] =
    ["no_leader", "overloaded", "behind", "not_ready", "not_started", "not_live"];

/// The outcome of an operation with a single request; of a list, refusals only.
pub(crate) fn outcome(operation: &Operation, result: Result<Response, Lost>) -> Outcome {
    let answer = match result {
        Ok(answer) => answer,
        Err(Lost::Unsent(why)) => return Outcome::Unsent { why },
        Err(Lost::Unknown(why)) => return Outcome::Unknown { why },
    };
    let status = answer.status;
    let found = match status {
        400.. => refused(&answer),
        _ => accepted(operation, &answer),
    };
    found.unwrap_or_else(|why| Outcome::Odd { status, why })
}

/// A page of a list, and the token of the next page.
pub(crate) fn page(operation: &Operation, answer: &Response) -> Result<(Page, String), String> {
    let Operation::List { content, prefix, .. } = operation else { return Err("not a list".to_owned()) };
    let environment = split(prefix).0;
    labelled(operation, answer)?;
    let items = answer.body["items"].as_array().ok_or("no items")?;
    let shown = |item: &Value| {
        let mut shown = shown(&joined(environment, name(item, "key")?), item)?;
        if !content {
            shown.digest = None;
        } else if item.get("content").is_none() {
            return Err(format!("{} comes without content", shown.key));
        }
        Ok(shown)
    };
    let items = items.iter().map(shown).collect::<Result<_, String>>()?;
    Ok((Page { revision: revision(answer)?, items }, name(&answer.body, "next_page_token")?.to_owned()))
}

fn refused(answer: &Response) -> Result<Outcome, String> {
    let status = answer.status;
    let code = answer.code().unwrap_or_default().to_owned();
    let nothing_changed = match status {
        503 => NOTHING_CHANGED.contains(&code.as_str()),
        507 => code == "disk_full",
        _ => false,
    };
    if status >= 500 && !nothing_changed {
        return Ok(Outcome::Unknown { why: format!("{status} {code}") });
    }
    if code.is_empty() {
        return Err("a refusal without code".to_owned());
    }
    let failures = answer.body["failures"].as_array().into_iter().flatten();
    let failure =
        |one: &Value| Ok((joined(name(one, "environment")?, name(one, "key")?), number(one, "version")?));
    Ok(Outcome::Refused {
        status,
        code,
        revision: answer.revision(),
        current: answer.body["current_version"].as_u64(),
        part: answer.body["operation"].as_u64().and_then(|part| usize::try_from(part).ok()),
        failures: failures.map(failure).collect::<Result<_, String>>()?,
    })
}

fn accepted(operation: &Operation, answer: &Response) -> Result<Outcome, String> {
    use crate::operation::Guard::Absent;
    let revision = revision(answer)?;
    match (operation, answer.status) {
        (Operation::Put { key, guard: Absent, .. }, 201)
        | (Operation::Put { key, .. } | Operation::Rollback { key, .. }, 200) => {
            let shown = tagged(key, answer)?;
            Ok(Outcome::Written { revision, shown: Some(shown) })
        }
        (Operation::Delete { .. }, 204) => Ok(Outcome::Written { revision, shown: None }),
        (Operation::Schema { name: own, .. }, 200) => {
            let version = number(&answer.body, "version")?;
            if answer.etag() != Some(version) || name(&answer.body, "name")? != own {
                return Err(format!("the schema is {own}, the answer {}", answer.body));
            }
            if number(&answer.body, "revision")? != revision {
                return Err("the header and the body name different revisions".to_owned());
            }
            Ok(Outcome::Registered { revision, version, digest: digest(&answer.body["schema"]) })
        }
        (Operation::Transact { parts, .. }, 200) => {
            if number(&answer.body, "revision")? != revision {
                return Err("the header and the body name different revisions".to_owned());
            }
            Ok(Outcome::Transacted { revision, versions: results(parts, &answer.body)? })
        }
        (Operation::Get { known: Some(_), .. }, 304) => {
            labelled(operation, answer)?;
            Ok(Outcome::Unchanged { revision, version: answer.etag().ok_or("no entity tag")? })
        }
        (Operation::Get { key, bare: true, .. }, 200) => {
            labelled(operation, answer)?;
            let version = answer.etag().ok_or("no entity tag")?;
            let digest = Some(digest(&answer.body));
            let shown = Shown { key: key.clone(), version, meta: None, kind: None, digest };
            Ok(Outcome::Found { revision, shown })
        }
        (Operation::Get { key, bare: false, .. } | Operation::Past { key, .. }, 200) => {
            labelled(operation, answer)?;
            Ok(Outcome::Found { revision, shown: tagged(key, answer)? })
        }
        (Operation::Old { key, .. }, 200) => {
            labelled(operation, answer)?;
            let mut shown = shown(key, &answer.body)?;
            let kind = name(&answer.body, "kind")?;
            if kind == "delete" && answer.body["content"].is_null() {
                shown.digest = None;
            }
            shown.kind = Some(kind.to_owned());
            Ok(Outcome::Found { revision, shown })
        }
        (_, status) => Err(format!("{status} does not belong to this operation")),
    }
}

/// One result per part of a transaction, in order.
fn results(parts: &[Part], body: &Value) -> Result<Vec<(String, u64)>, String> {
    let results = body["results"].as_array().ok_or("no results")?;
    if results.len() != parts.len() {
        return Err(format!("{} results for {} parts", results.len(), parts.len()));
    }
    let result = |(part, result): (&Part, &Value)| {
        let key = joined(name(result, "environment")?, name(result, "key")?);
        if name(result, "op")? != part.name() || key != part.key() {
            return Err(format!("the result of {part} is {result}"));
        }
        Ok((key, number(result, "version")?))
    };
    parts.iter().zip(results).map(result).collect()
}

/// Whether the response states that it is a replay.
pub(crate) fn replayed(answer: &Result<Response, Lost>) -> bool {
    answer.as_ref().is_ok_and(|answer| answer.header("idempotent-replayed") == Some("true"))
}

/// A config whose entity tag must agree with its body.
fn tagged(key: &str, answer: &Response) -> Result<Shown, String> {
    if name(&answer.body, "key")? != split(key).1 {
        return Err(format!("it shows {}", answer.body["key"]));
    }
    let shown = shown(key, &answer.body)?;
    if answer.etag() == Some(shown.version) {
        Ok(shown)
    } else {
        Err(format!("the entity tag is {:?}, the body has version {}", answer.etag(), shown.version))
    }
}

/// A version of a config, from any body.
pub(crate) fn shown(key: &str, body: &Value) -> Result<Shown, String> {
    let schema = match &body["schema"] {
        Value::Null => None,
        schema => {
            Some(SchemaRef { name: name(schema, "name")?.to_owned(), version: number(schema, "version")? })
        }
    };
    let meta =
        Meta { revision: number(body, "revision")?, schema, message: name(body, "message")?.to_owned() };
    let digest = body.get("content").map(digest);
    let (key, version) = (key.to_owned(), number(body, "version")?);
    Ok(Shown { key, version, meta: Some(meta), kind: None, digest })
}

/// Fails if the response states another consistency than requested.
fn labelled(operation: &Operation, answer: &Response) -> Result<(), String> {
    let asked = if operation.freshness().stale { "stale" } else { "linearizable" };
    match answer.header("guardian-consistency") {
        Some(label) if label != asked => Err(format!("{asked} was asked, the answer is {label}")),
        _ => Ok(()),
    }
}

fn revision(answer: &Response) -> Result<u64, String> {
    answer.revision().ok_or_else(|| "no Guardian-Revision".to_owned())
}

/// An integer member.
pub(crate) fn number(body: &Value, member: &str) -> Result<u64, String> {
    body[member].as_u64().ok_or_else(|| format!("no number {member} in {body}"))
}

/// A string member.
pub(crate) fn name<'a>(body: &'a Value, member: &str) -> Result<&'a str, String> {
    body[member].as_str().ok_or_else(|| format!("no text {member} in {body}"))
}
