//! A project's files and settings, read and checked before anything starts.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::RunError;
use super::warehouse::read_models;
use crate::disk;
use crate::normalise::OfficialCells;
use crate::publish;
use crate::spec::{
    Codelist, Codelists, Edition, EngineName, Kind, Pipeline, Pipelines, Settings, SpecError, substitute,
};
use crate::warehouse::{self, CodelistTable, Drafts, Models, WarehouseError, spark};

/// A project: the folder with config/, pipelines/ and sql/, read and checked.
pub struct Project {
    /// The folder.
    pub root: PathBuf,
    /// The settings.
    pub settings: Settings,
    /// `pipelines/codelists/*.csv`
    pub codelists: Codelists,
    /// `pipelines/*.toml`
    pub pipelines: Pipelines,
    /// `sql/`
    pub models: Models,
    /// Of the models' files and the lake's columns, which fit together.
    pub models_checked: String,
    /// The version of DuckDB, and whether Spark runs the models.
    pub engine: String,
    /// Where a key that a run has made is kept.
    pub(super) key_file: PathBuf,
    /// The moment after which nothing is known, of a project made by [`Project::known_at`].
    pub as_of: Option<Timestamp>,
    /// Where in the store Spark's machines find what such a project has, which is no data root of the store.
    pub(super) exchange: Option<url::Url>,
}

impl Project {
    /// Reads and checks everything. `config` is `--config`, `profile` is `--profile`.
    pub fn load(root: &Path, config: Option<&Path>, profile: Option<&str>) -> Result<Self, RunError> {
        std::thread::scope(|scope| {
            // To ask DuckDB for its version starts it, which takes a while.
            let engine = scope.spawn(warehouse::engine_version);
            // A thread that panics takes the program with it, as the same code would on this one.
            let engine = || engine.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Self::read(root, config, profile, engine)
        })
    }

    fn read(
        root: &Path,
        config: Option<&Path>,
        profile: Option<&str>,
        engine: impl FnOnce() -> Result<String, WarehouseError>,
    ) -> Result<Self, RunError> {
        let settings = Settings::load(root, config, profile)?;
        let codelists = Codelists::load(&root.join("pipelines/codelists"))?;
        let pipelines = Pipelines::load(&root.join("pipelines"), &codelists)?;
        for name in settings.sources.keys() {
            pipelines.select(std::slice::from_ref(name))?;
        }
        let has_members = |pipeline: &Pipeline| pipeline.kind == Kind::Memberships && settings.is_enabled(&pipeline.id);
        if pipelines.all.iter().any(has_members) {
            settings.hash_key()?;
        }
        let lists = tables(&codelists);
        let mut names =
            ["observations", "observation_history", "memberships", "pipelines", "snapshots", "source_codes"]
                .map(str::to_owned)
                .to_vec();
        names.extend(lists.iter().map(|list| list.table.clone()));
        let lake = warehouse::lake_tables(&lists);
        let mut engine = engine().map_err(RunError::Models)?;
        let is_spark = settings.warehouse.engine == EngineName::Spark;
        if is_spark {
            engine.push_str(warehouse::ON_SPARK);
        }
        let drafts = Drafts::read(&root.join("sql")).map_err(RunError::Models)?;
        let models_checked = drafts.fingerprint(&engine, &lake);
        // What the published build was made with has been parsed and checked.
        let published = publish::current(&settings.storage.root).ok().flatten();
        let built = published.filter(|published| published.manifest.models_checked == models_checked);
        let models = match built.and_then(|built| drafts.known(&read_models(&built.manifest))) {
            Some(models) => models,
            None => {
                let models = drafts.parse(&names).map_err(RunError::Models)?;
                models.check(&lake).map_err(RunError::Models)?;
                let refused = if is_spark { spark::refusals(&models).into_iter().next() } else { None };
                refused.map_or(Ok(()), |refusal| Err(RunError::Models(refusal)))?;
                models
            }
        };
        let root = root.to_path_buf();
        let key_file = super::key::file(&settings.storage.root);
        let (as_of, exchange) = (None, None);
        Ok(Project { root, settings, codelists, pipelines, models, models_checked, engine, key_file, as_of, exchange })
    }

    /// The same project with its models run by the other engine.
    pub(super) fn on_other_engine(mut self) -> Result<Self, RunError> {
        let warehouse = &mut self.settings.warehouse;
        warehouse.engine = match warehouse.engine {
            EngineName::Duckdb => EngineName::Spark,
            EngineName::Spark => EngineName::Duckdb,
        };
        self.engine = match self.engine.strip_suffix(warehouse::ON_SPARK) {
            Some(alone) => alone.to_owned(),
            None => {
                let refused = spark::refusals(&self.models).into_iter().next();
                refused.map_or(Ok(()), |refusal| Err(RunError::Models(refusal)))?;
                self.engine + warehouse::ON_SPARK
            }
        };
        Ok(self)
    }

