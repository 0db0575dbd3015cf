//! The archive as a person handles it: history brought in, taken out, looked at, cleared away, and built from alone.

use crate::support::{Answer, Run, Scene, Upstream, open, repository, rows};

const PIPELINE: &str = "eurostat__isoc_eb_ai";
const BY_SIZE: &str = "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_eb_ai?format=TSV&compressed=true";
/// The share of Spain's enterprises in one cell, of all that the table says.
const CELL: &str = "select share from ict_adoption where region = 'ES' and size_class = 'GE10' and time_period = '2025' and indicator = 'E_AI_TANY' and unit = 'PC_ENT'";

fn by_size() -> String {
    std::fs::read_to_string(repository().join("pipelines/samples/eurostat__isoc_eb_ai/isoc_eb_ai.tsv")).unwrap()
}

/// The table in which Spain's cell has another value.
fn earlier(value: &str) -> String {
    let text = by_size();
    let (before, rest) = text.split_once("A,GE10,C10-S951_X_K,E_AI_TANY,PC_ENT,ES\t").unwrap();
    let (line, after) = rest.split_once('\n').unwrap();
    assert_eq!(line.matches("20.27").count(), 1);
    format!("{before}A,GE10,C10-S951_X_K,E_AI_TANY,PC_ENT,ES\t{}\n{after}", line.replace("20.27", value))
}

/// The same lines in another order.
fn reversed(text: &str) -> String {
    let (header, lines) = text.split_once('\n').unwrap();
    let lines: Vec<&str> = lines.lines().rev().collect();
    format!("{header}\n{}\n", lines.join("\n"))
}

fn loaded() -> (Upstream, Scene) {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[PIPELINE]);
    upstream.answer(BY_SIZE, Answer::ok(by_size()));
    scene.run(0);
    (upstream, scene)
}

fn done(scene: &Scene, arguments: &[&str]) -> Run {
    let run = scene.tejido(arguments);
    run.must(0);
    run
}

fn listed(scene: &Scene) -> Vec<(String, String)> {
    let list: serde_json::Value = serde_json::from_str(&done(scene, &["archive", "list", "--json"]).stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(|held| (text(&held["file"]), text(&held["standing"]))).collect()
}

#[test]
fn history_that_a_person_obtained_is_loaded_at_its_place() {
    let (_upstream, scene) = loaded();
    scene.write("old.tsv", &earlier("19.5"));
    let import = ["archive", "import", "old.tsv", "--pipeline", PIPELINE, "--fetched-at", "2026-02-01"];
    assert!(done(&scene, &import).stdout.contains("/data/archive/eurostat__isoc_eb_ai/20260201T225959.999999Z-"));
    assert!(done(&scene, &import).stdout.contains("are in the archive already"));
    done(&scene, &["run", "--offline"]);
    assert_eq!(scene.query(CELL), ["20.27"]);
    let partitions = format!(
        "select count(*) filter (change = 'new'), count(*) filter (change = 'revised') from read_parquet('{}/**/*.parquet')",
        scene.path("data/lake/observations").display()
    );
    assert_eq!(rows(&duckdb::Connection::open_in_memory().unwrap(), &partitions), ["792|1"]);

    // The end of that day in Madrid is the moment: at noon nothing was known yet.
    let before = scene.manifest();
    scene.tejido(&["run", "--as-of", "2026-02-01T12:00:00Z"]).must(1);
    done(&scene, &["run", "--as-of", "2026-02-01"]);
    let then = scene.path("data/as-of/20260201T225959Z/published");
    assert_eq!(rows(&open(&then.join("tejido.duckdb")), CELL), ["19.5"]);
    let manifest: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(then.join("manifest.json")).unwrap()).unwrap();
    let file = manifest["inputs"][0]["file"].as_str().unwrap();
    assert!(then.join("../..").join(file).exists() || scene.path("data").join(file).exists());
    assert_eq!(scene.manifest(), before, "what is published is not touched");
}

#[test]
fn what_is_no_history_is_refused_and_nothing_is_filed() {
    let (_upstream, scene) = loaded();
    let before = listed(&scene);
    scene.write("cut.tsv", &by_size()[..500]);
    scene.write("old.tsv", &earlier("19.5"));
    let refused = |arguments: &[&str], code: i32, message: &str| {
        let run = scene.tejido(&[&["archive", "import"], arguments].concat());
        run.must(code);
        assert!(run.stderr.contains(message), "{}", run.stderr);
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    };
    let at = ["--fetched-at", "2026-02-01"];
    let of = ["--pipeline", PIPELINE];
    refused(&[&["cut.tsv"], &at[..], &of].concat(), 1, "`cut.tsv` could not be decoded");
    refused(&[&["old.tsv"], &of[..]].concat(), 2, "expected `--pipeline` and `--fetched-at`");
    refused(&[&["old.tsv"], &of[..], &["--fetched-at", "2999-01-01"]].concat(), 2, "expected a moment of the past");
    refused(&[&["old.tsv"], &of[..], &["--fetched-at", "soon"]].concat(), 2, "expected a day or a moment");
    refused(&[&["old.tsv"], &of[..], &at, &["--dataset", "isoc"]].concat(), 2, "there are isoc_eb_ai");
    refused(&[&["old.tsv"], &at[..], &["--pipeline", "eurostat"]].concat(), 2, "did you mean");
    refused(&[&["old.tsv"], &of[..], &at, &["--profile", "sample"]].concat(), 2, "the profile is `sample`");
    scene.write("x.tar", &format!("{}ustar", "x".repeat(257)));
    refused(&["x.tar"], 1, "could not read the bundle");
    assert_eq!(listed(&scene), before);
}

