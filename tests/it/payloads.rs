//! `tejido decode`: any payload by itself, without a project.

use std::io::Write;
use std::process::Stdio;

use crate::support::{Answer, Scene, Upstream, rows, shared};

const TSV: &str = "freq,geo\\TIME_PERIOD\t2024 \t2025 \nA,ES13\t7.36 b\t10.99 \nA,ES\t: \t:C\n";

fn scene() -> Scene {
    let scene = Scene::new();
    scene.write("table.tsv", TSV);
    scene
}

fn golden(scene: &Scene, name: &str, arguments: &[&str], code: i32) {
    let run = scene.tejido(arguments);
    run.must(code);
    scene.golden().bind(|| insta::assert_snapshot!(name, run.text()));
}

#[test]
fn a_payload_is_shown_described_and_refused() {
    let scene = scene();
    golden(&scene, "decode_table", &["decode", "table.tsv"], 0);
    golden(&scene, "decode_few_rows", &["decode", "table.tsv", "--rows", "1"], 0);
    golden(&scene, "decode_describe", &["decode", "table.tsv", "--describe"], 0);
    golden(&scene, "decode_describe_json", &["decode", "table.tsv", "--describe", "--json"], 0);
    golden(&scene, "decode_csv", &["decode", "table.tsv", "--to", "csv"], 0);
    golden(&scene, "decode_no_file", &["decode", "none.tsv"], 1);
    golden(&scene, "decode_no_format", &["decode", "config/default.toml"], 1);
    golden(&scene, "decode_wrong_format", &["decode", "table.tsv", "--format", "sdmx-csv"], 1);
    golden(&scene, "decode_unknown_format", &["decode", "table.tsv", "--format", "tsv"], 2);
    golden(&scene, "decode_parquet_without_file", &["decode", "table.tsv", "--to", "parquet"], 2);
    golden(&scene, "decode_unknown_encoding", &["decode", "table.tsv", "--encoding", "latin"], 2);
}

#[test]
fn a_payload_becomes_a_file_by_the_name_of_the_output() {
    let scene = scene();
    scene.tejido(&["decode", "table.tsv", "-o", "out/table.parquet"]).must(0);
    scene.tejido(&["decode", "table.tsv", "-o", "table.csv"]).must(0);
    let database = duckdb::Connection::open_in_memory().unwrap();
    let path = |name: &str| scene.path(name).display().to_string();
    let parquet = rows(&database, &format!("select * from '{}' order by cell", path("out/table.parquet")));
    assert_eq!(parquet, ["A|ES13|2024|7.36|b||40", "A|ES13|2025|10.99|||47", "A|ES|2024||||59", "A|ES|2025|||C|62"]);
    let csv =
        rows(&database, &format!("select * from read_csv('{}', all_varchar = true) order by cell", path("table.csv")));
    assert_eq!(csv, parquet);
    scene.tejido(&["decode", "table.tsv", "-o", "table.arrow"]).must(0);
    let file = std::fs::File::open(scene.path("table.arrow")).unwrap();
    let reader = arrow::ipc::reader::FileReader::try_new(file, None).unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 4);
    // An error leaves no half file behind.
    scene.write("cut.tsv", &TSV[..TSV.len() - 4]);
    scene.tejido(&["decode", "cut.tsv", "-o", "cut.parquet"]).must(1);
    assert!(!scene.path("cut.parquet").exists());
    let leftovers: Vec<String> = scene.list(".").into_iter().filter(|name| name.starts_with(".tmp")).collect();
    assert_eq!(leftovers, Vec::<String>::new());
}

#[test]
fn a_payload_comes_from_standard_input_or_an_address() {
    let scene = scene();
    let mut child =
        scene.command(&["decode", "-", "--to", "csv"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(TSV.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 5);

    let upstream = Upstream::start();
    upstream.answer("host.invalid/table", Answer::ok(TSV).gzip());
    let run = scene.tejido(&["decode", &format!("{}/host.invalid/table", upstream.address()), "--to", "csv"]);
    run.must(0);
    assert_eq!(run.stdout.lines().count(), 5);
    let run = scene.tejido(&["decode", &format!("{}/none", upstream.address())]);
    run.must(1);
    assert!(run.stderr.contains("found 404"), "{}", run.stderr);
}

#[test]
fn a_real_structure_says_when_its_data_last_changed() {
    let Some(shared) = shared() else {
        return;
    };
    let names = ["UPDATE_DATA".to_owned(), "UPDATE_STRUCTURE".to_owned()];
    for (name, expected) in [
        ("isoc_ci_cm_h.dataflow.json", ["2024-06-16T23:00:00+0200", "2024-01-03T23:00:00+0100"]),
        ("estat-lfsa_egai2d.dataflow_all.xml", ["2026-01-09T23:00:00+0100", "2026-01-09T23:00:00+0100"]),
    ] {
        let structure = std::fs::read(shared.join("payloads/eurostat-structure").join(name)).unwrap();
        let said = tejido::decode::annotations(&structure, &names).unwrap();
        assert_eq!(said, expected, "{name}");
    }
}
