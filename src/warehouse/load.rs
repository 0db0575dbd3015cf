//! The tables of the lake in the warehouse: what they are, and how they are filled.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use duckdb::Connection;

use super::engine::{self, execute, path_literal};
use super::{
    CodelistTable, Inputs, PipelineRow, SnapshotRow, SourceCodeRow, TableFiles, WarehouseError, has_gap, literal,
    quoted,
};

/// Bumped whenever the tables of the lake are loaded differently from the same files.
pub(super) const LOAD_VERSION: &str = "6";

/// What a row of `lake.observations` is.
const IN_FORCE: &str = "Observations in force, in canonical codes: one row a pipeline, table and key";

/// The table of members, which no published database has.
pub(super) const MEMBERSHIPS: &str = "create table lake.memberships (pipeline varchar, dataset varchar, cluster varchar, member varchar, identified_by varchar,
            name_key varchar, duplicate_of bigint, \"name\" varchar, nif_valid boolean, activity varchar, sector_scheme varchar, municipality varchar, region varchar, size_class varchar,
            joined date, left_on date, website varchar, declared_forces varchar, vintage timestamp, \"snapshot\" varchar, \"row\" bigint, cell bigint,
            provenance varchar, is_current boolean);";

/// Statements that make the tables of the lake, empty; the one place that knows their columns.
pub fn lake_tables(codelists: &[CodelistTable]) -> String {
    let mut sql = format!(
        "create schema lake;
         create table lake.observations (pipeline varchar, dataset varchar, indicator varchar, region varchar, sector varchar,
            sector_scheme varchar, size_class varchar, unit varchar, time_period varchar, \"value\" double, flags varchar,
            vintage timestamp, \"snapshot\" varchar, cell bigint, provenance varchar);
         comment on table lake.observations is {};
         create table lake.observation_history (pipeline varchar, dataset varchar, indicator varchar, region varchar, sector varchar,
            sector_scheme varchar, size_class varchar, unit varchar, time_period varchar, \"value\" double, flags varchar,
            vintage timestamp, \"snapshot\" varchar, cell bigint, provenance varchar, \"change\" varchar, valid_to timestamp);
         comment on table lake.observation_history is 'What was in force before, and withdrawals: from vintage until before valid_to; without the values of what is confidential now';
         {MEMBERSHIPS}
         create table lake.pipelines (pipeline varchar, title varchar, title_es varchar, publisher varchar, licence varchar,
            licence_es varchar, attribution varchar, preference integer);
         comment on table lake.pipelines is 'The sources, with who publishes them and under which licence';
         create table lake.source_codes (pipeline varchar, dataset varchar, dimension varchar, source_code varchar,
            canonical_column varchar, canonical_code varchar);
         comment on table lake.source_codes is 'What the codes of each table stand for, by the rules of its pipeline';
         create table lake.snapshots (\"snapshot\" varchar, pipeline varchar, dataset varchar, url varchar, fetched_at timestamp,
            file varchar);
         comment on table lake.snapshots is 'The snapshots that rows come from: BLAKE3 of the bytes, address, time, file of the archive';",
        literal(IN_FORCE)
    );
    for CodelistTable { table, columns, .. } in codelists {
        let columns: Vec<String> = columns.iter().map(|column| format!("{} varchar", quoted(column))).collect();
        let name = quoted(table);
        sql.push_str(&format!("create table lake.{name} ({});", columns.join(", ")));
        sql.push_str(&format!("comment on table lake.{name} is {};", literal(&codelist_comment(table))));
    }
    sql
}

/// What a table of codes is, by its name.
fn codelist_comment(table: &str) -> String {
    match table.strip_prefix("map_").and_then(|names| names.split_once("__")) {
        Some((from, to)) => format!("Crosswalk of the project: the {to} that each {from} stands for"),
        None => format!("Codelist of the project: {}", table.trim_start_matches("codelist_")),
    }
}

pub(super) fn load(connection: &Connection, inputs: &Inputs) -> Result<(), WarehouseError> {
    execute(connection, "make the tables of the lake", &lake_tables(&inputs.codelists))?;
    if !inputs.observations.is_empty() {
        coded_table(connection, &inputs.observations)?;
        load_observations(connection, &inputs.observations, "")?;
    }
    load_all_memberships(connection, inputs)?;
    insert_codelists(connection, &inputs.codelists)?;
    load_metadata(connection, inputs)
}

/// Fills the tables of where the data comes from, which are there and empty.
pub(super) fn load_metadata(connection: &Connection, inputs: &Inputs) -> Result<(), WarehouseError> {
    engine::append(connection, "lake", "pipelines", inputs.pipelines.iter().map(PipelineRow::texts))?;
    engine::append(connection, "lake", "source_codes", inputs.source_codes.iter().map(SourceCodeRow::texts))?;
    engine::append(connection, "lake", "snapshots", inputs.snapshots.iter().map(SnapshotRow::texts))
}

/// Fills the tables of codelists, which are there and empty. As they were read and checked, not read again by another parser.
pub(super) fn insert_codelists(connection: &Connection, codelists: &[CodelistTable]) -> Result<(), WarehouseError> {
    let given = |field: &String| Some(field).filter(|field| !field.is_empty()).cloned();
    codelists.iter().try_for_each(|CodelistTable { table, rows, .. }| {
        engine::append(connection, "lake", table, rows.iter().map(|row| row.iter().map(given)))
    })
}

/// The columns of `lake.observations`, in order.
pub(super) const COLUMNS: [&str; 15] = [
    "pipeline",
    "dataset",
    "indicator",
    "region",
    "sector",
    "sector_scheme",
    "size_class",
    "unit",
    "time_period",
    "value",
    "flags",
    "vintage",
    "snapshot",
    "cell",
    "provenance",
];

/// The others are texts, of which few are different in millions of rows.
const NUMBERS: [&str; 3] = ["value", "vintage", "cell"];

/// What no two rows of `lake.observations` share: the lake takes no snapshot that gives one observation twice
/// (`LakeError::Duplicate`), and of several vintages the last row of each key is loaded.
pub(super) const OBSERVATION_KEY: [&str; 9] =
    ["pipeline", "dataset", "indicator", "region", "sector", "sector_scheme", "size_class", "unit", "time_period"];

/// The tables of the lake whose rows are observations.
pub(super) const OBSERVATION_TABLES: [&str; 2] = ["observations", "observation_history"];

/// The columns that are kept by number.
pub(super) fn texts() -> impl Iterator<Item = &'static str> {
    COLUMNS.into_iter().filter(|column| !NUMBERS.contains(column))
}

/// A partition holds changes: what is in force is the last row of each key, unless it was withdrawn. What the source has made
/// confidential since is not told of an earlier moment either, nor where it stood.
///
/// DuckDB takes most of the time of loading to compress texts, each by itself. So they are kept by number, as enums, in
/// `coded.observations`, and `lake.observations` is a view that gives them as text. The rows of a file of one row group stand in
/// the order of its keys.
///
/// `which` narrows the rows `own` of tables of several vintages.
pub(super) fn load_observations(
    connection: &Connection,
    tables: &[TableFiles],
    which: &str,
) -> Result<(), WarehouseError> {
    let key = OBSERVATION_KEY.join(", ");
    // The first vintage of a table has nothing before it, and most tables have only that one.
    let (single, several): (Vec<_>, Vec<_>) = tables.iter().partition(|table| table.is_of_one_vintage);
    insert(connection, &single)?;
    if !several.is_empty() {
        let read = read(several.iter().flat_map(|table| table.files.iter()));
        let insert = format!(
            "create temp table versions as
                select {}, \"change\", lead(make_timestamp(epoch_us(vintage))) over (partition by {key} order by vintage) as valid_to,
                    coalesce(max_by(\"value\" is null and coalesce(flags, '') like '%c%', case when \"change\" <> 'withdrawn' then vintage end)
                        over (partition by {key}), false) as is_withheld
                from (select own.* from {read} as own {which});
             insert into coded.observations
                select * exclude (\"change\", valid_to, is_withheld) from versions
                where valid_to is null and \"change\" <> 'withdrawn' order by {ORDER};
             insert into lake.observation_history
                select * exclude (is_withheld) replace (
                    case when not is_withheld then \"value\" end as \"value\", case when not is_withheld then cell end as cell)
                from versions where valid_to is not null or \"change\" = 'withdrawn' order by {ORDER}, vintage;
             drop table versions",
            COLUMNS.map(|column| format!("{} as {}", as_written(column), quoted(column))).join(", ")
        );
        execute(connection, "load observations and their history", &insert)?;
    }
    Ok(())
}

/// A column of `coded.observations` as a partition's file has it, texts as such.
fn as_written(column: &str) -> String {
    match column {
        "vintage" => "make_timestamp(epoch_us(vintage))".to_owned(),
        "cell" => "cell::bigint".to_owned(),
        column => quoted(column),
    }
}

/// Texts of a column up to which it is worth while to look for each text of a dictionary among them.
const LISTED: i64 = 2_000;

/// Below so many rows it is not worth while to look at what a table's files say of themselves.
const LARGE: u64 = 50_000;

/// Files that are read together, with the columns that have one value in all of their rows.
struct Source<'t> {
    paths: Vec<&'t PathBuf>,
    constants: BTreeMap<String, String>,
    /// Whether it is one file of a large table.
    is_large: bool,
}

/// Parquet files as a table. What the names of their folders say stands in them, too.
pub(super) fn read<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> String {
    format!("read_parquet([{}], hive_partitioning = false)", files(paths))
}

/// The files of large tables one by one, with what each says of itself, and those of all others together. To read and number a
/// column of one value row by row takes as long as any other, and half of them are of this kind.
fn sources<'t>(connection: &Connection, tables: &[&'t TableFiles]) -> Result<Vec<Source<'t>>, WarehouseError> {
    let (large, small): (Vec<&TableFiles>, Vec<&TableFiles>) = tables.iter().partition(|table| table.rows >= LARGE);
    let paths = |tables: Vec<&'t TableFiles>| tables.into_iter().flat_map(|table| &table.files).collect::<Vec<_>>();
    let (large, small) = (paths(large), paths(small));
    let mut constants = constants(connection, &large)?;
    let of_large = large.into_iter().map(|path| Source {
        constants: constants.remove(path.to_string_lossy().as_ref()).unwrap_or_default(),
        paths: vec![path],
        is_large: true,
    });
    let mut sources: Vec<Source> = of_large.collect();
    if !small.is_empty() {
        sources.push(Source { paths: small, constants: BTreeMap::new(), is_large: false });
    }
    Ok(sources)
}

