//! What the simulation changes in the product: faults put in on purpose, to see that they are found, and
//! blocking work that runs in place. Compiled in only with the feature `simulation` of the adapters, which
//! only the package `sim` enables. One fault at a time is awake: the one that `GUARDIAN_PLANTED` names.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static IN_PLACE: AtomicBool = AtomicBool::new(false);

/// Makes blocking work run on the calling thread from now on. A simulation has one thread and virtual time,
/// which a thread pool would not follow.
pub fn run_in_place() {
    IN_PLACE.store(true, Ordering::Relaxed);
}

/// Whether blocking work runs on the calling thread.
pub fn runs_in_place() -> bool {
    IN_PLACE.load(Ordering::Relaxed)
}

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// One planted fault.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Fault {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// How it is asked for.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What it does wrong.
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

faults! {
    /// The log says that entries are on disk before they are.
    AckBeforeFsync = "ack-before-fsync",
    /// A vote is answered before it is on disk.
    VoteWithoutFsync = "vote-without-fsync",
    /// A linearizable read does not ask the leader.
    ReadWithoutBarrier = "read-without-barrier",
    /// A read barrier serves readers that came after it began.
    OldBarrier = "old-barrier",
    /// The expected version is compared before proposing, and not again when deciding.
    VersionInHandler = "version-in-handler",
    /// A snapshot leaves the schemas' history out.
    SnapshotWithoutSchemas = "snapshot-without-schemas",
    /// After a restart the last entries are applied a second time.
    ApplyTwice = "apply-twice",
    /// Now and then an audit entry is not kept.
    AuditGap = "audit-gap",
    /// A new schema version is not checked against the documents.
    SchemaWithoutCheck = "schema-without-check",
    /// A document's schema may have changed since the document was checked.
    StalePin = "stale-pin",
    /// A forwarded proposal with an unknown outcome is sent again.
    ForwardTwice = "forward-twice",
    /// A leader that crashed resumes its term.
    LeaderRestore = "leader-restore",
    /// After a restart one entry is taken for applied that was not.
    SkipEntry = "skip-entry",
    /// A read with a minimum revision does not wait for it.
    NoMinimum = "no-minimum",
    /// A write whose outcome is unknown is reported as refused.
    UnknownAsRefused = "unknown-as-refused",
    /// Now and then a change does not reach those who watch.
    DropEvent = "drop-event",
    /// Now and then a part of a transaction is not done.
    TransactionHalf = "transaction-half",
    /// What a transaction only checks is not compared when it is applied.
    TransactionUnchecked = "transaction-unchecked",
    /// Idempotency keys are not remembered.
    IdempotencyForgotten = "idempotency-forgotten",
    /// Idempotency keys are looked up before proposing, and not again when deciding.
    IdempotencyAtTheDoor = "idempotency-at-the-door",
    /// One of the versions that the retention keeps goes too.
    PruneTooMuch = "prune-too-much",
    /// Nothing ever goes from the history.
    PruneNever = "prune-never",
}

/// Whether the fault is awake in this process.
pub fn is(fault: Fault) -> bool {
    static AWAKE: OnceLock<Option<Fault>> = OnceLock::new();
    let awake = AWAKE.get_or_init(|| {
        let name = std::env::var("GUARDIAN_PLANTED").ok()?;
        Some(named(&name).unwrap_or_else(|| panic!("GUARDIAN_PLANTED={name} is not a planted fault")))
    });
    *awake == Some(fault)
}

/// The fault of that name.
pub fn named(name: &str) -> Option<Fault> {
    Fault::ALL.iter().copied().find(|fault| fault.name() == name)
}
