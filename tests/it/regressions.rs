//! Defects that were found once, each with what must hold instead.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Answer, Scene, Upstream, open, repository, rows};

const REGIONAL: &str =
    "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_r_eb_ain2?format=SDMX-CSV&compressed=true";
const SAMPLE: &str = "pipelines/samples/eurostat__isoc_r_eb_ain2/isoc_r_eb_ain2.csv";
const PIPELINE: &str = "pipelines/eurostat__isoc_r_eb_ain2.toml";
const CANTABRIA: &str = "select share from ict_adoption where region = 'ES13' and sector = 'C10-S951_X_K' and indicator = 'E_AI_TANY' and unit = 'PC_ENT' and time_period = '2025' and dataset = 'isoc_r_eb_ain2'";

fn regional() -> String {
    std::fs::read_to_string(repository().join(SAMPLE)).unwrap()
}

/// The sample, published once.
fn published() -> Scene {
    let scene = Scene::new();
    scene.run(0);
    scene
}

fn only_file(scene: &Scene, folder: &str, ending: &str) -> String {
    let names: Vec<String> = scene.list(folder).into_iter().filter(|name| name.ends_with(ending)).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    format!("{folder}/{}", names[0])
}

#[test]
fn rules_that_refuse_what_is_in_force_change_nothing() {
    let scene = published();
    let build = scene.published();
    for (from, to) in [
        ("min_rows = 5000", "min_rows = 100000"),
        ("geo = { to = \"region\",", "geo = { require = \"ES\", to = \"region\","),
    ] {
        let text = scene.read(PIPELINE);
        scene.replace(PIPELINE, from, to);
        for _ in 0..2 {
            let run = scene.run(3);
            assert!(run.stderr.contains("pipeline `eurostat__isoc_r_eb_ain2`"), "{}", run.stderr);
            assert_eq!(scene.published(), build);
            assert_eq!(scene.query(CANTABRIA), ["10.99"]);
        }
        scene.write(PIPELINE, &text);
        scene.run(0);
    }
}

#[test]
fn a_limit_is_no_verdict_on_a_snapshot() {
    let mut scene = Scene::new();
    scene.set("TEJIDO__FETCH__MAX_DECODED_BYTES", "200000");
    let run = scene.run(3);
    assert!(run.stderr.contains("raise `fetch.max_decoded_bytes`"), "{}", run.stderr);
    scene.set("TEJIDO__FETCH__MAX_DECODED_BYTES", "200000000");
    scene.run(0);
    assert_eq!(scene.query(CANTABRIA), ["10.99"]);
}

#[test]
fn a_damaged_archive_file_is_no_verdict_either() {
    let scene = published();
    let build = scene.published();
    let file = scene.path(&only_file(&scene, "data/archive/eurostat__isoc_r_eb_ain2", ".zst"));
    let good = std::fs::read(&file).unwrap();
    let mut bad = good.clone();
    bad[200..208].copy_from_slice(b"XXXXXXXX");
    std::fs::write(&file, &bad).unwrap();
    // Nothing needs it as long as its partition is there.
    scene.run(0);
    std::fs::remove_dir_all(scene.path("data/lake")).unwrap();
    let run = scene.run(3);
    assert!(run.stderr.contains("is damaged") && run.stderr.contains("restore the file"), "{}", run.stderr);
    std::fs::write(&file, &good).unwrap();
    scene.run(0);
    assert_eq!(scene.query(CANTABRIA), ["10.99"]);
    assert_ne!(scene.published(), build);
}

#[test]
fn one_broken_archive_does_not_stop_the_others() {
    let scene = published();
    let sidecar = only_file(&scene, "data/archive/clusters__tera", ".json");
    scene.write(&sidecar, "{");
    scene.write(SAMPLE, &regional().replace("ES13,2025,10.99", "ES13,2025,11.5"));
    let run = scene.run(3);
    assert!(
        run.stderr.contains("pipeline `clusters__tera`") && run.stderr.contains("restore the file"),
        "{}",
        run.stderr
    );
    assert_eq!(scene.query(CANTABRIA), ["11.5"], "the news of the others");
    assert_eq!(scene.query("select sum(members) from cluster_members_by_sector"), ["44"], "its last good data");
    assert_eq!(scene.read("data/ledger.jsonl").lines().count(), 2);
}

