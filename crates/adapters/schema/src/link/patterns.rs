//! Compiles patterns; equal patterns of a schema share one automaton.

use super::Linker;
use crate::pattern::Pattern;
use crate::uri;
use crate::violation::VIOLATIONS_MAX;
use application::ports::Violation;
use domain::limits::{SCHEMA_PATTERN_BYTES_MAX, SCHEMA_PATTERNS_MAX};
use std::sync::Arc;

/// Maximum memory of all patterns of a schema, in bytes.
pub(crate) const PATTERNS_BYTES_MAX: usize = 8 * 1024 * 1024;

impl Linker<'_> {
    /// The compiled pattern of a keyword; `None` if it is refused, which adds a violation.
    pub(super) fn pattern(
        &mut self,
        node: usize,
        keyword: &'static str,
        text: &str,
    ) -> Result<Option<Arc<Pattern>>, Violation> {
        let at = if keyword == "pattern" { String::new() } else { text.to_owned() };
        if !self.program.is_bundled(node) {
            self.patterns_seen += 1;
            if text.len() > SCHEMA_PATTERN_BYTES_MAX {
                let message = format!("the pattern has more than {SCHEMA_PATTERN_BYTES_MAX} bytes");
                return Err(self.pattern_fault(node, keyword, &at, &message));
            }
            if self.patterns_seen > SCHEMA_PATTERNS_MAX {
                let message = format!(
                    "the schema has more than {SCHEMA_PATTERNS_MAX} patterns, with those that it uses"
                );
                return Err(self.pattern_fault(node, keyword, &at, &message));
            }
        }
        if let Some(Some(known)) = self.patterns.get(text) {
            return Ok(Some(known.clone()));
        }
        match Pattern::new(text) {
            Ok(pattern) => {
                self.program.pattern_bytes += pattern.bytes();
                if self.program.pattern_bytes > PATTERNS_BYTES_MAX {
                    let message = format!(
                        "the patterns of the schema need more than {PATTERNS_BYTES_MAX} bytes of memory"
                    );
                    return Err(self.pattern_fault(node, keyword, &at, &message));
                }
                let pattern = Arc::new(pattern);
                self.patterns.insert(text.to_owned(), Some(pattern.clone()));
                Ok(Some(pattern))
            }
            Err(message) => {
                if self.refused.len() < VIOLATIONS_MAX {
                    let fault = self.pattern_fault(node, keyword, &at, &message);
                    self.refused.push(fault);
                }
                Ok(None)
            }
        }
    }

    fn pattern_fault(&self, node: usize, keyword: &str, member: &str, message: &str) -> Violation {
        let node = &self.program.nodes[node];
        let place = uri::join(&node.pointer, keyword);
        let place = if member.is_empty() { place } else { uri::join(&place, member) };
        self.wrong(node.document, &place, keyword, message)
    }
}
