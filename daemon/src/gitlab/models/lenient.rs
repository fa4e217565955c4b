//! Deserializers for what GitLab's answers leave open.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

/// Reads null as the type's default value, so that "absent" and "null" mean
/// the same for lists, texts, counts and flags.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a required instant in any UTC offset.
pub(super) fn timestamp<'de, D>(deserializer: D) -> Result<Timestamp, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    parse_timestamp(&text).ok_or_else(|| serde::de::Error::custom(not_a_time(&text)))
}

/// Reads an instant that may be null, absent or empty.
pub(super) fn optional_timestamp<'de, D>(deserializer: D) -> Result<Option<Timestamp>, D::Error>
where
    D: Deserializer<'de>,
{
    match Option::<String>::deserialize(deserializer)? {
        None => Ok(None),
        Some(text) if text.trim().is_empty() => Ok(None),
        Some(text) => parse_timestamp(&text)
            .map(Some)
            .ok_or_else(|| serde::de::Error::custom(not_a_time(&text))),
    }
}

/// An instant in the forms GitLab writes: RFC 3339 with `Z` or any offset, and
/// the `2026-11-03 16:40:12 UTC` of some older payloads.
fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let utc = text.strip_suffix("UTC")?.trim_end();
    format!("{utc}Z").parse().ok()
}

fn not_a_time(text: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    format!("`{shown}` is not a time with a UTC offset")
}

#[cfg(test)]
mod tests {
    use super::parse_timestamp;

    #[test]
    fn a_time_is_the_same_instant_in_every_offset_and_spelling() {
        let expected = "2026-11-03T16:40:12Z".parse().ok();
        for text in [
            "2026-11-03T16:40:12Z",
            "2026-11-03T16:40:12.000Z",
            "2026-11-03T18:40:12.000+02:00",
            "2026-11-03T12:10:12-04:30",
            "2026-11-03T18:40:12+0200",
            "2026-11-03 16:40:12 UTC",
            " 2026-11-03 16:40:12 UTC ",
        ] {
            assert_eq!(parse_timestamp(text), expected, "{text}");
        }
    }

    #[test]
    fn a_time_without_an_offset_is_refused() {
        for text in ["2026-11-03T16:40:12", "2026-11-03", "yesterday", "", "UTC"] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }
}
