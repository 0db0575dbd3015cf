//! One build: the lake's tables, the models, their audits, the marts as Parquet; all in one folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use duckdb::Connection;
use serde::{Deserialize, Serialize};

use super::amend::{self, Amendment, Way};
use super::analysts;
use super::audit::{self, AuditResult};
use super::contract::{InputRule, Translation};
use super::engine::{self, Limits, Watch, execute, path_literal};
use super::load::{AS_OF, LOAD_VERSION, load};
use super::model::{self, Layer, Model, Models};
use super::spark::{Answer, Cluster};
use super::{Inputs, Loaded, WarehouseError, export, hash_of, literal, quoted};
use crate::disk;

/// Behind DuckDB's version where Spark runs the models.
pub const ON_SPARK: &str = " with Spark";

/// The database's name inside DuckDB and, with `.duckdb`, on disk: views keep it in their SQL.
pub(super) const DATABASE: &str = "tejido";

/// How one model came into a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelResult {
    /// The table's name.
    pub name: String,
    /// Its schema.
    pub schema: String,
    /// Of its SQL, the content of its inputs, and the engine.
    pub fingerprint: String,
    /// Whether it is a mart, which is what is published as Parquet, too.
    #[serde(default)]
    pub is_mart: bool,
    /// What one row is.
    #[serde(default)]
    pub description: String,
    /// The same in other languages, by language.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub translations: BTreeMap<String, String>,
    /// The columns that identify a row.
    #[serde(default)]
    pub grain: Vec<String>,
    /// Its columns in order.
    #[serde(default)]
    pub columns: Vec<ColumnResult>,
    /// The models that it reads.
    #[serde(default)]
    pub reads: Vec<String>,
    /// The tables of the lake that it reads, without the schema.
    #[serde(default)]
    pub reads_lake: Vec<String>,
    /// The rows of other tables that a row was computed from.
    #[serde(default)]
    pub inputs: Vec<InputRule>,
    /// Its SELECT.
    #[serde(default)]
    pub sql: String,
    /// Hash of the SELECT without comments and layout.
    #[serde(default)]
    pub select_hash: String,
    /// Whether the rows of the last build were taken over.
    pub reused: bool,
    /// Whether they were but for those that a changed observation can have changed.
    #[serde(default)]
    pub amended: bool,
    /// Rows.
    pub rows: u64,
    /// Hash of the rows, whatever their order; not of views.
    pub content_hash: Option<String>,
    /// Rows by provenance, if there is such a column; marts only.
    #[serde(default)]
    pub provenance: BTreeMap<String, u64>,
}

impl ModelResult {
    /// The table as SQL, such as `main."ict_adoption"`.
    pub fn table(&self) -> String {
        format!("{}.{}", self.schema, quoted(&self.name))
    }
}

/// A column of a model in a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnResult {
    /// Its name.
    pub name: String,
    /// Its type as DuckDB calls it.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it means.
    pub description: String,
    /// The same in other languages, by language.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub translations: BTreeMap<String, String>,
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
    /// Whether the files of its models are those of now, and the program and its engine.
    pub is_of_same_models: bool,
    /// Fingerprint of each of its tables of the lake, without the schema.
    pub lake: BTreeMap<String, String>,
    /// What it loaded of each source's table, by pipeline and dataset.
    pub tables: BTreeMap<(String, String), Loaded>,
}

/// What stands for the content of a model in the fingerprints of those that read it: of a table its rows, of a view
/// its SQL and what it reads. A table that comes out as it was stops what a change upstream would make run again.
pub(super) type Contents = BTreeMap<String, String>;

/// Of a model's SQL, the content of what it reads, and the engine.
pub(super) fn fingerprint(model: &Model, lake: &BTreeMap<String, String>, contents: &Contents, engine: &str) -> String {
    let lake = model.reads_lake.iter().flat_map(|table| [table.as_str(), lake.get(table).map_or("", String::as_str)]);
    // Models come after those that they read.
    let models = model.reads.iter().flat_map(|name| [name.as_str(), contents.get(name).map_or("", String::as_str)]);
    hash_of([engine, env!("CARGO_PKG_VERSION"), LOAD_VERSION, &model.select_hash].into_iter().chain(lake).chain(models))
}

