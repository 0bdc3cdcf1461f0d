//! Password hashing: bcrypt of a keyed pre-hash, with bounded concurrency.
//!
//! - bcrypt reads at most 72 bytes. It is given the 64 characters of base64(HMAC-SHA-384(pepper,
//!   NFKC(password))), so nothing is truncated, and hashes cannot be attacked without the pepper.
//! - One hash occupies a core for about a quarter of a second at the default cost. The number of running
//!   hashes is bounded by permits and the number of waiting ones by [`WAITING_MAX`]; excess requests are
//!   refused as busy.

use super::envelope::Envelope;
use super::normalized;
use crate::secrets::{Pepper, Peppers};
use application::ports::identity::{PasswordError, PasswordHash, PasswordHasher, PasswordVerdict};
use async_trait::async_trait;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The default cost; the base-2 logarithm of the number of rounds.
pub const BCRYPT_COST_DEFAULT: u32 = 12;
/// The minimum configurable cost (OWASP minimum).
pub const BCRYPT_COST_MIN: u32 = 10;
/// The maximum configurable cost: about four seconds per hash.
pub const BCRYPT_COST_MAX: u32 = 16;
/// The minimum cost that is verified: the minimum of bcrypt.
pub(super) const COST_READ_MIN: u32 = 4;
/// Maximum number of waiting hashes per permit. At the default cost the last one waits two seconds.
pub const WAITING_MAX: usize = 8;
/// Maximum length of a password, in bytes; longer ones never verify.
const PASSWORD_BYTES_MAX: usize = 4096;
/// A fixed salt for timing only; the hash is discarded.
const NO_SALT: [u8; 16] = *b"nobody has this.";

/// The default number of concurrent hashes: half of the cores, at least one.
pub fn default_permits() -> usize {
    (available_parallelism().map_or(1, usize::from) / 2).max(1)
}

/// Hashes and verifies passwords.
#[derive(Clone, Debug)]
pub struct BcryptHasher {
    cost: u32,
    peppers: Peppers,
    /// Permits for running and waiting hashes.
    room: Arc<Semaphore>,
    /// Permits for running hashes.
    running: Arc<Semaphore>,
    /// The total number of permits for running hashes.
    permits: usize,
}

/// The current load of a hasher.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HashingLoad {
    /// Running hashes.
    pub running: usize,
    /// Waiting hashes.
    pub waiting: usize,
}

impl BcryptHasher {
    /// A hasher with this cost, clamped to [`BCRYPT_COST_MIN`] and [`BCRYPT_COST_MAX`]. It runs at most
    /// `permits` hashes at a time, at least one.
    pub fn new(cost: u32, peppers: Peppers, permits: usize) -> Self {
        let permits = permits.clamp(1, 1024);
        Self {
            cost: cost.clamp(BCRYPT_COST_MIN, BCRYPT_COST_MAX),
            peppers,
            room: Arc::new(Semaphore::new(permits * (1 + WAITING_MAX))),
            running: Arc::new(Semaphore::new(permits)),
            permits,
        }
    }

    /// The current number of running and waiting hashes.
    pub fn load(&self) -> HashingLoad {
        let running = self.permits - self.running.available_permits();
        let inside = self.permits * (1 + WAITING_MAX) - self.room.available_permits();
        HashingLoad { running, waiting: inside.saturating_sub(running) }
    }

    /// Runs blocking work within the permits; fails if too many wait. The work cannot be stopped, so it holds
    /// its permits until it ends, even if the client disconnects.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        let permits: (OwnedSemaphorePermit, OwnedSemaphorePermit) = (room, running);
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permits);
            result
        });
        // The runtime is shutting down, or the work panicked.
        done.await.map_err(|_| PasswordError::Busy)
    }
}

#[async_trait]
impl PasswordHasher for BcryptHasher {
    async fn hash(&self, password: &SecretString) -> Result<PasswordHash, PasswordError> {
        let (password, peppers, cost) = (password.clone(), self.peppers.clone(), self.cost);
        self.run(move || {
            let pepper = peppers.newest();
            let hash = bcrypt::non_truncating_hash(&*prehash(pepper, password.expose_secret()), cost)
                .expect("64 bytes and a cost within bcrypt's bounds");
            PasswordHash(Envelope { pepper: &pepper.id, cost, bcrypt: &hash }.to_string())
        })
        .await
    }

    async fn check(
        &self,
        password: &SecretString,
        kept: Option<&PasswordHash>,
    ) -> Result<PasswordVerdict, PasswordError> {
        let (password, peppers, cost) = (password.clone(), self.peppers.clone(), self.cost);
        let kept = kept.cloned();
        self.run(move || {
            let kept = kept.as_ref().map(|kept| kept.0.as_str());
            verdict(&peppers, cost, password.expose_secret(), kept).0
        })
        .await
    }
}

/// Verifies a password. Also returns the rounds of bcrypt: 2^`cost`, unless the stored hash has a higher
/// cost.
fn verdict(peppers: &Peppers, cost: u32, password: &str, kept: Option<&str>) -> (PasswordVerdict, u64) {
    let newest = peppers.newest();
    let mut work = Work::default();
    let known = kept.and_then(|text| {
        let envelope = Envelope::parse(text);
        let pepper = envelope.as_ref().and_then(|envelope| peppers.get(envelope.pepper));
        if pepper.is_none() {
            // Logged, because otherwise every password would be wrong without a visible cause.
            tracing::error!(
                pepper = envelope.as_ref().map_or("", |envelope| envelope.pepper),
                "a password was kept by a scheme or with a pepper that this node does not have"
            );
        }
        envelope.zip(pepper)
    });
    let Some((envelope, pepper)) = known else {
        work.burn(newest, password, cost);
        return (PasswordVerdict::Wrong, work.rounds);
    };
    let right = work.verify(pepper, password, &envelope) && password.len() <= PASSWORD_BYTES_MAX;
    // 2^a + 2^a + 2^(a+1) + … + 2^(b-1) = 2^b: a hash of a lower cost takes as long as one of the current
    // cost.
    for missing in envelope.cost..cost {
        work.burn(newest, password, missing);
    }
    let verdict = match right {
        false => PasswordVerdict::Wrong,
        true if envelope.cost == cost && pepper.id == newest.id => PasswordVerdict::Right,
        true => PasswordVerdict::RightButOld,
    };
    (verdict, work.rounds)
}

/// Runs bcrypt and counts the rounds.
#[derive(Default)]
struct Work {
    rounds: u64,
}

impl Work {
    fn verify(&mut self, pepper: &Pepper, password: &str, envelope: &Envelope<'_>) -> bool {
        self.rounds += 1 << envelope.cost;
        bcrypt::non_truncating_verify(&*prehash(pepper, password), envelope.bcrypt).unwrap_or(false)
    }

    /// Takes as long as a check at this cost.
    fn burn(&mut self, pepper: &Pepper, password: &str, cost: u32) {
        self.rounds += 1 << cost;
        let hash = bcrypt::hash_with_salt(&*prehash(pepper, password), cost, NO_SALT);
        drop(std::hint::black_box(hash));
    }
}

/// The 64 characters that bcrypt hashes.
fn prehash(pepper: &Pepper, password: &str) -> Zeroizing<String> {
    let password = &password[..password.floor_char_boundary(PASSWORD_BYTES_MAX)];
    Zeroizing::new(STANDARD.encode(hmac::sign(&pepper.key, normalized(password).as_bytes())))
}

#[cfg(test)]
mod tests;
