//! The `OpenRPC` document: made from the code, valid, and no promise broken.

#![allow(clippy::unwrap_used)] // A test that cannot go on has failed.

mod document;

use std::path::{Path, PathBuf};

use lore_proto::methods::{Described, Visitor, visit_all};
use lore_proto::{ErrorCode, PROTOCOL};
use lore_schemas::Validator;
use serde_json::{Value, json};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file(name)).unwrap()).unwrap()
}

#[test]
fn the_document_in_the_repository_is_the_codes() {
    lore_schemas::compare(&file("openrpc.json"), &document::make(), "lore-proto");
}

#[test]
fn what_was_published_under_this_protocol_still_holds() {
    let now = document::make();
    let name = format!("published/protocol-{PROTOCOL}.json");
    let broken = lore_schemas::broken_promises(
        &file(&name),
        &now,
        "lore-proto",
        lore_schemas::broken_methods,
    );
    assert!(
        broken.is_empty(),
        "clients of the protocol {PROTOCOL} rely on what this breaks; keep it, or raise \
         `PROTOCOL`:\n{}",
        broken.join("\n")
    );
}

#[test]
fn the_document_is_valid_openrpc() {
    let schema = read("tests/openrpc/meta-schema/openrpc.json");
    let json_schema = read("tests/openrpc/meta-schema/json-schema.json");
    let validator =
        Validator::with_others(&schema, &[("https://meta.json-schema.tools", json_schema)]);
    let document = document::make();
    assert_eq!(validator.faults(&document), Vec::<String>::new());
    let mut broken = document;
    broken["methods"][0]["params"] = json!({});
    assert_ne!(validator.faults(&broken), Vec::<String>::new());
}

#[test]
fn every_method_is_described_and_its_errors_are_known_codes() {
    let document = document::make();
    let methods = document["methods"].as_array().unwrap();
    for method in methods {
        let name = &method["name"];
        assert!(
            method["summary"].as_str().is_some_and(|s| s.ends_with('.')),
            "{name}"
        );
        assert_eq!(method["paramStructure"], "by-name", "{name}");
        assert_ne!(method["examples"], json!([]), "{name}");
        for param in method["params"].as_array().unwrap() {
            assert!(param["description"].is_string(), "{name} {}", param["name"]);
        }
        for error in method["errors"].as_array().unwrap() {
            let pointer = error["$ref"].as_str().unwrap().strip_prefix('#').unwrap();
            let error = document.pointer(pointer).unwrap();
            let code: ErrorCode = error["data"]["code"].as_str().unwrap().parse().unwrap();
            assert_eq!(error["code"], code.rpc_code());
        }
    }
    let names: Vec<&str> = methods
        .iter()
        .map(|m| m["name"].as_str().unwrap())
        .collect();
    for name in lore_proto::methods::NAMES {
        assert!(names.contains(name), "{name}");
    }
}

#[test]
fn every_field_says_what_it_is() {
    let mut silent = Vec::new();
    let document = document::make();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        // Their names are the contract's and say all there is.
        if ["Counters", "StageTimings", "PlacesInfo"].contains(&name.as_str()) {
            continue;
        }
        for (field, described) in schema["properties"].as_object().into_iter().flatten() {
            if described.get("description").is_none() {
                silent.push(format!("{name}.{field}"));
            }
        }
    }
    assert_eq!(silent, Vec::<String>::new());
}

/// The examples are what a newcomer copies: they have to be what the code
/// takes and gives.
#[test]
fn every_example_is_taken_and_keeps_its_schema() {
    struct Examples(Value);
    impl Visitor for Examples {
        fn visit<M: Described>(&mut self) {
            let examples: Vec<Value> = serde_json::from_str(M::EXAMPLES).unwrap();
            let validator = |schema: Value| {
                let mut schema = schema;
                schema["components"] = self.0["components"].clone();
                Validator::new(&schema)
            };
            let methods = self.0["methods"].as_array().unwrap();
            let method = methods.iter().find(|m| m["name"] == M::NAME).unwrap();
            let result = validator(method["result"]["schema"].clone());
            let params = validator(document::params_schema(method));
            for example in examples {
                let name = format!("{}: {}", M::NAME, example["name"]);
                let given: M::Params = serde_json::from_value(example["params"].clone())
                    .unwrap_or_else(|error| panic!("{name}: params: {error}"));
                let answered: M::Result = serde_json::from_value(example["result"].clone())
                    .unwrap_or_else(|error| panic!("{name}: result: {error}"));
                for (validator, sent, typed) in [
                    (&params, &example["params"], json!(given)),
                    (&result, &example["result"], json!(answered)),
                ] {
                    assert_eq!(validator.faults(sent), Vec::<String>::new(), "{name}");
                    assert_eq!(validator.faults(&typed), Vec::<String>::new(), "{name}");
                }
                // As the daemon writes it, so that no field of it is overlooked.
                assert_eq!(json!(answered), example["result"], "{name}");
            }
        }
    }
    visit_all(&mut Examples(document::make()));
}
