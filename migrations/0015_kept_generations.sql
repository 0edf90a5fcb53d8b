-- Which files among a user's backups are answers that came after the browser had gone, and until when they are kept.
-- A file that was replaced since has another hash, and is none of these.
CREATE TABLE kept_generations (
    tenant_id  bigint NOT NULL DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    name       text COLLATE "C" NOT NULL,    -- of the file in the folder 'backups'
    hash       bytea NOT NULL,               -- of its content, as files.hash
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);
CALL isolate_tenant('kept_generations');
