//! Checks of a document before it is run, and what it would cost.

use graphql_parser::Pos;
use graphql_parser::query::{Field, Selection, TypeCondition};
use serde_json::{Value, json};

use super::literal::{argument, literal};
use super::schema::{self, Gives};
use super::{Operation, Selected};
use crate::options::Tier;

/// GitLab's own limit on nesting.
const DEEPEST: usize = 20;

/// Everything that is wrong with a document, as GitLab words it.
pub(super) fn problems(operation: &Operation, tier: Tier) -> Vec<Value> {
    let mut check = Check {
        operation,
        tier,
        problems: Vec::new(),
        path: vec!["query".to_owned()],
    };
    check.selections("Query", &operation.selections);
    check.problems
}

struct Check<'a> {
    operation: &'a Operation,
    tier: Tier,
    problems: Vec<Value>,
    path: Vec<String>,
}

impl Check<'_> {
    fn selections(&mut self, type_name: &str, selections: &[Selected]) {
        if self.path.len() > DEEPEST {
            self.problems
                .push(json!({ "message": "Query has too great a depth" }));
            return;
        }
        for selection in selections {
            match selection {
                Selection::Field(field) => self.field(type_name, field),
                Selection::InlineFragment(fragment) => {
                    let on = match &fragment.type_condition {
                        Some(TypeCondition::On(on)) => on.as_str(),
                        None => type_name,
                    };
                    let items = &fragment.selection_set.items;
                    self.fragment(on, fragment.position, items);
                }
                Selection::FragmentSpread(spread) => {
                    let operation = self.operation;
                    let name = &spread.fragment_name;
                    if let Some((on, items)) = operation.fragment(name) {
                        self.fragment(on, spread.position, items);
                    } else {
                        let message = format!("Fragment {name} was used, but not defined");
                        self.problems.push(json!({ "message": message }));
                    }
                }
            }
        }
    }

    fn fragment(&mut self, on: &str, position: Pos, selections: &[Selected]) {
        self.path.push(format!("... on {on}"));
        if schema::fields(on, self.tier).is_some() {
            self.selections(on, selections);
        } else {
            self.problem(
                &format!("No such type {on}, so it can't be a fragment condition"),
                position,
                &json!({ "code": "undefinedType", "typeName": on }),
            );
        }
        self.path.pop();
    }

    fn field(&mut self, type_name: &str, field: &Field<'static, String>) {
        let name = field.name.as_str();
        let selects = !field.selection_set.items.is_empty();
        self.path.push(name.to_owned());
        match schema::field(type_name, name, self.tier) {
            None => self.problem(
                &format!("Field '{name}' doesn't exist on type '{type_name}'"),
                field.position,
                &json!({
                    "code": "undefinedField", "typeName": type_name, "fieldName": name,
                }),
            ),
            Some((_, Gives::Leaf, _)) if selects => self.problem(
                &format!("Selections can't be made on scalars (field '{name}' returns String)"),
                field.position,
                &json!({ "code": "selectionMismatch", "nodeName": name }),
            ),
            Some((_, Gives::Leaf, _)) => {}
            Some((_, Gives::Type(of) | Gives::Connection(of), arguments)) => {
                self.arguments(field, arguments);
                if selects {
                    self.selections(of, &field.selection_set.items);
                } else {
                    self.problem(
                        &format!("Field must have selections (field '{name}' returns {of})"),
                        field.position,
                        &json!({ "code": "selectionMismatch", "nodeName": name }),
                    );
                }
            }
        }
        self.path.pop();
    }

    fn arguments(&mut self, field: &Field<'static, String>, known: &[&str]) {
        for (name, value) in &field.arguments {
            if !known.contains(&name.as_str()) {
                self.problem(
                    &format!("Field '{}' doesn't accept argument '{name}'", field.name),
                    field.position,
                    &json!({
                        "code": "argumentNotAccepted",
                        "name": field.name,
                        "typeName": "Field",
                        "argumentName": name,
                    }),
                );
            }
            let value = literal(value, &self.operation.variables);
            let strings = match (name.as_str(), &value) {
                ("iid", value) => value.is_string() || value.is_null(),
                ("iids", Value::Array(iids)) => iids.iter().all(Value::is_string),
                _ => true,
            };
            if !strings {
                self.problem(
                    &format!("Could not coerce value {value} to String"),
                    field.position,
                    &json!({ "code": "argumentLiteralsIncompatible", "argumentName": name }),
                );
            }
        }
    }

    fn problem(&mut self, message: &str, position: Pos, extensions: &Value) {
        self.problems.push(json!({
            "message": message,
            "locations": [{ "line": position.line, "column": position.column }],
            "path": self.path,
            "extensions": extensions,
        }));
    }
}

/// The cost of a document that passed: one for each field, and what is below
/// a connection a hundredth more for each row that it may give.
pub(super) fn complexity(operation: &Operation) -> u64 {
    // In hundredths.
    cost(operation, "Query", &operation.selections) / 100
}

fn cost(operation: &Operation, type_name: &str, selections: &[Selected]) -> u64 {
    selections
        .iter()
        .map(|selection| match selection {
            Selection::Field(field) => field_cost(operation, type_name, field),
            Selection::InlineFragment(fragment) => {
                let on = match &fragment.type_condition {
                    Some(TypeCondition::On(on)) => on.as_str(),
                    None => type_name,
                };
                cost(operation, on, &fragment.selection_set.items)
            }
            Selection::FragmentSpread(spread) => operation
                .fragment(&spread.fragment_name)
                .map_or(0, |(on, items)| cost(operation, on, items)),
        })
        .sum()
}

fn field_cost(operation: &Operation, type_name: &str, field: &Field<'static, String>) -> u64 {
    // Every type that a tier may lack was found by then; none of them hides
    // a connection.
    let below = |of| cost(operation, of, &field.selection_set.items);
    match schema::field(type_name, &field.name, Tier::Premium) {
        None | Some((_, Gives::Leaf, _)) => 100,
        Some((_, Gives::Type(of), _)) => 100 + below(of),
        Some((_, Gives::Connection(of), _)) => {
            let first = argument(field, "first", &operation.variables)
                .as_u64()
                .unwrap_or(100)
                .min(100);
            let below = below(of);
            100 + below + below * first / 100
        }
    }
}
