//! What the tests share: a project of their own, the binary, a scripted upstream.

pub mod bucket;
pub mod http;
pub mod receiver;
mod service;
pub mod upstream;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub use receiver::Receiver;
pub use service::{Service, quiet};
pub use upstream::{Answer, Upstream};

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of real payloads; none, with a line that says so, where it is absent.
pub fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("TEJIDO_SHARED").map_or_else(|| repository().join("../shared"), PathBuf::from);
    if folder.join("payloads").is_dir() {
        return Some(folder);
    }
    eprintln!("not checked: no payloads in `{}` (TEJIDO_SHARED)", folder.display());
    None
}

/// The pipelines of a small project.
const PIPELINES: [&str; 5] = [
    "clusters__tera",
    "eurostat__isoc_eb_ai",
    "eurostat__isoc_eb_ain2",
    "eurostat__isoc_r_eb_ain2",
    "ine__ai_by_region",
];

/// The models of a small project: six marts and what they read.
const MODELS: [&str; 18] = [
    "stg_indicators",
    "stg_memberships",
    "stg_observation_history",
    "stg_observations",
    "stg_pipelines",
    "stg_regions",
    "stg_sectors",
    "stg_size_classes",
    "stg_source_codes",
    "stg_units",
    "int_member_records",
    "int_members",
    "cluster_exports",
    "cluster_members_by_sector",
    "cluster_overlaps",
    "ict_adoption",
    "revisions",
    "source_disagreements",
];

/// A project of a test's own, and the runs of the binary in it.
pub struct Scene {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// What a run of the binary gave.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Scene {
    /// A small project: the repository's configuration, [`PIPELINES`] and [`MODELS`]; profile `sample`. What a test of the
    /// program sees does not change with each source and indicator that is added.
    pub fn new() -> Self {
        let scene = Scene::whole();
        let keep = |folder: &str, extension: &str, names: &[&str]| {
            for file in std::fs::read_dir(scene.path(folder)).unwrap() {
                let path = file.unwrap().path();
                let is_kept = names.contains(&path.file_stem().unwrap().to_str().unwrap());
                if path.extension().is_some_and(|found| found == extension) && !is_kept {
                    std::fs::remove_file(path).unwrap();
                }
            }
        };
        keep("pipelines", "toml", &PIPELINES);
        for layer in ["staging", "intermediate", "marts"] {
            keep(&format!("sql/{layer}"), "sql", &MODELS);
        }
        scene
    }

