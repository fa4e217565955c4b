//! JSON Schemas of the tools: what they take, made from the arguments' types,
//! and what they answer, from the schemas that robot mode promises.

use std::collections::BTreeSet;

use lore_proto::{ErrorCode, WireError};
use rmcp::model::JsonObject;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::answer::{Cut, NOTICE};
use crate::commands::robot_docs::SCHEMAS;

/// From so many names on a list is not worth its room.
const MANY_NAMES: usize = 12;

/// What a tool takes. Flat and without nulls, as the simplest of clients can
/// read it: an argument that is not wanted is left out.
pub(super) fn input<T: JsonSchema>() -> JsonObject {
    let mut schema = inlined::<T>();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(plain);
    }
    schema
}

/// What a tool answers, `data` being described by `data`, a schema whose
/// references point into the schemas of robot mode.
pub(super) fn output(data: &Value) -> Result<JsonObject, WireError> {
    let all: Value = serde_json::from_str(SCHEMAS)
        .map_err(|error| WireError::new(ErrorCode::Internal, error.to_string()))?;
    let freshness = json!({ "$ref": "#/$defs/Freshness" });
    let mut definitions = Map::new();
    for schema in [data, &freshness] {
        collect(schema, &all["$defs"], &mut definitions);
    }
    definitions.values_mut().for_each(lean);
    let mut cut = Value::Object(inlined::<Cut>());
    plain(&mut cut);
    lean(&mut cut);
    let schema = json!({
        "type": "object",
        "properties": {
            "notice": { "type": "string", "const": NOTICE },
            "data": data,
            "freshness": freshness,
            "warnings": { "type": "array", "items": { "type": "string" } },
            "truncated": { "type": "array", "items": cut },
        },
        "required": ["notice", "data"],
        "$defs": definitions,
    });
    match schema {
        Value::Object(schema) => Ok(schema),
        _ => Ok(Map::new()),
    }
}

/// The schema of a type, without references.
fn inlined<T: JsonSchema>() -> JsonObject {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    match settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
    {
        Value::Object(mut schema) => {
            schema.remove("title");
            schema.remove("description");
            schema
        }
        _ => Map::new(),
    }
}

/// An argument that may be left out has one type, and no default that says so.
fn plain(property: &mut Value) {
    if let Value::Object(fields) = property {
        not_null(fields);
        let variants = fields.get("anyOf").and_then(Value::as_array).cloned();
        if let Some([Value::Object(wanted), null]) = variants.as_deref()
            && null == &json!({ "type": "null" })
        {
            fields.remove("anyOf");
            for (name, value) in wanted {
                fields.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        fields.remove("default");
        words(fields);
        if let Some(Value::String(text)) = fields.get_mut("description") {
            *text = text.replace('\n', " ");
        }
        fields.values_mut().for_each(plain);
    }
}

/// What may be null is left out instead.
fn not_null(fields: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = fields.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            fields.insert("type".to_owned(), one);
        }
    }
}

/// A name out of a list, in the plainest form; of a long list, as the error
/// codes are, any name.
fn words(fields: &mut Map<String, Value>) {
    let variants = fields.get("oneOf").and_then(Value::as_array);
    let names: Option<Vec<Value>> = variants.and_then(|variants| {
        let name = |variant: &Value| {
            variant
                .get("const")
                .filter(|name| name.is_string())
                .cloned()
        };
        variants.iter().map(name).collect()
    });
    if let Some(names) = names {
        fields.remove("oneOf");
        fields.insert("type".to_owned(), "string".into());
        if names.len() <= MANY_NAMES {
            fields.insert("enum".to_owned(), Value::Array(names));
        }
    }
    // Words of one programming language.
    fields.remove("format");
}

/// Every definition that `schema` leads to.
fn collect(schema: &Value, all: &Value, found: &mut Map<String, Value>) {
    let mut names = BTreeSet::new();
    references(schema, &mut names);
    for name in names {
        if !found.contains_key(&name)
            && let Some(definition) = all.get(&name)
        {
            found.insert(name, definition.clone());
            collect(definition, all, found);
        }
    }
}

