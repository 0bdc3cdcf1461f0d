//! The difference of two documents as a unified diff, with one value on each line.

use super::Node;
use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Most lines, of both documents together, for which the smallest difference is computed. Beyond it,
/// everything between the common start and the common end counts as changed.
const LINES_COMPARED_MAX: usize = 4000;
/// Longest text, in bytes; a longer one is truncated at the end of a line.
const TEXT_BYTES_MAX: usize = 1024 * 1024;
/// Largest indented text of a document, in bytes. A larger document is not indented, because deep nesting
/// would fill the memory.
const INDENTED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Number of spaces for each level.
const INDENT: usize = 2;
/// Number of unchanged lines around a change.
const CONTEXT_LINES: usize = 3;

/// One side of the comparison.
#[derive(Debug)]
pub(crate) struct Side<'a> {
    /// The title in the header of the diff.
    pub(crate) title: String,
    /// The document; `None` if there is none.
    pub(crate) document: Option<&'a Node<'a>>,
}

/// The unified diff, empty if no line differs; and whether it was truncated.
pub(crate) fn unified(from: &Side<'_>, to: &Side<'_>) -> (String, bool) {
    let (from_text, to_text) = (pretty(from.document), pretty(to.document));
    let (old, new): (Vec<_>, Vec<_>) = (from_text.lines().collect(), to_text.lines().collect());
    let operations = compared(&old, &new);
    if operations.iter().all(|operation| operation.tag() == DiffTag::Equal) {
        return (String::new(), false);
    }
    let mut text = format!("--- {}\n+++ {}\n", from.title, to.title);
    for hunk in group_diff_ops(operations, CONTEXT_LINES) {
        if !write_hunk(&mut text, &hunk, &old, &new) {
            return (text, true);
        }
    }
    (text, false)
}

fn compared(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let begin = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[begin..], &new[begin..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
    let mut operations = vec![DiffOp::Equal { old_index: 0, new_index: 0, len: begin }];
    let (old_len, new_len) = (old.len(), new.len());
    if old_len + new_len <= LINES_COMPARED_MAX {
        let mut numbers = BTreeMap::new();
        let mut number = |line| {
            let next = numbers.len();
            *numbers.entry(line).or_insert(next)
        };
        let old: Vec<usize> = old.iter().map(|line| number(*line)).collect();
        let new: Vec<usize> = new.iter().map(|line| number(*line)).collect();
        let inner = capture_diff_slices(Algorithm::Myers, &old, &new);
        operations.extend(inner.into_iter().map(|operation| moved(operation, begin)));
    } else {
        operations.push(DiffOp::Replace { old_index: begin, old_len, new_index: begin, new_len });
    }
    operations.push(DiffOp::Equal { old_index: begin + old_len, new_index: begin + new_len, len: end });
    operations.retain(|operation| !operation.old_range().is_empty() || !operation.new_range().is_empty());
    operations
}

fn moved(operation: DiffOp, by: usize) -> DiffOp {
    match operation {
        DiffOp::Equal { old_index, new_index, len } => {
            DiffOp::Equal { old_index: old_index + by, new_index: new_index + by, len }
        }
        DiffOp::Delete { old_index, old_len, new_index } => {
            DiffOp::Delete { old_index: old_index + by, old_len, new_index: new_index + by }
        }
        DiffOp::Insert { old_index, new_index, new_len } => {
            DiffOp::Insert { old_index: old_index + by, new_index: new_index + by, new_len }
        }
        DiffOp::Replace { old_index, old_len, new_index, new_len } => {
            DiffOp::Replace { old_index: old_index + by, old_len, new_index: new_index + by, new_len }
        }
    }
}

/// Appends a hunk; false if it did not fit completely.
fn write_hunk(text: &mut String, hunk: &[DiffOp], old: &[&str], new: &[&str]) -> bool {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { return true };
    let range = |start: usize, end: usize| match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        length => format!("{},{length}", start + 1),
    };
    let olds = range(first.old_range().start, last.old_range().end);
    let news = range(first.new_range().start, last.new_range().end);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "@@ -{olds} +{news} @@");
    let mut write = |sign: char, lines: &[&str]| {
        lines.iter().all(|line| {
            let fits = text.len() + line.len() + 2 <= TEXT_BYTES_MAX;
            if fits {
                text.push(sign);
                text.push_str(line);
                text.push('\n');
            }
            fits
        })
    };
    hunk.iter().all(|operation| match operation.tag() {
        DiffTag::Equal => write(' ', &old[operation.old_range()]),
        _ => write('-', &old[operation.old_range()]) && write('+', &new[operation.new_range()]),
    })
}

/// The document with one value on each line, indented unless that is too long.
fn pretty(document: Option<&Node<'_>>) -> String {
    let Some(node) = document else { return String::new() };
    let mut text = String::new();
    if !write(node, INDENT, 0, &mut text) {
        text.clear();
        write(node, 0, 0, &mut text);
    }
    text
}

/// Appends a value; false if the indented text is too long.
fn write(node: &Node<'_>, indent: usize, depth: usize, out: &mut String) -> bool {
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent * depth));
    };
    match node {
        Node::Scalar(text) => out.push_str(text),
        Node::Array(items) if items.is_empty() => out.push_str("[]"),
        Node::Object(members) if members.is_empty() => out.push_str("{}"),
        Node::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n > 0 { "," } else { "" });
                new_line(out, depth + 1);
                if !write(item, indent, depth + 1, out) {
                    return false;
                }
            }
            new_line(out, depth);
            out.push(']');
        }
        Node::Object(members) => {
            out.push('{');
            for (n, member) in members.iter().enumerate() {
                out.push_str(if n > 0 { "," } else { "" });
                new_line(out, depth + 1);
                out.push_str(&member.written);
                out.push_str(": ");
                if !write(&member.value, indent, depth + 1, out) {
                    return false;
                }
            }
            new_line(out, depth);
            out.push('}');
        }
    }
    indent == 0 || out.len() <= INDENTED_BYTES_MAX
}
