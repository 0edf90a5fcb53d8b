-- Tokens with which programs act as an account. Not a tenant table: store/tokens.rs alone reads it, before anyone is known.
CREATE TABLE service_tokens (
    hash       bytea PRIMARY KEY,            -- BLAKE3 of the token, which only the program has
    handle     text COLLATE "C" NOT NULL REFERENCES users ON DELETE CASCADE,
    name       text NOT NULL,                -- what its owner calls it
    scopes     text[] NOT NULL,              -- read | write | generate | admin
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz                   -- to the minute
);
CREATE INDEX service_tokens_handle ON service_tokens (handle, created_at);
