//! The limits of the replicated state. Each name says the unit.
//!
//! They are part of the contract with clients.

/// Largest JSON document, in bytes of its compact text.
pub const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;
/// Deepest nesting of arrays and objects in a document or a schema.
pub const NESTING_MAX: usize = 64;
/// Longest config key, in bytes.
pub const CONFIG_KEY_BYTES_MAX: usize = 255;
/// Longest project or environment name, in bytes (an RFC 1123 label).
pub const NAME_BYTES_MAX: usize = 63;
/// Longest schema name, in bytes.
pub const SCHEMA_NAME_BYTES_MAX: usize = 63;
/// Largest JSON Schema, in bytes of its compact text.
pub const SCHEMA_BYTES_MAX: usize = 256 * 1024;
/// Most JSON values (objects, arrays, scalars) in one schema.
pub const SCHEMA_NODES_MAX: usize = 10_000;
/// Most `$ref`, `$dynamicRef` and `$recursiveRef` keywords in one schema.
pub const SCHEMA_REFS_MAX: usize = 500;
/// Most other schemas of the project that one schema may refer to, directly or through others. The limits on
/// values, references and regular expressions apply to all of them together.
pub const SCHEMA_USES_MAX: usize = 32;
/// Longest hold on writes of documents that follow a schema while it is being changed, in milliseconds.
pub const SCHEMA_HOLD_MS: i64 = 1000;
/// Most regular expressions (`pattern`, `patternProperties`) in one schema.
pub const SCHEMA_PATTERNS_MAX: usize = 200;
/// Longest regular expression in a schema, in bytes.
pub const SCHEMA_PATTERN_BYTES_MAX: usize = 1024;
/// Longest change message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1000;
/// Longest display name of a project, in bytes.
pub const DISPLAY_NAME_BYTES_MAX: usize = 200;
/// Longest label of an API key, in bytes.
pub const KEY_LABEL_BYTES_MAX: usize = 100;
/// Longest request id, in bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 128;
/// Length of a trace id (W3C trace context), in bytes.
pub const TRACE_ID_BYTES: usize = 32;
/// Default quota of API keys in one project, and limit of API keys of the platform.
pub const API_KEYS_PER_PROJECT_DEFAULT: u64 = 1000;
/// Default quota of live documents in one project.
pub const DOCUMENTS_PER_PROJECT_DEFAULT: u64 = 1_000_000;
/// Default quota of live documents in one project, in bytes.
pub const BYTES_PER_PROJECT_DEFAULT: u64 = 16 * 1024 * 1024 * 1024;
/// Default quota of history without the current documents in one project, in bytes. Applies if the project
/// sets neither this quota nor the one of document bytes.
pub const HISTORY_BYTES_PER_PROJECT_DEFAULT: u64 = 16 * 1024 * 1024 * 1024;
/// Least history quota that is derived from the quota of document bytes, in bytes.
pub const HISTORY_BYTES_PER_PROJECT_MIN: u64 = 16 * 1024 * 1024;
/// The derived history quota is the quota of document bytes times this factor.
pub const HISTORY_BYTES_PER_DOCUMENT_BYTE: u64 = 8;
/// What each version in the history counts in addition to its document, in bytes: its row with the longest
/// message.
pub const HISTORY_ROW_BYTES: u64 = 1024;
/// Default quota of versions in the history, without the current ones, in one project.
pub const HISTORY_VERSIONS_PER_PROJECT_DEFAULT: u64 = 1_000_000;
/// Default quota of schema versions in one project.
pub const SCHEMA_VERSIONS_PER_PROJECT_DEFAULT: u64 = 100_000;
/// Default quota of all schema versions in one project, in bytes.
pub const SCHEMA_BYTES_PER_PROJECT_DEFAULT: u64 = 256 * 1024 * 1024;
/// Versions of each config that are retained in a project without a retention of its own.
pub const RETENTION_VERSIONS_DEFAULT: u64 = 1000;
/// In a project without a retention of its own, more history is pruned once this share of a history quota is
/// used, in percent.
pub const HISTORY_FULL_PERCENT: u64 = 75;
/// That pruning goes down to this share, in percent.
pub const HISTORY_TRIMMED_PERCENT: u64 = 50;
/// Default quota of watchers of one project on one node.
pub const WATCHERS_PER_PROJECT_DEFAULT: u64 = 10_000;
/// Largest value of any quota.
pub const QUOTA_MAX: u64 = 1 << 53;
/// Largest number of versions that a retention may set for each config.
pub const RETENTION_VERSIONS_MAX: u64 = 1_000_000;
/// Largest age that a retention may set, in milliseconds: 100 years.
pub const RETENTION_AGE_MS_MAX: i64 = 100 * 365 * 24 * 60 * 60 * 1000;
/// Most versions that one command prunes.
pub const PRUNED_VERSIONS_MAX: u64 = 10_000;
/// Most key prefixes, and most environments, in the scope of one API key.
pub const API_KEY_SCOPES_MAX: usize = 64;
/// Longest overlap in which the previous secret stays valid after a rotation, in milliseconds: 30 days.
pub const API_KEY_OVERLAP_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;
/// Default overlap after a rotation, in milliseconds: one day.
pub const API_KEY_OVERLAP_MS_DEFAULT: u64 = 24 * 60 * 60 * 1000;
/// Most environments in one project.
pub const ENVIRONMENTS_PER_PROJECT_MAX: usize = 1000;
/// Most schemas in one project.
pub const SCHEMAS_PER_PROJECT_MAX: usize = 10_000;
/// Longest address of a member, in bytes.
pub const MEMBER_ADDRESS_BYTES_MAX: usize = 255;
/// Most members of a cluster, including those without a vote.
pub const MEMBERS_MAX: usize = 7;
/// Most ids of removed members that are stored so that none is accepted again.
pub const RETIRED_MEMBERS_MAX: usize = 100_000;
/// Most projects in one cluster.
pub const PROJECTS_MAX: usize = 100_000;
/// Most operations in one transaction.
pub const TRANSACTION_OPERATIONS_MAX: usize = 128;
/// How long the receipt of a request with an idempotency key is stored, in milliseconds.
pub const ANSWER_KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// Most stored receipts of one project, or of the platform; its oldest are evicted.
pub const ANSWERS_PER_PROJECT_MAX: usize = 10_000;
/// Most stored receipts in total; the oldest of the project with the most are evicted.
pub const ANSWERS_MAX: usize = 100_000;
/// Most expired receipts that one command removes.
pub const ANSWERS_CLEARED_MAX: usize = 8;
/// Longest idempotency key, in bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// Longest e-mail address, in bytes (RFC 5321 section 4.5.3.1.3, without the brackets).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Longest part before the `@`, in bytes (RFC 5321 section 4.5.3.1.1).
pub const EMAIL_LOCAL_BYTES_MAX: usize = 64;
/// Most grants of one user in a token and in a command; users with more are looked up.
pub const GRANTS_MAX: usize = 64;
/// Most users with an epoch in the replicated state.
pub const EPOCHS_MAX: usize = 1_000_000;
/// Most users whose epoch one command raises.
pub const EPOCHS_RAISED_MAX: usize = 1000;
