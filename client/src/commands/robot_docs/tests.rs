//! The description is complete, whatever is added, and stays small where it
//! says so.

use clap::Command;
use lore_proto::ErrorCode;
use serde_json::{Value, json};

use super::brief::Brief;
use super::manifest::Manifest;
use crate::args;
use crate::commands::FACTS;

fn parser() -> Command {
    let mut parser = args::parser();
    parser.build();
    parser
}

fn manifest() -> Value {
    json!(Manifest::of(&parser()).unwrap())
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let list = list.as_array().unwrap();
    list.iter()
        .find(|entry| entry["name"] == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn every_command_and_every_flag_is_described() {
    let manifest = manifest();
    let parser = parser();
    for facts in FACTS.iter().copied().flatten() {
        let described = named(&manifest["commands"], facts.name);
        for key in ["summary", "data"] {
            assert_ne!(described[key], "", "{} {key}", facts.name);
        }
        assert_ne!(described["examples"], json!([]), "{}", facts.name);
        let schema = described["data"]
            .as_str()
            .unwrap()
            .strip_prefix('#')
            .unwrap();
        assert!(manifest.pointer(schema).is_some(), "{schema}");
        let mut command = &parser;
        for word in facts.name.split(' ') {
            command = command.find_subcommand(word).unwrap();
        }
        for arg in command.get_arguments().filter(|arg| arg.get_id() != "help") {
            let list = if arg.is_global_set() {
                &manifest["global_flags"]
            } else {
                &described["arguments"]
            };
            let long = arg.get_long().map(|long| format!("--{long}"));
            let name = long.unwrap_or_else(|| arg.get_value_names().unwrap()[0].to_string());
            assert_ne!(named(list, &name)["help"], "", "{} {name}", facts.name);
        }
    }
}

#[test]
fn every_error_code_and_kind_of_event_is_described() {
    let manifest = manifest();
    let errors = manifest["errors"].as_array().unwrap();
    assert_eq!(errors.len(), ErrorCode::ALL.len());
    for error in errors {
        assert_ne!(error["meaning"], "", "{error}");
        assert_ne!(error["cure"], "", "{error}");
    }
    let kinds: Vec<&str> = manifest["event_kinds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "queued", "started", "phase", "progress", "entity", "waiting", "warning", "lagged",
            "finished"
        ]
    );
}

#[test]
fn a_value_says_what_it_is_and_what_it_defaults_to() {
    let manifest = manifest();
    let history = named(&manifest["commands"], "file-history");
    let limit = named(&history["arguments"], "--limit");
    assert_eq!(
        (&limit["short"], &limit["type"], &limit["default"]),
        (&json!("-n"), &json!("integer"), &json!("20"))
    );
    let path = named(&history["arguments"], "PATH");
    assert_eq!(
        (&path["type"], &path["required"]),
        (&json!("path"), &json!(true))
    );
    let color = named(&manifest["global_flags"], "--color");
    assert_eq!(color["choices"], json!(["auto", "always", "never"]));
    let runs = named(&manifest["commands"], "sync-runs");
    assert_eq!(runs["writes_with"], json!(["--retry-failed", "--max-age"]));
}

#[test]
fn the_brief_form_fits_into_a_prompt_and_names_every_command_and_code() {
    let brief = Brief::of(&parser());
    let text = json!(brief).to_string();
    assert!(text.len() < 8_000, "{} bytes", text.len());
    let markdown = brief.markdown();
    assert!(markdown.len() < 8_000, "{} bytes", markdown.len());
    for facts in FACTS.iter().copied().flatten() {
        assert!(
            text.contains(&format!("\"usage\":\"{}", facts.name)),
            "{}",
            facts.name
        );
        assert!(
            markdown.contains(&format!("- `lore {}", facts.name)),
            "{}",
            facts.name
        );
    }
    for code in ErrorCode::ALL {
        assert!(markdown.contains(code.as_str()), "{code}");
    }
}

/// A guide that names what does not exist would be worse than none.
#[test]
fn every_line_that_the_guide_and_the_cures_name_parses() {
    let cures = ErrorCode::ALL.iter().map(|code| code.cure().to_owned());
    let mut parser = parser();
    for text in super::guide::lines(&parser.clone())
        .into_iter()
        .chain(cures)
    {
        for quoted in text.split('`').skip(1).step_by(2) {
            if !quoted.starts_with("lore ") {
                continue;
            }
            let parsed = parser.try_get_matches_from_mut(quoted.split(' '));
            assert!(parsed.is_ok(), "{quoted}: {}", parsed.unwrap_err());
        }
    }
}