/// The columns that have one value in all rows of a file, by the file, as each says of itself.
fn constants(
    connection: &Connection,
    paths: &[&PathBuf],
) -> Result<BTreeMap<String, BTreeMap<String, String>>, WarehouseError> {
    let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    if paths.is_empty() {
        return Ok(found);
    }
    let names = texts().chain(["vintage"]).map(literal).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "select file_name, path_in_schema, any_value(stats_min_value) from parquet_metadata([{}])
         where path_in_schema in ({names})
         group by file_name, path_in_schema
         having min(stats_min_value) = max(stats_max_value) and count(stats_min_value) = count(*)
             and sum(stats_null_count) = 0 and count(stats_null_count) = count(*)",
        files(paths.iter().copied())
    );
    let failed = engine::refused("look at the observations".to_owned());
    let mut statement = connection.prepare(&sql).map_err(&failed)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).map_err(&failed)?;
    for row in rows {
        let (file, column, value) = row.map_err(&failed)?;
        found.entry(file).or_default().insert(column, value);
    }
    Ok(found)
}

/// Puts the rows of tables of one vintage into `coded.observations`. A file of one row group is read by one thread: several
/// are read side by side, and rows of one file stay together.
///
/// To cast a text to its number takes a hash of it in each row. A function of a column DuckDB computes once for each text of
/// a row group's dictionary, so texts of large files are looked up in the list of all, as long as that is short.
fn insert(connection: &Connection, tables: &[&TableFiles]) -> Result<(), WarehouseError> {
    let sources = sources(connection, tables)?;
    if sources.is_empty() {
        return Ok(());
    }
    // A column that has got further texts since it was made has a type without a name.
    let types = format!(
        "select type_name from duckdb_types()
         where database_name = current_database() and schema_name = 'coded' and logical_type = 'ENUM' and len(labels) <= {LISTED}"
    );
    let listed = match sources.iter().any(|source| source.is_large) {
        true => engine::list(connection, "look at the texts of observations", &types)?,
        false => Vec::new(),
    };
    let column = |column: &str, source: &Source| {
        let name = quoted(column);
        let is_listed = listed.iter().any(|listed| listed == column);
        let cast = if is_listed { format!("::coded.{name}") } else { String::new() };
        match source.constants.get(column).map(|constant| literal(constant)) {
            Some(moment) if column == "vintage" => format!("make_timestamp(epoch_us(timestamptz {moment}))"),
            Some(constant) => constant + &cast,
            None if NUMBERS.contains(&column) => as_written(column),
            None if is_listed && source.is_large => {
                let all = format!("enum_range(null{cast})");
                format!("map({all}::varchar[], {all}{cast}[])[{name}]")
            }
            None => name + &cast,
        }
    };
    let select = |source: &Source| {
        format!(
            "select {} from {}",
            COLUMNS.map(|name| column(name, source)).join(", "),
            read(source.paths.iter().copied())
        )
    };
    let insert = format!(
        "set preserve_insertion_order = false; insert into coded.observations {}; reset preserve_insertion_order",
        sources.iter().map(select).collect::<Vec<_>>().join(" union all ")
    );
    execute(connection, "load observations", &insert)
}

