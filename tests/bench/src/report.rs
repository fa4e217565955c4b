//! What is printed.

use std::fmt::Display;
use std::io::Write as _;
use std::time::Duration;

use lore_demo::{DemoError, Programs};

/// A heading over a group of figures.
pub(crate) fn heading(text: &str) -> Result<(), DemoError> {
    line(format_args!("\n{text}"))
}

/// One figure.
pub(crate) fn figure(name: &str, value: impl Display) -> Result<(), DemoError> {
    line(format_args!("  {name:<58} {value}"))
}

/// A part that cannot be measured here.
pub(crate) fn skipped(part: &str, missing: &str) -> Result<(), DemoError> {
    line(format_args!("\n{part}: skipped, `{missing}` is not there"))
}

/// The programs under test.
pub(crate) fn programs(programs: &Programs) -> Result<(), DemoError> {
    heading("programs")?;
    for path in [&programs.lore, &programs.lored] {
        let bytes = std::fs::metadata(path)
            .map_err(DemoError::io(format!("looking at `{}`", path.display())))?
            .len();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        figure(&name, format_args!("{} KiB", bytes / 1024))?;
    }
    Ok(())
}

/// The value in the middle; zero of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A duration with a precision that means something.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1_000.0)
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

/// Any line.
pub(crate) fn line(text: std::fmt::Arguments<'_>) -> Result<(), DemoError> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}").map_err(DemoError::io("writing to stdout"))
}
