-- When each API key was last used. The project is empty for keys of the platform.
CREATE TABLE api_key_uses (
    project TEXT NOT NULL,
    key_id TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (project, key_id)
);

CREATE INDEX api_key_uses_by_time ON api_key_uses (used_at);
