//! What a build gives to analysts, spreadsheets, catalogues and BI tools.

use std::collections::BTreeMap;
use std::process::Command;

use calamine::{Data, Reader};
use serde_json::Value;

use crate::support::{Answer, Scene, Upstream, open, rows};

fn json(scene: &Scene, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(scene.published().join(name)).unwrap()).unwrap()
}

#[test]
fn marts_become_csv_and_a_workbook() {
    let scene = Scene::new();
    scene.run(0);
    scene.tejido(&["export", "--to", "csv-es", "-o", "es", "cluster_overlaps", "source_disagreements"]).must(0);
    assert_eq!(scene.list("es"), ["cluster_overlaps.csv", "source_disagreements.csv"]);
    let text = scene.read("es/source_disagreements.csv");
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("\u{feff}region;region_name_es;"));
    let count: usize = scene.query("select count(*) from source_disagreements")[0].parse().unwrap();
    assert_eq!(lines.clone().count(), count);
    let line = lines.find(|line| line.starts_with("ES13;") && line.contains(";F;") && line.contains(";2025;")).unwrap();
    assert!(line.contains(";2,96;8,64;5,680000000000001;0,1;"), "{line}");

    scene.tejido(&["export", "-o", "plain"]).must(0);
    let database = duckdb::Connection::open_in_memory().unwrap();
    let path = scene.path("plain/ict_adoption.csv").display().to_string();
    let sums = "select count(*), count(share), round(sum(share), 3) from";
    assert_eq!(rows(&database, &format!("{sums} read_csv('{path}')")), scene.query(&format!("{sums} ict_adoption")));

    scene.tejido(&["export", "-o", "out/all.xlsx"]).must(0);
    let mut workbook = calamine::open_workbook_auto(scene.path("out/all.xlsx")).unwrap();
    assert_eq!(&workbook.sheet_names()[..3], ["about", "dictionary", "ict_adoption"]);
    let sheet = workbook.worksheet_range("ict_adoption").unwrap();
    let names: Vec<String> = sheet.rows().next().unwrap().iter().map(ToString::to_string).collect();
    let share = names.iter().position(|name| name == "share").unwrap();
    let sum: f64 = sheet
        .rows()
        .skip(1)
        .filter_map(|row| if let Data::Float(value) = row[share] { Some(value) } else { None })
        .sum();
    assert_eq!(format!("{sum:.2}"), scene.query("select printf('%.2f', sum(share)) from ict_adoption")[0]);
    let start = names.iter().position(|name| name == "period_start").unwrap();
    assert!(matches!(sheet.rows().nth(1).unwrap()[start], Data::DateTime(_)));
    assert_eq!(
        sheet.rows().count() as u64,
        scene.query("select count(*) + 1 from ict_adoption")[0].parse::<u64>().unwrap()
    );

    let run = scene.tejido(&["export", "cluster_overlap"]);
    run.must(2);
    assert!(run.stderr.contains("did you mean `cluster_overlaps`?"), "{}", run.stderr);
}

