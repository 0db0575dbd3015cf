//! From a published number back to the bytes, and whether a build is what it says.

use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Answer, Scene, Upstream, repository};

fn explained(scene: &Scene, arguments: &[&str]) -> Value {
    let run = scene.tejido(&[&["explain", "--json"], arguments].concat());
    run.must(0);
    serde_json::from_str(&run.stdout).unwrap()
}

type Case = (&'static str, Vec<u8>, &'static str, &'static str, &'static str, &'static str);

/// One pipeline of each format: what it is called, its payload, how it is decoded, its dimensions, and how the value of
/// one region in 2025 is written.
fn formats() -> Vec<Case> {
    let fixture = |name: &str| std::fs::read(repository().join("tests/formats").join(name)).unwrap();
    let geo = "geo = { to = \"region\" }\ntime_period = { to = \"time_period\" }";
    let sheet = "value = \"Porcentaje\"\ntime = \"Año\"\ndecimal = \",\"\nsheet = \"Tabla\"\ncolumns = [\"Tamaño\", \"Comunidad\"]";
    let rows = "time_period = { to = \"time_period\" }\n\"Tamaño\" = { codes = [{ code = \"10 o más\", size_class = \"GE10\" }], drop = [\"250*\"] }
        Comunidad = { codes = [{ code = \"Cantabria\", region = \"ES13\" }, { code = \"Asturias\", region = \"ES12\" }] }";
    vec![
        (
            "sdmx-csv",
            b"DATAFLOW,LAST UPDATE,geo,TIME_PERIOD,OBS_VALUE\nESTAT:SDMX_CSV(1.0),01/01/26 11:00:00,ES13,2025,10.99\n".to_vec(),
            "",
            geo,
            "ES13",
            "10.99",
        ),
        ("eurostat-tsv", b"geo\\TIME_PERIOD\t2024 \t2025 \nES13\t7.36 b\t10.99 p\n".to_vec(), "", geo, "ES13", "10.99"),
        (
            "json-stat",
            br#"{"version":"2.0","class":"dataset","id":["geo","time"],"size":[2,1],"role":{"time":["time"]},"dimension":{
                "geo":{"category":{"index":["ES","ES13"]}},"time":{"category":{"index":["2025"]}}},"value":[20.27,10.99]}"#
                .to_vec(),
            "",
            geo,
            "ES13",
            "10.99",
        ),
        (
            "sdmx-ml",
            fixture("sdmx-ml/generic_flat.xml"),
            "",
            "GEO = { to = \"region\" }\ntime_period = { to = \"time_period\" }",
            "ES13",
            "17.78",
        ),
        ("sdmx-json", fixture("sdmx-json/v2_flat_structure_behind.json"), "", geo, "ES", "20.27"),
        (
            "pc-axis",
            String::from_utf8(fixture("pc-axis/two_languages.px")).unwrap().replace("\".\"", "8.25").into(),
            "language = \"es\"",
            "\"región\" = { to = \"region\" }\ntime_period = { to = \"time_period\" }",
            "ES13",
            "10.99",
        ),
        (
            "ine-csv",
            "Comunidades\tPeriodo\tTotal\nEspaña\t2025\t20,5\nCantabria\t2025\t10,99\n".into(),
            "decimal = \",\"",
            "Comunidades = { codes = [{ code = \"Cantabria\", region = \"ES13\" }, { code = \"España\", region = \"ES\" }] }
             Periodo = { to = \"time_period\" }",
            "ES13",
            "10,99",
        ),
        (
            "ine-tempus",
            br#"[{"COD":"IA13","Nombre":"Cantabria. ","Data":[{"FK_Periodo":28,"Anyo":2025,"Valor":10.990000}]}]"#.to_vec(),
            "",
            "series = { codes = [{ code = \"IA13\", region = \"ES13\" }] }\ntime_period = { to = \"time_period\" }",
            "ES13",
            "10.990000",
        ),
        (
            "icane-json",
            r#"{"headers": ["Territorio", "Año", "Variables"], "data": {"Cantabria": {"2025": {"IA": 10.99}}}}"#.into(),
            "",
            "Territorio = { codes = [{ code = \"Cantabria\", region = \"ES13\" }] }\n\"Año\" = { to = \"time_period\" }
             Variables = { require = \"IA\" }",
            "ES13",
            "10.99",
        ),
        (
            "delimited",
            b"year;share;region\n2025;\"10,99\";ES13\n".to_vec(),
            "value = \"share\"\ntime = \"year\"\ndecimal = \",\"\nseparator = \";\"",
            "region = { to = \"region\" }\ntime_period = { to = \"time_period\" }",
            "ES13",
            "10,99",
        ),
        ("xlsx", fixture("xlsx/one_of_two_sheets.xlsx"), sheet, rows, "ES13", "10.99"),
        ("ods", fixture("ods/one_of_two_sheets.ods"), sheet, rows, "ES13", "10.99"),
    ]
}

#[test]
fn a_number_of_every_format_is_traced_to_where_it_stands() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[]);
    for (format, payload, decode, dimensions, ..) in formats() {
        let dataset = format.replace('-', "_");
        upstream.answer(&format!("host.invalid/{dataset}"), Answer::ok(payload));
        let size = if dimensions.contains("size_class") { "" } else { "size_class = \"GE10\"" };
        scene.write(
            &format!("pipelines/test__{dataset}.toml"),
            &format!(
                "title = \"t\"\nkind = \"observations\"\npublisher = \"p\"\nlicence = \"l\"\nattribution = \"a\"
                 [request]\nurl = \"https://host.invalid/{{dataset}}\"\n[[editions]]\ndataset = \"{dataset}\"
                 [decode]\nformat = \"{format}\"\n{decode}
                 [constants]\nindicator = \"E_AI_TANY\"\nunit = \"PC_ENT\"\nsector = \"C10-S951_X_K\"\nsector_scheme = \"NACE_R2\"\n{size}
                 [dimensions]\n{dimensions}\n"
            ),
        );
    }
    scene.run(0);
    for (format, payload, _, _, region, text) in formats() {
        let source = format!("source=test__{}", format.replace('-', "_"));
        let found = explained(&scene, &["ict_adoption", &source, &format!("region={region}"), "time_period=2025"]);
        let origin = &found["rows"][0]["origins"][0];
        let reading = &origin["reading"];
        assert_eq!(
            (reading["text"].as_str(), reading["agrees"].as_bool()),
            (Some(text), Some(true)),
            "{format}: {origin}"
        );
        assert_eq!(origin["snapshot"]["snapshot"], blake3::hash(&payload).to_hex().as_str(), "{format}");
        if !["xlsx", "ods"].contains(&format) {
            let cell = origin["cell"].as_u64().unwrap() as usize;
            assert!(payload[cell..].starts_with(text.trim_matches('"').as_bytes()), "{format}: {cell}");
        }
    }
    let verified = scene.tejido(&["verify", "--full"]);
    verified.must(0);
    assert!(verified.stdout.contains("cells      26 of 26"), "{}", verified.stdout);
}

#[test]
fn what_is_told_of_a_number() {
    let scene = Scene::new();
    scene.run(0);
    let golden = |name: &str, arguments: &[&str], code: i32| {
        let run = scene.tejido(&[&["explain"], arguments].concat());
        run.must(code);
        scene.golden().bind(|| insta::assert_snapshot!(name, run.text()));
    };
    let cell = [
        "ict_adoption",
        "region=ES13",
        "sector=C10-S951_X_K",
        "indicator=E_AI_TANY",
        "unit=PC_ENT",
        "time_period=2025",
    ];
    golden("explain_a_share", &cell, 0);
    golden("explain_without_sql", &[&cell[..], &["--no-sql"]].concat(), 0);
    golden("explain_a_count_of_members", &["cluster_members_by_sector", "region=ES13", "--rows", "1", "--no-sql"], 0);
    golden(
        "explain_a_disagreement",
        &["source_disagreements", "region=ES13", "sector=F", "time_period=2025", "--no-sql"],
        0,
    );
    golden("explain_no_table", &["ict_adoptions"], 2);
    golden("explain_no_column", &["ict_adoption", "regin=ES13"], 2);
    golden("explain_no_value", &["ict_adoption", "region=ES13", "indicator=E_AI_TANI"], 2);
    golden("explain_no_condition", &["ict_adoption", "ES13"], 2);
}

#[test]
fn what_cannot_be_explained_is_told() {
    let scene = Scene::new();
    scene.run(0);
    let refused = |arguments: &[&str], expected: &[&str]| {
        let run = scene.tejido(&[&["explain"], arguments].concat());
        run.must(2);
        expected.iter().for_each(|expected| assert!(run.stderr.contains(expected), "{}", run.stderr));
    };
    let shares = scene.query("select count(distinct share) from ict_adoption where region = 'ES'");
    let count = format!("there are {} values, such as", shares[0]);
    refused(&["ict_adoption", "region=ES", "share=abc"], &[&count]);
    refused(&["ict_adoption", "region=es13"], &["did you mean `ES13`?"]);
    refused(&["ict_adoption", "region=ES13", "region=ES"], &["expected one value of `region`, found `ES13`, `ES`"]);
    refused(&["int_members"], &["found `int_members`, which is private", "`cluster_members_by_sector`"]);
    let found =
        explained(&scene, &["latest_ict_adoption", "region=ES13", "indicator=E_AI_TANY", "source=ine__ai_by_region"]);
    assert_eq!(found["table"], "latest_ict_adoption");
    let whole = scene.query(
        "select count(*) from latest_ict_adoption
         where region = 'ES13' and indicator = 'E_AI_TANY' and source = 'ine__ai_by_region'",
    );
    assert_eq!(found["matching"].to_string(), whole[0]);
}

/// The bytes are counted in what is left when both compressions are taken off.
#[test]
fn how_a_file_was_compressed_is_told() {
    let scene = Scene::new();
    scene.run(0);
    let encodings = |source: &str| {
        let found = explained(&scene, &["ict_adoption", "region=ES13", source, "--rows", "1"]);
        found["rows"][0]["origins"][0]["reading"]["encodings"].clone()
    };
    assert_eq!(encodings("source=eurostat__isoc_r_eb_ain2"), serde_json::json!(["zstd", "gzip"]));
    assert_eq!(encodings("source=ine__ai_by_region"), serde_json::json!(["zstd"]));
    let run = scene.tejido(&["explain", "ict_adoption", "region=ES13", "source=eurostat__isoc_r_eb_ain2", "--no-sql"]);
    run.must(0);
    assert!(run.stdout.contains(".csv.zst (zstd, then gzip)"), "{}", run.stdout);
    assert!(run.stdout.contains(" rows match; narrow them with sector, "), "{}", run.stdout);
}

/// What a value was before is told with it.
#[test]
fn earlier_vintages_are_told() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &["eurostat__isoc_eb_ai"]);
    let table = |value: &str| {
        format!(
            "freq,size_emp,nace_r2,indic_is,unit,geo\\TIME_PERIOD\t2024 \nA,GE10,C10-S951_X_K,E_AI_TANY,PC_ENT,ES\t{value}\n"
        )
    };
    let mut pipeline: Vec<String> =
        scene.read("pipelines/eurostat__isoc_eb_ai.toml").lines().map(str::to_owned).collect();
    pipeline.retain(|line| !line.starts_with("min_rows"));
    scene.write("pipelines/eurostat__isoc_eb_ai.toml", &pipeline.join("\n"));
    let address = "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_eb_ai?format=TSV&compressed=true";
    for value in ["11.3 p", "11.31 ", ": ", "11.4 "] {
        upstream.answer(address, Answer::ok(table(value)));
        scene.run(0);
    }
    let found = explained(&scene, &["ict_adoption", "region=ES"]);
    let origin = &found["rows"][0]["origins"][0];
    assert_eq!(origin["reading"]["text"], "11.4");
    let earlier = origin["earlier"].as_array().unwrap();
    let values: Vec<String> = earlier.iter().map(|row| format!("{} {}", row["value"], row["change"])).collect();
    assert_eq!(values, ["11.3 \"new\"", "11.31 \"revised\"", "null \"revised\""]);
    // The mart of revisions has both sides of each.
    let found = explained(&scene, &["revisions", "new_value=11.31"]);
    let texts: Vec<&Value> =
        found["rows"][0]["origins"].as_array().unwrap().iter().map(|origin| &origin["reading"]["text"]).collect();
    assert_eq!(texts, ["11.3", "11.31"]);
}