    /// The project as it would be had nothing been fetched after this moment. Its data root is a folder of its own,
    /// `as-of/<moment>`, whose `archive` is a link to the archive: nothing of what is published is touched.
    pub fn known_at(self, moment: Timestamp) -> Result<Self, RunError> {
        let name = moment.strftime("%Y%m%dT%H%M%SZ").to_string();
        self.known_in(&name, moment)
    }

    /// The same in the folder `as-of/<name>`.
    pub(super) fn known_in(mut self, name: &str, moment: Timestamp) -> Result<Self, RunError> {
        let root = &self.settings.storage.root;
        super::refuse_mixing(&self, publish::current(root)?.as_ref())?;
        let own = root.join("as-of").join(name);
        disk::create_dir(&own)?;
        disk::switch_link(&own.join("archive"), Path::new("../../archive"))?;
        self.settings.storage.root = own;
        // Spark sees it below the place where it sees the data root; of a store that place is all that there is of it.
        let below = |place: &str| format!("{}/as-of/{name}", place.trim_end_matches('/'));
        let seen = &mut self.settings.warehouse.spark.root;
        if !seen.is_empty() {
            *seen = below(seen);
        }
        self.exchange = self.settings.storage.url.take().map(|mut url| {
            url.set_path(&below(url.path()));
            url
        });
        self.as_of = Some(moment);
        Ok(self)
    }

    /// A moment as people write it: a day, which means its end in the time zone of the settings, or a timestamp.
    pub fn moment(&self, text: &str) -> Result<Timestamp, RunError> {
        let zone = TimeZone::get(&self.settings.schedule.timezone).unwrap_or(TimeZone::UTC);
        let end_of_day = |day: Date| zone.to_timestamp(day.tomorrow().ok()?.at(0, 0, 0, 0)).ok();
        let moment = match text.parse::<Date>() {
            // What was fetched at midnight belongs to the next day.
            Ok(day) if text.len() == 10 => {
                end_of_day(day).and_then(|end| end.checked_sub(SignedDuration::from_micros(1)).ok())
            }
            _ => text.parse().ok(),
        };
        moment.ok_or_else(|| RunError::Argument {
            message: format!("expected a day or a moment, found `{text}`"),
            hint: "write a day as `2026-01-31`, a moment as `2026-01-31T08:00:00Z`".into(),
        })
    }

    /// The pipelines that the settings do not leave out.
    pub fn enabled(&self) -> impl Iterator<Item = &Pipeline> {
        self.pipelines.all.iter().filter(|pipeline| self.settings.is_enabled(&pipeline.id))
    }

    /// The documented address of one edition, or the one that the settings give.
    pub fn url(&self, pipeline: &Pipeline, edition: &Edition) -> String {
        let set = self.settings.sources.get(&pipeline.id).and_then(|source| source.url.as_deref());
        let url = set.unwrap_or(pipeline.request.url.get_ref());
        // An unknown variable in a setting stays as it is, and the address shows it.
        substitute(url, edition).unwrap_or_else(|_| url.to_owned())
    }

    /// The folder of a pipeline's sample payloads.
    pub fn samples_folder(&self, pipeline: &str) -> PathBuf {
        self.root.join("pipelines/samples").join(pipeline)
    }

    /// The cells of a pipeline's sample payloads whose figures are published, and the file's hash.
    pub fn official_cells(&self, pipeline: &str) -> Result<(OfficialCells, String), SpecError> {
        let path = self.samples_folder(pipeline).join("official.csv");
        let text = match disk::read_text(&path) {
            Err(error) if error.is_not_found() => return Ok((OfficialCells::default(), String::new())),
            text => text?,
        };
        let mut cells = OfficialCells::default();
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
        for record in reader.records() {
            let wrong = |line: u64, message: String| SpecError::Codelist { path: path.clone(), line, message };
            let record =
                record.map_err(|error| wrong(error.position().map_or(0, csv::Position::line), error.to_string()))?;
            let line = record.position().map_or(0, csv::Position::line);
            let field = |at: usize| record.get(at).unwrap_or_default();
            let value: f64 =
                field(7).parse().map_err(|_| wrong(line, format!("expected a number, found `{}`", field(7))))?;
            cells.insert(field(0), [field(1), field(2), field(3), field(4), field(5), field(6)], value);
        }
        Ok((cells, blake3::hash(text.as_bytes()).to_hex().to_string()))
    }

    /// Codelists as the warehouse loads them.
    pub fn codelist_tables(&self) -> Vec<CodelistTable> {
        tables(&self.codelists)
    }

    /// Snapshots that may be decoded side by side.
    pub fn decode_threads(&self) -> usize {
        match self.settings.normalise.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            // Beyond this nothing is gained anywhere.
            threads => threads.min(1024),
        }
    }
}

fn tables(codelists: &Codelists) -> Vec<CodelistTable> {
    let tables = codelists.iter().map(|list| CodelistTable {
        table: table_name(list),
        columns: list.columns.clone(),
        rows: list.rows.clone(),
    });
    tables.collect()
}

/// The table of a codelist, without its schema.
pub(super) fn table_name(list: &Codelist) -> String {
    match list.name.starts_with("map_") {
        true => list.name.clone(),
        false => format!("codelist_{}", list.name),
    }
}
