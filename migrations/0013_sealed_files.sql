-- Other files that hold keys in plain text (copies that were made of secrets.json, the session secret of an installation
-- that was imported), sealed as secrets.json is. `path` is below the user's root.
CREATE TABLE sealed_files (
    tenant_id   bigint NOT NULL DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    path        text COLLATE "C" NOT NULL,
    wrapped_key bytea NOT NULL,
    body        bytea NOT NULL,
    modified_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, path)
);
CALL isolate_tenant('sealed_files');
