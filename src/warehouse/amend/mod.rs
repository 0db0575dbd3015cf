//! The next build begun from the file of the last one, where nothing but observations has changed.
//!
//! The file is copied, the rows of the tables that have changed are put in place of their old ones, and what differs is noted
//! by its keys. A model that some column separates (`separable.rs`) is then computed again for the keys that differ, and
//! the others stay as they are. The rows come out as those of a build from nothing; their order in the file may be another.
//!
//! It is not done, and the build is made from nothing, where
//! - a model, a codelist, a register, or the program is another one;
//! - more than half of the observations are new;
//! - a value that was told is not told any more: what a file held stands in its free blocks, where a build from nothing has
//!   none of it;
//! - so much of the file is free that a new one is smaller by half.

mod keys;
mod observations;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use duckdb::Connection;

use self::keys::Keys;
use self::observations::{Changed, Place, bring_up_to_date};
use super::build::{DATABASE, Previous, attach, detach};
use super::engine::{self, execute};
use super::load::{self, MEMBERSHIPS, OBSERVATION_TABLES};
use super::model::{Layer, Model, Models};
use super::separable::{self, Rows, Separators};
use super::{Inputs, WarehouseError, quoted, quoted_list};
use crate::disk;

/// The tables of the lake besides [`OBSERVATION_TABLES`] that may be other ones.
const METADATA: [&str; 3] = ["pipelines", "source_codes", "snapshots"];

/// A build that goes on from the last one.
pub(super) struct Amendment {
    /// What is known of each table of the lake and each model by now; none for one that changed in a way that is not known.
    lake: BTreeMap<String, Option<Rows>>,
    models: BTreeMap<String, Option<Rows>>,
}

/// How a model comes into a build that goes on from the last one.
pub(super) enum Way {
    /// It is as it was.
    Kept,
    /// These columns separate it: only the rows of what has changed are computed.
    Part(Separators),
    /// It is made as in any build.
    Whole,
}

/// Begins the build's database as a copy of the last one with the observations of now; none where that cannot be, and then
/// there is no database yet.
pub(super) fn begin(
    connection: &Connection,
    database: &Path,
    inputs: &Inputs,
    previous: &Previous,
) -> Result<Option<Amendment>, WarehouseError> {
    let is_same = |table: &str| inputs.fingerprints.get(table) == previous.lake.get(table);
    let tables: BTreeSet<&String> = inputs.fingerprints.keys().chain(previous.lake.keys()).collect();
    let may_change = |table: &str| OBSERVATION_TABLES.contains(&table) || METADATA.contains(&table);
    if !previous.is_of_same_models
        || inputs.observations.is_empty()
        || !tables.iter().all(|table| may_change(table) || is_same(table))
    {
        return Ok(None);
    }
    let place = Place::find(connection, inputs, previous)?;
    let all: u64 = inputs.observations.iter().map(|table| table.rows).sum();
    if place.as_ref().is_some_and(|place| place.rows > all / 2) {
        return Ok(None);
    }
    disk::copy_to_write(&previous.database, database)?;
    attach(connection, database)?;
    let amended = match (is_worth_it(connection)?, &place) {
        (false, _) => None,
        (true, None) => Some(Changed::Nothing),
        (true, Some(place)) => bring_up_to_date(connection, place)?,
    };
    let Some(changed) = amended else {
        detach(connection)?;
        disk::remove_file(database)?;
        return Ok(None);
    };
    let metadata: String = METADATA.iter().map(|table| format!("delete from lake.{table};")).collect();
    execute(connection, "empty the metadata", &metadata)?;
    load::load_metadata(connection, inputs)?;
    execute(connection, "make the table of members", MEMBERSHIPS)?;
    load::load_all_memberships(connection, inputs)?;
    let schemas = [Layer::Staging, Layer::Intermediate].map(Layer::schema);
    let schemas: String =
        ["lake"].iter().chain(&schemas).map(|schema| format!("create schema part.{schema};")).collect();
    execute(connection, "make room for parts", &format!("attach ':memory:' as part; {schemas}"))?;

    let observations = match changed {
        Changed::Nothing => Some(Rows::Fixed),
        Changed::Keys => Some(separable::observations()),
        Changed::Unkeyed => None,
    };
    let known = |table: &String| match OBSERVATION_TABLES.contains(&table.as_str()) {
        true => observations.clone(),
        false => is_same(table).then_some(Rows::Fixed),
    };
    let lake = inputs.fingerprints.keys().map(|table| (table.clone(), known(table))).collect();
    tracing::debug!("the last build is gone on from");
    Ok(Some(Amendment { lake, models: BTreeMap::new() }))
}