#[test]
fn a_build_is_verified_and_what_is_wrong_is_told() {
    let scene = Scene::new();
    scene.run(0);
    let run = scene.tejido(&["verify"]);
    run.must(0);
    assert!(run.stdout.contains("6 marts came out the same from the archive alone"), "{}", run.stdout);
    assert!(run.stdout.contains("cells      1,000 of"), "{}", run.stdout);
    assert_eq!(scene.list("data/as-of"), Vec::<String>::new(), "the rebuild is cleared away");

    // A published file that somebody wrote to.
    let mart = scene.published().join("marts/ict_adoption.parquet");
    let kept = std::fs::read(&mart).unwrap();
    let mut permissions = std::fs::metadata(&mart).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    std::fs::set_permissions(&mart, permissions).unwrap();
    std::fs::OpenOptions::new().append(true).open(&mart).unwrap().write_all(b"x").unwrap();
    let run = scene.tejido(&["verify"]);
    run.must(1);
    assert!(run.stdout.contains("WRONG: `marts/ict_adoption.parquet` is not what was published"), "{}", run.stdout);
    std::fs::write(&mart, kept).unwrap();
    scene.tejido(&["verify"]).must(0);

    // Another model than the one that made the build: it cannot be made again.
    scene.replace("sql/marts/cluster_members_by_sector.sql", "'no consta'", "'sin dato'");
    let run = scene.tejido(&["verify"]);
    run.must(1);
    assert!(run.stdout.contains("WRONG: the models, the program or DuckDB are not those"), "{}", run.stdout);
    scene.replace("sql/marts/cluster_members_by_sector.sql", "'sin dato'", "'no consta'");

    // A damaged snapshot.
    let folder = scene.path("data/archive/eurostat__isoc_eb_ai");
    let name = scene.list("data/archive/eurostat__isoc_eb_ai").into_iter().find(|name| name.ends_with(".zst")).unwrap();
    let path: PathBuf = folder.join(&name);
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    std::fs::set_permissions(&path, permissions).unwrap();
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(200)).unwrap();
    file.write_all(b"damage").unwrap();
    drop(file);
    let run = scene.tejido(&["verify", "--full", "--json"]);
    run.must(1);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["snapshots"]["problems"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["cells"]["wrong"], 792, "{report}");
}

