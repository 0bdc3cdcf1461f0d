//! Keywords that check the value itself.

use super::{Evaluation, Stop};
use crate::number::Number;
use crate::pattern::Pattern;
use crate::program::{Bound, Check, Count, Kind, Rule};
use crate::value::{Json, member};

impl<'a> Evaluation<'a> {
    pub(super) fn scalar(&mut self, node: usize, rule: &'a Rule, value: &Json) -> Result<bool, Stop> {
        let keyword = rule.keyword;
        match &rule.check {
            Check::Type(kinds) => {
                let valid = kinds.iter().any(|kind| is(*kind, value));
                if !valid {
                    let names: Vec<String> =
                        kinds.iter().map(|kind| format!("\"{}\"", name(*kind))).collect();
                    let (s, names) = (if names.len() == 1 { "" } else { "s" }, names.join(", "));
                    self.report(node, keyword, format_args!("{value} is not of type{s} {names}"));
                }
                Ok(valid)
            }
            Check::Const(only) => {
                let valid = self.equal(only, value)?;
                if !valid {
                    self.report(node, keyword, format_args!("{only} was expected"));
                }
                Ok(valid)
            }
            Check::Enum { all, texts } => {
                let valid = match value {
                    Json::String(text) => texts.contains(text),
                    _ => self.is_one_of(value, all)?,
                };
                if !valid {
                    let shown = Json::Array(all.iter().take(16).cloned().collect());
                    self.report(node, keyword, format_args!("{value} is not one of {shown}"));
                }
                Ok(valid)
            }
            Check::Bound(bound, limit) => Ok(self.bound(node, keyword, (*bound, limit), value)),
            Check::MultipleOf(divisor) => {
                let Json::Number(number) = value else { return Ok(true) };
                self.spend(number.division_steps(divisor))?;
                let valid = number.is_multiple_of(divisor);
                if !valid {
                    self.report(node, keyword, format_args!("{value} is not a multiple of {divisor}"));
                }
                Ok(valid)
            }
            Check::Unique => self.unique(node, value),
            Check::Count { .. } => self.counted(node, rule, value),
            Check::Required(names) => Ok(self.required(node, keyword, names, value)?),
            Check::RequiredWith(lists) => {
                let Json::Object(members) = value else { return Ok(true) };
                let mut valid = true;
                for (name, names) in lists {
                    self.spend(1)?;
                    if member(members, name).is_some() {
                        valid &= self.required(node, keyword, names, value)?;
                    }
                }
                Ok(valid)
            }
            Check::Pattern(pattern, written) => {
                let Json::String(text) = value else { return Ok(true) };
                let valid = self.matches(pattern, text)?;
                if !valid {
                    self.report(node, keyword, format_args!("{value} does not match \"{written}\""));
                }
                Ok(valid)
            }
            Check::Format(format) => {
                let Json::String(text) = value else { return Ok(true) };
                self.spend(1 + text.len() as u64)?;
                let valid = format.holds(text);
                if !valid {
                    self.report(node, keyword, format_args!("{value} is not a \"{}\"", format.name));
                }
                Ok(valid)
            }
            _ => Ok(true),
        }
    }

    pub(super) fn matches(&mut self, pattern: &Pattern, text: &str) -> Result<bool, Stop> {
        let mut stop = Stop::TooExpensive;
        let found = pattern.is_match(text, &mut |steps| match self.spend(steps) {
            Ok(()) => true,
            Err(stopped) => {
                stop = stopped;
                false
            }
        });
        found.ok_or(stop)
    }

