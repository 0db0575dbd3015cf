//! The observations of the last build brought to what they are now.

use std::collections::BTreeSet;

use duckdb::Connection;

use super::super::build::Previous;
use super::super::engine::{self, execute};
use super::super::load::{self, COLUMNS, OBSERVATION_KEY, texts};
use super::super::{Inputs, Loaded, TableFiles, WarehouseError, has_gap, literal, quoted, quoted_list};
use super::keys::Keys;

/// How much of the observations is not what it was.
pub(super) enum Changed {
    /// Nothing.
    Nothing,
    /// What is in the table `changed`.
    Keys,
    /// Something that has no whole key.
    Unkeyed,
}

/// Brings the observations up to date, and puts the keys of what differs into the table `changed`. None where a value is not
/// told any more.
pub(super) fn bring_up_to_date(connection: &Connection, place: &Place) -> Result<Option<Changed>, WarehouseError> {
    number_new_texts(connection, place)?;
    let before = place.state("before");
    execute(connection, "take out the old observations", &format!("{before}; {}", place.delete()))?;
    load::load_observations(connection, &place.whole, "")?;
    if let Some(keys) = &place.keys {
        load::load_observations(connection, &place.grown, &keys.semi_join(own))?;
    }
    let (after, key) = (place.state("after"), quoted_list(&OBSERVATION_KEY));
    execute(
        connection,
        "compare the observations",
        &format!(
            "{after};
             create temp table gone as from before anti join after using (one, other);
             create temp table come as from after anti join before using (one, other);
             create temp table changed as select distinct {key} from (select {key} from gone union all select {key} from come);
             drop table before; drop table after"
        ),
    )?;
    let told = OBSERVATION_KEY.iter().chain(&["vintage", "value"]);
    let equal: Vec<String> = told.map(|column| format!("gone.{0} = come.{0}", quoted(column))).collect();
    let silenced = format!(
        "select count(*) from gone where \"value\" is not null and not exists (from come where {})",
        equal.join(" and ")
    );
    let ask = |sql: &str| engine::number(connection, "compare the observations", sql);
    let is_told = ask(&silenced)? == 0;
    let changed = match ask("select count(*) from changed")? {
        0 => Changed::Nothing,
        _ if ask(&unnamed("changed"))? > 0 => Changed::Unkeyed,
        _ => Changed::Keys,
    };
    execute(connection, "compare the observations", "drop table gone; drop table come")?;
    Ok(is_told.then_some(changed))
}

/// Where rows are taken out and put in.
pub(super) struct Place {
    /// Tables of which all rows are: those of which more than the newest partitions is other than it was.
    whole: Vec<TableFiles>,
    /// Tables that have got partitions besides those that they had, of which only the keys in these are.
    grown: Vec<TableFiles>,
    /// Those keys, also in the table `touched`; their new rows are in the table `fresh`.
    keys: Option<Keys>,
    /// What is true of the rows of the first kind, and of tables that are no more.
    is_whole: String,
    /// How many rows that is, about.
    pub rows: u64,
}

impl Place {
    /// None where all tables are as they were. It needs no database but the temporary one.
    pub fn find(connection: &Connection, inputs: &Inputs, previous: &Previous) -> Result<Option<Self>, WarehouseError> {
        let name = |table: &TableFiles| (table.pipeline.clone(), table.dataset.clone());
        let was = |table: &TableFiles| previous.tables.get(&name(table));
        let is_same = |table: &&TableFiles| was(table).is_some_and(|loaded| *loaded == Loaded::of(&table.partitions));
        // The partition that a table has got first since.
        let first_new = |table: &TableFiles| -> Option<String> {
            let old = was(table).filter(|loaded| loaded.partitions > 0)?;
            let (known, new) = table.partitions.split_at_checked(old.partitions)?;
            let first = new.first().filter(|_| Loaded::of(known) == *old)?;
            Some(first.vintage.clone())
        };
        let texts = texts().map(quoted).collect::<Vec<_>>().join(", ");
        let (mut whole, mut grown, mut fresh) = (Vec::new(), Vec::new(), Vec::new());
        for table in inputs.observations.iter().filter(|table| !is_same(table)) {
            match first_new(table) {
                Some(first) => {
                    fresh.push(format!(
                        "select {texts} from {} where vintage >= timestamptz {}",
                        load::read(table.files.iter()),
                        literal(&first)
                    ));
                    grown.push(table.clone());
                }
                None => whole.push(table.clone()),
            }
        }
        let mut found = None;
        let mut rows = 0;
        if !fresh.is_empty() {
            let make = format!(
                "create temp table fresh as {}; create temp table touched as select distinct {} from fresh",
                fresh.join(" union all "),
                quoted_list(&OBSERVATION_KEY)
            );
            execute(connection, "look at the new observations", &make)?;
            // A key with a gap is not found by comparing.
            let ask = |sql: &str| engine::number(connection, "look at the new observations", sql);
            match ask(&unnamed("touched"))? {
                0 => {
                    found = Some(Keys::read(connection, "touched", &OBSERVATION_KEY)?);
                    rows = ask("select count(*) from touched")?.unsigned_abs();
                }
                _ => whole.append(&mut grown),
            }
        }
        let current: BTreeSet<(String, String)> = inputs.observations.iter().map(name).collect();
        let gone = previous.tables.keys().filter(|table| !current.contains(*table)).cloned();
        let of_table = |(pipeline, dataset): (String, String)| {
            format!("(pipeline::varchar = {} and dataset::varchar = {})", literal(&pipeline), literal(&dataset))
        };
        let wholes: Vec<String> = whole.iter().map(name).chain(gone).map(of_table).collect();
        let is_whole = if wholes.is_empty() { "false".to_owned() } else { wholes.join(" or ") };
        let is_any = !wholes.is_empty() || found.is_some();
        rows += whole.iter().map(|table| table.rows).sum::<u64>();
        Ok(is_any.then_some(Place { whole, grown, keys: found, is_whole, rows }))
    }

