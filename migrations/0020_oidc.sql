-- Who logs in by an OpenID Connect provider. The provider's name for a person never changes and never goes to another one
-- (OpenID Connect Core 1.0, section 2: `iss` with `sub`); names and addresses may. Read before anyone is known, so that
-- this is no tenant's table.
CREATE TABLE oidc_identities (
    issuer   text COLLATE "C" NOT NULL,
    subject  text COLLATE "C" NOT NULL,
    handle   text COLLATE "C" NOT NULL REFERENCES users ON DELETE CASCADE,
    made_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX oidc_identities_handle ON oidc_identities (handle);
