-- secrets.json of a tenant, encrypted (XChaCha20-Poly1305) under a key of its own, which is wrapped by the master key
-- that never enters the database. Nonces lead their ciphertexts.
CREATE TABLE secrets (
    tenant_id   bigint PRIMARY KEY DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    wrapped_key bytea NOT NULL,
    body        bytea NOT NULL,
    modified_at timestamptz NOT NULL DEFAULT now()
);
CALL isolate_tenant('secrets');