/// Makes the build in `folder`, which exists and is empty; the models run on the cluster, if there is one. Blocking audits
/// that fail are an error.
#[expect(clippy::too_many_arguments, reason = "each is another thing, and there are two callers")]
pub fn build(
    folder: &Path,
    models: &Models,
    inputs: &Inputs,
    previous: Option<&Previous>,
    cluster: Option<&Cluster<'_>>,
    limits: &Limits,
    build_id: &str,
    mut progress: impl FnMut(&str),
) -> Result<Build, WarehouseError> {
    let mut engine_version = engine::engine_version()?;
    if cluster.is_some() {
        engine_version.push_str(ON_SPARK);
    }
    let mut contents = Contents::new();
    let database = folder.join(format!("{DATABASE}.duckdb"));
    let audits = folder.join(audit::FOLDER);
    disk::create_dir(&audits)?;
    let mut build = Build::default();
    {
        let connection = engine::open(limits)?;
        // To ask each column whether these would do takes longer than to write it, and hardly any does better by them.
        execute(&connection, "choose compression", "set disabled_compression_methods = 'fsst,zstd'")?;
        progress("loading the lake");
        let mut amendment = match (previous, cluster) {
            (Some(previous), None) => amend::begin(&connection, &database, inputs, previous)?,
            _ => None,
        };
        if amendment.is_none() {
            attach(&connection, &database)?;
            load(&connection, inputs)?;
            let schemas = "create schema staging; create schema intermediate";
            execute(&connection, "make the schemas", schemas)?;
        }
        let reusable = reusable(&connection, folder, previous)?;
        let mut answers = match cluster {
            Some(cluster) => {
                models.all.iter().try_for_each(|model| model.bind(&connection))?;
                let last = |name: &str| reusable.get(name).copied();
                cluster.run(&connection, models, inputs, last, &mut progress)?
            }
            None => BTreeMap::new(),
        };
        // The rows that fail audits are the only files that may be written now, and what Spark wrote may be read. One
        // checkpoint, at the end: what is private is dropped before anything of it reaches the file.
        let mut allowed = vec![path_literal(&audits)];
        allowed.extend(cluster.map(|cluster| path_literal(&cluster.output())));
        execute(
            &connection,
            "close the sandbox",
            &format!(
                "set checkpoint_threshold = '1TB';
                 set allowed_directories = [{}]; set enable_external_access = false; set lock_configuration = true",
                allowed.join(", ")
            ),
        )?;
        for model in &models.all {
            progress(&model.name);
            let watch = Watch::start(&connection, limits.model_time);
            let way = match &mut amendment {
                Some(amendment) => Some(amendment.way(&connection, model)?),
                None => None,
            };
            let step = Step {
                connection: &connection,
                folder,
                models,
                amendment: amendment.as_ref().zip(way.as_ref()),
                fingerprint: fingerprint(model, &inputs.fingerprints, &contents, &engine_version),
                last: reusable.get(&model.name).copied(),
                given: cluster.zip(answers.remove(&model.name)),
            };
            let outcome = step.run(model);
            let is_over = watch.stop();
            let (result, audits) = match (outcome, limits.model_time) {
                (Err(_), Some(limit)) if is_over => {
                    return Err(WarehouseError::Overtime { path: model.path.clone(), limit_secs: limit.as_secs() });
                }
                (outcome, _) => outcome?,
            };
            if let (Some(amendment), Some(way)) = (&mut amendment, &way) {
                let last = reusable.get(&model.name).and_then(|last| last.content_hash.as_ref());
                amendment.note(model, way, last.is_some() && last == result.content_hash.as_ref());
            }
            let content = result.content_hash.clone().unwrap_or_else(|| result.fingerprint.clone());
            contents.insert(model.name.clone(), content);
            build.audits.extend(audits);
            build.models.push(result);
        }
        let failed: Vec<&AuditResult> = build.audits.iter().filter(|audit| audit.blocking && !audit.passed()).collect();
        if !failed.is_empty() {
            return Err(WarehouseError::Audits {
                failed: AuditResult::sentences(&failed),
                failing: failed.len(),
                total: build.audits.len(),
                kept: Some(audits),
            });
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
        // What goes on from the last build has them already.
        if amendment.is_none() {
            execute(&connection, "make `observations_as_of`", AS_OF)?;
            models.macros.iter().try_for_each(|one| one.make(&connection))?;
            execute(&connection, "make the views of the newest rows", &analysts::latest_views(models))?;
            analysts::make_dictionary(&connection, models, &build.models)?;
        }
        let detach = match previous {
            Some(_) => format!("checkpoint {DATABASE}; use memory; detach {DATABASE}; detach previous"),
            None => format!("checkpoint {DATABASE}; use memory; detach {DATABASE}"),
        };
        execute(&connection, "write the database", &detach)?;
    }
    disk::remove_file(&folder.join(PREVIOUS))?;
    progress("exporting marts");
    if disk::list(&audits)?.is_empty() {
        disk::remove_dir(&audits)?;
    }
    export::marts(folder, &database, models, &mut build, limits, build_id)?;
    disk::seal(&database)?;
    Ok(build)
}

/// Opens the database that is written, or makes it.
pub(super) fn attach(connection: &Connection, database: &Path) -> Result<(), WarehouseError> {
    // Clients from DuckDB 1.2 on can open this storage version. There is no log of writes to recover from: a build
    // that breaks off is thrown away, and what is private must reach the disk in no form.
    let attach = format!(
        "attach {} as {DATABASE} (storage_version 'v1.2.0', recovery_mode no_wal_writes); use {DATABASE}",
        path_literal(database)
    );
    execute(connection, "make the database", &attach)
}

/// Closes it again.
pub(super) fn detach(connection: &Connection) -> Result<(), WarehouseError> {
    execute(connection, "close the database", &format!("use memory; detach {DATABASE}"))
}

/// How one model comes into a build.
struct Step<'b> {
    connection: &'b Connection,
    folder: &'b Path,
    models: &'b Models,
    /// How it does where the build goes on from the last one.
    amendment: Option<(&'b Amendment, &'b Way)>,
    fingerprint: String,
    /// The model as it was in the last build.
    last: Option<&'b ModelResult>,
    /// What Spark gave of it, whose empty table is there.
    given: Option<(&'b Cluster<'b>, Answer)>,
}