#[test]
fn the_order_of_with_decides_what_a_name_means() {
    let scene = Scene::new();
    scene.write(
        "sql/marts/zz.sql",
        "-- A sum over a table that has the name of a later part of the same statement.
-- grain: region
-- column region: region
-- column total: sum of shares
with b as (select region, share from ict_adoption where region = 'ES13'),
ict_adoption as (select 'ES13' as region, 0.0 as share)
select b.region, cast(sum(b.share) as double) as total from b group by b.region
",
    );
    scene.run(0);
    let total = || scene.query("select round(total, 2) from zz")[0].parse::<f64>().unwrap();
    let before = total();
    scene.write(SAMPLE, &regional().replace("ES13,2025,10.99", "ES13,2025,60.99"));
    scene.run(0);
    assert!((total() - before - 50.0).abs() < 0.011, "{} after {before}", total());
}

#[test]
fn a_clock_that_was_ahead_hides_nothing() {
    let scene = published();
    let sidecar = only_file(&scene, "data/archive/eurostat__isoc_r_eb_ain2", ".json");
    let text = scene.read(&sidecar);
    let at = text.find("\"fetched_at\": \"").unwrap() + 15;
    scene.write(&sidecar, &format!("{}2099{}", &text[..at], &text[at + 4..]));
    scene.run(0);
    scene.write(SAMPLE, &regional().replace("ES13,2025,10.99", "ES13,2025,60.99"));
    let run = scene.run(0);
    assert!(run.stderr.contains("is the clock right?"), "{}", run.stderr);
    assert_eq!(scene.query(CANTABRIA), ["60.99"]);
    assert!(scene.run(0).stdout.starts_with("nothing has changed"));
}

#[test]
fn only_status_200_is_a_payload() {
    let upstream = Upstream::start();
    let mut answer = Answer::ok(regional()).gzip();
    answer.status = 203;
    upstream.answer(REGIONAL, answer);
    let scene = Scene::live(&upstream, &["eurostat__isoc_r_eb_ain2"]);
    let run = scene.run(1);
    assert!(run.stderr.contains("found 203"), "{}", run.stderr);
    // Not modified, where nothing was asked for on condition.
    upstream.answer(REGIONAL, Answer::status(304, ""));
    let run = scene.run(1);
    assert!(run.stderr.contains("found 304"), "{}", run.stderr);
}

#[test]
fn the_catalog_is_made_again_when_it_is_gone_or_the_folder_has_moved() {
    let scene = published();
    let catalog = scene.path("data/tejido.duckdb");
    std::fs::remove_file(&catalog).unwrap();
    assert!(scene.run(0).stdout.starts_with("nothing has changed"));
    assert_eq!(rows(&open(&catalog), CANTABRIA), ["10.99"]);
    std::fs::rename(scene.path("data"), scene.path("moved")).unwrap();
    let mut scene = scene;
    scene.set("TEJIDO__STORAGE__ROOT", "moved");
    assert!(scene.run(0).stdout.starts_with("nothing has changed"));
    assert_eq!(rows(&open(&scene.path("moved/tejido.duckdb")), CANTABRIA), ["10.99"]);
}

