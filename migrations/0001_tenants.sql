-- Tenants and accounts. Not tenant tables: store/accounts.rs alone reads them, before login.
CREATE TABLE tenants (
    tenant_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    handle     text COLLATE "C" NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A SillyTavern account: the `user:<handle>` and `avatar:<handle>` records of its _storage folder.
CREATE TABLE users (
    handle     text COLLATE "C" PRIMARY KEY,
    tenant_id  bigint NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name       text NOT NULL,
    password   text NOT NULL DEFAULT '',
    salt       text NOT NULL DEFAULT '',
    admin      boolean NOT NULL DEFAULT false,
    enabled    boolean NOT NULL DEFAULT true,
    avatar     text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX users_tenant ON users (tenant_id);

-- The tenant of the current transaction; NULL outside one, so that every policy below fails closed.
CREATE FUNCTION app_tenant() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT NULLIF(current_setting('app.tenant', true), '')::bigint $$;

-- The one recipe for a tenant table: its rows exist only inside a transaction of that tenant, for the owner too.
CREATE PROCEDURE isolate_tenant(target regclass)
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY tenant_isolation ON %s USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant())',
        target);
END
$$;
