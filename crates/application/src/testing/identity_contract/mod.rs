//! The contract of all identity stores, for fakes and real implementations; one file for each port.
//!
//! Each check opens its own stores with `open`, which must return empty ones. The checks panic with what was
//! expected.

pub mod admissions;
pub mod audit;
pub mod emails;
pub mod external;
pub mod factors;
pub mod grants;
pub mod groups;
pub mod guard;
pub mod key_uses;
pub mod organisations;
pub mod outbox;
pub mod roles;
pub mod rotation;
pub mod sessions;
pub mod throttle;
pub mod users;

use crate::ports::identity::{
    Admissions, AuditLog, Binding, Emails, EpochOutbox, ExternalIdentities, Group, Groups, IdentityError,
    KeyUses, NewUser, Organisation, Organisations, Owned, PasswordHash, Place, Roles, SecondFactors,
    Sessions, Subject, Throttle, Users,
};
use domain::{
    Digest, Email, GroupName, KeyLabel, OrganisationName, ProjectName, RoleName, SessionId, Timestamp, UserId,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The stores of one installation, which share their data.
#[derive(Clone)]
pub struct Stores {
    /// User accounts.
    pub users: Arc<dyn Users>,
    /// E-mail addresses in bulk.
    pub emails: Arc<dyn Emails>,
    /// Registration and invitations.
    pub admissions: Arc<dyn Admissions>,
    /// The outbox of epochs to raise.
    pub outbox: Arc<dyn EpochOutbox>,
    /// Custom roles and role bindings.
    pub roles: Arc<dyn Roles>,
    /// Groups of users.
    pub groups: Arc<dyn Groups>,
    /// Organisations.
    pub organisations: Arc<dyn Organisations>,
    /// Sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Second factors.
    pub factors: Arc<dyn SecondFactors>,
    /// External identities and pending sign-ins.
    pub external: Arc<dyn ExternalIdentities>,
    /// Throttling of failed attempts.
    pub throttle: Arc<dyn Throttle>,
    /// The last uses of API keys.
    pub key_uses: Arc<dyn KeyUses>,
    /// The audit log.
    pub audit: Arc<dyn AuditLog>,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stores")
    }
}

/// Runs all checks. `open` must return empty stores each time.
pub async fn all(open: impl AsyncFn() -> Stores) {
    users::all(&open).await;
    emails::all(&open).await;
    admissions::all(&open).await;
    outbox::all(&open).await;
    roles::all(&open).await;
    grants::all(&open).await;
    guard::all(&open).await;
    groups::all(&open).await;
    organisations::all(&open).await;
    sessions::all(&open).await;
    rotation::all(&open).await;
    factors::all(&open).await;
    external::all(&open).await;
    throttle::all(&open).await;
    key_uses::all(&open).await;
    audit::all(&open).await;
}

impl Stores {
    /// Creates an active user `name` with the address `name@example.org`.
    pub(crate) async fn person(&self, name: &str) -> UserId {
        let user = self.users.create(&new_user(name)).await.expect("a person with a new address can be made");
        user.id
    }

    /// Creates a group.
    pub(crate) async fn group(&self, name: &str, parent: Option<&str>) -> GroupName {
        self.groups.put(&group(name, parent)).await.expect("a group can be made");
        group_name(name)
    }

    /// Creates an organisation that owns projects.
    pub(crate) async fn organisation(&self, name: &str, projects: &[&str]) -> OrganisationName {
        let made = organisation(name, false);
        self.organisations.put(&made).await.expect("an organisation can be made");
        for one in projects {
            let owned = self.organisations.own(&project(one), None, Some(&made.name)).await;
            assert_eq!(owned.expect("it can own a project"), Owned::Moved);
        }
        made.name
    }

    /// Grants a role.
    pub(crate) async fn bind(&self, subject: Subject, role: &str, place: Place) {
        self.roles.bind(&binding(subject, role, place)).await.expect("the role can be given");
    }

