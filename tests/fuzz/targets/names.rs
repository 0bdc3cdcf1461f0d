//! Names and short texts: accepted exactly when they have the documented form, and the same once written and
//! read back.

use domain::limits::{DISPLAY_NAME_BYTES_MAX, KEY_LABEL_BYTES_MAX, MESSAGE_BYTES_MAX};
use domain::{
    ApiKeyId, ClusterId, ConfigKey, Digest, DisplayName, EnvironmentName, KeyLabel, Message, Permission,
    ProjectName, RequestId, SchemaName,
};
use fuzz::Target;
use regex::Regex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Checks one type against its documented pattern.
macro_rules! check_name {
    ($type:ident, $text:expr) => {{
        thread_local!(static PATTERN: Regex =
            Regex::new(&$type::PATTERN.replace('$', r"\z")).expect("the documented pattern is one"));
        let parsed = $type::parse($text);
        let documented = PATTERN.with(|pattern| pattern.is_match($text)) && $text.len() <= $type::BYTES_MAX;
        assert_eq!(parsed.is_ok(), documented, "{} {:?}", stringify!($type), $text);
        if let Ok(name) = parsed {
            assert_eq!(name.as_str(), $text);
            survives(&name);
        } else {
            assert!(serde_json::from_value::<$type>($text.into()).is_err(), "decoding checks too");
        }
    }};
}

fn survives<T: Serialize + DeserializeOwned + Debug + PartialEq>(value: &T) {
    let json = serde_json::to_string(value).expect("it can be written");
    assert_eq!(&serde_json::from_str::<T>(&json).expect("our own text"), value);
    let row = adapter_raft::codec::row::encode(value).expect("it can be written");
    assert_eq!(&adapter_raft::codec::row::decode::<T>(&row).expect("our own bytes"), value);
}

/// Whether a text may be written for people.
fn is_plain(text: &str, bytes: std::ops::RangeInclusive<usize>) -> bool {
    bytes.contains(&text.len()) && text.chars().all(|c| !c.is_control() || c == '\n' || c == '\t')
}

fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let text = text.as_ref();
    check_name!(ProjectName, text);
    check_name!(EnvironmentName, text);
    check_name!(ConfigKey, text);
    check_name!(SchemaName, text);
    check_name!(ApiKeyId, text);
    check_name!(ClusterId, text);
    check_name!(RequestId, text);
    assert_eq!(Message::parse(text).is_ok(), is_plain(text, 0..=MESSAGE_BYTES_MAX), "{text:?}");
    assert_eq!(DisplayName::parse(text).is_ok(), is_plain(text, 0..=DISPLAY_NAME_BYTES_MAX), "{text:?}");
    assert_eq!(KeyLabel::parse(text).is_ok(), is_plain(text, 1..=KEY_LABEL_BYTES_MAX), "{text:?}");
    if let Ok(message) = Message::parse(text) {
        survives(&message);
    }
    if let Some(digest) = Digest::parse(text) {
        assert_eq!(digest.to_string(), text.to_ascii_lowercase());
        survives(&digest);
    }
    if let Some(permission) = Permission::parse(text) {
        assert_eq!(permission.as_str(), text);
        survives(&permission);
    }
}

#[test]
fn names() {
    Target::new("names").bytes_max(1100).check(check);
}