fn references(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            let name = fields.get("$ref").and_then(Value::as_str);
            names.extend(
                name.and_then(|at| at.strip_prefix("#/$defs/"))
                    .map(str::to_owned),
            );
            fields.values().for_each(|value| references(value, names));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        _ => {}
    }
}

/// Without what an agent does not need beside the names: descriptions, which
/// would make the list of tools three times as long, and nulls, which answers
/// leave out.
fn lean(schema: &mut Value) {
    if let Value::Object(fields) = schema {
        if let Some(Value::Array(required)) = fields.remove("required") {
            let demanded: Vec<Value> = required
                .into_iter()
                .filter(|name| {
                    let properties = fields.get("properties");
                    let property = properties
                        .zip(name.as_str())
                        .and_then(|(all, name)| all.get(name));
                    !property.is_some_and(may_be_null)
                })
                .collect();
            fields.insert("required".to_owned(), Value::Array(demanded));
        }
        // Each may also be the name of a field.
        for keyword in ["description", "default", "minimum"] {
            if fields.get(keyword).is_some_and(|value| !value.is_object()) {
                fields.remove(keyword);
            }
        }
        not_null(fields);
        words(fields);
    }
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(lean),
        Value::Array(items) => items.iter_mut().for_each(lean),
        _ => {}
    }
}

fn may_be_null(property: &Value) -> bool {
    let is_null = |schema: &Value| schema["type"] == "null";
    property["type"].as_array().is_some_and(|types| types.iter().any(|name| name == "null"))
        || property["anyOf"].as_array().is_some_and(|variants| variants.iter().any(is_null))
        // Any JSON at all.
        || property == &Value::Bool(true)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lore_schemas::Validator;

    use super::super::tools::TOOLS;
    use super::*;

    fn described() -> Vec<Value> {
        let describe = |tool: &super::super::tools::Entry| (tool.describe)().unwrap();
        TOOLS
            .iter()
            .map(|tool| serde_json::to_value(describe(tool)).unwrap())
            .collect()
    }

    #[test]
    fn the_list_of_tools_is_the_kept_one() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/mcp-tools.json");
        lore_schemas::compare(&file, &Value::Array(described()), "lore-client");
    }

    #[test]
    fn there_are_few_tools_and_each_says_what_it_does_to_the_world() {
        let tools = described();
        assert!(tools.len() < 10);
        for tool in &tools {
            let name = tool["name"].as_str().unwrap();
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{name}"
            );
            let about = tool["description"].as_str().unwrap();
            assert!(
                about.contains("network"),
                "{name} does not say what it costs"
            );
            let hints = &tool["annotations"];
            assert_eq!(hints["readOnlyHint"], name != "sync", "{name}");
            assert_eq!(hints["openWorldHint"], name == "sync", "{name}");
            assert_eq!(
                (&hints["destructiveHint"], &hints["idempotentHint"]),
                (&json!(false), &json!(true))
            );
        }
        let size = Value::Array(tools).to_string().len();
        assert!(size < 50_000, "the list of tools takes {size} bytes");
    }

    #[test]
    fn what_a_tool_takes_is_closed_flat_and_described() {
        for tool in described() {
            let schema = &tool["inputSchema"];
            assert_eq!(schema["type"], "object");
            assert_eq!(schema["additionalProperties"], false, "{}", tool["name"]);
            let text = schema.to_string();
            for odd in ["$ref", "null", "anyOf", "oneOf", "format", "\\n"] {
                assert!(!text.contains(odd), "{}: {odd} in {text}", tool["name"]);
            }
            for (name, property) in schema["properties"].as_object().unwrap() {
                assert!(
                    property["description"].is_string(),
                    "{}: {name}",
                    tool["name"]
                );
                assert!(property["type"].is_string(), "{}: {name}", tool["name"]);
            }
        }
    }

    #[test]
    fn what_a_tool_answers_has_every_definition_that_it_leads_to() {
        for tool in described() {
            let schema = &tool["outputSchema"];
            let mut names = BTreeSet::new();
            references(schema, &mut names);
            for name in names {
                assert!(
                    schema["$defs"][&name].is_object(),
                    "{}: {name}",
                    tool["name"]
                );
            }
            let wrong = json!({"notice": NOTICE});
            assert!(!Validator::new(schema).faults(&wrong).is_empty());
        }
    }
}
