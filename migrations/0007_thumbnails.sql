-- Small versions of pictures, made when first asked for and thrown away at will. A row counts only while `source` is
-- the content of the picture it was made from and `form` the size and format in force, so a stale one is never served.
CREATE TABLE thumbnails (
    tenant_id  bigint NOT NULL DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    kind       text COLLATE "C" NOT NULL,    -- bg | avatar | persona
    name       text COLLATE "C" NOT NULL,    -- file name of the picture
    source     bytea NOT NULL,               -- hash of the picture; it may be gone by now
    form       text NOT NULL,                -- '160x90 jpeg 95'
    image      bytea NOT NULL REFERENCES blobs,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, kind, name)
);
CALL isolate_tenant('thumbnails');
