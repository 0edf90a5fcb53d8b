//! `/api/translate`: a text in, its translation out, as a bare text.

use axum::extract::State;
use axum::response::Response;

use crate::api::prefs::secrets;
use crate::app::App;
use crate::error::Result;
use crate::extract::Body;
use crate::providers::translate::{self, bing, google};
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/translate/libre", libre)
        .post("/api/translate/google", google)
        .post("/api/translate/yandex", yandex)
        .post("/api/translate/lingva", lingva)
        .post("/api/translate/deepl", deepl)
        .post("/api/translate/onering", onering)
        .post("/api/translate/deeplx", deeplx)
        .post("/api/translate/bing", bing)
}

/// `POST /api/translate/libre`: the user's own `LibreTranslate`.
async fn libre(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let url = secrets::value_of(&app, &tenant, translate::LIBRE_URL, None).await?;
    let key = secrets::value_of(&app, &tenant, translate::LIBRE_KEY, None).await?;
    let outcome = app.relay().send(translate::libre(&body, &url, &key)?).await;
    translate::member_of(outcome, &["translatedText"]).await
}

/// `POST /api/translate/google`: answered as plain text, unlike the others.
async fn google(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    google::answer(app.relay().send(google::request(&body)?).await).await
}

/// `POST /api/translate/yandex`: the only one that takes its text in `chunks`.
async fn yandex(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    translate::joined(app.relay().send(translate::yandex(&body)?).await).await
}

/// `POST /api/translate/lingva`
async fn lingva(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let url = secrets::value_of(&app, &tenant, translate::LINGVA_URL, None).await?;
    let outcome = app.relay().send(translate::lingva(&body, &url)?).await;
    translate::member_of(outcome, &["translation"]).await
}

/// `POST /api/translate/deepl`
async fn deepl(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = secrets::value_of(&app, &tenant, translate::DEEPL_KEY, None).await?;
    let formality = &app.config().upstream.deepl_formality;
    let outcome = app.relay().send(translate::deepl(&body, &key, formality)?).await;
    translate::member_of(outcome, &["translations", "0", "text"]).await
}

/// `POST /api/translate/onering`: languages are in `from_lang` and `to_lang`.
async fn onering(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let url = secrets::value_of(&app, &tenant, translate::ONERING_URL, None).await?;
    let outcome = app.relay().send(translate::onering(&body, &url)?).await;
    translate::member_of(outcome, &["result"]).await
}

/// `POST /api/translate/deeplx`
async fn deeplx(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let url = secrets::value_of(&app, &tenant, translate::DEEPLX_URL, None).await?;
    let outcome = app.relay().send(translate::deeplx(&body, &url)?).await;
    translate::member_of(outcome, &["data"]).await
}

/// `POST /api/translate/bing`
async fn bing(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    let Some(text) = bing::wanted(&body)? else {
        return Ok(translate::nothing());
    };
    app.bing().translate(&text, app.relay()).await
}
