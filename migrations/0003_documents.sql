-- Settings, worlds, groups, presets, themes and the like: `body` is the bytes the original would have on disk.
-- `name` is the file name with its extension; `kind` its folder (see compat/src/layout.rs).
CREATE TABLE documents (
    tenant_id   bigint NOT NULL DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    document_id bigint GENERATED ALWAYS AS IDENTITY,
    kind        text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    body        bytea NOT NULL,
    valid       boolean NOT NULL,            -- body parses as JSON
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    modified_at timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz,
    PRIMARY KEY (tenant_id, document_id)
);
CREATE UNIQUE INDEX documents_name ON documents (tenant_id, kind, name) WHERE deleted_at IS NULL;
CALL isolate_tenant('documents');
