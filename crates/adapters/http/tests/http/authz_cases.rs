//! The requests of the authorisation matrix, one per operation.

/// A request that succeeds for an authorised caller.
#[derive(Clone, Copy, Default)]
pub struct Case {
    /// The request body.
    pub body: &'static str,
    /// The media type of the body.
    pub kind: &'static str,
    /// The text appended to the path.
    pub query: &'static str,
    /// Whether it needs a precondition.
    pub guarded: bool,
    /// Whether the session in the path belongs to the caller.
    pub own_session: bool,
    /// Whether it may fail because an external service is a fake.
    pub unavailable: bool,
}

const PLAIN: Case = Case {
    body: "",
    kind: "application/json",
    query: "",
    guarded: false,
    own_session: false,
    unavailable: false,
};

fn body(body: &'static str) -> Case {
    Case { body, ..PLAIN }
}

fn guarded(body: &'static str) -> Case {
    Case { body, guarded: true, ..PLAIN }
}

/// The case of an operation; `None` for an unknown one.
#[expect(clippy::match_same_arms, reason = "operations stand with those they belong to")]
pub fn case(operation: &str) -> Option<Case> {
    Some(match operation {
        // Operations without authentication.
        "docs" | "jwks" | "livez" | "metrics" | "openapi" | "readyz" | "startupz" | "list_providers" => PLAIN,
        "bootstrap" => body(r#"{"token":"t","email":"b@example.com","name":"B","password":"PASSWORD"}"#),
        "login" => body(r#"{"email":"nobody@example.com","password":"PASSWORD"}"#),
        "reset_password" => body(r#"{"token":"t","new_password":"PASSWORD again"}"#),
        "refresh" => body(r#"{"refresh_token":"refresh-0"}"#),
        "register" => body(r#"{"email":"rNUMBER@example.com","name":"R","password":"PASSWORD"}"#),
        "answer_second_factor" => body(r#"{"challenge":"c","code":"000000"}"#),
        "begin_external" => Case { unavailable: true, ..PLAIN },
        "finish_external" => Case { query: "?state=s&code=c", unavailable: true, ..PLAIN },
        // Own account.
        "logout" | "me" | "list_own_sessions" | "end_own_sessions" => PLAIN,
        "end_own_session" => Case { own_session: true, ..PLAIN },
        "change_password" => body(r#"{"current_password":"PASSWORD","new_password":"PASSWORD again"}"#),
        "confirm_second_factor" => body(r#"{"code":"000000"}"#),
        "begin_second_factor" | "remove_second_factor" | "replace_recovery_codes" => {
            body(r#"{"password":"PASSWORD"}"#)
        }
        // Administration of users.
        "list_users" | "get_user" | "deactivate_user" | "list_sessions" | "end_sessions" | "end_session" => {
            PLAIN
        }
        "list_made_keys"
        | "reset_user_password"
        | "remove_user_second_factor"
        | "list_invitations"
        | "revoke_invitation" => PLAIN,
        "create_user" => body(r#"{"email":"cNUMBER@example.com","name":"C"}"#),
        "update_user" => body(r#"{"name":"Renamed"}"#),
        "invite" => body(r#"{"email":"jNUMBER@example.com","role":{"role":"viewer","project":"demo"}}"#),
        "list_roles" | "get_role" | "delete_role" => PLAIN,
        "put_role" => body(r#"{"permissions":["config:document:read"]}"#),
        "list_groups" | "delete_group" | "list_group_people" | "add_group_person" | "remove_group_person" => {
            PLAIN
        }
        "put_group" => body(r#"{"label":"G"}"#),
        "list_organisations" | "delete_organisation" | "list_owned_projects" => PLAIN,
        "own_project" | "disown_project" => PLAIN,
        "put_organisation" => body(r#"{"label":"O"}"#),
        "list_platform_members" | "get_platform_member" | "remove_platform_member" => PLAIN,
        "put_platform_member" => body(r#"{"role":"platform-admin"}"#),
        "list_organisation_members" | "get_organisation_member" | "remove_organisation_member" => PLAIN,
        "list_project_members" | "get_project_member" | "remove_project_member" => PLAIN,
        "put_organisation_member" | "put_project_member" => body(r#"{"role":"viewer"}"#),
        "search_audit" | "search_project_audit" | "verify_audit" => PLAIN,
        // Cluster.
        "get_cluster" | "list_members" | "remove_member" => PLAIN,
        "get_log_filter" => Case { unavailable: true, ..PLAIN },
        "set_log_filter" => Case { unavailable: true, ..body(r#"{"filter":"info"}"#) },
        "transfer_leadership" => Case { unavailable: true, ..body("{}") },
        "update_member" => body(r#"{"api_url":"http://h9:8080"}"#),
        "add_member" => body(r#"{"id":"8","name":"n8","peer_addr":"h8:9080","api_url":"http://h8:8080"}"#),
        // Projects.
        "list_projects" | "get_project" | "delete_project" | "list_environments" | "get_environment" => PLAIN,
        "delete_environment" | "export_environment" | "export_project" | "list_api_keys" => PLAIN,
        "get_api_key" | "revoke_api_key" | "rotate_api_key" => PLAIN,
        "create_project" => body(r#"{"name":"fresh"}"#),
        "update_project" => body(r#"{"display_name":"Demo"}"#),
        "create_environment" => body(r#"{"name":"fresh"}"#),
        "create_api_key" => body(r#"{"name":"k","permissions":["config:document:read"]}"#),
        "import_project" => Case { kind: "application/x-ndjson", ..body("EXPORT") },
        // Documents and schemas.
        "list_configs" | "get_config" | "get_config_content" | "list_history" | "get_history_version" => {
            PLAIN
        }
        "watch_configs" | "list_schemas" | "get_schema" | "list_failures" | "get_schema_version" => PLAIN,
        "diff_config" => Case { query: "?from=1&to=2", ..PLAIN },
        "delete_schema" => guarded(""),
        "put_config" => guarded(r#"{"content":{"v":3}}"#),
        "delete_config" => guarded(""),
        "patch_config" => Case { kind: "application/json-patch+json", ..guarded("[]") },
        "rollback_config" => guarded(r#"{"to_version":1}"#),
        "list_schema_versions" | "list_bound_configs" => PLAIN,
        "bind_configs" => body(r#"{"prefixes":[""],"schema":null}"#),
        "restore_environment" => body(r#"{"to_revision":4}"#),
        "create_schema" => body(r#"{"name":"fresh","schema":{"type":"number"}}"#),
        "update_schema" => guarded(r#"{"schema":{"type":"number"}}"#),
        "transact" => body(TRANSACTION),
        _ => return None,
    })
}

const TRANSACTION: &str = r#"{"operations":[{"op":"put","environment":"default","key":"b","content":{"v":1},"expected_version":0}]}"#;
