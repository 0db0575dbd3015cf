//! What a user sees: the default run, the run after it, and what a wrong file gives.

use crate::support::Scene;

#[test]
fn a_fresh_project_is_published_by_one_command() {
    let scene = Scene::new();
    let run = scene.run(0);
    scene.golden().bind(|| insta::assert_snapshot!("first_run", run.text()));
    assert_eq!(scene.list("data/builds").len(), 1);
    for file in
        ["manifest.json", "tejido.duckdb", "marts/ict_adoption.parquet", "marts/cluster_members_by_sector.parquet"]
    {
        assert!(scene.published().join(file).exists(), "{file}");
    }
}

#[test]
fn an_unchanged_world_publishes_nothing() {
    let scene = Scene::new();
    scene.run(0);
    let build = scene.published();
    let archived = scene.list("data/archive/eurostat__isoc_r_eb_ain2");
    let run = scene.run(0);
    scene.golden().bind(|| insta::assert_snapshot!("second_run", run.text()));
    assert_eq!(scene.published(), build);
    assert_eq!(scene.list("data/builds").len(), 1);
    assert_eq!(scene.list("data/archive/eurostat__isoc_r_eb_ain2"), archived);
    assert_eq!(scene.read("data/ledger.jsonl").lines().count(), 2);
}

#[test]
fn a_changed_model_is_the_only_one_that_runs() {
    let scene = Scene::new();
    scene.run(0);
    let hash = |scene: &Scene, mart: &str| {
        let manifest = scene.manifest();
        let models = manifest["models"].as_array().unwrap();
        let model = models.iter().find(|model| model["name"] == mart).unwrap().clone();
        (model["content_hash"].as_str().unwrap().to_owned(), model["reused"].as_bool().unwrap())
    };
    let before = hash(&scene, "ict_adoption");
    scene.replace("sql/marts/cluster_members_by_sector.sql", "'no consta'", "'sin dato'");
    scene.replace(
        "sql/marts/ict_adoption.sql",
        "select\n    observations.region,",
        "select -- only a comment\n    observations.region,",
    );
    scene.replace("sql/marts/ict_adoption.sql", "-- in es: Porcentajes", "-- in es: Los porcentajes");
    scene.run(0);
    assert_eq!(hash(&scene, "ict_adoption"), (before.0, true), "a comment rebuilds nothing, in any language");
    let said = "select distinct table_description_es like 'Los porcentajes %' from data_dictionary where table_name = 'ict_adoption'";
    assert_eq!(scene.query(said), ["true"]);
    assert!(!hash(&scene, "cluster_members_by_sector").1);
    assert_eq!(scene.list("data/builds").len(), 2);
}