#[test]
fn a_client_that_may_write_does_not_stop_the_loader() {
    let scene = published();
    // Only root can open a read-only file for writing: for others this client is refused, which is as well.
    let client = duckdb::Connection::open(scene.published().join("tejido.duckdb"));
    scene.write(SAMPLE, &regional().replace("ES13,2025,10.99", "ES13,2025,11.5"));
    scene.run(0);
    drop(client);
    assert_eq!(scene.query(CANTABRIA), ["11.5"]);
    // And without the file of the last build, all is built anew.
    let file = scene.published().join("tejido.duckdb");
    std::fs::remove_file(file).unwrap();
    scene.write(SAMPLE, &regional().replace("ES13,2025,10.99", "ES13,2025,12.5"));
    scene.run(0);
    assert_eq!(scene.query(CANTABRIA), ["12.5"]);
}

#[test]
fn two_pipelines_may_deliver_the_same_table() {
    let scene = Scene::new();
    for copy in ["eurostat__isoc_r_eb_ain2-b", "zz__mirror"] {
        std::fs::copy(scene.path(PIPELINE), scene.path(&format!("pipelines/{copy}.toml"))).unwrap();
        let folder = scene.path(&format!("pipelines/samples/{copy}"));
        std::fs::create_dir(&folder).unwrap();
        for file in scene.list("pipelines/samples/eurostat__isoc_r_eb_ain2") {
            std::fs::copy(
                scene.path(&format!("pipelines/samples/eurostat__isoc_r_eb_ain2/{file}")),
                folder.join(&file),
            )
            .unwrap();
        }
    }
    scene.run(0);
    for _ in 0..3 {
        std::fs::remove_dir_all(scene.path("data/lake")).unwrap();
        scene.run(0);
        assert_eq!(scene.query(CANTABRIA), ["10.99", "10.99", "10.99"]);
    }
    assert!(scene.run(0).stdout.starts_with("nothing has changed"));
}

#[test]
fn the_sample_does_not_replace_live_data() {
    let upstream = Upstream::start();
    upstream.answer(REGIONAL, Answer::ok(regional().replace("ES13,2025,10.99", "ES13,2025,11.5")).gzip());
    let mut scene = Scene::live(&upstream, &["eurostat__isoc_r_eb_ain2"]);
    scene.run(0);
    scene.set("TEJIDO__PROFILE", "sample");
    let run = scene.run(2);
    assert!(run.stderr.contains("holds live data"), "{}", run.stderr);
    assert_eq!(scene.query(CANTABRIA), ["11.5"]);
}

#[test]
fn an_emptied_register_is_not_believed() {
    let scene = published();
    let path = scene.path("pipelines/samples/clusters__tera/tera.csv");
    let bytes = std::fs::read(&path).unwrap();
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap();
    let mut emptied = header.to_vec();
    for _ in 0..20 {
        emptied.extend_from_slice(b"\n;;;;;;;;;;;;;\r");
    }
    std::fs::write(&path, emptied).unwrap();
    let run = scene.run(3);
    assert!(run.stderr.contains("expected at least 10 rows, found 0"), "{}", run.stderr);
    assert_eq!(scene.query("select sum(members) from cluster_members_by_sector"), ["44"]);
}

#[test]
fn most_of_a_table_does_not_vanish_without_a_word() {
    let scene = published();
    let part: String = regional().lines().take(8000).map(|line| format!("{line}\n")).collect();
    scene.write(SAMPLE, &part);
    let run = scene.run(3);
    assert!(run.stderr.contains("known observations are gone"), "{}", run.stderr);
    scene.replace(PIPELINE, "min_rows = 5000", "min_rows = 5000\nmax_withdrawn_share = 1.0");
    let run = scene.run(0);
    assert!(run.stdout.contains("withdrawn"), "{}", run.stdout);
    assert_eq!(scene.query("select count(*) from ict_adoption where dataset = 'isoc_r_eb_ain2'"), ["7999"]);
}

#[test]
fn a_value_that_goes_back_is_published_even_if_a_partition_was_lost() {
    let scene = published();
    let share =
        |value: &str| scene.write(SAMPLE, &regional().replace("ES13,2025,10.99", &format!("ES13,2025,{value}")));
    share("22.2");
    scene.run(0);
    let folder = "data/lake/observations/dataset=isoc_r_eb_ain2";
    let vintages = scene.list(folder);
    std::fs::remove_dir_all(scene.path(&format!("{folder}/{}", vintages[0]))).unwrap();
    share("10.99");
    scene.run(0);
    assert_eq!(scene.query(CANTABRIA), ["10.99"]);
}

