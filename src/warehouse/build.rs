//! One build: the lake's tables, the models, their audits, the marts as Parquet; all in one folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use duckdb::Connection;
use serde::{Deserialize, Serialize};

use super::audit::{self, AuditResult};
use super::engine::{self, Limits, execute, path_literal};
use super::model::{self, Layer, Model, Models};
use super::{CodelistTable, Inputs, TableFiles, WarehouseError, literal, quoted};
use crate::disk;

/// Bumped whenever the tables of the lake are loaded differently from the same files.
const LOAD_VERSION: &str = "2";

/// The database's name inside DuckDB and, with `.duckdb`, on disk: views keep it in their SQL.
const DATABASE: &str = "tejido";

/// How one model came into a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelResult {
    /// The table's name.
    pub name: String,
    /// Its schema.
    pub schema: String,
    /// Of its SQL, its inputs and the engine.
    pub fingerprint: String,
    /// Whether the rows of the last build were taken over.
    pub reused: bool,
    /// Rows.
    pub rows: u64,
    /// Hash of the rows, whatever their order; marts only.
    pub content_hash: Option<String>,
    /// Rows by provenance, if there is such a column; marts only.
    #[serde(default)]
    pub provenance: BTreeMap<String, u64>,
}

/// A finished build, not yet published.
#[derive(Debug, Clone, Default)]
pub struct Build {
    /// The models in the order in which they ran.
    pub models: Vec<ModelResult>,
    /// All audits.
    pub audits: Vec<AuditResult>,
}

/// The build whose unchanged models are taken over.
#[derive(Debug, Clone)]
pub struct Previous {
    /// Its DuckDB file.
    pub database: PathBuf,
    /// Its models.
    pub models: Vec<ModelResult>,
}

impl Models {
    /// The fingerprint of each model, by name, for a lake with these fingerprints.
    pub fn fingerprints(&self, inputs: &Inputs, engine: &str) -> BTreeMap<String, String> {
        let mut fingerprints: BTreeMap<String, String> = BTreeMap::new();
        for model in &self.all {
            let mut hasher = blake3::Hasher::new();
            let mut add = |text: &str| {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            };
            add(engine);
            add(env!("CARGO_PKG_VERSION"));
            add(LOAD_VERSION);
            add(&model.normalised);
            for table in &model.reads_lake {
                add(table);
                add(inputs.fingerprints.get(table).map_or("", String::as_str));
            }
            for name in &model.reads {
                add(name);
                // Models come after those that they read.
                add(fingerprints.get(name).map_or("", String::as_str));
            }
            fingerprints.insert(model.name.clone(), hasher.finalize().to_hex().to_string());
        }
        fingerprints
    }
}

/// Makes the build in `folder`, which exists and is empty. Blocking audits that fail are an error.
pub fn build(
    folder: &Path,
    models: &Models,
    inputs: &Inputs,
    previous: Option<&Previous>,
    limits: &Limits,
    build_id: &str,
    mut progress: impl FnMut(&str),
) -> Result<Build, WarehouseError> {
    let engine_version = engine::engine_version()?;
    let fingerprints = models.fingerprints(inputs, &engine_version);
    let database = folder.join(format!("{DATABASE}.duckdb"));
    let mut build = Build::default();
    {
        let connection = engine::open(limits)?;
        // Clients from DuckDB 1.2 on can open this storage version.
        let attach =
            format!("attach {} as {DATABASE} (storage_version 'v1.2.0'); use {DATABASE}", path_literal(&database));
        execute(&connection, "make the database", &attach)?;
        progress("loading the lake");
        load(&connection, inputs)?;
        let reusable = reusable(&connection, folder, previous)?;
        // One checkpoint, at the end: what is private is dropped before anything of it reaches the file.
        execute(
            &connection,
            "close the sandbox",
            "create schema staging; create schema intermediate; set checkpoint_threshold = '1TB';
             set enable_external_access = false; set lock_configuration = true",
        )?;
        for model in &models.all {
            progress(&model.name);
            let _span = tracing::info_span!("model", model = model.name).entered();
            let fingerprint = fingerprints.get(&model.name).cloned().unwrap_or_default();
            let is_kept = !model.is_view() && !model.contract.private;
            let reused = is_kept && reusable.get(&model.name) == Some(&fingerprint);
            make(&connection, model, reused)?;
            comment(&connection, model)?;
            let rows = engine::number(&connection, "count rows", &format!("select count(*) from {}", model.table()))?;
            build.audits.extend(audit::run(&connection, model)?);
            build.models.push(ModelResult {
                name: model.name.clone(),
                schema: model.layer.schema().to_owned(),
                fingerprint,
                reused,
                rows: rows.unsigned_abs(),
                content_hash: None,
                provenance: BTreeMap::new(),
            });
        }
        let failed: Vec<String> =
            build.audits.iter().filter(|audit| audit.blocking && !audit.passed()).map(AuditResult::sentence).collect();
        if !failed.is_empty() {
            return Err(WarehouseError::Audits { failed, total: build.audits.len() });
        }
        let mut private = String::new();
        for model in models.all.iter().rev().filter(|model| model.contract.private) {
            let kind = if model.is_view() { "view" } else { "table" };
            private.push_str(&format!("drop {kind} {};", model.table()));
        }
        for table in model::PRIVATE_TABLES {
            private.push_str(&format!("drop table lake.{};", quoted(table)));
        }
        execute(&connection, "take out what is private", &private)?;
        execute(&connection, "make `observations_as_of`", AS_OF)?;
        let detach = match previous {
            Some(_) => format!("checkpoint {DATABASE}; use memory; detach {DATABASE}; detach previous"),
            None => format!("checkpoint {DATABASE}; use memory; detach {DATABASE}"),
        };
        execute(&connection, "write the database", &detach)?;
    }
    disk::remove_file(&folder.join(PREVIOUS))?;
    progress("exporting marts");
    export(folder, &database, models, &mut build, limits, build_id)?;
    disk::seal(&database)?;
    Ok(build)
}

