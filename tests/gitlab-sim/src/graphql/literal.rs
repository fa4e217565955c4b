//! Arguments and literals as JSON.

use graphql_parser::query::{self, Field};
use serde_json::{Map, Value, json};

use super::Variables;

/// An argument with its variables filled in; null where it is missing.
pub(super) fn argument(field: &Field<'static, String>, name: &str, variables: &Variables) -> Value {
    field
        .arguments
        .iter()
        .find(|(known, _)| known == name)
        .map_or(Value::Null, |(_, value)| literal(value, variables))
}

/// A literal as JSON, with its variables filled in.
pub(super) fn literal(value: &query::Value<'static, String>, variables: &Variables) -> Value {
    match value {
        query::Value::Variable(name) => variables.get(name).cloned().unwrap_or(Value::Null),
        query::Value::Int(number) => json!(number.as_i64()),
        query::Value::Float(number) => json!(number),
        query::Value::String(text) | query::Value::Enum(text) => json!(text),
        query::Value::Boolean(value) => json!(value),
        query::Value::Null => Value::Null,
        query::Value::List(values) => values
            .iter()
            .map(|value| literal(value, variables))
            .collect(),
        query::Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), literal(value, variables)))
            .collect::<Map<_, _>>()
            .into(),
    }
}
