//! `config/default.toml`, `config/local.toml`, `--config` and the environment → [`Settings`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{NotifySettings, SpecError};
use crate::{disk, fetch};

/// All settings; config/default.toml comments each.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the bytes come from.
    pub profile: Profile,
    /// `[storage]`
    pub storage: StorageSettings,
    /// `[fetch]`
    pub fetch: fetch::Settings,
    /// `[normalise]`
    pub normalise: NormaliseSettings,
    /// `[privacy]`
    pub privacy: PrivacySettings,
    /// `[warehouse]`
    pub warehouse: WarehouseSettings,
    /// `[publish]`
    pub publish: PublishSettings,
    /// `[report]`
    pub report: ReportSettings,
    /// `[schedule]`
    pub schedule: ScheduleSettings,
    /// `[listen]`
    pub listen: ListenSettings,
    /// `[notify]`
    pub notify: NotifySettings,
    /// `[telemetry]`
    pub telemetry: TelemetrySettings,
    /// `[sources.<pipeline>]`
    #[serde(default)]
    pub sources: BTreeMap<String, SourceSettings>,
}

/// Where the bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// The payloads in pipelines/samples/, served on loopback.
    Sample,
    /// The real hosts.
    Live,
}

impl Profile {
    /// Its name in settings and manifests.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Sample => "sample",
            Profile::Live => "live",
        }
    }
}

/// `[storage]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StorageSettings {
    /// The data root on this machine; absolute after loading. In the settings it may be the address of a folder in an object
    /// store, of which this machine then keeps a copy in `cache`.
    pub root: PathBuf,
    /// That address.
    #[serde(skip)]
    pub url: Option<url::Url>,
    /// Where the copy is.
    pub cache: PathBuf,
    /// How the store is reached.
    #[serde(default, skip_serializing)]
    pub options: BTreeMap<String, String>,
    /// Files of one table's observations in the lake, before they become one.
    pub max_files_per_table: usize,
}

impl StorageSettings {
    /// Tells an address from a folder, and makes the folder's path absolute.
    fn locate(&mut self, project: &Path) -> Result<(), SpecError> {
        let written = self.root.to_string_lossy().into_owned();
        if written.contains("://") {
            let url = url::Url::parse(&written).map_err(|error| SpecError::Settings {
                message: format!("`storage.root` expects a folder or an address, found `{written}`: {error}"),
                hint: Some("such as `s3://bucket/folder`".into()),
            })?;
            self.url = Some(url);
            self.root = self.cache.clone();
        }
        self.root = std::path::absolute(project.join(&self.root)).map_err(|source| SpecError::Settings {
            message: format!("`storage.root` has no absolute form: {source}"),
            hint: None,
        })?;
        Ok(())
    }
}

/// `[normalise]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NormaliseSettings {
    /// Pipelines decoded side by side; 0 is the number of cores.
    pub threads: usize,
}

/// `[privacy]`
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacySettings {
    /// Key of the hash that replaces members' tax numbers.
    pub hash_key: String,
    /// After so many days an export of members is removed, unless it is the newest one; 0 is never.
    pub keep_exports_days: u32,
}

/// The key must not reach a log.
impl std::fmt::Debug for PrivacySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivacySettings").finish_non_exhaustive()
    }
}

/// `[warehouse]`; here rather than in its room so that settings read the same without DuckDB.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WarehouseSettings {
    /// Memory that DuckDB may use.
    pub memory_limit_mb: u64,
    /// Threads; 0 is the number of cores.
    pub threads: usize,
    /// What one model may take with its audits; 0 is no limit.
    pub model_timeout_secs: u64,
    /// What runs the models.
    pub engine: EngineName,
    /// `[warehouse.spark]`
    pub spark: SparkSettings,
}

/// What runs the models of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineName {
    /// DuckDB, in this process.
    Duckdb,
    /// Apache Spark, wherever it runs; the published file is DuckDB's all the same.
    Spark,
}

/// `[warehouse.spark]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SparkSettings {
    /// The master, as `spark-submit` takes it; "" leaves it to `spark-submit`'s own settings.
    pub master: String,
    /// The program that submits, with its options.
    pub submit: Vec<String>,
    /// Where Spark's machines see the data root, if not under its path here.
    pub root: String,
    /// Models at once.
    pub models: u32,
}

