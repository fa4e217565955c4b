//! What a schema promised and no longer keeps. Fields, methods, codes and
//! variants may be added; what somebody may rely on stays.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

/// Keywords that have to stay as they were where a promise stands.
const FIXED: [&str; 8] = [
    "format",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
];

/// Which side a schema binds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Others send it: they must not have to send more.
    Input,
    /// lore sends it: they must not get less.
    Output,
}

/// What `now`, a JSON Schema of what lore writes, breaks of `published`.
pub fn broken_schema(published: &Value, now: &Value) -> Vec<String> {
    let mut comparison = Comparison::new(published, now, Side::Output);
    comparison.schema("", published, now);
    comparison.broken
}

/// What `now`, an `OpenRPC` document, breaks of `published`.
pub fn broken_methods(published: &Value, now: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let methods = by_name(&now["methods"]);
    for (name, before) in by_name(&published["methods"]) {
        let Some(after) = methods.get(name) else {
            broken.push(format!("the method {name} is gone"));
            continue;
        };
        broken.extend(broken_params(published, now, name, before, after));
        let mut results = Comparison::new(published, now, Side::Output);
        let (before, after) = (&before["result"]["schema"], &after["result"]["schema"]);
        results.schema(&format!("{name} result"), before, after);
        broken.append(&mut results.broken);
    }
    let (before, after) = (&published["x-notifications"], &now["x-notifications"]);
    let notifications = by_name(after);
    for (name, before) in by_name(before) {
        let mut comparison = Comparison::new(published, now, Side::Output);
        match notifications.get(name) {
            Some(after) => comparison.schema(name, &before["params"], &after["params"]),
            None => broken.push(format!("the notification {name} is gone")),
        }
        broken.append(&mut comparison.broken);
    }
    broken
}

fn broken_params(
    published: &Value,
    now: &Value,
    method: &str,
    before: &Value,
    after: &Value,
) -> Vec<String> {
    let mut comparison = Comparison::new(published, now, Side::Input);
    let (before, after) = (by_name(&before["params"]), by_name(&after["params"]));
    for (name, before) in &before {
        let at = format!("{method} {name}");
        match after.get(name) {
            None => comparison.broken.push(format!("{at} is gone")),
            Some(after) => {
                if before["required"] != after["required"] {
                    let line = format!("{at}: whether it is required changed");
                    comparison.broken.push(line);
                }
                comparison.schema(&at, &before["schema"], &after["schema"]);
            }
        }
    }
    for (name, new) in &after {
        if !before.contains_key(name) && new["required"] == true {
            let line = format!("{method} {name} is new and required");
            comparison.broken.push(line);
        }
    }
    comparison.broken
}

fn by_name(list: &Value) -> BTreeMap<&str, &Value> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|entry| Some((entry["name"].as_str()?, entry)))
        .collect()
}

struct Comparison<'a> {
    published: &'a Value,
    now: &'a Value,
    side: Side,
    broken: Vec<String>,
    /// Pairs of named schemas that were compared, for types that hold
    /// themselves.
    seen: HashSet<(&'a str, &'a str)>,
}

impl<'a> Comparison<'a> {
    fn new(published: &'a Value, now: &'a Value, side: Side) -> Self {
        Self {
            published,
            now,
            side,
            broken: Vec::new(),
            seen: HashSet::new(),
        }
    }

    fn schema(&mut self, at: &str, before: &'a Value, after: &'a Value) {
        let (name_before, before) = resolved(self.published, before);
        let (name_after, after) = resolved(self.now, after);
        if let (Some(before), Some(after)) = (name_before, name_after)
            && !self.seen.insert((before, after))
        {
            return;
        }
        let said = self.broken.len();
        let (kinds_before, kinds_after) = (kinds(before), kinds(after));
        if kinds_before != kinds_after {
            self.say(
                at,
                &format!("its type was {kinds_before:?} and is {kinds_after:?}"),
            );
        }
        for keyword in FIXED {
            if before.get(keyword) != after.get(keyword) {
                self.say(at, &format!("its `{keyword}` changed"));
            }
        }
        let after_values = values(self.now, after);
        for value in values(self.published, before) {
            if !after_values.contains(&value) {
                self.say(at, &format!("the value {value} is gone"));
            }
        }
        if self.broken.len() > said {
            return;
        }
        self.properties(at, before, after);
        self.items(at, before, after);
        self.variants(at, before, after);
    }

