//! What a model reads, found in its SQL as DuckDB parses it (`json_serialize_sql`), and the order to run in.
//!
//! The parse tree names tables and common table expressions alike; which is which follows from the
//! scopes of `with`, walked here. DuckDB's own list of table names is of no use: it returns aliases.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use duckdb::Connection;
use serde_json::{Map, Value};

use super::model::Model;
use super::{WarehouseError, engine};
use crate::parallel;

/// A table that a SELECT names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub schema: Option<String>,
    pub table: String,
    /// Where, in the model's file.
    pub span: Range<usize>,
}

/// A SELECT as DuckDB understands it.
pub(super) struct Parsed {
    /// It without comments, layout and positions.
    pub normalised: String,
    /// The tables that it names, without its own common table expressions.
    pub references: Vec<Reference>,
}

/// Parses models, on all cores: for a project of a hundred models this is most of what a run without news would cost. An error
/// where one is no SELECT.
pub(super) fn parse(models: &[Model]) -> Result<Vec<Parsed>, WarehouseError> {
    parallel::divided(models, parse_some)
}

fn parse_some(models: &[Model]) -> Result<Vec<Parsed>, WarehouseError> {
    let connection = Connection::open_in_memory().map_err(engine::refused("start".to_owned()))?;
    let parse = |model: &Model| {
        let mut tree = tree(&connection, model)?;
        let mut references = Vec::new();
        walk(&tree, &HashSet::new(), model, &mut references)?;
        remove_positions(&mut tree);
        Ok(Parsed { normalised: tree.to_string(), references })
    };
    models.iter().map(parse).collect()
}

