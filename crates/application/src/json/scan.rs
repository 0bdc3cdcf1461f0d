//! Parsing compact text into a tree. The text was validated when it was accepted, so this only finds where
//! values begin and end.

use super::{Member, Node};
use domain::limits::NESTING_MAX;
use std::borrow::Cow;

/// Parses a document; `None` if it is malformed.
pub(crate) fn parse(text: &str) -> Option<Node<'_>> {
    let mut scan = Scan { text, at: 0 };
    let node = scan.value(0)?;
    (scan.at == text.len()).then_some(node)
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn value(&mut self, depth: usize) -> Option<Node<'a>> {
        match self.peek()? {
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b'"' => self.string().map(Node::Scalar),
            _ => self.literal().map(Node::Scalar),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Node<'a>> {
        let mut members = Vec::new();
        self.list(depth, b'}', |scan| {
            let written = Cow::Borrowed(scan.string()?);
            scan.take(b':')?;
            members.push(Member { written, value: scan.value(depth)? });
            Some(())
        })?;
        Some(Node::Object(members))
    }

    fn array(&mut self, depth: usize) -> Option<Node<'a>> {
        let mut items = Vec::new();
        self.list(depth, b']', |scan| {
            items.push(scan.value(depth)?);
            Some(())
        })?;
        Some(Node::Array(items))
    }

    /// Parses the items between brackets, separated by commas.
    fn list(&mut self, depth: usize, end: u8, mut one: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if depth > NESTING_MAX {
            return None;
        }
        self.at += 1;
        if self.take(end).is_some() {
            return Some(());
        }
        loop {
            one(self)?;
            if self.take(b',').is_none() {
                return self.take(end);
            }
        }
    }

    fn string(&mut self) -> Option<&'a str> {
        let from = self.at;
        self.take(b'"')?;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.text.get(from..self.at)
    }

    fn literal(&mut self) -> Option<&'a str> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let length = rest.iter().position(|byte| b",]}:\"{[".contains(byte)).unwrap_or(rest.len());
        let from = self.at;
        self.at += length;
        self.text.get(from..self.at).filter(|text| !text.is_empty())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }
}