/// Whether the file has observations, and less room that is free than room that is used.
fn is_worth_it(connection: &Connection) -> Result<bool, WarehouseError> {
    let ask = |sql: &str| Ok::<_, WarehouseError>(engine::number(connection, "look at the last build", sql)? > 0);
    let full = "select count(*) from pragma_database_size()
        where database_name = current_database() and free_blocks <= used_blocks";
    Ok(load::is_coded(connection)? && ask(full)? && ask("select count(*) from (from coded.observations limit 1)")?)
}

impl Amendment {
    /// How a model comes into the build, whose inputs have.
    pub fn way(&mut self, connection: &Connection, model: &Model) -> Result<Way, WarehouseError> {
        let reads = model.reads.iter().map(|name| self.models.get(name));
        let mut inputs = reads.chain(model.reads_lake.iter().map(|table| self.lake.get(table)));
        let rows = match inputs.all(|known| matches!(known, Some(Some(_)))) {
            true => Some(separable::rows(connection, model, &|schema, table| self.rows(schema, table))?),
            false => None,
        };
        let way = match &rows {
            // It was taken out of the last build.
            _ if model.contract.private => Way::Whole,
            // A view is its SQL.
            _ if model.is_view() => Way::Kept,
            Some(Rows::Fixed) => Way::Kept,
            Some(Rows::Of(separators)) if !separators.is_empty() => Way::Part(separators.clone()),
            _ => Way::Whole,
        };
        self.models.insert(model.name.clone(), rows);
        Ok(way)
    }

    /// Notes whether the rows of a table are what they were.
    pub fn note(&mut self, model: &Model, way: &Way, is_same: bool) {
        let known = match way {
            _ if model.is_view() => return,
            _ if is_same => Some(Rows::Fixed),
            Way::Whole => None,
            Way::Kept | Way::Part(_) => return,
        };
        self.models.insert(model.name.clone(), known);
    }

    fn rows(&self, schema: Option<&str>, table: &str) -> Option<Rows> {
        let of = if schema == Some("lake") { &self.lake } else { &self.models };
        of.iter().find(|(name, _)| name.to_lowercase() == table).and_then(|(_, known)| known.clone())
    }

    /// Computes the rows of a model anew that the changed observations can have changed, and leaves the others.
    pub fn amend(
        &self,
        connection: &Connection,
        models: &Models,
        model: &Model,
        separators: &Separators,
    ) -> Result<(), WarehouseError> {
        // One column for each of the observations' columns will do.
        let by: BTreeMap<&String, &String> = separators.iter().map(|(column, by)| (by, column)).collect();
        let keys: Vec<&str> = by.keys().map(|key| key.as_str()).collect();
        let action = format!("look at what changed for `{}`", model.name);
        let make = format!("create or replace temp table keys as select distinct {} from changed", quoted_list(&keys));
        execute(connection, &action, &make)?;
        let keys = Keys::read(connection, "keys", &keys)?;
        let mut sql = String::new();
        let lake = model.reads_lake.iter().map(|table| ("lake", table, self.lake.get(table)));
        let read = model.reads.iter().filter_map(|name| models.all.iter().find(|other| other.name == *name));
        let read = read.map(|other| (other.layer.schema(), &other.name, self.models.get(&other.name)));
        for (schema, name, known) in lake.chain(read) {
            let place = format!("{schema}.{}", quoted(name));
            let narrowed = match known {
                Some(Some(Rows::Of(columns))) => keys.semi_join(|key| only(columns, key)),
                _ => String::new(),
            };
            sql.push_str(&format!(
                "create or replace view part.{place} as select own.* from {DATABASE}.{place} as own {narrowed};"
            ));
        }
        sql.push_str("use part");
        execute(connection, &action, &sql)?;
        let prefix = "create or replace temp table part_rows as ";
        model.run(connection, &format!("{prefix}{}", model.sql()), prefix.len())?;
        let equal: Vec<String> =
            by.iter().map(|(by, column)| format!("own.{} = keys.{}", quoted(column), quoted(by))).collect();
        let (table, equal) = (model.table(), equal.join(" and "));
        execute(
            connection,
            &format!("amend `{}`", model.name),
            &format!(
                "use {DATABASE};
                 begin;
                 delete from {table} as own using temp.keys as keys where {equal};
                 insert into {table} select own.* from temp.part_rows as own semi join temp.keys as keys on {equal};
                 commit;
                 drop table temp.part_rows; drop table temp.keys"
            ),
        )
    }
}

/// The column that separates a table by one of the observations' columns; none where several do, of which each may be meant.
fn only(columns: &Separators, key: &str) -> Option<String> {
    let mut of_key = columns.iter().filter(|(_, by)| *by == key).map(|(column, _)| format!("own.{}", quoted(column)));
    of_key.next().filter(|_| of_key.next().is_none())
}
