-- A card: its JSON text and its picture. The PNG is composed on read; `pristine` = `image` still is, byte for byte,
-- the file as it came in. `card` is NULL for a PNG that holds no readable card.
CREATE TABLE characters (
    tenant_id       bigint NOT NULL DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    character_id    bigint GENERATED ALWAYS AS IDENTITY,
    avatar          text COLLATE "C" NOT NULL,   -- file name, 'Seraphina.png'
    chat_folder     text COLLATE "C" NOT NULL,   -- 'chats/Seraphina'
    image           bytea NOT NULL REFERENCES blobs,
    pristine        boolean NOT NULL,
    card            bytea,
    -- Derived when the card is written: what the list routes concatenate (compat/src/card/entry.rs).
    entry           bytea,
    shallow         bytea,
    listed          boolean NOT NULL DEFAULT false,  -- shown by /all: it has a name
    has_create_date boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now(),
    modified_at     timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now(),   -- the ctime that the original shows as date_added
    deleted_at      timestamptz,
    PRIMARY KEY (tenant_id, character_id)
);
CREATE UNIQUE INDEX characters_avatar ON characters (tenant_id, avatar) WHERE deleted_at IS NULL;
CALL isolate_tenant('characters');
