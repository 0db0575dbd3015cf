//! Which rows of a model a changed observation can change, proven from the model's SQL.
//!
//! A column of a table *separates* it if, for each value (null is one), the table's rows with that value follow from the
//! observations that have that value in one of their own columns, whatever the other observations are. Where one value of
//! `E_AI_TANY` changes, a mart that `indicator` separates can only change in its rows of `E_AI_TANY`: they alone are computed
//! again, from the observations of `E_AI_TANY` alone. What several columns separate by themselves, they separate together.
//!
//! ```text
//! the observations         each column by which they are identified separates them
//! a column, as it is       separates what it separated before; an expression of it does not
//! where, having            keep it, unless they ask other rows (a subquery)
//! group by, partition by   keep what is among their columns
//! join                     keeps what is equal on both sides; all of one side, where the other does not change
//! union, except, intersect keep what stands at the same place in all
//! ```
//! Whatever this does not know separates nothing, and the model is computed as a whole: nothing is lost but time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use duckdb::Connection;
use serde_json::Value;

use super::load::{OBSERVATION_KEY, OBSERVATION_TABLES};
use super::model::{Model, Models};
use super::{WarehouseError, engine, graph};

/// What is known of the rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rows {
    /// They are what they were, whatever observations have changed.
    Fixed,
    /// They follow from observations.
    Of(Separators),
}

/// The columns that separate a table, each with the observations' column by which it does.
pub(super) type Separators = BTreeMap<String, String>;

/// What separates the rows of a model. `known` says it of the tables that it reads, by schema and name in lower case.
pub(super) fn rows(
    connection: &Connection,
    model: &Model,
    known: &dyn Fn(Option<&str>, &str) -> Option<Rows>,
) -> Result<Rows, WarehouseError> {
    let mut tree = graph::tree(connection, model)?;
    graph::remove_positions(&mut tree);
    let given = Prover { known }.query(&tree["node"], &Scope::new());
    Ok(match given {
        Given::Fixed => Rows::Fixed,
        // Rows of a raked table follow from one another.
        Given::Of(_) if model.contract.rake.is_some() => Rows::Of(Separators::new()),
        Given::Of(columns) => Rows::Of(columns.by_name),
    })
}

/// The columns of the observations by which some column of a model separates it, by the model's name; nothing of those that are
/// views or do not follow from observations.
pub fn separated(models: &Models) -> Result<BTreeMap<String, Vec<String>>, WarehouseError> {
    let connection = Connection::open_in_memory().map_err(engine::refused("start".to_owned()))?;
    let mut known: HashMap<String, Rows> = HashMap::new();
    let mut separated = BTreeMap::new();
    for model in &models.all {
        let of = |schema: Option<&str>, table: &str| match schema {
            Some("lake") if OBSERVATION_TABLES.contains(&table) => Some(observations()),
            Some("lake") => Some(Rows::Fixed),
            _ => known.get(table).cloned(),
        };
        let rows = rows(&connection, model, &of)?;
        if let Rows::Of(separators) = &rows
            && !model.is_view()
        {
            let by: BTreeSet<&String> = separators.values().collect();
            separated.insert(model.name.clone(), by.into_iter().cloned().collect());
        }
        known.insert(model.name.to_lowercase(), rows);
    }
    Ok(separated)
}

/// What separates the observations themselves.
pub(super) fn observations() -> Rows {
    Rows::Of(OBSERVATION_KEY.map(|column| (column.to_owned(), column.to_owned())).into_iter().collect())
}

/// What a query gives.
#[derive(Clone)]
enum Given {
    Fixed,
    Of(Columns),
}

/// Columns that separate a query's rows.
#[derive(Clone, Default)]
struct Columns {
    by_name: Separators,
    /// What the column at each place separates by, where the places are known.
    by_place: Option<Vec<Option<String>>>,
}

/// The common table expressions that are known at a place.
type Scope = HashMap<String, Given>;

/// A column that separates the rows of a `from`.
#[derive(Clone, PartialEq)]
struct Separator {
    table: String,
    column: String,
    by: String,
}

/// The tables of a `from`, joined.
struct Joined {
    tables: Vec<String>,
    is_fixed: bool,
    separators: Vec<Separator>,
}

