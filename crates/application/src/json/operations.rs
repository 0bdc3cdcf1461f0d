//! JSON Patch (RFC 6902): parses the operations and applies them in order, within limits.

use super::pointer::{Pointer, beyond, get, get_mut, index, no_container, no_member};
use super::{Compare, Member, Node, decoded, find, quoted};
use crate::document::DocumentFault;
use crate::{Error, PATCH_OPERATIONS_MAX};
use domain::limits::{DOCUMENT_BYTES_MAX, NESTING_MAX};
use std::borrow::Cow;

/// Longest pointer in an error, in characters; longer ones are truncated.
const POINTER_SHOWN_CHARS: usize = 512;

/// An operation of a patch.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    path: Pointer,
    written: String,
    action: Action<'a>,
}

#[derive(Debug)]
enum Action<'a> {
    Add(Node<'a>),
    Remove,
    Replace(Node<'a>),
    Move(Pointer),
    Copy(Pointer),
    Test(Node<'a>),
}

/// The reason why an operation was not applied.
enum Refusal {
    Failed(String),
    Document(DocumentFault),
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// Parses the operations of a patch.
pub(crate) fn read(patch: Node<'_>) -> Result<Vec<Operation<'_>>, Error> {
    let Node::Array(operations) = patch else {
        return Err(malformed(None, "", "must be an array of operations".to_owned()));
    };
    if operations.len() > PATCH_OPERATIONS_MAX {
        let message =
            format!("has {} operations, at most {PATCH_OPERATIONS_MAX} are allowed", operations.len());
        return Err(malformed(None, "", message));
    }
    operations.into_iter().enumerate().map(|(at, operation)| one(at, operation)).collect()
}

fn one(at: usize, operation: Node<'_>) -> Result<Operation<'_>, Error> {
    let Node::Object(mut members) = operation else {
        return Err(malformed(Some(at), "", "must be an object".to_owned()));
    };
    let text = |name: &'static str| match find(&members, name) {
        Some((_, Node::Scalar(text))) if text.starts_with('"') => Ok(decoded(text).into_owned()),
        Some(_) => Err(malformed(Some(at), name, "must be a string".to_owned())),
        None => Err(malformed(Some(at), name, "is missing".to_owned())),
    };
    let pointer = |name: &'static str, text: &str| {
        Pointer::parse(text).map_err(|rule| malformed(Some(at), name, format!("{rule} (RFC 6901)")))
    };
    let (op, written) = (text("op")?, text("path")?);
    let path = pointer("path", &written)?;
    let from = match op.as_str() {
        "move" | "copy" => Some(pointer("from", &text("from")?)?),
        _ => None,
    };
    let mut value = || match find(&members, "value").map(|(place, _)| place) {
        Some(place) => Ok(members.swap_remove(place).value),
        None => Err(malformed(Some(at), "value", "is missing".to_owned())),
    };
    let action = match (op.as_str(), from) {
        ("add", _) => Action::Add(value()?),
        ("remove", _) => Action::Remove,
        ("replace", _) => Action::Replace(value()?),
        ("test", _) => Action::Test(value()?),
        ("move", Some(from)) => Action::Move(from),
        ("copy", Some(from)) => Action::Copy(from),
        _ => {
            let rule = "must be add, remove, replace, move, copy or test".to_owned();
            return Err(malformed(Some(at), "op", rule));
        }
    };
    Ok(Operation { path, written, action })
}

/// The error for a member of an operation, an operation, or the whole patch.
fn malformed(operation: Option<usize>, member: &str, message: String) -> Error {
    let place = match (operation, member) {
        (None, _) => ".".to_owned(),
        (Some(at), "") => format!("[{at}]"),
        (Some(at), member) => format!("[{at}].{member}"),
    };
    Error::PatchInvalid { operation, place, message }
}

/// A document to which operations are applied.
#[derive(Debug)]
pub(crate) struct Patched<'a> {
    root: Node<'a>,
    /// An upper bound of the length of the text. The length is only measured when the bound exceeds the
    /// limit.
    bytes_at_most: usize,
}

impl<'a> Patched<'a> {
    pub(crate) fn new(root: Node<'a>) -> Self {
        Self { bytes_at_most: root.bytes(), root }
    }

    pub(crate) fn into_root(self) -> Node<'a> {
        self.root
    }

    /// Applies the operation with the index `at`.
    pub(crate) fn apply(&mut self, at: usize, operation: Operation<'a>) -> Result<(), Error> {
        let Operation { path, written, action } = operation;
        self.act(&path, action).map_err(|refusal| match refusal {
            Refusal::Document(fault) => Error::Document(fault),
            Refusal::Failed(message) => {
                let pointer = written.chars().take(POINTER_SHOWN_CHARS).collect();
                Error::PatchFailed { operation: at, pointer, message }
            }
        })
    }

    fn act(&mut self, path: &Pointer, action: Action<'a>) -> Result<(), Refusal> {
        match action {
            Action::Add(value) => self.add(path, value),
            Action::Remove => self.remove(path).map(drop),
            Action::Replace(value) => {
                get(&self.root, path.tokens())?;
                self.fits(path, &value)?;
                *get_mut(&mut self.root, path.tokens())? = value;
                self.within_limit()
            }
            Action::Move(from) if from == *path => {
                get(&self.root, from.tokens()).map(drop).map_err(|why| format!("from: {why}").into())
            }
            Action::Move(from) => {
                if from.is_above(path) {
                    return Err("a value cannot be moved into itself".to_owned().into());
                }
                let value = self.remove(&from).map_err(|refusal| match refusal {
                    Refusal::Failed(why) => Refusal::Failed(format!("from: {why}")),
                    other @ Refusal::Document(_) => other,
                })?;
                self.add(path, value)
            }
            Action::Copy(from) => {
                let found = get(&self.root, from.tokens()).map_err(|why| format!("from: {why}"))?;
                let value = found.clone();
                self.add(path, value)
            }
            Action::Test(value) => {
                let found = get(&self.root, path.tokens())?;
                let same = found.same(&value, Compare::Value);
                same.then_some(()).ok_or_else(|| "the value there is another one".to_owned().into())
            }
        }
    }

    fn add(&mut self, path: &Pointer, value: Node<'a>) -> Result<(), Refusal> {
        self.fits(path, &value)?;
        let Some((last, above)) = path.tokens().split_last() else {
            self.root = value;
            return self.within_limit();
        };
        match get_mut(&mut self.root, above)? {
            Node::Object(members) => match find(members, last).map(|(at, _)| at) {
                Some(at) => members[at].value = value,
                None => members.push(Member { written: Cow::Owned(quoted(last)), value }),
            },
            Node::Array(items) if last == "-" => items.push(value),
            Node::Array(items) => {
                let at = index(last, items.len())?;
                if at > items.len() {
                    return Err(beyond(at, items.len()).into());
                }
                items.insert(at, value);
            }
            Node::Scalar(_) => return Err(no_container(last).into()),
        }
        self.within_limit()
    }

    fn remove(&mut self, path: &Pointer) -> Result<Node<'a>, Refusal> {
        let Some((last, above)) = path.tokens().split_last() else {
            return Err("the whole document cannot be removed; delete the config".to_owned().into());
        };
        match get_mut(&mut self.root, above)? {
            Node::Object(members) => {
                let at = find(members, last).ok_or_else(|| no_member(last))?.0;
                Ok(members.remove(at).value)
            }
            Node::Array(items) => {
                let at = index(last, items.len())?;
                if at >= items.len() {
                    return Err(beyond(at, items.len()).into());
                }
                Ok(items.remove(at))
            }
            Node::Scalar(_) => Err(no_container(last).into()),
        }
    }

    /// Adds the size of a value that is about to be inserted; fails if it would be nested too deeply.
    fn fits(&mut self, path: &Pointer, value: &Node<'_>) -> Result<(), Refusal> {
        if path.tokens().len() + value.depth() > NESTING_MAX {
            return Err(Refusal::Document(DocumentFault::TooDeep { field: "content" }));
        }
        let name = path.tokens().last().map_or(0, |last| quoted(last).len());
        // Plus a comma and a colon.
        self.bytes_at_most += value.bytes() + name + 2;
        Ok(())
    }

    fn within_limit(&mut self) -> Result<(), Refusal> {
        if self.bytes_at_most > DOCUMENT_BYTES_MAX {
            self.bytes_at_most = self.root.bytes();
        }
        if self.bytes_at_most > DOCUMENT_BYTES_MAX {
            let (bytes, bytes_max) = (self.bytes_at_most, DOCUMENT_BYTES_MAX);
            return Err(Refusal::Document(DocumentFault::TooLarge { field: "content", bytes, bytes_max }));
        }
        Ok(())
    }
}
