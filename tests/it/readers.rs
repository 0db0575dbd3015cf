//! Readers: those who have the old build open, and those who come after the switch.

use crate::support::{Answer, Scene, Upstream, open, rows};

const ADDRESS: &str = "www.ine.es/jaxi/files/tpx/en/csv_bdsc/76405.csv";
const QUESTION: &str =
    "select share from ict_adoption where region = 'ES' and indicator = 'E_AI_TANY' and sector = 'INE_TOTAL'";

fn table(total: &str) -> String {
    let mut text = String::from("Autonomous Communities and Cities;Main variables;Activity grouping;Total\n");
    for activity in ["Total Enterprises", "Industry", "Construction", "Services"] {
        for region in ["National total", "Cantabria"] {
            text.push_str(&format!("{region};E.1 % of companies that use AI (1);{activity};{total}\n"));
        }
    }
    text
}

fn scene(upstream: &Upstream) -> Scene {
    let scene = Scene::live(upstream, &["ine__ai_by_region"]);
    let text = scene.read("pipelines/ine__ai_by_region.toml");
    let start = text.find("[[editions]]\ndataset = \"71040\"").unwrap();
    let end = text.find("[decode]").unwrap();
    scene.write("pipelines/ine__ai_by_region.toml", &format!("{}{}", &text[..start], &text[end..]));
    scene
}

#[test]
fn a_reader_keeps_what_it_opened() {
    let upstream = Upstream::start();
    upstream.answer(ADDRESS, Answer::ok(table("21,14")));
    let scene = scene(&upstream);
    scene.run(0);

    let path = scene.path("data/published/tejido.duckdb");
    let old = open(&path);
    let catalog = open(&scene.path("data/tejido.duckdb"));
    assert_eq!(rows(&old, QUESTION), ["21.14"]);
    assert_eq!(rows(&catalog, QUESTION), ["21.14"]);

    upstream.answer(ADDRESS, Answer::ok(table("22,50")));
    scene.run(0);
    assert_eq!(rows(&old, QUESTION), ["21.14"], "an open connection goes on reading its build");
    assert_eq!(rows(&open(&path), QUESTION), ["22.5"], "a new connection reads the new one");
    assert_eq!(rows(&catalog, QUESTION), ["22.5"], "the catalog sees the new one at the next query");

    // The revision is a change in the lake, and the value that it replaced is still there.
    let lake = rows(
        &duckdb::Connection::open_in_memory().unwrap(),
        &format!(
            "select change, \"value\" from read_parquet('{}/**/*.parquet') where region = 'ES' and sector = 'INE_TOTAL' order by vintage",
            scene.path("data/lake/observations").display()
        ),
    );
    assert_eq!(lake, ["new|21.14", "revised|22.5"]);
}

#[test]
fn a_withdrawn_cell_is_withdrawn() {
    let upstream = Upstream::start();
    let whole = table("21,14");
    upstream.answer(ADDRESS, Answer::ok(whole.clone()));
    let scene = scene(&upstream);
    scene.replace("pipelines/ine__ai_by_region.toml", "min_rows = 8", "min_rows = 1");
    scene.run(0);
    let without: String = whole
        .lines()
        .filter(|line| !line.contains("National total") || !line.contains("Total Enterprises"))
        .map(|line| format!("{line}\n"))
        .collect();
    upstream.answer(ADDRESS, Answer::ok(without));
    scene.run(0);
    assert_eq!(scene.query(QUESTION), Vec::<String>::new());
    assert_eq!(scene.query("select count(*) from ict_adoption"), ["7"]);
}