/// Statements that make the tables of the lake, empty; the one place that knows their columns.
pub fn lake_tables(codelists: &[CodelistTable]) -> String {
    let mut sql = String::from(
        "create schema lake;
         create table lake.observations (pipeline varchar, dataset varchar, indicator varchar, region varchar, sector varchar,
            sector_scheme varchar, size_class varchar, unit varchar, time_period varchar, \"value\" double, flags varchar,
            vintage timestamp, \"snapshot\" varchar, cell bigint, provenance varchar);
         comment on table lake.observations is 'Observations in force, in canonical codes: one row a pipeline, table and key';
         create table lake.observation_history (pipeline varchar, dataset varchar, indicator varchar, region varchar, sector varchar,
            sector_scheme varchar, size_class varchar, unit varchar, time_period varchar, \"value\" double, flags varchar,
            vintage timestamp, \"snapshot\" varchar, cell bigint, provenance varchar, \"change\" varchar, valid_to timestamp);
         comment on table lake.observation_history is 'What was in force before, and withdrawals: from vintage until before valid_to';
         create table lake.memberships (pipeline varchar, dataset varchar, cluster varchar, member varchar, identified_by varchar,
            name_key varchar, duplicate_of bigint, \"name\" varchar, nif_valid boolean, activity varchar, sector_scheme varchar, municipality varchar, region varchar, size_class varchar,
            joined date, left_on date, website varchar, vintage timestamp, \"snapshot\" varchar, \"row\" bigint, cell bigint,
            provenance varchar, is_current boolean);
         create table lake.pipelines (pipeline varchar, title varchar, publisher varchar, licence varchar, attribution varchar,
            preference integer);
         comment on table lake.pipelines is 'The sources, with who publishes them and under which licence';
         create table lake.snapshots (\"snapshot\" varchar, pipeline varchar, dataset varchar, url varchar, fetched_at timestamp,
            file varchar);
         comment on table lake.snapshots is 'The snapshots that rows come from: BLAKE3 of the bytes, address, time, file of the archive';",
    );
    for CodelistTable { table, columns, .. } in codelists {
        let columns: Vec<String> = columns.iter().map(|column| format!("{} varchar", quoted(column))).collect();
        sql.push_str(&format!("create table lake.{} ({});", quoted(table), columns.join(", ")));
    }
    sql
}

fn load(connection: &Connection, inputs: &Inputs) -> Result<(), WarehouseError> {
    execute(connection, "make the tables of the lake", &lake_tables(&inputs.codelists))?;
    load_observations(connection, &inputs.observations)?;
    load_memberships(connection, &inputs.memberships, true)?;
    load_memberships(connection, &inputs.earlier_memberships, false)?;
    // A few thousand short rows: as they were read and checked, not read again by another parser.
    for CodelistTable { table, rows, .. } in inputs.codelists.iter().filter(|list| !list.rows.is_empty()) {
        let rows: Vec<String> = rows
            .iter()
            .map(|row| {
                let fields = row.iter().map(|field| if field.is_empty() { "null".to_owned() } else { literal(field) });
                format!("({})", fields.collect::<Vec<_>>().join(", "))
            })
            .collect();
        let insert = format!("insert into lake.{} values {}", quoted(table), rows.join(", "));
        execute(connection, &format!("load the codelist `{table}`"), &insert)?;
    }
    let rows = |rows: Vec<String>, table: &str| match rows.is_empty() {
        true => Ok(()),
        false => execute(connection, "load metadata", &format!("insert into lake.{table} values {}", rows.join(", "))),
    };
    let pipelines = inputs.pipelines.iter().map(|row| {
        let preference = row.preference.to_string();
        values(&[&row.pipeline, &row.title, &row.publisher, &row.licence, &row.attribution, &preference])
    });
    rows(pipelines.collect(), "pipelines")?;
    let snapshots = inputs
        .snapshots
        .iter()
        .map(|row| values(&[&row.snapshot, &row.pipeline, &row.dataset, &row.url, &row.fetched_at, &row.file]));
    rows(snapshots.collect(), "snapshots")
}

/// A partition holds changes: what is in force is the last row of each key, unless it was withdrawn.
fn load_observations(connection: &Connection, tables: &[TableFiles]) -> Result<(), WarehouseError> {
    const KEY: &str = "pipeline, dataset, indicator, region, sector, sector_scheme, size_class, unit, time_period";
    const ORDER: &str = "pipeline, dataset, indicator, unit, region, sector, size_class, time_period";
    let columns = format!(
        "{KEY}, \"value\", flags, make_timestamp(epoch_us(vintage)) as vintage, \"snapshot\", cell::bigint as cell, provenance"
    );
    // The first vintage of a table has nothing before it, and most tables have only that one.
    let (single, several): (Vec<_>, Vec<_>) = tables.iter().partition(|table| table.is_of_one_vintage);
    if !single.is_empty() {
        let files = files(single.iter().flat_map(|table| table.files.iter()));
        let insert = format!(
            "insert into lake.observations select {columns} from read_parquet([{files}], hive_partitioning = false) order by {ORDER}"
        );
        execute(connection, "load observations", &insert)?;
    }
    if !several.is_empty() {
        let files = files(several.iter().flat_map(|table| table.files.iter()));
        let insert = format!(
            "create temp table versions as
                select {columns}, \"change\", lead(make_timestamp(epoch_us(vintage))) over (partition by {KEY} order by vintage) as valid_to
                from read_parquet([{files}], hive_partitioning = false);
             insert into lake.observations
                select * exclude (\"change\", valid_to) from versions
                where valid_to is null and \"change\" <> 'withdrawn' order by {ORDER};
             insert into lake.observation_history
                select * from versions where valid_to is not null or \"change\" = 'withdrawn' order by {ORDER}, vintage;
             drop table versions"
        );
        execute(connection, "load observations and their history", &insert)?;
    }
    Ok(())
}

/// Each partition holds a whole register.
fn load_memberships(connection: &Connection, partitions: &[PathBuf], is_current: bool) -> Result<(), WarehouseError> {
    if partitions.is_empty() {
        return Ok(());
    }
    let files = files(partitions.iter());
    let insert = format!(
        "insert into lake.memberships
            select pipeline, dataset, cluster, member, identified_by, name_key, duplicate_of::bigint, \"name\", nif_valid, activity,
                sector_scheme, municipality, region, size_class, joined, left_on, website, make_timestamp(epoch_us(vintage)),
                \"snapshot\", \"row\"::bigint, cell::bigint, provenance, {is_current}
            from read_parquet([{files}], hive_partitioning = false)
            order by pipeline, vintage, \"row\""
    );
    execute(connection, "load memberships", &insert)
}

/// The state of all observations at a moment, as SDMX REST 3 asks for it with `asOf`.
const AS_OF: &str = "
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

fn values(texts: &[&String]) -> String {
    let literals: Vec<String> = texts.iter().map(|text| literal(text)).collect();
    format!("({})", literals.join(", "))
}

/// The copy of the previous build in the folder of the new one.
const PREVIOUS: &str = ".tmp-previous.duckdb";

/// The models of the previous build whose tables can be read, with their fingerprints. A copy is opened: a
/// client that has the published file open for writing would keep this process out, and the other way round.
fn reusable(
    connection: &Connection,
    folder: &Path,
    previous: Option<&Previous>,
) -> Result<BTreeMap<String, String>, WarehouseError> {
    let Some(previous) = previous else {
        return Ok(BTreeMap::new());
    };
    let copy = folder.join(PREVIOUS);
    disk::copy(&previous.database, &copy)?;
    let attach = format!("attach {} as previous (read_only)", path_literal(&copy));
    execute(connection, "open the last build", &attach)?;
    Ok(previous.models.iter().map(|model| (model.name.clone(), model.fingerprint.clone())).collect())
}

fn make(connection: &Connection, model: &Model, reused: bool) -> Result<(), WarehouseError> {
    if reused {
        let table = model.table();
        return execute(
            connection,
            &format!("take over `{}`", model.name),
            &format!("create table {table} as select * from previous.{table}"),
        );
    }
    let (create, prefix) = model.create();
    connection
        .execute_batch(&create)
        .map_err(|error| engine::located(&error, &model.path, &model.text, model.contract.end, prefix))
}

/// Puts the header's words into the database, where every client shows them.
fn comment(connection: &Connection, model: &Model) -> Result<(), WarehouseError> {
    let table = model.table();
    let kind = if model.is_view() { "view" } else { "table" };
    let mut sql = format!("comment on {kind} {table} is {};", literal(&model.contract.description));
    for (column, meaning) in &model.contract.columns {
        sql.push_str(&format!("comment on column {table}.{} is {};", quoted(column), literal(meaning)));
    }
    execute(connection, &format!("comment on `{}`", model.name), &sql)
}

/// Writes each mart as one Parquet file, sorted by its grain, and hashes its rows.
fn export(
    folder: &Path,
    database: &Path,
    models: &Models,
    build: &mut Build,
    limits: &Limits,
    build_id: &str,
) -> Result<(), WarehouseError> {
    let marts = folder.join("marts");
    disk::create_dir(&marts)?;
    let connection = engine::open(limits)?;
    let attach = format!("attach {} as {DATABASE} (read_only); use {DATABASE}", path_literal(database));
    execute(&connection, "open the new build", &attach)?;
    for model in models.all.iter().filter(|model| model.layer == Layer::Mart) {
        let path = marts.join(format!("{}.parquet", model.name));
        let grain: Vec<String> = model.contract.grain.iter().map(|name| quoted(name)).collect();
        let names = model::columns(&connection, model)?;
        let meanings: BTreeMap<&str, &str> =
            model.contract.columns.iter().map(|(name, meaning)| (name.as_str(), meaning.as_str())).collect();
        // Maps of strings always have a JSON form.
        let meanings = serde_json::to_string(&meanings).unwrap_or_default();
        execute(
            &connection,
            &format!("export `{}`", model.name),
            &format!(
                "copy (select * from {table} order by {grain}) to {path} (format parquet, compression zstd, row_group_size 122880,
                    kv_metadata {{'tejido.build': {build_id}, 'tejido.description': {description}, 'tejido.columns': {meanings}}})",
                table = model.table(),
                grain = grain.join(", "),
                path = path_literal(&path),
                build_id = literal(build_id),
                description = literal(&model.contract.description),
                meanings = literal(&meanings),
            ),
        )?;
        disk::seal(&path)?;
        let Some(result) = build.models.iter_mut().find(|result| result.name == model.name) else {
            continue;
        };
        result.content_hash = Some(content_hash(&connection, model, &names)?);
        if names.iter().any(|name| name == "provenance") {
            result.provenance = provenance(&connection, model)?;
        }
    }
    Ok(())
}

/// XOR of the MD5 of every row's text: the same for the same rows in any order, on any machine. Rows of
/// a mart differ by their grain, so that none cancels another out.
fn content_hash(connection: &Connection, model: &Model, columns: &[String]) -> Result<String, WarehouseError> {
    let fields: Vec<String> = columns
        .iter()
        .map(|name| format!("coalesce(replace({0}::varchar, chr(31), ' '), chr(30))", quoted(name)))
        .collect();
    let sql = format!(
        "select count(*), coalesce(bit_xor(md5_number(concat_ws(chr(31), {}))), 0)::varchar from {}",
        fields.join(", "),
        model.table()
    );
    connection
        .query_row(&sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
        .map(|(rows, hash)| format!("md5-xor:{rows}:{hash}"))
        .map_err(engine::refused(format!("hash `{}`", model.name)))
}

fn provenance(connection: &Connection, model: &Model) -> Result<BTreeMap<String, u64>, WarehouseError> {
    let failed = engine::refused(format!("count the provenance of `{}`", model.name));
    let sql = format!("select provenance, count(*) from {} group by provenance", model.table());
    let mut statement = connection.prepare(&sql).map_err(&failed)?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?.unsigned_abs())))
        .map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}