#[test]
fn two_builds_are_compared() {
    let scene = Scene::new();
    scene.run(0);
    let run = scene.tejido(&["diff"]);
    run.must(2);
    assert!(run.stderr.contains("there is no build before"), "{}", run.stderr);
    scene.replace("sql/marts/cluster_members_by_sector.sql", "'no consta'", "'sin dato'");
    scene.replace(
        "sql/marts/ict_adoption.sql",
        "where observations.unit like 'PC%'",
        "where observations.unit = 'PC_ENT'",
    );
    scene.run(0);
    let run = scene.tejido(&["diff", "--rows", "2"]);
    run.must(0);
    scene.golden().bind(|| insta::assert_snapshot!("diff", run.text()));
    let report: Value = serde_json::from_str(&scene.tejido(&["diff", "--json"]).stdout).unwrap();
    let adoption = report["marts"].as_array().unwrap().iter().find(|mart| mart["mart"] == "ict_adoption").unwrap();
    let [before, after] = [&adoption["rows"][0], &adoption["rows"][1]].map(|rows| rows.as_u64().unwrap());
    assert_eq!(adoption["removed"].as_u64().unwrap(), before - after);
    assert_eq!((adoption["added"].as_u64(), adoption["changed"].as_u64()), (Some(0), Some(0)));
}

