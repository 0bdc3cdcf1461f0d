//! The codes of problems with their statuses and titles. Codes are part of the API contract: they are added,
//! never renamed.

use http::StatusCode;

macro_rules! codes {
    ($($name:ident = $status:ident $text:literal $title:literal,)*) => {
        /// The code of a refusal.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum Code { $($name,)* }

        impl Code {
            /// All codes.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code in responses.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status.
            pub(crate) fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The meaning, the same for every occurrence.
            pub(crate) fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    ConflictingCredentials = BAD_REQUEST "conflicting_credentials" "More than one credential was given",
    InvalidHost = BAD_REQUEST "invalid_host" "The request does not name one host",
    FutureRevision = BAD_REQUEST "future_revision" "The moment that was asked for is yet to come",
    InvalidIdempotencyKey = BAD_REQUEST "invalid_idempotency_key" "The Idempotency-Key does not have the allowed form",
    InvalidJson = BAD_REQUEST "invalid_json" "The body is not valid JSON",
    InvalidName = BAD_REQUEST "invalid_name" "A name does not have the allowed form",
    InvalidPageToken = BAD_REQUEST "invalid_page_token" "The page token does not belong to this list",
    InvalidParameter = BAD_REQUEST "invalid_parameter" "A query parameter has a value that is not allowed",
    InvalidPrecondition = BAD_REQUEST "invalid_precondition" "The precondition cannot be understood",
    UnknownParameter = BAD_REQUEST "unknown_parameter" "A query parameter is not known here",
    SignInFailed = UNAUTHORIZED "sign_in_failed" "The address and the password do not belong together",
    SecondFactorFailed = UNAUTHORIZED "second_factor_failed" "The second factor was not shown",
    SessionOver = UNAUTHORIZED "session_over" "The refresh token is not good any more",
    ProviderRefused = UNAUTHORIZED "provider_refused" "The identity provider did not vouch for the person",
    Unauthenticated = UNAUTHORIZED "unauthenticated" "A valid credential is required",
    BeyondOwnRights = FORBIDDEN "beyond_own_rights" "Nobody gives or takes rights that they do not have",
    CsrfFailed = FORBIDDEN "csrf_failed" "The request does not show that it comes from the page that signed in",
    RegistrationClosed = FORBIDDEN "registration_closed" "Nobody may register like this",
    SecondFactorRequired = FORBIDDEN "second_factor_required" "A second factor must be set up first",
    Forbidden = FORBIDDEN "forbidden" "The credential does not allow this",
    GrantExceedsOwn = FORBIDDEN "grant_exceeds_own" "A key cannot grant more than its creator has",
    QuotaExceeded = FORBIDDEN "quota_exceeded" "A limit on the number of things is reached",
    ApiKeyNotFound = NOT_FOUND "api_key_not_found" "The API key does not exist",
    ConfigNotFound = NOT_FOUND "config_not_found" "The config does not exist",
    EnvironmentNotFound = NOT_FOUND "environment_not_found" "The environment does not exist",
    GroupNotFound = NOT_FOUND "group_not_found" "The group does not exist",
    InvitationNotFound = NOT_FOUND "invitation_not_found" "The invitation does not exist",
    MemberNotFound = NOT_FOUND "member_not_found" "The member does not exist",
    OrganisationNotFound = NOT_FOUND "organisation_not_found" "The organisation does not exist",
    ProjectNotFound = NOT_FOUND "project_not_found" "The project does not exist",
    ProviderNotFound = NOT_FOUND "provider_not_found" "The identity provider does not exist",
    RoleNotFound = NOT_FOUND "role_not_found" "The role does not exist",
    RouteNotFound = NOT_FOUND "route_not_found" "There is nothing at this path",
    SchemaNotFound = NOT_FOUND "schema_not_found" "The schema does not exist",
    SecondFactorNotFound = NOT_FOUND "second_factor_not_found" "There is no second factor",
    SessionNotFound = NOT_FOUND "session_not_found" "The session does not exist",
    UserNotFound = NOT_FOUND "user_not_found" "The person does not exist",
    VersionNotFound = NOT_FOUND "version_not_found" "The version does not exist",
    NotAcceptable = NOT_ACCEPTABLE "not_acceptable" "The answer is not to be had in this form",
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed" "The method is not allowed here",
    RequestTimeout = REQUEST_TIMEOUT "request_timeout" "The body did not arrive in time",
    AlreadyBootstrapped = CONFLICT "already_bootstrapped" "The cluster has its name already",
    ApiKeyExists = CONFLICT "api_key_exists" "The API key exists",
    Contended = CONFLICT "contended" "Something kept changing during the check",
    EnvironmentExists = CONFLICT "environment_exists" "The environment exists",
    EnvironmentNotEmpty = CONFLICT "environment_not_empty" "The environment still holds configs",
    LastAdministrator = CONFLICT "last_administrator" "The last active administrator must stay",
    LastVoter = CONFLICT "last_voter" "The last member with a vote cannot leave",
    MemberExists = CONFLICT "member_exists" "The id, the name or an address is another member's",
    MemberNotJoining = CONFLICT "member_not_joining" "The machine does not wait to join",
    MemberRemoved = CONFLICT "member_removed" "The id belonged to a member that was removed",
    ProjectExists = CONFLICT "project_exists" "The project exists",
    ProjectNotEmpty = CONFLICT "project_not_empty" "The project still holds configs",
    QuorumAtRisk = CONFLICT "quorum_at_risk" "Too few of the members that would be left answer",
    SchemaExists = CONFLICT "schema_exists" "The schema exists",
    SchemaInUse = CONFLICT "schema_in_use" "Documents are bound to the schema, or other schemas use it",
    Taken = CONFLICT "taken" "Another has this already",
    SchemaVersionConflict = PRECONDITION_FAILED "schema_version_conflict" "The schema has another version",
    VersionConflict = PRECONDITION_FAILED "version_conflict" "The config has another version",
    SecretShownOnce = CONFLICT "secret_shown_once" "The secret was shown in the answer to an earlier request",
    HistoryPruned = GONE "history_pruned" "The past that was asked for is no longer kept",
    BodyTooLarge = PAYLOAD_TOO_LARGE "body_too_large" "The body is too large",
    DocumentTooLarge = PAYLOAD_TOO_LARGE "document_too_large" "The document is too large",
    SchemaTooLarge = PAYLOAD_TOO_LARGE "schema_too_large" "The schema is too large",
    UriTooLong = URI_TOO_LONG "uri_too_long" "The URL is too long",
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" "The body has an unsupported type",
    ConfigRepeated = UNPROCESSABLE_ENTITY "config_repeated" "A config is in more than one operation",
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY "idempotency_key_reused" "The Idempotency-Key was used for another request",
    ImportRefused = UNPROCESSABLE_ENTITY "import_refused" "Lines of the import were refused",
    InvalidBody = UNPROCESSABLE_ENTITY "invalid_body" "A member of the body breaks its rule",
    InvalidSchema = UNPROCESSABLE_ENTITY "invalid_schema" "The schema is not valid",
    NestingTooDeep = UNPROCESSABLE_ENTITY "nesting_too_deep" "The body is nested too deep",
    PatchFailed = UNPROCESSABLE_ENTITY "patch_failed" "An operation of the patch cannot be done",
    SchemaBreaksDocuments = UNPROCESSABLE_ENTITY "schema_breaks_documents" "Bound documents do not satisfy the new version",
    SchemaCheckTooExpensive = UNPROCESSABLE_ENTITY "schema_check_too_expensive" "Holding the document against its schema needs too much work",
    TooManyChanges = UNPROCESSABLE_ENTITY "too_many_changes" "More configs differ than can be changed at a time",
    UnknownField = UNPROCESSABLE_ENTITY "unknown_field" "The body has a member that is not known",
    UnknownSchema = UNPROCESSABLE_ENTITY "unknown_schema" "The schema to bind to does not exist",
    ValidationFailed = UNPROCESSABLE_ENTITY "validation_failed" "The document does not satisfy its schema",
    PreconditionRequired = PRECONDITION_REQUIRED "precondition_required" "The change needs a precondition",
    RateLimited = TOO_MANY_REQUESTS "rate_limited" "Too many requests in too little time",
    SchemaChecksBusy = TOO_MANY_REQUESTS "schema_checks_busy" "Too many schema checks of the project are waiting",
    TooManyAttempts = TOO_MANY_REQUESTS "too_many_attempts" "Too many attempts failed",
    HeadersTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE "headers_too_large" "The headers are too large",
    Internal = INTERNAL_SERVER_ERROR "internal" "Something went wrong on our side",
    ProviderInvalid = BAD_GATEWAY "provider_invalid" "The identity provider's answer cannot be used",
    DiskFull = INSUFFICIENT_STORAGE "disk_full" "Too little disk space is left",
    Behind = SERVICE_UNAVAILABLE "behind" "This node has not reached the requested revision",
    IdentityUnavailable = SERVICE_UNAVAILABLE "identity_unavailable" "The identity database does not answer",
    MemberBehind = SERVICE_UNAVAILABLE "member_behind" "The new member has not caught up yet",
    MemberUnreachable = SERVICE_UNAVAILABLE "member_unreachable" "The machine does not answer the leader",
    NoLeader = SERVICE_UNAVAILABLE "no_leader" "No leader is reachable",
    NoSuccessor = SERVICE_UNAVAILABLE "no_successor" "No other member can lead at the moment",
    NotLive = SERVICE_UNAVAILABLE "not_live" "The node does not work",
    NotReady = SERVICE_UNAVAILABLE "not_ready" "The node is not ready",
    NotStarted = SERVICE_UNAVAILABLE "not_started" "The node is still starting",
    Overloaded = SERVICE_UNAVAILABLE "overloaded" "Too many requests are waiting",
    ProviderUnavailable = SERVICE_UNAVAILABLE "provider_unavailable" "The identity provider does not answer",
    TooManyWatchers = SERVICE_UNAVAILABLE "too_many_watchers" "This node has as many watchers as it may",
    Unavailable = SERVICE_UNAVAILABLE "unavailable" "The answer took too long",
    OutcomeUnknown = GATEWAY_TIMEOUT "outcome_unknown" "The change may or may not have happened",
}

/// Wait before a retry of a request that may succeed later, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

impl Code {
    /// Seconds to wait before a retry; `None` if a retry does not help.
    pub(crate) fn retry_after(self) -> Option<u64> {
        (matches!(self, Self::Contended | Self::RateLimited | Self::SchemaChecksBusy | Self::TooManyAttempts)
            || self.status() == StatusCode::SERVICE_UNAVAILABLE)
            .then_some(RETRY_AFTER_SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    #[test]
    fn codes_are_stable() {
        let mut table = String::new();
        for code in Code::ALL {
            let retry = code.retry_after().map_or("-".to_owned(), |seconds| seconds.to_string());
            writeln!(table, "{} {} {retry}", code.status().as_u16(), code.as_str())
                .expect("a string takes all");
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/codes.txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &table).expect("the snapshot can be written");
        }
        let committed = std::fs::read_to_string(path).expect("the snapshot is there");
        assert_eq!(table, committed, "a code changed; run with UPDATE=1 if that is meant");
    }

    #[test]
    fn codes_differ() {
        let unique: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(unique.len(), Code::ALL.len());
    }
}
