-- Bytes at rest, content addressed (BLAKE3) and shared by all tenants: default content costs a new tenant nothing.
-- Reached only through a tenant's own rows, which hold the hash.
CREATE TABLE blobs (
    hash bytea PRIMARY KEY,
    size bigint NOT NULL
);

-- At most 1 MiB a chunk, so that files of any size stream in and out in bounded memory.
CREATE TABLE blob_chunks (
    hash  bytea NOT NULL REFERENCES blobs ON DELETE CASCADE,
    seq   integer NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (hash, seq)
);
ALTER TABLE blob_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Every file of a user's folder that is not a document, character, chat or secret. `folder` is the path below the
-- user's root without a trailing slash ('' = the root), `name` the last segment.
CREATE TABLE files (
    tenant_id   bigint NOT NULL DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    folder      text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    hash        bytea NOT NULL REFERENCES blobs,
    size        bigint NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    modified_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, folder, name)
);
CALL isolate_tenant('files');

-- Folders that exist though no row lies in them (an empty chats folder is not the same as none).
CREATE TABLE folders (
    tenant_id  bigint NOT NULL DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    path       text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, path)
);
CALL isolate_tenant('folders');
