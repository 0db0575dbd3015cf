//! What can go wrong: each failure stays with its pipeline, says where and what to do, and publishes nothing wrong.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Answer, Scene, Upstream, open, repository, rows};

const REGIONAL: &str =
    "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_r_eb_ain2?format=SDMX-CSV&compressed=true";
const BY_SIZE: &str = "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_eb_ai?format=TSV&compressed=true";
const PIPELINES: [&str; 2] = ["eurostat__isoc_eb_ai", "eurostat__isoc_r_eb_ain2"];

fn regional() -> String {
    std::fs::read_to_string(repository().join("pipelines/samples/eurostat__isoc_r_eb_ain2/isoc_r_eb_ain2.csv")).unwrap()
}

fn by_size() -> String {
    std::fs::read_to_string(repository().join("pipelines/samples/eurostat__isoc_eb_ai/isoc_eb_ai.tsv")).unwrap()
}

/// A project whose two pipelines have been published once.
fn published() -> (Upstream, Scene) {
    let upstream = Upstream::start();
    upstream.answer(REGIONAL, Answer::ok(regional()).gzip());
    upstream.answer(BY_SIZE, Answer::ok(by_size()).gzip());
    let scene = Scene::live(&upstream, &PIPELINES);
    scene.run(0);
    (upstream, scene)
}

const CANTABRIA: &str = "select share from ict_adoption where region = 'ES13' and sector = 'C10-S951_X_K' and indicator = 'E_AI_TANY' and unit = 'PC_ENT' and time_period = '2025'";

/// One pipeline answers in this way, the other has news: exit code 3, the news is published, the last good
/// data of the first stay, and the message is as expected.
#[track_caller]
fn one_fails(name: &str, answer: Answer) {
    let (upstream, scene) = published();
    let before = scene.published();
    upstream.answer(REGIONAL, answer);
    upstream.answer(BY_SIZE, Answer::ok(by_size().replace("20.27", "20.5")).gzip());
    let run = scene.run(3);
    scene.golden().bind(|| insta::assert_snapshot!(name, run.text()));
    assert_ne!(scene.published(), before, "the other pipeline's news is published");
    assert_eq!(scene.query(CANTABRIA), ["10.99"], "the last good data stay");
    let news = "select share from ict_adoption where region = 'ES' and source = 'eurostat__isoc_eb_ai' and size_class = 'GE10' and time_period = '2025'";
    assert_eq!(scene.query(news), ["20.5"]);

    // Asked again, nothing is new: the failure is said again, and nothing is published.
    let build = scene.published();
    let again = scene.run(3);
    assert!(again.stderr.contains("pipeline `eurostat__isoc_r_eb_ain2`"), "{}", again.stderr);
    assert_eq!(scene.published(), build);

    // Once the source is well again, so is the pipeline: with what it had before, and with news.
    upstream.answer(REGIONAL, Answer::ok(regional()).gzip());
    scene.run(0);
    assert_eq!(scene.published(), build);
    upstream.answer(REGIONAL, Answer::ok(regional().replace("ES13,2025,10.99", "ES13,2025,11.5")).gzip());
    scene.run(0);
    assert_eq!(scene.query(CANTABRIA), ["11.5"]);
}

#[test]
fn a_source_with_an_error_status() {
    one_fails("status_500", Answer::status(500, "<html><title>Internal error</title>"));
    one_fails("status_404", Answer::status(404, "no such table"));
}

#[test]
fn a_body_that_is_cut() {
    let news = regional().replace("ES13,2025,10.99", "ES13,2025,12.5");
    one_fails("connection_cut", Answer::ok(news.clone()).gzip().cut(20_000));
    let mut whole = Answer::ok(news).gzip();
    whole.body.truncate(20_000);
    one_fails("gzip_cut", whole);
}

#[test]
fn something_else_with_status_200() {
    one_fails("html", Answer::ok("<!DOCTYPE html>\n<html><head><title>Scheduled maintenance</title></head><body>…"));
    one_fails(
        "soap_fault",
        Answer::ok(
            "<?xml version=\"1.0\"?><S:Fault><faultcode>100</faultcode><faultstring>NO_RESULTS</faultstring></S:Fault>",
        ),
    );
    one_fails("empty", Answer::ok(""));
    one_fails("header_only", Answer::ok(regional().lines().next().unwrap().to_owned() + "\n"));
}

