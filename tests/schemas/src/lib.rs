//! For tests: are the schemas in the repository those of the code, did a
//! published promise break, does a document keep it?

#![allow(clippy::unwrap_used, clippy::panic)] // It is called by tests alone.

mod kept;
mod promise;
mod robot;
mod words;

pub use kept::{broken_promises, compare};
pub use promise::{broken_methods, broken_schema};
pub use robot::faults_of_robot_output;
pub use words::for_readers;

use serde_json::Value;

/// A schema that documents are held against.
#[derive(Debug)]
pub struct Validator(jsonschema::Validator);

impl Validator {
    /// Compiles `schema`, in whose `$ref`s only itself occurs.
    ///
    /// # Panics
    /// Where it is no schema.
    pub fn new(schema: &Value) -> Self {
        let compiled = jsonschema::options().build(schema);
        Self(compiled.unwrap_or_else(|error| panic!("this is no JSON Schema: {error}")))
    }

    /// As [`Validator::new`], and `others` are known by their addresses.
    ///
    /// # Panics
    /// Where one of them is no schema.
    pub fn with_others(schema: &Value, others: &[(&str, Value)]) -> Self {
        let mut registry = jsonschema::Registry::new();
        for (address, other) in others {
            registry = registry.add(*address, other).unwrap();
        }
        let registry = registry.prepare().unwrap();
        let compiled = jsonschema::options()
            .with_registry(&registry)
            .with_draft(jsonschema::Draft::Draft7)
            .build(schema);
        Self(compiled.unwrap_or_else(|error| panic!("this is no JSON Schema: {error}")))
    }

    /// What is wrong with `document`, a line for each place; empty where
    /// nothing is.
    pub fn faults(&self, document: &Value) -> Vec<String> {
        self.0
            .iter_errors(document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }
}
