//! `/api/sd`: AUTOMATIC1111 and its kin, `DrawThings`, stable-diffusion.cpp, at an address of the user's.

use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::error::Result;
use crate::extract::Body;
use crate::providers::image::a1111::{self, List};
use crate::providers::image::{drawthings, sdcpp};
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/sd/ping", ping)
        .post("/api/sd/upscalers", upscalers)
        .post("/api/sd/vaes", vaes)
        .post("/api/sd/samplers", |app, tenant, body| {
            names(List::Samplers, app, tenant, body)
        })
        .post("/api/sd/schedulers", |app, tenant, body| {
            names(List::Schedulers, app, tenant, body)
        })
        .post("/api/sd/models", models)
        .post("/api/sd/get-model", model)
        .post("/api/sd/set-model", set_model)
        .post("/api/sd/generate", generate)
        .post("/api/sd/sd-next/upscalers", sd_next_upscalers)
        .post("/api/sd/sdcpp/ping", sdcpp_ping)
        .post("/api/sd/sdcpp/models", sdcpp_models)
        .post("/api/sd/sdcpp/generate", sdcpp_generate)
        .post("/api/sd/drawthings/ping", drawthings_ping)
        .post("/api/sd/drawthings/get-model", |app, tenant, body| {
            drawthings_setting("model", app, tenant, body)
        })
        .post("/api/sd/drawthings/get-upscaler", |app, tenant, body| {
            drawthings_setting("upscaler", app, tenant, body)
        })
        .post("/api/sd/drawthings/generate", drawthings_generate)
}

/// `POST /api/sd/ping`
async fn ping(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    a1111::ping(&body, app.relay()).await
}

/// `POST /api/sd/upscalers`
async fn upscalers(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    a1111::upscalers(&body, app.relay()).await
}

/// `POST /api/sd/vaes`
async fn vaes(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    a1111::vaes(&body, app.relay()).await
}

/// `POST /api/sd/samplers` and `schedulers`
async fn names(list: List, State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    a1111::names(list, &body, app.relay()).await
}

/// `POST /api/sd/models`
async fn models(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    a1111::models(&body, app.relay()).await
}

/// `POST /api/sd/get-model`
async fn model(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    a1111::model(&body, app.relay()).await
}

/// `POST /api/sd/set-model`: waits until the model is loaded.
async fn set_model(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    a1111::set_model(&body, app.relay(), a1111::POLLING).await
}

/// `POST /api/sd/generate`
async fn generate(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    a1111::generate(body, app.relay()).await
}

/// `POST /api/sd/sd-next/upscalers`
async fn sd_next_upscalers(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    a1111::sd_next_upscalers(&body, app.relay()).await
}

/// `POST /api/sd/sdcpp/ping`
async fn sdcpp_ping(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    sdcpp::ping(&body, app.relay()).await
}

/// `POST /api/sd/sdcpp/models`
async fn sdcpp_models(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    sdcpp::models(&body, app.relay()).await
}

/// `POST /api/sd/sdcpp/generate`
async fn sdcpp_generate(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    sdcpp::generate(&body, app.relay()).await
}

/// `POST /api/sd/drawthings/ping`
async fn drawthings_ping(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    drawthings::ping(&body, app.relay()).await
}

/// `POST /api/sd/drawthings/get-model` and `get-upscaler`
async fn drawthings_setting(
    name: &'static str,
    State(app): State<App>,
    _: Tenant,
    Body(body): Body,
) -> Result<Response> {
    drawthings::setting(name, &body, app.relay()).await
}

/// `POST /api/sd/drawthings/generate`
async fn drawthings_generate(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    drawthings::generate(&body, app.relay()).await
}
