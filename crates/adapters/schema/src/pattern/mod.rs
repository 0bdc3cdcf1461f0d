//! Regular expressions of ECMA-262 with the `u` flag, matched in linear time. Others are refused.

mod classes;
mod parse;
#[cfg(test)]
mod tests;

pub(crate) use parse::{Fault, parse};

use regex_automata::hybrid::dfa::{self, DFA};
use regex_automata::nfa::thompson::pikevm::{self, PikeVM};
use regex_automata::nfa::thompson::{NFA, WhichCaptures};
use regex_automata::util::pool::Pool;
use regex_automata::{Anchored, Input};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Maximum size of the automaton of one pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;
/// Capacity of the state cache of one pattern, in bytes.
const PATTERN_CACHE_BYTES: usize = 256 * 1024;
/// How often one text may fill that cache before the search falls back to the NFA.
const CACHE_FILLED_MAX: usize = 3;
/// Minimum bytes of text per cached state; below it the search falls back to the NFA.
const BYTES_PER_STATE_MIN: usize = 10;
/// Fixed steps of a match.
const STEPS_PER_MATCH: u64 = 3;
/// Bytes of text that the lazy DFA reads in one step.
const BYTES_PER_STEP: u64 = 16;
/// States that the NFA visits in one step.
const STATES_PER_STEP: u64 = 4;

type Caches = (dfa::Cache, pikevm::Cache);
type MakeCaches = Box<dyn Fn() -> Caches + Send + Sync + UnwindSafe + RefUnwindSafe>;

/// A compiled pattern.
pub(crate) struct Pattern {
    fast: DFA,
    slow: PikeVM,
    caches: Pool<Caches, MakeCaches>,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pattern").finish_non_exhaustive()
    }
}

impl Pattern {
    /// Compiles a pattern. Returns the reason if it is refused.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let hir = parse(text).map_err(|fault| fault.to_string())?;
        let too_large = || format!("the pattern needs more than {PATTERN_BYTES_MAX} bytes of memory");
        let config = NFA::config()
            .utf8(true)
            .nfa_size_limit(Some(PATTERN_BYTES_MAX))
            .which_captures(WhichCaptures::None);
        let nfa = NFA::compiler().configure(config).build_from_hir(&hir).map_err(|_| too_large())?;
        let config = DFA::config()
            .cache_capacity(PATTERN_CACHE_BYTES)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(CACHE_FILLED_MAX))
            .minimum_bytes_per_state(Some(BYTES_PER_STATE_MIN));
        let fast = DFA::builder().configure(config).build_from_nfa(nfa.clone()).map_err(|_| too_large())?;
        let slow = PikeVM::new_from_nfa(nfa).map_err(|_| too_large())?;
        let (for_fast, for_slow) = (fast.clone(), slow.clone());
        let make: MakeCaches = Box::new(move || (for_fast.create_cache(), for_slow.create_cache()));
        Ok(Self { fast, slow, caches: Pool::new(make) })
    }

    /// The memory of the automaton, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.slow.get_nfa().memory_usage()
    }

    /// Whether the pattern matches anywhere in the text; `None` if `charge` refuses the steps.
    pub(crate) fn is_match(&self, text: &str, charge: &mut impl FnMut(u64) -> bool) -> Option<bool> {
        let length = text.len() as u64;
        if !charge(STEPS_PER_MATCH + length / BYTES_PER_STEP) {
            return None;
        }
        let input = Input::new(text).anchored(Anchored::No).earliest(true);
        let mut caches = self.caches.get();
        let (fast, slow) = &mut *caches;
        if let Ok(found) = self.fast.try_search_fwd(fast, &input) {
            return Some(found.is_some());
        }
        let states = self.slow.get_nfa().states().len() as u64;
        if !charge(length.saturating_mul(1 + states / STATES_PER_STEP)) {
            return None;
        }
        Some(self.slow.is_match(slow, input))
    }
}
