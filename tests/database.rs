//! The second wall, asked directly: what the database itself enforces.

use sqlx::{ConnectOptions, Row};
use squaretable::app::DEFAULT_USER;

use crate::harness::Server;

/// Every table with a `tenant_id` forces row-level security, but for the two that are read before anyone is known.
#[tokio::test]
async fn every_tenant_table_forces_row_level_security() {
    let server = Server::start().await;
    let mut conn = server.database.connect().await.expect("the database answers");
    let sql = "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity
               FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
               WHERE a.attname = 'tenant_id' AND c.relkind = 'r' AND c.relname NOT IN ('tenants', 'users')";
    let tables = sqlx::query(sql)
        .fetch_all(&mut conn)
        .await
        .expect("the catalogue can be read");
    assert!(
        tables.len() >= 8,
        "only {} tenant tables were found",
        tables.len()
    );
    for table in tables {
        assert!(
            table.get::<bool, _>(1),
            "{} does not force row-level security",
            table.get::<String, _>(0)
        );
    }
}

/// In every index of a tenant table `tenant_id` leads, so that the schema can be split by tenant.
#[tokio::test]
async fn every_index_of_a_tenant_table_leads_with_the_tenant() {
    let server = Server::start().await;
    let mut conn = server.database.connect().await.expect("the database answers");
    let sql = "SELECT i.indexrelid::regclass::text FROM pg_index i
               JOIN pg_class c ON c.oid = i.indrelid AND c.relrowsecurity
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
               WHERE a.attname <> 'tenant_id'";
    let odd: Vec<String> = sqlx::query_scalar(sql)
        .fetch_all(&mut conn)
        .await
        .expect("the catalogue can be read");
    assert!(odd.is_empty(), "{odd:?}");
}

/// The server's own role is bound by the policies: it is no superuser, and outside a tenant's transaction there is
/// nothing to see.
#[tokio::test]
async fn the_servers_role_sees_nothing_outside_a_tenant() {
    let server = Server::start().await;
    server
        .client()
        .await
        .post("/api/themes/save", serde_json::json!({ "name": "x" }))
        .await
        .expect(200);
    let mut conn = server.database.connect().await.expect("the database answers");
    let sql = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
    let privileged: bool = sqlx::query_scalar(sql)
        .fetch_one(&mut conn)
        .await
        .expect("the role exists");
    assert!(!privileged);
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM documents")
        .fetch_one(&mut conn)
        .await
        .expect("a count");
    assert_eq!(seen, 0);
}

/// What the store's statements would do without their `WHERE tenant_id`, as another tenant: see, change and remove nothing
/// of the first one's, and add nothing to it, in any table.
#[tokio::test]
async fn a_statement_without_its_tenant_reaches_nobody_elses_rows() {
    let server = Server::start().await;
    crate::canary::fill(&server.client().await).await;
    server
        .client()
        .await
        .post("/api/data-maid/report", serde_json::json!({}))
        .await
        .expect(200);
    server.tenant("stranger", false).await;
    let mut owner = server.sql().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         WHERE a.attname = 'tenant_id' AND c.relkind = 'r' AND c.relrowsecurity ORDER BY 1",
    )
    .fetch_all(&mut owner)
    .await
    .expect("the catalogue can be read");
    let mut stranger = server.database.connect().await.expect("the database answers");
    let become_stranger =
        "SELECT set_config('app.tenant', tenant_id::text, false) FROM tenants WHERE handle = 'stranger'";
    sqlx::query(become_stranger)
        .execute(&mut stranger)
        .await
        .expect("the tenant exists");
    let mut filled = 0;
    for table in &tables {
        let count = || sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let own: i64 = sqlx::query_scalar(count())
            .fetch_one(&mut owner)
            .await
            .expect("a count");
        filled += usize::from(own > 0);
        reach_for(&mut stranger, table).await;
        let after: i64 = sqlx::query_scalar(count())
            .fetch_one(&mut owner)
            .await
            .expect("a count");
        assert_eq!(own, after, "{table} is not as it was");
    }
    assert!(
        filled >= 11,
        "only {filled} of {} tables have rows to protect",
        tables.len()
    );
    let planted = "INSERT INTO files (tenant_id, folder, name, hash, size)
        SELECT (SELECT tenant_id FROM tenants WHERE handle = 'default-user'), 'x', 'x', hash, 0 FROM blobs LIMIT 1";
    let refused = sqlx::query(planted).execute(&mut stranger).await;
    let refused = refused
        .expect_err("a row of another tenant's is refused")
        .to_string();
    assert!(refused.contains("row-level security"), "{refused}");
}

/// Statements without the application's `WHERE`, and with a wrong one: none reaches a row.
async fn reach_for(stranger: &mut sqlx::PgConnection, table: &str) {
    let victim = "WHERE tenant_id = (SELECT tenant_id FROM tenants WHERE handle = 'default-user')";
    for sql in [
        format!("SELECT 1 FROM {table} {victim}"),
        format!("UPDATE {table} SET tenant_id = tenant_id {victim}"),
        format!("UPDATE {table} SET tenant_id = tenant_id"),
        format!("DELETE FROM {table} {victim}"),
        format!("DELETE FROM {table}"),
    ] {
        let done = sqlx::query(sqlx::AssertSqlSafe(sql.clone()))
            .execute(&mut *stranger)
            .await;
        // Some tables take no changes at all from this role.
        let rows = done.map_or(0, |done| done.rows_affected());
        assert_eq!(rows, 0, "another tenant reaches rows: {sql}");
    }
}

/// Removing an account removes its tenant whole, whatever refers to what in it.
#[tokio::test]
async fn an_account_is_removed_with_everything_in_it() {
    let server = Server::start().await;
    let client = server.client().await;
    let header =
        serde_json::json!({ "chat_metadata": {}, "user_name": "unused", "character_name": "unused" });
    let body = serde_json::json!({ "avatar_url": "Ada.png", "file_name": "talk", "chat": [header] });
    client.post("/api/chats/save", body).await.expect(200);
    client
        .post("/api/data-maid/report", serde_json::json!({}))
        .await
        .expect(200);
    assert_eq!(server.count("SELECT count(*) FROM chat_backups").await, 1);
    let removed = squaretable::store::accounts::delete(server.app.db(), DEFAULT_USER).await;
    assert!(removed.expect("the database answers"));
    let mut conn = server.database.connect().await.expect("the database answers");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM tenants WHERE handle = $1")
        .bind(DEFAULT_USER)
        .fetch_one(&mut conn)
        .await
        .expect("a count");
    assert_eq!(left, 0);
}
