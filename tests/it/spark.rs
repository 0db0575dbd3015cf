//! The models on Spark: a master and two workers as processes of this machine (`tests/cluster/up`). They need a Python with PySpark
//! 4, which `TEJIDO_SPARK_PYTHON` names, and Java 17; without it these tests say so and look at nothing. `TEJIDO_SPARK=all` has them
//! build the whole sample, which takes minutes, in place of a small project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::bucket::Bucket;
use crate::support::{Run, Scene, repository};

/// A program with PySpark, if there is one.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("TEJIDO_SPARK_PYTHON").map(PathBuf::from);
    if python.is_none() {
        eprintln!("not looked at: TEJIDO_SPARK_PYTHON names no Python with PySpark");
    }
    python
}

/// A running master with two workers, in a folder of its own.
struct Cluster {
    folder: tempfile::TempDir,
    python: PathBuf,
    master: String,
}

impl Cluster {
    fn start(python: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let up = Command::new(repository().join("tests/cluster/up"))
            .env("PYTHON", python)
            .env("CLUSTER", folder.path())
            .env("MASTER_PORT", free.to_string())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
        let master = String::from_utf8(up.stdout).unwrap().trim().to_owned();
        Cluster { folder, python: python.to_path_buf(), master }
    }

    fn kill(&self, process: &str) {
        let pid = std::fs::read_to_string(self.folder.path().join(format!("{process}.pid"))).unwrap();
        assert!(Command::new("kill").args(["-9", pid.trim()]).status().unwrap().success());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let down = repository().join("tests/cluster/down");
        let _ = Command::new(down).env("CLUSTER", self.folder.path()).stdin(Stdio::null()).status();
    }
}

/// From now on a scene's models run there.
fn use_spark(scene: &mut Scene, python: &Path, master: &str) {
    let submit = python.with_file_name("spark-submit");
    let options = "\"--driver-memory\", \"1g\", \"--conf\", \"spark.driver.host=127.0.0.1\"";
    let spark = format!(
        "[warehouse]\nengine = \"spark\"\n[warehouse.spark]\nmaster = \"{master}\"\nsubmit = [\"{}\", {options}]\n",
        submit.display()
    );
    scene.write("config/local.toml", &spark);
    scene.set("PYSPARK_PYTHON", python.to_str().unwrap());
    scene.set("SPARK_LOCAL_IP", "127.0.0.1");
}

fn use_duckdb(scene: &Scene) {
    std::fs::remove_file(scene.path("config/local.toml")).unwrap();
}

/// Of each mart the hash of its rows.
fn hashes(scene: &Scene) -> BTreeMap<String, String> {
    let manifest = scene.manifest();
    let marts = manifest["models"].as_array().unwrap().iter().filter(|model| model["is_mart"] == true);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    marts.map(|model| (text(&model["name"]), text(&model["content_hash"]))).collect()
}

