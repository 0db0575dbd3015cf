//! The models of a project: what reads what, their tests, and what a run would do.

use crate::support::{Run, Scene, repository};

const SECTORS: &str = "sql/marts/cluster_members_by_sector.sql";

fn golden(scene: &Scene, name: &str, run: &Run) {
    scene.golden().bind(|| insta::assert_snapshot!(name, run.text()));
}

/// Names of the models that selectors mean.
fn selected(scene: &Scene, selectors: &[&str]) -> Vec<String> {
    let arguments: Vec<&str> = selectors.iter().flat_map(|selector| ["--select", *selector]).collect();
    let run = scene.tejido(&[&["models", "--json"], &arguments[..]].concat());
    run.must(0);
    let listed: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    listed.as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn models_are_selected_and_drawn() {
    let scene = Scene::new();
    assert_eq!(
        selected(&scene, &["+cluster_overlaps"]),
        ["stg_memberships", "int_member_records", "int_members", "cluster_overlaps"]
    );
    assert_eq!(selected(&scene, &["int_members+"]), ["int_members", "cluster_members_by_sector", "cluster_overlaps"]);
    assert_eq!(selected(&scene, &["layer:intermediate"]), ["int_member_records", "int_members"]);
    assert_eq!(selected(&scene, &["int_members,revisions"]).len(), 2);
    let all = selected(&scene, &[]).len();
    assert_eq!(selected(&scene, &["changed"]).len(), all, "nothing is published yet");
    scene.run(0);
    assert_eq!(selected(&scene, &["changed"]), Vec::<String>::new());
    scene.replace("sql/intermediate/int_members.sql", "-- grain:", "-- Written differently.\n-- grain:");
    assert_eq!(selected(&scene, &["changed"]), Vec::<String>::new(), "a comment is no change");
    scene.replace("sql/intermediate/int_members.sql", "'unknown'", "'none'");
    assert_eq!(selected(&scene, &["changed"]), ["int_members"]);
    assert_eq!(selected(&scene, &["changed+"]).len(), 3);
    golden(&scene, "models_graph", &scene.tejido(&["models", "--graph", "--select", "+layer:marts"]));
    golden(&scene, "models_mermaid", &scene.tejido(&["models", "--graph", "mermaid", "--select", "+cluster_overlaps"]));
    golden(&scene, "models_table", &scene.tejido(&["models", "--select", "layer:intermediate"]));
    golden(&scene, "models_no_model", &scene.tejido(&["models", "--select", "int_member"]));
    golden(&scene, "models_no_layer", &scene.tejido(&["models", "--select", "layer:mart"]));
}

#[test]
fn a_selection_of_nothing_and_a_graph_in_json_are_refused() {
    let scene = Scene::new();
    for selector in ["", ","] {
        let run = scene.tejido(&["models", "--select", selector]);
        run.must(2);
        assert!(run.stderr.contains("expected a model, found an empty selector"), "{}", run.stderr);
    }
    for arguments in [["models", "--json", "--graph"], ["--json", "models", "--graph"]] {
        let run = scene.tejido(&arguments);
        run.must(2);
        assert!(run.stderr.contains("cannot be used with '--json'"), "{}", run.stderr);
    }
}

/// What is wrong with a model is found before a run, and told with its place.
#[test]
fn what_a_model_gets_wrong_is_found_at_check() {
    let scene = Scene::new();
    let check = |name: &str, entries: &str, select: &str, told: &[&str]| {
        let file = format!("sql/intermediate/{name}.sql");
        scene.write(&file, &format!("-- Regions, once each.\n-- grain: region\n{entries}{select}\n"));
        let run = scene.tejido(&["check"]);
        run.must(if told.is_empty() { 0 } else { 2 });
        for words in told {
            assert!(run.stderr.contains(words), "{entries}{select}: {words}\n{}", run.stderr);
        }
        std::fs::remove_file(scene.path(&file)).unwrap();
    };
    const SELECT: &str = "select region, max(vintage) as vintage from staging.stg_observations group by region";
    let audited = |audit: &str, told: &[&str]| {
        let entries = format!("-- column region: code\n-- column vintage: when\n-- {audit}\n");
        check("int_once", &entries, SELECT, told);
    };
    audited("audit: region is not null", &[]);
    audited("audit warn: newest vintage within 9 days", &[]);
    audited("audit: region references staging.stg_regions (region)", &[]);
    for (audit, told) in [
        ("audit warn region is not null", ["found a line that begins with `audit`", "-- audit warn: <predicate>"]),
        ("audit: region", ["found one of the type VARCHAR", "-- audit: region"]),
        ("audit: region is not null) union select * from (select 1", ["expected one predicate", "-- audit: region"]),
        ("audit: region = 'a') or (region = 'b'", ["expected one predicate", "-- audit: region"]),
        ("audit: newest region within 9 days", ["found `region` of the type VARCHAR", "-- audit: newest"]),
        ("audit: no region moves by more than 2 points", ["found `region` of the type VARCHAR", "-- audit: no"]),
        ("audit: no vintag moves by more than 2 points", ["found `vintag`", "did you mean `vintage`?"]),
        ("audit: rows at most 3", ["found `rows at most 3`", "`rows between <n> and <n>`"]),
        (
            "audit: region references staging.stg_region (region)",
            ["found `staging.stg_region`", "did you mean `staging.stg_regions`?"],
        ),
        ("audit: region references stg_regions (region)", ["found `stg_regions`", "`staging.stg_regions`?"]),
        (
            "audit: region references staging.stg_regions (regin)",
            ["a column of `staging.stg_regions`, found `regin`", "did you mean `region`?"],
        ),
        ("inputs: int_member on region", ["expected a model, found `int_member`", "did you mean `int_members`?"]),
        ("inputs: stg_observations on regin = region", ["a column of `stg_observations`, found `regin`", "`region`?"]),
    ] {
        audited(audit, &told);
    }
    let columns = "-- column region: code\n";
    let refused = |select: &str, told: &[&str]| check("int_once", columns, select, told);
    let sure = "select distinct region from staging.stg_regions";
    refused(sure, &[]);
    refused(&format!("{sure} limit 3"), &["found `limit` without `order by`", "limit 3"]);
    refused(&format!("{sure} using sample 10"), &["found a sample", "using sample 10"]);
    refused("select distinct version() as region from staging.stg_regions", &["found `version`"]);
    refused(
        "select distinct region from stg_regions",
        &["expected a model or a table of the lake, found `stg_regions`", "did you mean `staging.stg_regions`?"],
    );
    check("int_once", "-- column regin: code\n", sure, &["-- column regin: code", "did you mean `region`?"]);
    check("Int_Members", columns, sure, &["expected one model `", "upper and lower case"]);
    // A mark of the order of bytes before the text.
    scene.write("sql/intermediate/int_once.sql", &format!("\u{feff}-- Regions.\n-- grain: region\n{columns}{sure}\n"));
    scene.tejido(&["check"]).must(0);
}

#[test]
fn every_mart_has_tests_that_pass() {
    let run = crate::support::tejido_in(repository(), &["test"]);
    run.must(0);
    assert!(!run.stdout.contains("without tests"), "{}", run.stdout);
    assert!(run.stdout.trim_end().ends_with(", 0 failed"), "{}", run.stdout);
}

#[test]
fn a_model_test_tells_what_is_different() {
    let scene = Scene::new();
    std::fs::create_dir_all(scene.path("tests/models")).unwrap();
    let name = "tests/models/cluster_overlaps.md";
    let original = std::fs::read_to_string(repository().join(name)).unwrap();
    scene.write(name, &original);
    scene.tejido(&["test", "cluster_overlaps"]).must(0);
    scene.replace("sql/marts/cluster_overlaps.sql", "cast(100 as double)", "cast(10 as double)");
    let run = scene.tejido(&["test", "cluster_overlaps"]);
    run.must(1);
    golden(&scene, "test_failed", &run);
    // What the model gives now becomes what is expected.
    let run = scene.tejido(&["test", "--update"]);
    run.must(0);
    assert!(run.stdout.contains("updated cluster_overlaps: ") && run.stdout.contains(name), "{}", run.stdout);
    assert!(!run.stdout.to_lowercase().contains("failed"), "{}", run.stdout);
    scene.tejido(&["test"]).must(0);
    let updated = scene.read(name);
    assert!(updated.contains("| 5.0 ") && !updated.contains("| 50 "), "{updated}");
    scene.replace("sql/marts/cluster_overlaps.sql", "cast(10 as double)", "cast(100 as double)");
    scene.tejido(&["test"]).must(1);
    // A case that has no rows yet is filled in.
    let (without, _) = original.split_once("| cluster | other_cluster").unwrap();
    scene.write(name, without);
    scene.tejido(&["test", "--update"]).must(0);
    assert!(
        scene.read(name).contains("| cluster | other_cluster | members | common_members |"),
        "{}",
        scene.read(name)
    );
    scene.tejido(&["test"]).must(0);
    for (name, text) in [
        ("test_no_column", original.replace("common_share", "common_shares")),
        ("test_no_table", original.replace("lake.memberships", "lake.members")),
        ("test_not_read", original.replace("lake.memberships", "ict_adoption")),
        ("test_no_type", original.replace("2026-01-01 | sa", "soon       | sa")),
        ("test_no_expectation", original.replace("## expect", "## expected")),
    ] {
        scene.write("tests/models/cluster_overlaps.md", &text);
        let run = scene.tejido(&["test"]);
        run.must(2);
        golden(&scene, name, &run);
    }
    std::fs::rename(scene.path("tests/models/cluster_overlaps.md"), scene.path("tests/models/cluster_overlap.md"))
        .unwrap();
    golden(&scene, "test_of_no_model", &scene.tejido(&["test"]));
}

#[test]
fn a_plan_says_what_a_run_would_do_and_why() {
    let scene = Scene::new();
    golden(&scene, "plan_first", &scene.tejido(&["plan"]));
    assert!(!scene.path("data").exists(), "a plan writes nothing");
    scene.run(0);
    golden(&scene, "plan_unchanged", &scene.tejido(&["plan"]));
    scene.replace(SECTORS, "'no consta'", "'sin dato'");
    golden(&scene, "plan_other_sql", &scene.tejido(&["plan", "clusters__tera"]));
    scene.replace(SECTORS, "'sin dato'", "'no consta'");
    // A label: one view reads it, and what reads that.
    scene.replace("pipelines/codelists/regions.csv", "Cantabria", "Kantabria");
    let run = scene.tejido(&["plan"]);
    golden(&scene, "plan_other_codelist", &run);
    scene.run(0);
    assert!(scene.tejido(&["plan"]).stdout.contains("publish  nothing would be published"));
}

#[test]
fn a_model_is_raked_to_its_margins() {
    let scene = Scene::new();
    let model = |values: &str, audit: &str| {
        format!(
            "-- Cells that add up to both margins.
-- grain: period, region, sector
-- rake: seed to by_region by region; by_sector by sector within period
-- column period: of which time
-- column region: of which region
-- column sector: of which sector
-- column seed: the cell of the larger area
-- column by_region: total of the region
-- column by_sector: total of the sector
-- column raked: the cell
-- column raking_rounds: rounds
-- column raking_error: distance from the margins
-- column raking_refusal: why there is none
{audit}select period, region, sector, seed, by_region, by_sector
from (values {values}) as given (period, region, sector, seed, by_region, by_sector)
"
        )
    };
    let good =
        "('2024', 'a', 'x', 5.0, 52.0, 87.0), ('2024', 'a', 'y', 1.0, 52.0, 13.0), ('2024', 'b', 'x', 5.0, 48.0, 87.0),
        ('2024', 'b', 'y', 1.0, 48.0, 13.0)";
    let bad = format!("{good}, ('2025', 'a', 'x', 1.0, 30.0, 50.0), ('2025', 'b', 'y', 1.0, 70.0, 49.0)");
    scene.write("sql/marts/raked.sql", &model(&bad, ""));
    scene.run(0);
    assert_eq!(
        scene.query("select period, region, sector, round(raked, 6), raking_error < 1e-9, raking_refusal from raked order by all"),
        [
            "2024|a|x|45.24|true|",
            "2024|a|y|6.76|true|",
            "2024|b|x|41.76|true|",
            "2024|b|y|6.24|true|",
            "2025|a|x|||the margins disagree: they add up to 100 by region and to 99 by sector",
            "2025|b|y|||the margins disagree: they add up to 100 by region and to 99 by sector",
        ]
    );
    assert!(scene.run(0).stdout.starts_with("nothing has changed"));
    // Whoever needs all of them says so.
    scene.write("sql/marts/raked.sql", &model(&bad, "-- audit: raking_refusal is null\n"));
    let run = scene.run(1);
    assert!(run.stderr.contains("raking_refusal is null"), "{}", run.stderr);
    scene.write("sql/marts/raked.sql", &model(good, "-- audit: raking_refusal is null\n"));
    scene.run(0);
    // A rule that cannot be read, and a column that is not there.
    scene.write("sql/marts/raked.sql", &model(good, "").replace("seed to by_region by region", "seed by region"));
    golden(&scene, "rake_no_rule", &scene.tejido(&["run"]));
    scene.write("sql/marts/raked.sql", &model(good, "").replace("seed to by_region", "seeds to by_region"));
    golden(&scene, "rake_no_column", &scene.tejido(&["run"]));
}

/// Other folders, thread counts, time zones and languages give the same content.
#[test]
fn two_machines_make_the_same_marts() {
    let content = |scene: &Scene| -> Vec<String> {
        let manifest = scene.manifest();
        let marts = manifest["models"].as_array().unwrap().iter().filter(|model| model["is_mart"] == true);
        marts.map(|model| format!("{} {}", model["name"], model["content_hash"])).collect()
    };
    let mut one = Scene::whole();
    one.set("TEJIDO__WAREHOUSE__THREADS", "1");
    one.set("TEJIDO__NORMALISE__THREADS", "1");
    one.set("TZ", "Pacific/Auckland");
    one.set("LC_ALL", "es_ES.UTF-8");
    one.run(0);
    // What the first one fetched, since the moment of fetching is part of the data.
    let mut other = Scene::whole();
    other.set("TEJIDO__WAREHOUSE__THREADS", "4");
    other.set("TEJIDO__WAREHOUSE__MEMORY_LIMIT_MB", "512");
    other.set("TEJIDO__NORMALISE__THREADS", "4");
    other.set("TZ", "America/Los_Angeles");
    other.set("LC_ALL", "C");
    one.tejido(&["archive", "export", "all.tar"]).must(0);
    other.tejido(&["archive", "import", one.path("all.tar").to_str().unwrap()]).must(0);
    other.tejido(&["run", "--offline"]).must(0);
    assert_eq!(content(&one), content(&other));
}

#[test]
fn what_spark_does_not_have_is_underlined() {
    let run = crate::support::tejido_in(repository(), &["check", "--engine", "spark"]);
    run.must(0);
    assert!(run.stdout.contains("models are right; Spark takes all of them"), "{}", run.stdout);
    let scene = Scene::new();
    let model = "-- Regions, once each.\n-- grain: region\n-- column region: code\n-- audit: region similar to '[A-Z].*'\n\
                 select distinct on (region) region from staging.stg_observations order by region\n";
    scene.write("sql/intermediate/int_once.sql", model);
    scene.tejido(&["check"]).must(0);
    golden(&scene, "models_not_for_spark", &scene.tejido(&["check", "--engine", "spark"]));
}

#[test]
fn a_model_that_takes_too_long_is_broken_off() {
    let mut scene = Scene::new();
    scene.run(0);
    let before = scene.manifest()["build_id"].clone();
    scene.set("TEJIDO__WAREHOUSE__MODEL_TIMEOUT_SECS", "1");
    let endless = "-- All pairs of far too many numbers.\n-- grain: pairs\n-- column pairs: how many\n\
                   select cast(sum(a.range * b.range) as double) as pairs\n\
                   from range(100000000000) as a, range(100000000000) as b\n";
    scene.write("sql/marts/endless.sql", endless);
    let run = scene.run(1);
    assert!(run.stderr.contains("endless.sql` to be done within 1 s, broke it off"), "{}", run.stderr);
    assert!(run.stderr.contains("raise `warehouse.model_timeout_secs`"), "{}", run.stderr);
    assert_eq!(scene.manifest()["build_id"], before, "nothing was published");
    std::fs::remove_file(scene.path("sql/marts/endless.sql")).unwrap();
    scene.set("TEJIDO__WAREHOUSE__MODEL_TIMEOUT_SECS", "0");
    scene.run(0);
}

#[test]
fn a_key_that_is_null_or_stands_twice_stops_the_build() {
    let scene = Scene::new();
    scene.run(0);
    let before = scene.manifest()["build_id"].clone();
    let model = |rows: &str| {
        let text = format!(
            "-- Keys.\n-- grain: key, part\n-- column key: a key\n-- column part: another\n\
             select * from (values {rows}) as rows (key, part)\n"
        );
        scene.write("sql/marts/keys.sql", &text);
    };
    for (rows, failing) in [
        ("('a', 1.0), ('a', 1.0), ('b', 1.0)", 1),
        ("('a', 1.0), (null, 1.0), ('b', 1.0)", 1),
        ("('a', 1.0), ('a', null), ('a', null)", 3),
        // Equal numbers that are written in different bytes.
        ("('a', cast(0.0 as double)), ('a', cast(-0.0 as double))", 1),
    ] {
        model(rows);
        let run = scene.run(1);
        let told = format!("`keys`: {failing} rows fail `grain: key, part`");
        assert!(run.stderr.contains(&told), "{rows}: {}", run.stderr);
        assert_eq!(scene.manifest()["build_id"], before, "nothing was published");
    }
    model("('a', 1.0), ('a', 2.0), ('b', 1.0)");
    scene.run(0);
    assert_eq!(scene.query("select count(*) from keys"), ["3"]);
}

#[test]
fn who_asks_for_observations_gets_texts() {
    let scene = Scene::new();
    scene.run(0);
    let types = scene.query(
        "select distinct data_type from duckdb_columns() where schema_name in ('lake', 'staging', 'main') order by all",
    );
    assert!(types.iter().any(|kind| kind == "VARCHAR") && !types.iter().any(|kind| kind.contains("ENUM")), "{types:?}");
    let lake = scene.path("data/lake/observations");
    let columns =
        "indicator, region, sector, size_class, unit, time_period, \"value\", flags, \"snapshot\", cell, provenance";
    let written =
        format!("select {columns} from read_parquet('{}/**/*.parquet', hive_partitioning = false)", lake.display());
    let different = format!(
        "select count(*) from (({written} except all select {columns} from lake.observations)
            union all (select {columns} from lake.observations except all {written}))"
    );
    assert_eq!(scene.query(&different), ["0"]);
    assert_eq!(scene.query("select count(*) from lake.observations where region = 'nowhere'"), ["0"]);
    assert_eq!(
        scene.query("select count(*) > 0 from lake.observations where region = 'ES13' and flags is null"),
        ["true"]
    );
}

#[test]
fn models_that_a_build_has_checked_are_what_they_were() {
    let scene = Scene::new();
    let graph = || scene.tejido(&["models", "--graph"]).stdout;
    let parsed = graph();
    scene.run(0);
    assert_eq!(graph(), parsed);
    assert!(scene.run(0).stdout.starts_with("nothing has changed"));
    scene.replace("sql/intermediate/int_members.sql", "-- grain:", "-- Said differently.\n-- grain:");
    assert_eq!(graph(), parsed);
    assert!(scene.tejido(&["models", "--select", "changed"]).stdout.lines().count() < 2);
}
