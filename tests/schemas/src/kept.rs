//! Files in the repository that are made from the code.

use std::path::Path;

use serde_json::{Map, Value};

/// Compares `file` with what the code says `now`; with `LORE_RENEW=1` in the
/// environment it is written anew.
///
/// # Panics
/// Where they differ, with the command that renews the file.
pub fn compare(file: &Path, now: &Value, package: &str) {
    if std::env::var_os("LORE_RENEW").is_some() {
        std::fs::write(file, text(now)).unwrap();
        return;
    }
    let kept = read(file).unwrap_or(Value::Null);
    assert!(
        kept == *now,
        "{} is not what the code says ({}); renew it with `LORE_RENEW=1 cargo test -p {package}` and \
         commit it",
        file.display(),
        first_difference(&kept, now, "").unwrap_or_default(),
    );
}

/// What the code breaks `now` of what was published in `file`, which is named
/// after the version; `breaks` compares the two. With `LORE_PUBLISH=1` in the
/// environment, what breaks nothing is published from then on.
///
/// # Panics
/// Where nothing was published under this version.
pub fn broken_promises(
    file: &Path,
    now: &Value,
    package: &str,
    breaks: impl FnOnce(&Value, &Value) -> Vec<String>,
) -> Vec<String> {
    let publishes = std::env::var_os("LORE_PUBLISH").is_some();
    let broken = match read(file) {
        Some(published) => breaks(&published, now),
        None if publishes => Vec::new(),
        None => panic!(
            "{} is missing: what was published under this version? `LORE_PUBLISH=1 cargo test -p \
             {package}` publishes",
            file.display()
        ),
    };
    if publishes && broken.is_empty() {
        std::fs::write(file, text(now)).unwrap();
    }
    broken
}

fn read(file: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(file).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

/// JSON with sorted keys, whatever other packages ask of `serde_json`.
fn text(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(&sorted(value)).unwrap();
    text.push('\n');
    text
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(object) => {
            let mut names: Vec<&String> = object.keys().collect();
            names.sort_unstable();
            let pairs = names
                .into_iter()
                .map(|name| (name.clone(), sorted(&object[name])));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        plain => plain.clone(),
    }
}

/// Where two documents part.
fn first_difference(kept: &Value, now: &Value, at: &str) -> Option<String> {
    match (kept, now) {
        (Value::Object(kept), Value::Object(now)) => {
            let mut names: Vec<&String> = kept.keys().chain(now.keys()).collect();
            names.sort_unstable();
            names.into_iter().find_map(|name| {
                let at = format!("{at}/{name}");
                match (kept.get(name), now.get(name)) {
                    (Some(kept), Some(now)) => first_difference(kept, now, &at),
                    (Some(_), None) => Some(format!("{at} is in the file alone")),
                    _ => Some(format!("{at} is in the code alone")),
                }
            })
        }
        (Value::Array(kept), Value::Array(now)) if kept.len() == now.len() => {
            let mut pairs = kept.iter().zip(now).enumerate();
            pairs.find_map(|(i, (kept, now))| first_difference(kept, now, &format!("{at}/{i}")))
        }
        _ => (kept != now).then(|| format!("they part at {at}")),
    }
}