#[test]
fn analysts_find_the_newest_rows_gaps_and_meanings() {
    let scene = Scene::new();
    scene.run(0);
    let keys = "region, sector, sector_scheme, size_class, indicator, unit, source";
    assert_eq!(
        scene.query("select count(*), count(distinct time_period) > 1 from latest_ict_adoption"),
        scene.query(&format!(
            "select count(*), count(distinct newest) > 1 from (select {keys}, max(time_period) as newest from ict_adoption group by all)"
        ))
    );
    let gap = "from gap_to('ES') where region = 'ES13' and sector = 'C10-S951_X_K' and indicator = 'E_AI_TANY' and unit = 'PC_ENT'
        and size_class = 'GE10' and time_period = '2025'";
    assert_eq!(scene.query(&format!("select share, other_share, gap {gap}")), ["10.99|20.27|-9.28"]);
    // The same from the file that stays open for weeks.
    let catalog = open(&scene.path("data/tejido.duckdb"));
    assert_eq!(rows(&catalog, &format!("select gap {gap}")), ["-9.28"]);
    assert_eq!(
        rows(&catalog, "select count(*) from latest_ict_adoption"),
        scene.query("select count(*) from latest_ict_adoption")
    );
    assert_eq!(
        scene.query(
            "select description from data_dictionary where table_name = 'ict_adoption' and column_name = 'share'"
        ),
        ["percentage, 0 to 100; null where the source says that there is none"]
    );
    assert_eq!(
        scene.query(
            "select description_es from data_dictionary where table_name = 'ict_adoption' and column_name = 'share'"
        ),
        ["porcentaje, de 0 a 100; nulo si la fuente dice que no lo hay"]
    );
    // Only marts are published in Spanish; what stands behind them has none.
    assert_eq!(
        scene.query(
            "select distinct schema_name = 'main', table_description_es is not null, description_es is not null
             from data_dictionary order by all"
        ),
        ["false|false|false", "true|true|true"]
    );
    let manifest = scene.manifest();
    let models = manifest["models"].as_array().unwrap();
    let translations = |name: &str| &models.iter().find(|model| model["name"] == name).unwrap()["translations"];
    assert!(translations("revisions")["es"].as_str().unwrap().starts_with("Cada cambio de una observación"));
    assert_eq!(translations("stg_regions"), &Value::Null);
    assert_eq!(
        scene.query("select string_agg(column_name, ' ' order by position) from data_dictionary where table_name = 'cluster_overlaps' and is_key"),
        ["cluster other_cluster"]
    );
    // Who is private has no entry.
    assert_eq!(
        scene.query(
            "select count(*) from data_dictionary where table_name like 'int_member%' or table_name = 'stg_memberships'"
        ),
        ["0"]
    );
    let published = open(&scene.published().join("tejido.duckdb"));
    let tables = "select count(*) from duckdb_tables() where schema_name = 'lake' and comment is null";
    assert_eq!(rows(&published, tables), ["0"]);
    // The catalog says the same of what it has, and the views of newest rows have the words of their marts.
    let said =
        "select table_name, table_description_es, position, column_name, data_type, is_key, description, description_es
        from data_dictionary where schema_name = 'main' order by all";
    assert_eq!(rows(&catalog, said), rows(&published, said));
    assert_eq!(
        scene.query(
            "select table_name, is_key, starts_with(table_description, 'Of each key of ict_adoption, '),
                starts_with(table_description_es, 'De cada clave de ict_adoption, ')
             from data_dictionary where table_name like '%ict_adoption' and column_name = 'time_period' order by all"
        ),
        ["ict_adoption|true|false|false", "latest_ict_adoption|false|true|true"]
    );
    let unsaid = "select count(*), count(*) filter (comment is null or comment = '') from duckdb_columns()
        where table_name = 'latest_ict_adoption' having count(*) > 20";
    let columns = rows(&published, unsaid);
    assert!(columns[0].ends_with("|0"), "{columns:?}");
    assert_eq!(rows(&catalog, unsaid), columns);
    assert_eq!(
        scene.query(
            "select distinct time_period, cast(period_start as varchar) from ict_adoption where time_period = '2025'"
        ),
        ["2025|2025-01-01"]
    );
}

#[test]
fn a_macro_that_is_wrong_is_told_before_anything_runs() {
    let scene = Scene::new();
    scene.write(
        "sql/macros/gap_to.sql",
        "-- Gaps.\n-- parameter other: a region\nselect regin from ict_adoption where region = other\n",
    );
    let run = scene.tejido(&["run"]);
    run.must(2);
    assert!(
        run.stderr.contains("\"regin\" not found") && run.stderr.contains("sql/macros/gap_to.sql:3:8"),
        "{}",
        run.stderr
    );
    scene.write("sql/macros/gap_to.sql", "select 1\n");
    let run = scene.tejido(&["run"]);
    run.must(2);
    assert!(run.stderr.contains("expected a leading comment that says what the macro gives"), "{}", run.stderr);
}

