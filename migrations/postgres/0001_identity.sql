-- People, what they may do, their sessions, and the audit. Times are milliseconds since 1970 (UTC), digests
-- SHA-256; names sort by their bytes (COLLATE "C"), whatever the database holds for the order of a language.

CREATE TABLE users (
    id                     TEXT COLLATE "C" PRIMARY KEY,
    email                  TEXT COLLATE "C" NOT NULL CONSTRAINT users_email UNIQUE,
    name                   TEXT COLLATE "C" NOT NULL,
    password               TEXT COLLATE "C",
    active                 BOOLEAN NOT NULL,
    second_factor_required BOOLEAN NOT NULL,
    created_at             BIGINT NOT NULL,
    updated_at             BIGINT NOT NULL
);

-- An invitation without a role has the place kind ''.
CREATE TABLE invitations (
    token      BYTEA PRIMARY KEY,
    email      TEXT COLLATE "C" NOT NULL,
    role       TEXT COLLATE "C",
    place_kind TEXT COLLATE "C" NOT NULL,
    place      TEXT COLLATE "C" NOT NULL,
    invited_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT invitations_place UNIQUE (email, place_kind, place)
);

-- Whose epoch the replicated state must still raise.
CREATE TABLE epoch_outbox (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL
);

CREATE TABLE user_groups (
    name       TEXT COLLATE "C" PRIMARY KEY,
    label      TEXT COLLATE "C" NOT NULL,
    parent     TEXT COLLATE "C" REFERENCES user_groups (name) ON DELETE SET NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX user_groups_parent ON user_groups (parent);

CREATE TABLE group_people (
    group_name TEXT COLLATE "C" NOT NULL REFERENCES user_groups (name) ON DELETE CASCADE,
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_name, user_id)
);
CREATE INDEX group_people_user ON group_people (user_id);

CREATE TABLE organisations (
    name                   TEXT COLLATE "C" PRIMARY KEY,
    label                  TEXT COLLATE "C" NOT NULL,
    second_factor_required BOOLEAN NOT NULL,
    created_at             BIGINT NOT NULL
);

CREATE TABLE organisation_projects (
    project      TEXT COLLATE "C" PRIMARY KEY,
    organisation TEXT COLLATE "C" NOT NULL REFERENCES organisations (name) ON DELETE CASCADE
);
CREATE INDEX organisation_projects_organisation ON organisation_projects (organisation);

-- Permissions as a JSON list.
CREATE TABLE custom_roles (
    name        TEXT COLLATE "C" PRIMARY KEY,
    description TEXT COLLATE "C" NOT NULL,
    permissions TEXT COLLATE "C" NOT NULL,
    updated_at  BIGINT NOT NULL
);

-- Who has which role where. The platform is the place ''. Environments and prefixes as JSON lists, NULL for all.
CREATE TABLE bindings (
    subject_kind TEXT COLLATE "C" NOT NULL CHECK (subject_kind IN ('user', 'group')),
    subject      TEXT COLLATE "C" NOT NULL,
    place_kind   TEXT COLLATE "C" NOT NULL CHECK (place_kind IN ('platform', 'organisation', 'project')),
    place        TEXT COLLATE "C" NOT NULL,
    role         TEXT COLLATE "C" NOT NULL,
    environments TEXT COLLATE "C",
    key_prefixes TEXT COLLATE "C",
    given_by     TEXT COLLATE "C" NOT NULL,
    given_at     BIGINT NOT NULL,
    PRIMARY KEY (subject_kind, subject, place_kind, place)
);
CREATE INDEX bindings_place ON bindings (place_kind, place);
CREATE INDEX bindings_role ON bindings (role);

-- A session knows its newest refresh token and the one before, and who used that one.
CREATE TABLE sessions (
    id              TEXT COLLATE "C" PRIMARY KEY,
    user_id         TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    address         TEXT COLLATE "C" NOT NULL,
    user_agent      TEXT COLLATE "C" NOT NULL,
    device          TEXT COLLATE "C" NOT NULL,
    method          TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    used_at         BIGINT NOT NULL,
    idle_at         BIGINT NOT NULL,
    ends_at         BIGINT NOT NULL,
    newest          BYTEA NOT NULL,
    previous        BYTEA,
    rotated_address TEXT COLLATE "C",
    rotated_agent   TEXT COLLATE "C"
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_idle ON sessions (idle_at);
CREATE INDEX sessions_end ON sessions (ends_at);

-- Every refresh token that a session ever had, so that a used one is known when it comes back.
CREATE TABLE refresh_tokens (
    digest     BYTEA PRIMARY KEY,
    session_id TEXT COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

CREATE TABLE second_factors (
    user_id    TEXT COLLATE "C" PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed     BYTEA NOT NULL,
    confirmed  BOOLEAN NOT NULL,
    last_step  BIGINT,
    created_at BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    digest  BYTEA NOT NULL,
    PRIMARY KEY (user_id, digest)
);

CREATE TABLE external_identities (
    issuer  TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX external_identities_user ON external_identities (user_id);

CREATE TABLE pending_sign_ins (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state      BYTEA NOT NULL UNIQUE,
    provider   TEXT COLLATE "C" NOT NULL,
    nonce      TEXT COLLATE "C" NOT NULL,
    verifier   TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX pending_sign_ins_expiry ON pending_sign_ins (expires_at);

-- A row of throttle_keys is what attempts on the same key wait for each other at.
CREATE TABLE throttle_keys (
    key       TEXT COLLATE "C" PRIMARY KEY,
    newest_at BIGINT NOT NULL
);
CREATE INDEX throttle_keys_newest ON throttle_keys (newest_at);

CREATE TABLE throttle_failures (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key       TEXT COLLATE "C" NOT NULL REFERENCES throttle_keys (key) ON DELETE CASCADE,
    failed_at BIGINT NOT NULL
);
CREATE INDEX throttle_failures_key ON throttle_failures (key, failed_at);

CREATE TABLE audit (
    number         BIGINT PRIMARY KEY,
    at             BIGINT NOT NULL,
    actor          TEXT COLLATE "C" NOT NULL,
    address        TEXT COLLATE "C" NOT NULL,
    user_agent     TEXT COLLATE "C" NOT NULL,
    action         TEXT COLLATE "C" NOT NULL,
    resource       TEXT COLLATE "C" NOT NULL,
    project        TEXT COLLATE "C",
    outcome        TEXT COLLATE "C" NOT NULL CHECK (outcome IN ('success', 'denied', 'failure')),
    request_id     TEXT COLLATE "C" NOT NULL,
    trace_id       TEXT COLLATE "C" NOT NULL,
    revision       BIGINT,
    revision_index BIGINT,
    detail         TEXT COLLATE "C" NOT NULL,
    head           BYTEA NOT NULL,
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
    head          BYTEA NOT NULL,
    pruned_number BIGINT NOT NULL,
    pruned_head   BYTEA NOT NULL,
    projected     BIGINT NOT NULL
);
INSERT INTO audit_chain (id, number, head, pruned_number, pruned_head, projected)
VALUES (1, 0, decode(repeat('00', 32), 'hex'), 0, decode(repeat('00', 32), 'hex'), 0);
