//! Fixtures: a cluster with the projects `a` and `b`, and users who sign in.

use application::identity::*;
use application::ports::identity::{AuditQuery, Place, Session, Subject, User};
use application::testing::identity::{CountingTotp, TestIdentity, identity};
use application::testing::{TestApplication, application};
use application::{Error, Origin, RequestContext};
use domain::{
    Digest, DisplayName, Email, GroupName, KeyLabel, OrganisationName, ProjectName, RequestId, RoleName,
    UserId,
};

pub const PASSWORD: &str = "a password of some length";
pub const BOOTSTRAP: &str = "the bootstrap token";

pub struct World {
    pub test: TestApplication,
    pub id: TestIdentity,
}

pub fn project(name: &str) -> ProjectName {
    ProjectName::parse(name).expect("a name")
}

pub fn role(name: &str) -> RoleName {
    RoleName::parse(name).expect("a name")
}

pub fn group(name: &str) -> GroupName {
    GroupName::parse(name).expect("a name")
}

pub fn organisation(name: &str) -> OrganisationName {
    OrganisationName::parse(name).expect("a name")
}

pub fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.org")).expect("an address")
}

pub fn label(text: &str) -> KeyLabel {
    KeyLabel::parse(text).expect("a label")
}

pub fn in_project(name: &str) -> Place {
    Place::Project(project(name))
}

pub fn request_id() -> RequestId {
    RequestId::parse("req-test").expect("an id")
}

pub fn from(address: &str) -> Visitor {
    let origin = Origin {
        address: address.to_owned(),
        user_agent: "curl/8".to_owned(),
        trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        message: None,
    };
    Visitor { request_id: request_id(), origin }
}

pub fn visitor() -> Visitor {
    from("192.0.2.7")
}

pub fn login(name: &str, password: &str) -> Login {
    Login { email: email(name), password: password.into(), device: "laptop".to_owned(), browser: false }
}

pub fn refresh(token: &secrecy::SecretString) -> Refresh {
    Refresh { token: token.clone(), browser: false }
}

pub fn rules() -> IdentityRules {
    IdentityRules {
        bootstrap: Some(Digest::of(&[BOOTSTRAP.as_bytes()])),
        registration: RegistrationMode::Invitation,
        ..IdentityRules::default()
    }
}

/// The name of an error, for comparison.
pub fn word(error: &Error) -> String {
    let text = format!("{error:?}");
    text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}

#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    word(&result.expect_err("this is refused"))
}

impl World {
    /// A world with the administrator `root` and the projects `a` and `b`.
    pub async fn new() -> Self {
        Self::with(rules()).await
    }

    pub async fn with(rules: IdentityRules) -> Self {
        let world = Self::empty(rules).await;
        let request = Bootstrap {
            token: BOOTSTRAP.into(),
            email: email("root"),
            name: label("root"),
            password: PASSWORD.into(),
        };
        world.id.identity.sign_in.bootstrap(&visitor(), request).await.expect("nobody is there yet");
        world
    }

    /// A world without users.
    pub async fn empty(rules: IdentityRules) -> Self {
        let test = application();
        for name in ["a", "b"] {
            let created =
                test.application.projects.create(&test.admin, project(name), DisplayName::default());
            created.await.expect("a new project");
        }
        let id = identity(&test, rules);
        Self { test, id }
    }

    pub fn people(&self) -> &Identity {
        &self.id.identity
    }

    /// Creates a user with a password.
    pub async fn person(&self, name: &str) -> User {
        let request = CreateUser {
            email: email(name),
            name: label(name),
            password: Some(PASSWORD.into()),
            second_factor_required: false,
        };
        self.people().users.create(&self.test.admin, request).await.expect("a new person")
    }

    /// Creates a user with a role and signs in.
    pub async fn member(&self, name: &str, role: &str, place: Place) -> (User, RequestContext) {
        let user = self.person(name).await;
        self.give(&self.test.admin, &user.id, role, place).await.expect("the platform key may");
        let ctx = self.ctx(name).await;
        (user, ctx)
    }

    pub async fn give(
        &self,
        ctx: &RequestContext,
        user: &UserId,
        name: &str,
        place: Place,
    ) -> Result<(), Error> {
        let request = PutMember {
            place,
            subject: Subject::User(user.clone()),
            role: role(name),
            environments: None,
            key_prefixes: None,
        };
        self.people().members.put(ctx, request).await.map(drop)
    }

    pub async fn signed(&self, name: &str) -> Signed {
        match self.people().sign_in.login(&visitor(), login(name, PASSWORD)).await.expect("the password") {
            SignedIn::Signed(signed) => *signed,
            SignedIn::Challenge(_) => panic!("{name} has a second factor"),
        }
    }

    /// Signs a user in; returns the context of a request with the access token.
    pub async fn ctx(&self, name: &str) -> RequestContext {
        let signed = self.signed(name).await;
        self.with_token(&signed).await.expect("a fresh token")
    }

    pub async fn with_token(&self, signed: &Signed) -> Result<RequestContext, Error> {
        use secrecy::ExposeSecret;
        let authenticated = self.people().sign_in.authenticate(signed.access.expose_secret()).await?;
        Ok(authenticated.context(request_id(), visitor().origin))
    }

    /// Enrols a second factor of the caller.
    pub async fn enrol(&self, ctx: &RequestContext) -> Confirmed {
        self.people().factors.begin(ctx, Some(&PASSWORD.into())).await.expect("begun");
        self.people().factors.confirm(ctx, &self.code()).await.expect("the right code")
    }

    pub fn code(&self) -> secrecy::SecretString {
        CountingTotp::code(self.now())
    }

    pub fn now(&self) -> domain::Timestamp {
        use application::ports::Clock;
        self.test.clock.now()
    }

    pub fn epoch(&self, user: &UserId) -> u64 {
        self.test.node.state().epoch(user).0
    }

    /// The audit records with this action, newest first.
    pub async fn audited(&self, action: &str) -> Vec<application::ports::identity::AuditRecord> {
        let query = AuditQuery { action: Some(action.to_owned()), ..AuditQuery::default() };
        self.people().audit.search(&self.test.admin, query, None, 100).await.expect("the key may").items
    }

    pub async fn sessions(&self, user: &UserId) -> Vec<Session> {
        self.people().users.sessions(&self.test.admin, user).await.expect("the key may")
    }
}