    /// A copy of all of the repository's configuration, pipelines and models; profile `sample`.
    pub fn whole() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["config", "pipelines", "sql"] {
            copy(&repository().join(part), &folder.path().join(part));
        }
        let local = folder.path().join("config/local.toml");
        if local.exists() {
            std::fs::remove_file(local).unwrap();
        }
        let mut scene = Scene { folder, variables: Vec::new() };
        // Tests run side by side: each service takes a port that is free.
        scene.set("TEJIDO__LISTEN__ADDRESS", "127.0.0.1:0");
        scene
    }

    /// The same, asking `upstream` in place of the real hosts, in a hurry, and with these pipelines only.
    pub fn live(upstream: &Upstream, pipelines: &[&str]) -> Self {
        let mut scene = Scene::new();
        scene.set("TEJIDO__PROFILE", "live");
        scene.set("TEJIDO__PRIVACY__HASH_KEY", "a key of the tests");
        scene.set("TEJIDO__FETCH__MIRROR", &upstream.address());
        scene.set("TEJIDO__FETCH__RETRIES", "1");
        scene.set("TEJIDO__FETCH__BACKOFF_MS", "1");
        scene.set("TEJIDO__FETCH__REQUESTS_PER_SECOND", "0");
        for name in std::fs::read_dir(scene.path("pipelines")).unwrap() {
            let path = name.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if path.extension().is_some_and(|extension| extension == "toml") && !pipelines.contains(&stem.as_str()) {
                std::fs::remove_file(path).unwrap();
            }
        }
        scene
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).unwrap()
    }

    pub fn write(&self, relative: &str, text: &str) {
        std::fs::write(self.path(relative), text).unwrap();
    }

    /// Changes a file; the text to replace must be there.
    pub fn replace(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert!(text.contains(from), "`{from}` is not in {relative}");
        self.write(relative, &text.replace(from, to));
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tejido"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).env("NO_COLOR", "1");
        for (name, _) in std::env::vars() {
            if name.starts_with("TEJIDO") || name.starts_with("OTEL_") || name.to_lowercase().ends_with("_proxy") {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn tejido(&self, arguments: &[&str]) -> Run {
        Run::new(&self.command(arguments).output().unwrap())
    }

    /// `tejido run` that must end with this exit code.
    pub fn run(&self, code: i32) -> Run {
        let run = self.tejido(&["run"]);
        run.must(code);
        run
    }

    /// The folder of the published build.
    pub fn published(&self) -> PathBuf {
        std::fs::canonicalize(self.path("data/published")).unwrap()
    }

    pub fn manifest(&self) -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(self.published().join("manifest.json")).unwrap()).unwrap()
    }

    /// Rows of a query on the published database.
    pub fn query(&self, sql: &str) -> Vec<String> {
        rows(&open(&self.published().join("tejido.duckdb")), sql)
    }

    /// Names of the files in a folder, sorted.
    pub fn list(&self, relative: &str) -> Vec<String> {
        let mut names: Vec<String> = match std::fs::read_dir(self.path(relative)) {
            Ok(entries) => entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect(),
            Err(_) => Vec::new(),
        };
        names.sort();
        names
    }

    /// Settings of golden files without what differs from run to run.
    pub fn golden(&self) -> insta::Settings {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(&regex_escaped(self.folder.path().to_str().unwrap()), "[project]");
        settings.add_filter(r"\d{8}T\d{6}Z-[0-9a-f]{8}", "[build]");
        settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "[moment]");
        settings.add_filter(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d+Z?", "[moment]");
        settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d\b", "[moment]");
        settings.add_filter(r"\d{8}T\d{6}\.\d+Z-", "[moment]-");
        settings.add_filter(r"\d+\.\d\d s\b", "[time]");
        settings.add_filter(r"127\.0\.0\.1:\d+", "[upstream]");
        settings.set_omit_expression(true);
        settings.set_prepend_module_to_snapshot(false);
        settings
    }
}

/// Runs the program in a folder that is no scene.
pub fn tejido_in(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tejido"));
    // Without the settings of whoever runs the tests.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TEJIDO")) {
        command.env_remove(name);
    }
    let root = tempfile::tempdir().unwrap();
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").env("TEJIDO__STORAGE__ROOT", root.path());
    Run::new(&command.output().unwrap())
}

/// A path as a regular expression that matches just it.
fn regex_escaped(path: &str) -> String {
    path.replace('.', "\\.")
}

impl Run {
    fn new(output: &Output) -> Self {
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub fn must(&self, code: i32) {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
    }

    /// Everything that it printed, with the exit code.
    pub fn text(&self) -> String {
        format!("exit code {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Opens a database read-only.
pub fn open(path: &Path) -> duckdb::Connection {
    let config = duckdb::Config::default().access_mode(duckdb::AccessMode::ReadOnly).unwrap();
    duckdb::Connection::open_with_flags(path, config).unwrap()
}

/// The rows of a query, fields joined with `|`, null as nothing.
pub fn rows(connection: &duckdb::Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("select columns(*)::varchar from ({sql})")).unwrap();
    let mut found = Vec::new();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let width = row.as_ref().column_count();
        let fields = (0..width).map(|at| row.get::<_, Option<String>>(at).unwrap().unwrap_or_default());
        found.push(fields.collect::<Vec<_>>().join("|"));
    }
    found
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
