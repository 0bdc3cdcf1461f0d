//! A JSON document as a tree that preserves the text of scalars and names: unchanged parts are written
//! exactly as they were read.
//!
//! Only parses compact text that [`crate::compact`] accepted; returns `None` for anything else.

pub(crate) mod diff;
pub(crate) mod merge;
mod number;
pub(crate) mod operations;
mod pointer;
mod scan;
#[cfg(test)]
mod tests;
pub(crate) mod unified;

pub(crate) use scan::parse;

use std::borrow::Cow;
use std::collections::BTreeMap;

/// The text of `null`.
const NULL: &str = "null";

/// A JSON value.
#[derive(Clone, Debug)]
pub(crate) enum Node<'a> {
    /// A string, a number, `true`, `false` or `null`, as written.
    Scalar(&'a str),
    /// An array with its items.
    Array(Vec<Node<'a>>),
    /// An object with its members, in their written order.
    Object(Vec<Member<'a>>),
}

/// A member of an object.
#[derive(Clone, Debug)]
pub(crate) struct Member<'a> {
    /// The name as written, in quotes.
    pub(crate) written: Cow<'a, str>,
    /// The value.
    pub(crate) value: Node<'a>,
}

impl Member<'_> {
    /// The name without quotes and escapes.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        decoded(&self.written)
    }
}

/// How two scalars are compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Compare {
    /// By their text.
    Text,
    /// By their value: `1.0` equals `1` (RFC 6902 section 4.6).
    Value,
}

impl Node<'_> {
    pub(crate) fn null() -> Self {
        Node::Scalar(NULL)
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Node::Scalar(text) if *text == NULL)
    }

    /// The length of the compact text, in bytes.
    fn bytes(&self) -> usize {
        let between = |count: usize| count.saturating_sub(1) + 2;
        match self {
            Node::Scalar(text) => text.len(),
            Node::Array(items) => items.iter().map(Node::bytes).sum::<usize>() + between(items.len()),
            Node::Object(members) => {
                let one = |member: &Member<'_>| member.written.len() + 1 + member.value.bytes();
                members.iter().map(one).sum::<usize>() + between(members.len())
            }
        }
    }

    /// The nesting depth of arrays and objects.
    fn depth(&self) -> usize {
        match self {
            Node::Scalar(_) => 0,
            Node::Array(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Node::Object(members) => 1 + members.iter().map(|member| member.value.depth()).max().unwrap_or(0),
        }
    }

    /// The compact text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(self.bytes());
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        match self {
            Node::Scalar(text) => out.push_str(text),
            Node::Array(items) => {
                out.push('[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Node::Object(members) => {
                out.push('{');
                for (n, member) in members.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    out.push_str(&member.written);
                    out.push(':');
                    member.value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// Whether two values are equal; the order of members is ignored.
    fn same(&self, other: &Node<'_>, compare: Compare) -> bool {
        match (self, other) {
            (Node::Scalar(a), Node::Scalar(b)) => a == b || (compare == Compare::Value && equal(a, b)),
            (Node::Array(a), Node::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b, compare))
            }
            (Node::Object(a), Node::Object(b)) => a.len() == b.len() && same_members(a, b, compare),
            _ => false,
        }
    }
}

fn same_members(a: &[Member<'_>], b: &[Member<'_>], compare: Compare) -> bool {
    if a.iter().zip(b).all(|(a, b)| a.written == b.written) {
        return a.iter().zip(b).all(|(a, b)| a.value.same(&b.value, compare));
    }
    let by_name: BTreeMap<_, _> = b.iter().map(|member| (member.name(), &member.value)).collect();
    a.iter().all(|member| by_name.get(&member.name()).is_some_and(|b| member.value.same(b, compare)))
}

/// Whether two scalars with different texts are equal.
fn equal(a: &str, b: &str) -> bool {
    match (a.starts_with('"'), b.starts_with('"')) {
        (true, true) => decoded(a) == decoded(b),
        (false, false) => number::equal(a, b),
        _ => false,
    }
}

/// The content of a quoted string.
fn decoded(written: &str) -> Cow<'_, str> {
    if written.contains('\\') {
        return Cow::Owned(serde_json::from_str(written).unwrap_or_default());
    }
    Cow::Borrowed(written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default())
}

/// The name in quotes.
fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

/// The index and the value of the member with this name.
fn find<'n, 'a>(members: &'n [Member<'a>], name: &str) -> Option<(usize, &'n Node<'a>)> {
    let found = members.iter().enumerate().find(|(_, member)| member.name() == name);
    found.map(|(at, member)| (at, &member.value))
}
