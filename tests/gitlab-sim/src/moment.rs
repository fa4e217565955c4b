//! Points in time as GitLab's database keeps them: microseconds.

use std::fmt::{self, Write as _};
use std::ops::{Add, Sub};
use std::time::Duration;

use jiff::civil;
use jiff::tz::Offset;

/// A point in time, in microseconds since the Unix epoch.
///
/// GitLab stores microseconds and shows milliseconds, truncated; a filter
/// compares the stored value. Keeping the two apart is the point of this type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(i64);

impl Moment {
    /// Later than anything that happens: the time of something that never
    /// comes to pass.
    pub const NEVER: Self = Self(i64::MAX);

    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// From whole seconds since the Unix epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, truncated as GitLab's JSON does.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Whole seconds since the Unix epoch, truncated.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Reads RFC 3339 with any offset, a date alone (midnight UTC), or a date
    /// and time without offset (UTC).
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
            return Some(Self(timestamp.as_microsecond()));
        }
        let civil = match text.parse::<civil::DateTime>() {
            Ok(date_time) => date_time,
            Err(_) => text.parse::<civil::Date>().ok()?.at(0, 0, 0, 0),
        };
        let timestamp = Offset::UTC.to_timestamp(civil).ok()?;
        Some(Self(timestamp.as_microsecond()))
    }

    /// How much later `self` is than `earlier`; zero when it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// RFC 3339 with milliseconds, truncated, in the given offset from UTC.
    /// Offset zero is written `Z`.
    pub fn rfc3339(self, offset_seconds: i32) -> String {
        let at = self.civil(offset_seconds);
        let mut text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.millisecond(),
        );
        if offset_seconds == 0 {
            text.push('Z');
        } else {
            let sign = if offset_seconds < 0 { '-' } else { '+' };
            let minutes = offset_seconds.abs() / 60;
            // Writing to a String cannot fail.
            let _ = write!(text, "{sign}{:02}:{:02}", minutes / 60, minutes % 60);
        }
        text
    }

    /// RFC 3339 in UTC with whole seconds, as GraphQL's `Time` is written.
    pub fn rfc3339_seconds(self) -> String {
        let at = self.civil(0);
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
        )
    }

    /// The date in UTC, `YYYY-MM-DD`.
    pub fn date(self) -> String {
        let at = self.civil(0);
        format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day())
    }

    /// The form of the `Date` header.
    pub fn http_date(self) -> String {
        let since_epoch = Duration::from_secs(u64::try_from(self.as_secs()).unwrap_or(0));
        httpdate::fmt_http_date(std::time::UNIX_EPOCH + since_epoch)
    }

    fn civil(self, offset_seconds: i32) -> civil::DateTime {
        let timestamp = jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        Offset::from_seconds(offset_seconds)
            .unwrap_or(Offset::UTC)
            .to_datetime(timestamp)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros))
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEVER {
            return f.write_str("never");
        }
        write!(f, "{}+{}us", self.rfc3339(0), self.0.rem_euclid(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_truncated_and_microseconds_kept() {
        let moment = Moment::from_micros(1_790_000_000_123_999);
        assert_eq!(moment.rfc3339(0), "2026-09-21T14:13:20.123Z");
        assert_eq!(moment.as_micros() % 1000, 999);
        assert!(Moment::parse("2026-09-21T14:13:20.123Z").unwrap() < moment);
    }

    #[test]
    fn offsets_are_written_and_read() {
        let moment = Moment::from_millis(1_790_000_000_123);
        assert_eq!(moment.rfc3339(7200), "2026-09-21T16:13:20.123+02:00");
        assert_eq!(moment.rfc3339(-12_600), "2026-09-21T10:43:20.123-03:30");
        for offset in [0, 7200, -12_600] {
            assert_eq!(Moment::parse(&moment.rfc3339(offset)), Some(moment));
        }
    }

    #[test]
    fn a_date_alone_is_midnight_utc_and_nonsense_is_refused() {
        assert_eq!(
            Moment::parse("2026-09-21"),
            Moment::parse("2026-09-21T00:00:00Z")
        );
        assert_eq!(Moment::parse("yesterday"), None);
        assert_eq!(Moment::parse(""), None);
    }
}
