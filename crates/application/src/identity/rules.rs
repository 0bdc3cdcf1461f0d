//! What operators decide about people and sessions. Defaults and sources: NIST SP 800-63B-4, OWASP ASVS 5.0.

use domain::Digest;
use std::time::Duration;

/// Who may register.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RegistrationMode {
    /// Nobody, but administrators make records of people.
    #[default]
    Closed,
    /// Those who were invited.
    Invitation,
    /// Anybody.
    Open,
}

/// What operators decide.
#[derive(Clone, Debug)]
pub struct IdentityRules {
    /// The digest of the token by which the first administrator comes in, `Digest::of(&[token])`; `None` when
    /// nobody can any more.
    pub bootstrap: Option<Digest>,
    /// Who may register.
    pub registration: RegistrationMode,
    /// How long an access token is good.
    pub access_token: Duration,
    /// After this a session that is not refreshed ends.
    pub session_idle: Duration,
    /// After this every session ends.
    pub session_max: Duration,
    /// Most sessions of one person; the one used longest ago ends to make room.
    pub sessions_max: u32,
    /// How long the last refresh token is answered once more for the same client.
    pub refresh_grace: Duration,
    /// How old knowledge of roles may be before it is looked up again.
    pub roles_fresh: Duration,
    /// How long an invitation is good.
    pub invitation: Duration,
    /// Shortest password, in code points, where it is the only factor (800-63B-4 section 3.1.1.2).
    pub password_chars_min: usize,
    /// Shortest password of those who use a second factor.
    pub password_chars_min_with_factor: usize,
    /// Longest password, in code points.
    pub password_chars_max: usize,
    /// How long records of the audit are kept.
    pub audit_kept: Duration,
    /// Failures of one address in an hour that raise an event.
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
