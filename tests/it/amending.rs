//! Builds that go on from the last one where nothing but observations has changed: they come out as builds from nothing.

use std::collections::BTreeMap;

use crate::support::Scene;

const TABLE: &str = "pipelines/samples/eurostat__isoc_r_eb_ain2/isoc_r_eb_ain2.csv";
const CELL: &str = "C,E_AI_TANY,PC_ENT,ES13,2025,11.45,,";

/// Everything that a build says, apart from the order of its rows: a hash of each table and view.
fn contents(scene: &Scene) -> BTreeMap<String, String> {
    let tables = scene.query(
        "select table_schema || '.' || table_name from information_schema.tables
         where table_catalog = current_database() and table_schema <> 'coded' order by all",
    );
    let hashed = |table: String| {
        let sql =
            format!("select count(*), bit_xor(hash(t::varchar)), sum(hash(t::varchar)::hugeint) from {table} as t");
        (table, scene.query(&sql).remove(0))
    };
    tables.into_iter().map(hashed).collect()
}

/// The models of the published build of which this is true.
fn models(scene: &Scene, how: &str) -> Vec<String> {
    let manifest = scene.manifest();
    let models = manifest["models"].as_array().unwrap().iter();
    models.filter(|model| model[how] == true).map(|model| model["name"].as_str().unwrap().to_owned()).collect()
}

/// Builds the same state again with nothing to go on from.
fn from_nothing(scene: &Scene) -> BTreeMap<String, String> {
    std::fs::remove_file(scene.path("data/published")).unwrap();
    // A build of the same second would have the same name.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    scene.run(0);
    assert_eq!(models(scene, "amended"), Vec::<String>::new());
    contents(scene)
}

/// A figure that is revised, one that gets a flag that no row has had, a row that is withdrawn, and one that is new.
#[test]
fn what_goes_on_from_the_last_build_comes_out_as_from_nothing() {
    let scene = Scene::whole();
    scene.run(0);
    assert_eq!(models(&scene, "amended"), Vec::<String>::new(), "the first build goes on from nothing");
    scene.replace(TABLE, CELL, "C,E_AI_TANY,PC_ENT,ES13,2025,12.5,,");
    let run = scene.run(0);
    let amended = models(&scene, "amended");
    for name in ["ict_adoption", "int_series", "int_comparisons", "adoption_gap", "data_anomalies"] {
        assert!(amended.iter().any(|model| model == name), "{name}: {amended:?}");
    }
    let reused = models(&scene, "reused");
    for name in ["cluster_members_by_sector", "cluster_coverage"] {
        assert!(reused.iter().any(|model| model == name), "{name}: {reused:?}");
    }
    assert!(run.stdout.contains(&format!(", {} in part, ", amended.len())), "{}", run.stdout);
    let share = "select share from ict_adoption where region = 'ES13' and sector = 'C' and indicator = 'E_AI_TANY'
        and unit = 'PC_ENT' and time_period = '2025'";
    assert_eq!(scene.query(share), ["12.5"]);
    scene.replace(TABLE, "C,E_AI_TANY,PC_ENT,ES13,2025,12.5,,", "C,E_AI_TANY,PC_ENT,ES13,2025,12.5,bdu,");
    scene.replace(TABLE, "C,E_AI_TANY,PC_ENT,ES13,2023,5.58,,", "C,E_AI_TANY,PC_ENT,ES13,2019,5.58,,");
    scene.run(0);
    assert!(!models(&scene, "amended").is_empty());
    assert_eq!(scene.query(&share.replace("select share", "select flags")), ["bdu"]);
    scene.tejido(&["verify"]).must(0);
    let amended = contents(&scene);
    assert_eq!(amended, from_nothing(&scene));
}

/// What is not told any more stands nowhere in the file: it is one of its own.
#[test]
fn what_is_told_no_more_is_in_no_block_of_the_file() {
    let scene = Scene::whole();
    scene.run(0);
    scene.replace(TABLE, CELL, "C,E_AI_TANY,PC_ENT,ES13,2025,,c,");
    scene.run(0);
    assert_eq!(models(&scene, "amended"), Vec::<String>::new());
    let free = "select free_blocks from pragma_database_size() where database_name = current_database()";
    let silenced = scene.query(free);
    assert_eq!(contents(&scene), from_nothing(&scene));
    assert_eq!(silenced, scene.query(free));
}

/// Another model, codelist or register is built as ever.
#[test]
fn what_changes_besides_observations_is_built_from_nothing() {
    let scene = Scene::new();
    scene.run(0);
    scene.replace("pipelines/codelists/regions.csv", "Cantabria", "Kantabria");
    scene.run(0);
    assert_eq!(models(&scene, "amended"), Vec::<String>::new());
    assert!(!models(&scene, "reused").is_empty());
}