#[test]
fn a_payload_that_has_changed_its_form() {
    one_fails("unknown_dimension", Answer::ok(regional().replacen("nace_r2", "nace_r2_1", 1)).gzip());
    let text = regional();
    let more = text.lines().enumerate().map(|(at, line)| match at {
        0 => line.replace("freq,", "freq,ageclass,") + "\n",
        _ => line.replace(",A,GE10", ",A,TOTAL,GE10") + "\n",
    });
    one_fails("new_dimension", Answer::ok(more.collect::<String>()).gzip());
    one_fails("renamed_code", Answer::ok(regional().replace(",E_AI_TANY,", ",E_AI_ANY,")).gzip());
    one_fails("other_unit", Answer::ok(regional().replace(",PC_ENT,", ",PC_ENTR,")).gzip());
    one_fails("frequency", Answer::ok(regional().replace(",A,GE10", ",Q,GE10")).gzip());
    one_fails("decimal_comma", Answer::ok(regional().replace("ES13,2025,10.99", "ES13,2025,\"10,99\"")).gzip());
    one_fails(
        "a_cell_twice",
        Answer::ok(
            regional()
                + &regional()
                    .lines()
                    .find(|line| line.contains(",ES13,2025,10.99"))
                    .map(|line| format!("{line}\n"))
                    .unwrap(),
        )
        .gzip(),
    );
}

#[test]
fn columns_in_another_order_are_no_matter() {
    let (upstream, scene) = published();
    let swapped: String = regional()
        .lines()
        .map(|line| {
            let mut fields: Vec<&str> = line.split(',').collect();
            fields.swap(3, 7);
            fields.join(",") + "\n"
        })
        .collect();
    upstream.answer(REGIONAL, Answer::ok(swapped).gzip());
    scene.run(0);
    assert_eq!(scene.query(CANTABRIA), ["10.99"]);
}

#[test]
fn a_wrong_decimal_mark_of_a_table_without_codes() {
    let upstream = Upstream::start();
    let sample = repository().join("pipelines/samples/ine__ai_by_region");
    for table in ["76405", "71040", "59913"] {
        let text = std::fs::read_to_string(sample.join(format!("{table}.csv"))).unwrap();
        let text = if table == "76405" { text.replace(',', ".") } else { text };
        upstream.answer(&format!("www.ine.es/jaxi/files/tpx/en/csv_bdsc/{table}.csv"), Answer::ok(text));
    }
    let scene = Scene::live(&upstream, &["ine__ai_by_region"]);
    let run = scene.run(3);
    scene.golden().bind(|| insta::assert_snapshot!("decimal_point", run.text()));
    assert_eq!(scene.query("select distinct dataset from ict_adoption order by 1"), ["59913", "71040"]);
}

#[test]
fn a_host_that_is_down() {
    let (_upstream, mut scene) = published();
    // A port that nobody listens on any more.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    scene.set("TEJIDO__FETCH__MIRROR", &format!("http://127.0.0.1:{port}"));
    let build = scene.published();
    let run = scene.run(3);
    scene.golden().bind(|| insta::assert_snapshot!("host_down", run.text()));
    assert_eq!(scene.published(), build);
}

#[test]
fn nothing_at_all_is_a_failure() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &PIPELINES);
    let run = scene.run(1);
    assert!(run.stdout.contains("there are no data yet"), "{}", run.stdout);
    assert!(!scene.path("data/published").exists());
}

#[test]
fn an_error_body_is_kept_and_never_decoded() {
    let (upstream, scene) = published();
    upstream.answer(REGIONAL, Answer::status(503, "try later").header("Retry-After", "0"));
    upstream.asked();
    scene.run(3);
    let tries = upstream.asked().iter().filter(|line| line.starts_with("503 ")).count();
    assert_eq!(tries, 2, "the first try and one more");
    let kept: Vec<String> = scene
        .list("data/archive/eurostat__isoc_r_eb_ain2")
        .into_iter()
        .filter(|name| {
            name.ends_with(".json")
                && scene.read(&format!("data/archive/eurostat__isoc_r_eb_ain2/{name}")).contains("\"status\": 503")
        })
        .collect();
    assert_eq!(kept.len(), 1);
}

