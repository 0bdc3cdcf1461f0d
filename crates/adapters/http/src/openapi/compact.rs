//! Moves repeated headers, parameters, responses and security requirements to `components`. The meaning of
//! the document does not change.

use std::collections::BTreeMap;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{ArrayItems, Schema};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{OpenApi as Document, Ref, RefOr, Response};

/// The media type of a refusal.
const PROBLEM: &str = "application/problem+json";

/// Refusals of the transport, by load or by failures of the cluster. They become the `default` response of
/// every operation.
const TRANSPORT: [&str; 8] = ["406", "408", "414", "429", "431", "500", "503", "504"];
/// Refusals that most operations have in common. The most common form of each is part of `default`; other
/// forms stay with their operations.
const ALIKE: [&str; 5] = ["401", "403", "413", "415", "507"];
/// Headers that follow a general rule. The description of the document states it; `components` defines them.
const EVERYWHERE: [&str; 4] = ["X-Request-ID", "RateLimit", "RateLimit-Policy", "Guardian-Cluster-Id"];
/// The component that `default` refers to.
const COMMON_REFUSAL: &str = "CommonRefusal";

/// Moves repeated parts to `components`. Takes the complete document.
pub(crate) fn compact(document: &mut Document) {
    let common = move_common_refusals(document);
    let mut headers = BTreeMap::new();
    let mut parameters = Repeated::default();
    let mut responses = Repeated::default();
    for operation in operations(document) {
        for response in operation.responses.responses.values_mut() {
            let RefOr::T(response) = response else { continue };
            move_headers(response, &mut headers);
            response.headers.retain(|name, _| !EVERYWHERE.contains(&name.as_str()));
        }
        for parameter in operation.parameters.iter().flatten() {
            parameters.count(parameter, parameter_name);
        }
        for (status, response) in &operation.responses.responses {
            responses.count(response, |_| response_name(status));
        }
    }
    for operation in operations(document) {
        for parameter in operation.parameters.iter_mut().flatten() {
            parameters.replace(parameter, "parameters");
        }
        for response in operation.responses.responses.values_mut() {
            responses.replace(response, "responses");
        }
    }
    let shared_security = most_common_security(document);
    for operation in operations(document) {
        if operation.security == shared_security {
            operation.security = None;
        } else if operation.security.is_none() {
            operation.security = Some(Vec::new());
        }
    }
    document.security = shared_security;
    let description = document.info.description.get_or_insert_default();
    description.push_str(
        "\n\nEvery response has the header `X-Request-ID`. Responses below `/api/` may have `RateLimit` and \
         `RateLimit-Policy`. Responses with `Guardian-Revision` have `Guardian-Cluster-Id`. `default` stands for the refusals that are not listed with an operation.",
    );
    let components = document.components.get_or_insert_default();
    refer_to_components(&mut components.schemas);
    components.headers.extend(headers);
    components.parameters.extend(parameters.into_components());
    components.responses.extend(responses.into_components());
    components.responses.extend(common.map(|refusal| (COMMON_REFUSAL.to_owned(), refusal)));
}

/// The most common description of a refusal with this status.
fn most_common_refusal(document: &mut Document, status: &str) -> Option<String> {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for operation in operations(document) {
        if let Some(refusal @ RefOr::T(response)) = operation.responses.responses.get(status)
            && is_refusal(refusal)
        {
            *found.entry(response.description.clone()).or_default() += 1;
        }
    }
    found.into_iter().max_by_key(|(_, count)| *count).map(|(description, _)| description)
}

/// Replaces common refusals by `default`; returns the component that it refers to.
fn move_common_refusals(document: &mut Document) -> Option<RefOr<Response>> {
    let alike = ALIKE.map(|status| (status, most_common_refusal(document, status)));
    let wanted: Vec<(&str, Option<String>)> =
        TRANSPORT.map(|status| (status, None)).into_iter().chain(alike).collect();
    let mut by_status: BTreeMap<&str, Response> = BTreeMap::new();
    for operation in operations(document) {
        let responses = &mut operation.responses.responses;
        for (status, form) in &wanted {
            let fits = |response: &RefOr<Response>| {
                let RefOr::T(own) = response else { return false };
                is_refusal(response) && form.as_ref().is_none_or(|form| *form == own.description)
            };
            if responses.get(*status).is_some_and(fits)
                && let Some(RefOr::T(response)) = responses.remove(*status)
            {
                let known = by_status.entry(status).or_insert_with(|| {
                    let mut first = response.clone();
                    first.description.clear();
                    first
                });
                known.headers.extend(response.headers);
                add_codes(&mut known.description, &response.description);
                let reference = Ref::new(format!("#/components/responses/{COMMON_REFUSAL}"));
                responses.insert("default".to_owned(), RefOr::Ref(reference));
            }
        }
    }
    let descriptions: Vec<String> =
        by_status.iter().map(|(status, response)| format!("{status} {}", response.description)).collect();
    let mut refusal = by_status.into_values().next()?;
    refusal.description = descriptions.join(" ");
    refusal.headers.retain(|name, _| !EVERYWHERE.contains(&name.as_str()));
    Some(RefOr::T(refusal))
}