    /// Makes a table of the rows that are here now, in force or not.
    fn state(&self, table: &str) -> String {
        let columns = quoted_list(&COLUMNS);
        let rows = |table: &str, more: &str| {
            let select = format!("select {columns}, {more} from {table} as own");
            let narrowed = self.keys.as_ref().map(|keys| format!(" union all {select} {}", keys.semi_join(own)));
            format!("{select} where {}{}", self.is_whole, narrowed.unwrap_or_default())
        };
        // Two hashes, of which none follows from the other, stand for a row: to compare the rows takes ten times as long.
        let reversed = quoted_list(&COLUMNS.iter().rev().collect::<Vec<_>>());
        format!(
            "create temp table {table} as
                select *, hash({columns}, \"change\", valid_to) as one, hash(valid_to, \"change\", {reversed}) as other
                from ({} union all {})",
            rows("lake.observations", "null::varchar as \"change\", null::timestamp as valid_to"),
            rows("lake.observation_history", "\"change\", valid_to")
        )
    }

    /// Takes them out.
    fn delete(&self) -> String {
        let mut sql = String::new();
        for table in ["coded.observations", "lake.observation_history"] {
            sql.push_str(&format!("delete from {table} where {};", self.is_whole));
            if let Some(keys) = &self.keys {
                let (equal, among) = keys.conditions(|key| Some(format!("own.{}::varchar", quoted(key))));
                let all = [equal, among].concat().join(" and ");
                sql.push_str(&format!("delete from {table} as own using touched as keys where {all};"));
            }
        }
        sql
    }
}

/// The column of observations that has a key.
fn own(key: &str) -> Option<String> {
    Some(format!("own.{}", quoted(key)))
}

/// How many keys of a table have a gap.
fn unnamed(table: &str) -> String {
    format!("select count(*) from {table} where {}", has_gap(&OBSERVATION_KEY))
}

/// Gives the texts of new rows that have had no number yet one behind those of the others.
fn number_new_texts(connection: &Connection, place: &Place) -> Result<(), WarehouseError> {
    let action = "number the texts of observations";
    let mut sources = Vec::new();
    if !place.whole.is_empty() {
        sources.push(load::read(place.whole.iter().flat_map(|table| table.files.iter())));
    }
    if place.keys.is_some() {
        sources.push("fresh".to_owned());
    }
    if sources.is_empty() {
        return Ok(());
    }
    for column in texts() {
        let name = quoted(column);
        // The type tells all of its texts, whatever the row.
        let known = format!(
            "select unnest(enum_range(any_value({name})))::varchar from (select {name} from coded.observations limit 1)"
        );
        let mut all = engine::list(connection, action, &known)?;
        let known: BTreeSet<String> = all.iter().cloned().collect();
        let found = sources.iter().map(|source| format!("select {name} from {source} where {name} is not null"));
        let found =
            format!("select distinct {name} from ({}) order by {name}", found.collect::<Vec<_>>().join(" union all "));
        all.extend(engine::list(connection, action, &found)?.into_iter().filter(|text| !known.contains(text)));
        if all.len() > known.len() {
            let texts: Vec<String> = all.iter().map(|text| literal(text)).collect();
            // The column has a type of its own from then on.
            let alter = format!(
                "alter table coded.observations alter column {name} type enum ({}); drop type if exists coded.{name}",
                texts.join(", ")
            );
            execute(connection, action, &alter)?;
        }
    }
    Ok(())
}
