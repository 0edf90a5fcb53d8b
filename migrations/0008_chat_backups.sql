-- Copies of chats that the frontend can list and restore: names for revisions, no bytes. A row belongs to its revision
-- and not to its chat's name, so it outlives renaming and deleting the chat, and its revision is never thinned.
CREATE TABLE chat_backups (
    tenant_id bigint NOT NULL DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    name      text COLLATE "C" NOT NULL,     -- 'chat_<key>_<YYYYMMDD-HHMMSS>.jsonl'
    key       text COLLATE "C" NOT NULL,     -- what retention counts by: the character's or group chat's name, made plain
    owner     bytea NOT NULL,                -- SHA-256 of that name as it is: what saves are throttled by
    chat_id   bigint NOT NULL,
    revision  integer NOT NULL,
    taken_at  timestamptz NOT NULL,          -- the original's mtime; in the future: still to be taken, shown to nobody
    saved_at  timestamptz NOT NULL,          -- of the revision; in the future: the clock was set back
    byte_size bigint NOT NULL,
    summary   bytea NOT NULL,                -- as chats.summary
    PRIMARY KEY (tenant_id, name),
    -- Checked at the end of a transaction: a tenant that is removed takes its chats and backups along in any order.
    FOREIGN KEY (tenant_id, chat_id, revision) REFERENCES revisions DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX chat_backups_owner ON chat_backups (tenant_id, owner, taken_at);
CREATE INDEX chat_backups_revision ON chat_backups (tenant_id, chat_id, revision);
CALL isolate_tenant('chat_backups');

-- Derived: what lists show of backups that came as files, by their content. Thrown away at will.
CREATE TABLE chat_file_summaries (
    tenant_id bigint NOT NULL DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    hash      bytea NOT NULL,                -- of the file; it may be gone by now
    summary   bytea NOT NULL,                -- as chats.summary
    PRIMARY KEY (tenant_id, hash)
);
CALL isolate_tenant('chat_file_summaries');
