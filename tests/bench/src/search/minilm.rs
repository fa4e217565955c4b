//! `MiniLM` itself, where a Python that has it is named: the model that the
//! built-in one is distilled from, run as its own package runs it.

use std::path::Path;
use std::process::{Command, Stdio};

use lore_demo::DemoError;
use serde_json::{Value, json};

use super::sets::Set;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/search/minilm.py");

/// What `MiniLM` did with the sets.
#[derive(Debug)]
pub(crate) struct MiniLm {
    /// For each set and each of its questions the places of the ten nearest
    /// reports.
    pub(crate) rankings: Vec<Vec<Vec<usize>>>,
    /// Reports embedded in a second, on one thread.
    pub(crate) reports_per_second: f64,
}

/// Embeds the sets and ranks every `step`th question of each.
pub(crate) fn rank(python: &Path, sets: &[Set], most: usize) -> Result<MiniLm, DemoError> {
    let folder = tempfile::tempdir().map_err(DemoError::io("making a folder"))?;
    let (input, output) = (
        folder.path().join("in.json"),
        folder.path().join("out.json"),
    );
    let sets: Vec<Value> = sets
        .iter()
        .map(|set| {
            let reports = set.reports.iter().map(|r| json!([r.title, r.text]));
            let questions = set.questions.iter().step_by(set.step(most));
            json!({
                "reports": reports.collect::<Vec<_>>(),
                "questions": questions.map(|q| json!([q.text, q.own])).collect::<Vec<_>>(),
            })
        })
        .collect();
    std::fs::write(&input, json!(sets).to_string())
        .map_err(DemoError::io("writing the sets for MiniLM"))?;
    let mut command = Command::new(python);
    command
        .args([Path::new(SCRIPT), &input, &output])
        // The weights are in the package; nothing is to be asked of a hub.
        .env("HF_HUB_OFFLINE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let status = command
        .status()
        .map_err(DemoError::io(format!("starting `{}`", python.display())))?;
    if !status.success() {
        return Err(DemoError::Failed {
            command: format!("{} {SCRIPT}", python.display()),
            status: status.to_string(),
        });
    }
    let text = std::fs::read(&output).map_err(DemoError::io("reading what MiniLM found"))?;
    let found: Value = serde_json::from_slice(&text)
        .map_err(|error| DemoError::Wrong(format!("{SCRIPT}: {error}")))?;
    let rankings = serde_json::from_value(found["rankings"].clone())
        .map_err(|error| DemoError::Wrong(format!("{SCRIPT}: {error}")))?;
    Ok(MiniLm {
        rankings,
        reports_per_second: found["reports_per_second"].as_f64().unwrap_or_default(),
    })
}
