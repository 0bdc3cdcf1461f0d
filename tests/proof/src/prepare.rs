//! Prepares the scene: a project with schemas and without configs.

use crate::document::{MAXIMUM_FIRST, digest, schema_body};
use crate::plan::{OTHER, Plan, Scene, SchemaStart};
use crate::wire::{Caller, Request, Response};
use serde_json::json;

/// The serial number of the first schema versions; clients count from 1.
const SERIAL: u64 = 0;
/// The maximum retention of a project, in versions.
const EVERYTHING: u64 = 1_000_000;

/// Creates the project and its schemas. May be called again after an error; existing objects are accepted.
pub async fn prepare<C: Caller>(caller: &C, plan: &Plan) -> Result<Scene, String> {
    let mut scene = Scene {
        project: plan.project.clone(),
        born: 0,
        other_born: 0,
        floor: 0,
        schemas: Vec::new(),
        keys: plan.key_list(),
        retention: plan.retention,
    };
    let body = json!({ "name": plan.project });
    make(caller, Request::new("POST", "/api/v1/projects").json(body), "project_exists").await?;
    let project = get(caller, &scene.path("")).await?;
    scene.born = project.body["revision"].as_u64().ok_or("the project has no revision")?;
    let body = json!({ "name": OTHER });
    make(caller, Request::new("POST", scene.path("/environments")).json(body), "environment_exists").await?;
    let other = get(caller, &scene.path(&format!("/environments/{OTHER}"))).await?;
    scene.other_born = other.body["revision"].as_u64().ok_or("the environment has no revision")?;
    scene.floor = scene.other_born;
    // Without its own retention a project has the default, which does not keep all versions.
    let versions = plan.retention.unwrap_or(EVERYTHING);
    let body = json!({ "retention": { "versions": versions } });
    let answer = caller.call(Request::new("PATCH", scene.path("")).json(body)).await;
    let answer = answer.map_err(|lost| format!("PATCH {}: {lost}", scene.path("")))?;
    if answer.status != 200 || answer.body["retention"]["versions"] != versions {
        return Err(format!("the retention cannot be set: {} {}", answer.status, answer.body));
    }
    scene.floor = answer.revision().ok_or("an answer without revision")?;
    for name in plan.schema_names() {
        let schema = schema_body(SERIAL, MAXIMUM_FIRST);
        let start = SchemaStart { name: name.clone(), digest: digest(&schema) };
        let body = json!({ "name": name, "schema": schema });
        make(caller, Request::new("POST", scene.path("/schemas")).json(body), "schema_exists").await?;
        let there = get(caller, &scene.path(&format!("/schemas/{name}"))).await?;
        if there.etag() != Some(1) || digest(&there.body["schema"]) != start.digest {
            return Err(format!("schema {name} is not as it was made: {}", there.body));
        }
        scene.floor = scene.floor.max(there.revision().ok_or("an answer without revision")?);
        scene.schemas.push(start);
    }
    Ok(scene)
}

async fn make<C: Caller>(caller: &C, request: Request, exists: &str) -> Result<(), String> {
    let path = request.path.clone();
    let answer = caller.call(request).await.map_err(|lost| format!("POST {path}: {lost}"))?;
    if answer.status == 201 || answer.code() == Some(exists) {
        return Ok(());
    }
    Err(format!("POST {path}: {} {}", answer.status, answer.body))
}

/// Reads an object that must exist.
pub(crate) async fn get<C: Caller>(caller: &C, path: &str) -> Result<Response, String> {
    let answer =
        caller.call(Request::new("GET", path)).await.map_err(|lost| format!("GET {path}: {lost}"))?;
    if answer.status == 200 {
        Ok(answer)
    } else {
        Err(format!("GET {path}: {} {}", answer.status, answer.body))
    }
}
