//! JSON Merge Patch (RFC 7396).

use super::{Member, Node};
use std::collections::BTreeMap;

/// Applies a merge patch. Existing members keep their order and text; new ones are appended.
pub(crate) fn merge<'a>(target: Node<'a>, patch: Node<'a>) -> Node<'a> {
    let Node::Object(changes) = patch else { return patch };
    let members = match target {
        Node::Object(members) => members,
        Node::Scalar(_) | Node::Array(_) => Vec::new(),
    };
    let places: BTreeMap<String, usize> =
        members.iter().enumerate().map(|(at, member)| (member.name().into_owned(), at)).collect();
    let mut members: Vec<Option<Member<'a>>> = members.into_iter().map(Some).collect();
    for Member { written, value } in changes {
        let change = Member { written, value: Node::null() };
        let place = places.get(change.name().as_ref()).copied();
        let earlier = place.and_then(|at| members[at].take());
        if value.is_null() {
            continue;
        }
        match (place, earlier) {
            (Some(at), Some(earlier)) => {
                members[at] = Some(Member { value: merge(earlier.value, value), ..earlier });
            }
            _ => members.push(Some(Member { value: merge(Node::null(), value), ..change })),
        }
    }
    Node::Object(members.into_iter().flatten().collect())
}
