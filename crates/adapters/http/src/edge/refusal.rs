//! Audit of refused requests: missing credentials or rights.

use super::Facts;
use crate::problem::Code;
use crate::router::{Api, operation};
use application::identity::Refusal;
use axum::extract::Request;
use domain::ProjectName;
use http::{Method, StatusCode, Uri};

/// The prefix of project paths.
const PROJECTS: &str = "/api/v1/projects/";
/// Maximum length of a recorded path, in bytes; a config key has at most 255.
const PATH_BYTES_MAX: usize = 512;

/// The request, for the record of its refusal.
pub(super) struct Tried {
    method: Method,
    uri: Uri,
    /// The route template; `None` outside the API or on a node without an audit.
    route: Option<String>,
}

impl Tried {
    pub(super) fn new(api: &Api, request: &Request, route: &str) -> Self {
        let audited = api.app.identity.is_some() && route.starts_with("/api/");
        let route = audited.then(|| route.to_owned());
        Self { method: request.method().clone(), uri: request.uri().clone(), route }
    }

    /// Records a refusal, unless the use case already did, as all operations that open a session do.
    pub(super) fn refused(&self, api: &Api, facts: &Facts, code: Code) {
        let noted = matches!(
            code,
            Code::SignInFailed
                | Code::SecondFactorFailed
                | Code::SessionOver
                | Code::ProviderRefused
                | Code::RegistrationClosed
        );
        let denied = matches!(code.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let (Some(route), Ok(identity)) = (&self.route, api.app.identity()) else { return };
        if noted || !denied || code == Code::QuotaExceeded {
            return;
        }
        let operation = operation(&self.method, route).map(|known| known.id.clone());
        let path = self.uri.path();
        let refusal = Refusal {
            operation: operation.unwrap_or_else(|| self.method.to_string()),
            resource: path[..path.floor_char_boundary(PATH_BYTES_MAX)].to_owned(),
            project: project(path),
            code: code.as_str().to_owned(),
        };
        identity.audit.refused(&facts.visitor(), facts.actor.get(), refusal);
    }
}

/// The project in a path.
fn project(path: &str) -> Option<ProjectName> {
    let name = path.strip_prefix(PROJECTS)?.split('/').next()?;
    ProjectName::parse(name).ok()
}
