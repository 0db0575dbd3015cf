//! What a model reads, found in its SQL as DuckDB parses it (`json_serialize_sql`), and the order to run in.
//!
//! The parse tree names tables and common table expressions alike; which is which follows from the
//! scopes of `with`, walked here. DuckDB's own list of table names is of no use: it returns aliases.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use duckdb::Connection;
use serde_json::Value;

use super::WarehouseError;
use super::model::Model;

/// A table that a SELECT names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub schema: Option<String>,
    pub table: String,
    /// Where, in the model's file.
    pub span: Range<usize>,
}

/// The SELECT without comments, layout and positions; an error where it is no SELECT.
pub(super) fn parse(connection: &Connection, model: &Model) -> Result<String, WarehouseError> {
    let mut tree = tree(connection, model)?;
    remove_positions(&mut tree);
    Ok(tree.to_string())
}

/// The tables that a model names, without its own common table expressions.
pub(super) fn references(connection: &Connection, model: &Model) -> Result<Vec<Reference>, WarehouseError> {
    let tree = tree(connection, model)?;
    let mut found = Vec::new();
    walk(&tree, &HashSet::new(), model, &mut found)?;
    Ok(found)
}

fn tree(connection: &Connection, model: &Model) -> Result<Value, WarehouseError> {
    let text: String = connection
        .query_row(
            "select json_serialize_sql(?::varchar, skip_null := true, skip_empty := true)::varchar",
            [model.sql()],
            |row| row.get(0),
        )
        .map_err(|source| WarehouseError::Engine { action: format!("parse `{}`", model.path.display()), source })?;
    let tree: Value = serde_json::from_str(&text).unwrap_or_default();
    let start = model.contract.end;
    if tree["error"] == Value::Bool(true) {
        let message = tree["error_message"].as_str().unwrap_or("not a SELECT").to_owned();
        let position = tree["position"].as_str().and_then(|text| text.parse().ok()).or(tree["position"].as_u64());
        let span = match position {
            Some(at) => start + at as usize..start + at as usize + 1,
            None => start..start + model.sql().len(),
        };
        return Err(model.wrong(
            span,
            message,
            Some("a model is one SELECT, without anything before or after it".into()),
        ));
    }
    match tree["statements"].as_array().map(Vec::as_slice) {
        Some([_one]) => Ok(tree["statements"][0].clone()),
        Some([]) | None => Err(model.wrong(start..start, "expected a SELECT, found nothing".into(), None)),
        Some(_) => Err(model.wrong(
            start..start + model.sql().len(),
            "expected one SELECT, found several".into(),
            Some("put each into a file of its own".into()),
        )),
    }
}

fn remove_positions(tree: &mut Value) {
    match tree {
        Value::Object(fields) => {
            fields.remove("query_location");
            fields.values_mut().for_each(remove_positions);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_positions),
        _ => {}
    }
}

/// Functions that make rows of nothing but their arguments.
const ROW_FUNCTIONS: [&str; 4] = ["range", "generate_series", "unnest", "repeat_row"];

fn walk(
    tree: &Value,
    scope: &HashSet<String>,
    model: &Model,
    found: &mut Vec<Reference>,
) -> Result<(), WarehouseError> {
    match tree {
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, scope, model, found)),
        Value::Object(fields) => {
            let mut scope = scope.clone();
            // A name of `with` is known in the expressions after it, in the main query and, for
            // recursive ones, in itself. A model that reads a table of the same name inside its
            // own definition would be ambiguous to a reader too, so all names of one `with` count at once.
            if let Some(map) = fields.get("cte_map").and_then(|map| map["map"].as_array()) {
                scope.extend(map.iter().filter_map(|entry| entry["key"].as_str()).map(str::to_lowercase));
            }
            if let Some(name) = fields.get("ctename").or(fields.get("cte_name")).and_then(Value::as_str) {
                scope.insert(name.to_lowercase());
            }
            let position = || {
                let at = fields.get("query_location").and_then(Value::as_u64).unwrap_or_default() as usize;
                (model.contract.end + at).min(model.text.len())
            };
            match fields.get("type").and_then(Value::as_str) {
                Some("BASE_TABLE") => {
                    let text = |key: &str| {
                        let text = fields.get(key).and_then(Value::as_str).unwrap_or_default();
                        (!text.is_empty()).then(|| text.to_owned())
                    };
                    let (schema, table) = (text("schema_name"), text("table_name").unwrap_or_default());
                    if schema.is_some() || !scope.contains(&table.to_lowercase()) {
                        let at = position();
                        let length = model.text[at..]
                            .find(|c: char| c.is_whitespace() || matches!(c, ',' | ')' | ';'))
                            .unwrap_or(1);
                        found.push(Reference { schema, table, span: at..at + length });
                    }
                }
                Some("TABLE_FUNCTION") => {
                    let name = fields
                        .get("function")
                        .and_then(|function| function["function_name"].as_str())
                        .unwrap_or_default();
                    if !ROW_FUNCTIONS.contains(&name) {
                        let at = position();
                        return Err(model.wrong(
                            at..at + 1,
                            format!("expected a table, found the function `{name}`"),
                            Some("models read tables of the lake and other models, never files".into()),
                        ));
                    }
                }
                _ => {}
            }
            fields.values().try_for_each(|value| walk(value, &scope, model, found))
        }
        _ => Ok(()),
    }
}

/// Puts each model after those that it reads; a circle is an error.
pub(super) fn ordered(mut models: BTreeMap<String, Model>) -> Result<Vec<Model>, WarehouseError> {
    let mut order: Vec<Model> = Vec::with_capacity(models.len());
    while let Some(first) = models.values().next() {
        let ready: Vec<String> = models
            .values()
            .filter(|model| model.reads.iter().all(|name| !models.contains_key(name)))
            .map(|model| model.name.clone())
            .collect();
        if ready.is_empty() {
            let names: Vec<&str> = models.keys().map(String::as_str).collect();
            return Err(first.wrong(
                first.contract.end..first.text.trim_end().len(),
                format!("these models read each other in a circle: {}", names.join(", ")),
                Some("move what they share into a model of its own".into()),
            ));
        }
        for name in ready {
            order.extend(models.remove(&name));
        }
    }
    Ok(order)
}
