-- What the importer did, so that it can go on after an interruption, prove what it did, and take it back.
-- Runs are the operator's: no tenant table, and no user data but the source's path and the accounts' handles.
CREATE TABLE import_runs (
    run_id         uuid PRIMARY KEY,
    source         text NOT NULL,            -- canonical path on the machine that ran it
    options        text NOT NULL,            -- what decides the outcome, as JSON: only the same options go on with a run
    version        text NOT NULL,            -- of the importer
    started_at     timestamptz NOT NULL DEFAULT now(),
    finished_at    timestamptz,              -- NULL: running, or interrupted
    rolled_back_at timestamptz
);

-- The accounts of a run, and what they were before.
CREATE TABLE import_accounts (
    run_id   uuid NOT NULL REFERENCES import_runs ON DELETE CASCADE,
    handle   text COLLATE "C" NOT NULL,
    made     boolean NOT NULL,               -- there was no such account
    previous text,                           -- the account that the run replaced, as JSON; NULL: it replaced none
    PRIMARY KEY (run_id, handle)
);

-- The ledger: what became of every file of a run.
CREATE TABLE import_files (
    tenant_id   bigint NOT NULL DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    run_id      uuid NOT NULL REFERENCES import_runs ON DELETE CASCADE,
    path        text COLLATE "C" NOT NULL,   -- below the user's root, as stored; a folder ends in '/'
    source_path text NOT NULL,               -- as the source has it, for people
    kind        text NOT NULL,
    size        bigint NOT NULL,
    modified_at timestamptz,
    hash        bytea,                       -- BLAKE3 of the bytes that were taken
    outcome     text NOT NULL,               -- imported | unchanged | skipped | refused | rejected
    reason      text,
    action      text,                        -- created | replaced; NULL: the run did not write it
    -- What lay there before: where the run replaced it, its bytes (sealed for secrets) and time.
    previous             bytea REFERENCES blobs,
    previous_revision    integer,            -- of a chat instead of `previous`: its revisions are all there
    previous_modified_at timestamptz,
    -- The bytes of a file that was rejected, where they could be read.
    rejected    bytea REFERENCES blobs,
    PRIMARY KEY (tenant_id, run_id, path)
);
CALL isolate_tenant('import_files');
