//! Each parser of headers, query parameters and paths against a second, simpler reading of the same rule. None
//! of the requests changes anything, so all share a world.

use crate::world::{CONFIGS, World};
use domain::RequestId;
use domain::limits::CONFIG_KEY_BYTES_MAX;
use e2e::Answer;
use fuzz::{Source, Target};
use std::fmt::Write as _;

/// The version of the config `a`.
const VERSION: u64 = 2;

fn encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // A string takes all.
        let _ = write!(text, "%{byte:02X}");
    }
    text
}

/// A whole number that fits.
fn number(text: &str) -> Option<u64> {
    (text.len() < 200 && !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn quoted_number(tag: &str) -> Option<u64> {
    let chars: Vec<char> = tag.chars().collect();
    let [first, middle @ .., last] = chars.as_slice() else { return None };
    let canonical = *middle == ['0'] || middle.first() != Some(&'0');
    (*first == '"' && *last == '"' && canonical).then(|| number(&middle.iter().collect::<String>())).flatten()
}

/// The parts of a list between commas outside quotes.
fn listed(text: &str) -> Vec<String> {
    let (mut parts, mut quoted) = (vec![String::new()], false);
    for c in text.chars() {
        quoted ^= c == '"';
        match parts.last_mut() {
            Some(part) if c != ',' || quoted => part.push(c),
            _ => parts.push(String::new()),
        }
    }
    parts
}

/// What of a header can be read as text.
fn visible(bytes: &[u8]) -> Option<&str> {
    let ascii = bytes.iter().all(|byte| *byte == b'\t' || (0x20..0x7f).contains(byte));
    ascii.then(|| std::str::from_utf8(bytes).ok()).flatten()
}

#[track_caller]
fn expect(answer: &Answer, good: bool, code: &str) {
    assert_eq!(answer.code() != code, good, "{}: {}", answer.request, String::from_utf8_lossy(&answer.body));
}

fn header(world: &World, method: &str, target: &str, name: &str, value: &[u8]) -> Option<Answer> {
    let body = if method == "PUT" { &b"{\"content\":1}"[..] } else { b"" };
    let key = world.secret();
    let mut headers = vec![("x-api-key".to_owned(), key.into_bytes()), (name.to_owned(), value.to_vec())];
    if !body.is_empty() {
        headers.push(("content-type".to_owned(), b"application/json".to_vec()));
    }
    let request = crate::world::Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body: body.to_vec(),
    };
    world.send(&request)
}

fn headers(world: &World, kind: usize, value: &[u8]) {
    let text = visible(value);
    let trimmed = text.map(str::trim);
    match kind {
        0 => {
            // The config is not there, so a good precondition is refused later and for another reason.
            let Some(answer) = header(world, "DELETE", &format!("{CONFIGS}/none"), "if-match", value) else {
                return;
            };
            let good = trimmed.is_some_and(|text| text == "*" || quoted_number(text).is_some());
            expect(&answer, good, "invalid_precondition");
        }
        1 => {
            let Some(answer) = header(world, "PUT", &format!("{CONFIGS}/a"), "if-none-match", value) else {
                return;
            };
            expect(&answer, trimmed == Some("*"), "invalid_precondition");
        }
        2 => {
            let Some(answer) = header(world, "GET", &format!("{CONFIGS}/a"), "if-none-match", value) else {
                return;
            };
            let tags = text.map(listed).unwrap_or_default();
            let mut known = tags.iter().map(|tag| tag.trim()).map(|tag| {
                tag == "*" || quoted_number(tag.strip_prefix("W/").unwrap_or(tag)) == Some(VERSION)
            });
            assert_eq!(answer.status == 304, known.any(|known| known), "{value:?}");
        }
        _ => {
            let Some(answer) = header(world, "GET", "/livez", "x-request-id", value) else { return };
            let kept = text.filter(|text| RequestId::parse(text).is_ok());
            let told = answer.header("x-request-id").expect("there always is one");
            assert!(kept.is_none_or(|kept| kept == told), "{kept:?} became {told:?}");
            assert!(RequestId::parse(told).is_ok(), "{told:?}");
        }
    }
}

fn query(world: &World, kind: usize, value: &[u8]) {
    let text = String::from_utf8_lossy(value);
    let (name, good) = match kind {
        0 => ("page_size", number(&text).is_some_and(|size| (1..=1000).contains(&size))),
        1 => ("min_revision", number(&text).is_some_and(|revision| i64::try_from(revision).is_ok())),
        2 => ("consistency", text == "stale" || text == "linearizable"),
        3 => ("include", text == "content"),
        5 => (
            "revision",
            number(&text).is_some_and(|revision| revision > 0 && i64::try_from(revision).is_ok()),
        ),
        _ => {
            let of_keys = |c: char| c.is_ascii_alphanumeric() || "._:@+~/-".contains(c);
            ("prefix", text.chars().all(of_keys) && text.len() <= CONFIG_KEY_BYTES_MAX)
        }
    };
    let target = format!("{CONFIGS}?{name}={}", encoded(text.as_bytes()));
    let Some(answer) = world.as_admin("GET", &target, &[], b"") else { return };
    if answer.code() != "uri_too_long" {
        expect(&answer, good, "invalid_parameter");
    }
}

fn check(world: &World, bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let kind = source.below(17);
    let value = source.rest();
    match kind {
        0..4 => headers(world, kind, value),
        4..9 => query(world, kind - 4, value),
        9 => {
            // A token as it is, and one whose inside is the input.
            use base64::Engine as _;
            let inside = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value);
            for token in [encoded(value), inside] {
                let target = format!("{CONFIGS}?page_size=1&page_token={token}");
                let Some(answer) = world.as_admin("GET", &target, &[], b"") else { continue };
                let known = ["", "invalid_page_token", "invalid_parameter", "uri_too_long", "behind"];
                assert!(known.contains(&answer.code().as_str()), "{target}: {}", answer.code());
            }
        }
        10 => {
            let target = format!("{CONFIGS}/a/history/{}", encoded(value));
            let Some(answer) = world.as_admin("GET", &target, &[], b"") else { return };
            let text = String::from_utf8_lossy(value);
            let good = number(&text).is_some_and(|version| version > 0) && !text.starts_with('0');
            if !["uri_too_long", "route_not_found"].contains(&answer.code().as_str()) {
                expect(&answer, good, "invalid_name");
            }
        }
        11 => {
            let target = format!("{CONFIGS}/a?{}", encoded(value));
            let Some(answer) = world.as_admin("GET", &target, &[], b"") else { return };
            assert!(answer.status == 200 || answer.status >= 400, "{target}");
            assert!(value.is_empty() || answer.status >= 400, "{target}: an unknown parameter was ignored");
        }
        12 => {
            for name in ["x-api-key", "authorization"] {
                let Some(answer) = header(world, "GET", "/api/v1/cluster", name, value) else { continue };
                // The administrator's key came with it, so another one conflicts.
                assert!(matches!(answer.status, 200 | 400 | 401), "{name} {value:?}: {}", answer.status);
            }
        }
        13 => query(world, 5, value),
        14 | 15 => {
            let name = if kind == 14 { "version" } else { "from" };
            let path = if kind == 14 { "a" } else { "a/diff" };
            let target = format!("{CONFIGS}/{path}?{name}={}", encoded(value));
            let Some(answer) = world.as_admin("GET", &target, &[], b"") else { return };
            let least = u64::from(kind == 14);
            let read = number(&String::from_utf8_lossy(value));
            let good = read.is_some_and(|version| version >= least && i64::try_from(version).is_ok());
            if answer.code() != "uri_too_long" {
                expect(&answer, good, "invalid_parameter");
            }
        }
        _ => {
            let target = format!("{CONFIGS}/a?at={}", encoded(value));
            let Some(answer) = world.as_admin("GET", &target, &[], b"") else { return };
            let known = ["", "invalid_parameter", "config_not_found", "future_revision", "uri_too_long"];
            assert!(known.contains(&answer.code().as_str()), "{target}: {}", answer.code());
        }
    }
}

#[test]
fn parameters() {
    let world = World::new();
    Target::new("parameters").bytes_max(512).check(|bytes| check(&world, bytes));
}

/// The tokens that the server makes lead through the whole list.
#[test]
fn page_tokens_lead_on() {
    let world = World::new();
    let first =
        world.as_admin("GET", &format!("{CONFIGS}?page_size=1"), &[], b"").expect("a request").is(200).json();
    let token = first["next_page_token"].as_str().expect("a token");
    let target = format!("{CONFIGS}?page_size=1&page_token={token}");
    let second = world.as_admin("GET", &target, &[], b"").expect("a request").is(200).json();
    assert_eq!((&second["items"][0]["key"], &second["next_page_token"]), (&"b".into(), &"".into()));
}
