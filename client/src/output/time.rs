//! Times for people.

use jiff::SignedDuration;
use lore_proto::Timestamp;

/// How long before (or after) `now` something was: `3 hours ago`.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - at.as_second();
    let rough = rough(seconds.unsigned_abs());
    match (seconds, rough) {
        (_, None) => "just now".to_owned(),
        (0.., Some(rough)) => format!("{rough} ago"),
        (_, Some(rough)) => format!("in {rough}"),
    }
}

/// As [`ago`], for what may not have happened.
pub(crate) fn ago_or(at: Option<Timestamp>, now: Timestamp, otherwise: &str) -> String {
    at.map_or_else(|| otherwise.to_owned(), |at| ago(at, now))
}

/// A span of whole seconds in its largest unit: `3 hours`.
pub(crate) fn span(seconds: u64) -> String {
    rough(seconds).unwrap_or_else(|| super::text::count(seconds, "second"))
}

/// A duration as measured: `850 ms`, `4.2 s`, `3 min 20 s`, `2 h 05 min`.
pub(crate) fn took(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{seconds}.{} s", milliseconds % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// An instant in full: `2026-01-31 12:34:56 UTC`.
pub(crate) fn absolute(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) if !text.starts_with('-') => format!("{day} {time} UTC"),
        _ => text,
    }
}

/// The instant that a person means by an age (`30m`, `12h`, `2d`, `1w`), a
/// date or a time; dates count from midnight UTC.
pub(crate) fn since(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Ok(at) = format!("{text}T00:00:00Z").parse::<Timestamp>() {
        return Some(at);
    }
    let unit = text.chars().next_back()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    if number < 0 {
        return None;
    }
    let age = number.checked_mul(seconds)?;
    // Not rounded: what was synced a moment ago is older than `0s`.
    now.checked_sub(SignedDuration::from_secs(age)).ok()
}

/// `None` for less than a few seconds.
fn rough(seconds: u64) -> Option<String> {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let (number, unit) = match seconds {
        0..5 => return None,
        5..MINUTE => (seconds, "second"),
        MINUTE..HOUR => (seconds / MINUTE, "minute"),
        HOUR..DAY => (seconds / HOUR, "hour"),
        _ if seconds < 14 * DAY => (seconds / DAY, "day"),
        _ if seconds < 60 * DAY => (seconds / (7 * DAY), "week"),
        _ if seconds < 730 * DAY => (seconds / (30 * DAY), "month"),
        _ => (seconds / (365 * DAY), "year"),
    };
    Some(super::text::count(number, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn relative_times_use_the_unit_a_person_would() {
        let now = at("2026-06-15T12:00:00Z");
        for (then, shown) in [
            ("2026-06-15T11:59:58Z", "just now"),
            ("2026-06-15T12:00:02Z", "just now"),
            ("2026-06-15T11:59:30Z", "30 seconds ago"),
            ("2026-06-15T11:59:00Z", "1 minute ago"),
            ("2026-06-15T09:00:00Z", "3 hours ago"),
            ("2026-06-02T12:00:00Z", "13 days ago"),
            ("2026-05-20T12:00:00Z", "3 weeks ago"),
            ("2026-01-15T12:00:00Z", "5 months ago"),
            ("2024-06-14T12:00:00Z", "2 years ago"),
            ("2026-06-15T12:05:00Z", "in 5 minutes"),
        ] {
            assert_eq!(ago(at(then), now), shown, "{then}");
        }
    }

    #[test]
    fn an_age_a_date_and_a_time_say_since_when() {
        let now = at("2026-06-15T12:00:00Z");
        for (text, meant) in [
            ("2d", Some("2026-06-13T12:00:00Z")),
            ("1w", Some("2026-06-08T12:00:00Z")),
            ("30m", Some("2026-06-15T11:30:00Z")),
            ("0s", Some("2026-06-15T12:00:00Z")),
            ("2026-01-31", Some("2026-01-31T00:00:00Z")),
            ("2026-01-31T10:00:00+02:00", Some("2026-01-31T08:00:00Z")),
            ("yesterday", None),
            ("-2d", None),
            ("99999999999999w", None),
            ("d", None),
            ("", None),
        ] {
            assert_eq!(since(text, now), meant.map(at), "{text}");
        }
        let now = at("2026-06-15T12:00:00.9Z");
        assert_eq!(since("0s", now), Some(now));
    }

    #[test]
    fn durations_keep_the_digits_that_matter() {
        for (milliseconds, shown) in [
            (0, "0 ms"),
            (850, "850 ms"),
            (4_250, "4.2 s"),
            (200_000, "3 min 20 s"),
            (7_500_000, "2 h 05 min"),
        ] {
            assert_eq!(took(milliseconds), shown);
        }
    }

    #[test]
    fn an_absolute_time_says_its_zone() {
        assert_eq!(
            absolute(at("2026-01-31T12:34:56.789Z")),
            "2026-01-31 12:34:56 UTC"
        );
        assert!(absolute(Timestamp::MIN).starts_with('-'));
    }
}
