//! Builds that are kept: going back, keeping, removing; models that need not run; rows that fail audits.

use crate::support::{Scene, rows};

const SECTORS: &str = "sql/marts/cluster_members_by_sector.sql";

fn id(scene: &Scene) -> String {
    scene.manifest()["build_id"].as_str().unwrap().to_owned()
}

#[test]
fn one_can_go_back_and_forward() {
    let scene = Scene::new();
    scene.tejido(&["rollback"]).must(2);
    scene.run(0);
    let first = id(&scene);
    assert!(scene.tejido(&["rollback"]).stderr.contains("there is no build before the published one"));
    scene.replace(SECTORS, "'no consta'", "'sin dato'");
    scene.run(0);
    let second = id(&scene);
    assert_ne!(first, second);
    scene.tejido(&["rollback"]).must(0);
    assert_eq!(id(&scene), first);
    // The next run does not bring back what was gone back from.
    let run = scene.run(0);
    assert!(
        run.stdout.contains(&format!("what build {second} was made from, which was gone back from")),
        "{}",
        run.stdout
    );
    assert_eq!(id(&scene), first);
    let listed = scene.tejido(&["builds"]).stdout;
    let line = |id: &str| listed.lines().find(|line| line.contains(id)).unwrap().to_owned();
    assert!(line(&first).ends_with("PUBLISHED"), "{listed}");
    assert!(line(&second).ends_with("gone back from"), "{listed}");
    scene.tejido(&["rollback", &second]).must(0);
    assert_eq!(id(&scene), second);
    assert!(scene.run(0).stdout.starts_with("nothing has changed since build"));
    // What is made of something else is published as ever.
    scene.tejido(&["rollback", &first]).must(0);
    scene.replace(SECTORS, "'sin dato'", "'sin datos'");
    scene.run(0);
    assert!(![&first, &second].contains(&&id(&scene)));
    let run = scene.tejido(&["rollback", "2099"]);
    run.must(2);
    assert!(run.stderr.contains("expected a build, found `2099`"), "{}", run.stderr);
}

#[test]
fn old_builds_go_and_pinned_ones_stay() {
    let mut scene = Scene::new();
    scene.set("TEJIDO__PUBLISH__KEEP_BUILDS", "1");
    scene.run(0);
    let first = id(&scene);
    scene.replace(SECTORS, "'no consta'", "'sin dato'");
    scene.run(0);
    let second = id(&scene);
    assert_eq!(scene.list("data/builds"), [first.clone(), second.clone()], "readers may have the first one open");
    scene.set("TEJIDO__PUBLISH__GRACE_HOURS", "0");
    scene.tejido(&["builds", "--pin", &first]).must(0);
    scene.replace(SECTORS, "'sin dato'", "'sin datos'");
    scene.run(0);
    let third = id(&scene);
    assert_eq!(scene.list("data/builds"), [first.clone(), third.clone()]);
    scene.tejido(&["builds", "--unpin", &first]).must(0);
    scene.replace(SECTORS, "'sin datos'", "'no consta'");
    scene.run(0);
    assert_eq!(scene.list("data/builds"), [id(&scene)]);
}

#[test]
fn every_file_of_a_build_has_its_hash() {
    let scene = Scene::new();
    scene.run(0);
    let manifest = scene.manifest();
    let files = manifest["files"].as_array().unwrap();
    for file in files {
        let bytes = std::fs::read(scene.published().join(file["path"].as_str().unwrap())).unwrap();
        assert_eq!(file["hash"], blake3::hash(&bytes).to_hex().as_str());
    }
    assert!(files.iter().any(|file| file["path"] == "tejido.duckdb"));
    assert!(files.iter().any(|file| file["path"] == "marts/ict_adoption.parquet"));
}

#[test]
fn a_damaged_manifest_is_told_and_the_build_made_again() {
    let scene = Scene::new();
    scene.run(0);
    scene.tejido(&["verify"]).must(0);
    let path = scene.published().join("manifest.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let write = |text: &str| {
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, text).unwrap();
    };
    for (from, to) in
        [("\"attribution\": \"", "\"attribution\": \"X"), ("\"hash\": \"", "\"hash\": \"0"), ("{\n", "{\n\n")]
    {
        write(&text.replacen(from, to, 1));
        let run = scene.tejido(&["verify"]);
        run.must(1);
        assert!(run.stdout.contains("WRONG: `manifest.json` is not what was published"), "{from}: {}", run.stdout);
    }
    write(&text[..text.len() / 2]);
    let run = scene.tejido(&["verify"]);
    run.must(1);
    let folder = scene.published();
    assert!(run.stderr.contains("remove the folder"), "{}", run.stderr);
    std::fs::remove_dir_all(folder.canonicalize().unwrap()).unwrap();
    scene.run(0);
    scene.tejido(&["verify"]).must(0);
}

