-- Who did what, and what came of it: written in the transaction of the act where there is one. No tenant table: it outlives
-- the accounts it tells of, and only administrators read it (store/audit.rs). Never a secret's value.
CREATE TABLE audit_log (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    tenant   text COLLATE "C" NOT NULL,      -- handle of the account concerned; '' for the whole installation
    actor    text COLLATE "C" NOT NULL,      -- handle of who did it, or the name of a program; '' for nobody known
    act      text COLLATE "C" NOT NULL,      -- 'login', 'secret.write' …: docs/OPERATIONS.md lists them
    subject  text COLLATE "C" NOT NULL,      -- what it was done to
    address  text NOT NULL,
    agent    text NOT NULL,                  -- what the browser calls itself
    outcome  text COLLATE "C" NOT NULL       -- 'done', or why it was not
);
CREATE INDEX audit_log_tenant ON audit_log (tenant, entry_id);
CREATE INDEX audit_log_act ON audit_log (act, entry_id);
CREATE INDEX audit_log_at ON audit_log (at);

-- The server's role owns its tables, so that grants would not bind it: a trigger does. Entries are added and never changed;
-- retention removes them when they are older than a day, and nothing removes younger ones.
CREATE FUNCTION keep_audit_log() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.at < now() - interval '1 day' THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is only added to';
END
$$;
CREATE TRIGGER audit_log_kept BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION keep_audit_log();
CREATE TRIGGER audit_log_kept_whole BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION keep_audit_log();
