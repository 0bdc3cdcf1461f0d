//! JSON values with exact numbers.

use crate::number::{Number, OutOfBounds};
use serde_json::Value;
use std::cmp::Ordering;
use std::fmt;

/// One JSON value.
#[derive(Clone, Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    String(Box<str>),
    Array(Vec<Json>),
    /// The members, with unique names.
    Object(Vec<(Box<str>, Json)>),
}

/// Why a text cannot be parsed.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// It is not JSON.
    NotJson(String),
    /// The number at this pointer exceeds the limits.
    Number(String, OutOfBounds),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(error) => write!(f, "is not JSON: {error}"),
            Self::Number(_, error) => write!(f, "{error}"),
        }
    }
}

impl Json {
    /// Parses a JSON text.
    pub(crate) fn read(text: &str) -> Result<Self, Unreadable> {
        // The library checks grammar and nesting; the parser below relies on it.
        serde_json::from_str::<serde::de::IgnoredAny>(text)
            .map_err(|error| Unreadable::NotJson(error.to_string()))?;
        let mut reader = Reader { text, at: 0, path: Vec::new() };
        reader.value()
    }

    /// Converts to the library's type, which rounds large numbers to the nearest double.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Number(number) => {
                let text = number.to_string();
                let zero = text == "0" || text == "0.0";
                let largest = if text.starts_with('-') { f64::MIN } else { f64::MAX };
                match text.parse::<serde_json::Number>() {
                    Ok(near) if near.as_f64() == Some(0.0) && !zero => Value::from(f64::MIN_POSITIVE),
                    Ok(near) => Value::Number(near),
                    Err(_) => Value::from(largest),
                }
            }
            Self::String(text) => Value::String(text.to_string()),
            Self::Array(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Self::Object(members) => {
                members.iter().map(|(name, value)| (name.to_string(), value.to_value())).collect()
            }
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        member(self.as_object()?, name)
    }

    pub(crate) fn as_object(&self) -> Option<&[(Box<str>, Self)]> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    pub(crate) fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    pub(crate) fn as_number(&self) -> Option<&Number> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    pub(crate) fn is_schema(&self) -> bool {
        matches!(self, Self::Object(_) | Self::Bool(_))
    }

    /// The value at a JSON Pointer (RFC 6901).
    pub(crate) fn pointer(&self, pointer: &str) -> Option<&Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(self, |value, token| value.step(token))
    }

    /// The child value for one encoded token of a pointer.
    pub(crate) fn step(&self, token: &str) -> Option<&Self> {
        match self {
            Self::Object(_) => self.get(&token.replace("~1", "/").replace("~0", "~")),
            Self::Array(items) => {
                let plain = token == "0" || !token.starts_with(['0', '+']);
                items.get(token.parse::<usize>().ok().filter(|_| plain)?)
            }
            _ => None,
        }
    }

    /// A total order that agrees with equality. `charge` receives the steps and returns `false` to stop; the
    /// result is then meaningless.
    pub(crate) fn compare(&self, other: &Self, charge: &mut impl FnMut(u64) -> bool) -> Ordering {
        if !charge(1) {
            return Ordering::Equal;
        }
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::String(a), Self::String(b)) => {
                charge(a.len().min(b.len()) as u64 / 64);
                a.cmp(b)
            }
            (Self::Array(a), Self::Array(b)) => a.len().cmp(&b.len()).then_with(|| {
                for (a, b) in a.iter().zip(b) {
                    let order = a.compare(b, charge);
                    if order.is_ne() {
                        return order;
                    }
                }
                Ordering::Equal
            }),
            (Self::Object(a), Self::Object(b)) => a.len().cmp(&b.len()).then_with(|| {
                for ((name, a), (other, b)) in a.iter().zip(b) {
                    let order = name.cmp(other).then_with(|| a.compare(b, charge));
                    if order.is_ne() {
                        return order;
                    }
                }
                Ordering::Equal
            }),
            _ => self.kind().cmp(&other.kind()),
        }
    }

    /// The number of steps of a full traversal.
    pub(crate) fn steps(&self) -> u64 {
        1 + match self {
            Self::String(text) => text.len() as u64 / 64,
            Self::Array(items) => items.iter().map(Self::steps).sum(),
            Self::Object(members) => {
                members.iter().map(|(name, value)| name.len() as u64 / 64 + value.steps()).sum()
            }
            _ => 0,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Number(_) => 2,
            Self::String(_) => 3,
            Self::Array(_) => 4,
            Self::Object(_) => 5,
        }
    }
}