impl Joined {
    /// The separating column that an expression is, if it is one. A name without a table is sure where there is only one table.
    fn find(&self, expression: &Value) -> Option<&Separator> {
        if expression["class"] != "COLUMN_REF" {
            return None;
        }
        let names: Vec<String> = expression["column_names"]
            .as_array()?
            .iter()
            .filter_map(|name| Some(name.as_str()?.to_lowercase()))
            .collect();
        let (table, column) = match (names.as_slice(), self.tables.as_slice()) {
            ([column], [only]) => (only, column),
            ([table, column], _) => (table, column),
            _ => return None,
        };
        self.separators.iter().find(|one| one.table == *table && one.column == *column)
    }

    fn keep(&mut self, expressions: &[&Value]) {
        let kept: Vec<Separator> = expressions.iter().filter_map(|one| self.find(one).cloned()).collect();
        self.separators.retain(|one| kept.contains(one));
    }
}

struct Prover<'k> {
    known: &'k dyn Fn(Option<&str>, &str) -> Option<Rows>,
}

impl Prover<'_> {
    fn query(&self, node: &Value, scope: &Scope) -> Given {
        let mut scope = scope.clone();
        for entry in list(&node["cte_map"]["map"]) {
            let given = self.query(&entry["value"]["query_node"], &scope);
            scope.extend(entry["key"].as_str().map(|name| (name.to_lowercase(), given)));
        }
        match node["type"].as_str() {
            Some("SELECT_NODE") => self.select(node, &scope),
            Some("SET_OPERATION_NODE") => self.set(node, &scope),
            _ => self.unknown(node, &scope),
        }
    }

    /// What this does not understand separates nothing, if it reads anything that follows from observations.
    fn unknown(&self, tree: &Value, scope: &Scope) -> Given {
        if self.reads_observations(tree, scope) { Given::Of(Columns::default()) } else { Given::Fixed }
    }

    fn reads_observations(&self, tree: &Value, scope: &Scope) -> bool {
        match tree {
            Value::Object(fields) => {
                let is_read = tree["type"] == "BASE_TABLE" && matches!(self.table(tree, scope), Some(Given::Of(_)));
                is_read || fields.values().any(|value| self.reads_observations(value, scope))
            }
            Value::Array(items) => items.iter().any(|item| self.reads_observations(item, scope)),
            _ => false,
        }
    }

    /// The table or common table expression of this name; none for one that is defined within what is looked at.
    fn table(&self, tree: &Value, scope: &Scope) -> Option<Given> {
        let text = |key: &str| tree[key].as_str().map(str::to_lowercase);
        let (schema, name) = (text("schema_name"), text("table_name")?);
        if schema.is_none()
            && let Some(given) = scope.get(&name)
        {
            return Some(given.clone());
        }
        (self.known)(schema.as_deref(), &name).map(|rows| match rows {
            Rows::Fixed => Given::Fixed,
            Rows::Of(by_name) => Given::Of(Columns { by_name, by_place: None }),
        })
    }

    fn select(&self, node: &Value, scope: &Scope) -> Given {
        const KNOWN: [&str; 11] = [
            "type",
            "modifiers",
            "cte_map",
            "select_list",
            "from_table",
            "where_clause",
            "group_expressions",
            "group_sets",
            "aggregate_handling",
            "having",
            "qualify",
        ];
        if !has_only(node, &KNOWN) {
            return self.unknown(node, scope);
        }
        let mut joined = self.from(&node["from_table"], &node["where_clause"], scope);
        let expressions =
            ["select_list", "where_clause", "group_expressions", "having", "qualify"].map(|key| &node[key]);
        if joined.is_fixed {
            // A subquery of it may yet read observations.
            return expressions
                .into_iter()
                .map(|one| self.unknown(one, scope))
                .find(|given| matches!(given, Given::Of(_)))
                .unwrap_or(Given::Fixed);
        }
        let groups = list(&node["group_expressions"]);
        let is_plain = node["aggregate_handling"] == "STANDARD_HANDLING"
            && list(&node["modifiers"]).iter().all(|modifier| {
                modifier["type"] == "ORDER_MODIFIER"
                    || modifier["type"] == "DISTINCT_MODIFIER" && list(&modifier["distinct_on_targets"]).is_empty()
            })
            && match list(&node["group_sets"]) {
                [] => groups.is_empty(),
                [one] => list(one).len() == groups.len(),
                _ => false,
            };
        if !is_plain {
            joined.separators.clear();
        }
        if !groups.is_empty() {
            joined.keep(&groups.iter().collect::<Vec<_>>());
        }
        expressions.into_iter().for_each(|one| self.ask(one, &mut joined, scope));
        Given::Of(selected(list(&node["select_list"]), &joined))
    }

    /// Drops what an expression mixes: a window without such a column in its partition, or other rows that it asks.
    fn ask(&self, expression: &Value, joined: &mut Joined, scope: &Scope) {
        match expression {
            Value::Object(fields) => {
                if expression["class"] == "SUBQUERY" {
                    if self.reads_observations(expression, scope) {
                        joined.separators.clear();
                    }
                    return;
                }
                if expression["class"] == "WINDOW" {
                    joined.keep(&list(&expression["partitions"]).iter().collect::<Vec<_>>());
                }
                fields.values().for_each(|value| self.ask(value, joined, scope));
            }
            Value::Array(items) => items.iter().for_each(|item| self.ask(item, joined, scope)),
            _ => {}
        }
    }

    fn set(&self, node: &Value, scope: &Scope) -> Given {
        let children: Vec<Given> = list(&node["children"]).iter().map(|child| self.query(child, scope)).collect();
        // What does not change is no obstacle: its rows of a value follow from no observations at all.
        let varying: Vec<&Columns> = children
            .iter()
            .filter_map(|given| match given {
                Given::Of(columns) => Some(columns),
                Given::Fixed => None,
            })
            .collect();
        let Some((first, rest)) = varying.split_first() else {
            return if children.is_empty() { self.unknown(node, scope) } else { Given::Fixed };
        };
        let is_known = has_only(node, &["type", "cte_map", "setop_type", "setop_all", "children", "modifiers"])
            && ["UNION", "EXCEPT", "INTERSECT"].iter().any(|known| node["setop_type"] == *known)
            && list(&node["modifiers"]).iter().all(|modifier| modifier["type"] == "ORDER_MODIFIER");
        let names = names(list(&node["children"]).first().unwrap_or(&Value::Null));
        let (true, Some(places), Some(names)) = (is_known, &first.by_place, names) else {
            return Given::Of(Columns::default());
        };
        let everywhere = |at: usize, by: &Option<String>| {
            rest.iter().all(|other| other.by_place.as_ref().is_some_and(|places| places.get(at) == Some(by)))
        };
        let by_place: Vec<Option<String>> =
            places.iter().enumerate().map(|(at, by)| by.clone().filter(|_| everywhere(at, by))).collect();
        let by_name = names.into_iter().zip(&by_place).filter_map(|(name, by)| Some((name?, by.clone()?))).collect();
        Given::Of(Columns { by_name, by_place: Some(by_place) })
    }

    fn from(&self, tree: &Value, condition: &Value, scope: &Scope) -> Joined {
        let alias = |name: &str| tree["alias"].as_str().unwrap_or(name).to_lowercase();
        let given = match tree["type"].as_str() {
            Some("JOIN") => return self.join(tree, condition, scope),
            Some("BASE_TABLE") => {
                let is_plain = has_only(tree, &["type", "alias", "schema_name", "table_name", "qualified_name"]);
                match self.table(tree, scope) {
                    Some(Given::Of(_)) if !is_plain => None,
                    Some(given) => Some(given),
                    None => Some(Given::Of(Columns::default())),
                }
            }
            Some("SUBQUERY") if has_only(tree, &["type", "alias", "subquery"]) => {
                Some(self.query(&tree["subquery"]["node"], scope))
            }
            _ => None,
        };
        let given = given.unwrap_or_else(|| self.unknown(tree, scope));
        let table = alias(tree["table_name"].as_str().unwrap_or_default());
        let separators = match &given {
            Given::Fixed => Vec::new(),
            Given::Of(columns) => {
                let each = columns.by_name.iter();
                each.map(|(column, by)| Separator { table: table.clone(), column: column.clone(), by: by.clone() })
                    .collect()
            }
        };
        Joined { tables: vec![table], is_fixed: matches!(given, Given::Fixed), separators }
    }

    fn join(&self, tree: &Value, condition: &Value, scope: &Scope) -> Joined {
        let kind = tree["join_type"].as_str().unwrap_or_default();
        let is_inner = kind == "INNER";
        let plain = ["REGULAR", "CROSS"].iter().any(|known| tree["ref_type"] == *known);
        // What must hold of all rows in the end holds of those of an inner join.
        let below = if is_inner { condition } else { &Value::Null };
        let left = self.from(&tree["left"], below, scope);
        let right = self.from(&tree["right"], below, scope);
        let mut equal = Vec::new();
        equalities(&tree["condition"], &mut equal);
        equalities(below, &mut equal);
        let mut pairs: Vec<(Separator, Separator)> = Vec::new();
        for (one, other) in equal {
            let found = left.find(one).zip(right.find(other)).or(left.find(other).zip(right.find(one)));
            pairs.extend(found.map(|(left, right)| (left.clone(), right.clone())));
        }
        for name in list(&tree["using_columns"]).iter().filter_map(Value::as_str).map(str::to_lowercase) {
            let named = |side: &Joined| match side.tables.as_slice() {
                [_one] => side.separators.iter().find(|separator| separator.column == name).cloned(),
                _ => None,
            };
            pairs.extend(named(&left).zip(named(&right)));
        }
        pairs.retain(|(left, right)| left.by == right.by);
        let is_fixed = left.is_fixed && right.is_fixed;
        let lefts = || pairs.iter().map(|(left, _)| left.clone());
        let keeps_right = !matches!(kind, "SEMI" | "ANTI");
        let mut separators: Vec<Separator> = match (kind, left.is_fixed, right.is_fixed) {
            _ if !plain => Vec::new(),
            ("INNER", true, _) => right.separators,
            ("INNER" | "LEFT" | "SEMI" | "ANTI", _, true) => left.separators,
            ("INNER", ..) => lefts().chain(pairs.iter().map(|(_, right)| right.clone())).collect(),
            // Where nothing is found on the right, that follows from the left row's own value.
            ("LEFT" | "SEMI" | "ANTI", false, _) => lefts().collect(),
            _ => Vec::new(),
        };
        let mut joined = Joined { tables: left.tables, is_fixed, separators: Vec::new() };
        if keeps_right {
            joined.tables.extend(right.tables);
        }
        separators.dedup();
        joined.separators = separators;
        self.ask(&tree["condition"], &mut joined, scope);
        // A condition may ask observations where neither side does.
        joined.is_fixed &= !self.reads_observations(&tree["condition"], scope);
        joined
    }
}