    fn is_one_of(&mut self, value: &Json, all: &[Json]) -> Result<bool, Stop> {
        for one in all {
            if self.equal(one, value)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn bound(&mut self, node: usize, keyword: &str, (bound, limit): (Bound, &Number), value: &Json) -> bool {
        let Json::Number(number) = value else { return true };
        let (valid, message) = match bound {
            Bound::Minimum => (number >= limit, "is less than the minimum of"),
            Bound::Maximum => (number <= limit, "is greater than the maximum of"),
            Bound::ExclusiveMinimum => (number > limit, "is less than or equal to the minimum of"),
            Bound::ExclusiveMaximum => (number < limit, "is greater than or equal to the maximum of"),
        };
        if !valid {
            self.report(node, keyword, format_args!("{value} {message} {limit}"));
        }
        valid
    }

    fn counted(&mut self, node: usize, rule: &Rule, value: &Json) -> Result<bool, Stop> {
        let Check::Count { of, least, limit } = &rule.check else { return Ok(true) };
        let (count, what) = match (of, value) {
            (Count::Characters, Json::String(text)) => {
                self.spend_text(text)?;
                (text.chars().count(), "character")
            }
            (Count::Elements, Json::Array(items)) => (items.len(), "item"),
            (Count::Members, Json::Object(members)) => (members.len(), "property"),
            _ => return Ok(true),
        };
        let valid = if *least { count as u64 >= *limit } else { count as u64 <= *limit };
        if !valid {
            let what = match (what, limit) {
                (what, 1) => what,
                ("property", _) => "properties",
                ("item", _) => "items",
                _ => "characters",
            };
            match (of, least) {
                (Count::Characters, true) => {
                    self.report(node, rule.keyword, format_args!("{value} is shorter than {limit} {what}"));
                }
                (Count::Characters, false) => {
                    self.report(node, rule.keyword, format_args!("{value} is longer than {limit} {what}"));
                }
                (_, true) => {
                    self.report(node, rule.keyword, format_args!("{value} has less than {limit} {what}"));
                }
                (_, false) => {
                    self.report(node, rule.keyword, format_args!("{value} has more than {limit} {what}"));
                }
            }
        }
        Ok(valid)
    }

    fn required(
        &mut self,
        node: usize,
        keyword: &str,
        names: &[Box<str>],
        value: &Json,
    ) -> Result<bool, Stop> {
        let Json::Object(members) = value else { return Ok(true) };
        self.spend(names.len() as u64)?;
        let mut valid = true;
        for name in names {
            if member(members, name).is_none() {
                valid = false;
                self.report(node, keyword, format_args!("\"{name}\" is a required property"));
                if self.is_quiet() {
                    break;
                }
            }
        }
        Ok(valid)
    }

    /// Checks uniqueness by sorting. The steps are deducted in advance, because a sort cannot be stopped.
    fn unique(&mut self, node: usize, value: &Json) -> Result<bool, Stop> {
        let Json::Array(items) = value else { return Ok(true) };
        let rounds = u64::from(items.len().max(1).ilog2()) + 1;
        self.spend(rounds.saturating_mul(value.steps()))?;
        let mut sorted: Vec<&Json> = items.iter().collect();
        sorted.sort_by(|a, b| a.compare(b, &mut |_| true));
        let twice = sorted.windows(2).any(|pair| pair[0].compare(pair[1], &mut |_| true).is_eq());
        if twice {
            self.report(node, "uniqueItems", format_args!("{value} has non-unique elements"));
        }
        Ok(!twice)
    }
}

fn is(kind: Kind, value: &Json) -> bool {
    match (kind, value) {
        (Kind::Integer, Json::Number(number)) => number.is_integer(),
        (Kind::PlainInteger, Json::Number(number)) => number.is_plain(),
        (Kind::Null, Json::Null)
        | (Kind::Boolean, Json::Bool(_))
        | (Kind::Number, Json::Number(_))
        | (Kind::String, Json::String(_))
        | (Kind::Array, Json::Array(_))
        | (Kind::Object, Json::Object(_)) => true,
        _ => false,
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Boolean => "boolean",
        Kind::Number => "number",
        Kind::Integer | Kind::PlainInteger => "integer",
        Kind::String => "string",
        Kind::Array => "array",
        Kind::Object => "object",
    }
}
