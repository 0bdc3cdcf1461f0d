//! The identity services: construction from settings, and their background work.

use crate::anchor;
use crate::settings::IdentitySettings;
use adapter_oidc::OidcProviders;
use adapter_raft::RaftNode;
use adapter_security::{
    BcryptHasher, CommonPasswords, Jwt, JwtRules, OpaqueTokenMint, SealedTexts, SealedTotp, default_permits,
};
use adapter_sql::Database;
use adapter_telemetry::{Metrics, PeopleGauges};
use anyhow::Context as _;
use application::Ports;
use application::identity::{Identity, IdentityPorts};
use application::ports::identity::{IdentityObserver, Observation};
use domain::AuditAnchor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// The issuer of TOTP secrets, and the audience of access tokens.
const SERVICE: &str = "Guardian";
const AUDIENCE: &str = "guardian";
/// Interval of the background work.
const INTERVAL: Duration = Duration::from_secs(1);
/// Interval between two removals of expired records.
const TIDY_INTERVAL: Duration = Duration::from_mins(1);
/// A node that does not lead does the leader's work in every round with a number divisible by this.
const FOLLOWER_EVERY: u64 = 5;
/// Maximum time for a stop to wait for the audit.
const FLUSHED_WITHIN: Duration = Duration::from_secs(2);
/// Maximum number of audit batches per round, so that other work continues while a node catches up.
const PROJECTED_AT_ONCE: usize = 50;

/// The identity services and their database.
#[derive(Debug)]
pub(crate) struct People {
    pub(crate) identity: Identity,
    database: Database,
    hasher: BcryptHasher,
    /// Whether the last ping of the database succeeded.
    reachable: Arc<AtomicBool>,
}

/// Counts identity observations in metrics.
struct Counted(Arc<Metrics>);

impl IdentityObserver for Counted {
    fn observe(&self, observation: Observation) {
        match observation {
            Observation::SignedIn => self.0.sign_in("success"),
            Observation::SignInFailed => self.0.sign_in("failure"),
            Observation::Throttled => self.0.sign_in("throttled"),
            Observation::RefreshReused => self.0.identity_event("refresh_reused"),
            Observation::Suspicious => self.0.identity_event("suspicious"),
            Observation::AuditDropped(records) => self.0.audit_dropped(records),
            Observation::EpochsPending(people) => self.0.epochs_pending(people),
        }
    }
}

