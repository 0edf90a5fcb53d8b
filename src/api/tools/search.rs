//! `/api/search`: services that search the web, and pages of it.

use axum::extract::State;
use axum::response::Response;

use crate::api::prefs::secrets;
use crate::app::App;
use crate::error::Result;
use crate::extract::Body;
use crate::providers::{search, transcript};
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/search/serpapi", serpapi)
        .post("/api/search/transcript", transcript)
        .post("/api/search/searxng", searxng)
        .post("/api/search/tavily", tavily)
        .post("/api/search/koboldcpp", koboldcpp)
        .post("/api/search/serper", serper)
        .post("/api/search/zai", zai)
        .post("/api/search/visit", visit)
}

/// `POST /api/search/serpapi`
async fn serpapi(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = secrets::value_of(&app, &tenant, search::SERPAPI, None).await?;
    search::found(app.relay().send(search::serpapi(&body, &key)?).await).await
}

/// `POST /api/search/transcript`: the captions of a YouTube video.
async fn transcript(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    transcript::answer(&body, app.untrusted_relay()).await
}

/// `POST /api/search/searxng`: the page of results of an instance, which may be on the user's own network.
async fn searxng(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    search::searxng(&body, app.relay()).await
}

/// `POST /api/search/tavily`
async fn tavily(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = secrets::value_of(&app, &tenant, search::TAVILY, None).await?;
    search::found(app.relay().send(search::tavily(&body, &key)?).await).await
}

/// `POST /api/search/koboldcpp`
async fn koboldcpp(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    let request = search::koboldcpp(&body, &app.config().upstream)?;
    search::found(app.relay().send(request).await).await
}

/// `POST /api/search/serper`
async fn serper(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = secrets::value_of(&app, &tenant, search::SERPER, None).await?;
    search::found(app.relay().send(search::serper(&body, &key)?).await).await
}

/// `POST /api/search/zai`
async fn zai(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = secrets::value_of(&app, &tenant, search::ZAI, None).await?;
    search::found(app.relay().send(search::zai(&body, &key)?).await).await
}

/// `POST /api/search/visit`: a page of the web, from no private address whatever the operator allows elsewhere.
async fn visit(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    search::visit(&body, app.untrusted_relay()).await
}
