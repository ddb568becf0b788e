-- What modules, single sign-on and addresses add to accounts. Times are milliseconds since 1970.

-- Whom an identity provider's ID of a user stands for.
CREATE TABLE user_external_ids (
    auth_provider TEXT NOT NULL,
    external_id TEXT NOT NULL,
    user_number BIGINT NOT NULL REFERENCES users (number),
    PRIMARY KEY (auth_provider, external_id)
);

CREATE INDEX user_external_ids_by_user ON user_external_ids (user_number);

-- Tokens for m.login.token, known by their SHA-256, good once.
CREATE TABLE login_tokens (
    hash {blob} PRIMARY KEY,
    user_number BIGINT NOT NULL REFERENCES users (number),
    expiry_ts BIGINT NOT NULL,
    auth_provider_id TEXT,
    auth_provider_session_id TEXT
);

CREATE INDEX login_tokens_by_expiry ON login_tokens (expiry_ts);
CREATE INDEX login_tokens_by_user ON login_tokens (user_number);

-- Addresses that users have shown to own, such as email. An address belongs to one user.
CREATE TABLE user_threepids (
    medium TEXT NOT NULL,
    address TEXT NOT NULL,
    user_number BIGINT NOT NULL REFERENCES users (number),
    validated_at BIGINT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (medium, address)
);

CREATE INDEX user_threepids_by_user ON user_threepids (user_number);

-- Accounts that were deactivated and whose users have not left all their rooms yet.
CREATE TABLE users_pending_deactivation (
    user_number BIGINT PRIMARY KEY REFERENCES users (number)
);

-- What a token's text follows from, with a key that is not in the database, for modules that are told of its end
-- (`on_logged_out`); only tokens made while such a module was loaded have it.
ALTER TABLE access_tokens ADD COLUMN seed {blob};

-- Whether the user asked to be forgotten when the account was deactivated.
ALTER TABLE users ADD COLUMN erased BIGINT NOT NULL DEFAULT 0;
