//! Turning texts into vectors for one request.

use serde_json::Value;

use crate::api::prefs::secrets;
use crate::api::tools::captions::google_access;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::models::embedding;
use crate::providers::embed::{BATCH, Question, Source, brought, google};
use crate::providers::google_api::Access;
use crate::tenant::Tenant;

/// A source, and what opens its door.
pub(super) struct Asking<'a> {
    app: &'a App,
    source: Source,
    body: &'a Value,
    key: String,
    access: Option<Access>,
}

impl<'a> Asking<'a> {
    /// # Errors
    /// 500 where the user has no key for a source that needs one, as for every other fault of a source.
    pub(super) async fn new(app: &'a App, tenant: &Tenant, source: Source, body: &'a Body) -> Result<Self> {
        let body = &body.0;
        let failure = || Error::status(500);
        let mut key = String::new();
        if let Some((secret_key, is_needed)) = source.secret_key() {
            key = if is_needed {
                secrets::value_or_lent(app, tenant, secret_key, None, &Value::Null).await?
            } else {
                secrets::value_of(app, tenant, secret_key, None).await?
            };
            if is_needed && key.is_empty() {
                return Err(failure());
            }
        }
        let access = match source {
            Source::Google { .. } => Some(google_access(app, tenant, body).await?.ok_or_else(failure)?),
            _ => None,
        };
        Ok(Self {
            app,
            source,
            body,
            key,
            access,
        })
    }

    /// The vectors of many texts, a few at a time.
    ///
    /// compat: vectors beyond those that were asked for belong to the texts that follow.
    pub(super) async fn batches(&self, texts: &[Value]) -> Result<Vec<Value>> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            vectors.extend(self.ask(batch, false).await?);
        }
        Ok(vectors)
    }

    /// The vector of a text that is looked for, first of all.
    pub(super) async fn one(&self, text: &str) -> Result<Vec<Value>> {
        self.ask(&[Value::String(text.to_owned())], true).await
    }

    /// By the model on this server.
    async fn embed(&self, texts: &[Value]) -> Result<Vec<Value>> {
        let texts = texts.iter().map(|text| text.as_str().map(str::to_owned));
        let texts: Option<Vec<String>> = texts.collect();
        let texts = texts.ok_or_else(|| Error::status(500))?;
        match embedding::embed(self.app.models(), texts).await {
            Ok(vectors) => Ok(vectors.into_iter().map(Value::from).collect()),
            Err(error) => {
                tracing::error!(%error, "texts cannot be embedded");
                Err(Error::status(500))
            }
        }
    }

    async fn ask(&self, texts: &[Value], is_query: bool) -> Result<Vec<Value>> {
        let config = &self.app.config().upstream;
        let request = match (self.source, &self.access) {
            (Source::Browser, _) => return Ok(brought(self.body, texts)),
            (Source::Transformers, _) => return self.embed(texts).await,
            (Source::Google { vertex }, Some(access)) => {
                let model = self.source.model(self.body, "");
                let version = &config.gemini.api_version;
                google::request(vertex, self.body, texts, &model, access, version)
            }
            _ => {
                let question = Question {
                    body: self.body,
                    texts,
                    is_query,
                    key: &self.key,
                };
                self.source.request(question, config)
            }
        };
        let request = request.map_err(Error::from)?;
        let outcome = self.app.relay().send(request).await;
        self.source.answered(is_query, outcome).await
    }
}