/// The catalog names the data root as its readers see it.
#[test]
fn the_catalog_is_for_readers_under_another_path() {
    let mut scene = Scene::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let seen = elsewhere.path().join("mounted");
    scene.set("TEJIDO__PUBLISH__CATALOG_ROOT", seen.to_str().unwrap());
    // DuckDB looks at the files when it makes a view, so that the path must lead there on this machine, too.
    let run = scene.run(0);
    assert!(
        run.stderr.contains("is not up to date") && run.stderr.contains("`publish.catalog_root`"),
        "{}",
        run.stderr
    );
    std::os::unix::fs::symlink(scene.path("data"), &seen).unwrap();
    scene.run(0);
    let definition = rows(&open(&scene.path("data/tejido.duckdb")), "select count(*) from ict_adoption");
    assert_eq!(definition, scene.query("select count(*) from ict_adoption"));
    std::fs::remove_file(&seen).unwrap();
    let gone = open(&scene.path("data/tejido.duckdb"));
    assert!(gone.prepare("select count(*) from ict_adoption").is_err(), "it does not look elsewhere");
}

#[test]
fn catalogues_are_told_what_the_manifest_says() {
    let mut scene = Scene::new();
    scene.set("TEJIDO__PUBLISH__BASE_URL", "https://data.invalid/published/");
    scene.run(0);
    let manifest = scene.manifest();
    let marts: BTreeMap<&str, &Value> = manifest["models"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|model| model["is_mart"] == true)
        .map(|model| (model["name"].as_str().unwrap(), model))
        .collect();
    let sha256 = |name: &str| {
        let output =
            Command::new("sha256sum").arg(scene.published().join(format!("marts/{name}.parquet"))).output().unwrap();
        String::from_utf8(output.stdout).unwrap()[..64].to_owned()
    };

    let package = json(&scene, "datapackage.json");
    assert_eq!(package["version"], manifest["build_id"]);
    let resources = package["resources"].as_array().unwrap();
    assert_eq!(resources.len(), marts.len());
    for resource in resources {
        let mart = marts[resource["name"].as_str().unwrap()];
        assert_eq!(resource["schema"]["primaryKey"], mart["grain"]);
        assert_eq!(resource["schema"]["fields"].as_array().unwrap().len(), mart["columns"].as_array().unwrap().len());
        assert_eq!(resource["sha256"], sha256(resource["name"].as_str().unwrap()).as_str());
    }
    let croissant = json(&scene, "croissant.json");
    assert_eq!(croissant["distribution"][0]["contentUrl"], "https://data.invalid/published/marts/ict_adoption.parquet");
    assert_eq!(croissant["recordSet"].as_array().unwrap().len(), marts.len());
    let dcat = json(&scene, "dcat.jsonld");
    assert_eq!(dcat["@id"], "https://data.invalid/published");
    let licences: Vec<&str> = dcat["prov:wasDerivedFrom"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source["dct:rights"].as_str().unwrap())
        .collect();
    assert!(licences.contains(&"CC BY 4.0"), "{licences:?}");
    // Each file of the build is in the manifest with its hash.
    let files: Vec<&str> =
        manifest["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    for name in ["datapackage.json", "croissant.json", "dcat.jsonld", "openlineage.jsonl", "marts/ict_adoption.parquet"]
    {
        assert!(files.contains(&name), "{files:?}");
    }
}

#[test]
fn lineage_is_told_to_a_server() {
    let upstream = Upstream::start();
    upstream.answer("api/v1/lineage", Answer::ok("{}"));
    let mut scene = Scene::new();
    scene.set("TEJIDO__TELEMETRY__OPENLINEAGE", &upstream.address());
    scene.run(0);
    let events: Vec<Value> = std::fs::read_to_string(scene.published().join("openlineage.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(upstream.asked_all().len(), events.len());
    let adoption = events.iter().find(|event| event["job"]["name"] == "ict_adoption").unwrap();
    let inputs: Vec<&str> =
        adoption["inputs"].as_array().unwrap().iter().map(|input| input["name"].as_str().unwrap()).collect();
    assert!(inputs.contains(&"staging.stg_observations"), "{inputs:?}");
    assert_eq!(adoption["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"], 26989);
    // Nothing new, nothing to tell.
    scene.run(0);
    assert_eq!(upstream.asked_all().len(), 0);
    // A server that is not there is no reason to fail.
    scene.set("TEJIDO__TELEMETRY__OPENLINEAGE", "http://127.0.0.1:9");
    scene.replace("sql/marts/cluster_members_by_sector.sql", "'no consta'", "'sin dato'");
    let run = scene.run(0);
    assert!(run.stderr.contains("the lineage was not told"), "{}", run.stderr);
}

/// The standards' own tools read what is written, where they are installed (`.ci/run` does).
#[test]
#[allow(clippy::print_stdout)]
fn the_standards_own_tools_accept_the_documents() {
    let python = std::env::var("TEJIDO_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = |name: &str| {
        Command::new(&python).args(["-c", &format!("import {name}")]).output().is_ok_and(|run| run.status.success())
    };
    if !has("frictionless") || !has("mlcroissant") {
        println!("skipped: `{python}` has not both frictionless and mlcroissant (TEJIDO_PYTHON names another one)");
        return;
    }
    let scene = Scene::new();
    scene.run(0);
    let script = r#"
import math, sys, frictionless, mlcroissant
folder = sys.argv[1]
package = frictionless.Package(folder + "/datapackage.json")
report = frictionless.validate(folder + "/datapackage.json")
# All rows of all marts, as `frictionless validate` reads them.
assert report.valid, report.flatten(["name", "type", "fieldName", "note", "cell"])[:20] or report.errors
dataset = mlcroissant.Dataset(folder + "/croissant.json")
issues = dataset.metadata.ctx.issues
assert not issues.errors and not any("version" in str(warning).lower() for warning in issues.warnings), issues.report()
first = next(iter(dataset.records("cluster_members_by_sector")))
assert first["cluster_members_by_sector/cluster"] == b"tera", first
print(len(package.resources), len(report.tasks))
"#;
    let output = Command::new(&python).arg("-c").arg(script).arg(scene.published()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let marts = scene.manifest()["models"].as_array().unwrap().iter().filter(|model| model["is_mart"] == true).count();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), format!("{marts} {marts}"));
}

/// What a data file of the report assigns, with its rows as rows.
fn report_data(path: &std::path::Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (_, json) = text.trim_end().trim_end_matches(';').split_once("]=").unwrap();
    let mut table: Value = serde_json::from_str(json).unwrap();
    if let Some(columns) = table["packed"].as_array() {
        let count = table["count"].as_u64().unwrap() as usize;
        let columns: Vec<Vec<Value>> = columns.iter().map(|column| unpacked(column, count)).collect();
        let rows = (0..count).map(|row| columns.iter().map(|column| column[row].clone()).collect::<Value>());
        table["rows"] = rows.collect();
    }
    table
}

/// The values of a column, in any of the forms that src/report/README.md has.
fn unpacked(column: &Value, count: usize) -> Vec<Value> {
    if let Some(steps) = column["step"].as_array() {
        let mut sum = 0;
        let add = |step: &Value| match step.as_i64() {
            Some(step) => {
                sum += step;
                sum.into()
            }
            None => Value::Null,
        };
        return steps.iter().map(add).collect();
    }
    if let Some(words) = column["words"].as_array() {
        return match column["at"].as_array() {
            Some(at) => at.iter().map(|at| words[at.as_u64().unwrap() as usize].clone()).collect(),
            None => vec![words[0].clone(); count],
        };
    }
    if let Some(values) = column["values"].as_array() {
        return values.clone();
    }
    let mut before: Vec<char> = Vec::new();
    let told = column["like"].as_array().unwrap().chunks(3);
    told.map(|told| {
        let Some(rest) = told[2].as_str() else {
            return Value::Null;
        };
        let (from, length) = (told[0].as_u64().unwrap() as usize, told[1].as_u64().unwrap() as usize);
        let text: Vec<char> = before[from..from + length].iter().copied().chain(rest.chars()).collect();
        before = text.clone();
        text.into_iter().collect::<String>().into()
    })
    .collect()
}

#[test]
fn each_build_carries_its_report() {
    let mut scene = Scene::whole();
    scene.run(0);
    let report = scene.published().join("report");
    let page = std::fs::read_to_string(report.join("index.html")).unwrap();
    assert!(page.contains("Adopción digital de las empresas") && !page.contains("{{"), "{page}");
    // The heat map says what the mart says.
    let matrix = report_data(&report.join("data/matrix/E_AI_TANY/ES.js"));
    let columns: Vec<&str> = matrix["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let at = |name: &str| columns.iter().position(|column| *column == name).unwrap();
    let mut shown: Vec<String> = matrix["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| {
            row[at("region")] == "ES13"
                && row[at("time_period")] == "2025"
                && row[at("unit")] == "PC_ENT"
                && !row[at("share")].is_null()
        })
        .map(|row| {
            format!(
                "{}|{}|{:?}|{}",
                row[at("sector")].as_str().unwrap(),
                row[at("source")].as_str().unwrap(),
                row[at("share")].as_f64().unwrap(),
                row[at("cell")]
            )
        })
        .collect();
    shown.sort();
    let mart = scene.query(
        "select sector, source, share, cell from ict_adoption where indicator = 'E_AI_TANY' and region = 'ES13' and time_period = '2025'
         and unit = 'PC_ENT' and size_class = 'GE10' and share is not null order by sector || '|' || source",
    );
    let mut mart: Vec<String> = mart;
    mart.sort();
    assert_eq!(shown, mart);
    // Each figure of Cantabria's overview has its bytes in the report.
    let overview = report_data(&report.join("data/overview/ES13.js"));
    let columns: Vec<&str> =
        overview["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let at = |name: &str| columns.iter().position(|column| *column == name).unwrap();
    // lineage_parts.js has the first cell of each part of a snapshot.
    let parts = report_data(&report.join("data/lineage_parts.js"));
    let firsts = |snapshot: &str| -> Vec<u64> {
        let row = parts["rows"].as_array().unwrap().iter().find(|row| row[0] == snapshot).unwrap();
        row[1].as_str().unwrap().split(' ').map(|cell| cell.parse().unwrap()).collect()
    };
    let mut seen = 0;
    for row in overview["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row[at("cell")].is_u64() && row[at("share")].is_number())
    {
        let (snapshot, cell) = (row[at("snapshot")].as_str().unwrap(), row[at("cell")].as_u64().unwrap());
        let part = firsts(snapshot).iter().rposition(|first| *first <= cell).unwrap();
        let lineage = report_data(&report.join(format!("data/lineage/{snapshot}/{part}.js")));
        let found = lineage["rows"].as_array().unwrap().iter().find(|row| row[0].as_u64() == Some(cell)).unwrap();
        let names = lineage["columns"].as_array().unwrap();
        let field = |name: &str| &found[names.iter().position(|column| column == name).unwrap()];
        // A text that is written as its value is not told twice.
        let text = match field("text").as_str() {
            Some(text) => text.replace(',', "."),
            None => field("value").to_string(),
        };
        assert!(field("before").is_string(), "{found}");
        assert_eq!(text.parse::<f64>().unwrap(), row[at("share")].as_f64().unwrap(), "{found}");
        seen += 1;
    }
    assert!(seen > 15, "{seen}");
    // The bytes of one figure, told by what they have in common with those above.
    let (snapshot, cell) = {
        let row = scene.query(
            "select substring(\"snapshot\", 1, 16), cell from ict_adoption where region = 'ES13' and indicator = 'E_AI_TANY' and time_period = '2025'
             and unit = 'PC_ENT' and sector = 'C10-S951_X_K' and source = 'eurostat__isoc_r_eb_ain2'",
        );
        let (snapshot, cell) = row[0].split_once('|').unwrap();
        (snapshot.to_owned(), cell.parse::<u64>().unwrap())
    };
    let part = firsts(&snapshot).iter().rposition(|first| *first <= cell).unwrap();
    let lineage = report_data(&report.join(format!("data/lineage/{snapshot}/{part}.js")));
    let found = lineage["rows"].as_array().unwrap().iter().find(|row| row[0].as_u64() == Some(cell)).unwrap();
    assert_eq!(
        found.as_array().unwrap()[12..],
        [
            serde_json::json!(3623),
            serde_json::json!(92),
            "ESTAT:ISOC_R_EB_AIN2(1.0),11/11/26 11:00:00,A,GE10,C10-S951_X_K,E_AI_TANY,PC_ENT,ES13,2025,".into(),
            Value::Null,
            ",,".into(),
        ],
        "{found}"
    );
    // Each number that is computed is asked for by the mart of its file, whose SQL is there.
    let build = std::fs::read_to_string(report.join("data/build.js")).unwrap();
    let build: Value = serde_json::from_str(build.trim_end().trim_end_matches(';').split_once('=').unwrap().1).unwrap();
    let models = report_data(&report.join("data/models.js"));
    let known: Vec<&Value> = models["rows"].as_array().unwrap().iter().map(|row| &row[0]).collect();
    let of: Vec<&Value> = build["shapes"].as_object().unwrap().values().map(|shape| &shape["of"]).collect();
    assert!(of.iter().filter(|of| !of.is_null()).count() > 15, "{of:?}");
    assert!(of.iter().all(|of| of.is_null() || known.contains(of)), "{of:?}");
    // Nothing that asks another host.
    let foreign = |text: &str| text.contains("src=\"http") || text.contains("href=\"http");
    assert!(!foreign(&page));
    // For another region, beside the build.
    scene.tejido(&["report", "--region", "ES30", "-o", "out"]).must(0);
    assert!(scene.read("out/data/build.js").contains("\"home_region\":\"ES30\""));
    // Who does not want it has none; a project without its marts neither, and is told when it asks.
    scene.set("TEJIDO__REPORT__ENABLED", "false");
    scene.replace("sql/marts/cluster_members_by_sector.sql", "'no consta'", "'sin dato'");
    scene.run(0);
    assert!(!scene.published().join("report").exists());
    let small = Scene::new();
    small.run(0);
    assert!(!small.published().join("report").exists());
    let run = small.tejido(&["report"]);
    run.must(1);
    assert!(
        run.stderr.contains("the report needs marts that the build has not: adoption_estimate, cluster_coverage"),
        "{}",
        run.stderr
    );
}

/// Every page in headless Chromium, where there is one (`.ci/run` installs it): no errors, no other hosts, below 5 MB, first
/// paint below a second, nothing serious found by axe-core, a click shows where a figure comes from.
#[test]
#[allow(clippy::print_stdout)]
fn the_report_stands_in_a_browser() {
    let (Ok(chromium), Ok(node)) = (std::env::var("TEJIDO_CHROMIUM"), std::env::var("TEJIDO_NODE_FOLDER")) else {
        println!("skipped: TEJIDO_CHROMIUM and TEJIDO_NODE_FOLDER (with playwright-core and axe-core) are not set");
        return;
    };
    let scene = Scene::whole();
    scene.run(0);
    let script = crate::support::repository().join("src/report/dev/check.mjs");
    let output = Command::new("node")
        .arg(script)
        .arg(scene.published().join("report"))
        .current_dir(node)
        .env("TEJIDO_CHROMIUM", chromium)
        .env("MAX_PAINT_MS", "60000")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// docs/QUESTIONS.md: each query gives what stands below it.
#[test]
fn the_questions_of_analysts_have_the_answers_that_are_written_down() {
    let scene = Scene::whole();
    scene.run(0);
    let document = std::fs::read_to_string(crate::support::repository().join("docs/QUESTIONS.md")).unwrap();
    let mut written = String::new();
    let mut questions = 0;
    for section in document.split("\n```sql\n").skip(1) {
        let (query, rest) = section.split_once("\n```\n").unwrap();
        let answer = rest.trim_start().strip_prefix("```\n").unwrap_or_else(|| panic!("no answer below {query}"));
        let (answer, _) = answer.split_once("\n```").unwrap();
        let run = scene.tejido(&["query", query]);
        run.must(0);
        let found: Vec<&str> = run.stdout.lines().map(str::trim_end).collect();
        let expected: Vec<&str> = answer.lines().map(str::trim_end).collect();
        if found != expected {
            written.push_str(&format!("{query}\n--- found\n{}\n--- written\n{answer}\n\n", found.join("\n")));
        }
        questions += 1;
    }
    assert!(questions >= 20, "{questions}");
    assert!(written.is_empty(), "{written}");
}
