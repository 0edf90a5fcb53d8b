-- What an administrator allows an account to hold and to ask for. NULL: what the environment says; -1: as much as it likes.
ALTER TABLE tenants
    ADD COLUMN quota_bytes      bigint,
    ADD COLUMN quota_characters bigint,
    ADD COLUMN quota_upstream   bigint;      -- requests to providers a day

-- Bytes of all lines that a chat's versions hold. Lines from before this column are not in it.
ALTER TABLE chats ADD COLUMN stored_bytes bigint NOT NULL DEFAULT 0;

-- What a tenant holds, counted along with its writes. Only tenants that have ever been under a quota have a row: the others
-- are summed up when somebody asks.
CREATE TABLE tenant_usage (
    tenant_id  bigint PRIMARY KEY DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    bytes      bigint NOT NULL,
    characters bigint NOT NULL
);
CALL isolate_tenant('tenant_usage');

-- Requests to providers, of tenants that may send only so many; by the day in UTC, the newest one only.
CREATE TABLE upstream_days (
    tenant_id bigint PRIMARY KEY DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    day       date NOT NULL,
    requests  bigint NOT NULL
);
CALL isolate_tenant('upstream_days');

-- What counts: files by their size, documents by their text, a card by its picture and its text, a chat by the lines of all
-- its versions. What is marked deleted does not count. Neither do thumbnails, backups of chats (they are names) and secrets.
CREATE FUNCTION measured_usage(OUT bytes bigint, OUT characters bigint)
    LANGUAGE sql STABLE
    AS $$
    SELECT ((SELECT coalesce(sum(size), 0) FROM files WHERE tenant_id = app_tenant())
            + (SELECT coalesce(sum(octet_length(body)), 0) FROM documents
               WHERE tenant_id = app_tenant() AND deleted_at IS NULL)
            + (SELECT coalesce(sum(b.size + coalesce(octet_length(c.card), 0)), 0)
               FROM characters c JOIN blobs b ON b.hash = c.image
               WHERE c.tenant_id = app_tenant() AND c.deleted_at IS NULL)
            + (SELECT coalesce(sum(greatest(byte_size, stored_bytes)), 0) FROM chats
               WHERE tenant_id = app_tenant() AND deleted_at IS NULL))::bigint,
           (SELECT count(*) FROM characters WHERE tenant_id = app_tenant() AND deleted_at IS NULL)
    $$;

