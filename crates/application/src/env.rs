//! The clock and the id generator: the only sources of time and randomness.

use crate::RequestContext;
use crate::ports::{Clock, IdGenerator};
use domain::{Command, Stamped};
use std::fmt;
use std::sync::Arc;

/// The sources of time and ids for use cases.
#[derive(Clone)]
pub struct Env {
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The id generator.
    pub ids: Arc<dyn IdGenerator>,
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Env")
    }
}

impl Env {
    /// Adds the actor, the time and the request to a command.
    pub fn stamp(&self, ctx: &RequestContext, command: Command) -> Stamped<Command> {
        let person = ctx.person.as_ref().map(|person| Arc::new(person.about(&command)));
        Stamped {
            command,
            actor: ctx.actor.clone(),
            request_id: ctx.request_id.clone(),
            at: self.clock.now(),
            idempotency: ctx.idempotency.filter(|_| !ctx.dry_run),
            person,
            provenance: ctx.origin.provenance(),
        }
    }
}
