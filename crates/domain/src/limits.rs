//! Every limit that guards the replicated state, in one place, with its unit in the name.
//!
//! The source of each is section 8 of the architecture; the contract with clients publishes them.

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
/// Most other schemas of the project that one schema may use, directly or through others. The limits on
/// values, references and regular expressions hold for all of them together.
pub const SCHEMA_USES_MAX: usize = 32;
/// How long a schema change may hold up writes of documents that follow the schema, in milliseconds.
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
/// Most API keys that one project may hold at a time when its quotas do not say, and the platform itself.
pub const API_KEYS_PER_PROJECT_DEFAULT: u64 = 1000;
/// Most live documents that one project may hold when its quotas do not say.
pub const DOCUMENTS_PER_PROJECT_DEFAULT: u64 = 1_000_000;
/// Most bytes of live documents that one project may hold when its quotas do not say.
pub const BYTES_PER_PROJECT_DEFAULT: u64 = 16 * 1024 * 1024 * 1024;
/// Most bytes of kept history, the present documents apart, that one project may hold when its quotas say neither
/// that nor how many bytes its documents may have.
pub const HISTORY_BYTES_PER_PROJECT_DEFAULT: u64 = 16 * 1024 * 1024 * 1024;
/// The least that the history quota is when it follows from the quota of bytes.
pub const HISTORY_BYTES_PER_PROJECT_MIN: u64 = 16 * 1024 * 1024;
/// How many times as many bytes as its documents a project's history may have when its quotas do not say.
pub const HISTORY_BYTES_PER_DOCUMENT_BYTE: u64 = 8;
/// What each kept version counts beside its document, in bytes: its row with the longest message.
pub const HISTORY_ROW_BYTES: u64 = 1024;
/// Most kept versions, the present ones apart, that one project may hold when its quotas do not say.
pub const HISTORY_VERSIONS_PER_PROJECT_DEFAULT: u64 = 1_000_000;
/// Most versions of schemas that one project may hold when its quotas do not say.
pub const SCHEMA_VERSIONS_PER_PROJECT_DEFAULT: u64 = 100_000;
/// Most bytes of all versions of schemas that one project may hold when its quotas do not say.
pub const SCHEMA_BYTES_PER_PROJECT_DEFAULT: u64 = 256 * 1024 * 1024;
/// How many versions of each config are kept of a project that sets no retention.
pub const RETENTION_VERSIONS_DEFAULT: u64 = 1000;
/// A project that sets no retention keeps less once this many percent of a history quota are used ...
pub const HISTORY_FULL_PERCENT: u64 = 75;
/// ... so that this many percent are.
pub const HISTORY_TRIMMED_PERCENT: u64 = 50;
/// Most watchers of one project at one node when its quotas do not say.
pub const WATCHERS_PER_PROJECT_DEFAULT: u64 = 10_000;
/// Largest value of any quota.
pub const QUOTA_MAX: u64 = 1 << 53;
/// Most versions that a project may ask to keep of each config.
pub const RETENTION_VERSIONS_MAX: u64 = 1_000_000;
/// Longest time that a project may ask to keep versions, in milliseconds: 100 years.
pub const RETENTION_AGE_MS_MAX: i64 = 100 * 365 * 24 * 60 * 60 * 1000;
/// Most versions that one command takes out of the history.
pub const PRUNED_VERSIONS_MAX: u64 = 10_000;
/// Most key prefixes, and most environments, that one API key may be scoped to.
pub const API_KEY_SCOPES_MAX: usize = 64;
/// Longest time for which the secret before a rotation stays good, in milliseconds: 30 days.
pub const API_KEY_OVERLAP_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;
/// How long the secret before a rotation stays good unless the request says otherwise, in milliseconds: one day.
pub const API_KEY_OVERLAP_MS_DEFAULT: u64 = 24 * 60 * 60 * 1000;
/// Most environments in one project.
pub const ENVIRONMENTS_PER_PROJECT_MAX: usize = 1000;
/// Most schemas in one project.
pub const SCHEMAS_PER_PROJECT_MAX: usize = 10_000;
/// Longest address of a member, in bytes.
pub const MEMBER_ADDRESS_BYTES_MAX: usize = 255;
/// Most members that a cluster may have at a time, those without a vote included.
pub const MEMBERS_MAX: usize = 7;
/// Most ids of former members that are kept, so that none comes back.
pub const RETIRED_MEMBERS_MAX: usize = 100_000;
/// Most projects in one cluster.
pub const PROJECTS_MAX: usize = 100_000;
/// Most operations in one transaction.
pub const TRANSACTION_OPERATIONS_MAX: usize = 128;
/// How long the answer to a request with an idempotency key is kept, in milliseconds.
pub const ANSWER_KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// Most answers that are kept of one project, or of the platform; its oldest give way.
pub const ANSWERS_PER_PROJECT_MAX: usize = 10_000;
/// Most answers that are kept in all; the oldest of the project with the most give way.
pub const ANSWERS_MAX: usize = 100_000;
/// Most expired answers that one command clears away.
pub const ANSWERS_CLEARED_MAX: usize = 8;
/// Longest idempotency key, in bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// Longest e-mail address, in bytes (RFC 5321 section 4.5.3.1.3, without the brackets).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Longest part before the `@`, in bytes (RFC 5321 section 4.5.3.1.1).
pub const EMAIL_LOCAL_BYTES_MAX: usize = 64;
/// Most grants of one person that a token and a command carry each; those with more are looked up.
pub const GRANTS_MAX: usize = 64;
/// Most people whose epoch the replicated state knows.
pub const EPOCHS_MAX: usize = 1_000_000;
/// Most epochs that one command raises.
pub const EPOCHS_RAISED_MAX: usize = 1000;
