//! The item that an open drawer on a list page shows.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use url::Url;

use super::is_project_path;

/// The item that a list or board shows in a drawer: base64 JSON in `?show=`.
#[derive(Debug, Deserialize)]
pub(super) struct Drawer {
    #[serde(deserialize_with = "text_or_number")]
    pub(super) iid: String,
    pub(super) full_path: Option<String>,
}

pub(super) fn drawer(url: &Url) -> Option<Drawer> {
    let (_, value) = url.query_pairs().find(|(name, _)| name == "show")?;
    let lenient = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let standard = value.replace('-', "+").replace([' ', '_'], "/");
    let json = lenient.decode(standard).ok()?;
    let drawer: Drawer = serde_json::from_slice(&json).ok()?;
    let path_fits = drawer.full_path.as_deref().is_none_or(is_project_path);
    path_fits.then_some(drawer)
}

fn text_or_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        Number(i64),
    }
    Ok(match Form::deserialize(deserializer)? {
        Form::Text(text) => text,
        Form::Number(number) => number.to_string(),
    })
}