/// Whether a SELECT gives rows of one table of the lake, none of them twice, with at least these columns of it among `grain`:
/// what identifies a row there identifies one here, and need not be counted. Anything that this does not know is a no.
pub(super) fn keeps_apart(
    connection: &Connection,
    model: &Model,
    table: &str,
    key: &[&str],
) -> Result<bool, WarehouseError> {
    let tree = tree(connection, model)?;
    let node = &tree["node"];
    let knows = |value: &Value, known: &[&str]| {
        value.as_object().is_some_and(|fields| {
            fields
                .iter()
                .all(|(name, value)| known.contains(&name.as_str()) || value.as_object().is_some_and(Map::is_empty))
        })
    };
    let from = &node["from_table"];
    let list = node["select_list"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_plain = knows(node, &["type", "select_list", "from_table", "where_clause", "aggregate_handling"])
        && node["type"] == "SELECT_NODE"
        && node["aggregate_handling"] == "STANDARD_HANDLING"
        && knows(
            from,
            &[
                "type",
                "alias",
                "schema_name",
                "table_name",
                "qualified_name",
                "query_location",
                "query_location_length",
            ],
        )
        && from["type"] == "BASE_TABLE"
        && (from["schema_name"] == "lake" && from["table_name"] == table);
    // A list made into rows repeats the others.
    let makes_rows =
        list.iter().any(|column| ["unnest", "unlist"].iter().any(|name| column.to_string().contains(name)));
    let from_grain: Vec<&str> = list
        .iter()
        .filter(|column| column["type"] == "COLUMN_REF")
        .filter_map(|column| {
            let source = column["column_names"].as_array()?.last()?.as_str()?;
            let name = column["alias"].as_str().unwrap_or(source);
            model.contract.grain.iter().any(|own| own == name).then_some(source)
        })
        .collect();
    Ok(is_plain && !makes_rows && key.iter().all(|column| from_grain.contains(column)))
}

pub(super) fn tree(connection: &Connection, model: &Model) -> Result<Value, WarehouseError> {
    let text: String = connection
        .query_row(
            "select json_serialize_sql(?::varchar, skip_null := true, skip_empty := true)::varchar",
            [model.sql()],
            |row| row.get(0),
        )
        .map_err(engine::refused(format!("parse `{}`", model.path.display())))?;
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

/// Whether a text is one SQL expression, and nothing before, between or behind it.
pub(super) fn is_expression(connection: &Connection, text: &str) -> Result<bool, WarehouseError> {
    let tree: String = connection
        .query_row(
            "select json_serialize_sql(?::varchar, skip_null := true, skip_empty := true)::varchar",
            [format!("select\n{text}\n")],
            |row| row.get(0),
        )
        .map_err(engine::refused("parse an audit".to_owned()))?;
    let tree: Value = serde_json::from_str(&tree).unwrap_or_default();
    let Some([statement]) = tree["statements"].as_array().map(Vec::as_slice) else {
        return Ok(false);
    };
    let node = &statement["node"];
    let Some([expression]) = node["select_list"].as_array().map(Vec::as_slice) else {
        return Ok(false);
    };
    let is_bare = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let known = ["type", "cte_map", "select_list", "from_table", "aggregate_handling"];
    let has_more = node.as_object().is_some_and(|fields| {
        fields.iter().any(|(name, value)| {
            !known.contains(&name.as_str()) && !is_bare(value) && !value.as_object().is_some_and(Map::is_empty)
        })
    });
    Ok(node["type"] == "SELECT_NODE"
        && node["from_table"]["type"] == "EMPTY"
        && !has_more
        && expression["alias"].as_str().is_none_or(str::is_empty))
}

pub(super) fn remove_positions(tree: &mut Value) {
    match tree {
        Value::Object(fields) => {
            fields.remove("query_location");
            fields.remove("query_location_length");
            fields.values_mut().for_each(remove_positions);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_positions),
        _ => {}
    }
}

/// Functions that make rows of nothing but their arguments.
const ROW_FUNCTIONS: [&str; 4] = ["range", "generate_series", "unnest", "repeat_row"];

/// Functions whose result depends on the moment or on chance: the same inputs must give the same build.
const UNREPEATABLE: [&str; 23] = [
    "now",
    "today",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "get_current_time",
    "get_current_timestamp",
    "transaction_timestamp",
    "random",
    "setseed",
    "uuid",
    "uuidv4",
    "uuidv7",
    "gen_random_uuid",
    "nextval",
    "currval",
    "setval",
    "txid_current",
    "current_transaction_id",
    "pg_postmaster_start_time",
    "pg_conf_load_time",
];

/// Functions whose result depends on the machine, the program or the session.
const OF_THE_MACHINE: [&str; 28] = [
    "version",
    "pg_version",
    "user_agent",
    "current_setting",
    "getenv",
    "getvariable",
    "current_database",
    "current_catalog",
    "current_schema",
    "current_schemas",
    "current_role",
    "current_user",
    "session_user",
    "user",
    "current_query",
    "current_query_id",
    "current_connection_id",
    "in_search_path",
    "pg_backend_pid",
    "pg_my_temp_schema",
    "inet_client_addr",
    "inet_client_port",
    "inet_server_addr",
    "inet_server_port",
    "get_block_size",
    "stats",
    "vector_type",
    "write_log",
];

/// Those of them that are asked without parentheses, in the words of SQL: all others are columns if they stand so.
const WITHOUT_PARENTHESES: [&str; 11] = [
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "current_catalog",
    "current_schema",
    "current_role",
    "current_user",
    "session_user",
    "user",
];

fn walk(
    tree: &Value,
    scope: &HashSet<String>,
    model: &Model,
    found: &mut Vec<Reference>,
) -> Result<(), WarehouseError> {
    match tree {
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, scope, model, found)),
        Value::Object(fields) => {
            let text = |key: &str| fields.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
            let kind = text("type").unwrap_or_default();
            // The names of `with` are known in what follows them, not before: a table may have the name of a
            // later one.
            let mut scope = scope.clone();
            let entries = fields.get("cte_map").and_then(|map| map["map"].as_array());
            for entry in entries.into_iter().flatten() {
                walk(&entry["value"], &scope, model, found)?;
                scope.extend(entry["key"].as_str().map(str::to_lowercase));
            }
            // A recursive one is known in its own second half.
            let itself = text("cte_name").or(text("ctename")).map(str::to_lowercase);
            let behind: &[&str] = match kind {
                "RECURSIVE_CTE_NODE" => &["right"],
                _ => &["child"],
            };
            let place = || {
                let number =
                    |key: &str| fields.get(key).and_then(Value::as_u64).and_then(|at| usize::try_from(at).ok());
                let start = number("query_location").and_then(|at| model.contract.end.checked_add(at));
                match start.filter(|start| *start <= model.text.len()) {
                    Some(start) => start..start + number("query_location_length").unwrap_or(1).max(1),
                    None => model.contract.end..model.text.len(),
                }
            };
            if fields.get("sample").is_some_and(|sample| sample["method"].is_string()) {
                // A sample of the whole SELECT has no place in the tree.
                let using = || model.sql().to_ascii_lowercase().find("using sample");
                let span = match kind {
                    "SELECT_NODE" => using().map_or_else(place, |at| {
                        let start = model.contract.end + at;
                        start..start + "using sample".len()
                    }),
                    _ => place(),
                };
                return Err(model.wrong(
                    span,
                    "expected what the inputs decide, found a sample".into(),
                    Some("the same inputs must give the same rows at any time: choose them by a column".into()),
                ));
            }
            let modifiers = fields.get("modifiers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let modifier = |is: fn(&str) -> bool| modifiers.iter().find(|one| one["type"].as_str().is_some_and(is));
            if let Some(limit) = modifier(|kind| kind.starts_with("LIMIT"))
                && modifier(|kind| kind == "ORDER_MODIFIER").is_none()
            {
                let number = ["limit", "offset"].into_iter().find_map(|name| {
                    let at = limit[name]["query_location"].as_u64().and_then(|at| usize::try_from(at).ok())?;
                    let length = limit[name]["query_location_length"].as_u64().and_then(|at| usize::try_from(at).ok());
                    let start = model.contract.end.checked_add(at).filter(|start| *start <= model.text.len())?;
                    Some(start..start + length.unwrap_or(1).max(1))
                });
                return Err(model.wrong(
                    number.unwrap_or_else(place),
                    "expected rows that the inputs decide, found `limit` without `order by`".into(),
                    Some("put `order by` before it, down to columns that identify a row".into()),
                ));
            }
            match kind {
                "BASE_TABLE" => {
                    let (schema, table) = (text("schema_name"), text("table_name").unwrap_or_default());
                    if schema.is_some() || !scope.contains(&table.to_lowercase()) {
                        let (schema, table) = (schema.map(str::to_owned), table.to_owned());
                        found.push(Reference { schema, table, span: place() });
                    }
                }
                "TABLE_FUNCTION" => {
                    let function = fields.get("function").unwrap_or(&Value::Null);
                    let name = function["function_name"].as_str().unwrap_or_default();
                    if !ROW_FUNCTIONS.contains(&name) {
                        return Err(model.wrong(
                            place(),
                            format!("expected a table, found the function `{name}`"),
                            Some("models read tables of the lake and other models, never files".into()),
                        ));
                    }
                }
                "FUNCTION" | "COLUMN_REF" => {
                    let column = fields.get("column_names").and_then(Value::as_array).map(Vec::as_slice);
                    let name = match column {
                        Some([name]) => name.as_str(),
                        Some(_) => None,
                        None => text("function_name"),
                    };
                    let is_one = |of: &[&str]| {
                        name.is_some_and(|name| {
                            let name = name.to_lowercase();
                            let is_asked = column.is_none() || WITHOUT_PARENTHESES.contains(&name.as_str());
                            is_asked && of.contains(&name.as_str())
                        })
                    };
                    let hint = if is_one(&UNREPEATABLE) {
                        Some("the same inputs must give the same rows at any time: use a column, such as `vintage`")
                    } else if is_one(&OF_THE_MACHINE) {
                        Some(
                            "the same inputs must give the same rows on any machine; a column of this name is written behind its table's",
                        )
                    } else {
                        None
                    };
                    if let (Some(name), Some(hint)) = (name, hint) {
                        return Err(model.wrong(
                            place(),
                            format!("expected what the inputs decide, found `{name}`"),
                            Some(hint.into()),
                        ));
                    }
                }
                _ => {}
            }
            for (key, value) in fields.iter().filter(|(key, _)| *key != "cte_map") {
                match &itself {
                    Some(name) if behind.contains(&key.as_str()) => {
                        let mut scope = scope.clone();
                        scope.insert(name.clone());
                        walk(value, &scope, model, found)?;
                    }
                    _ => walk(value, &scope, model, found)?,
                }
            }
            Ok(())
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::contract;
    use super::super::model::Layer;
    use super::*;

    fn model(select: &str) -> Model {
        let text = format!("-- Rows.\n-- grain: a, c\n{select}");
        let contract = contract::parse("m.sql".as_ref(), &text).unwrap();
        Model {
            name: "m".into(),
            layer: Layer::Staging,
            path: "m.sql".into(),
            text,
            contract,
            reads: Vec::new(),
            reads_lake: Vec::new(),
            select_hash: String::new(),
        }
    }

    #[test]
    fn what_depends_on_chance_or_on_the_machine_is_no_model() {
        let refused = |select: &str| match parse(&[model(select)]) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        for (select, found) in [
            ("select a from lake.t using sample 10", "expected what the inputs decide, found a sample"),
            ("select a from lake.t tablesample 10%", "expected what the inputs decide, found a sample"),
            (
                "select a from (select a from lake.t) as u tablesample reservoir(5 rows)",
                "expected what the inputs decide, found a sample",
            ),
            ("select a from lake.t limit 3", "expected rows that the inputs decide, found `limit` without `order by`"),
            (
                "select a from (select a from lake.t limit 10%) as u order by a limit 3",
                "expected rows that the inputs decide, found `limit` without `order by`",
            ),
            ("select a from lake.t offset 3", "expected rows that the inputs decide, found `limit` without `order by`"),
            ("select current_setting('threads') as a", "expected what the inputs decide, found `current_setting`"),
            ("select version() as a", "expected what the inputs decide, found `version`"),
            ("select current_user as a", "expected what the inputs decide, found `current_user`"),
            ("select NOW() as a", "expected what the inputs decide, found `NOW`"),
        ] {
            // DuckDB writes names of functions in lower case.
            assert_eq!(refused(select).to_lowercase(), found.to_lowercase(), "{select}");
        }
        for select in [
            "select a from lake.t order by a limit 3",
            "(select a from lake.t union all select b from lake.u) order by a limit 3",
            "select version, t.user, today from lake.t",
        ] {
            assert_eq!(refused(select), "", "{select}");
        }
    }

    #[test]
    fn an_expression_stands_alone() {
        let connection = Connection::open_in_memory().unwrap();
        let is_expression = |text: &str| is_expression(&connection, text).unwrap();
        for text in ["a is null or a between 0 and 100", "(a)", "a in (select b from t limit 1)", "a = 'x; y'"] {
            assert!(is_expression(text), "{text}");
        }
        for text in [
            "a is not null) union select * from (select 1",
            "a) or (b",
            "a union select 1",
            "a, b",
            "a as b",
            "a from t",
            "a; select 1",
            "a order by a",
            "",
        ] {
            assert!(!is_expression(text), "{text}");
        }
    }

    /// What gives rows of another table or some of them twice, or not all that identifies them, must be counted.
    #[test]
    fn only_what_gives_rows_of_one_table_once_is_known_to_keep_them_apart() {
        let connection = Connection::open_in_memory().unwrap();
        let keeps_apart = |select: &str| keeps_apart(&connection, &model(select), "t", &["a", "b"]).unwrap();
        for select in [
            "select a, b as c from lake.t",
            "select upper(d) as d, o.b as c, lake.t.a, (select max(x) from lake.u) as x from lake.t as o where d > 1",
        ] {
            assert!(keeps_apart(select), "{select}");
        }
        for select in [
            "select a, b from lake.t",
            "select a, upper(b) as c from lake.t",
            "select a, b as c from lake.u",
            "select a, b as c from other.t",
            "select a, b as c, unnest([1, 2]) as d from lake.t",
            "select a, b as c from lake.t, lake.u",
            "select a, b as c from lake.t union all select a, b from lake.t",
            "with t as (select 1 as a, 2 as b from lake.u) select a, b as c from t",
            "select a, b as c from lake.t group by rollup (a, b)",
            "select a, b as c from (select * from lake.t)",
            "select a, b as c from lake.t as o (b, a)",
        ] {
            assert!(!keeps_apart(select), "{select}");
        }
    }
}
