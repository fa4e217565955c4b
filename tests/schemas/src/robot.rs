//! What `lore --robot` wrote, held against the schemas that it promises.

use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::Validator;

/// What is wrong with the lines that a process wrote to stdout, each of them a
/// document or an event of robot mode; empty where nothing is.
///
/// # Panics
/// Where the schemas of the repository cannot be read.
pub fn faults_of_robot_output(stdout: &str) -> Vec<String> {
    stdout.lines().flat_map(faults_of_line).collect()
}

fn faults_of_line(line: &str) -> Vec<String> {
    match serde_json::from_str::<Value>(line) {
        Ok(document) => {
            let kind = match &document {
                line if line.get("event").is_some() => "EventLine",
                answer if answer["ok"] == true => "Answer",
                _ => "Failure",
            };
            validator(kind).faults(&document)
        }
        Err(error) => vec![format!("no JSON: {error}")],
    }
}

/// By the kind that a line says it is, so that what is wrong can be told.
fn validator(kind: &str) -> &'static Validator {
    static KINDS: OnceLock<Vec<(&str, Validator)>> = OnceLock::new();
    let kinds = KINDS.get_or_init(|| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../client/schemas/lore-v1.json");
        let all: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        ["EventLine", "Answer", "Failure"]
            .map(|kind| {
                let schema = json!({ "$ref": format!("#/$defs/{kind}"), "$defs": all["$defs"] });
                (kind, Validator::new(&schema))
            })
            .into()
    });
    let found = kinds.iter().find(|(name, _)| *name == kind);
    &found.unwrap().1
}