/// The columns of a SELECT that are separating columns as they are.
fn selected(expressions: &[Value], joined: &Joined) -> Columns {
    let mut columns = Columns { by_name: Separators::new(), by_place: Some(Vec::new()) };
    for expression in expressions {
        if expression["class"] == "STAR" {
            // The places behind it are not known.
            columns.by_place = None;
            let table = match (expression["relation_name"].as_str(), joined.tables.as_slice()) {
                (Some(table), _) => table.to_lowercase(),
                (None, [only]) => only.clone(),
                _ => continue,
            };
            if has_only(expression, &["class", "type", "columns", "relation_name"])
                && expression["columns"] == Value::Bool(false)
            {
                let all = joined.separators.iter().filter(|one| one.table == table);
                columns.by_name.extend(all.map(|one| (one.column.clone(), one.by.clone())));
            }
            continue;
        }
        let by = joined.find(expression).map(|one| one.by.clone());
        if let (Some(name), Some(by)) = (name(expression), &by) {
            columns.by_name.insert(name, by.clone());
        }
        if let Some(places) = &mut columns.by_place {
            places.push(by);
        }
    }
    columns
}

/// The names of a query's columns, where it names them itself; of the first query, where there are several.
fn names(node: &Value) -> Option<Vec<Option<String>>> {
    match node["type"].as_str()? {
        "SELECT_NODE" => Some(list(&node["select_list"]).iter().map(name).collect()),
        "SET_OPERATION_NODE" => names(list(&node["children"]).first()?),
        _ => None,
    }
}

