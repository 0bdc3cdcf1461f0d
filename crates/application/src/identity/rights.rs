//! Resolving the rights of a user, and issuing access tokens with them.

use super::shared::Shared;
use crate::Error;
use crate::ports::identity as port;
use crate::ports::identity::{AccessClaims, Session};
use domain::{Epoch, Grant, Person, RequestId, Timestamp, UserId};
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;

/// Most grants of one user that are considered, those of the platform first.
const GRANTS_KNOWN_MAX: usize = 2000;

impl Shared {
    /// The current rights of a user, at the given epoch. Empty for unknown and deactivated users, and for
    /// users who must first set up a second factor.
    pub(super) async fn rights_of(&self, user: &UserId, epoch: Epoch) -> Result<Person, Error> {
        // Read before the grants, which no longer contain any for what was deleted up to this revision.
        let as_of = Some(self.projected().await?);
        let grants = match self.ports.users.get(user).await? {
            Some(user) if !self.must_enrol(&user).await? => {
                essential(self.ports.roles.grants(&user.id, port::Reach::Now).await?)
            }
            _ => Vec::new(),
        };
        Ok(Person { epoch, grants, as_of })
    }

    /// Issues an access token for a session. Returns it with its validity in seconds, which never exceeds
    /// that of the session.
    ///
    /// Reads the epoch before the rights. If rights change in between, the token is too old and refused, but
    /// never has too many rights.
    pub(super) async fn mint(
        &self,
        user: &port::User,
        session: &Session,
        trace_id: &str,
    ) -> Result<(SecretString, u64), Error> {
        let (view, _) = self.view().await?;
        let epoch = view.state.epoch(&user.id);
        let now = self.now();
        let person = self.rights_of(&user.id, epoch).await?;
        let issued_at = Timestamp(now.0 - now.0.rem_euclid(1000));
        let session_end = Timestamp(session.ends_at.0 - session.ends_at.0.rem_euclid(1000));
        let expires_at = later(issued_at, self.rules.access_token).min(session_end);
        let expires_in_s = u64::try_from((expires_at.0 - issued_at.0) / 1000).unwrap_or(0);
        let id: RequestId = self.core.env.ids.request_id();
        let mut claims = AccessClaims {
            user: user.id.clone(),
            session: session.id.clone(),
            person: Arc::new(person),
            roles_refreshed_at: now,
            trace_id: trace_id.to_owned(),
            issued_at,
            expires_at,
            id: id.to_string(),
        };
        if let Some(token) = self.ports.access.sign(&claims) {
            return Ok((token, expires_in_s));
        }
        // The grants are too many for a token. The token carries none and says that they are outdated, so
        // that they are looked up.
        let since = Timestamp(now.0 - millis(self.rules.roles_fresh));
        self.grants.put(user.id.clone(), claims.person, now, since);
        claims.person = Arc::new(Person { epoch, ..Person::default() });
        claims.roles_refreshed_at = Timestamp(0);
        let token = self.ports.access.sign(&claims).ok_or_else(|| Error::Internal(Box::new(Unsignable)))?;
        Ok((token, expires_in_s))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("an access token without roles cannot be signed")]
struct Unsignable;

/// The grants without those that another grant covers; at most [`GRANTS_KNOWN_MAX`], those of the platform
/// first.
fn essential(grants: Vec<Grant>) -> Vec<Grant> {
    essential_by(grants, covers)
}

/// The same with `covers` as parameter. Only grants of the platform or of the same project can cover a grant,
/// so only these are compared. Grants beyond the limit are not examined.
fn essential_by(mut grants: Vec<Grant>, mut covers: impl FnMut(&Grant, &Grant) -> bool) -> Vec<Grant> {
    grants.sort_by(|a, b| (&a.project, &a.role).cmp(&(&b.project, &b.role)));
    let (mut kept, mut of_platform): (Vec<Grant>, usize) = (Vec::new(), 0);
    let mut seen = 0;
    for of_project in grants.chunk_by(|a, b| a.project == b.project) {
        if kept.len() >= GRANTS_KNOWN_MAX {
            break;
        }
        let mut own: Vec<Grant> = Vec::new();
        for grant in of_project {
            if kept[..of_platform].iter().chain(&own).any(|other| covers(other, grant)) {
                continue;
            }
            own.retain(|other| !covers(grant, other));
            own.push(grant.clone());
        }
        kept.append(&mut own);
        seen += of_project.len();
        if of_project.first().is_some_and(|grant| grant.project.is_none()) {
            of_platform = kept.len();
        }
    }
    if kept.len() > GRANTS_KNOWN_MAX || seen < grants.len() {
        tracing::warn!(
            roles = grants.len(),
            max = GRANTS_KNOWN_MAX,
            "a person has more roles than are looked at"
        );
        kept.truncate(GRANTS_KNOWN_MAX);
    }
    kept
}

fn covers(outer: &Grant, inner: &Grant) -> bool {
    inner.permissions.is_subset(&outer.permissions) && inner.scope().is_within(outer.scope())
}

/// The time `by` later.
pub(super) fn later(at: Timestamp, by: Duration) -> Timestamp {
    Timestamp(at.0.saturating_add(millis(by)))
}

/// A duration in milliseconds.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{BuiltInRole, EnvironmentName, ProjectName, RoleName};