impl SparkSettings {
    fn check(&self) -> Result<(), SpecError> {
        let wrong = |message: String, hint: &str| Err(SpecError::Settings { message, hint: Some(hint.to_owned()) });
        if self.submit.first().is_none_or(String::is_empty) {
            return wrong("`warehouse.spark.submit` names no program".into(), "such as `[\"spark-submit\"]`");
        }
        if !self.root.is_empty() && !self.root.starts_with('/') && !self.root.contains("://") {
            let message =
                format!("`warehouse.spark.root` expects an absolute path or an address, found `{}`", self.root);
            return wrong(message, "such as `/mnt/tejido/data` or `s3a://bucket/folder`");
        }
        match self.models {
            0 => wrong("`warehouse.spark.models` expects a number from 1 on, found 0".into(), "such as 3"),
            _ => Ok(()),
        }
    }
}

/// `[publish]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PublishSettings {
    /// So many of the newest builds are kept.
    pub keep_builds: usize,
    /// A build that was in force within so many hours is kept, too.
    pub grace_hours: u32,
    /// Title of the published data, for catalogues.
    pub title: String,
    /// Who offers them.
    pub publisher: String,
    /// The address under which the folder `published` is served; "" where it is not.
    pub base_url: String,
    /// Where readers of the catalog see the data root, if it is under another path for them.
    #[serde(default)]
    pub catalog_root: Option<PathBuf>,
}

/// `[report]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReportSettings {
    /// Whether each build carries its report.
    pub enabled: bool,
    /// The region that it begins with.
    pub home_region: String,
    /// Its languages.
    pub languages: Vec<String>,
    /// Its title, by language.
    pub title: std::collections::BTreeMap<String, String>,
    /// An image beside the title; none if empty.
    pub logo: String,
}

/// `[schedule]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSettings {
    /// Time zone of timetables that name none.
    pub timezone: String,
    /// Longest wait after the moment of a timetable.
    pub jitter_secs: u64,
    /// Wait before a failed run is begun again.
    pub retry_secs: u64,
    /// How often a failed run is begun again.
    pub retries: u32,
    /// How long a run under way may take to end when the service is to stop.
    pub stop_secs: u64,
}

/// `[listen]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListenSettings {
    /// Where the service answers monitors and browsers; nowhere if empty.
    pub address: String,
}

impl ListenSettings {
    /// The address, if there is to be one.
    pub fn address(&self) -> Result<Option<SocketAddr>, SpecError> {
        let text = self.address.as_str();
        match text.is_empty() {
            true => Ok(None),
            false => text.parse().map(Some).map_err(|_| SpecError::Settings {
                message: format!("`listen.address` expects an IP address with a port, found `{text}`"),
                hint: Some("such as `127.0.0.1:8647`; an empty text turns the listener off".into()),
            }),
        }
    }
}

/// `[telemetry]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// Where spans and metrics are sent; nowhere if empty.
    pub endpoint: String,
    /// Where the lineage of builds is told; nowhere if empty.
    pub openlineage: String,
}

impl TelemetrySettings {
    fn check(&self) -> Result<(), SpecError> {
        let url = url::Url::parse(&self.endpoint);
        match self.endpoint.is_empty() || url.is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            true => Ok(()),
            false => Err(SpecError::Settings {
                message: format!(
                    "`telemetry.endpoint` expects an address with `http` or `https`, found `{}`",
                    self.endpoint
                ),
                hint: Some("such as `http://127.0.0.1:4318`".into()),
            }),
        }
    }
}

/// `[sources.<pipeline>]`
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// Replaces `request.url` of the pipeline.
    #[serde(default)]
    pub url: Option<String>,
    /// `false` leaves the pipeline out.
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// Tax numbers are few enough to try them all with every short key.
const MIN_KEY_CHARS: usize = 16;

/// The key that config/default.toml ships.
const SAMPLE_KEY: &str = "tejido sample key, public";

/// How variables for `[sources.<pipeline>]` begin.
const SOURCES_VARIABLE: &str = "TEJIDO__SOURCES__";

/// The pipeline and the key that a variable is for: the name of the one has two underscores in it, that of the other none.
fn of_source(variable: &str) -> Result<(String, String), SpecError> {
    let name = variable.get(SOURCES_VARIABLE.len()..).unwrap_or_default().to_lowercase();
    match name.rsplit_once("__") {
        Some((pipeline, key)) if !pipeline.is_empty() && !key.is_empty() => Ok((pipeline.to_owned(), key.to_owned())),
        _ => Err(SpecError::Settings {
            message: format!("expected a variable `{SOURCES_VARIABLE}<pipeline>__<key>`, found `{variable}`"),
            hint: Some(format!("the key is `ENABLED` or `URL`: `{SOURCES_VARIABLE}<pipeline>__ENABLED=false`")),
        }),
    }
}