/// The member with this name.
pub(crate) fn member<'a>(members: &'a [(Box<str>, Json)], name: &str) -> Option<&'a Json> {
    let at = members.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
    Some(&members[at].1)
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => write!(f, "null"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::String(text) => write_text(f, text),
            Self::Array(items) => {
                write!(f, "[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { "," })?;
                }
                write!(f, "]")
            }
            Self::Object(members) => {
                write!(f, "{{")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    write!(f, "{}", if at == 0 { "" } else { "," })?;
                    write_text(f, name)?;
                    write!(f, ":{value}")?;
                }
                write!(f, "}}")
            }
        }
    }
}

/// Writes the text in pieces, so that truncating a message of a large document stays cheap.
fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"")?;
    for character in text.chars() {
        match character {
            '"' => write!(f, "\\\"")?,
            '\\' => write!(f, "\\\\")?,
            '\n' => write!(f, "\\n")?,
            control if control.is_control() => write!(f, "\\u{:04x}", u32::from(control))?,
            other => write!(f, "{other}")?,
        }
    }
    write!(f, "\"")
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    path: Vec<String>,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Json, Unreadable> {
        match self.peek() {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => self.string().map(Json::String),
            _ => self.literal(),
        }
    }

    fn object(&mut self) -> Result<Json, Unreadable> {
        let mut members: Vec<(Box<str>, Json)> = Vec::new();
        self.at += 1;
        while self.peek() != b'}' {
            self.skip(b',');
            let name = self.string()?;
            self.skip(b':');
            self.path.push(name.to_string());
            let value = self.value()?;
            self.path.pop();
            members.push((name, value));
        }
        self.at += 1;
        // Of duplicate names the last one wins, as in the library.
        members.reverse();
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        members.dedup_by(|(a, _), (b, _)| a == b);
        Ok(Json::Object(members))
    }

    fn array(&mut self) -> Result<Json, Unreadable> {
        let mut items = Vec::new();
        self.at += 1;
        while self.peek() != b']' {
            self.skip(b',');
            self.path.push(items.len().to_string());
            items.push(self.value()?);
            self.path.pop();
        }
        self.at += 1;
        Ok(Json::Array(items))
    }

    fn string(&mut self) -> Result<Box<str>, Unreadable> {
        self.peek();
        let (from, bytes) = (self.at, self.text.as_bytes());
        let mut at = from + 1;
        while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
            at += if *byte == b'\\' { 2 } else { 1 };
        }
        self.at = at + 1;
        let written = self.text.get(from..self.at).unwrap_or_default();
        if written.contains('\\') {
            return serde_json::from_str::<String>(written)
                .map(String::into_boxed_str)
                .map_err(|error| Unreadable::NotJson(error.to_string()));
        }
        Ok(written.trim_matches('"').into())
    }

    fn literal(&mut self) -> Result<Json, Unreadable> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.find(|c: char| ",]}".contains(c) || c.is_ascii_whitespace()).unwrap_or(rest.len());
        let written = &rest[..length];
        self.at += length;
        match written {
            "null" => Ok(Json::Null),
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            number => Number::read(number).map(Json::Number).map_err(|error| {
                let pointer = self.path.iter().fold(String::new(), |at, name| crate::uri::join(&at, name));
                Unreadable::Number(pointer, error)
            }),
        }
    }

    /// The next non-blank byte; 0 at the end, which valid JSON never reaches.
    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        bytes.get(self.at).copied().unwrap_or_default()
    }

    fn skip(&mut self, byte: u8) {
        if self.peek() == byte {
            self.at += 1;
        }
    }
}
