-- From which networks each user has signed in: there, failures of others make nobody wait.
CREATE TABLE sign_in_networks (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    network TEXT COLLATE "C" NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, network)
);

-- An attempt whose outcome is not known yet counts as a failure, but may be waited for.
ALTER TABLE throttle_failures ADD COLUMN pending BOOLEAN NOT NULL DEFAULT FALSE;