/// Waits until a run has come so far that there is such a folder.
fn comes_to(scene: &Scene, running: &mut Child, folder: &str) {
    let started = Instant::now();
    loop {
        let exchanged = scene.list("data").into_iter().find(|name| name.starts_with(".tmp-spark-"));
        if exchanged.is_some_and(|exchanged| scene.path(&format!("data/{exchanged}/{folder}")).exists()) {
            return;
        }
        assert!(running.try_wait().unwrap().is_none(), "the run has ended before `{folder}` was there");
        assert!(started.elapsed() < Duration::from_secs(300), "`{folder}` never came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn begin(scene: &Scene, arguments: &[&str]) -> Child {
    scene.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(running: Child) -> Run {
    let output = running.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn a_cluster_gives_what_duckdb_gives_though_a_worker_is_lost() {
    let Some(python) = python() else { return };
    let cluster = Cluster::start(&python);
    let is_whole = std::env::var("TEJIDO_SPARK").is_ok_and(|which| which == "all");
    let mut scene = if is_whole { Scene::whole() } else { Scene::new() };
    scene.set("TEJIDO__REPORT__ENABLED", "false");
    scene.run(0);
    let (by_duckdb, explained) = (hashes(&scene), explain(&scene));

    use_spark(&mut scene, &cluster.python, &cluster.master);
    let mut running = begin(&scene, &["run", "--offline"]);
    comes_to(&scene, &mut running, "work/intermediate");
    cluster.kill("worker-1");
    end(running).must(0);
    assert_eq!(hashes(&scene), by_duckdb);
    assert!(scene.manifest()["engine"].as_str().unwrap().ends_with("with Spark"));
    assert_eq!(explain(&scene), explained);
    assert!(scene.list("data").iter().all(|name| !name.starts_with(".tmp-")), "{:?}", scene.list("data"));
    scene.tejido(&["run", "--offline"]).must(0);
    scene.tejido(&["verify", "--engines"]).must(0);
    use_duckdb(&scene);
}

fn explain(scene: &Scene) -> serde_json::Value {
    let cell = ["region=ES13", "indicator=E_AI_TANY", "time_period=2025", "sector=C10-S951_X_K"];
    let mut arguments = vec!["explain", "ict_adoption", "--json"];
    arguments.extend(cell);
    let run = scene.tejido(&arguments);
    run.must(0);
    let mut told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    told.as_object_mut().unwrap().remove("build_id");
    told
}

#[test]
fn a_cluster_and_a_store_share_the_lake() {
    let Some(python) = python() else { return };
    let bucket = Bucket::start();
    let mut scene = Scene::new();
    bucket.variables().iter().for_each(|(name, value)| scene.set(name, value));
    use_spark(&mut scene, &python, "local[2]");
    // Spark has no library for the store here, and sees its files where the server has them.
    scene.set("TEJIDO__WAREHOUSE__SPARK__ROOT", &format!("file://{}", bucket.path("").display()));
    scene.set("TEJIDO__PRIVACY__HASH_KEY", "a key of the tests");
    scene.run(0);
    let build = scene.manifest()["build_id"].as_str().unwrap().to_owned();
    assert!(bucket.path(&format!("builds/{build}/tejido.duckdb")).exists());
    // Folders of the server stay, objects do not.
    let left = |place: &str| {
        let found = Command::new("find").arg(bucket.path(place)).args(["-type", "f"]).output().unwrap();
        String::from_utf8_lossy(&found.stdout).into_owned()
    };
    assert_eq!(left(&format!(".tmp-spark-{build}")), "");
    // What is built again apart goes the same way, and leaves nothing there.
    scene.tejido(&["verify"]).must(0);
    assert!(bucket.path("as-of").exists());
    assert_eq!(left("as-of"), "");
}

#[test]
fn what_goes_wrong_there_publishes_nothing() {
    let Some(python) = python() else { return };
    let mut scene = Scene::new();
    scene.run(0);
    let published = scene.manifest();
    let refused = |scene: &Scene, words: &[&str]| {
        let run = scene.tejido(&["run", "--offline"]);
        run.must(1);
        for word in words {
            assert!(run.stderr.contains(word), "expected `{word}` in {}", run.stderr);
        }
        assert_eq!(scene.manifest(), published);
    };

    // No program.
    use_spark(&mut scene, &python, "local[2]");
    let wrong = scene.read("config/local.toml").replace("spark-submit", "spark-admit");
    scene.write("config/local.toml", &wrong);
    refused(&scene, &["could not start", "spark-admit", "hint: install PySpark"]);

    // No master.
    use_spark(&mut scene, &python, "spark://127.0.0.1:1");
    refused(&scene, &["could not start Spark", "hint: is the master", "spark.log"]);

    // The driver is lost.
    use_spark(&mut scene, &python, "local[2]");
    let mut running = begin(&scene, &["run", "--offline"]);
    comes_to(&scene, &mut running, "work/lake");
    let name = format!("{}/data/.tmp-spark-", scene.path("").display().to_string().trim_end_matches('/'));
    assert!(Command::new("pkill").args(["-9", "-f", &name]).status().unwrap().success());
    let lost = end(running);
    lost.must(1);
    assert!(lost.stderr.contains("by a signal"), "{}", lost.stderr);
    assert_eq!(scene.manifest(), published);

    // An audit fails there: its rows are kept.
    let model = scene.read("sql/marts/ict_adoption.sql");
    let grain = model.lines().find(|line| line.starts_with("-- grain:")).unwrap().to_owned();
    scene.replace("sql/marts/ict_adoption.sql", &grain, &format!("{grain}\n-- audit: share < 1"));
    refused(&scene, &["rows fail `share < 1`", "hint: nothing was published"]);
    let kept = scene.list("data/failed-audits");
    assert_eq!(kept.len(), 1, "{kept:?}");
    scene.replace("sql/marts/ict_adoption.sql", "\n-- audit: share < 1", "");

    // And then all goes on.
    scene.tejido(&["run", "--offline"]).must(0);
    assert_ne!(scene.manifest()["build_id"], published["build_id"]);
}
