//! The JSON Schemas of the robot documents: made from the commands' facts and
//! the wire types, kept in `client/schemas/`, and promised.

use std::path::{Path, PathBuf};

use lore_proto::SCHEMA;
use lore_proto::envelope::{Failure, Meta};
use lore_proto::events::Event;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{FACTS, Facts};
use crate::about::{Help, ThisBuild};

fn file(below: &str) -> PathBuf {
    let name = format!("{}.json", SCHEMA.replace('/', "-"));
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below).join(name)
}

#[test]
fn the_schemas_in_the_repository_are_the_codes() {
    lore_schemas::compare(&file("schemas"), &make(), "lore-client");
}

#[test]
fn what_was_published_under_this_name_still_holds() {
    let now = make();
    let broken = lore_schemas::broken_promises(
        &file("schemas/published"),
        &now,
        "lore-client",
        lore_schemas::broken_schema,
    );
    assert!(
        broken.is_empty(),
        "scripts rely on what this breaks of `{SCHEMA}`; keep it, or raise `SCHEMA` in \
         lore-proto:\n{}",
        broken.join("\n")
    );
}

#[test]
fn a_field_that_goes_breaks_the_promise() {
    let mut changed = make();
    let fields = &mut changed["$defs"]["FileMergeRequest"]["properties"];
    fields.as_object_mut().unwrap().remove("title");
    let broken = lore_schemas::broken_schema(&make(), &changed);
    assert!(
        broken
            .iter()
            .any(|line| line.contains(".title: it is gone")),
        "{broken:?}"
    );
}

/// One schema that holds for every document and every line of robot mode.
fn make() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.meta_schema = None)
        .for_serialize()
        .into_generator();
    let mut answers = Vec::new();
    let mut data = Map::new();
    for facts in FACTS.iter().copied().flatten() {
        let schema = (facts.data)(&mut generator).to_value();
        data.insert(key(facts), schema);
        answers.push(json!({
            "if": { "properties": { "meta": { "properties": { "command": { "const": facts.name } } } } },
            "then": { "properties": { "data": { "anyOf": [
                { "$ref": format!("#/$defs/{}", key(facts)) },
                { "$ref": "#/$defs/About" },
            ] } } },
        }));
    }
    // `lore` alone, and what names no command.
    answers.push(json!({
        "if": { "properties": { "meta": { "properties": { "command": { "const": "" } } } } },
        "then": { "properties": { "data": { "$ref": "#/$defs/About" } } },
    }));
    let about = [
        subschema::<Help<'_>>(&mut generator),
        subschema::<ThisBuild>(&mut generator),
    ];
    let meta = subschema::<Meta>(&mut generator);
    let failure = subschema::<Failure>(&mut generator);
    let event = subschema::<Event>(&mut generator);
    let mut defs = generator.take_definitions(true);
    for facts in FACTS.iter().copied().flatten().filter(|f| f.rows.is_some()) {
        let full = data[&key(facts)].clone();
        let picked = picked(&mut defs, &full, facts.rows.unwrap());
        data.insert(key(facts), json!({ "anyOf": [full, picked] }));
    }
    defs.extend(data);
    defs.insert("About".to_owned(), json!({ "anyOf": about }));
    let answer = json!({
        "description": "A command that went well.",
        "type": "object",
        "properties": { "ok": { "const": true }, "data": true, "meta": meta },
        "required": ["ok", "data", "meta"],
        "allOf": answers,
    });
    defs.insert("Answer".to_owned(), answer);
    let line = json!({
        "description": "A line of `--events` before the last.",
        "type": "object",
        "properties": { "event": event },
        "required": ["event"],
    });
    defs.insert("EventLine".to_owned(), line);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "description": "Every document that `lore --robot` writes. `data` is by command: \
                        `$defs/data.<command>`, with `-` for spaces; of `--help` it is \
                        `$defs/Help`, of `--version` `$defs/Version`. Unknown fields are to be \
                        passed over.",
        "anyOf": [{ "$ref": "#/$defs/Answer" }, failure, { "$ref": "#/$defs/EventLine" }],
        "$defs": defs,
    });
    lore_schemas::for_readers(&mut schema);
    schema
}

fn subschema<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// Where a command's `data` is described.
fn key(facts: &Facts) -> String {
    format!("data.{}", facts.name.replace(' ', "-"))
}

/// The same answer with `--fields`: rows that lack what was not chosen.
fn picked(defs: &mut Map<String, Value>, schema: &Value, rows: &str) -> Value {
    let name = schema["$ref"]
        .as_str()
        .and_then(|at| at.strip_prefix("#/$defs/"));
    let Some(name) = name.map(str::to_owned) else {
        panic!("{schema} has no name");
    };
    let fewer = format!("{name}.fields");
    let mut answer = defs[&name].clone();
    if let Some(variants) = answer["anyOf"].as_array().cloned() {
        let variants: Vec<Value> = variants.iter().map(|v| picked(defs, v, rows)).collect();
        answer["anyOf"] = Value::Array(variants);
    } else if answer["properties"].get(rows).is_some() {
        let row = &mut answer["properties"][rows]["items"];
        *row = picked(defs, &row.clone(), rows);
    } else {
        answer.as_object_mut().unwrap().remove("required");
        answer["description"] = json!(format!("`{name}`, of which `--fields` chose some fields."));
    }
    defs.insert(fewer.clone(), answer);
    json!({ "$ref": format!("#/$defs/{fewer}") })
}