fn name(expression: &Value) -> Option<String> {
    let own = || list(&expression["column_names"]).last()?.as_str();
    expression["alias"].as_str().or_else(own).map(str::to_lowercase)
}

/// The comparisons for equality that must all hold for a condition to hold.
fn equalities<'v>(condition: &'v Value, found: &mut Vec<(&'v Value, &'v Value)>) {
    match condition["type"].as_str() {
        Some("CONJUNCTION_AND") => list(&condition["children"]).iter().for_each(|child| equalities(child, found)),
        Some("COMPARE_EQUAL") => found.push((&condition["left"], &condition["right"])),
        _ => {}
    }
}

/// Whether a part of the tree has no other fields than these; what is empty says nothing.
fn has_only(tree: &Value, known: &[&str]) -> bool {
    let is_empty = |value: &Value| match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    tree.as_object()
        .is_some_and(|fields| fields.iter().all(|(name, value)| known.contains(&name.as_str()) || is_empty(value)))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::contract;
    use super::super::engine::execute;
    use super::super::model::Layer;
    use super::*;

    fn model(select: &str) -> Model {
        let text = format!("-- Rows.\n-- grain: a\n{select}");
        let contract = contract::parse("m.sql".as_ref(), &text).unwrap();
        let name = "m".to_owned();
        let (reads, reads_lake, select_hash) = (Vec::new(), Vec::new(), String::new());
        Model { name, layer: Layer::Mart, path: "m.sql".into(), text, contract, reads, reads_lake, select_hash }
    }

    /// The observations are `lake.o`, with the columns a and b by which they are identified, and x. `f` does not change, `w`
    /// does, but nothing separates it.
    fn known(schema: Option<&str>, table: &str) -> Option<Rows> {
        let of = |columns: &[&str]| {
            Some(Rows::Of(columns.iter().map(|column| ((*column).to_owned(), (*column).to_owned())).collect()))
        };
        match (schema, table) {
            (Some("lake"), "o") => of(&["a", "b"]),
            (None, "f") => Some(Rows::Fixed),
            (None, "w") => of(&[]),
            _ => None,
        }
    }

    fn separators(connection: &Connection, select: &str) -> String {
        match rows(connection, &model(select), &known).unwrap() {
            Rows::Fixed => "fixed".to_owned(),
            Rows::Of(columns) => {
                columns.iter().map(|(column, by)| format!("{column}:{by} ")).collect::<String>().trim_end().to_owned()
            }
        }
    }

    /// What each way to write a SELECT is taken for.
    const SELECTS: [(&str, &str); 47] = [
        ("select a, b, x from lake.o", "a:a b:b"),
        ("select b as a, o.a as c, a || b as d from lake.o where x > 1", "a:b c:a"),
        ("select A, lower(b) as b from lake.o as p", "a:a"),
        ("select * from (select a, x from lake.o)", "a:a"),
        ("select o.*, f.x as y from lake.o inner join f on o.b = f.k", "a:a b:b"),
        ("select o.*, p.a as c from lake.o inner join lake.o as p on o.b = p.b", "b:b"),
        ("select * exclude (a) from lake.o", ""),
        ("select k from f", "fixed"),
        ("select o.a, f.x from lake.o inner join f on o.b = f.k", "a:a"),
        ("select o.a, o.b, f.x from lake.o left join f on o.b = f.k", "a:a b:b"),
        ("select o.a, f.k as b from f left join lake.o on o.b = f.k", ""),
        ("select o.a, f.k as b from f inner join lake.o on o.b = f.k", "a:a"),
        ("select o.a, o.b from f right join lake.o on o.b = f.k", ""),
        ("select o.a, p.b from lake.o inner join lake.o as p on o.a = p.a", "a:a"),
        ("select o.a, p.a as c, p.x from lake.o inner join lake.o as p on o.a = p.a", "a:a c:a"),
        ("select o.a, p.a as c, p.x from lake.o left join lake.o as p on p.a = o.a and p.x > 3", "a:a"),
        ("select o.a, o.b, p.x from lake.o left join lake.o as p on p.a = o.a and o.b = p.b", "a:a b:b"),
        ("select o.a, o.b, p.x from lake.o left join lake.o as p on p.a = o.b", ""),
        ("select o.a, o.b, p.x from lake.o left join lake.o as p on p.a = o.a or o.b = p.b", ""),
        ("select o.a, o.b from lake.o, lake.o as p where o.a = p.a and p.x > 1", "a:a"),
        ("select o.a, o.b from lake.o left join lake.o as p on p.x > o.x where o.a = p.a", ""),
        ("select o.a, o.b, p.x from lake.o full join lake.o as p on o.a = p.a", ""),
        ("select o.a, o.b from lake.o semi join lake.o as p on o.a = p.a and p.x > 5", "a:a"),
        ("select o.a, o.b from lake.o anti join f on o.b = f.k", "a:a b:b"),
        ("select f.k as a from f anti join lake.o on o.b = f.k", ""),
        ("select a, count(*) as n from lake.o group by a", "a:a"),
        ("select b, a, sum(x) as n from lake.o group by a, b having sum(x) > 1", "a:a b:b"),
        ("select a, b, sum(x) as n from lake.o group by rollup (a, b)", ""),
        ("select a, sum(x) as n from lake.o group by all", ""),
        ("select lower(a) as a, count(*) as n from lake.o group by lower(a)", ""),
        ("select sum(x) as a from lake.o", ""),
        ("select a, b, sum(x) over (partition by a order by b) as n from lake.o", "a:a"),
        ("select a, b from lake.o qualify row_number() over (partition by a, b order by x) = 1", "a:a b:b"),
        ("select a, b, rank() over (order by x) as n from lake.o", ""),
        ("select a, x - (select max(y) from f) as n from lake.o", "a:a"),
        ("select a, b from lake.o where x > (select avg(x) from lake.o)", ""),
        ("select k as a from f where exists (select 1 from lake.o where o.b = f.k)", ""),
        ("select distinct a, x from lake.o", "a:a"),
        ("select distinct on (x) a, x from lake.o order by a, b", ""),
        ("select a, b from lake.o order by a, b limit 3", ""),
        ("select a, b from lake.o union all select b, a from lake.o", ""),
        ("select a, b from lake.o union select a, b from lake.o where x > 3", "a:a b:b"),
        ("select a, b from lake.o where x > 3 union all select k, 'fixed' from f", "a:a b:b"),
        ("select a, b from lake.o except select a, b from lake.o where x > 3", "a:a b:b"),
        (
            "with n as (select a, avg(x) as x from lake.o group by a) select n.a, o.b, o.x - n.x as d from lake.o join n on o.a = n.a",
            "a:a",
        ),
        ("with o as (select k as a from f) select a from o", "fixed"),
        ("select o.a, w.x from lake.o inner join w on o.a = w.a", ""),
    ];

    #[test]
    fn what_separates_a_select_is_found_and_nothing_else() {
        let connection = Connection::open_in_memory().unwrap();
        let found = SELECTS.map(|(select, _)| (select, separators(&connection, select)));
        assert_eq!(found, SELECTS.map(|(select, expected)| (select, expected.to_owned())));
    }

    /// What is taken to separate does: of two states of the observations that differ in some rows, the rows of the keys that
    /// differ are computed from the observations with those keys, and all others are those of before.
    #[test]
    fn the_rows_of_the_keys_that_differ_make_the_old_rows_the_new_ones() {
        let connection = Connection::open_in_memory().unwrap();
        let run = |sql: &str| execute(&connection, sql, sql).unwrap();
        run(
            "create schema lake; create table f as select 'v' || i % 4 as k, i as x, i % 3 as y from range(6) as r (i)",
        );
        let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        for seed in 1..=6 {
            run(&format!(
                "create or replace table old as
                    select case when i % 7 > 0 then 'v' || i % 5 end as a, case when i % 11 > 0 then 'v' || i % 3 end as b,
                        hash(i, {seed}) % 8 as x
                    from range(24) as r (i) where hash(i, {seed}, 1) % 3 > 0;
                 create or replace table new as
                    select * from old where hash(a, b, x, {seed}, 2) % 6 > 0 or a is null or b is null
                    union all select 'v' || {seed} % 6, 'v2', {seed} % 9;
                 create or replace table changed as
                    select distinct a, b from ((from old except all from new) union all (from new except all from old));
                 create or replace table all_o as from old"
            ));
            for (select, _) in SELECTS {
                let Rows::Of(separators) = rows(&connection, &model(select), &known).unwrap() else { continue };
                let keys: Vec<&String> = separators.values().collect();
                if keys.is_empty() {
                    continue;
                }
                let equal = |side: &str| {
                    let each = separators.iter().map(|(column, by)| format!("{side}.{column} = changed.{by}"));
                    each.collect::<Vec<_>>().join(" and ")
                };
                let same = keys.iter().map(|key| format!("o.{key} = changed.{key}")).collect::<Vec<_>>().join(" and ");
                run(&format!(
                    "create or replace view lake.o as from old; create or replace table m as {select};
                     create or replace view lake.o as from new; create or replace table wanted as {select};
                     create or replace view lake.o as select o.* from new as o semi join changed on {same};
                     create or replace table part as {select};
                     delete from m using changed where {};
                     insert into m select part.* from part semi join changed on {}",
                    equal("m"),
                    equal("part")
                ));
                let differ = "select (select count(*) from (from m except all from wanted))
                    + (select count(*) from (from wanted except all from m))";
                assert_eq!(count(differ), 0, "{select}, {seed}");
            }
        }
    }
}
