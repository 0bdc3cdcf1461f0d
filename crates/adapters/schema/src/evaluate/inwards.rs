//! Keywords that apply sub-schemas to members and elements.

use super::{Evaluation, Seen, Stop};
use crate::program::{Check, Members, Rule, Says};
use crate::value::Json;

/// Maximum number of member names in one message.
const NAMED_MAX: usize = 5;

impl<'a> Evaluation<'a> {
    pub(super) fn inwards(
        &mut self,
        node: usize,
        rule: &'a Rule,
        value: &Json,
        seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        match (&rule.check, value) {
            (Check::Members(members), Json::Object(_)) => self.members(node, members, value, seen),
            (Check::Names(schema), Json::Object(members)) => {
                let mut valid = true;
                for (name, _) in members {
                    self.spend_text(name)?;
                    valid &= self.apply(*schema, &Json::String(name.clone()), None)?;
                    if !valid && self.is_quiet() {
                        break;
                    }
                }
                Ok(valid)
            }
            (Check::Elements { first, rest }, Json::Array(items)) => {
                self.elements(node, (first, *rest), items, seen)
            }
            (Check::Contains { .. }, Json::Array(items)) => self.contains(node, rule, items, seen),
            (Check::UnevaluatedMembers(schema), Json::Object(members)) => {
                let values = members.iter().map(|(_, value)| value);
                self.unevaluated((node, rule.keyword, *schema), values, seen, members)
            }
            (Check::UnevaluatedElements(schema), Json::Array(items)) => {
                self.unevaluated((node, rule.keyword, *schema), items.iter(), seen, &[])
            }
            _ => Ok(true),
        }
    }

    /// Applies a sub-schema to the member or element at a position.
    fn at(&mut self, position: usize, schema: usize, value: &Json) -> Result<bool, Stop> {
        self.path.push(position);
        let valid = self.apply(schema, value, None);
        self.path.pop();
        valid
    }

    fn never(&self, schema: usize) -> bool {
        matches!(self.program.nodes[schema].says, Says::Always(false))
    }

    fn members(
        &mut self,
        node: usize,
        rule: &'a Members,
        value: &Json,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let members = value.as_object().unwrap_or_default();
        let (mut valid, mut unexpected) = (true, Vec::new());
        for (position, (name, value)) in members.iter().enumerate() {
            self.spend(1)?;
            let mut matched = false;
            if let Some(schema) = rule.named.get(name) {
                matched = true;
                valid &= self.at(position, *schema, value)?;
            }
            for (pattern, schema) in &rule.matching {
                if self.matches(pattern, name)? {
                    matched = true;
                    valid &= self.at(position, *schema, value)?;
                }
            }
            match rule.others.filter(|_| !matched) {
                Some(schema) if self.never(schema) => {
                    valid = false;
                    unexpected.push(&**name);
                }
                Some(schema) => {
                    matched = true;
                    valid &= self.at(position, schema, value)?;
                }
                None => {}
            }
            if let Some(seen) = seen.as_deref_mut().filter(|_| matched) {
                seen[position] = true;
            }
            if !valid && self.is_quiet() {
                break;
            }
        }
        if !unexpected.is_empty() {
            self.unexpected(node, "additionalProperties", "Additional", &unexpected);
        }
        Ok(valid)
    }

    fn unexpected(&mut self, node: usize, keyword: &str, kind: &str, names: &[&str]) {
        let shown = names.iter().take(NAMED_MAX).map(|name| format!("'{}'", crate::violation::cut(name)));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let more = if names.len() > NAMED_MAX { ", …" } else { "" };
        let were = if names.len() == 1 { "was" } else { "were" };
        self.report(
            node,
            keyword,
            format_args!("{kind} properties are not allowed ({shown}{more} {were} unexpected)"),
        );
    }

    fn elements(
        &mut self,
        node: usize,
        (first, rest): (&[usize], Option<usize>),
        items: &[Json],
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let mut valid = true;
        for (position, item) in items.iter().enumerate() {
            let Some(schema) = first.get(position).copied().or(rest) else { break };
            if position >= first.len() && self.never(schema) {
                let allowed = first.len();
                self.report(
                    node,
                    if allowed == 0 { "items" } else { "additionalItems" },
                    format_args!("Additional items are not allowed: at most {allowed}"),
                );
                return Ok(false);
            }
            valid &= self.at(position, schema, item)?;
            if let Some(seen) = seen.as_deref_mut() {
                seen[position] = true;
            }
            if !valid && self.is_quiet() {
                break;
            }
        }
        Ok(valid)
    }

    fn contains(
        &mut self,
        node: usize,
        rule: &'a Rule,
        items: &[Json],
        seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let Check::Contains { schema, least, most, counts } = &rule.check else { return Ok(true) };
        let (mut found, mut seen) = (0_u64, seen.filter(|_| *counts));
        self.muted += 1;
        for (position, item) in items.iter().enumerate() {
            let valid = self.apply(*schema, item, None)?;
            found += u64::from(valid);
            if let Some(seen) = seen.as_deref_mut().filter(|_| valid) {
                seen[position] = true;
            }
            if seen.is_none() && most.map_or(found >= *least, |most| found > most) {
                break;
            }
        }
        self.muted -= 1;
        if found < *least {
            let keyword = if *least > 1 { "minContains" } else { "contains" };
            self.report(
                node,
                keyword,
                format_args!("{found} items are valid under the given schema, at least {least} must be"),
            );
            return Ok(false);
        }
        if let Some(most) = most.filter(|most| found > *most) {
            let message = format_args!("more than {most} items are valid under the given schema");
            self.report(node, "maxContains", message);
            return Ok(false);
        }
        Ok(true)
    }

    fn unevaluated<'v>(
        &mut self,
        (node, keyword, schema): (usize, &'static str, usize),
        values: impl Iterator<Item = &'v Json>,
        seen: Option<&mut Seen>,
        members: &[(Box<str>, Json)],
    ) -> Result<bool, Stop> {
        let Some(seen) = seen else { return Ok(true) };
        let (mut valid, mut unexpected) = (true, Vec::new());
        for (position, value) in values.enumerate() {
            self.spend(1)?;
            if seen[position] {
                continue;
            }
            if let (true, Some((name, _))) = (self.never(schema), members.get(position)) {
                valid = false;
                unexpected.push(&**name);
            } else {
                valid &= self.at(position, schema, value)?;
            }
            seen[position] = true;
            if !valid && self.is_quiet() {
                break;
            }
        }
        if !unexpected.is_empty() {
            self.unexpected(node, keyword, "Unevaluated", &unexpected);
        }
        Ok(valid)
    }
}
