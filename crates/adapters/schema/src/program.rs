//! The compiled form of a schema: each sub-schema once, with resolved references and parsed keywords.

use crate::closure::Document;
use crate::number::Number;
use crate::pattern::Pattern;
use crate::uri;
use crate::value::Json;
use application::ports::Violation;
use domain::Dialect;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// The part of a value that a sub-schema applies to.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Slot {
    /// The member with this name.
    Member(String),
    /// Any member.
    AnyMember,
    /// The element at this index.
    Element(usize),
    /// Any element.
    AnyElement,
}

/// A sub-schema.
#[derive(Debug)]
pub(crate) struct Node {
    /// Index of its document.
    pub document: usize,
    /// JSON Pointer in that document.
    pub pointer: String,
    /// Index of its schema resource.
    pub resource: usize,
    /// Its content.
    pub says: Says,
    /// The sub-schemas that it applies to the same value; one that is applied twice is listed twice.
    pub in_place: Vec<usize>,
    /// The sub-schemas that it applies to members and elements.
    pub inner: Vec<(Slot, usize)>,
}

/// The content of a sub-schema.
#[derive(Debug)]
pub(crate) enum Says {
    /// `true` or `false`.
    Always(bool),
    /// All of these must hold.
    Rules(Vec<Rule>),
}

/// One keyword, or several that are checked together.
#[derive(Debug)]
pub(crate) struct Rule {
    pub keyword: &'static str,
    pub check: Check,
}

/// The kind of a numeric bound.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bound {
    Minimum,
    Maximum,
    ExclusiveMinimum,
    ExclusiveMaximum,
}

/// The unit of a length keyword.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Count {
    Characters,
    Elements,
    Members,
}

#[derive(Debug)]
pub(crate) enum Check {
    Type(Vec<Kind>),
    Const(Json),
    Enum {
        all: Vec<Json>,
        texts: BTreeSet<Box<str>>,
    },
    Bound(Bound, Number),
    MultipleOf(Number),
    /// A minimum or maximum length.
    Count {
        of: Count,
        least: bool,
        limit: u64,
    },
    Pattern(Arc<Pattern>, Box<str>),
    Format(Format),
    Unique,
    Required(Vec<Box<str>>),
    /// If a member with this name exists, these are required.
    RequiredWith(Vec<(Box<str>, Vec<Box<str>>)>),
    Reference(usize),
    /// A dynamic reference: its target depends on the dynamic scope.
    Dynamic {
        name: Anchor,
        otherwise: usize,
    },
    AllOf(Vec<usize>),
    AnyOf(Vec<usize>),
    OneOf(Vec<usize>),
    Not(usize),
    If {
        condition: usize,
        then: Option<usize>,
        otherwise: Option<usize>,
    },
    /// If a member with this name exists, this schema applies.
    SchemaWith(Vec<(Box<str>, usize)>),
    Members(Members),
    Names(usize),
    Elements {
        first: Vec<usize>,
        rest: Option<usize>,
    },
    /// `counts`: whether matching elements count as evaluated.
    Contains {
        schema: usize,
        least: u64,
        most: Option<u64>,
        counts: bool,
    },
    UnevaluatedMembers(usize),
    UnevaluatedElements(usize),
}

/// `properties`, `patternProperties` and `additionalProperties`.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// `properties`.
    pub named: BTreeMap<Box<str>, usize>,
    pub matching: Vec<(Arc<Pattern>, usize)>,
    pub others: Option<usize>,
}

/// A type keyword value, by dialect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Number,
    Integer,
    /// An integer of draft 4: written without a fraction and an exponent.
    PlainInteger,
    String,
    Array,
    Object,
}

/// The anchor of a dynamic reference.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Anchor {
    /// `$recursiveAnchor`.
    Recursive,
    /// `$dynamicAnchor`.
    Named(String),
}

/// A format check.
pub(crate) struct Format {
    pub name: Box<str>,
    /// `None` for regular expressions, which are checked here.
    pub library: Option<Arc<jsonschema::Validator>>,
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Format").field(&self.name).finish()
    }
}

/// A schema resource: a part of a document with its own URI.
#[derive(Debug, Default)]
pub(crate) struct Resource {
    /// The sub-schemas with dynamic anchors.
    pub dynamic: BTreeMap<String, usize>,
    /// The root of the resource, if it has a `$recursiveAnchor`.
    pub recursive: Option<usize>,
}

impl Resource {
    pub(crate) fn anchored(&self, name: &Anchor) -> Option<usize> {
        match name {
            Anchor::Recursive => self.recursive,
            Anchor::Named(name) => self.dynamic.get(name).copied(),
        }
    }
}

/// A source document of a program.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The document, for violations; `None` for a meta-schema.
    pub given: Option<Document>,
    pub dialect: Dialect,
}

/// Every sub-schema; the first is the root.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub origins: Vec<Origin>,
    pub nodes: Vec<Node>,
    pub resources: Vec<Resource>,
    /// The memory of the regular expressions, in bytes.
    pub pattern_bytes: usize,
}

impl Program {
    /// A violation at a sub-schema.
    pub(crate) fn fault(&self, node: usize, keyword: &str, message: impl fmt::Display) -> Violation {
        let Node { document, pointer, .. } = &self.nodes[node];
        let place = if keyword.is_empty() { pointer.clone() } else { uri::join(pointer, keyword) };
        match &self.origins[*document].given {
            Some(document) => document.fault(&place, keyword, message),
            None => crate::violation::in_schema("", keyword, message),
        }
    }

    /// Whether the sub-schema is part of a meta-schema.
    pub(crate) fn is_bundled(&self, node: usize) -> bool {
        self.origins[self.nodes[node].document].given.is_none()
    }
}
