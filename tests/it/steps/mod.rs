//! A publish that ends, or runs out of room, at each single thing that it does to a file, with readers asking all the time.
//!
//! `steps.c` is preloaded into the runs. Each step twice would be minutes, so that a usual test run takes every sixteenth one,
//! beginning elsewhere for each of the two; `TEJIDO_STEPS=all cargo test --release --test it steps -- --nocapture` takes all.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::{Answer, Scene, Upstream, open, rows};

const REGIONAL: &str =
    "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_r_eb_ain2?format=SDMX-CSV&compressed=true";
const CANTABRIA: &str = "select cast(share as varchar) from ict_adoption where region = 'ES13' and indicator = 'E_AI_TANY' \
     and unit = 'PC_ENT' and time_period = '2025' and sector = 'C10-S951_X_K' and source like 'eurostat%'";

/// A published build, the upstream whose one figure moves, and the library that counts.
struct Stage {
    upstream: Upstream,
    scene: Scene,
    library: PathBuf,
    figure: u32,
}

impl Stage {
    fn set() -> Self {
        let upstream = Upstream::start();
        let mut scene = Scene::live(&upstream, &["eurostat__isoc_r_eb_ain2"]);
        // Those of the steps before are not needed, and removing them is a step, too.
        scene.set("TEJIDO__PUBLISH__KEEP_BUILDS", "4");
        scene.set("TEJIDO__PUBLISH__GRACE_HOURS", "0");
        // One file a table whatever the number of vintages, so that each run has the same steps.
        scene.set("TEJIDO__STORAGE__MAX_FILES_PER_TABLE", "1");
        let library = scene.path("steps.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/steps/steps.c");
        let made =
            Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl").status();
        assert!(made.unwrap().success(), "DuckDB is compiled with the same compiler");
        let mut stage = Stage { upstream, scene, library, figure: 0 };
        stage.revise();
        stage.scene.run(0);
        stage
    }

    /// Lets the source give another figure, which it returns.
    fn revise(&mut self) -> String {
        self.figure += 1;
        let figure = format!("{}.{}", 11 + self.figure % 50, 1 + self.figure % 9);
        let body =
            std::fs::read_to_string(self.scene.path("pipelines/samples/eurostat__isoc_r_eb_ain2/isoc_r_eb_ain2.csv"));
        let body = body.unwrap().replace("ES13,2025,10.99", &format!("ES13,2025,{figure}"));
        self.upstream.answer(REGIONAL, Answer::ok(body).gzip());
        figure
    }

    /// A run under the library; its exit code, none if it was killed.
    fn run(&self, variables: &[(&str, &str)]) -> (Option<i32>, String) {
        let mut command = self.scene.command(&["run"]);
        command
            .env("LD_PRELOAD", &self.library)
            .env("STEPS_BELOW", self.scene.path("data"))
            .env("STEPS_FROM", "/builds");
        let output = command.envs(variables.iter().copied()).stdout(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// What a publish does, in order.
    fn steps(&mut self) -> Vec<String> {
        self.revise();
        let log = self.scene.path("steps.log");
        let (code, told) = self.run(&[("STEPS_LOG", log.to_str().unwrap())]);
        assert_eq!(code, Some(0), "{told}");
        let text = std::fs::read_to_string(log).unwrap();
        let steps: Vec<String> = text.lines().map(str::to_owned).collect();
        for expected in ["write /builds/.tmp-", "rename /builds/2", "rename /published"] {
            assert!(steps.iter().any(|step| step.starts_with(expected)), "{expected}\n{text}");
        }
        steps
    }
}

/// The figure as every part of what is published has it; all of them must agree.
fn published(scene: &Scene) -> String {
    // What a reader does who wants several files of one build.
    let build = std::fs::canonicalize(scene.path("data/published")).unwrap();
    let database = rows(&open(&build.join("tejido.duckdb")), CANTABRIA);
    let mart = build.join("marts/ict_adoption.parquet");
    let of_mart = CANTABRIA.replace("ict_adoption", &format!("read_parquet('{}')", mart.display()));
    let parquet = rows(&duckdb::Connection::open_in_memory().unwrap(), &of_mart);
    assert_eq!(database, parquet);
    assert_eq!(database.len(), 1);
    let manifest = std::fs::read_to_string(build.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    for file in manifest["files"].as_array().unwrap() {
        let found = std::fs::metadata(build.join(file["path"].as_str().unwrap())).unwrap();
        assert_eq!(file["bytes"], found.len(), "{file}");
    }
    database.into_iter().next().unwrap()
}

/// At each of these steps: a run that ends as `what` says, readers meanwhile, and a run after it.
fn at_each_step(stage: &mut Stage, steps: &[String], first: usize, what: &str) -> usize {
    let all = std::env::var("TEJIDO_STEPS").is_ok_and(|text| text == "all");
    // From a bit before the switch on, always: that is where it is decided.
    let switch = steps.iter().position(|step| step.starts_with("rename /published")).unwrap();
    let mut done_before = 0;
    for step in (1..=steps.len()).filter(|step| all || step % 16 == first || *step > switch - 2) {
        let before = published(&stage.scene);
        let figure = stage.revise();
        let (ended, looks) = (AtomicBool::new(false), AtomicUsize::new(0));
        let (code, told) = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    let seen = published(&stage.scene);
                    assert!(seen == before || seen == figure, "{seen} at step {step}, {}", steps[step - 1]);
                    looks.fetch_add(1, Ordering::Relaxed);
                }
            });
            let outcome = stage.run(&[("STEPS_AT", &step.to_string()), ("STEPS_DO", what)]);
            ended.store(true, Ordering::Relaxed);
            outcome
        });
        assert!(looks.into_inner() > 0);
        let seen = published(&stage.scene);
        assert!(seen == before || seen == figure, "{seen} at step {step}, {}", steps[step - 1]);
        match what {
            "kill" => assert_eq!(code, None, "step {step} was met: {told}"),
            // What was published before the disk was full is published.
            _ if seen == figure => {}
            _ => {
                assert!(code == Some(1) && told.contains("free some space"), "{code:?} at {}: {told}", steps[step - 1])
            }
        }
        done_before += usize::from(seen == figure);
        stage.scene.run(0);
        assert_eq!(published(&stage.scene), figure, "the next run finishes it: {}", steps[step - 1]);
        // A run that has nothing to build clears nothing away: an old build that was being removed goes with the next one.
        if seen == before {
            let leftovers = stage.scene.list("data/builds").into_iter().filter(|name| name.starts_with('.'));
            assert_eq!(leftovers.collect::<Vec<_>>(), Vec::<String>::new());
        }
    }
    assert!(done_before > 0, "some were after the switch");
    done_before
}

#[test]
fn a_publish_that_is_killed_at_any_step_is_old_or_new() {
    let mut stage = Stage::set();
    let steps = stage.steps();
    let done = at_each_step(&mut stage, &steps, 1, "kill");
    eprintln!("{} steps; at {done} of those that were tried the new build was already published", steps.len());
}

#[test]
fn a_disk_that_is_full_from_any_step_on_leaves_old_or_new() {
    let mut stage = Stage::set();
    let steps = stage.steps();
    let done = at_each_step(&mut stage, &steps, 3, "full");
    eprintln!("{} steps; at {done} of those that were tried the new build was published all the same", steps.len());
}