#[test]
fn a_codelist_reads_the_same_everywhere() {
    let scene = Scene::new();
    scene.replace(
        "pipelines/codelists/regions.csv",
        "ES13,nuts2,ES1,ES,Cantabria,Cantabria",
        "ES13,nuts2,ES1,ES,Cantabria # uno,\"Cantabria, \"\"one\"\"\"",
    );
    scene.run(0);
    let names = scene.query("select distinct region_name_es, region_name_en from ict_adoption where region = 'ES13'");
    assert_eq!(names, ["Cantabria # uno|Cantabria, \"one\""]);
}

#[test]
fn a_ledger_that_cannot_be_written_is_a_warning() {
    let scene = Scene::new();
    std::fs::create_dir_all(scene.path("data/ledger.jsonl")).unwrap();
    let run = scene.run(0);
    assert!(run.stderr.contains("not in the ledger"), "{}", run.stderr);
    assert_eq!(scene.query(CANTABRIA), ["10.99"]);
}

#[test]
fn a_pipeline_without_a_sample_fails_alone() {
    let scene = Scene::new();
    let text = scene.read(PIPELINE).replace("dataset = \"isoc_r_eb_ain2\"", "dataset = \"isoc_r_new\"");
    scene.write("pipelines/eurostat__isoc_r_new.toml", &text);
    let run = scene.run(3);
    assert!(run.stderr.contains("the sample has no payload for this address"), "{}", run.stderr);
    assert_eq!(scene.query(CANTABRIA), ["10.99"]);
}

#[test]
fn a_payload_of_another_table_is_not_taken() {
    let scene = Scene::new();
    scene.write(SAMPLE, &regional().replace("ISOC_R_EB_AIN2", "ISOC_R_EB_DAN2"));
    let run = scene.run(3);
    assert!(
        run.stderr.contains("expected the table `isoc_r_eb_ain2`, found the table `ISOC_R_EB_DAN2`"),
        "{}",
        run.stderr
    );
}

#[test]
fn huge_numbers_of_threads_are_no_panic() {
    let mut scene = Scene::new();
    for setting in ["NORMALISE__THREADS", "FETCH__REQUESTS_PER_HOST", "WAREHOUSE__THREADS"] {
        scene.set(&format!("TEJIDO__{setting}"), "9223372036854775807");
    }
    scene.run(0);
}

#[test]
fn a_run_killed_before_the_catalog_heals() {
    let scene = Scene::new();
    let mut run = scene.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    while !scene.path("data/published").is_symlink() {
        assert!(Instant::now() < patience);
        std::thread::sleep(Duration::from_micros(200));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    scene.run(0);
    assert_eq!(rows(&open(&scene.path("data/tejido.duckdb")), CANTABRIA), ["10.99"]);
}

#[test]
fn a_column_for_dates_tells_nobodys_story() {
    let scene = Scene::new();
    let path = scene.path("pipelines/samples/clusters__tera/tera.csv");
    let bytes = std::fs::read(&path).unwrap();
    let at = memchr::memmem::find(&bytes, b"14/03/2016").unwrap();
    let mut spoilt = bytes[..at].to_vec();
    spoilt.extend_from_slice(b"Baja de D. Juan Nadie, tel. 600 000 000");
    spoilt.extend_from_slice(&bytes[at + 10..]);
    std::fs::write(&path, spoilt).unwrap();
    let run = scene.run(0);
    assert!(run.stdout.contains("is no date of the form"), "{}", run.stdout);
    assert!(!run.text().contains("Juan Nadie") && !scene.manifest().to_string().contains("Juan Nadie"));
}