impl Settings {
    /// Reads the settings of a project. `file` is `--config`, `profile` is `--profile`.
    pub fn load(project: &Path, file: Option<&Path>, profile: Option<&str>) -> Result<Self, SpecError> {
        let default = project.join("config/default.toml");
        // `config` does not say which of several files is missing: look first.
        disk::open(&default)?;
        let mut layers = config::Config::builder()
            .add_source(config::File::from(default))
            .add_source(config::File::from(project.join("config/local.toml")).required(false));
        if let Some(file) = file {
            disk::open(file).map_err(|error| SpecError::Settings {
                message: error.to_string(),
                hint: Some("correct the path after `--config`".into()),
            })?;
            layers = layers.add_source(config::File::from(file));
        }
        // Names of pipelines have the separator in them.
        let (of_sources, others): (Vec<_>, Vec<_>) = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .partition(|(name, _)| name.to_uppercase().starts_with(SOURCES_VARIABLE));
        layers = layers.add_source(
            config::Environment::with_prefix("TEJIDO")
                .prefix_separator("__")
                .separator("__")
                .try_parsing(true)
                .source(Some(others.into_iter().collect())),
        );
        let wrong = |error: config::ConfigError| SpecError::Settings {
            message: error.to_string(),
            hint: Some("config/default.toml shows every setting with its type".into()),
        };
        // As they were written: the environment's values are read as numbers where they look like ones.
        for (variable, setting) in
            [("TEJIDO__PRIVACY__HASH_KEY", "privacy.hash_key"), ("TEJIDO__NOTIFY__WEBHOOK__KEY", "notify.webhook.key")]
        {
            if let Ok(key) = std::env::var(variable) {
                layers = layers.set_override(setting, key).map_err(wrong)?;
            }
        }
        for (variable, value) in of_sources {
            let (pipeline, key) = of_source(&variable)?;
            let value = match value.parse::<bool>() {
                Ok(value) => config::Value::from(value),
                Err(_) => config::Value::from(value),
            };
            layers = layers.set_override(format!("sources.{pipeline}.{key}"), value).map_err(wrong)?;
        }
        if let Some(profile) = profile {
            layers = layers.set_override("profile", profile).map_err(wrong)?;
        }
        let mut settings: Settings = layers.build().and_then(config::Config::try_deserialize).map_err(wrong)?;
        if jiff::tz::TimeZone::get(&settings.schedule.timezone).is_err() {
            return Err(SpecError::Settings {
                message: format!("the time zone `{}` of `schedule.timezone` is not known", settings.schedule.timezone),
                hint: Some("such as `Europe/Madrid`".into()),
            });
        }
        settings.listen.address()?;
        settings.notify.check()?;
        settings.telemetry.check()?;
        settings.warehouse.spark.check()?;
        settings.storage.locate(project)?;
        Ok(settings)
    }

    /// The settings of config/default.toml as the program was built with it, for what needs no project.
    pub fn embedded() -> Result<Self, SpecError> {
        let text = include_str!("../../config/default.toml");
        toml::from_str(text).map_err(|error| SpecError::Settings { message: error.to_string(), hint: None })
    }

    /// Whether a pipeline takes part in runs.
    pub fn is_enabled(&self, pipeline: &str) -> bool {
        self.sources.get(pipeline).and_then(|source| source.enabled) != Some(false)
    }

    /// The hash key; none where real members need one and the settings have only the sample's, which is public. An
    /// error where it could be guessed.
    pub fn hash_key(&self) -> Result<Option<&str>, SpecError> {
        let key = &self.privacy.hash_key;
        match self.profile {
            Profile::Live if key == SAMPLE_KEY => Ok(None),
            Profile::Live if key.chars().count() < MIN_KEY_CHARS => Err(SpecError::Settings {
                message: format!("`privacy.hash_key` has fewer than {MIN_KEY_CHARS} characters"),
                hint: Some(
                    "set a longer one: TEJIDO__PRIVACY__HASH_KEY, or `[privacy]` in config/local.toml; without one, the first run makes one"
                        .into(),
                ),
            }),
            _ => Ok(Some(key)),
        }
    }
}
