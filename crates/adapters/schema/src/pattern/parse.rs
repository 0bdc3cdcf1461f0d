//! Parses a pattern by the grammar of ECMA-262 (`Pattern[+UnicodeMode, +NamedCaptureGroups]`).

use super::classes;
use regex_syntax::hir::{Class, ClassUnicode, Hir, Look, Repetition};
use std::collections::BTreeSet;
use std::fmt;

/// Maximum nesting of groups.
const GROUPS_NESTED_MAX: usize = 100;

/// Why a pattern is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// It is not a valid pattern.
    Syntax { at: usize, why: &'static str },
    /// It is valid, but uses a feature that is unknown here or not matchable in linear time.
    Unsupported(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { at, why } => {
                write!(f, "is not a regular expression of ECMA-262 with the u flag: {why} at byte {at}")
            }
            Self::Unsupported(what) => write!(f, "uses {what}, which is not supported"),
        }
    }
}

const LOOK_AROUND: &str = "look-around";
const BACK_REFERENCE: &str = "back-references";

/// Parses a pattern.
pub(crate) fn parse(text: &str) -> Result<Hir, Fault> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        groups: 0,
        names: BTreeSet::new(),
        group_referred: 0,
        names_referred: Vec::new(),
        unsupported: None,
    };
    let hir = parser.alternatives()?;
    if parser.at < text.len() {
        return Err(parser.wrong("an unmatched parenthesis"));
    }
    if parser.group_referred > parser.groups {
        return Err(parser.wrong("a reference to a group that is not there"));
    }
    if parser.names_referred.iter().any(|name| !parser.names.contains(name)) {
        return Err(parser.wrong("a reference to a name that is not there"));
    }
    parser.unsupported.map_or(Ok(hir), |what| Err(Fault::Unsupported(what)))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    groups: u64,
    names: BTreeSet<String>,
    group_referred: u64,
    names_referred: Vec<String>,
    unsupported: Option<&'static str>,
}

/// The value of an escape.
enum Escaped {
    /// One code point. A lone surrogate matches nothing.
    Point(u32),
    Class(ClassUnicode),
}

