use serde_json::json;

use super::accounts;
use crate::harness::Log;

#[tokio::test]
async fn a_reset_removes_everything_of_one_user_and_gives_the_default_content() {
    let log = Log::start();
    let server = accounts().await;
    for handle in ["anna", "bob"] {
        server.tenant(handle, false).await;
    }
    let (anna, bob) = (server.client_of("anna").await, server.client_of("bob").await);
    for user in [&anna, &bob] {
        crate::canary::fill(user).await;
        user.post("/api/data-maid/report", json!({})).await.expect(200);
    }
    anna.post("/api/users/reset-step1", json!({})).await.expect(204);
    let code = log.code();
    bob.post("/api/users/reset-step2", json!({ "code": code }))
        .await
        .expect(400);
    anna.post("/api/users/reset-step2", json!({ "code": code }))
        .await
        .expect(204);
    anna.post("/api/users/reset-step2", json!({ "code": code }))
        .await
        .expect(400);
    let mut conn = server.sql().await;
    for (handle, is_empty) in [("anna", true), ("bob", false)] {
        let sql = "SELECT set_config('app.tenant', tenant_id::text, false) FROM tenants WHERE handle = $1";
        sqlx::query(sql).bind(handle).execute(&mut conn).await.unwrap();
        let sql = "SELECT relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                   WHERE a.attname = 'tenant_id' AND relkind = 'r' AND relrowsecurity AND relname <> 'folders'";
        let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap();
        let mut rows = 0;
        for table in tables {
            let sql = format!("SELECT count(*) FROM {table}");
            let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .fetch_one(&mut conn)
                .await
                .unwrap();
            rows += count;
        }
        assert_eq!(rows == 0, is_empty, "{handle}: {rows} rows");
    }
    anna.get("/api/users/me").await.expect(200);
}

#[tokio::test]
async fn settings_go_back_to_the_shipped_ones_with_the_password_only() {
    let server = accounts().await;
    server.tenant("admin", true).await;
    let admin = server.client_of("admin").await;
    let body = json!({ "handle": "anna", "name": "Anna", "password": "secret" });
    admin.post("/api/users/create", body).await.expect(200);
    let mut anna = server.client().await;
    anna.log_in("anna", "secret").await.expect(200);
    let shipped = anna.post("/api/settings/get", json!({})).await.expect(200).json();
    anna.post("/api/settings/save", json!({ "mine": 1 }))
        .await
        .expect(200);
    let reset = "/api/users/reset-settings";
    anna.post(reset, json!({ "password": "wrong" })).await.expect(403);
    let kept = anna.post("/api/settings/get", json!({})).await.expect(200).json();
    assert!(kept["settings"].as_str().unwrap().contains("mine"));
    anna.post(reset, json!({ "password": "secret" }))
        .await
        .expect(204);
    let now = anna.post("/api/settings/get", json!({})).await.expect(200).json();
    assert_eq!(now["settings"], shipped["settings"]);
}