-- Every change of a row adds to two settings of the transaction, and the first deferred trigger at its end settles the sum:
-- the counter's row is locked last and for the moment of the commit only, so that no save waits for another one, and what
-- is judged is the outcome of the whole transaction.
CREATE FUNCTION grow_usage(by_bytes bigint, by_characters bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF by_bytes <> 0 THEN
        PERFORM set_config('app.grown_bytes',
            (coalesce(nullif(current_setting('app.grown_bytes', true), '')::bigint, 0) + by_bytes)::text, true);
    END IF;
    IF by_characters <> 0 THEN
        PERFORM set_config('app.grown_characters',
            (coalesce(nullif(current_setting('app.grown_characters', true), '')::bigint, 0) + by_characters)::text, true);
    END IF;
END
$$;

CREATE FUNCTION weigh_file() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    weight bigint := 0;
BEGIN
    IF TG_OP <> 'INSERT' THEN weight := weight - OLD.size; END IF;
    IF TG_OP <> 'DELETE' THEN weight := weight + NEW.size; END IF;
    PERFORM grow_usage(weight, 0);
    RETURN NULL;
END
$$;

CREATE FUNCTION weigh_document() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    weight bigint := 0;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        IF OLD.deleted_at IS NULL THEN weight := weight - octet_length(OLD.body); END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        IF NEW.deleted_at IS NULL THEN weight := weight + octet_length(NEW.body); END IF;
    END IF;
    PERFORM grow_usage(weight, 0);
    RETURN NULL;
END
$$;

CREATE FUNCTION weigh_character() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    weight bigint := 0;
    number bigint := 0;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        IF OLD.deleted_at IS NULL THEN
            weight := weight - (SELECT size FROM blobs WHERE hash = OLD.image) - coalesce(octet_length(OLD.card), 0);
            number := number - 1;
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        IF NEW.deleted_at IS NULL THEN
            weight := weight + (SELECT size FROM blobs WHERE hash = NEW.image) + coalesce(octet_length(NEW.card), 0);
            number := number + 1;
        END IF;
    END IF;
    PERFORM grow_usage(weight, number);
    RETURN NULL;
END
$$;

CREATE FUNCTION weigh_chat() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    weight bigint := 0;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        IF OLD.deleted_at IS NULL THEN weight := weight - greatest(OLD.byte_size, OLD.stored_bytes); END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        IF NEW.deleted_at IS NULL THEN weight := weight + greatest(NEW.byte_size, NEW.stored_bytes); END IF;
    END IF;
    PERFORM grow_usage(weight, 0);
    RETURN NULL;
END
$$;

-- `app.quotas` is what the environment says, as '<bytes> <characters>', -1 for none; a transaction without it (the importer's,
-- default content) is counted and never refused. Nor is one that makes things smaller.
CREATE FUNCTION settle_usage() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    grown  bigint := coalesce(nullif(current_setting('app.grown_bytes', true), '')::bigint, 0);
    added  bigint := coalesce(nullif(current_setting('app.grown_characters', true), '')::bigint, 0);
    quotas text := nullif(current_setting('app.quotas', true), '');
    used   tenant_usage;
    most   record;
BEGIN
    IF grown = 0 AND added = 0 THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('app.grown_bytes', '', true), set_config('app.grown_characters', '', true);
    -- Whoever makes the counter's row (store/quotas.rs) waits for this transaction, or this one for the row.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('usage', app_tenant()));
    UPDATE tenant_usage SET bytes = bytes + grown, characters = characters + added
    WHERE tenant_id = app_tenant() RETURNING * INTO used;
    IF NOT FOUND OR quotas IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(quota_bytes, split_part(quotas, ' ', 1)::bigint) AS bytes,
           coalesce(quota_characters, split_part(quotas, ' ', 2)::bigint) AS characters
    INTO most FROM tenants WHERE tenant_id = app_tenant();
    IF added > 0 AND most.characters >= 0 AND used.characters > most.characters THEN
        RAISE EXCEPTION USING ERRCODE = 'QU403', MESSAGE =
            format('The quota of %s characters is used up. Nothing was changed.', most.characters);
    END IF;
    IF grown > 0 AND most.bytes >= 0 AND used.bytes > most.bytes THEN
        RAISE EXCEPTION USING ERRCODE = 'QU507', MESSAGE =
            format('The storage quota is used up: %s of %s bytes would be stored. Nothing was changed.',
                   used.bytes, most.bytes);
    END IF;
    RETURN NULL;
END
$$;

CREATE PROCEDURE meter(target regclass, weigh regproc)
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- Outside a tenant's transaction a tenant goes as a whole, and its counter with it.
    EXECUTE format('CREATE TRIGGER usage_weighed AFTER INSERT OR UPDATE OR DELETE ON %s
                    FOR EACH ROW WHEN (app_tenant() IS NOT NULL) EXECUTE FUNCTION %s()', target, weigh);
    EXECUTE format('CREATE CONSTRAINT TRIGGER usage_settled AFTER INSERT OR UPDATE OR DELETE ON %s
                    DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW WHEN (app_tenant() IS NOT NULL) EXECUTE FUNCTION settle_usage()', target);
END
$$;
CALL meter('files', 'weigh_file');
CALL meter('documents', 'weigh_document');
CALL meter('characters', 'weigh_character');
CALL meter('chats', 'weigh_chat');

-- What the administrator allows everybody; NULL allows all. One row.
CREATE TABLE policy (
    singleton    boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    chat_sources text[],                     -- values of `chat_completion_source`
    text_sources text[],                     -- values of `api_type`, and 'kobold', 'koboldhorde', 'novel'
    hosts        text[],                     -- that requests may go to: 'a.example', 'a.example:8080', '*.example'
    -- Which of the secrets of the tenant _system are lent to whoever has none of that name.
    shared_keys  text[] NOT NULL DEFAULT '{}',
    changed_at   timestamptz NOT NULL DEFAULT now()
);
INSERT INTO policy DEFAULT VALUES;
