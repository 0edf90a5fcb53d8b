-- A chat is a list of lines, kept like git keeps trees: lines are content addressed per chat and written once, a
-- revision is the list of their ids. An append writes one line and one id list.
CREATE TABLE chats (
    tenant_id       bigint NOT NULL DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    chat_id         bigint GENERATED ALWAYS AS IDENTITY,
    folder          text COLLATE "C" NOT NULL,   -- 'chats/Seraphina', 'group chats', 'chats'
    file_name       text COLLATE "C" NOT NULL,   -- 'x.jsonl'
    head            integer NOT NULL,
    next_message_id integer NOT NULL DEFAULT 0,
    byte_size       bigint NOT NULL,
    -- Derived for lists: chat_items, and the last line's `mes` and `send_date` as JSON text (compat/src/chat/info.rs).
    summary         bytea NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    modified_at     timestamptz NOT NULL DEFAULT now(),
    deleted_at      timestamptz,
    PRIMARY KEY (tenant_id, chat_id)
);
CREATE UNIQUE INDEX chats_name ON chats (tenant_id, folder, file_name) WHERE deleted_at IS NULL;
CREATE INDEX chats_modified ON chats (tenant_id, modified_at DESC) WHERE deleted_at IS NULL;
CALL isolate_tenant('chats');

CREATE TABLE messages (
    tenant_id  bigint NOT NULL DEFAULT app_tenant(),
    chat_id    bigint NOT NULL,
    message_id integer NOT NULL,             -- counts within its chat
    hash       bytea NOT NULL,               -- BLAKE3 of body
    body       bytea NOT NULL,               -- the line without its line feed, whatever its bytes
    kept       boolean NOT NULL,             -- parses to a truthy JSON value: chats/get returns it
    live       boolean NOT NULL DEFAULT true, -- part of the head revision
    search     text COLLATE "C",             -- lower-cased `mes`; NULL for a line without one
    PRIMARY KEY (tenant_id, chat_id, message_id),
    FOREIGN KEY (tenant_id, chat_id) REFERENCES chats ON DELETE CASCADE
);
CREATE UNIQUE INDEX messages_hash ON messages (tenant_id, chat_id, hash);
CALL isolate_tenant('messages');

CREATE TABLE revisions (
    tenant_id   bigint NOT NULL DEFAULT app_tenant(),
    chat_id     bigint NOT NULL,
    revision    integer NOT NULL,
    parent      integer,
    saved_at    timestamptz NOT NULL DEFAULT now(),
    cause       text NOT NULL,               -- save | import | rename | restore
    name        text,                        -- a named revision is never thinned
    message_ids integer[] NOT NULL,
    byte_size   bigint NOT NULL,
    PRIMARY KEY (tenant_id, chat_id, revision),
    FOREIGN KEY (tenant_id, chat_id) REFERENCES chats ON DELETE CASCADE
);
CALL isolate_tenant('revisions');
