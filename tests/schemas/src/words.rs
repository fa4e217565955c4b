//! Descriptions come from comments in the code, and are read by others.

use serde_json::Value;

/// Rewrites every description for those who have the schema and not the code:
/// one line, no links into the code, no mention of its sources.
pub fn for_readers(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(for_readers),
        Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                match value {
                    Value::String(text) if name == "description" => *text = reworded(text),
                    other => for_readers(other),
                }
            }
        }
        _ => {}
    }
}

fn reworded(text: &str) -> String {
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    while let Some((before, rest)) = text.split_once(" (contract ") {
        let after = rest.split_once(')').map_or("", |(_, after)| after);
        text = format!("{before}{after}");
    }
    while let Some((before, rest)) = text.split_once("[`") {
        let (link, after) = rest.split_once("`]").unwrap_or((rest, ""));
        let name = link.rsplit("::").next().unwrap_or(link);
        text = format!("{before}`{name}`{after}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_reads_without_the_code() {
        assert_eq!(
            reworded("A [`crate::sync::SyncOutcome`] of a\nsync (contract §8)."),
            "A `SyncOutcome` of a sync."
        );
    }
}
