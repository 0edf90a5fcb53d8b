//! Ids and names that only their owner is told, and requests that a stranger makes with them.

use serde_json::{Value, json};

use crate::harness::Client;

/// Those of one user.
#[derive(Clone, Debug)]
pub struct Things {
    secret: String,
    session: String,
    program: String,
    snapshot: String,
    backup: String,
    token: String,
    finding: String,
    folder: String,
}

impl Things {
    /// What this user has, once there is something of everything.
    pub async fn of(owner: &Client) -> Self {
        let ask = async |path: &str, body: Value| owner.post(path, body).await.expect(200).json();
        let text = |value: &Value| value.as_str().expect("an id").to_owned();
        let body = json!({ "name": "mine", "scopes": ["read"] });
        ask("/api/squaretable/tokens/create", body).await;
        let folder = ask("/api/image-metadata/folders/create", json!({ "name": "mine" })).await;
        let report = ask("/api/data-maid/report", json!({})).await;
        let lists = report["report"].as_object().expect("a report").values();
        let finding = lists
            .filter_map(Value::as_array)
            .flatten()
            .next()
            .expect("a finding");
        Self {
            secret: text(&ask("/api/secrets/read", json!({})).await["api_key_openai"][0]["id"]),
            session: text(&ask("/api/squaretable/sessions/list", json!({})).await[0]["id"]),
            program: text(&ask("/api/squaretable/tokens/list", json!({})).await[0]["id"]),
            snapshot: text(&ask("/api/settings/get-snapshots", json!({})).await[0]["name"]),
            backup: text(&ask("/api/backups/chat/get", json!({})).await[0]["file_name"]),
            token: text(&report["token"]),
            finding: text(&finding["hash"]),
            folder: text(&folder["id"]),
        }
    }

    /// Others of the same form, which nobody has.
    pub fn of_nobody(&self) -> Self {
        let id = |text: &str| -> String {
            let other = |c: char| match c {
                '0'..='8' | 'a'..='e' => char::from_u32(c as u32 + 1).expect("the next letter"),
                '9' => '0',
                'f' => 'a',
                c => c,
            };
            text.chars().map(other).collect()
        };
        let name = |text: &str| text.replace("first", "firsd").replace("2026", "2016");
        Self {
            secret: id(&self.secret),
            session: id(&self.session),
            program: id(&self.program),
            snapshot: name(&self.snapshot),
            backup: name(&self.backup),
            token: id(&self.token),
            finding: id(&self.finding),
            folder: id(&self.folder),
        }
    }

    /// What a `GET` asks for besides the names.
    pub fn query(&self) -> String {
        format!("&token={}&hash={}", self.token, self.finding)
    }

    /// The fields that this route means by others of these things.
    pub fn aim(&self, path: &str, body: &mut Value) {
        let id = match path {
            _ if path.starts_with("/api/secrets/") => Some(&self.secret),
            _ if path.starts_with("/api/squaretable/sessions/") => Some(&self.session),
            _ if path.starts_with("/api/squaretable/tokens/") => Some(&self.program),
            _ if path.starts_with("/api/image-metadata/folders/") => Some(&self.folder),
            _ => None,
        };
        let name = match path {
            _ if path.ends_with("-snapshot") => Some(&self.snapshot),
            _ if path.starts_with("/api/backups/chat/") => Some(&self.backup),
            _ => None,
        };
        let named = [
            ("id", id),
            ("name", name),
            ("secret_id", Some(&self.secret)),
            ("token", Some(&self.token)),
        ];
        for (field, value) in named {
            if let Some(value) = value {
                body[field] = json!(value);
            }
        }
        body["hashes"] = json!([self.finding]);
        body["paths"] = json!(["backgrounds/guessable-name.png"]);
        body["updates"] = json!([{ "id": self.folder, "thumbnailFile": "x.png" }]);
    }

    /// Fails unless they still are what they were to their owner.
    pub async fn expect_kept(&self, owner: &Client) {
        let secrets = owner
            .post("/api/secrets/read", json!({}))
            .await
            .expect(200)
            .json();
        assert_eq!(secrets["api_key_openai"][0]["id"], self.secret, "the secret");
        assert_eq!(secrets["api_key_openai"][0]["active"], true, "the secret");
        for (path, id) in [
            ("/api/squaretable/sessions/list", &self.session),
            ("/api/squaretable/tokens/list", &self.program),
        ] {
            let list = owner.post(path, json!({})).await.expect(200);
            assert!(list.text().contains(id), "{path}");
        }
        let backup = json!({ "name": self.backup });
        owner.post("/api/backups/chat/download", backup).await.expect(200);
        let snapshot = json!({ "name": self.snapshot });
        owner
            .post("/api/settings/load-snapshot", snapshot)
            .await
            .expect(200);
        let view = format!("/api/data-maid/view?token={}&hash={}", self.token, self.finding);
        owner.get(&view).await.expect(200);
        let folders = owner
            .post("/api/image-metadata/folders/get", json!({}))
            .await
            .expect(200)
            .json();
        let folder = json!([{ "id": self.folder, "name": "mine", "thumbnailFile": "" }]);
        assert_eq!(folders, folder, "the folder");
    }
}