    /// Creates a platform administrator.
    pub(crate) async fn administrator(&self, name: &str) -> UserId {
        let user = self.person(name).await;
        self.bind(Subject::User(user.clone()), "platform-admin", Place::Platform).await;
        user
    }

    /// Removes all entries of the outbox and returns their users.
    pub(crate) async fn drain(&self) -> BTreeSet<UserId> {
        let pending = self.outbox.pending(10_000).await.expect("the outbox can be read");
        let ids: Vec<_> = pending.iter().map(|one| one.id).collect();
        self.outbox.done(&ids).await.expect("entries can be taken out");
        pending.into_iter().map(|one| one.user).collect()
    }

    /// Empties the outbox and compares its users.
    #[track_caller]
    pub(crate) fn expect_raised(
        &self,
        what: &str,
        expected: &[&UserId],
    ) -> impl Future<Output = ()> + use<'_> {
        let expected: BTreeSet<UserId> = expected.iter().map(|user| (*user).clone()).collect();
        let what = what.to_owned();
        async move { assert_eq!(self.drain().await, expected, "in the outbox after: {what}") }
    }
}

/// The time `ms` milliseconds after the start of the test.
pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp(super::EPOCH_MS + ms)
}

/// The digest of a text.
pub(crate) fn digest(text: &str) -> Digest {
    Digest::of(&[text.as_bytes()])
}

pub(crate) fn user_id(name: &str) -> UserId {
    UserId::parse(name).expect("a constant id")
}

pub(crate) fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.org")).expect("a constant address")
}

pub(crate) fn label(text: &str) -> KeyLabel {
    KeyLabel::parse(text).expect("a constant label")
}

pub(crate) fn role_name(name: &str) -> RoleName {
    RoleName::parse(name).expect("a constant name")
}

pub(crate) fn group_name(name: &str) -> GroupName {
    GroupName::parse(name).expect("a constant name")
}

pub(crate) fn project(name: &str) -> ProjectName {
    ProjectName::parse(name).expect("a constant name")
}

pub(crate) fn session_id(name: &str) -> SessionId {
    SessionId::parse(name).expect("a constant id")
}

pub(crate) fn in_project(name: &str) -> Place {
    Place::Project(project(name))
}

pub(crate) fn hash(text: &str) -> PasswordHash {
    PasswordHash(format!("hash-of-{text}"))
}

pub(crate) fn new_user(name: &str) -> NewUser {
    NewUser {
        id: user_id(name),
        email: email(name),
        name: label(name),
        password: Some(hash(name)),
        identity: None,
        second_factor_required: false,
        at: at(0),
    }
}

pub(crate) fn group(name: &str, parent: Option<&str>) -> Group {
    Group { name: group_name(name), label: label(name), parent: parent.map(group_name), created_at: at(0) }
}

pub(crate) fn organisation(name: &str, second_factor_required: bool) -> Organisation {
    Organisation {
        name: OrganisationName::parse(name).expect("a constant name"),
        label: label(name),
        second_factor_required,
        created_at: at(0),
    }
}

pub(crate) fn binding(subject: Subject, role: &str, place: Place) -> Binding {
    Binding {
        subject,
        role: role_name(role),
        place,
        environments: None,
        key_prefixes: None,
        given_by: "user:giver".into(),
        given_at: at(0),
    }
}

/// Runs all futures concurrently and returns their results.
pub(crate) async fn together<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures::future::join_all(futures).await
}

/// The name of a refusal, such as `taken email` for `Taken("email")`; panics on other errors.
#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, IdentityError>) -> String {
    match result.expect_err("this is refused") {
        IdentityError::Taken(what) => format!("taken {what}"),
        IdentityError::Missing(what) => format!("missing {what}"),
        IdentityError::LastAdministrator => "last administrator".into(),
        IdentityError::Nesting(_) => "nesting".into(),
        IdentityError::Full(what, _) => format!("full {what}"),
        other => panic!("not a refusal: {other:?}"),
    }
}
