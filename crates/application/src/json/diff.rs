//! Computes the operations (RFC 6902) that turn one document into another.
//!
//! Scalars are compared as written, so `1.0` and `1.10`, or numbers beyond 64 bits, never count as equal by
//! rounding. The order of members is ignored: it has no meaning in JSON, and no operation changes it.

use super::{Compare, Member, Node, pointer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Largest total size of values and paths in a patch, in bytes. Beyond it, one operation replaces the whole
/// document.
const PATCH_BYTES_MAX: usize = domain::limits::DOCUMENT_BYTES_MAX;

/// An operation of a patch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// The name: `add`, `remove` or `replace`.
    pub op: &'static str,
    /// The path, as a JSON Pointer.
    pub path: String,
    /// The JSON text of the value; `None` for `remove`.
    pub value: Option<String>,
}

/// The operations that turn `from` into `to`.
pub(crate) fn changes(from: &Node<'_>, to: &Node<'_>) -> Vec<Change> {
    let mut diff = Diff::default();
    match diff.values(from, to, &mut String::new()) {
        Ok(()) => diff.changes,
        Err(TooLong) => vec![whole(to)],
    }
}

/// The operation that replaces the whole document.
pub(crate) fn whole(to: &Node<'_>) -> Change {
    Change { op: "replace", path: String::new(), value: Some(to.text()) }
}

struct TooLong;

#[derive(Default)]
struct Diff {
    changes: Vec<Change>,
    bytes: usize,
}

impl Diff {
    fn push(&mut self, op: &'static str, path: &str, value: Option<&Node<'_>>) -> Result<(), TooLong> {
        self.bytes += path.len() + value.map_or(0, Node::bytes);
        if self.bytes > PATCH_BYTES_MAX {
            return Err(TooLong);
        }
        self.changes.push(Change { op, path: path.to_owned(), value: value.map(Node::text) });
        Ok(())
    }

    fn values(&mut self, from: &Node<'_>, to: &Node<'_>, path: &mut String) -> Result<(), TooLong> {
        match (from, to) {
            (Node::Object(from), Node::Object(to)) => self.members(from, to, path),
            (Node::Array(from), Node::Array(to)) => self.items(from, to, path),
            (Node::Scalar(from), Node::Scalar(to)) if from == to => Ok(()),
            _ => self.push("replace", path, Some(to)),
        }
    }

    fn members(&mut self, from: &[Member<'_>], to: &[Member<'_>], path: &mut String) -> Result<(), TooLong> {
        let mut left: BTreeMap<Cow<'_, str>, &Node<'_>> =
            to.iter().map(|member| (member.name(), &member.value)).collect();
        for member in from {
            let name = member.name();
            let value = left.remove(&name);
            below(path, &name, |path| match value {
                Some(value) => self.values(&member.value, value, path),
                None => self.push("remove", path, None),
            })?;
        }
        for member in to {
            let name = member.name();
            if left.contains_key(&name) {
                below(path, &name, |path| self.push("add", path, Some(&member.value)))?;
            }
        }
        Ok(())
    }

    /// Compares arrays item by item. If their lengths differ, common items at the start and the end are
    /// skipped, so that an insertion in the middle is one operation. With equal lengths this would change
    /// nothing, and would compare nested arrays once for each level.
    fn items(&mut self, from: &[Node<'_>], to: &[Node<'_>], path: &mut String) -> Result<(), TooLong> {
        let (begin, end) = if from.len() == to.len() { (0, 0) } else { in_common(from, to) };
        let (from, to) = (&from[begin..from.len() - end], &to[begin..to.len() - end]);
        let both = from.len().min(to.len());
        for (n, (from, to)) in from.iter().zip(to).enumerate() {
            below(path, &(begin + n).to_string(), |path| self.values(from, to, path))?;
        }
        for n in (both..from.len()).rev() {
            below(path, &(begin + n).to_string(), |path| self.push("remove", path, None))?;
        }
        for (n, value) in to.iter().enumerate().skip(both) {
            below(path, &(begin + n).to_string(), |path| self.push("add", path, Some(value)))?;
        }
        Ok(())
    }
}

/// The numbers of common items at the start and at the end.
fn in_common(from: &[Node<'_>], to: &[Node<'_>]) -> (usize, usize) {
    let same = |(a, b): &(&Node<'_>, &Node<'_>)| a.same(b, Compare::Text);
    let begin = from.iter().zip(to).take_while(same).count();
    let (from, to) = (&from[begin..], &to[begin..]);
    (begin, from.iter().rev().zip(to.iter().rev()).take_while(same).count())
}

/// Appends a token to the path for the duration of the call.
fn below<T>(path: &mut String, token: &str, then: impl FnOnce(&mut String) -> T) -> T {
    let length = path.len();
    pointer::push(path, token);
    let done = then(path);
    path.truncate(length);
    done
}
