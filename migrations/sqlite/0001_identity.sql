-- People, what they may do, their sessions, and the audit. Times are milliseconds since 1970 (UTC), digests
-- SHA-256; names sort by their bytes.

CREATE TABLE users (
    id                     TEXT PRIMARY KEY,
    email                  TEXT NOT NULL CONSTRAINT users_email UNIQUE,
    name                   TEXT NOT NULL,
    password               TEXT,
    active                 BOOLEAN NOT NULL,
    second_factor_required BOOLEAN NOT NULL,
    created_at             BIGINT NOT NULL,
    updated_at             BIGINT NOT NULL
);

-- An invitation without a role has the place kind ''.
CREATE TABLE invitations (
    token      BLOB PRIMARY KEY,
    email      TEXT NOT NULL,
    role       TEXT,
    place_kind TEXT NOT NULL,
    place      TEXT NOT NULL,
    invited_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT invitations_place UNIQUE (email, place_kind, place)
);

-- Whose epoch the replicated state must still raise.
CREATE TABLE epoch_outbox (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL
);

CREATE TABLE user_groups (
    name       TEXT PRIMARY KEY,
    label      TEXT NOT NULL,
    parent     TEXT REFERENCES user_groups (name) ON DELETE SET NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX user_groups_parent ON user_groups (parent);

CREATE TABLE group_people (
    group_name TEXT NOT NULL REFERENCES user_groups (name) ON DELETE CASCADE,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_name, user_id)
);
CREATE INDEX group_people_user ON group_people (user_id);

CREATE TABLE organisations (
    name                   TEXT PRIMARY KEY,
    label                  TEXT NOT NULL,
    second_factor_required BOOLEAN NOT NULL,
    created_at             BIGINT NOT NULL
);

CREATE TABLE organisation_projects (
    project      TEXT PRIMARY KEY,
    organisation TEXT NOT NULL REFERENCES organisations (name) ON DELETE CASCADE
);
CREATE INDEX organisation_projects_organisation ON organisation_projects (organisation);

-- Permissions as a JSON list.
CREATE TABLE custom_roles (
    name        TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    permissions TEXT NOT NULL,
    updated_at  BIGINT NOT NULL
);

-- Who has which role where. The platform is the place ''. Environments and prefixes as JSON lists, NULL for all.
CREATE TABLE bindings (
    subject_kind TEXT NOT NULL CHECK (subject_kind IN ('user', 'group')),
    subject      TEXT NOT NULL,
    place_kind   TEXT NOT NULL CHECK (place_kind IN ('platform', 'organisation', 'project')),
    place        TEXT NOT NULL,
    role         TEXT NOT NULL,
    environments TEXT,
    key_prefixes TEXT,
    given_by     TEXT NOT NULL,
    given_at     BIGINT NOT NULL,
    PRIMARY KEY (subject_kind, subject, place_kind, place)
);
CREATE INDEX bindings_place ON bindings (place_kind, place);
CREATE INDEX bindings_role ON bindings (role);

-- A session knows its newest refresh token and the one before, and who used that one.
CREATE TABLE sessions (
    id              TEXT PRIMARY KEY,
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    address         TEXT NOT NULL,
    user_agent      TEXT NOT NULL,
    device          TEXT NOT NULL,
    method          TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    used_at         BIGINT NOT NULL,
    idle_at         BIGINT NOT NULL,
    ends_at         BIGINT NOT NULL,
    newest          BLOB NOT NULL,
    previous        BLOB,
    rotated_address TEXT,
    rotated_agent   TEXT
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_idle ON sessions (idle_at);
CREATE INDEX sessions_end ON sessions (ends_at);

-- Every refresh token that a session ever had, so that a used one is known when it comes back.
CREATE TABLE refresh_tokens (
    digest     BLOB PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

CREATE TABLE second_factors (
    user_id    TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed     BLOB NOT NULL,
    confirmed  BOOLEAN NOT NULL,
    last_step  BIGINT,
    created_at BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    digest  BLOB NOT NULL,
    PRIMARY KEY (user_id, digest)
);

CREATE TABLE external_identities (
    issuer  TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX external_identities_user ON external_identities (user_id);

CREATE TABLE pending_sign_ins (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    state      BLOB NOT NULL UNIQUE,
    provider   TEXT NOT NULL,
    nonce      TEXT NOT NULL,
    verifier   TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX pending_sign_ins_expiry ON pending_sign_ins (expires_at);

-- A row of throttle_keys is what attempts on the same key wait for each other at.
CREATE TABLE throttle_keys (
    key       TEXT PRIMARY KEY,
    newest_at BIGINT NOT NULL
);
CREATE INDEX throttle_keys_newest ON throttle_keys (newest_at);

CREATE TABLE throttle_failures (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    key       TEXT NOT NULL REFERENCES throttle_keys (key) ON DELETE CASCADE,
    failed_at BIGINT NOT NULL
);
CREATE INDEX throttle_failures_key ON throttle_failures (key, failed_at);

CREATE TABLE audit (
    number         BIGINT PRIMARY KEY,
    at             BIGINT NOT NULL,
    actor          TEXT NOT NULL,
    address        TEXT NOT NULL,
    user_agent     TEXT NOT NULL,
    action         TEXT NOT NULL,
    resource       TEXT NOT NULL,
    project        TEXT,
    outcome        TEXT NOT NULL CHECK (outcome IN ('success', 'denied', 'failure')),
    request_id     TEXT NOT NULL,
    trace_id       TEXT NOT NULL,
    revision       BIGINT,
    revision_index BIGINT,
    detail         TEXT NOT NULL,
    head           BLOB NOT NULL,
    -- No change of the replicated state is written twice, whatever a projector believes.
    CONSTRAINT audit_revision UNIQUE (revision, revision_index)
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_actor ON audit (actor, number);
CREATE INDEX audit_project ON audit (project, number);

-- One row: the end of the chain, the end of what was forgotten of it, and how far the projection is.
CREATE TABLE audit_chain (
    id            BIGINT PRIMARY KEY CHECK (id = 1),
    number        BIGINT NOT NULL,
    head          BLOB NOT NULL,
    pruned_number BIGINT NOT NULL,
    pruned_head   BLOB NOT NULL,
    projected     BIGINT NOT NULL
);
INSERT INTO audit_chain (id, number, head, pruned_number, pruned_head, projected)
VALUES (1, 0, zeroblob(32), 0, zeroblob(32), 0);