/// The order of rows that several files have a part in.
const ORDER: &str = "pipeline, dataset, indicator, unit, region, sector, size_class, time_period";

/// Makes `coded.observations`, empty, with the types of its texts, and `lake.observations` as a view of it.
fn coded_table(connection: &Connection, tables: &[TableFiles]) -> Result<(), WarehouseError> {
    let sources = sources(connection, &tables.iter().collect::<Vec<_>>())?;
    let mut distinct = Vec::new();
    for column in texts() {
        let name = quoted(column);
        let known: BTreeSet<&String> = sources.iter().filter_map(|source| source.constants.get(column)).collect();
        distinct
            .extend(known.into_iter().map(|text| format!("select '{column}' as kind, {} as \"text\"", literal(text))));
        let others = sources.iter().filter(|source| !source.constants.contains_key(column));
        let others: Vec<&PathBuf> = others.flat_map(|source| source.paths.iter().copied()).collect();
        if !others.is_empty() {
            distinct.push(format!(
                "select '{column}' as kind, {name} as \"text\" from {} where {name} is not null group by {name}",
                read(others.into_iter())
            ));
        }
    }
    let mut sql = format!(
        "create schema coded; create temp table texts as select distinct * from ({});",
        distinct.join(" union all ")
    );
    for column in texts() {
        sql.push_str(&format!(
            "create type coded.{} as enum (select \"text\" from texts where kind = '{column}' order by \"text\");",
            quoted(column)
        ));
    }
    let columns = COLUMNS.map(|column| match column {
        "value" => "\"value\" double".to_owned(),
        "vintage" => "vintage timestamp".to_owned(),
        "cell" => "cell bigint".to_owned(),
        text => format!("{name} coded.{name}", name = quoted(text)),
    });
    let seen = COLUMNS.map(|column| match texts().any(|text| text == column) {
        true => format!("cast({name} as varchar) as {name}", name = quoted(column)),
        false => quoted(column),
    });
    sql.push_str(&format!(
        "drop table texts; drop table lake.observations;
         create table coded.observations ({});
         comment on table coded.observations is 'Where the rows of lake.observations stand, texts by number: read that view instead';
         create view lake.observations as select {} from coded.observations;
         comment on view lake.observations is {}",
        columns.join(", "),
        seen.join(", "),
        literal(IN_FORCE)
    ));
    execute(connection, "number the texts of observations", &sql)
}

