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
