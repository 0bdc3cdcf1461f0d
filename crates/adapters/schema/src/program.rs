//! A schema as it is evaluated: every sub-schema once, references followed, keywords read.

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

/// Which part of a value a sub-schema looks at.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Slot {
    /// The member of this name.
    Member(String),
    /// Any member.
    AnyMember,
    /// The element at this place.
    Element(usize),
    /// Any element.
    AnyElement,
}

/// One sub-schema.
#[derive(Debug)]
pub(crate) struct Node {
    /// Which document it is in.
    pub document: usize,
    /// Where it is there.
    pub pointer: String,
    /// The part of the document that has its own address.
    pub resource: usize,
    /// What it says.
    pub says: Says,
    /// The sub-schemas that look at the same value; one that is applied twice is listed twice.
    pub in_place: Vec<usize>,
    /// The sub-schemas that look further in.
    pub inner: Vec<(Slot, usize)>,
}

/// What a sub-schema says.
#[derive(Debug)]
pub(crate) enum Says {
    /// `true` or `false`.
    Always(bool),
    /// Every one of these must hold.
    Rules(Vec<Rule>),
}

/// One keyword, or some that are checked together.
#[derive(Debug)]
pub(crate) struct Rule {
    pub keyword: &'static str,
    pub check: Check,
}

/// Which way a bound is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bound {
    Minimum,
    Maximum,
    ExclusiveMinimum,
    ExclusiveMaximum,
}

/// What is counted.
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
    /// At least, or at most, so many.
    Count {
        of: Count,
        least: bool,
        limit: u64,
    },
    Pattern(Arc<Pattern>, Box<str>),
    Format(Format),
    Unique,
    Required(Vec<Box<str>>),
    /// With a member of this name these are required.
    RequiredWith(Vec<(Box<str>, Vec<Box<str>>)>),
    Reference(usize),
    /// What it leads to depends on how the check came here.
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
    /// With a member of this name this schema applies.
    SchemaWith(Vec<(Box<str>, usize)>),
    Members(Members),
    Names(usize),
    Elements {
        first: Vec<usize>,
        rest: Option<usize>,
    },
    /// `counts` says whether the elements that it finds are evaluated by it.
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
    /// By name.
    pub named: BTreeMap<Box<str>, usize>,
    pub matching: Vec<(Arc<Pattern>, usize)>,
    pub others: Option<usize>,
}

/// A type, as a dialect understands it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Number,
    Integer,
    /// Draft 4: written without a fraction and an exponent.
    PlainInteger,
    String,
    Array,
    Object,
}

/// What a dynamic reference looks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Anchor {
    /// `$recursiveAnchor`.
    Recursive,
    /// `$dynamicAnchor`.
    Named(String),
}

/// A check of texts that the library does.
pub(crate) struct Format {
    pub name: Box<str>,
    /// `None` for regular expressions, which are our own.
    pub library: Option<Arc<jsonschema::Validator>>,
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Format").field(&self.name).finish()
    }
}

/// A part of a document that has its own address.
#[derive(Debug, Default)]
pub(crate) struct Resource {
    /// The sub-schemas that have dynamic anchors in it.
    pub dynamic: BTreeMap<String, usize>,
    /// Its root, when that has a `$recursiveAnchor`.
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

/// A document of a program.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// How its faults are told; `None` for a meta-schema.
    pub given: Option<Document>,
    pub dialect: Dialect,
}

/// Every sub-schema; the first is the whole schema.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub origins: Vec<Origin>,
    pub nodes: Vec<Node>,
    pub resources: Vec<Resource>,
    /// The memory of its regular expressions, in bytes.
    pub pattern_bytes: usize,
}

impl Program {
    /// Something wrong with a sub-schema.
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
