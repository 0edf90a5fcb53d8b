-- What the data maid found last, one report a user: only what it lists can be viewed and deleted with its token.
CREATE TABLE maid_reports (
    tenant_id bigint NOT NULL DEFAULT app_tenant() REFERENCES tenants ON DELETE CASCADE,
    token     text NOT NULL,
    made_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id)
);
CALL isolate_tenant('maid_reports');

CREATE TABLE maid_findings (
    tenant_id   bigint NOT NULL DEFAULT app_tenant() REFERENCES maid_reports ON DELETE CASCADE,
    id          text COLLATE "C" NOT NULL,   -- SHA-256 of handle and path, in hexadecimal
    category    text COLLATE "C" NOT NULL,   -- the report's key: images, chats …
    folder      text COLLATE "C" NOT NULL,   -- below the user's root
    name        text COLLATE "C" NOT NULL,
    size        bigint NOT NULL,             -- as reported, like the time: what changed since is not deleted
    modified_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CALL isolate_tenant('maid_findings');
