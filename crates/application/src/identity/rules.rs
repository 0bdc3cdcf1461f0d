//! Settings for users and sessions. Sources of the defaults: NIST SP 800-63B-4, OWASP ASVS 5.0.

use domain::Digest;
use std::time::Duration;

/// Who may register.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RegistrationMode {
    /// No one; only administrators create users.
    #[default]
    Closed,
    /// Invited users.
    Invitation,
    /// Anyone.
    Open,
}

/// Settings for users and sessions.
#[derive(Clone, Debug)]
pub struct IdentityRules {
    /// The digest of the bootstrap token, `Digest::of(&[token])`, which creates the first administrator;
    /// `None` disables bootstrap.
    pub bootstrap: Option<Digest>,
    /// Who may register.
    pub registration: RegistrationMode,
    /// The validity of an access token.
    pub access_token: Duration,
    /// The time after which a session ends unless it is refreshed.
    pub session_idle: Duration,
    /// The time after which every session ends.
    pub session_max: Duration,
    /// Most sessions of one user. The least recently used one ends to make room.
    pub sessions_max: u32,
    /// The grace period in which the same client may present the previous refresh token again.
    pub refresh_grace: Duration,
    /// The age above which the rights in an access token are looked up again.
    pub roles_fresh: Duration,
    /// The validity of an invitation.
    pub invitation: Duration,
    /// Shortest password, in code points, if it is the only factor (800-63B-4 section 3.1.1.2).
    pub password_chars_min: usize,
    /// Shortest password of users with a second factor, in code points.
    pub password_chars_min_with_factor: usize,
    /// Longest password, in code points.
    pub password_chars_max: usize,
    /// The retention of audit records.
    pub audit_kept: Duration,
    /// Number of failures of one address in an hour that causes an alert.
    pub suspicious_failures: u32,
}

impl Default for IdentityRules {
    fn default() -> Self {
        Self {
            bootstrap: None,
            registration: RegistrationMode::Closed,
            access_token: Duration::from_mins(15),
            session_idle: Duration::from_mins(30),
            session_max: Duration::from_hours(24),
            sessions_max: 10,
            refresh_grace: Duration::from_secs(10),
            roles_fresh: Duration::from_mins(10),
            invitation: Duration::from_hours(72),
            password_chars_min: 15,
            password_chars_min_with_factor: 8,
            password_chars_max: 256,
            audit_kept: Duration::from_hours(90 * 24),
            suspicious_failures: 10,
        }
    }
}