impl People {
    /// Opens the database and builds the services. A node starts without an available database, but not with
    /// a database of another version.
    pub(crate) async fn open(
        settings: IdentitySettings,
        core: &Ports,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Self> {
        let mut reachable = true;
        let database = match Database::open(&settings.database, settings.migrate).await {
            Ok(database) => database,
            Err(error) if error.is_unavailable() => {
                tracing::warn!(%error, "the identity database is not available; going on without it");
                reachable = false;
                Database::open_later(&settings.database, settings.migrate).context("identity.database")?
            }
            Err(error) => return Err(error).context("identity.database"),
        };
        let secrets = settings.secrets;
        let hasher = BcryptHasher::new(settings.bcrypt_cost, secrets.peppers, default_permits());
        let store = Arc::new(database.clone());
        let ports = IdentityPorts {
            users: store.clone(),
            emails: store.clone(),
            admissions: store.clone(),
            outbox: store.clone(),
            sessions: store.clone(),
            roles: store.clone(),
            groups: store.clone(),
            organisations: store.clone(),
            factors: store.clone(),
            external: store.clone(),
            throttle: store.clone(),
            key_uses: store.clone(),
            audit: store,
            passwords: Arc::new(hasher.clone()),
            password_rules: Arc::new(CommonPasswords),
            access: Arc::new(Jwt::new(
                secrets.signing,
                JwtRules { issuer: settings.issuer, audience: AUDIENCE.to_owned() },
            )),
            opaque: Arc::new(OpaqueTokenMint::new(secrets.cluster.clone())),
            sealer: Arc::new(SealedTexts::new(secrets.cluster.clone())),
            totp: Arc::new(SealedTotp::new(secrets.cluster, SERVICE)),
            providers: Arc::new(OidcProviders::new(settings.providers).context("identity.providers")?),
            observer: Arc::new(Counted(metrics)),
        };
        let identity = Identity::new(core, ports, settings.rules);
        Ok(Self { identity, database, hasher, reachable: Arc::new(AtomicBool::new(reachable)) })
    }

    /// Current gauges. `revision` is the revision of this node's state.
    pub(crate) fn gauges(&self, revision: u64) -> PeopleGauges {
        let (connections, hashing) = (self.database.connections(), self.hasher.load());
        PeopleGauges {
            available: self.reachable.load(Ordering::Relaxed),
            connections_busy: u64::from(connections.open).saturating_sub(connections.idle as u64),
            connections_idle: connections.idle as u64,
            hashes_running: hashing.running as u64,
            hashes_waiting: hashing.waiting as u64,
            audit_lag: revision.saturating_sub(self.identity.projector.reached().0),
        }
    }

    /// Whether the last ping of the database succeeded; updated in the background.
    pub(crate) fn reachable(&self) -> Arc<AtomicBool> {
        self.reachable.clone()
    }

    /// Starts the background work: raising epochs in the cluster, the audit of changes and refusals, and the
    /// removal of expired records.
    pub(crate) fn spawn(&self, node: Arc<RaftNode>, data_dir: PathBuf) -> JoinHandle<()> {
        let (identity, database, reachable) =
            (self.identity.clone(), self.database.clone(), self.reachable.clone());
        tokio::spawn(async move {
            let mut tidied = Instant::now();
            let mut anchored = None;
            for looks in 0_u64.. {
                sleep(INTERVAL).await;
                let answer = database.ping().await;
                let came_or_went = reachable.swap(answer.is_ok(), Ordering::Relaxed) != answer.is_ok();
                match answer {
                    Ok(()) if came_or_went => tracing::info!("the identity database is back"),
                    Ok(()) => {}
                    Err(error) if came_or_went => {
                        tracing::error!(error = ?anyhow::Error::new(error), "the identity database cannot be used");
                        continue;
                    }
                    Err(_) => continue,
                }
                anchored = keep_anchor(&identity, &data_dir, anchored).await;
                look(&identity, node.stats().leads() || looks % FOLLOWER_EVERY == 0).await;
                if tidied.elapsed() >= TIDY_INTERVAL {
                    tidied = Instant::now();
                    note(identity.upkeep.tidy().await.map(drop), "what is over could not be forgotten");
                }
            }
        })
    }

    /// Writes pending audit records and closes the database connections.
    pub(crate) async fn close(&self) {
        let left = timeout(FLUSHED_WITHIN, self.identity.audit.finish()).await;
        if !matches!(left, Ok(Ok(_))) {
            tracing::warn!("refusals that were not written into the audit yet are lost");
        }
        self.database.close().await;
    }
}

/// Stores the newest audit anchor in the data folder; returns the stored one.
async fn keep_anchor(identity: &Identity, data_dir: &Path, kept: Option<AuditAnchor>) -> Option<AuditAnchor> {
    match identity.audit.anchor_here().await {
        Ok(Some(anchor)) if kept != Some(anchor) => match anchor::write(data_dir, &anchor) {
            Ok(()) => Some(anchor),
            Err(error) => {
                tracing::warn!(%error, "the anchor of the audit could not be kept in the data folder");
                kept
            }
        },
        _ => kept,
    }
}

/// One round of background work. `acts`: this node does the work of the leader. Followers do it occasionally,
/// in case the leader cannot reach the database.
async fn look(identity: &Identity, acts: bool) {
    note(identity.audit.flush().await.map(drop), "refusals could not be written into the audit");
    note(identity.key_uses.save().await.map(drop), "uses of API keys could not be saved");
    if !acts {
        return note(identity.projector.look().await, "nobody knows how far the audit is");
    }
    note(identity.epochs.drain().await.map(drop), "changes of rights could not be told to the cluster");
    for _ in 0..PROJECTED_AT_ONCE {
        match identity.projector.run().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return note(Err(error), "changes could not be written into the audit"),
        }
    }
}

fn note(done: Result<(), application::Error>, what: &str) {
    if let Err(error) = done {
        tracing::warn!(%error, "{what}; trying again soon");
    }
}
