//! Time-based one-time passwords (RFC 6238): six digits of HMAC-SHA-1, with a period of 30 seconds.
//!
//! A stored secret is sealed with a cluster key and bound to its user: it cannot be opened without the key,
//! or for another user.

use crate::sealed;
use crate::secrets::ClusterKeys;
use application::ports::identity::{Totp, TotpSecret};
use domain::{Timestamp, UserId};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use totp_rs::{Builder, Secret};

/// Length of a shared secret in bytes: 160 bits, as RFC 4226 section 4 recommends.
const SECRET_BYTES: usize = 20;
/// Digits of a code.
const DIGITS: usize = 6;

/// Verifies codes with sealed secrets.
#[derive(Clone, Debug)]
pub struct SealedTotp {
    keys: ClusterKeys,
    /// The issuer name that authenticator apps display.
    issuer: String,
}

impl SealedTotp {
    /// Codes for the service `issuer`; secrets are sealed with the newest of `keys`.
    pub fn new(keys: ClusterKeys, issuer: &str) -> Self {
        Self { keys, issuer: without_colons(issuer) }
    }

    fn totp(&self, secret: &[u8], account: &str) -> totp_rs::Totp {
        Builder::new()
            .with_secret(Secret::new(secret.into()))
            .with_issuer(Some(self.issuer.as_str()))
            .with_account_name(without_colons(account))
            .build()
            .expect("a secret of 160 bits and names without colons")
    }

    fn seal(&self, user: &UserId, secret: &[u8; SECRET_BYTES]) -> Vec<u8> {
        sealed::seal(&self.keys, &bound(user), secret)
    }

    fn open(&self, user: &UserId, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        sealed::open(&self.keys, &bound(user), sealed).filter(|secret| secret.len() == SECRET_BYTES)
    }
}

impl Totp for SealedTotp {
    fn generate(&self, user: &UserId, account: &str) -> TotpSecret {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        getrandom::fill(&mut *secret).expect("the operating system gives random numbers");
        let totp = self.totp(&*secret, account);
        TotpSecret {
            sealed: self.seal(user, &secret),
            base32: totp.secret().to_base32().into(),
            uri: SecretString::from(totp.to_url().expect("an account was given")),
        }
    }

    fn check(&self, user: &UserId, sealed: &[u8], code: &str, at: Timestamp) -> Option<i64> {
        let digits: Zeroizing<String> = Zeroizing::new(code.chars().filter(|c| *c != ' ').collect());
        if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let seconds = u64::try_from(at.0 / 1000).ok()?;
        let secret = self.open(user, sealed)?;
        let step = self.totp(&secret, user.as_str()).check(&digits, seconds)?;
        i64::try_from(step).ok()
    }
}

/// The context that a sealed secret is bound to.
fn bound(user: &UserId) -> Vec<u8> {
    format!("guardian totp v1 user:{user}").into_bytes()
}

/// Removes colons, which separate the parts of a label in an `otpauth:` URI.
fn without_colons(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.replace(':', "_") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::test_support::{secrets, secrets_of};
    use secrecy::ExposeSecret as _;

    fn user(id: &str) -> UserId {
        UserId::parse(id).expect("a user id")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1000 + 999)
    }

    /// RFC 6238 appendix B, SHA-1, the last six of the eight digits.
    #[test]
    fn the_codes_are_the_published_ones() {
        let totp = SealedTotp::new(secrets().cluster, "Guardian");
        let sealed = totp.seal(&user("ann"), b"12345678901234567890");
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            let step = totp.check(&user("ann"), &sealed, code, at(seconds));
            assert_eq!(step, Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn one_step_before_and_after_is_near_enough() {
        let totp = SealedTotp::new(secrets().cluster, "Guardian");
        let sealed = totp.seal(&user("ann"), b"12345678901234567890");
        let code = "005924";
        let step = 1_234_567_890 / 30;
        for (seconds, expected) in [
            (step * 30 - 31, None),
            (step * 30 - 30, Some(step)),
            (step * 30 + 59, Some(step)),
            (step * 30 + 60, None),
            (-5, None),
        ] {
            assert_eq!(totp.check(&user("ann"), &sealed, code, at(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn a_new_secret_works_as_its_address_says() {
        let totp = SealedTotp::new(secrets().cluster, "Guardian");
        let made = totp.generate(&user("ann"), "ann:x@example.org");
        let device = totp_rs::Totp::from_url(made.uri.expose_secret()).expect("an address");
        assert_eq!(device.secret().to_base32(), made.base32.expose_secret());
        let code = device.generate(1_800_000_000).to_string();
        assert_eq!(totp.check(&user("ann"), &made.sealed, &code, at(1_800_000_000)), Some(60_000_000));
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        assert_eq!(totp.check(&user("ann"), &made.sealed, &spaced, at(1_800_000_000)), Some(60_000_000));
        for wrong in ["", "12345", "1234567", "12345x", "١٢٣٤٥٦", &code[..5]] {
            assert_eq!(totp.check(&user("ann"), &made.sealed, wrong, at(1_800_000_000)), None, "{wrong}");
        }
        assert!(!format!("{made:?}").contains(made.base32.expose_secret()));
    }

    #[test]
    fn what_is_sealed_is_bound_to_its_person_and_key() {
        let keys = secrets();
        let totp = SealedTotp::new(keys.cluster, "Guardian");
        let sealed = totp.seal(&user("ann"), b"12345678901234567890");
        let find = |totp: &SealedTotp, who: &str, sealed: &[u8]| {
            totp.check(&user(who), sealed, "287082", at(59)).is_some()
        };
        assert!(find(&totp, "ann", &sealed));
        assert!(!find(&totp, "bob", &sealed), "another person's");
        assert!(!find(&SealedTotp::new(secrets().cluster, "Guardian"), "ann", &sealed), "another cluster's");
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert!(!find(&totp, "ann", &changed), "byte {position}");
            assert!(!find(&totp, "ann", &sealed[..position]), "cut at {position}");
        }
        assert!(!sealed.windows(4).any(|four| four == b"1234"));
        assert_ne!(sealed, totp.seal(&user("ann"), b"12345678901234567890"), "no nonce twice");
    }

    #[test]
    fn older_keys_still_open() {
        let (old, both) = (secrets_of(&["1"]), secrets_of(&["1", "2"]));
        let sealed = SealedTotp::new(old.cluster, "Guardian").seal(&user("ann"), b"12345678901234567890");
        let totp = SealedTotp::new(both.cluster, "Guardian");
        assert!(totp.check(&user("ann"), &sealed, "287082", at(59)).is_some());
        assert_ne!(totp.seal(&user("ann"), b"12345678901234567890")[1..5], sealed[1..5], "the newest seals");
    }
}