impl Step<'_> {
    fn run(self, model: &Model) -> Result<(ModelResult, Vec<AuditResult>), WarehouseError> {
        let Step { connection, folder, models, amendment, fingerprint, last, given } = self;
        let _span = tracing::info_span!("model", model = model.name).entered();
        let is_kept = !model.is_view() && !model.contract.private;
        let is_as_it_was = |last: &&ModelResult| match amendment {
            Some((_, way)) => matches!(way, Way::Kept),
            None => last.fingerprint == fingerprint,
        };
        let taken = last.filter(|last| is_kept && given.is_none() && is_as_it_was(last));
        let started = Instant::now();
        match (&given, amendment) {
            (Some((cluster, answer)), _) => {
                answer.take(connection, cluster, folder, model, &model::columns(connection, model)?)?;
            }
            (None, Some((_, Way::Kept))) => {}
            (None, Some((amendment, Way::Part(separators)))) => {
                amendment.amend(connection, models, model, separators)?;
            }
            (None, Some((_, Way::Whole))) => {
                let kind = if model.is_view() { "view" } else { "table" };
                let drop = format!("drop {kind} if exists {}", model.table());
                execute(connection, &format!("make `{}` again", model.name), &drop)?;
                model.make(connection)?;
            }
            (None, None) => make(connection, model, taken.is_some())?,
        }
        let made = started.elapsed();
        // What goes on has its words.
        if !matches!(amendment, Some((_, Way::Kept | Way::Part(_)))) {
            comment(connection, model)?;
        }
        let commented = started.elapsed();
        let columns = model::columns(connection, model)?;
        let counted_elsewhere = given.as_ref().and_then(|(_, answer)| answer.rows).filter(|_| !is_kept);
        let (rows, content_hash) = match (taken, model.is_view()) {
            // Its rows stay where they were counted.
            _ if counted_elsewhere.is_some() => (counted_elsewhere.unwrap_or_default(), None),
            (Some(last), _) => (last.rows, last.content_hash.clone()),
            (None, true) => {
                let count = format!("select count(*) from {}", model.table());
                (engine::number(connection, "count rows", &count)?.unsigned_abs(), None)
            }
            (None, false) => {
                let (rows, hash) = export::content(connection, model, &columns)?;
                (rows, Some(hash))
            }
        };
        let counted = started.elapsed();
        let audits = match given {
            Some((_, answer)) => answer.audits,
            None => audit::run(connection, folder, model, &columns, last)?,
        };
        let millis = |span: Duration| span.as_secs_f64() * 1e3;
        tracing::debug!(
            made = millis(made),
            commented = millis(commented - made),
            counted = millis(counted - commented),
            audited = millis(started.elapsed() - counted),
            "`{}`, in milliseconds",
            model.name
        );
        let result = ModelResult {
            name: model.name.clone(),
            schema: model.layer.schema().to_owned(),
            fingerprint,
            is_mart: model.layer == Layer::Mart,
            description: model.contract.description.clone(),
            translations: translated(model, |translation| Some(translation.description.as_str())),
            grain: model.contract.grain.clone(),
            columns: described(model, columns),
            reads: model.reads.clone(),
            reads_lake: model.reads_lake.clone(),
            inputs: model.contract.inputs.clone(),
            sql: model.sql().to_owned(),
            select_hash: model.select_hash.clone(),
            reused: taken.is_some(),
            amended: matches!(amendment, Some((_, Way::Part(_)))),
            rows,
            content_hash,
            provenance: BTreeMap::new(),
        };
        Ok((result, audits))
    }
}

