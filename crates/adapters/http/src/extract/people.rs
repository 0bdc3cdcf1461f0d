//! Path parameters of users, groups, roles and organisations.

use super::path::{names, params, text};
use crate::problem::{Code, Problem};
use application::ports::identity::Subject;
use axum::extract::FromRequestParts;
use domain::{Digest, GroupName, NameError, OrganisationName, ProjectName, RoleName, SessionId, UserId};
use http::request::Parts;
use utoipa::IntoParams;

/// The prefix that distinguishes a group from a user.
const GROUP: &str = "group:";

names! {
    /// A person.
    UserPath {
        /// The person's id.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
        user: UserId = UserId::parse,
    }
}

names! {
    /// A session of a person.
    UserSessionPath {
        /// The person's id.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
        user: UserId = UserId::parse,
        /// The session's id.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
        session: SessionId = SessionId::parse,
    }
}

names! {
    /// A session of one's own.
    SessionPath {
        /// The session's id.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
        session: SessionId = SessionId::parse,
    }
}

names! {
    /// An invitation.
    InvitationPath {
        /// The invitation's id.
        #[param(value_type = String, max_length = 64, pattern = "^[0-9a-f]{64}$")]
        invitation: Digest = digest,
    }
}

names! {
    /// A role of the platform's own.
    RolePath {
        /// The role's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "release-manager")]
        role: RoleName = RoleName::parse,
    }
}

names! {
    /// A group.
    GroupPath {
        /// The group's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "on-call")]
        group: GroupName = GroupName::parse,
    }
}

names! {
    /// A person in a group.
    GroupPersonPath {
        /// The group's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "on-call")]
        group: GroupName = GroupName::parse,
        /// The person's id.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
        user: UserId = UserId::parse,
    }
}

names! {
    /// An organisation.
    OrganisationPath {
        /// The organisation's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "acme")]
        organisation: OrganisationName = OrganisationName::parse,
    }
}

names! {
    /// A project of an organisation.
    OrganisationProjectPath {
        /// The organisation's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "acme")]
        organisation: OrganisationName = OrganisationName::parse,
        /// The project's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "demo")]
        project: ProjectName = ProjectName::parse,
    }
}

names! {
    /// Who has a role in an organisation.
    OrganisationMemberPath {
        /// The organisation's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "acme")]
        organisation: OrganisationName = OrganisationName::parse,
        /// A person's id, or `group:` and a group's name.
        #[param(value_type = String, max_length = 69, pattern = "^(group:)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
        subject: Subject = subject,
    }
}

names! {
    /// Who has a role in a project.
    ProjectMemberPath {
        /// The project's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "demo")]
        project: ProjectName = ProjectName::parse,
        /// A person's id, or `group:` and a group's name.
        #[param(value_type = String, max_length = 69, pattern = "^(group:)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
        subject: Subject = subject,
    }
}

names! {
    /// Who has a role on the platform.
    PlatformMemberPath {
        /// A person's id, or `group:` and a group's name.
        #[param(value_type = String, max_length = 69, pattern = "^(group:)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
        subject: Subject = subject,
    }
}

names! {
    /// An identity provider.
    ProviderPath {
        /// The provider's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "corporate")]
        provider: String = provider,
    }
}

/// Parses the holder of a role: a user or a group.
pub(crate) fn subject(text: &str) -> Result<Subject, NameError> {
    match text.strip_prefix(GROUP) {
        Some(name) => GroupName::parse(name).map(Subject::Group),
        None => UserId::parse(text).map(Subject::User),
    }
}

/// The holder of a role as in paths.
pub(crate) fn subject_text(subject: &Subject) -> String {
    match subject {
        Subject::User(user) => user.to_string(),
        Subject::Group(group) => format!("{GROUP}{group}"),
    }
}

fn provider(text: &str) -> Result<String, Problem> {
    // No provider has a name of another form; this bounds the look-up.
    let name = GroupName::parse(text)
        .map_err(|_| Problem::new(Code::ProviderNotFound, "there is no such identity provider"))?;
    Ok(name.to_string())
}

fn digest(text: &str) -> Result<Digest, Problem> {
    Digest::parse(text).ok_or_else(|| {
        Problem::new(Code::InvalidName, "the id of an invitation has 64 hexadecimal digits")
            .with("field", "invitation")
            .with("pattern", "^[0-9a-f]{64}$")
    })
}
