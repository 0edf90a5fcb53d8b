-- An account's epoch changes whenever everything that was promised to its sessions ends: its password, its role, whether
-- it may log in, and an account that takes the name of a deleted one. Never the same number twice.
CREATE SEQUENCE account_epochs;
ALTER TABLE users ADD COLUMN epoch bigint NOT NULL DEFAULT nextval('account_epochs');

-- Who is logged in. Not a tenant table: store/sessions.rs alone reads it, before anyone is known.
CREATE TABLE sessions (
    hash       bytea PRIMARY KEY,            -- BLAKE3 of the id, which only the browser's cookie has
    handle     text COLLATE "C" NOT NULL REFERENCES users ON DELETE CASCADE,
    epoch      bigint NOT NULL,              -- of the account at the login; another one now: the session is worth nothing
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    client     text NOT NULL,                -- the address at the login
    agent      text NOT NULL                 -- the browser's description of itself at the login
);
CREATE INDEX sessions_handle ON sessions (handle, created_at);
CREATE INDEX sessions_expires ON sessions (expires_at);

-- Six digits that were shown to the operator, for recovering a password and for resetting an account.
CREATE TABLE account_codes (
    handle     text COLLATE "C" NOT NULL REFERENCES users ON DELETE CASCADE,
    purpose    text NOT NULL,                -- recover | reset
    hash       bytea NOT NULL,               -- keyed: six digits are soon tried out
    failures   integer NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (handle, purpose)
);