/// Private models are in no build, so each one runs them.
#[test]
fn a_plan_names_the_models_that_the_run_then_runs() {
    let scene = Scene::new();
    scene.run(0);
    scene.replace(SECTORS, "select\n", "select -- a comment\n");
    let plan = scene.tejido(&["plan", "--json"]);
    plan.must(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["outcome"], "a new build would be published: the text of a model, or the program, is another");
    let named = |list: &serde_json::Value, name: &str, which: &dyn Fn(&serde_json::Value) -> bool| {
        let models = list.as_array().unwrap().iter().filter(|model| which(model));
        models.map(|model| model[name].as_str().unwrap().to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    let planned = named(&plan["models"], "model", &|model| model["action"] == "run");
    assert!(planned.contains("int_members") && !planned.contains("cluster_members_by_sector"), "{planned:?}");
    scene.run(0);
    let ran = named(&scene.manifest()["models"], "name", &|model| {
        model["reused"] == false && !model["content_hash"].is_null()
    });
    assert_eq!(planned, ran);
    let plan = scene.tejido(&["plan"]).stdout;
    assert!(plan.contains("publish  nothing would be published") && !plan.contains("run "), "{plan}");
}

#[test]
fn a_table_that_comes_out_as_it_was_stops_there() {
    let scene = Scene::new();
    scene.run(0);
    // Another SQL, and the same rows.
    let path = "sql/marts/ict_adoption.sql";
    scene.replace(path, "where observations.unit like 'PC%'", "where observations.unit like 'PC%' and 1 = 1");
    scene.run(0);
    let manifest = scene.manifest();
    let reused = |name: &str| {
        let models = manifest["models"].as_array().unwrap();
        models.iter().find(|model| model["name"] == name).unwrap()["reused"] == true
    };
    assert!(!reused("ict_adoption"));
    assert!(reused("source_disagreements"), "it reads what has come out as it was");
}

#[test]
fn rows_that_fail_are_kept() {
    let scene = Scene::new();
    scene.run(0);
    let build = id(&scene);
    let path = "sql/marts/ict_adoption.sql";
    let header = "-- audit: provenance in";
    scene.replace(path, header, "-- audit warn: share is null or share < 20\n-- audit: provenance in");
    scene.run(0);
    let kept = |folder: std::path::PathBuf| {
        let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect::<Vec<_>>();
        assert_eq!(files.len(), 1, "{files:?}");
        let connection = duckdb::Connection::open_in_memory().unwrap();
        rows(
            &connection,
            &format!("select count(*) > 0, min(share) >= 20, min(length(\"snapshot\")) from '{}'", files[0].display()),
        )
    };
    assert_eq!(kept(scene.published().join("audits")), ["true|true|64"]);
    assert_ne!(id(&scene), build);
    let build = id(&scene);
    scene.replace(path, "-- audit warn: share is null", "-- audit: share is null");
    let run = scene.run(1);
    assert!(run.stderr.contains("rows that fail are in `"), "{}", run.stderr);
    assert_eq!(kept(scene.path("data/failed-audits")), ["true|true|64"]);
    assert_eq!(id(&scene), build);
    // An audit that asks for a row has none to keep, and leaves no empty folder.
    scene.replace(path, "-- audit: share is null or share < 20", "-- audit: exists a row where share = -1");
    let run = scene.run(1);
    assert!(run.stderr.contains("nothing was published; correct the model"), "{}", run.stderr);
    assert!(!scene.path("data/failed-audits").exists());
}

#[test]
fn audits_can_be_sentences() {
    let scene = Scene::new();
    let path = "sql/marts/ict_adoption.sql";
    let header = "-- audit: provenance in";
    let audits = [
        "rows at least 20000",
        "rows between 1 and 2",
        "region references staging.stg_regions (region)",
        "sector, sector_scheme references staging.stg_sectors (sector, sector_scheme)",
        "size_class references staging.stg_units (unit)",
        "rows not below 95 % of last",
        "no share moves by more than 0.5 points",
        "newest vintage within 2 days",
    ];
    let lines: String = audits.iter().map(|audit| format!("-- audit warn: {audit}\n")).collect();
    scene.replace(path, header, &format!("{lines}{header}"));
    let failing = |scene: &Scene| -> Vec<String> {
        let manifest = scene.manifest();
        let audits = manifest["audits"].as_array().unwrap();
        let failing = audits.iter().filter(|audit| audit["failing_rows"] != 0 && audit["model"] == "ict_adoption");
        failing.map(|audit| audit["audit"].as_str().unwrap().to_owned()).collect()
    };
    scene.run(0);
    assert_eq!(failing(&scene), ["rows between 1 and 2", "size_class references staging.stg_units (unit)"]);
    // Of the last build, there were more rows, and other values.
    scene.replace(path, "where observations.unit like 'PC%'", "where observations.unit like 'PC%' and observations.region <> 'ES13' and observations.pipeline <> 'eurostat__isoc_eb_ain2'");
    scene.replace(path, "observations.observed_value as share", "least(observations.observed_value + 1, 100) as share");
    scene.run(0);
    let now = failing(&scene);
    assert!(now.contains(&"rows not below 95 % of last".to_owned()), "{now:?}");
    assert!(now.contains(&"no share moves by more than 0.5 points".to_owned()), "{now:?}");
    // A column that is not there is found before a run starts.
    scene.replace(path, "newest vintage within", "newest vintaje within");
    let run = scene.run(2);
    assert!(run.stderr.contains("vintaje"), "{}", run.stderr);
    assert!(run.stderr.contains("audit warn: newest vintaje within 2 days"), "{}", run.stderr);
}
