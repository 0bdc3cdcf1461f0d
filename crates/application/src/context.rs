//! Who asks, and under which request: the first parameter of every use case.

use crate::Error;
use crate::ports::View;
use domain::access::{Denied, Principal, authorize, identify};
use domain::{
    Actor, Digest, Idempotency, Message, Permission, Person, Provenance, RequestId, Resource, SessionId,
    Timestamp, TraceId,
};
use std::sync::Arc;

/// Where a request came from, for the audit.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Origin {
    /// The address, by the trusted proxies' word; may be empty.
    pub address: String,
    /// What the program calls itself; the audit keeps the first 256 bytes.
    pub user_agent: String,
    /// The trace (W3C trace context, 32 hexadecimal digits); may be empty.
    pub trace_id: String,
    /// Why a change is made, as the request says beside its body.
    pub message: Option<Message>,
}

impl Origin {
    /// What the replicated state keeps of it.
    pub fn provenance(&self) -> Provenance {
        Provenance {
            address: self.address.parse().ok(),
            trace_id: TraceId::parse(&self.trace_id).ok(),
            message: self.message.clone(),
        }
    }
}

/// The circumstances of one request.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Who asks.
    pub actor: Actor,
    /// The request's id.
    pub request_id: RequestId,
    /// A change is only tried: every check runs and nothing is kept.
    pub dry_run: bool,
    /// What a person who asks may do; nothing for other actors.
    pub person: Option<Arc<Person>>,
    /// By which sign-in a person asks; nothing for other actors.
    pub session: Option<SessionId>,
    /// Where the request came from.
    pub origin: Origin,
    /// When the credential ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The digest of the secret that the actor showed; once another takes its place, the request ends.
    pub credential: Option<Digest>,
    /// The key under which a repeated request is recognised.
    pub idempotency: Option<Idempotency>,
}

impl RequestContext {
    /// A request that means what it says, once.
    pub fn new(actor: Actor, request_id: RequestId) -> Self {
        Self {
            actor,
            request_id,
            dry_run: false,
            person: None,
            session: None,
            origin: Origin::default(),
            expires_at: None,
            credential: None,
            idempotency: None,
        }
    }

    /// Who asks, with their rights.
    pub fn principal(&self) -> Principal<'_> {
        Principal { actor: &self.actor, person: self.person.as_deref() }
    }

    /// Fails unless the actor is known in this view, by the secret that it showed.
    pub fn known(&self, view: &View, now: Timestamp) -> Result<(), Error> {
        if self.credential.is_some_and(|hash| view.state.api_key_by_secret(&hash, now).is_none()) {
            return Err(Denied::UnknownKey.into());
        }
        if self.expires_at.is_some_and(|expiry| expiry <= now) {
            return Err(Error::Unauthenticated("the access token has expired; refresh it".to_owned()));
        }
        identify(&view.state, self.principal(), now).map_err(Error::from)
    }

    /// Fails unless the actor may use `permission` on `resource` in this view.
    pub fn require(
        &self,
        view: &View,
        permission: Permission,
        resource: Resource<'_>,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.known(view, now)?;
        authorize(&view.state, self.principal(), permission, resource, now).map_err(Error::from)
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::UnknownKey | Denied::ExpiredKey | Denied::Outdated => {
                Self::Unauthenticated(denied.to_string())
            }
            Denied::MissingPermission(_) | Denied::OutOfScope => Self::Forbidden(denied),
        }
    }
}