/// Adds the codes of a refusal that are missing in `all`. Each code begins with a backtick.
fn add_codes(all: &mut String, description: &str) {
    let starts = description.match_indices('`').map(|(at, _)| at).step_by(2);
    let ends = starts.clone().skip(1).chain([description.len()]);
    for code in starts.zip(ends).filter_map(|(start, end)| description.get(start..end)) {
        if !all.contains(code.trim_end()) {
            if !all.is_empty() {
                all.push(' ');
            }
            all.push_str(code.trim_end());
        }
    }
}

/// Replaces the item schemas of lists by references to components.
fn refer_to_components(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let known = schemas.clone();
    for (name, schema) in schemas.iter_mut().filter(|(name, _)| name.starts_with("List_")) {
        let Some(item) = name.strip_prefix("List_") else { continue };
        if let (RefOr::T(Schema::Object(list)), true) = (schema, known.contains_key(item))
            && let Some(RefOr::T(Schema::Array(items))) = list.properties.get_mut("items")
        {
            items.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(item).into()));
        }
    }
}

fn operations(document: &mut Document) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(super::operations).map(|(_, operation)| operation)
}

/// The most common security requirement; the document states it once.
fn most_common_security(document: &mut Document) -> Option<Vec<SecurityRequirement>> {
    let mut found: Vec<(Vec<SecurityRequirement>, usize)> = Vec::new();
    for security in operations(document).filter_map(|operation| operation.security.as_ref()) {
        match found.iter_mut().find(|(known, _)| known == security) {
            Some((_, count)) => *count += 1,
            None => found.push((security.clone(), 1)),
        }
    }
    found.into_iter().max_by_key(|(_, count)| *count).map(|(security, _)| security)
}

/// Moves headers to `components`. A second meaning of a header name stays in place.
fn move_headers(response: &mut Response, headers: &mut BTreeMap<String, RefOr<Header>>) {
    for (name, header) in &mut response.headers {
        if matches!(header, RefOr::Ref(_)) {
            continue;
        }
        let known = headers.entry(name.clone()).or_insert_with(|| header.clone());
        if known == header {
            *header = RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
        }
    }
}

fn is_refusal(response: &RefOr<Response>) -> bool {
    matches!(response, RefOr::T(response) if response.content.contains_key(PROBLEM))
}

/// The component name of a parameter; the header `key` becomes `KeyHeader`.
fn parameter_name(parameter: &RefOr<Parameter>) -> String {
    let RefOr::T(parameter) = parameter else { return String::new() };
    let place = match parameter.parameter_in {
        ParameterIn::Path => "Path",
        ParameterIn::Header => "Header",
        ParameterIn::Cookie => "Cookie",
        _ => "Query",
    };
    let words = parameter.name.split(|c: char| !c.is_ascii_alphanumeric()).map(capitalised);
    words.collect::<String>() + place
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// The reason phrase of RFC 9110, without spaces.
fn response_name(status: &str) -> String {
    let reason = status.parse::<http::StatusCode>().ok().and_then(|status| status.canonical_reason());
    reason.unwrap_or(status).split_whitespace().map(capitalised).collect::<String>().replace('-', "")
}

/// Counts equal parts. Those that occur more than once become components.
struct Repeated<T> {
    parts: Vec<(RefOr<T>, String, usize)>,
}

impl<T> Default for Repeated<T> {
    fn default() -> Self {
        Self { parts: Vec::new() }
    }
}

impl<T: Clone + PartialEq> Repeated<T> {
    fn count(&mut self, part: &RefOr<T>, name: impl FnOnce(&RefOr<T>) -> String) {
        if matches!(part, RefOr::Ref(_)) {
            return;
        }
        if let Some((_, _, count)) = self.parts.iter_mut().find(|(known, ..)| known == part) {
            *count += 1;
            return;
        }
        let name = name(part);
        let alike = self.parts.iter().filter(|(_, known, _)| base(known) == name).count();
        let name = if alike == 0 { name } else { format!("{name}-{}", alike + 1) };
        self.parts.push((part.clone(), name, 1));
    }

    fn replace(&self, part: &mut RefOr<T>, kind: &str) {
        let found = self.parts.iter().find(|(known, _, count)| *count > 1 && known == part);
        if let Some((_, name, _)) = found {
            *part = RefOr::Ref(Ref::new(format!("#/components/{kind}/{name}")));
        }
    }

    fn into_components(self) -> impl Iterator<Item = (String, RefOr<T>)> {
        let repeated = self.parts.into_iter().filter(|(_, _, count)| *count > 1);
        repeated.map(|(part, name, _)| (name, part))
    }
}

/// The name without its numeric suffix.
fn base(name: &str) -> &str {
    name.split_once('-').map_or(name, |(base, _)| base)
}
