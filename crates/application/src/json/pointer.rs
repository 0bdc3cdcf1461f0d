//! JSON Pointers (RFC 6901): parsing, and resolving them in a tree.

use super::{Node, find};

/// A parsed pointer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pointer(Vec<String>);

impl Pointer {
    /// Parses a pointer; fails with the rule that it breaks.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let rest = text.strip_prefix('/').ok_or("must be empty or begin with /")?;
        let unescape = |token: &str| {
            let good = token.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
            good.then(|| token.replace("~1", "/").replace("~0", "~"))
        };
        let tokens: Option<_> = rest.split('/').map(unescape).collect();
        tokens.map(Self).ok_or("must have 0 or 1 after each ~")
    }

    pub(crate) fn tokens(&self) -> &[String] {
        &self.0
    }

    /// Whether `other` is inside the value at this pointer.
    pub(crate) fn is_above(&self, other: &Self) -> bool {
        self.0.len() < other.0.len() && other.0.starts_with(&self.0)
    }
}

/// Appends a token to the text of a pointer.
pub(crate) fn push(path: &mut String, token: &str) {
    path.push('/');
    for c in token.chars() {
        match c {
            '~' => path.push_str("~0"),
            '/' => path.push_str("~1"),
            c => path.push(c),
        }
    }
}

/// The value at the tokens; fails with a message about what is missing.
pub(crate) fn get<'n, 'a>(root: &'n Node<'a>, tokens: &[String]) -> Result<&'n Node<'a>, String> {
    let mut node = root;
    for token in tokens {
        node = match node {
            Node::Object(members) => find(members, token).ok_or_else(|| no_member(token))?.1,
            Node::Array(items) => {
                let at = index(token, items.len())?;
                items.get(at).ok_or_else(|| beyond(at, items.len()))?
            }
            Node::Scalar(_) => return Err(no_container(token)),
        };
    }
    Ok(node)
}

/// As [`get`], mutable.
pub(crate) fn get_mut<'n, 'a>(root: &'n mut Node<'a>, tokens: &[String]) -> Result<&'n mut Node<'a>, String> {
    let mut node = root;
    for token in tokens {
        node = match node {
            Node::Object(members) => {
                let at = find(members, token).ok_or_else(|| no_member(token))?.0;
                &mut members[at].value
            }
            Node::Array(items) => {
                let length = items.len();
                let at = index(token, length)?;
                items.get_mut(at).ok_or_else(|| beyond(at, length))?
            }
            Node::Scalar(_) => return Err(no_container(token)),
        };
    }
    Ok(node)
}

/// Parses an array index: digits without leading zeros (RFC 6901 section 4).
pub(crate) fn index(token: &str, length: usize) -> Result<usize, String> {
    let digits = token.bytes().all(|byte| byte.is_ascii_digit());
    let number = token.parse().ok().filter(|_| digits && (token == "0" || !token.starts_with('0')));
    number.ok_or_else(|| match token {
        "-" => format!("there is nothing after the end of an array of {length} items"),
        _ => format!("{} is no array index", shown(token)),
    })
}

pub(crate) fn no_member(name: &str) -> String {
    format!("there is no member {}", shown(name))
}

pub(crate) fn no_container(token: &str) -> String {
    format!("there is no object or array to look for {} in", shown(token))
}

pub(crate) fn beyond(at: usize, length: usize) -> String {
    format!("there is no item {at} in an array of {length} items")
}

/// A token for a message, truncated if it is long.
fn shown(token: &str) -> String {
    let mut shown = format!("{:?}", token.chars().take(64).collect::<String>());
    if token.chars().nth(64).is_some() {
        shown.push('…');
    }
    shown
}
