-- Accounts of this server. Booleans are 0 or 1, times are milliseconds since 1970.
CREATE TABLE users (
    number {serial},
    name TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    is_guest BIGINT NOT NULL DEFAULT 0,
    admin BIGINT NOT NULL DEFAULT 0,
    user_type TEXT,
    creation_ts BIGINT NOT NULL,
    deactivated BIGINT NOT NULL DEFAULT 0,
    shadow_banned BIGINT NOT NULL DEFAULT 0,
    locked BIGINT NOT NULL DEFAULT 0,
    suspended BIGINT NOT NULL DEFAULT 0,
    appservice_id TEXT
);

-- Logging in falls back to a comparison without regard to ASCII case.
CREATE INDEX users_by_folded_name ON users (lower(name));

CREATE TABLE devices (
    user_number BIGINT NOT NULL REFERENCES users (number),
    device_id TEXT NOT NULL,
    display_name TEXT,
    last_seen_ts BIGINT,
    last_seen_ip TEXT,
    last_seen_user_agent TEXT,
    hidden BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (user_number, device_id)
);

-- A token is known by its SHA-256 only; who reads this table cannot log in with it.
-- `last_validated_ts` is when its user last proved who they are.
CREATE TABLE access_tokens (
    number {serial},
    hash {blob} NOT NULL UNIQUE,
    user_number BIGINT NOT NULL REFERENCES users (number),
    device_id TEXT,
    valid_until_ms BIGINT,
    puppets_user_number BIGINT REFERENCES users (number),
    creation_ts BIGINT NOT NULL,
    last_validated_ts BIGINT,
    last_used_ts BIGINT
);

CREATE INDEX access_tokens_by_device ON access_tokens (user_number, device_id);

-- `fields` is a JSON object of the fields that have no column.
CREATE TABLE profiles (
    user_number BIGINT PRIMARY KEY REFERENCES users (number),
    displayname TEXT,
    avatar_url TEXT,
    fields TEXT
);

CREATE TABLE registration_tokens (
    token TEXT PRIMARY KEY,
    uses_allowed BIGINT,
    pending BIGINT NOT NULL DEFAULT 0,
    completed BIGINT NOT NULL DEFAULT 0,
    expiry_time BIGINT
);

-- User-interactive authentication under way: the operation it is bound to, what the server remembers (`data`, JSON).
CREATE TABLE ui_auth_sessions (
    session TEXT PRIMARY KEY,
    creation_ts BIGINT NOT NULL,
    method TEXT NOT NULL,
    uri TEXT NOT NULL,
    body TEXT NOT NULL,
    data TEXT NOT NULL
);

CREATE INDEX ui_auth_sessions_by_age ON ui_auth_sessions (creation_ts);

-- The stages a session has completed, and what each established (JSON).
CREATE TABLE ui_auth_stages (
    session TEXT NOT NULL REFERENCES ui_auth_sessions (session) ON DELETE CASCADE,
    stage TEXT NOT NULL,
    result TEXT NOT NULL,
    completed_ts BIGINT NOT NULL,
    PRIMARY KEY (session, stage)
);

-- Uploaded /sync filters. `digest` is the SHA-256 of the canonical JSON: the same filter keeps its number.
CREATE TABLE user_filters (
    user_number BIGINT NOT NULL REFERENCES users (number),
    filter_number BIGINT NOT NULL,
    digest {blob} NOT NULL,
    filter TEXT NOT NULL,
    PRIMARY KEY (user_number, filter_number),
    UNIQUE (user_number, digest)
);

-- Rate limits set for single users; 0 messages per second means no limit.
CREATE TABLE ratelimit_overrides (
    user_number BIGINT PRIMARY KEY REFERENCES users (number),
    messages_per_second BIGINT NOT NULL,
    burst_count BIGINT NOT NULL
);
