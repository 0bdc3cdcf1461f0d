//! Keywords that apply sub-schemas to the same value.

use super::{Evaluation, Seen, Stop};
use crate::program::{Anchor, Check, Rule};
use crate::value::{Json, member};

impl<'a> Evaluation<'a> {
    pub(super) fn combined(
        &mut self,
        node: usize,
        rule: &'a Rule,
        value: &Json,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        match &rule.check {
            Check::Reference(target) => self.apply(*target, value, seen),
            Check::Dynamic { name, otherwise } => {
                let target = self.dynamic(name).unwrap_or(*otherwise);
                self.apply(target, value, seen)
            }
            Check::AllOf(all) => {
                let mut valid = true;
                for schema in all {
                    valid &= self.apply(*schema, value, seen.as_deref_mut())?;
                    if !valid && self.is_quiet() {
                        break;
                    }
                }
                Ok(valid)
            }
            Check::AnyOf(all) => self.any(node, all, value, seen),
            Check::OneOf(all) => self.one(node, all, value, seen),
            Check::Not(schema) => {
                let valid = !self.quietly(*schema, value, None)?;
                if !valid {
                    self.report(node, "not", format_args!("the schema in \"not\" must not allow {value}"));
                }
                Ok(valid)
            }
            Check::If { condition, then, otherwise } => {
                let holds = self.quietly(*condition, value, seen.as_deref_mut())?;
                match if holds { then } else { otherwise } {
                    Some(schema) => self.apply(*schema, value, seen),
                    None => Ok(true),
                }
            }
            Check::SchemaWith(schemas) => {
                let Json::Object(members) = value else { return Ok(true) };
                let mut valid = true;
                self.spend(schemas.len() as u64)?;
                for (name, schema) in schemas {
                    if member(members, name).is_some() {
                        valid &= self.apply(*schema, value, seen.as_deref_mut())?;
                    }
                }
                Ok(valid)
            }
            _ => Ok(true),
        }
    }

    /// Applies a sub-schema without reporting its violations.
    fn quietly(&mut self, schema: usize, value: &Json, seen: Option<&mut Seen>) -> Result<bool, Stop> {
        self.muted += 1;
        let valid = self.apply(schema, value, seen);
        self.muted -= 1;
        valid
    }

    fn any(
        &mut self,
        node: usize,
        all: &[usize],
        value: &Json,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let mut valid = false;
        for schema in all {
            valid |= self.quietly(*schema, value, seen.as_deref_mut())?;
            // Tracking of evaluated values needs every alternative.
            if valid && seen.is_none() {
                break;
            }
        }
        if !valid {
            let message = "is not valid under any of the schemas listed in the 'anyOf' keyword";
            self.report(node, "anyOf", format_args!("{value} {message}"));
        }
        Ok(valid)
    }

    fn one(
        &mut self,
        node: usize,
        all: &[usize],
        value: &Json,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let mut valid = 0;
        for schema in all {
            valid += usize::from(self.quietly(*schema, value, seen.as_deref_mut())?);
            if valid > 1 {
                let message = "is valid under more than one of the schemas listed in the 'oneOf' keyword";
                self.report(node, "oneOf", format_args!("{value} {message}"));
                return Ok(false);
            }
        }
        if valid == 0 {
            let message = "is not valid under any of the schemas listed in the 'oneOf' keyword";
            self.report(node, "oneOf", format_args!("{value} {message}"));
        }
        Ok(valid == 1)
    }

    /// The outermost resource in the dynamic scope that has this anchor.
    fn dynamic(&self, name: &Anchor) -> Option<usize> {
        self.scope.iter().find_map(|resource| self.program.resources[*resource].anchored(name))
    }
}
