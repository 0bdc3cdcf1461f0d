//! The operations (RFC 6902) that turn one document into another.
//!
//! Scalars are compared as they are written, so that `1.0` and `1.10`, or two numbers beyond 64 bits, never
//! count as the same. The order of members is not compared: it has no meaning in JSON, and no operation for it.

use super::{Compare, Member, Node, pointer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Most bytes of values and paths in a patch; above it, one operation replaces the whole document.
const PATCH_BYTES_MAX: usize = domain::limits::DOCUMENT_BYTES_MAX;

/// One operation of a difference.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// `add`, `remove` or `replace`.
    pub op: &'static str,
    /// Where, as a JSON Pointer.
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

/// The operation that replaces whatever is there.
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

    /// Compares item by item. When there are more of them on one side, what both begin and end with stays, so
    /// that one more in the middle is one operation. (With as many on both sides that changes nothing, and looking
    /// would cost: arrays in arrays would be compared once for each level.)
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

/// How many items both begin and end with.
fn in_common(from: &[Node<'_>], to: &[Node<'_>]) -> (usize, usize) {
    let same = |(a, b): &(&Node<'_>, &Node<'_>)| a.same(b, Compare::Text);
    let begin = from.iter().zip(to).take_while(same).count();
    let (from, to) = (&from[begin..], &to[begin..]);
    (begin, from.iter().rev().zip(to.iter().rev()).take_while(same).count())
}

/// Goes down by one token and comes back.
fn below<T>(path: &mut String, token: &str, then: impl FnOnce(&mut String) -> T) -> T {
    let length = path.len();
    pointer::push(path, token);
    let done = then(path);
    path.truncate(length);
    done
}