#[test]
fn a_run_can_be_told_which_sources_to_ask() {
    let scene = Scene::new();
    let run = scene.tejido(&["run", "ine__ai_by_region", "--json"]);
    run.must(0);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let fetched: Vec<String> = report["pipelines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pipeline| format!("{} {}", pipeline["id"].as_str().unwrap(), pipeline["editions"][0]["fetched"]))
        .collect();
    assert!(fetched.iter().any(|line| line.starts_with("ine__ai_by_region {\"fetched\"")), "{fetched:?}");
    assert!(fetched.iter().any(|line| line == "clusters__tera \"not_asked\""), "{fetched:?}");
    assert_eq!(scene.query("select distinct publisher from ict_adoption"), ["INE"]);
}

/// Exit code 2 with the place underlined, and nothing fetched.
#[track_caller]
fn refused(name: &str, spoil: impl Fn(&mut Scene)) {
    refused_with(name, &["run"], spoil);
}

#[track_caller]
fn refused_with(name: &str, arguments: &[&str], spoil: impl Fn(&mut Scene)) {
    let mut scene = Scene::new();
    spoil(&mut scene);
    let run = scene.tejido(arguments);
    run.must(2);
    scene.golden().bind(|| insta::assert_snapshot!(name, run.text()));
    assert_eq!(scene.list("data/archive"), Vec::<String>::new(), "something was fetched");
}

#[test]
fn wrong_pipelines_are_refused() {
    const FILE: &str = "pipelines/eurostat__isoc_r_eb_ain2.toml";
    let request = |scene: &Scene, text: &str| scene.replace(FILE, "[[editions]]", &format!("{text}\n\n[[editions]]"));
    refused("toml_split_into_one", |scene| {
        request(scene, "[request.split]\nurl = \"https://ec.europa.eu/{part}\"\nparts = [\"ES\"]");
    });
    refused("toml_split_without_part", |scene| {
        request(scene, "[request.split]\nurl = \"https://ec.europa.eu/{dataset}\"\nparts = [\"ES\", \"FR\"]");
    });
    refused("toml_pages_without_page", |scene| request(scene, "[request.pages]\nempty = \"[]\""));
    refused("toml_check_with_an_unknown_variable", |scene| scene.replace(FILE, "ESTAT/{dataset}", "ESTAT/{code}"));
    refused("toml_unknown_key", |scene| scene.replace(FILE, "nace_r2 = { to", "nace_r2 = { too"));
    refused("toml_syntax", |scene| scene.replace(FILE, "kind = \"observations\"", "kind = observations"));
    refused("toml_column_twice", |scene| scene.replace(FILE, "unit = { to = \"unit\" }", "unit = { to = \"region\" }"));
    refused("toml_column_missing", |scene| {
        scene.replace(FILE, "unit = { to = \"unit\" }", "unit = { require = \"PC_ENT\" }")
    });
    refused("toml_unknown_variable", |scene| scene.replace(FILE, "data/{dataset}?", "data/{table}?"));
    refused("toml_unknown_code", |scene| {
        scene.replace("pipelines/ine__ai_by_region.toml", "indicator = \"E_AI_TSR\"", "indicator = \"E_AI_TRS\"")
    });
    refused("toml_unknown_crosswalk", |scene| {
        scene.replace("pipelines/ine__ai_by_region.toml", "\"map_ine_region__region\"", "\"map_ine_regions\"")
    });
    refused("toml_edition_twice", |scene| {
        scene.replace("pipelines/ine__ai_by_region.toml", "dataset = \"59913\"", "dataset = \"71040\"")
    });
    refused("toml_quality", |scene| scene.replace(FILE, "max_quarantined_share = 0.01", "max_quarantined_share = nan"));
    refused("toml_address", |scene| scene.replace(FILE, "https://ec.europa.eu", "ec.europa.eu"));
    refused("toml_encoding", |scene| scene.replace("pipelines/clusters__tera.toml", "windows-1252", "windoze"));
    refused("toml_date", |scene| scene.replace("pipelines/clusters__tera.toml", "%d/%m/%Y", "%d/%m"));
    refused("toml_cluster", |scene| {
        scene.replace("pipelines/clusters__tera.toml", "cluster = \"tera\"", "cluster = \"../tera\"")
    });
    refused("codelist_twice", |scene| {
        let text = scene.read("pipelines/codelists/units.csv");
        scene.write("pipelines/codelists/units.csv", &format!("{text}NR,Número,Number,enterprises,0\n"));
    });
}

#[test]
fn wrong_models_are_refused() {
    const FILE: &str = "sql/marts/ict_adoption.sql";
    refused("sql_syntax", |scene| {
        scene.replace(FILE, "where observations.unit like", "where where observations.unit like")
    });
    refused("sql_unknown_table", |scene| {
        scene.replace(FILE, "left join staging.stg_units as", "left join staging.stg_unit as")
    });
    refused("sql_unknown_column", |scene| scene.replace(FILE, "    units.universe,", "    units.univers,"));
    refused("sql_undescribed_column", |scene| scene.replace(FILE, "-- column flags:", "-- flags"));
    refused("sql_translated_column", |scene| scene.replace(FILE, "-- column share in es:", "-- column shares in es:"));
    refused("sql_half_translated", |scene| scene.replace(FILE, "-- column share in es:", "-- about share in es:"));
    refused("sql_no_grain", |scene| scene.replace(FILE, "-- grain: region", "-- the grain is region"));
    refused("sql_wrong_audit", |scene| {
        scene.replace(FILE, "-- audit: share is null or", "-- audit: shares is null or")
    });
    refused("sql_reads_a_file", |scene| {
        scene.replace(FILE, "from staging.stg_observations as", "from read_csv('/etc/passwd') as")
    });
    refused("sql_circle", |scene| {
        scene.replace(FILE, "from staging.stg_observations as", "from cluster_members_by_sector as");
        scene.replace(
            "sql/marts/cluster_members_by_sector.sql",
            "from intermediate.int_members as",
            "from ict_adoption as",
        );
    });
    refused("sql_layer", |scene| {
        scene.replace("sql/staging/stg_units.sql", "from lake.codelist_units", "from ict_adoption");
    });
    refused("sql_clock", |scene| scene.replace(FILE, "    observations.vintage,", "    now() as vintage,"));
    refused("sql_private_view", |scene| {
        scene.replace("sql/staging/stg_memberships.sql", "-- private: one row a member\n", "")
    });
    refused("sql_private_mart", |scene| {
        scene.replace(FILE, "-- audit: share is null", "-- private: why not\n-- audit: share is null")
    });
}

#[test]
fn wrong_settings_are_refused() {
    refused("settings_unknown_key", |scene| scene.write("config/local.toml", "[fetch]\ntimeout = 3\n"));
    refused("settings_wrong_type", |scene| scene.set("TEJIDO__FETCH__RETRIES", "many"));
    refused_with("settings_no_file", &["run", "--config", "none.toml"], |_| {});
    refused("settings_short_key", |scene| {
        scene.set("TEJIDO__PROFILE", "live");
        scene.set("TEJIDO__PRIVACY__HASH_KEY", "007");
    });
    refused_with("unknown_pipeline", &["run", "eurostat__isoc_r_eb_ain"], |_| {});
    refused_with("no_project", &["run", "--project", "elsewhere"], |_| {});
}

#[test]
fn settings_come_in_layers() {
    let mut scene = Scene::new();
    scene.write("config/local.toml", "[storage]\nroot = \"from-local\"\n");
    scene.write("more.toml", "[storage]\nroot = \"from-file\"\n[sources.clusters__tera]\nenabled = false\n");
    scene.tejido(&["run", "--config", "more.toml"]).must(0);
    assert!(scene.path("from-file/published").exists() && !scene.path("from-local").exists());
    scene.set("TEJIDO__STORAGE__ROOT", "from-environment");
    scene.tejido(&["run", "--config", "more.toml"]).must(0);
    assert!(scene.path("from-environment/published/tejido.duckdb").exists());
    assert!(!scene.path("from-environment/archive/clusters__tera").exists(), "a pipeline that is left out");

    // Pipelines have in their names what separates the parts of a variable.
    scene.set("TEJIDO__STORAGE__ROOT", "by-variable");
    scene.set("TEJIDO__SOURCES__EUROSTAT__ISOC_EB_AIN2__ENABLED", "false");
    scene.tejido(&["run", "--config", "more.toml"]).must(0);
    assert!(scene.path("by-variable/archive/eurostat__isoc_eb_ai").exists());
    assert!(!scene.path("by-variable/archive/eurostat__isoc_eb_ain2").exists());
    scene.set("TEJIDO__SOURCES__ENABLED", "false");
    let run = scene.tejido(&["run"]);
    run.must(2);
    assert!(run.stderr.contains("expected a variable `TEJIDO__SOURCES__<pipeline>__<key>`"), "{}", run.stderr);
}

#[test]
fn two_runs_at_once_do_not_meet() {
    let scene = Scene::new();
    scene.run(0);
    let lock = std::fs::File::options().write(true).open(scene.path("data/.lock")).unwrap();
    lock.lock().unwrap();
    let run = scene.tejido(&["run"]);
    run.must(1);
    assert!(run.stderr.contains("is held by another run (pid"), "{}", run.stderr);
}

#[test]
fn a_script_is_asked_to_its_end_or_its_first_error() {
    let scene = Scene::new();
    scene.run(0);
    let shell = |script: &str, code: i32| {
        scene.write("script.sql", script);
        let script = std::fs::File::open(scene.path("script.sql")).unwrap();
        let output = scene.command(&["shell"]).stdin(script).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = shell("select 11 as a; select 12 as b;\nselect\n13 as c", 0);
    ["11", "12", "13"].iter().for_each(|value| assert!(shown.contains(value), "{shown}"));
    let shown = shell("select 11 as a;\nselect nothing;\nselect 13 as c;\n", 1);
    assert!(shown.contains("11") && !shown.contains("13"), "{shown}");
    shell("select nothing", 1);
}

#[test]
fn one_mart_is_exported_into_the_file_that_is_named() {
    let scene = Scene::new();
    scene.run(0);
    let mart = "cluster_overlaps";
    let run = scene.tejido(&["export", mart, mart, "-o", "a.csv"]);
    run.must(0);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    assert!(scene.path("a.csv").is_file());
    let refused = |arguments: &[&str], expected: &str| {
        let run = scene.tejido(&[&["export"], arguments].concat());
        run.must(2);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
    };
    refused(&["-o", "b.csv"], "expected one mart for the file `b.csv`, found 6");
    refused(&[mart, "-o", "b.parquet"], "expected a folder, or a file of the format, found `b.parquet`");
    refused(&[mart, "--to", "xlsx", "-o", "b.csv"], "expected a folder, or a file of the format, found `b.csv`");
    scene.tejido(&["export", mart, "--to", "xlsx", "-o", "books"]).must(0);
    assert_eq!(scene.list("books"), ["tejido.xlsx"]);
}
