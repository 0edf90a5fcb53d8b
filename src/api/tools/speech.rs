//! `/api/speech`: `ElevenLabs` and Pollinations. What runs models on the server itself is in `local_models.rs`.

use axum::extract::State;
use axum::response::Response;

use super::key_of;
use super::transcripts::audio_of;
use crate::app::App;
use crate::error::Result;
use crate::extract::{Body, Upload};
use crate::providers::speech::elevenlabs::{self, List};
use crate::providers::speech::pollinations;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/speech/pollinations/voices", pollinations_voices)
        .post("/api/speech/pollinations/generate", pollinations_generate)
        .post("/api/speech/elevenlabs/voices", |app, tenant| {
            elevenlabs_list(List::Voices, app, tenant)
        })
        .post("/api/speech/elevenlabs/voice-settings", |app, tenant| {
            elevenlabs_list(List::VoiceSettings, app, tenant)
        })
        .post("/api/speech/elevenlabs/history", |app, tenant| {
            elevenlabs_list(List::History, app, tenant)
        })
        .post("/api/speech/elevenlabs/synthesize", synthesize)
        .post("/api/speech/elevenlabs/history-audio", history_audio)
        .post("/api/speech/elevenlabs/voices/add", add_voice)
        .post("/api/speech/elevenlabs/recognize", recognize)
}

/// `POST /api/speech/pollinations/voices`: those of the body's `model`.
async fn pollinations_voices(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    pollinations::voices(&body, app.relay().send(pollinations::models()?).await).await
}

/// `POST /api/speech/pollinations/generate`
async fn pollinations_generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_of(&app, &tenant, pollinations::SECRET_KEY).await?;
    pollinations::spoken(app.relay().send(pollinations::speech(&body, &key)?).await).await
}

/// `POST /api/speech/elevenlabs/voices`, `voice-settings` and `history`
async fn elevenlabs_list(list: List, State(app): State<App>, tenant: Tenant) -> Result<Response> {
    let key = key_of(&app, &tenant, elevenlabs::SECRET_KEY).await?;
    elevenlabs::told(app.relay().send(elevenlabs::list(list, &key)?).await).await
}

/// `POST /api/speech/elevenlabs/synthesize`: streamed as it comes.
async fn synthesize(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_of(&app, &tenant, elevenlabs::SECRET_KEY).await?;
    elevenlabs::spoken(app.relay().send(elevenlabs::speech(&body, &key)?).await).await
}

/// `POST /api/speech/elevenlabs/history-audio`: streamed as it comes.
async fn history_audio(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_of(&app, &tenant, elevenlabs::SECRET_KEY).await?;
    elevenlabs::spoken(app.relay().send(elevenlabs::history_audio(&body, &key)?).await).await
}

/// `POST /api/speech/elevenlabs/voices/add`: a voice from recordings.
async fn add_voice(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_of(&app, &tenant, elevenlabs::SECRET_KEY).await?;
    elevenlabs::told(app.relay().send(elevenlabs::add_voice(&body, &key)?).await).await
}

/// `POST /api/speech/elevenlabs/recognize`: a recording to text.
async fn recognize(State(app): State<App>, tenant: Tenant, upload: Upload) -> Result<Response> {
    let key = key_of(&app, &tenant, elevenlabs::SECRET_KEY).await?;
    let audio = audio_of(&app, &upload).await?;
    let request = elevenlabs::recognition(&audio, &upload.fields.string("model"), &key)?;
    elevenlabs::told(app.relay().send(request).await).await
}