/// Fills the table of members, which is there and empty.
pub(super) fn load_all_memberships(connection: &Connection, inputs: &Inputs) -> Result<(), WarehouseError> {
    load_memberships(connection, &inputs.memberships, true)?;
    load_memberships(connection, &inputs.earlier_memberships, false)
}

/// Whether there are observations that are kept by number.
pub(super) fn is_coded(connection: &Connection) -> Result<bool, WarehouseError> {
    let coded = "select count(*) from duckdb_tables()
        where database_name = current_database() and schema_name = 'coded' and table_name = 'observations'";
    Ok(engine::number(connection, "look at the observations", coded)? > 0)
}

/// Asks how many observations have a gap in their key. Where they are kept by number, the file itself knows that there is none.
pub(super) fn gaps(connection: &Connection) -> Result<String, WarehouseError> {
    let schema = if is_coded(connection)? { "coded" } else { "lake" };
    let gaps = has_gap(&OBSERVATION_KEY);
    Ok(format!("select count(*) from {schema}.observations where {gaps}"))
}

/// Each partition holds a whole register.
fn load_memberships(connection: &Connection, partitions: &[PathBuf], is_current: bool) -> Result<(), WarehouseError> {
    if partitions.is_empty() {
        return Ok(());
    }
    let read = read(partitions.iter());
    let insert = format!(
        "insert into lake.memberships
            select pipeline, dataset, cluster, member, identified_by, name_key, duplicate_of::bigint, \"name\", nif_valid, activity,
                sector_scheme, municipality, region, size_class, joined, left_on, website, declared_forces, make_timestamp(epoch_us(vintage)),
                \"snapshot\", \"row\"::bigint, cell::bigint, provenance, {is_current}
            from {read}
            order by pipeline, vintage, \"row\""
    );
    execute(connection, "load memberships", &insert)
}