/// The copy of the previous build in the folder of the new one.
const PREVIOUS: &str = ".tmp-previous.duckdb";

/// The models of the previous build whose tables can be read, with their fingerprints. A copy is opened: a
/// client that has the published file open for writing would keep this process out, and the other way round.
fn reusable<'p>(
    connection: &Connection,
    folder: &Path,
    previous: Option<&'p Previous>,
) -> Result<BTreeMap<String, &'p ModelResult>, WarehouseError> {
    let Some(previous) = previous else {
        return Ok(BTreeMap::new());
    };
    let copy = folder.join(PREVIOUS);
    disk::copy(&previous.database, &copy)?;
    let attach = format!("attach {} as previous (read_only)", path_literal(&copy));
    execute(connection, "open the last build", &attach)?;
    Ok(previous.models.iter().map(|model| (model.name.clone(), model)).collect())
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
    model.make(connection)
}

/// The columns of a model with their meanings.
fn described(model: &Model, columns: Vec<(String, String)>) -> Vec<ColumnResult> {
    let meaning = |name: &str| {
        let found = model.contract.columns.iter().find(|(other, _)| other == name);
        found.map(|(_, meaning)| meaning.clone()).unwrap_or_default()
    };
    let column = |(name, kind): (String, String)| ColumnResult {
        description: meaning(&name),
        translations: translated(model, |translation| translation.column(&name)),
        name,
        kind,
    };
    columns.into_iter().map(column).collect()
}

/// What a model's header says in other languages.
fn translated<'m>(model: &'m Model, said: impl Fn(&'m Translation) -> Option<&'m str>) -> BTreeMap<String, String> {
    let translations = model.contract.translations.iter();
    translations.filter_map(|(language, translation)| Some((language.clone(), said(translation)?.to_owned()))).collect()
}

/// Puts the header's words into the database, where every client shows them.
fn comment(connection: &Connection, model: &Model) -> Result<(), WarehouseError> {
    let table = model.table();
    let kind = if model.is_view() { "view" } else { "table" };
    let mut sql = format!("comment on {kind} {table} is {};", literal(&model.contract.description));
    for (column, meaning) in &model.contract.columns {
        sql.push_str(&format!("comment on column {table}.{} is {};", quoted(column), literal(meaning)));
    }
    // At once: each statement by itself would be a transaction.
    execute(connection, &format!("comment on `{}`", model.name), &format!("begin; {sql} commit"))
}
