//! Fake passwords, tokens and codes that a test can read. Nothing here is secret.

use crate::ports::identity::{
    AccessClaims, AccessTokens, OpaqueToken, OpaqueTokens, PasswordError, PasswordFault, PasswordHash,
    PasswordHasher, PasswordRules, PasswordVerdict, SealedFor, Sealer, TokenFault, TokenKind, Totp,
    TotpSecret,
};
use async_trait::async_trait;
use domain::{Digest, Timestamp, UserId};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Stores the password after `new:`; a hash with the prefix `old:` counts as outdated.
#[derive(Debug, Default)]
pub struct PlainPasswords {
    checks: AtomicU64,
    busy: AtomicBool,
    gate: futures::lock::Mutex<()>,
}

impl PlainPasswords {
    /// The number of checked passwords.
    pub fn checks(&self) -> u64 {
        self.checks.load(Ordering::SeqCst)
    }

    /// Refuses all calls as too busy, or stops doing so.
    pub fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::SeqCst);
    }

    /// Delays all checks until the returned guard is dropped.
    pub async fn hold(&self) -> futures::lock::MutexGuard<'_, ()> {
        self.gate.lock().await
    }

    fn room(&self) -> Result<(), PasswordError> {
        if self.busy.load(Ordering::SeqCst) { Err(PasswordError::Busy) } else { Ok(()) }
    }
}

#[async_trait]
impl PasswordHasher for PlainPasswords {
    async fn hash(&self, password: &SecretString) -> Result<PasswordHash, PasswordError> {
        self.room()?;
        Ok(PasswordHash(format!("new:{}", password.expose_secret())))
    }

    async fn check(
        &self,
        password: &SecretString,
        kept: Option<&PasswordHash>,
    ) -> Result<PasswordVerdict, PasswordError> {
        self.room()?;
        self.checks.fetch_add(1, Ordering::SeqCst);
        drop(self.gate.lock().await);
        let kept = kept.and_then(|kept| kept.0.split_once(':'));
        Ok(match kept {
            Some(("new", text)) if text == password.expose_secret() => PasswordVerdict::Right,
            Some(("old", text)) if text == password.expose_secret() => PasswordVerdict::RightButOld,
            _ => PasswordVerdict::Wrong,
        })
    }
}

/// Knows one common password: [`CommonPassword::TEXT`].
#[derive(Clone, Copy, Debug)]
pub struct CommonPassword;

impl CommonPassword {
    /// The common password.
    pub const TEXT: &'static str = "passwordpassword";
}

impl PasswordRules for CommonPassword {
    fn acceptable(
        &self,
        password: &SecretString,
        context: &[&str],
        min: usize,
        max: usize,
    ) -> Result<(), PasswordFault> {
        let lower = password.expose_secret().to_lowercase();
        match lower.chars().count() {
            chars if chars < min => Err(PasswordFault::TooShort { min }),
            chars if chars > max => Err(PasswordFault::TooLong { max }),
            _ if lower == Self::TEXT => Err(PasswordFault::Common),
            _ if context.iter().any(|word| word.to_lowercase() == lower) => Err(PasswordFault::Personal),
            _ => Ok(()),
        }
    }
}

/// Issues the tokens `at-1`, `at-2`, … and stores their claims.
#[derive(Debug, Default)]
pub struct NumberedTokens(Mutex<Vec<Arc<AccessClaims>>>);

/// Most grants in a token of the fake.
pub const TOKEN_GRANTS_MAX: usize = 32;

impl AccessTokens for NumberedTokens {
    fn sign(&self, claims: &AccessClaims) -> Option<SecretString> {
        if claims.person.grants.len() > TOKEN_GRANTS_MAX {
            return None;
        }
        let mut signed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        signed.push(Arc::new(claims.clone()));
        Some(format!("at-{}", signed.len()).into())
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<AccessClaims>, TokenFault> {
        let invalid = TokenFault::Invalid("unknown");
        let number: usize = token.strip_prefix("at-").and_then(|text| text.parse().ok()).ok_or(invalid)?;
        let signed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let claims = number.checked_sub(1).and_then(|place| signed.get(place));
        let claims = claims.ok_or(TokenFault::Invalid("unknown"))?;
        if now < claims.expires_at { Ok(claims.clone()) } else { Err(TokenFault::Expired) }
    }

    fn is_token(&self, text: &str) -> bool {
        text.starts_with("at-")
    }

    fn jwks(&self) -> String {
        "{\"keys\":[]}".to_owned()
    }
}

/// Generates tokens `refresh-1`, `invitation-2`, …; the successor of `refresh-1` is `refresh-1+`.
#[derive(Debug, Default)]
pub struct NumberedSecrets(AtomicU64);

fn kind(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Refresh => "refresh-",
        TokenKind::Invitation => "invitation-",
        TokenKind::Challenge => "challenge-",
        TokenKind::Recovery => "recovery-",
        TokenKind::Csrf => "csrf-",
    }
}

impl OpaqueTokens for NumberedSecrets {
    fn mint(&self, of: TokenKind) -> OpaqueToken {
        let secret = format!("{}{}", kind(of), self.0.fetch_add(1, Ordering::SeqCst) + 1);
        OpaqueToken { digest: Digest::of(&[secret.as_bytes()]), secret: secret.into() }
    }

    fn digest(&self, of: TokenKind, secret: &str) -> Option<Digest> {
        secret.starts_with(kind(of)).then(|| Digest::of(&[secret.as_bytes()]))
    }

    fn successor(&self, refresh: &str) -> Option<OpaqueToken> {
        let secret = refresh.starts_with(kind(TokenKind::Refresh)).then(|| format!("{refresh}+"))?;
        Some(OpaqueToken { digest: Digest::of(&[secret.as_bytes()]), secret: secret.into() })
    }
}

/// Seals texts as `sealed-1`, … and stores their content.
#[derive(Debug, Default)]
pub struct Drawer(Mutex<BTreeMap<String, (&'static str, String)>>);

fn purpose(purpose: SealedFor) -> &'static str {
    match purpose {
        SealedFor::Challenge => "challenge",
        SealedFor::PasswordReset => "reset",
    }
}

impl Sealer for Drawer {
    fn seal(&self, of: SealedFor, plain: &str) -> SecretString {
        let mut drawer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sealed = format!("sealed-{}", drawer.len() + 1);
        drawer.insert(sealed.clone(), (purpose(of), plain.to_owned()));
        sealed.into()
    }

    fn open(&self, of: SealedFor, sealed: &str) -> Option<String> {
        let drawer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drawer.get(sealed).filter(|(found, _)| *found == purpose(of)).map(|(_, plain)| plain.clone())
    }
}

/// Fake codes: the code of a time step of 30 s is its number, and the secret is the account name.
#[derive(Clone, Copy, Debug)]
pub struct CountingTotp;

impl CountingTotp {
    /// The code at the time `at`.
    pub fn code(at: Timestamp) -> SecretString {
        (at.0 / 30_000).to_string().into()
    }
}

impl Totp for CountingTotp {
    fn generate(&self, _: &UserId, account: &str) -> TotpSecret {
        let uri = format!("otpauth://totp/{account}").into();
        TotpSecret { sealed: account.as_bytes().to_vec(), base32: "SECRET".into(), uri }
    }

    fn check(&self, _: &UserId, _: &[u8], code: &str, at: Timestamp) -> Option<i64> {
        let step: i64 = code.parse().ok()?;
        (step.abs_diff(at.0 / 30_000) <= 1).then_some(step)
    }
}
