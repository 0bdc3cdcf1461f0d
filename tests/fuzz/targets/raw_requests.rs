//! Requests as text, changed byte by byte: a line with method and target, header lines, an empty line, the body.
//! A line of `%%` stands between two of them.

use crate::world::{Request, World};
use fuzz::Target;

/// Most requests of one input.
const REQUESTS_MAX: usize = 8;

/// What stands before and after the first `end`; all of it and nothing when it is not there.
fn split<'a>(bytes: &'a [u8], end: &[u8]) -> (&'a [u8], &'a [u8]) {
    match bytes.windows(end.len()).position(|window| window == end) {
        Some(at) => (&bytes[..at], &bytes[at + end.len()..]),
        None => (bytes, &[]),
    }
}

fn read(bytes: &[u8]) -> Request {
    let (head, body) = split(bytes, b"\n\n");
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (method, target) = first.split_once(' ').unwrap_or((&first, "/"));
    let header = |line: &[u8]| {
        let (name, value) = split(line, b": ");
        (String::from_utf8_lossy(name).into_owned(), value.to_vec())
    };
    Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: lines.map(header).collect(),
        body: body.to_vec(),
    }
}

#[test]
fn raw_requests() {
    let world = World::new();
    Target::new("raw_requests").bytes_max(20_000).check(|bytes| {
        let mut rest = bytes;
        world.renew();
        for _ in 0..REQUESTS_MAX {
            if rest.is_empty() {
                break;
            }
            let (one, others) = split(rest, b"\n%%\n");
            world.send(&read(one));
            rest = others;
        }
    });
}