impl Parser<'_> {
    fn wrong(&self, why: &'static str) -> Fault {
        Fault::Syntax { at: self.at, why }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn take(&mut self, text: &str) -> bool {
        let there = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(text));
        self.at += if there { text.len() } else { 0 };
        there
    }

    fn alternatives(&mut self) -> Result<Hir, Fault> {
        self.depth += 1;
        if self.depth > GROUPS_NESTED_MAX {
            return Err(Fault::Unsupported("groups that are nested deeper than 100 levels"));
        }
        let mut all = vec![self.sequence()?];
        while self.take("|") {
            all.push(self.sequence()?);
        }
        self.depth -= 1;
        Ok(Hir::alternation(all))
    }

    fn sequence(&mut self) -> Result<Hir, Fault> {
        let mut terms = Vec::new();
        while self.peek().is_some_and(|next| next != '|' && next != ')') {
            terms.push(self.term()?);
        }
        Ok(Hir::concat(terms))
    }

    fn term(&mut self) -> Result<Hir, Fault> {
        for (sign, look) in
            [("^", Look::Start), ("$", Look::End), ("\\b", Look::WordAscii), ("\\B", Look::WordAsciiNegate)]
        {
            if self.take(sign) {
                return Ok(Hir::look(look));
            }
        }
        for sign in ["(?=", "(?!", "(?<=", "(?<!"] {
            if self.take(sign) {
                self.unsupported = Some(LOOK_AROUND);
                return self.group_end();
            }
        }
        let atom = self.atom()?;
        self.quantified(atom)
    }

    fn group_end(&mut self) -> Result<Hir, Fault> {
        let inner = self.alternatives()?;
        if self.take(")") { Ok(inner) } else { Err(self.wrong("a parenthesis that is not closed")) }
    }

    fn atom(&mut self) -> Result<Hir, Fault> {
        let start = self.at;
        match self.next() {
            Some('.') => Ok(class(classes::not_line_ends())),
            Some('(') => self.group(),
            Some('[') => self.class().map(class),
            Some('\\') => self.atom_escape(),
            Some(sign) if "*+?{}])".contains(sign) => {
                self.at = start;
                Err(self.wrong("a sign that must be escaped here"))
            }
            Some(plain) => Ok(point(u32::from(plain))),
            None => Err(self.wrong("the end of the pattern")),
        }
    }

    fn group(&mut self) -> Result<Hir, Fault> {
        if self.take("?:") {
            return self.group_end();
        }
        if self.take("?<") {
            let name = self.group_name()?;
            if !self.names.insert(name) {
                return Err(self.wrong("a second group of the same name"));
            }
        } else if self.peek() == Some('?') {
            return Err(self.wrong("a kind of group that is not known"));
        }
        self.groups += 1;
        self.group_end()
    }

    fn group_name(&mut self) -> Result<String, Fault> {
        let mut name = String::new();
        loop {
            match self.next() {
                Some('>') if !name.is_empty() => return Ok(name),
                Some(next)
                    if next.is_alphabetic()
                        || "_$".contains(next)
                        || (!name.is_empty() && next.is_alphanumeric()) =>
                {
                    name.push(next);
                }
                _ => return Err(self.wrong("a name of a group that is not formed as one")),
            }
        }
    }

    fn quantified(&mut self, atom: Hir) -> Result<Hir, Fault> {
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => return self.counted(atom),
            _ => return Ok(atom),
        };
        self.at += 1;
        Ok(self.repeated(atom, min, max))
    }

    fn counted(&mut self, atom: Hir) -> Result<Hir, Fault> {
        self.at += 1;
        let min = self.count()?;
        let max = match (self.take(","), self.peek()) {
            (false, _) => Some(min),
            (true, Some('}')) => None,
            (true, _) => Some(self.count()?),
        };
        if !self.take("}") {
            return Err(self.wrong("a repetition that is not closed"));
        }
        if max.is_some_and(|max| max < min) {
            return Err(self.wrong("a repetition from more to fewer"));
        }
        Ok(self.repeated(atom, min, max))
    }

    /// Parses a repetition count, saturating at `u32::MAX`.
    fn count(&mut self) -> Result<u32, Fault> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return Err(self.wrong("a brace without a number of repetitions"));
        }
        self.at += length;
        Ok(rest[..length]
            .trim_start_matches('0')
            .parse()
            .unwrap_or(if rest[..length].contains(|c| c != '0') { u32::MAX } else { 0 }))
    }

    fn repeated(&mut self, atom: Hir, min: u32, max: Option<u32>) -> Hir {
        // Greediness does not change whether there is a match.
        let greedy = !self.take("?");
        Hir::repetition(Repetition { min, max, greedy, sub: Box::new(atom) })
    }

    fn atom_escape(&mut self) -> Result<Hir, Fault> {
        match self.peek() {
            Some(digit @ '1'..='9') => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let length = rest.bytes().take_while(u8::is_ascii_digit).count();
                let number = rest[..length].parse().unwrap_or(u64::MAX);
                self.at += length;
                debug_assert!(digit != '0');
                self.group_referred = self.group_referred.max(number);
                self.unsupported = Some(BACK_REFERENCE);
                Ok(Hir::empty())
            }
            Some('k') => {
                self.at += 1;
                if !self.take("<") {
                    return Err(self.wrong("a reference without a name"));
                }
                let name = self.group_name()?;
                self.names_referred.push(name);
                self.unsupported = Some(BACK_REFERENCE);
                Ok(Hir::empty())
            }
            _ => Ok(match self.escape()? {
                Escaped::Point(one) => point(one),
                Escaped::Class(found) => class(found),
            }),
        }
    }

    /// Parses an escape after its backslash, inside or outside a class.
    fn escape(&mut self) -> Result<Escaped, Fault> {
        let start = self.at;
        let one = |sign: char| Ok(Escaped::Point(u32::from(sign)));
        match self.next() {
            Some('d') => Ok(Escaped::Class(classes::digits())),
            Some('D') => Ok(Escaped::Class(classes::negated(classes::digits()))),
            Some('w') => Ok(Escaped::Class(classes::words())),
            Some('W') => Ok(Escaped::Class(classes::negated(classes::words()))),
            Some('s') => Ok(Escaped::Class(classes::spaces())),
            Some('S') => Ok(Escaped::Class(classes::negated(classes::spaces()))),
            Some('p') => self.property().map(Escaped::Class),
            Some('P') => self.property().map(classes::negated).map(Escaped::Class),
            Some('f') => one('\u{c}'),
            Some('n') => one('\n'),
            Some('r') => one('\r'),
            Some('t') => one('\t'),
            Some('v') => one('\u{b}'),
            Some('0') if !self.peek().is_some_and(|next| next.is_ascii_digit()) => one('\0'),
            Some('c') => match self.next() {
                Some(letter) if letter.is_ascii_alphabetic() => Ok(Escaped::Point(u32::from(letter) % 32)),
                _ => Err(self.wrong("a control escape without a letter")),
            },
            Some('x') => self.hex(2).map(Escaped::Point),
            Some('u') => self.unicode().map(Escaped::Point),
            Some(sign) if "^$\\.*+?()[]{}|/".contains(sign) => one(sign),
            _ => {
                self.at = start;
                Err(self.wrong("an escape that ECMA-262 does not know"))
            }
        }
    }

    fn hex(&mut self, digits: usize) -> Result<u32, Fault> {
        let text = self.text.get(self.at..self.at + digits).unwrap_or_default();
        let value = Some(text).filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = value.and_then(|text| u32::from_str_radix(text, 16).ok());
        let value = value.ok_or_else(|| self.wrong("an escape with too few hexadecimal digits"))?;
        self.at += digits;
        Ok(value)
    }

    fn unicode(&mut self) -> Result<u32, Fault> {
        if self.take("{") {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let length = rest.find('}').ok_or_else(|| self.wrong("a code point that is not closed"))?;
            let digits = rest[..length].trim_start_matches('0');
            let digits = if digits.is_empty() && length > 0 { "0" } else { digits };
            let value = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let value = value.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            let value = value.filter(|value| *value <= 0x10_ffff);
            let value = value.ok_or_else(|| self.wrong("a code point that does not exist"))?;
            self.at += length + 1;
            return Ok(value);
        }
        let first = self.hex(4)?;
        let after = self.at;
        if (0xd800..0xdc00).contains(&first) && self.take("\\u") {
            if let Ok(second @ 0xdc00..=0xdfff) = self.hex(4) {
                return Ok(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
            }
            self.at = after;
        }
        Ok(first)
    }

    fn property(&mut self) -> Result<ClassUnicode, Fault> {
        if !self.take("{") {
            return Err(self.wrong("a property without a brace"));
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.find('}').ok_or_else(|| self.wrong("a property that is not closed"))?;
        let found = classes::property(&rest[..length]);
        let found = found.ok_or_else(|| self.wrong("a Unicode property that is not known"))?;
        self.at += length + 1;
        Ok(found)
    }

    /// Parses a bracketed class.
    fn class(&mut self) -> Result<ClassUnicode, Fault> {
        let inverted = self.take("^");
        let mut all = ClassUnicode::empty();
        loop {
            if self.take("]") {
                return Ok(if inverted { classes::negated(all) } else { all });
            }
            let first = self.class_atom()?;
            let rest = self.text.get(self.at..).unwrap_or_default();
            if !rest.starts_with('-') || rest.starts_with("-]") {
                add(&mut all, &first);
                continue;
            }
            self.at += 1;
            match (first, self.class_atom()?) {
                (Escaped::Point(from), Escaped::Point(to)) if from <= to => {
                    classes::add_range(&mut all, from, to);
                }
                (Escaped::Point(_), Escaped::Point(_)) => return Err(self.wrong("a range that falls")),
                _ => return Err(self.wrong("a range from or to a class")),
            }
        }
    }

    fn class_atom(&mut self) -> Result<Escaped, Fault> {
        match self.next() {
            None => Err(self.wrong("a class that is not closed")),
            Some('\\') if self.take("b") => Ok(Escaped::Point(8)),
            Some('\\') if self.take("-") => Ok(Escaped::Point(u32::from('-'))),
            Some('\\') => self.escape(),
            Some(plain) => Ok(Escaped::Point(u32::from(plain))),
        }
    }
}

fn class(class: ClassUnicode) -> Hir {
    Hir::class(Class::Unicode(class))
}

fn point(point: u32) -> Hir {
    let mut only = ClassUnicode::empty();
    classes::add_range(&mut only, point, point);
    class(only)
}

fn add(all: &mut ClassUnicode, more: &Escaped) {
    match more {
        Escaped::Point(point) => classes::add_range(all, *point, *point),
        Escaped::Class(class) => all.union(class),
    }
}