#[test]
fn a_mart_is_shown_with_bars() {
    let scene = Scene::new();
    scene.run(0);
    let golden = |name: &str, arguments: &[&str], code: i32| {
        let run = scene.tejido(&[&["show"], arguments].concat());
        run.must(code);
        scene.golden().bind(|| insta::assert_snapshot!(name, run.text()));
    };
    let share = ["ict_adoption", "region=ES13", "indicator=E_AI_TANY", "unit=PC_ENT", "sector=C10-S951_X_K"];
    golden("show_shares", &share, 0);
    golden("show_overlaps", &["cluster_members_by_sector", "region=ES13", "--rows", "4"], 0);
    golden("show_no_mart", &["ict_adoptio"], 2);
    golden("show_no_column", &["ict_adoption", "regions=ES13"], 2);
}

#[test]
fn a_build_is_asked_in_sql() {
    let scene = Scene::new();
    scene.run(0);
    let golden = |name: &str, arguments: &[&str], code: i32| {
        let run = scene.tejido(&[&["query"], arguments].concat());
        run.must(code);
        scene.golden().bind(|| insta::assert_snapshot!(name, run.text()));
    };
    let sql =
        "select time_period, source, share, flags from ict_adoption where region = 'ES13' and indicator = 'E_AI_TANY'
        and sector = 'C10-S951_X_K' and unit = 'PC_ENT' order by time_period";
    golden("query_table", &[sql], 0);
    golden("query_few_rows", &[sql, "--rows", "1"], 0);
    golden("query_csv", &[sql, "--to", "csv"], 0);
    golden("query_json", &[sql, "--json"], 0);
    golden("query_wrong_column", &["select regin from ict_adoption"], 2);
    golden("query_no_write", &["delete from ict_adoption"], 2);
    golden("query_parquet_without_file", &[sql, "--to", "parquet"], 2);
    let refused = |arguments: &[&str], expected: &str| {
        let run = scene.tejido(&[&["query"], arguments].concat());
        run.must(2);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
    };
    refused(&[""], "expected a statement, found nothing");
    refused(&["select 1; select 2"], "expected one statement, found 2");
    refused(&["drop table ict_adoption"], "expected a statement that only reads");
    refused(&[sql, "-o", "x.txt"], "ends in .csv, .json, .parquet or .pq, found `x.txt`");
    let unfinished = "select 'nan'::double as a, ['inf'::double, 1.5] as b, {x: '-inf'::float} as c, 'NaN' as d, 2.5 as e; -- no more";
    let run = scene.tejido(&["query", unfinished, "--to", "json"]);
    run.must(0);
    let rows: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(rows, serde_json::json!([{"a": null, "b": [null, 1.5], "c": {"x": null}, "d": "NaN", "e": 2.5}]));
    scene.tejido(&["query", sql, "-o", "out.parquet"]).must(0);
    let database = duckdb::Connection::open_in_memory().unwrap();
    let rows = crate::support::rows(
        &database,
        &format!("select count(*), sum(share) from '{}'", scene.path("out.parquet").display()),
    );
    assert_eq!(rows, ["3|24.73"]);
}
