//! Makes the `OpenRPC` document from the table of methods and the wire types.

use std::collections::BTreeMap;

use lore_proto::error::ErrorData;
use lore_proto::events::{Event, SubscribeJobs};
use lore_proto::methods::{
    ANY, Described, Effect, JOBS_EVENT, JOBS_SUBSCRIBE, JOBS_UNSUBSCRIBE, Visitor, visit_all,
};
use lore_proto::{ErrorCode, PROTOCOL, SCHEMA};
use schemars::generate::{Contract, SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

/// Where the named schemas are.
const SCHEMAS: &str = "/components/schemas";

/// The newest version that the official meta-schema knows.
const OPENRPC: &str = "1.3.2";

/// The document.
pub(crate) fn make() -> Value {
    let mut methods = Methods::default();
    visit_all(&mut methods);
    methods.subscriptions();
    let notifications = methods.notifications();
    let Methods {
        mut params,
        mut results,
        list,
    } = methods;
    let error_data = results.subschema_for::<ErrorData>();
    let mut inputs = params.take_definitions(true);
    let mut schemas = results.take_definitions(true);
    let entries: Vec<Value> = list.iter().map(|m| m.finish(&inputs)).collect();
    // Parameters stand at their methods, one by one.
    inputs.retain(|name, _| list.iter().all(|m| m.params != *name));
    for (name, schema) in inputs {
        // One name means one thing, whichever way it goes.
        let other = schemas.insert(name.clone(), schema.clone());
        assert!(
            other.is_none_or(|other| other == schema),
            "{name} has two forms"
        );
    }
    let mut document = json!({
        "openrpc": OPENRPC,
        "info": {
            "title": "lore",
            "version": PROTOCOL.to_string(),
            "description": "What lored answers on its Unix socket. Parameters go by name. \
                            Errors of lore carry, in `data`, the same code, exit status and cures \
                            as the robot documents of the command line; the codes below -32000 \
                            are JSON-RPC's own, with lore's code in `data` too. Unknown \
                            fields of results are to be passed over: fields, methods, codes and \
                            event kinds are added within a version.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "methods": entries,
        "components": { "schemas": schemas, "errors": errors() },
        "x-notifications": notifications,
        "x-error-data": error_data,
        "x-robot-schema": SCHEMA,
    });
    lore_schemas::for_readers(&mut document);
    document
}

/// The parameters of a method of the document as one schema.
pub(crate) fn params_schema(method: &Value) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for param in method["params"].as_array().unwrap() {
        let name = param["name"].as_str().unwrap();
        properties.insert(name.to_owned(), param["schema"].clone());
        if param["required"] == true {
            required.push(name);
        }
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": method["x-unknown-params"] == "passed over",
    })
}

struct Methods {
    params: SchemaGenerator,
    results: SchemaGenerator,
    list: Vec<OneMethod>,
}

struct OneMethod {
    name: &'static str,
    summary: &'static str,
    effect: Effect,
    errors: Vec<ErrorCode>,
    examples: Vec<Value>,
    /// The name of the parameters' type.
    params: String,
    result: Value,
}

impl Default for Methods {
    fn default() -> Self {
        Self {
            params: generator(Contract::Deserialize),
            results: generator(Contract::Serialize),
            list: Vec::new(),
        }
    }
}

/// `OpenRPC` takes JSON Schema in its draft 7.
fn generator(contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.definitions_path = SCHEMAS.into();
        settings.meta_schema = None;
        settings.contract = contract;
    });
    settings.into_generator()
}

impl Visitor for Methods {
    fn visit<M: Described>(&mut self) {
        let mut errors: Vec<ErrorCode> = M::ERRORS.concat();
        errors.sort_unstable();
        errors.dedup();
        let result = self.results.subschema_for::<M::Result>().to_value();
        let examples: Vec<Value> = serde_json::from_str(M::EXAMPLES).unwrap();
        self.enter::<M::Params>(OneMethod {
            name: M::NAME,
            summary: M::SUMMARY,
            effect: M::EFFECT,
            errors,
            examples: examples.iter().map(pairing).collect(),
            params: String::new(),
            result,
        });
    }
}

impl Methods {
    fn enter<P: JsonSchema>(&mut self, mut method: OneMethod) {
        self.params.subschema_for::<P>();
        method.params = P::schema_name().into_owned();
        self.list.push(method);
    }

