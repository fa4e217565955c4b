//! GraphQL: enough of the schema for work item status and for cheap sweeps.
//!
//! Errors come as GitLab's do: with HTTP 200, without `data` where the
//! document itself is wrong.

mod connection;
mod literal;
mod resolve;
mod schema;
mod validate;

use graphql_parser::query::{Definition, Document, OperationDefinition, Selection};
use serde_json::{Map, Value, json};

use self::resolve::Resolver;
use crate::http::{Render, Reply, Request};

/// GitLab's own limit on the text of a query.
const LONGEST_QUERY: usize = 10_000;

pub(super) type Variables = Map<String, Value>;
pub(super) type Selected = Selection<'static, String>;

/// One operation, ready to be checked and run.
pub(super) struct Operation {
    pub(super) selections: Vec<Selected>,
    pub(super) variables: Variables,
    document: Document<'static, String>,
}

impl Operation {
    /// The selections of a named fragment and the type it is on.
    pub(super) fn fragment(&self, name: &str) -> Option<(&str, &[Selected])> {
        self.document
            .definitions
            .iter()
            .find_map(|definition| match definition {
                Definition::Fragment(fragment) if fragment.name == name => {
                    let graphql_parser::query::TypeCondition::On(on) = &fragment.type_condition;
                    Some((on.as_str(), fragment.selection_set.items.as_slice()))
                }
                _ => None,
            })
    }
}

/// The answer to a POST of one query, or of several in an array.
pub(crate) fn answer(render: &Render<'_>, request: &Request) -> Reply {
    if request.method != "POST" {
        return Reply::no_route();
    }
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        let problem = errors(&[json!({ "message": "Unexpected end of document" })]);
        return Reply::raw_json(400, problem.to_string().into_bytes());
    };
    let result = match body {
        Value::Array(queries) => {
            let results = queries.iter().map(|query| run(render, query)).collect();
            Value::Array(results)
        }
        query => run(render, &query),
    };
    Reply::json(&result)
}

fn run(render: &Render<'_>, query: &Value) -> Value {
    let operation = match read(query) {
        Ok(operation) => operation,
        Err(message) => return errors(&[json!({ "message": message })]),
    };
    let problems = validate::problems(&operation, render.options.tier);
    if !problems.is_empty() {
        return errors(&problems);
    }
    let score = validate::complexity(&operation);
    let limit = render.options.max_complexity;
    if score > limit {
        let message =
            format!("Query has complexity of {score}, which exceeds max complexity of {limit}");
        return errors(&[json!({ "message": message })]);
    }
    let resolver = Resolver {
        render,
        operation: &operation,
        score,
    };
    json!({ "data": resolver.run() })
}

fn read(query: &Value) -> Result<Operation, String> {
    let text = query
        .get("query")
        .and_then(Value::as_str)
        .ok_or("No query string was present")?;
    if text.chars().count() > LONGEST_QUERY {
        return Err("Query too large".to_owned());
    }
    let document = graphql_parser::parse_query::<String>(text)
        .map_err(|error| error.to_string())?
        .into_static();
    let wanted = query.get("operationName").and_then(Value::as_str);
    let mut variables = match query.get("variables") {
        Some(Value::Object(map)) => map.clone(),
        _ => Variables::new(),
    };
    let mut selections = None;
    for definition in &document.definitions {
        let Definition::Operation(operation) = definition else {
            continue;
        };
        match operation {
            OperationDefinition::SelectionSet(set) => selections = Some(set.items.clone()),
            OperationDefinition::Query(query) => {
                if wanted.is_some() && wanted != query.name.as_deref() {
                    continue;
                }
                for variable in &query.variable_definitions {
                    let name = &variable.name;
                    if variables.contains_key(name) {
                        continue;
                    }
                    if let Some(default) = &variable.default_value {
                        let value = literal::literal(default, &Variables::new());
                        variables.insert(name.clone(), value);
                    } else if matches!(
                        variable.var_type,
                        graphql_parser::query::Type::NonNullType(_)
                    ) {
                        return Err(format!(
                            "Variable ${name} of type {} was provided invalid value",
                            variable.var_type
                        ));
                    }
                }
                selections = Some(query.selection_set.items.clone());
            }
            OperationDefinition::Mutation(_) | OperationDefinition::Subscription(_) => {
                return Err("Only queries are served here".to_owned());
            }
        }
    }
    Ok(Operation {
        selections: selections.ok_or("An operation name is required")?,
        variables,
        document,
    })
}

fn errors(errors: &[Value]) -> Value {
    json!({ "errors": errors })
}
