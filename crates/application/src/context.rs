//! The context of a request: the first parameter of every use case.

use crate::Error;
use crate::ports::View;
use domain::access::{Denied, Principal, authorize, identify};
use domain::{
    Actor, Digest, Idempotency, Message, Permission, Person, Provenance, RequestId, Resource, SessionId,
    Timestamp, TraceId,
};
use std::sync::Arc;

/// The origin of a request, for the audit.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Origin {
    /// The client's address, as reported by the trusted proxies; may be empty.
    pub address: String,
    /// The user agent; the audit stores the first 256 bytes.
    pub user_agent: String,
    /// The trace (W3C trace context, 32 hexadecimal digits); may be empty.
    pub trace_id: String,
    /// The change message that the request gave outside of its body.
    pub message: Option<Message>,
}

impl Origin {
    /// The part that is stored in the replicated state.
    pub fn provenance(&self) -> Provenance {
        Provenance {
            address: self.address.parse().ok(),
            trace_id: TraceId::parse(&self.trace_id).ok(),
            message: self.message.clone(),
        }
    }
}

/// The caller and the request.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The actor.
    pub actor: Actor,
    /// The id of the request.
    pub request_id: RequestId,
    /// Whether a change is a dry run: all checks run, and nothing is committed.
    pub dry_run: bool,
    /// The resolved rights of a user; `None` for other actors.
    pub person: Option<Arc<Person>>,
    /// The session of a user; `None` for other actors.
    pub session: Option<SessionId>,
    /// The origin of the request.
    pub origin: Origin,
    /// The time at which the credential expires.
    pub expires_at: Option<Timestamp>,
    /// The digest of the presented secret. Once that secret is no longer valid, the request fails.
    pub credential: Option<Digest>,
    /// The idempotency key, if the request has one.
    pub idempotency: Option<Idempotency>,
}

impl RequestContext {
    /// A request without options: no dry run, no idempotency key.
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

    /// The principal: the actor with its rights.
    pub fn principal(&self) -> Principal<'_> {
        Principal { actor: &self.actor, person: self.person.as_deref() }
    }

    /// Checks in this view that the presented credential is valid.
    pub fn known(&self, view: &View, now: Timestamp) -> Result<(), Error> {
        if self.credential.is_some_and(|hash| view.state.api_key_by_secret(&hash, now).is_none()) {
            return Err(Denied::UnknownKey.into());
        }
        if self.expires_at.is_some_and(|expiry| expiry <= now) {
            return Err(Error::Unauthenticated("the access token has expired; refresh it".to_owned()));
        }
        identify(&view.state, self.principal(), now).map_err(Error::from)
    }

    /// Checks in this view that the caller has `permission` on `resource`.
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
