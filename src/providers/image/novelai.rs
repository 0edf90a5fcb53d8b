//! Pictures by NovelAI, which come in archives.

use std::io::{Cursor, Read};

use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use zip::ZipArchive;

use super::vendor::{order, seed};
use crate::error::Result;
use crate::providers::exchange::{LARGEST, granted, read_bytes, silent_error};
use crate::providers::js;
use crate::providers::relay::Relay;
use crate::reply;

/// Pixels of the picture that the strength of guidance is reckoned from, 832 x 1216.
const USUAL_PIXELS: f64 = 1_011_712.0;

/// The picture that the body asks for, enlarged by its `upscale_ratio` where that works: base64 as text.
///
/// # Errors
/// 500.
pub async fn paint(body: &Value, key: &str, relay: &Relay) -> Result<Response> {
    let order = order("https://image.novelai.net/ai/generate-image", key, request(body))?;
    let archive = granted(relay.send(order).await, silent_error)?;
    let painted = base64_of(read_bytes(archive).await.map_err(|_| silent_error())?).await?;
    let ratio = js::to_number(body.get("upscale_ratio"));
    let shown = if ratio.is_nan() || ratio <= 1.0 {
        painted
    } else {
        match enlarged(body, &painted, key, relay).await {
            Ok(enlarged) => enlarged,
            // compat: a picture that cannot be enlarged is shown as it is.
            Err(_) => painted,
        }
    };
    Ok(reply::html_text(shown))
}

fn request(body: &Value) -> Value {
    let or = |field: &str, usual: Value| {
        body.get(field)
            .filter(|value| !value.is_null())
            .cloned()
            .unwrap_or(usual)
    };
    let (prompt, negative) = (or("prompt", "".into()), or("negative_prompt", "".into()));
    let (width, height) = (or("width", 512.into()), or("height", 512.into()));
    let model = or("model", "nai-diffusion".into());
    let sigma = match body.get("variety_boost") {
        Some(boost) if js::is_truthy(Some(boost)) => sigma(&width, &height, &model),
        _ => Value::Null,
    };
    json!({
        "action": "generate", "input": prompt, "model": model,
        "parameters": {
            "params_version": 3, "prefer_brownian": true, "negative_prompt": negative, "height": height, "width": width,
            "scale": or("scale", 9.into()), "seed": seed(body, 9_999_999_999), "sampler": or("sampler", "k_dpmpp_2m".into()),
            "noise_schedule": or("scheduler", "karras".into()), "steps": or("steps", 28.into()), "n_samples": 1,
            "ucPreset": 0, "qualityToggle": false, "add_original_image": false, "controlnet_strength": 1,
            "deliberate_euler_ancestral_bug": false, "dynamic_thresholding": or("decrisper", false.into()),
            "legacy": false, "legacy_v3_extend": false, "sm": or("sm", false.into()), "sm_dyn": or("sm_dyn", false.into()),
            "uncond_scale": 1, "skip_cfg_above_sigma": sigma, "use_coords": false, "characterPrompts": [],
            "reference_image_multiple": [], "reference_information_extracted_multiple": [],
            "reference_strength_multiple": [],
            "v4_negative_prompt": { "caption": { "base_caption": negative, "char_captions": [] } },
            "v4_prompt": {
                "caption": { "base_caption": prompt, "char_captions": [] }, "use_coords": false, "use_order": true,
            },
        },
    })
}

/// Above which noise there is no guidance: more for larger pictures, and for newer models.
fn sigma(width: &Value, height: &Value, model: &Value) -> Value {
    let is_new = model
        .as_str()
        .is_some_and(|model| model.contains("nai-diffusion-4-5"));
    let pixels = js::to_number(Some(width)) * js::to_number(Some(height));
    js::from_number((pixels / USUAL_PIXELS).sqrt() * if is_new { 58.0 } else { 19.0 })
}

async fn enlarged(body: &Value, painted: &str, key: &str, relay: &Relay) -> Result<String> {
    let mut request = json!({ "image": painted });
    for (theirs, ours) in [
        ("height", "height"),
        ("width", "width"),
        ("scale", "upscale_ratio"),
    ] {
        if let Some(value) = body.get(ours) {
            request[theirs] = value.clone();
        }
    }
    let order = order("https://api.novelai.net/ai/upscale", key, request)?;
    let archive = granted(relay.send(order).await, silent_error)?;
    base64_of(read_bytes(archive).await.map_err(|_| silent_error())?).await
}

/// The picture of an archive.
async fn base64_of(archive: Bytes) -> Result<String> {
    let picture = tokio::task::spawn_blocking(move || picture_of(&archive)).await;
    let picture = picture.map_err(anyhow::Error::from)?.ok_or_else(silent_error)?;
    Ok(BASE64_STANDARD.encode(picture))
}

/// The first PNG file of an archive that can be read; `None` without one, and for one that is too large.
fn picture_of(archive: &[u8]) -> Option<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(archive)).ok()?;
    (0..archive.len()).find_map(|place| {
        let file = archive.by_index(place).ok()?;
        let is_picture = |name: &str| name.ends_with(".png") && !name.starts_with("__MACOSX");
        if !file.name().is_ok_and(|name| is_picture(&name)) {
            return None;
        }
        let mut picture = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut picture).ok()?;
        (picture.len() as u64 <= LARGEST).then_some(picture)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    #[test]
    fn the_first_picture_of_an_archive_counts() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in [
            ("__MACOSX/a.png", "no"),
            ("a.txt", "no"),
            ("image_0.png", "yes"),
            ("b.png", "no"),
        ] {
            writer.start_file(name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        let archive = writer.finish().unwrap().into_inner();
        assert_eq!(picture_of(&archive).as_deref(), Some(b"yes".as_slice()));
        assert_eq!(picture_of(b"no archive"), None);
    }

    #[test]
    fn guidance_goes_by_size_and_model() {
        let of = |model: &str| sigma(&json!(832), &json!(1216), &json!(model));
        assert_eq!(
            (of("nai-diffusion-3"), of("nai-diffusion-4-5-full")),
            (json!(19), json!(58))
        );
        let request = request(&json!({ "prompt": "p", "seed": 5, "steps": null }));
        assert_eq!(request["parameters"]["steps"], 28);
        assert_eq!(request["parameters"]["skip_cfg_above_sigma"], Value::Null);
    }
}
