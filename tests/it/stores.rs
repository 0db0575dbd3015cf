//! Several machines, one data root in an object store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::bucket::{Bucket, Fault};
use crate::support::{Answer, Scene, Upstream, open, repository, rows};

const REGIONAL: &str =
    "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_r_eb_ain2?format=SDMX-CSV&compressed=true";
const BY_SIZE: &str = "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_eb_ai?format=TSV&compressed=true";
const PIPELINES: [&str; 2] = ["eurostat__isoc_eb_ai", "eurostat__isoc_r_eb_ain2"];
const CANTABRIA: &str = "select cast(share as varchar) from ict_adoption where region = 'ES13' and indicator = 'E_AI_TANY' \
     and unit = 'PC_ENT' and time_period = '2025' and sector = 'C10-S951_X_K'";

fn regional(share: &str) -> Answer {
    let path = "pipelines/samples/eurostat__isoc_r_eb_ain2/isoc_r_eb_ain2.csv";
    let text = std::fs::read_to_string(repository().join(path)).unwrap();
    Answer::ok(text.replace("ES13,2025,10.99", &format!("ES13,2025,{share}"))).gzip()
}

fn sources() -> Upstream {
    let upstream = Upstream::start();
    upstream.answer(REGIONAL, regional("10.99"));
    let by_size = std::fs::read_to_string(repository().join("pipelines/samples/eurostat__isoc_eb_ai/isoc_eb_ai.tsv"));
    upstream.answer(BY_SIZE, Answer::ok(by_size.unwrap()).gzip());
    upstream
}

/// A machine that shares the bucket.
fn machine(upstream: &Upstream, bucket: &Bucket) -> Scene {
    let mut scene = Scene::live(upstream, &PIPELINES);
    for (name, value) in bucket.variables() {
        scene.set(name, &value);
    }
    scene
}

/// What the store says is in force.
fn pointer(bucket: &Bucket) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(bucket.path("published.json")).unwrap()).unwrap()
}

/// The figure in the mart that the store's pointer leads to.
fn stored(bucket: &Bucket) -> Vec<String> {
    let build = pointer(bucket)["build"].as_str().unwrap().to_owned();
    let mart = bucket.path(&format!("builds/{build}/marts/ict_adoption.parquet"));
    let sql = CANTABRIA.replace("ict_adoption", &format!("read_parquet('{}')", mart.display()));
    let parquet = rows(&duckdb::Connection::open_in_memory().unwrap(), &sql);
    assert_eq!(parquet, rows(&open(&bucket.path(&format!("builds/{build}/tejido.duckdb"))), CANTABRIA));
    parquet
}

#[test]
fn two_machines_share_a_data_root() {
    let (upstream, bucket) = (sources(), Bucket::start());
    let (one, other) = (machine(&upstream, &bucket), machine(&upstream, &bucket));
    one.run(0);
    assert_eq!(stored(&bucket), ["10.99"]);
    assert!(!bucket.path(&format!("builds/{}/lake", pointer(&bucket)["build"].as_str().unwrap())).exists());

    // The other one has all of it, and nothing to do: no source gives anything again.
    upstream.asked();
    let run = other.run(0);
    assert!(run.stdout.contains("nothing has changed"), "{}", run.stdout);
    assert_eq!(other.query(CANTABRIA), ["10.99"]);
    assert_eq!(other.manifest()["build_id"], pointer(&bucket)["build"]);

    upstream.answer(REGIONAL, regional("12.5"));
    other.run(0);
    assert_eq!(stored(&bucket), ["12.5"]);
    one.tejido(&["sync"]).must(0);
    assert_eq!(one.query(CANTABRIA), ["12.5"], "a copy that is brought up to date");
    let explained = one.tejido(&[
        "explain",
        "ict_adoption",
        "region=ES13",
        "indicator=E_AI_TANY",
        "unit=PC_ENT",
        "time_period=2025",
        "sector=C10-S951_X_K",
        "--no-sql",
    ]);
    explained.must(0);
    assert!(explained.stdout.contains("10.99"), "what it was before: {}", explained.stdout);
    one.tejido(&["verify"]).must(0);

    // Going back is seen by both.
    let first = pointer(&bucket)["switches"][0]["build_id"].as_str().unwrap().to_owned();
    one.tejido(&["rollback", &first]).must(0);
    assert_eq!(stored(&bucket), ["10.99"]);
    let run = other.run(0);
    assert!(run.stdout.contains("which was gone back from"), "{}", run.stdout);
    assert_eq!(other.query(CANTABRIA), ["10.99"]);
}

#[test]
fn workers_ingest_and_one_builds() {
    let (upstream, bucket) = (sources(), Bucket::start());
    let workers: Vec<Scene> = PIPELINES.iter().chain(&PIPELINES[..1]).map(|_| machine(&upstream, &bucket)).collect();
    // Two of them at the same pipeline.
    std::thread::scope(|scope| {
        for (worker, pipeline) in workers.iter().zip(PIPELINES.iter().chain(&PIPELINES[..1])) {
            scope.spawn(move || {
                let run = worker.tejido(&["run", "--stage", "ingest", pipeline]);
                run.must(0);
                assert!(run.stdout.contains("only the lake was brought up to date"), "{}", run.stdout);
                assert!(!worker.path("data/published").exists());
            });
        }
    });
    assert!(!bucket.path("published.json").exists());
    upstream.asked();
    let builder = machine(&upstream, &bucket);
    builder.tejido(&["run", "--stage", "build"]).must(0);
    assert_eq!(upstream.asked(), Vec::<String>::new(), "no source is asked");
    assert_eq!(stored(&bucket), ["10.99"]);
    // The same as on one machine with a folder.
    let alone = Scene::live(&upstream, &PIPELINES);
    alone.run(0);
    let content = |scene: &Scene| -> Vec<(String, String)> {
        let manifest = scene.manifest();
        let marts = manifest["models"].as_array().unwrap().iter().filter(|model| model["is_mart"] == true);
        let rows = |name: &str| scene.query(&format!("select count(*) from {name}"));
        marts.map(|mart| mart["name"].as_str().unwrap()).map(|name| (name.to_owned(), rows(name).concat())).collect()
    };
    assert_eq!(content(&builder), content(&alone));
}