    fn properties(&mut self, at: &str, before: &'a Value, after: &'a Value) {
        let (old, new) = (&before["properties"], &after["properties"]);
        let required = |schema: &Value, name: &str| {
            let list = schema["required"].as_array();
            list.is_some_and(|list| list.iter().any(|entry| entry == name))
        };
        for (name, was) in old.as_object().into_iter().flatten() {
            let at = format!("{at}.{name}");
            let Some(is) = new.get(name) else {
                self.say(&at, "it is gone");
                continue;
            };
            if required(before, name) != required(after, name) {
                self.say(&at, "whether it is always there changed");
            }
            self.schema(&at, was, is);
        }
        for name in new.as_object().into_iter().flat_map(|new| new.keys()) {
            if self.side == Side::Input && old.get(name).is_none() && required(after, name) {
                self.say(&format!("{at}.{name}"), "it is new and required");
            }
        }
        match (
            before.get("additionalProperties"),
            after.get("additionalProperties"),
        ) {
            (Some(was @ Value::Object(_)), Some(is @ Value::Object(_))) => {
                self.schema(&format!("{at}.*"), was, is);
            }
            (was, is) if was != is => self.say(at, "its `additionalProperties` changed"),
            _ => {}
        }
    }

    fn items(&mut self, at: &str, before: &'a Value, after: &'a Value) {
        for keyword in ["items", "prefixItems"] {
            match (before.get(keyword), after.get(keyword)) {
                (Some(Value::Array(was)), Some(Value::Array(is))) if was.len() == is.len() => {
                    for (i, (was, is)) in was.iter().zip(is).enumerate() {
                        self.schema(&format!("{at}[{i}]"), was, is);
                    }
                }
                (Some(was @ Value::Object(_)), Some(is @ Value::Object(_))) => {
                    self.schema(&format!("{at}[]"), was, is);
                }
                (was, is) if was != is => self.say(at, &format!("its `{keyword}` changed")),
                _ => {}
            }
        }
    }

    /// Each old variant still has one that keeps its promise. A list of
    /// documented names is compared by its values alone.
    fn variants(&mut self, at: &str, before: &'a Value, after: &'a Value) {
        for keyword in ["oneOf", "anyOf", "allOf"] {
            let list =
                |schema: &'a Value| schema[keyword].as_array().map_or(&[][..], Vec::as_slice);
            for (i, was) in list(before).iter().enumerate() {
                if is_names(was) {
                    continue;
                }
                let best = list(after)
                    .iter()
                    .map(|is| {
                        let mut attempt = Comparison::new(self.published, self.now, self.side);
                        attempt.seen.clone_from(&self.seen);
                        attempt.schema(&format!("{at}|{i}"), was, is);
                        attempt.broken
                    })
                    .min_by_key(Vec::len);
                match best {
                    Some(broken) => self.broken.extend(broken),
                    None => self.say(at, &format!("the variant {i} of its `{keyword}` is gone")),
                }
            }
        }
        if before.get("if").is_some() {
            for branch in ["if", "then"] {
                self.schema(&format!("{at}|{branch}"), &before[branch], &after[branch]);
            }
        }
    }

    fn say(&mut self, at: &str, what: &str) {
        self.broken.push(format!("{at}: {what}"));
    }
}