#[test]
fn an_archive_that_was_taken_elsewhere_builds_the_same() {
    let (upstream, scene) = loaded();
    done(&scene, &["archive", "export", "all.tar"]);
    let other = Scene::live(&upstream, &[PIPELINE]);
    upstream.asked();
    let bundle = scene.path("all.tar");
    let import = ["archive", "import", bundle.to_str().unwrap()];
    assert!(done(&other, &import).stdout.contains("1 snapshots filed, 0 were here already"));
    done(&other, &["run", "--offline"]);
    assert_eq!(upstream.asked(), Vec::<String>::new());
    assert_eq!(other.manifest()["world"], scene.manifest()["world"]);
    assert_eq!(other.query(CELL), ["20.27"]);
}

#[test]
fn the_bytes_of_a_cell_are_shown() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[PIPELINE]);
    upstream.answer(BY_SIZE, Answer::ok(by_size()).gzip());
    scene.run(0);
    let found = scene.query(&CELL.replace("select share", "select \"snapshot\", cell"));
    let (snapshot, cell) = found[0].split_once('|').unwrap();
    let payload = done(&scene, &["archive", "show", &snapshot[..12], "--payload"]).stdout;
    assert!(payload[cell.parse().unwrap()..].starts_with("20.27"));
    done(&scene, &["archive", "show", snapshot, "--raw", "-o", "raw"]);
    assert!(std::fs::read(scene.path("raw")).unwrap().starts_with(&[0x1f, 0x8b]));
    let known = done(&scene, &["archive", "show", snapshot]).stdout;
    for expected in ["state      published", "header     etag: ", "GET, answered with 200", snapshot] {
        assert!(known.contains(expected), "{known}");
    }
    let none = scene.tejido(&["archive", "show", "ffff"]);
    none.must(2);
    assert!(none.stderr.contains("`tejido archive list` shows them"), "{}", none.stderr);
}

#[test]
fn what_nobody_needs_may_go_and_nothing_else() {
    let (upstream, scene) = loaded();
    // The same figures in other bytes; a revision; the same again, twice; and a source that is down.
    upstream.answer(BY_SIZE, Answer::ok(Answer::ok(by_size()).gzip().body));
    scene.run(0);
    upstream.answer(BY_SIZE, Answer::ok(earlier("20.5")));
    scene.run(0);
    upstream.answer(BY_SIZE, Answer::ok(Answer::ok(earlier("20.5")).gzip().body));
    scene.run(0);
    upstream.answer(BY_SIZE, Answer::ok(reversed(&earlier("20.5"))));
    scene.run(0);
    upstream.answer(BY_SIZE, Answer::status(404, "moved"));
    scene.run(3);
    scene.run(3);
    let standings = |scene: &Scene| listed(scene).into_iter().map(|(_, standing)| standing).collect::<Vec<_>>();
    // What a source says over and over is kept once.
    assert_eq!(standings(&scene), ["published", "seen", "published", "seen", "seen", "message"]);
    // Other bytes may say the same.
    let list: serde_json::Value = serde_json::from_str(&done(&scene, &["archive", "list", "--json"]).stdout).unwrap();
    let said: Vec<&str> = list.as_array().unwrap().iter().map_while(|held| held["content"].as_str()).collect();
    assert_eq!(said.len(), 5);
    assert!(said[0] == said[1] && said[2] == said[3] && said[3] == said[4] && said[0] != said[2], "{said:?}");
    let before = scene.manifest();

    assert!(done(&scene, &["archive", "gc"]).stdout.contains("nothing to remove"), "all is young");
    let plan = done(&scene, &["archive", "gc", "--keep", "0s"]);
    assert!(plan.stdout.contains("3 snapshots, "), "{}", plan.stdout);
    assert!(plan.stderr.contains("`--yes` removes them"), "{}", plan.stderr);
    assert_eq!(listed(&scene).len(), 6, "it says what it would do first");
    done(&scene, &["archive", "gc", "--keep", "0s", "--yes"]);
    assert_eq!(standings(&scene), ["published", "published", "seen"]);
    assert!(done(&scene, &["archive", "gc", "--keep", "0s"]).stdout.contains("nothing to remove"));

    let run = done(&scene, &["run", "--offline"]);
    assert!(run.stdout.contains("nothing has changed since build"), "{}", run.stdout);
    assert_eq!(scene.manifest(), before);
    assert_eq!(scene.query(CELL), ["20.5"]);
    // Made from the archive alone, it is the same again.
    std::fs::remove_dir_all(scene.path("data/lake")).unwrap();
    done(&scene, &["run", "--offline"]);
    assert_eq!(scene.manifest()["world"], before["world"]);
}