    fn grant(role: BuiltInRole, project: Option<String>) -> Grant {
        Grant {
            role: RoleName::parse(role.as_str()).expect("a name"),
            permissions: role.permissions(),
            project: project.map(|name| ProjectName::parse(&name).expect("a name")),
            environments: None,
            key_prefixes: None,
        }
    }

    #[test]
    fn what_another_grant_holds_whole_is_left_out() {
        let mut grants: Vec<Grant> =
            (0..=GRANTS_KNOWN_MAX).map(|n| grant(BuiltInRole::Admin, Some(format!("p{n}")))).collect();
        assert_eq!(essential(grants.clone()).len(), GRANTS_KNOWN_MAX);
        grants.push(grant(BuiltInRole::PlatformAdmin, None));
        assert_eq!(essential(grants), [grant(BuiltInRole::PlatformAdmin, None)]);
        let two = vec![
            grant(BuiltInRole::Viewer, Some("p".to_owned())),
            grant(BuiltInRole::Editor, Some("p".to_owned())),
            grant(BuiltInRole::Viewer, Some("q".to_owned())),
        ];
        assert_eq!(essential(two.clone()), [two[1].clone(), two[2].clone()]);
    }
    #[test]
    fn many_roles_are_looked_at_once_each() {
        let mut grants: Vec<Grant> =
            (0..20_000).map(|n| grant(BuiltInRole::Admin, Some(format!("p{n}")))).collect();
        let count = |grants: &[Grant]| {
            let mut compared = 0;
            let kept = essential_by(grants.to_vec(), |outer, inner| {
                compared += 1;
                covers(outer, inner)
            });
            (kept.len(), compared)
        };
        let (kept, compared) = count(&grants);
        assert_eq!(kept, GRANTS_KNOWN_MAX);
        assert!(compared <= grants.len(), "{compared}");
        grants.push(grant(BuiltInRole::PlatformAdmin, None));
        let (kept, compared) = count(&grants);
        assert_eq!(kept, 1);
        assert!(compared <= grants.len(), "{compared}");
    }

    #[test]
    fn those_of_other_projects_make_no_difference() {
        let roles = [BuiltInRole::Viewer, BuiltInRole::Editor, BuiltInRole::Admin];
        let places = [None, Some("p".to_owned()), Some("q".to_owned()), Some("r".to_owned())];
        let scopes = [None, Some(vec!["dev"]), Some(vec!["dev", "prod"]), Some(vec!["prod"])];
        let all: Vec<Grant> = roles
            .into_iter()
            .flat_map(|role| places.clone().map(|place| grant(role, place)))
            .flat_map(|whole| {
                scopes.clone().map(|scope| {
                    let parse = |name: &str| EnvironmentName::parse(name).expect("a name");
                    let environments = scope.map(|names| names.into_iter().map(parse).collect());
                    Grant { environments, ..whole.clone() }
                })
            })
            .collect();
        // Every second, third, fifth, … grant, so that different ones remain to cover others.
        for step in [2, 3, 5, 7, 11, 13] {
            for start in 0..step {
                let some: Vec<Grant> = all.iter().skip(start).step_by(step).cloned().collect();
                let mut expected: Vec<Grant> = Vec::new();
                for one in &some {
                    let others = some.iter().filter(|other| *other != one);
                    if !others.clone().any(|other| covers(other, one)) {
                        expected.push(one.clone());
                    }
                }
                expected.sort_by(|a, b| (&a.project, &a.role).cmp(&(&b.project, &b.role)));
                assert_eq!(essential(some), expected, "{step} {start}");
            }
        }
    }
}
