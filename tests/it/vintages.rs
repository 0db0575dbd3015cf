//! What was known when: every state of a revised table can be read again, in one query.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Float64Array, RecordBatch, TimestampMicrosecondArray, UInt64Array};
use arrow::datatypes::Int32Type;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tejido::lake::{Changes, Description, Lake, Partition, PartitionWriter};
use tejido::normalise::{Counts, Structure, observation_schema};
use tejido::warehouse::{self, Inputs, Limits, Loaded, LoadedPartition, Models, Previous, TableFiles};

use crate::support::{Answer, Scene, Upstream, open, repository, rows};

/// Value and flags.
type Cell = (Option<u8>, Option<&'static str>);

/// What a snapshot says of each region and year.
type State = BTreeMap<(u8, u8), Cell>;

fn snapshots(flags: &'static [&'static str]) -> impl Strategy<Value = Vec<State>> {
    let value = prop::option::weighted(0.8, 0..4u8);
    let flags = prop::option::of(prop::sample::select(flags));
    let state = prop::collection::btree_map((0..4u8, 0..3u8), (value, flags), 0..10);
    prop::collection::vec(state, 1..7)
}

fn moment(at: usize) -> Timestamp {
    "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * at as i64)
}

fn canonical(state: &State, at: usize) -> RecordBatch {
    let rows = state.len();
    let text = |value: &dyn Fn(&(u8, u8)) -> String| -> ArrayRef {
        let values: Vec<String> = state.keys().map(value).collect();
        Arc::new(values.iter().map(|value| Some(value.as_str())).collect::<DictionaryArray<Int32Type>>())
    };
    let same = |value: &'static str| text(&move |_| value.to_owned());
    let snapshot = format!("{at:064}");
    let columns: Vec<ArrayRef> = vec![
        same("p"),
        same("d"),
        same("I"),
        text(&|key| format!("R{}", key.0)),
        same("S"),
        same("NACE_R2"),
        same("GE10"),
        same("PC_ENT"),
        text(&|key| format!("{}", 2020 + u16::from(key.1))),
        Arc::new(state.values().map(|(value, _)| value.map(f64::from)).collect::<Float64Array>()),
        Arc::new(state.values().map(|(_, flags)| *flags).collect::<DictionaryArray<Int32Type>>()),
        Arc::new(TimestampMicrosecondArray::from_value(moment(at).as_microsecond(), rows).with_timezone("UTC")),
        text(&move |_| snapshot.clone()),
        Arc::new(UInt64Array::from_iter_values(0..rows as u64)),
        same("official"),
    ];
    RecordBatch::try_new(observation_schema(), columns).unwrap()
}

/// The partitions that the lake keeps of these snapshots.
fn partitions(lake: &Lake, snapshots: &[State]) -> Vec<Partition> {
    let mut changes = Changes::default();
    let mut partitions = Vec::new();
    for (at, state) in snapshots.iter().enumerate() {
        let snapshot = format!("{at:064}");
        let path = lake.partition_path(&lake.dataset_folder("d"), "p", &snapshot, "0123456789abcdef", moment(at));
        let mut writer = PartitionWriter::create_observations(&path).unwrap();
        changes.begin();
        writer.write(&changes.compare(&canonical(state, at)).unwrap()).unwrap();
        writer.write(&changes.withdrawn("p", "d", &snapshot, moment(at)).unwrap()).unwrap();
        let description = Description {
            fingerprint: format!("{at}"),
            rules: "r".into(),
            pipeline: "p".into(),
            dataset: "d".into(),
            snapshot,
            vintage: moment(at),
            content: None,
            rows: 0,
            withdrawn: 0,
            revised: 0,
            counts: Counts::default(),
            structure: Structure::default(),
            source_codes: Vec::new(),
        };
        partitions.push(writer.finish(description).unwrap());
    }
    partitions
}