#[test]
fn a_failed_audit_publishes_nothing() {
    let (upstream, scene) = published();
    let build = scene.published();
    upstream.answer(REGIONAL, Answer::ok(regional().replace("ES13,2025,10.99", "ES13,2025,1099")).gzip());
    let run = scene.run(1);
    scene.golden().bind(|| insta::assert_snapshot!("audit", run.text()));
    assert_eq!(scene.published(), build);
    assert_eq!(scene.list("data/builds").len(), 1, "a build that failed leaves nothing behind");
    assert_eq!(scene.query(CANTABRIA), ["10.99"]);
}

#[test]
fn rows_that_fit_nowhere_are_kept_with_their_reason() {
    let (upstream, scene) = published();
    let moved = regional().replace("E_AI_TANY,PC_ENT,ES13,2025,10.99", "E_AI_TANY,PC_ENT,ES99,2025,10.99");
    upstream.answer(REGIONAL, Answer::ok(moved.clone()).gzip());
    let run = scene.run(0);
    assert!(run.stdout.contains("1 rows: `geo` has a code that is not in regions.csv: `ES99`"), "{}", run.stdout);
    let place = scene.path("data/lake/quarantine").display().to_string();
    let kept = rows(
        &duckdb::Connection::open_in_memory().unwrap(),
        &format!(
            "select reason, found, key, \"value\", cell from read_parquet('{place}/**/*.parquet', hive_partitioning = false) order by cell"
        ),
    );
    assert!(kept.len() == 1 && kept[0].starts_with("`geo` has a code that is not in regions.csv|ES99|"), "{kept:?}");
    let cell: usize = kept[0].rsplit('|').next().unwrap().parse().unwrap();
    assert!(moved[cell..].starts_with("10.99,"), "the place in the source");

    let told = scene.tejido(&["quarantine"]);
    told.must(0);
    for expected in [
        "eurostat__isoc_r_eb_ain2, isoc_r_eb_ain2, fetched 20",
        "UTC, `geo` has the new `ES99`\n",
        "1  `geo` has a code that is not in regions.csv: `ES99` (nearest known: `ES",
        &format!(" = 10.99, cell {cell} of "),
    ] {
        assert!(told.stdout.contains(expected), "{expected}\n{}", told.stdout);
    }
    assert!(told.stderr.starts_with("hint: "), "{}", told.stderr);
    let other = scene.tejido(&["quarantine", "eurostat__isoc_eb_ai"]);
    assert!(other.code == 0 && other.stdout == "nothing is kept back\n", "{}", other.text());
}

#[test]
fn a_killed_run_changes_nothing_and_is_carried_on() {
    let upstream = Upstream::start();
    upstream.answer(REGIONAL, Answer::ok(regional()).gzip());
    let mut slow = Answer::ok(by_size()).gzip();
    slow.delay = Duration::from_secs(30);
    upstream.answer(BY_SIZE, slow);
    let scene = Scene::live(&upstream, &PIPELINES);
    let mut run = scene.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    let has_sidecar =
        |scene: &Scene| scene.list("data/archive/eurostat__isoc_r_eb_ain2").iter().any(|name| name.ends_with(".json"));
    while !has_sidecar(&scene) {
        assert!(Instant::now() < patience);
        std::thread::sleep(Duration::from_millis(10));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(!scene.path("data/published").exists());

    upstream.answer(BY_SIZE, Answer::ok(by_size()).gzip());
    upstream.asked();
    let run = scene.run(0);
    assert!(run.stdout.contains("1 already fetched"), "{}", run.stdout);
    assert_eq!(upstream.asked(), [format!("200 /{BY_SIZE}")], "what is archived and fresh is not fetched again");
    assert_eq!(scene.query(CANTABRIA), ["10.99"]);
}

/// `TEJIDO_KILLS=200 cargo test --release --test it killed_at_any -- --nocapture` kills more often than 25 times.
#[test]
fn killed_at_any_moment_the_published_build_is_whole() {
    let kills: u64 = std::env::var("TEJIDO_KILLS").map_or(25, |text| text.parse().unwrap());
    let (upstream, scene) = published();
    let revise = |share: &str| {
        let body = regional().replace("ES13,2025,10.99", &format!("ES13,2025,{share}"));
        upstream.answer(REGIONAL, Answer::ok(body).gzip());
    };
    revise("9.5");
    let began = Instant::now();
    scene.run(0);
    // A bit more than a whole run, so that the end of one is met, too.
    let longest = began.elapsed().as_micros() as u64 * 11 / 10;
    // The high bits of a multiplication are as good as random, and the same in each test run.
    let drawn = |kill: u64| kill.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let moment = |kill: u64| (drawn(kill) * longest) >> 32;
    let mut lucky = 0;
    for kill in 0..kills {
        let share = format!("{}.{}", 11 + kill % 50, 1 + kill % 9);
        revise(&share);
        let before = scene.query(CANTABRIA);
        let mut run = scene.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(moment(kill)));
        run.kill().unwrap();
        run.wait().unwrap();
        // Every part of the build agrees with every other, and it is the old one or the new one.
        let database = scene.query(CANTABRIA);
        let mart = scene.published().join("marts/ict_adoption.parquet");
        let parquet = rows(
            &duckdb::Connection::open_in_memory().unwrap(),
            &CANTABRIA.replace("ict_adoption", &format!("read_parquet('{}')", mart.display())),
        );
        let catalog = rows(&open(&scene.path("data/tejido.duckdb")), CANTABRIA);
        assert!(database == parquet && database == catalog, "{database:?} {parquet:?} {catalog:?}");
        assert!(database == before || database == [share.clone()], "{database:?}");
        lucky += usize::from(database == [share.clone()]);
        // The next run finishes what this one could not.
        scene.run(0);
        assert_eq!(scene.query(CANTABRIA), [share]);
        let leftovers = scene.list("data/builds").into_iter().filter(|name| name.starts_with('.'));
        assert_eq!(leftovers.collect::<Vec<_>>(), Vec::<String>::new());
    }
    eprintln!("killed {kills} runs within {longest} µs of their beginning; {lucky} had already published");
}