    /// What is no call with an answer, and cannot stand in the table.
    fn subscriptions(&mut self) {
        let name = "one job, from its beginning";
        let example =
            json!({ "name": name, "params": { "job_id": 12, "after_seq": 0 }, "result": 1 });
        let mut errors = ANY.to_vec();
        errors.push(ErrorCode::NotFound);
        let id = json!({ "type": "integer", "minimum": 1, "description": "The subscription." });
        self.enter::<SubscribeJobs>(OneMethod {
            name: JOBS_SUBSCRIBE,
            summary: "Subscribes to the events of a job, those so far included, or of all jobs from now on; not over HTTP POST.",
            effect: Effect::Read,
            errors,
            examples: vec![pairing(&example)],
            params: String::new(),
            result: id,
        });
        let example = json!({ "name": "the subscription 1", "params": { "subscription": 1 }, "result": true });
        let known =
            json!({ "type": "boolean", "description": "Whether there was one by that number." });
        self.enter::<Unsubscribe>(OneMethod {
            name: JOBS_UNSUBSCRIBE,
            summary: "Ends a subscription.",
            effect: Effect::Read,
            errors: ANY.to_vec(),
            examples: vec![pairing(&example)],
            params: String::new(),
            result: known,
        });
    }

    fn notifications(&mut self) -> Value {
        let event = self.results.subschema_for::<Event>();
        json!([{
            "name": JOBS_EVENT,
            "summary": "An event of a job, to those who subscribed. `result` carries it.",
            "params": {
                "type": "object",
                "properties": {
                    "subscription": { "type": "integer", "minimum": 1 },
                    "result": event,
                },
                "required": ["subscription", "result"],
            },
        }])
    }
}

/// Parameters of `jobs.unsubscribe`, which the dispatcher reads itself.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code)] // It is here for its schema.
struct Unsubscribe {
    /// The number that `jobs.subscribe` gave.
    subscription: u64,
}

impl OneMethod {
    /// Its entry; its parameters are among `inputs`.
    fn finish(&self, inputs: &Map<String, Value>) -> Value {
        let schema = Schema::try_from(inputs[&self.params].clone()).unwrap();
        let required = |name: &str| {
            let list = schema.get("required").and_then(Value::as_array);
            list.is_some_and(|list| list.iter().any(|entry| entry == name))
        };
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut descriptors: Vec<Value> = properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| descriptor(name, schema, required(name)))
            .collect();
        // By the specification, what has to be given comes first.
        descriptors.sort_by_key(|descriptor| descriptor["required"] != true);
        let errors = self
            .errors
            .iter()
            .map(|code| json!({ "$ref": format!("#/components/errors/{code}") }));
        let mut method = json!({
            "name": self.name,
            "summary": self.summary,
            "tags": [{ "name": match self.effect { Effect::Read => "read", Effect::Write => "write" } }],
            "paramStructure": "by-name",
            "params": descriptors,
            "result": { "name": "result", "schema": self.result },
            "errors": errors.collect::<Vec<_>>(),
            "examples": self.examples,
        });
        if schema.get("additionalProperties") != Some(&json!(false)) {
            method["x-unknown-params"] = json!("passed over");
        }
        method
    }
}

fn descriptor(name: &str, schema: &Value, required: bool) -> Value {
    let mut schema = schema.clone();
    let description = schema.as_object_mut().and_then(|s| s.remove("description"));
    json!({
        "name": name,
        "description": description,
        "required": required,
        "schema": schema,
    })
}

fn pairing(example: &Value) -> Value {
    let params = example["params"].as_object().unwrap().iter();
    let params: Vec<Value> = params
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    json!({
        "name": example["name"],
        "params": params,
        "result": { "name": "result", "value": example["result"] },
    })
}

fn errors() -> BTreeMap<&'static str, Value> {
    ErrorCode::ALL
        .iter()
        .map(|code| {
            let data = json!({
                "code": code.as_str(),
                "exit_code": code.exit_code(),
                "retryable": code.retryable(),
            });
            let error = json!({ "code": code.rpc_code(), "message": code.meaning(), "data": data });
            (code.as_str(), error)
        })
        .collect()
}
