-- Vector indexes: one row for each `index.json` of the original's `vectors/<source>/<collection>[/<model>]`.
CREATE TABLE vector_indexes (
    tenant_id   bigint NOT NULL DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    folder      text COLLATE "C" NOT NULL,   -- below the user's root, without a trailing slash
    index_id    bigint GENERATED ALWAYS AS IDENTITY,
    next_seq    bigint NOT NULL,             -- of the next item; whoever adds items holds this row
    items       bigint NOT NULL,
    byte_size   bigint NOT NULL,             -- of the items as JSON, which is what a quota counts
    created_at  timestamptz NOT NULL,
    modified_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, folder),
    UNIQUE (tenant_id, index_id)
);
CALL isolate_tenant('vector_indexes');

-- The items of an index, in the order in which they were added.
CREATE TABLE vector_items (
    tenant_id bigint NOT NULL DEFAULT app_tenant(),
    index_id  bigint NOT NULL,
    seq       bigint NOT NULL,
    id        bytea NOT NULL,                -- JSON, as is the next
    metadata  bytea NOT NULL,
    hash      double precision,              -- of the metadata, where it is a number
    norm      double precision NOT NULL,
    width     smallint NOT NULL CHECK (width IN (4, 8)),
    vector    bytea NOT NULL,                -- little-endian floats of so many bytes, which lose nothing
    byte_size bigint NOT NULL,               -- of the item as JSON
    PRIMARY KEY (tenant_id, index_id, seq),
    FOREIGN KEY (tenant_id, index_id) REFERENCES vector_indexes (tenant_id, index_id) ON DELETE CASCADE
);
CALL isolate_tenant('vector_items');

-- A query reads every vector of its index. They do not compress, and in the row itself a page brings them.
ALTER TABLE vector_items ALTER COLUMN vector SET STORAGE EXTERNAL;
ALTER TABLE vector_items SET (toast_tuple_target = 8160);

CREATE OR REPLACE FUNCTION measured_usage(OUT bytes bigint, OUT characters bigint)
    LANGUAGE sql STABLE
    AS $$
    SELECT ((SELECT coalesce(sum(size), 0) FROM files WHERE tenant_id = app_tenant())
            + (SELECT coalesce(sum(octet_length(body)), 0) FROM documents
               WHERE tenant_id = app_tenant() AND deleted_at IS NULL)
            + (SELECT coalesce(sum(b.size + coalesce(octet_length(c.card), 0)), 0)
               FROM characters c JOIN blobs b ON b.hash = c.image
               WHERE c.tenant_id = app_tenant() AND c.deleted_at IS NULL)
            + (SELECT coalesce(sum(greatest(byte_size, stored_bytes)), 0) FROM chats
               WHERE tenant_id = app_tenant() AND deleted_at IS NULL)
            + (SELECT coalesce(sum(byte_size), 0) FROM vector_indexes WHERE tenant_id = app_tenant()))::bigint,
           (SELECT count(*) FROM characters WHERE tenant_id = app_tenant() AND deleted_at IS NULL)
    $$;

CREATE FUNCTION weigh_vectors() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    weight bigint := 0;
BEGIN
    IF TG_OP <> 'INSERT' THEN weight := weight - OLD.byte_size; END IF;
    IF TG_OP <> 'DELETE' THEN weight := weight + NEW.byte_size; END IF;
    PERFORM grow_usage(weight, 0);
    RETURN NULL;
END
$$;
CALL meter('vector_indexes', 'weigh_vectors');