fn expected(state: &State) -> Vec<String> {
    let line = |((region, year), (value, flags)): (&(u8, u8), &Cell)| {
        let value = value.map_or(String::new(), |value| format!("{value}.0"));
        format!("R{region}|{}|{value}|{}", 2020 + u16::from(*year), flags.unwrap_or(""))
    };
    state.iter().map(line).collect()
}

/// What a build loads of these partitions.
fn inputs(partitions: &[Partition]) -> Inputs {
    let loaded = |partition: &Partition| LoadedPartition {
        fingerprint: partition.description.fingerprint.clone(),
        vintage: partition.description.vintage.to_string(),
    };
    let table = TableFiles {
        pipeline: "p".into(),
        dataset: "d".into(),
        partitions: partitions.iter().map(loaded).collect(),
        files: partitions.iter().map(|partition| partition.path.clone()).collect(),
        is_of_one_vintage: partitions.len() == 1,
        rows: partitions.iter().map(|partition| partition.description.rows).sum(),
    };
    Inputs { observations: vec![table], ..Inputs::default() }
}

fn build(root: &Path, name: &str, inputs: &Inputs, previous: Option<&Previous>) -> PathBuf {
    let folder = root.join(name);
    std::fs::create_dir(&folder).unwrap();
    let limits = Limits { memory_limit_mb: 256, threads: 1, temp_folder: root.join("spill"), model_time: None };
    warehouse::build(&folder, &Models::default(), inputs, previous, None, &limits, "b", |_| ()).unwrap();
    folder.join("tejido.duckdb")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// A figure that comes, changes, goes, is kept secret or is published again: to go on from the last build tells the same of
    /// it as to begin anew.
    #[test]
    fn each_build_that_goes_on_is_the_one_from_nothing(snapshots in snapshots(&["b", "p", "c"])) {
        let folder = tempfile::tempdir().unwrap();
        let partitions = partitions(&Lake::new(folder.path()), &snapshots);
        let mut previous: Option<Previous> = None;
        for known in 1..=partitions.len() {
            let inputs = inputs(&partitions[..known]);
            let [on, anew] = [("on", previous.as_ref()), ("anew", None)]
                .map(|(name, previous)| build(folder.path(), &format!("{name}{known}"), &inputs, previous));
            for table in ["observations", "observation_history"] {
                let sql = format!("select t::varchar from lake.{table} as t order by all");
                prop_assert_eq!(rows(&open(&on), &sql), rows(&open(&anew), &sql), "{} after snapshot {}", table, known);
            }
            let table = &inputs.observations[0];
            let loaded = ((table.pipeline.clone(), table.dataset.clone()), Loaded::of(&table.partitions));
            previous = Some(Previous {
                database: on,
                models: Vec::new(),
                is_of_same_models: true,
                lake: BTreeMap::new(),
                tables: BTreeMap::from([loaded]),
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_moment_of_any_sequence_of_snapshots_can_be_read_again(snapshots in snapshots(&["b", "p"])) {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::new(folder.path());
        let partitions = partitions(&lake, &snapshots);
        let database = open(&build(folder.path(), "build", &inputs(&partitions), None));
        let known = |at: Timestamp| rows(&database, &format!(
            "select region, time_period, \"value\", flags from observations_as_of('{}') order by 1, 2",
            at.strftime("%Y-%m-%d %H:%M:%S%.6f")
        ));
        prop_assert_eq!(known(moment(0) - SignedDuration::from_micros(1)), Vec::<String>::new());
        for (at, state) in snapshots.iter().enumerate() {
            prop_assert_eq!(known(moment(at)), expected(state), "at the moment of snapshot {}", at);
            let before_next = moment(at + 1) - SignedDuration::from_micros(1);
            prop_assert_eq!(known(before_next), expected(state), "before the one after {}", at);
        }
        let last = expected(snapshots.last().unwrap());
        prop_assert_eq!(rows(&database, "select region, time_period, \"value\", flags from lake.observations order by 1, 2"), last);
        // Whoever brings the state forward from the files alone gets to the same one.
        let again = Changes::after(partitions.iter()).unwrap();
        prop_assert_eq!(again.known(), snapshots.last().unwrap().len() as u64);
    }
}

const PIPELINE: &str = "eurostat__isoc_eb_ai";
const ADDRESS: &str = "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_eb_ai?format=TSV&compressed=true";
const SPAIN: &str = "A,GE10,C10-S951_X_K,E_AI_TANY,PC_ENT,ES\t";

/// The table with another line of Spain's, or without it.
fn table(line: Option<&str>) -> String {
    let text =
        std::fs::read_to_string(repository().join("pipelines/samples/eurostat__isoc_eb_ai/isoc_eb_ai.tsv")).unwrap();
    let (before, rest) = text.split_once(SPAIN).unwrap();
    let (_, after) = rest.split_once('\n').unwrap();
    match line {
        Some(line) => format!("{before}{SPAIN}{line}\n{after}"),
        None => format!("{before}{after}"),
    }
}

/// The table with one of many values in Spain's last cell.
fn version(at: usize) -> String {
    table(Some(&format!(": \t9.18 \t11.31 \t20.{at} ")))
}

#[test]
fn many_vintages_become_one_file_that_says_the_same() {
    let upstream = Upstream::start();
    let mut compacted = Scene::live(&upstream, &[PIPELINE]);
    compacted.set("TEJIDO__STORAGE__MAX_FILES_PER_TABLE", "3");
    let plain = Scene::live(&upstream, &[PIPELINE]);
    let files = |scene: &Scene| -> usize {
        let folder = "data/lake/observations/dataset=isoc_eb_ai";
        scene.list(folder).iter().map(|fetched| scene.list(&format!("{folder}/{fetched}")).len()).sum()
    };
    let answers = |scene: &Scene| {
        let key = "region, sector, size_class, indicator, unit, time_period";
        [
            scene.query(&format!("select {key}, share, cell from ict_adoption order by all")),
            scene.query(&format!(
                "select {key}, \"change\", old_value, new_value, old_cell, cell from revisions order by all"
            )),
        ]
    };
    for at in 1..=6 {
        upstream.answer(ADDRESS, Answer::ok(version(at)));
        compacted.run(0);
        plain.run(0);
        assert_eq!(files(&plain), at);
        assert!(files(&compacted) <= 3, "{} files after {at} vintages", files(&compacted));
        assert_eq!(answers(&compacted), answers(&plain), "after {at} vintages");
    }
    assert_eq!(compacted.query("select count(*) from revisions"), ["5"]);
    assert!(compacted.list("data/lake").iter().all(|name| !name.starts_with('.')), "{:?}", compacted.list("data/lake"));

    // A run without news leaves the lake as it is; so does one from the archive alone.
    let before = compacted.published();
    compacted.run(0);
    compacted.tejido(&["run", "--offline"]).must(0);
    assert_eq!(compacted.published(), before);
    // Rules that refuse what is in force leave it in force, one file or many.
    compacted.replace(
        "pipelines/eurostat__isoc_eb_ai.toml",
        "freq = { require = \"A\" }",
        "freq = { require = \"Q\" }",
    );
    compacted.run(3);
    assert_eq!(answers(&compacted), answers(&plain));
    // Other rules make all of it anew, and history that comes later finds its place.
    compacted.replace(
        "pipelines/eurostat__isoc_eb_ai.toml",
        "freq = { require = \"Q\" }",
        "freq = { require = \"A\" }\n# again",
    );
    compacted.replace("pipelines/codelists/units.csv", "Número,Number,", "Número,Number of them,");
    compacted.run(0);
    assert_eq!(answers(&compacted), answers(&plain));
    compacted.write("old.tsv", &version(0));
    let import = ["archive", "import", "old.tsv", "--pipeline", PIPELINE, "--fetched-at", "2026-02-01"];
    compacted.tejido(&import).must(0);
    compacted.tejido(&["run", "--offline"]).must(0);
    assert_eq!(compacted.query("select count(*) from revisions"), ["6"]);
    assert!(files(&compacted) <= 3);
}

#[test]
fn each_change_of_a_published_cell_is_a_row_of_revisions() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[PIPELINE]);
    let deliver = |line: Option<&str>| {
        upstream.answer(ADDRESS, Answer::ok(table(line)));
        scene.run(0);
    };
    deliver(Some(": \t9.18 \t11.31 \t20.27 "));
    assert_eq!(scene.query("select count(*) from revisions"), ["0"]);
    deliver(Some(": \t9.18 \t11.31 \t20.5 "));
    deliver(Some(": \t9.18 \t11.31 b\t20.5 "));
    deliver(None);
    deliver(Some(": \t9.18 \t11.31 b\t20.5 "));
    let revisions = scene.query(
        "select time_period, \"change\", old_value, new_value, round(difference, 2), old_flags, new_flags, is_in_force,
                (cell is null) || ' ' || (old_cell is null)
         from revisions order by vintage, time_period",
    );
    assert_eq!(
        revisions,
        [
            "2025|revised|20.27|20.5|0.23|||false|false false",
            "2024|flagged|11.31|11.31|0.0||b|false|false false",
            "2021|withdrawn||||||false|true false",
            "2023|withdrawn|9.18|||||false|true false",
            "2024|withdrawn|11.31|||b||false|true false",
            "2025|withdrawn|20.5|||||false|true false",
            "2021|returned||||||true|false true",
            "2023|returned||9.18||||true|false true",
            "2024|returned||11.31|||b|true|false true",
            "2025|returned||20.5||||true|false true",
        ]
    );
    // The database and a build of that moment say the same.
    let moments = scene.query("select distinct vintage from (select vintage from lake.observations union select vintage from lake.observation_history) order by 1");
    assert_eq!(moments.len(), 5);
    let cell = "where region = 'ES' and size_class = 'GE10' and indicator = 'E_AI_TANY' and unit = 'PC_ENT' and time_period = '2025'";
    for (moment, value) in moments.iter().zip([Some("20.27"), Some("20.5"), Some("20.5"), None, Some("20.5")]) {
        let expected: Vec<&str> = value.into_iter().collect();
        assert_eq!(scene.query(&format!("select \"value\" from observations_as_of('{moment}') {cell}")), expected);
    }
}

/// What a source takes back as confidential is not told of an earlier moment either, until it publishes the cell again.
#[test]
fn what_is_confidential_now_is_not_told_of_before() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[PIPELINE]);
    let deliver = |line: &str| {
        upstream.answer(ADDRESS, Answer::ok(table(Some(line))));
        scene.run(0);
    };
    let known = || {
        scene.query(
            "select time_period, \"value\", cell is null, \"change\" from lake.observation_history order by vintage, time_period",
        )
    };
    deliver(": \t9.18 \t11.31 \t20.27 ");
    deliver(": \t9.18 \t11.31 \t20.5 ");
    assert_eq!(known(), ["2025|20.27|false|new"]);
    deliver(": \t9.18 \t11.31 \t: c");
    assert_eq!(known(), ["2025||true|new", "2025||true|revised"]);
    let revisions =
        "select time_period, old_value, new_value, new_flags, old_cell is null from revisions order by vintage";
    assert_eq!(scene.query(revisions), ["2025||||true", "2025|||c|true"]);
    let cell = "where region = 'ES' and size_class = 'GE10' and indicator = 'E_AI_TANY' and unit = 'PC_ENT' and time_period = '2025'";
    let first = scene.query("select min(vintage) from lake.observation_history");
    let then = format!("select \"value\" from observations_as_of('{}') {cell}", first[0]);
    assert_eq!(scene.query(&then), [""]);
    scene.tejido(&["verify"]).must(0);
    deliver(": \t9.18 \t11.31 \t20.6 ");
    assert_eq!(scene.query(&then), ["20.27"]);
}