/// The state of all observations at a moment, as SDMX REST 3 asks for it with `asOf`.
pub(super) const AS_OF: &str = "
    create macro main.observations_as_of(moment) as table
        select pipeline, dataset, indicator, region, sector, sector_scheme, size_class, unit, time_period, \"value\", flags, vintage,
            \"snapshot\", cell, provenance
        from lake.observations
        where vintage <= cast(moment as timestamp)
        union all
        select pipeline, dataset, indicator, region, sector, sector_scheme, size_class, unit, time_period, \"value\", flags, vintage,
            \"snapshot\", cell, provenance
        from lake.observation_history
        where vintage <= cast(moment as timestamp) and valid_to > cast(moment as timestamp) and \"change\" <> 'withdrawn';
    comment on macro table main.observations_as_of is 'Observations as they were known at a moment (UTC): from observations_as_of(''2026-01-31'')'";

fn files<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> String {
    paths.map(|path| path_literal(path)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What a column that never changes is taken for by what the file says of itself is what stands in its rows.
    #[test]
    fn a_large_table_is_loaded_as_a_small_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.parquet");
        let connection = Connection::open_in_memory().unwrap();
        let written = format!(
            "copy (
                select 'p' as pipeline, 'it''s' as dataset, 'I' || i % 7 as indicator, 'R' || i % 3000 as region, 'TOTAL' as sector,
                    's' as sector_scheme, 'c' as size_class, case when i < 122880 then 'one' else 'other' end as unit,
                    '2025' as time_period, i / 3 as \"value\", case when i > 5 then 'c' end as flags,
                    timestamptz '2026-01-31 23:59:59.123456+00' as vintage, repeat('a', 64) as \"snapshot\", i as cell,
                    'official' as provenance, 'new' as \"change\"
                from range(300000) as numbers (i) order by i
             ) to {} (format parquet, row_group_size 122880)",
            path_literal(&file)
        );
        execute(&connection, "write", &written).unwrap();
        let constant = constants(&connection, &[&file]).unwrap().remove(file.to_str().unwrap()).unwrap();
        let names: Vec<&str> = constant.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "dataset",
                "pipeline",
                "provenance",
                "sector",
                "sector_scheme",
                "size_class",
                "snapshot",
                "time_period",
                "vintage"
            ]
        );

        let loaded = |rows: u64, is_amended: bool| {
            let connection = Connection::open_in_memory().unwrap();
            let table =
                TableFiles { files: vec![file.clone()], is_of_one_vintage: true, rows, ..TableFiles::default() };
            execute(&connection, "make", &lake_tables(&[])).unwrap();
            coded_table(&connection, std::slice::from_ref(&table)).unwrap();
            if is_amended {
                let further = "alter table coded.observations alter column unit type enum ('one', 'other', 'new'); drop type coded.unit";
                execute(&connection, "number a new text", further).unwrap();
            }
            load_observations(&connection, &[table], "").unwrap();
            let columns = COLUMNS.map(quoted).join(", ");
            let sql = format!(
                "select count(*)::varchar || ' ' || sum(hash({columns})::hugeint)::varchar || ' ' || min(vintage)::varchar || min(dataset)
                 from lake.observations"
            );
            connection.query_row(&sql, [], |row| row.get::<_, String>(0)).unwrap()
        };
        let large = loaded(LARGE, false);
        assert!(large.starts_with("300000 ") && large.ends_with("2026-01-31 23:59:59.123456it's"), "{large}");
        assert_eq!(large, loaded(LARGE - 1, false));
        assert_eq!(large, loaded(LARGE, true));
    }
}