#[test]
fn of_two_that_publish_at_once_one_comes_too_late() {
    let (upstream, bucket) = (sources(), Bucket::start());
    let (one, mut other) = (machine(&upstream, &bucket), machine(&upstream, &bucket));
    // What the one has just fetched is in the store already: the other is to ask all the same.
    other.set("TEJIDO__FETCH__RESUME_SECS", "0");
    one.run(0);
    other.tejido(&["sync"]).must(0);
    upstream.answer(REGIONAL, regional("12.5"));
    // While the one is about to switch, the other does.
    let held = Arc::new(AtomicBool::new(false));
    let seen = held.clone();
    bucket.when(move |_, method, path| {
        let switches = method == "PUT" && path.ends_with("published.json");
        (switches && !seen.swap(true, Ordering::SeqCst)).then_some(Fault::Held)
    });
    let late = std::thread::scope(|scope| {
        let late = scope.spawn(|| one.tejido(&["run"]));
        while !held.load(Ordering::SeqCst) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        upstream.answer(REGIONAL, regional("13.5"));
        other.run(0);
        bucket.release();
        late.join().unwrap()
    });
    assert_eq!(late.code, 1, "{}", late.text());
    assert!(late.stderr.contains("was published to by another run in the meantime"), "{}", late.stderr);
    assert_eq!(stored(&bucket), ["13.5"]);
    one.run(0);
    assert_eq!(one.query(CANTABRIA), ["13.5"]);
    assert_eq!(stored(&bucket), ["13.5"]);
}

#[test]
fn a_store_that_fails_now_and_then_loses_nothing() {
    let (upstream, bucket) = (sources(), Bucket::start());
    let scene = machine(&upstream, &bucket);
    bucket.when(|at, method, _| match (at % 5, method) {
        (1, _) => Some(Fault::Error),
        (3, _) => Some(Fault::SlowDown),
        (4, "PUT") => Some(Fault::LostAnswer),
        _ => None,
    });
    scene.run(0);
    assert_eq!(stored(&bucket), ["10.99"]);
    let (asked, failed) = bucket.counts();
    assert!(failed * 4 > asked, "{failed} of {asked}");
    upstream.answer(REGIONAL, regional("12.5"));
    scene.run(0);
    assert_eq!(stored(&bucket), ["12.5"]);
}

#[test]
fn a_store_that_refuses_says_what_to_do() {
    let (upstream, bucket) = (sources(), Bucket::start());
    let mut scene = machine(&upstream, &bucket);
    scene.run(0);
    upstream.answer(REGIONAL, regional("12.5"));
    // Read-only: the build is made, kept here, and not in force there.
    bucket.when(|_, method, _| (method != "GET" && method != "HEAD").then_some(Fault::Forbidden));
    let run = scene.run(1);
    for expected in ["could not write `", "give the credentials of this process"] {
        assert!(run.stderr.contains(expected), "{expected}: {}", run.stderr);
    }
    assert_eq!(stored(&bucket), ["10.99"]);
    bucket.when(|_, _, _| None);
    upstream.asked();
    scene.run(0);
    assert_eq!(stored(&bucket), ["12.5"], "what was made goes there with the next run");

    // A half-written object is no object.
    let build = pointer(&bucket)["build"].as_str().unwrap().to_owned();
    let mart = bucket.path(&format!("builds/{build}/marts/ict_adoption.parquet"));
    let bytes = std::fs::read(&mart).unwrap();
    std::fs::write(&mart, &bytes[..bytes.len() / 2]).unwrap();
    let other = machine(&upstream, &bucket);
    let run = other.run(1);
    assert!(
        run.stderr.contains("expected the hash ") && run.stderr.contains("marts/ict_adoption.parquet"),
        "{}",
        run.stderr
    );
    assert!(!other.path("data/published").exists());
    std::fs::write(&mart, &bytes).unwrap();
    other.run(0);

    scene.set("AWS_SECRET_ACCESS_KEY", "an old one");
    let run = scene.run(1);
    assert!(run.stderr.contains("which may have expired"), "{}", run.stderr);
    scene.set("AWS_SECRET_ACCESS_KEY", "secret");
    scene.set("TEJIDO__STORAGE__ROOT", "s3://elsewhere/root");
    let run = scene.run(1);
    assert!(run.stderr.contains("make the bucket"), "{}", run.stderr);
    scene.set("TEJIDO__STORAGE__ROOT", "ftp://tejido/root");
    let run = scene.run(1);
    assert!(run.stderr.contains("`ftp://tejido/root` cannot be used as `storage.root`"), "{}", run.stderr);
}
