//! The index of everything served.
//!
//! `public` routes answer anyone, `private` ones whoever is logged in (with accounts off: everyone). What no route
//! matches is, in this order, an old address, a user's own file, or not there.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};

use crate::api::web::{cors_proxy, legacy, login, oidc, pages, user_data};
use crate::api::{account, chat, images, library, llm, prefs, tools};
use crate::app::App;
use crate::error::Error;
use crate::middleware::{self, cache_buster, csrf, outbound, token, user};
use crate::oidc::CALLBACK;
use crate::reply;
use crate::routes::Routes;
use crate::scopes::Scopes;
use crate::stack;
use crate::tenant::Tenant;

/// Routes that need no login. Everything else belongs into [`private`].
fn public() -> Routes {
    Routes::new()
        .get("/", pages::index)
        .get("/login", login::page)
        .get("/callback/:source?", pages::callback)
        .get("/csrf-token", csrf::token)
        .merge(account::public_routes())
}

/// Routes behind the login.
fn private() -> Routes {
    Routes::new()
        .get("/version", pages::version)
        .post("/api/ping", pages::ping)
        .merge(account::routes())
        .merge(prefs::routes())
        .merge(library::routes())
        .merge(chat::routes())
        .merge(llm::routes())
        .merge(tools::routes())
        .merge(images::routes())
}

/// Routes of our own behind the login, which the original does not have.
#[must_use]
pub fn own() -> Routes {
    account::own_routes()
}

/// Every route of the original that is served, for the coverage table and the tests that walk it.
#[must_use]
pub fn routes() -> Routes {
    public().merge(private())
}

/// The whole server.
pub fn service(app: &App) -> Router {
    let scopes = Arc::new(Scopes::default());
    let private = private()
        .into_router()
        .merge(own().into_router())
        .route("/proxy/{*url}", any(cors_proxy::proxy))
        .route("/proxy/", any(cors_proxy::proxy))
        .fallback(unrouted)
        .method_not_allowed_fallback(unrouted)
        .layer(from_fn_with_state((app.clone(), scopes.clone()), outbound::check))
        .layer(from_fn_with_state(scopes.clone(), token::check))
        .layer(from_fn(legacy::redirect))
        .layer(from_fn(user::require));
    let routes = public()
        .into_router()
        .layer(from_fn_with_state(scopes, token::check))
        .route("/login/oidc", get(oidc::begin))
        .route("/login/oidc.js", get(oidc::script))
        .route(CALLBACK, get(oidc::callback))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .fallback_service(private.with_state(app.clone()))
        .method_not_allowed_fallback(|| async { Error::NotFoundPage })
        .layer(from_fn_with_state(app.clone(), not_found_page))
        .with_state(app.clone());
    let inside = middleware::inside(routes, app.csrf().clone(), app.pages().files.clone());
    let inside = match app.config().http.cache_buster.clone() {
        Some(config) => {
            let policy = Arc::new(cache_buster::Policy::new(config));
            inside.layer(from_fn_with_state(policy, cache_buster::apply))
        }
        None => inside,
    };
    let resolved = inside.layer(from_fn_with_state(app.clone(), user::resolve));
    let identify = from_fn_with_state(app.clone(), user::identify);
    stack::outside(app).wrap(resolved, |router| router.layer(identify))
}

/// What no route matches: a user's own file, or nothing.
async fn unrouted(State(app): State<App>, tenant: Tenant, headers: HeaderMap, request: Request) -> Response {
    match user_data::wanted(request.uri()) {
        Some(wanted) => user_data::serve(&app, &tenant, &headers, wanted)
            .await
            .into_response(),
        None => Error::NotFoundPage.into_response(),
    }
}

/// `GET /readyz`: 200 when the database answers.
async fn ready(State(app): State<App>) -> Response {
    match app.db().ping().await {
        Ok(()) => reply::status(StatusCode::OK),
        Err(error) => error.into_response(),
    }
}

/// Puts the deployment's page into answers that are [`Error::NotFoundPage`].
async fn not_found_page(State(app): State<App>, request: Request, next: axum::middleware::Next) -> Response {
    let response = next.run(request).await;
    match response.extensions().get::<crate::error::WantsNotFoundPage>() {
        Some(_) => reply::not_found_page(app.not_found_page()),
        None => response,
    }
}