/// A file system of its own in memory, gone with the test.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    #[allow(clippy::print_stdout)]
    fn mount(path: &std::path::Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(path)
            .output();
        if mount.is_ok_and(|mount| mount.status.success()) {
            return Some(SmallDisk(path.to_owned()));
        }
        println!("skipped: a tmpfs cannot be mounted here");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// However little room is left: the published build is the old one or the new one, whole, and the error says what to do.
#[test]
fn a_full_disk_at_any_step_publishes_nothing_half() {
    let scene = Scene::new();
    let Some(_disk) = SmallDisk::mount(&scene.path("data"), "48m") else {
        return;
    };
    scene.run(0);
    let id = |scene: &Scene| scene.manifest()["build_id"].as_str().unwrap().to_owned();
    let whole = |scene: &Scene| {
        for file in scene.manifest()["files"].as_array().unwrap() {
            let bytes = std::fs::read(scene.published().join(file["path"].as_str().unwrap())).unwrap();
            assert_eq!(file["hash"], blake3::hash(&bytes).to_hex().as_str(), "{file}");
        }
        assert_eq!(scene.query("select count(*) from ict_adoption"), ["26989"]);
    };
    whole(&scene);
    let old = id(&scene);
    let filler = scene.path("data/filler");
    let free = || {
        let output = std::process::Command::new("df").args(["--output=avail", "-B1"]).arg(scene.path("data")).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        text.lines().last().unwrap().trim().parse::<u64>().unwrap()
    };
    scene.replace("sql/marts/cluster_members_by_sector.sql", "'no consta'", "'sin dato'");
    let room = free();
    let mut failed = 0;
    for left in
        [0, 8 << 10, 100 << 10, 400 << 10, 1 << 20, 2 << 20, 4 << 20, 6 << 20, 8 << 20, 10 << 20, 12 << 20, 14 << 20]
    {
        std::fs::write(&filler, vec![1; room.saturating_sub(left) as usize]).unwrap();
        let run = scene.tejido(&["run", "--offline"]);
        std::fs::remove_file(&filler).unwrap();
        whole(&scene);
        if run.code == 0 {
            assert_ne!(id(&scene), old);
            break;
        }
        failed += 1;
        assert_eq!((run.code, id(&scene)), (1, old.clone()), "{} bytes left: {}", left, run.text());
        assert!(run.stderr.contains("No space left") || run.stderr.contains("free some space"), "{}", run.stderr);
    }
    assert!(failed >= 3, "only {failed} of the runs had too little room");
    scene.run(0);
    whole(&scene);
    assert_ne!(id(&scene), old);
    let left: Vec<String> = scene.list("data/builds").into_iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(left, Vec::<String>::new(), "nothing half is left");
}