/// A schema, and its name where it has one: `$ref`s within `document` are
/// followed, and so is the wrapping of a lone one that carries a description.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> (Option<&'a str>, &'a Value) {
    let alone = match schema["allOf"].as_array().map(Vec::as_slice) {
        Some([alone]) => alone,
        _ => schema,
    };
    match alone["$ref"].as_str() {
        Some(name) => {
            let target = name.strip_prefix('#').and_then(|at| document.pointer(at));
            let target = target.unwrap_or_else(|| panic!("{name} leads nowhere"));
            (Some(name), resolved(document, target).1)
        }
        None => (None, schema),
    }
}

fn kinds(schema: &Value) -> BTreeSet<&str> {
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    }
}

/// The values that a schema lists, be it as `enum`, as `const` or as a choice
/// of documented names.
fn values<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let mut found: Vec<&Value> = schema["enum"].as_array().into_iter().flatten().collect();
    found.extend(schema.get("const"));
    for choice in schema["oneOf"].as_array().into_iter().flatten() {
        let choice = resolved(document, choice).1;
        if is_names(choice) {
            found.extend(values(document, choice));
        }
    }
    found
}

fn is_names(schema: &Value) -> bool {
    schema.get("enum").is_some() || schema.get("const").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn published() -> Value {
        json!({
            "type": "object",
            "properties": {
                "iid": { "type": "integer" },
                "state": { "$ref": "#/$defs/State" },
                "notes": { "type": "array", "items": { "$ref": "#/$defs/Note" } },
            },
            "required": ["iid", "notes"],
            "$defs": {
                "State": { "oneOf": [{ "type": "string", "enum": ["opened", "closed"] },
                                     { "type": "string", "const": "merged" }] },
                "Note": { "type": "object", "properties": { "body": { "type": "string" } } },
            },
        })
    }

    fn broken(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut now = published();
        change(&mut now);
        broken_schema(&published(), &now)
    }

    #[test]
    fn what_is_added_breaks_nothing() {
        let added = broken(|now| {
            now["properties"]["title"] = json!({ "type": "string" });
            now["required"] = json!(["iid", "notes", "title"]);
            now["$defs"]["State"]["oneOf"][0]["enum"] = json!(["opened", "closed", "locked"]);
            now["description"] = json!("words");
        });
        assert_eq!(added, Vec::<String>::new());
    }

    #[test]
    fn what_was_promised_has_to_stay() {
        let gone = broken(|now| {
            now["properties"].as_object_mut().unwrap().remove("iid");
        });
        assert_eq!(gone, [".iid: it is gone"]);
        let retyped = broken(|now| now["properties"]["iid"]["type"] = json!("string"));
        assert!(retyped[0].starts_with(".iid: its type was"), "{retyped:?}");
        let optional = broken(|now| now["required"] = json!(["notes"]));
        assert_eq!(optional, [".iid: whether it is always there changed"]);
        let nested = broken(|now| now["$defs"]["Note"]["properties"] = json!({}));
        assert_eq!(nested, [".notes[].body: it is gone"]);
        let value = broken(|now| now["$defs"]["State"]["oneOf"][1]["const"] = json!("done"));
        assert_eq!(value, [".state: the value \"merged\" is gone"]);
    }

    #[test]
    fn a_method_may_gain_optional_parameters_alone() {
        let document = |params: Value| {
            json!({ "methods": [{ "name": "m", "params": params,
                                  "result": { "name": "r", "schema": { "type": "object" } } }] })
        };
        let before = document(json!([{ "name": "a", "required": true, "schema": {} }]));
        let more = |required: bool| {
            document(json!([
                { "name": "a", "required": true, "schema": {} },
                { "name": "b", "required": required, "schema": {} },
            ]))
        };
        assert!(broken_methods(&before, &more(false)).is_empty());
        assert_eq!(
            broken_methods(&before, &more(true)),
            ["m b is new and required"]
        );
        assert_eq!(
            broken_methods(&before, &document(json!([]))),
            ["m a is gone"]
        );
        assert_eq!(
            broken_methods(&before, &json!({ "methods": [] })),
            ["the method m is gone"]
        );
    }
}
