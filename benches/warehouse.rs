//! How much longer a build takes than the same SQL run by hand: 10 million canonical observations of twenty tables loaded
//! from the lake's Parquet, all models run, all marts written as Parquet.
//!
//! `cargo bench --bench warehouse [-- ROUNDS]`. By hand: one connection of the same DuckDB with the same limits, a plain
//! INSERT and the models' SELECTs, `copy … to` for the marts; no audits, no hashes, no comments, no manifest. The warehouse
//! does all of these.

// Without its data there is nothing to measure.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, DictionaryArray, Float64Array, RecordBatch, TimestampMicrosecondArray, UInt64Array};
use arrow::datatypes::Int32Type;
use jiff::Timestamp;
use tejido::lake::{Changes, Description, Lake, PartitionWriter};
use tejido::normalise::{Counts, Structure, observation_schema};
use tejido::run::Project;
use tejido::warehouse::{self, Inputs, Layer, Limits, Models, PipelineRow, TableFiles, lake_tables};

/// Tables, and observations of each: indicators × regions × sectors × size classes × years.
const TABLES: usize = 20;
const SHAPE: [usize; 5] = [5, 250, 20, 2, 10];

fn main() {
    // `cargo bench` itself passes `--bench`.
    let rounds = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(3);
    let work = tempfile::tempdir().expect("there is room for a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = Project::load(root, None, None).expect("the project is right");
    let codes = Codes::of(&project);
    let lake = Lake::new(work.path());
    let started = Instant::now();
    let files: Vec<PathBuf> = (0..TABLES).map(|table| write(&lake, &codes, table)).collect();
    let rows = TABLES * SHAPE.iter().product::<usize>();
    println!("{rows} observations in {TABLES} tables written in {:.1} s", started.elapsed().as_secs_f64());

    let inputs = Inputs {
        observations: files
            .iter()
            .map(|file| TableFiles {
                files: vec![file.clone()],
                is_of_one_vintage: true,
                rows: (rows / TABLES) as u64,
                ..TableFiles::default()
            })
            .collect(),
        codelists: project.codelist_tables(),
        pipelines: (0..TABLES)
            .map(|table| PipelineRow {
                pipeline: name(table),
                title: "t".into(),
                title_es: "t".into(),
                publisher: "p".into(),
                licence: "l".into(),
                licence_es: "l".into(),
                attribution: "a".into(),
                preference: table as u32,
            })
            .collect(),
        ..Inputs::default()
    };
    let mut ratios = Vec::new();
    for round in 0..rounds {
        let limits =
            Limits { memory_limit_mb: 4096, threads: 0, temp_folder: work.path().join("spill"), model_time: None };
        let folder = work.path().join(format!("build-{round}"));
        std::fs::create_dir(&folder).expect("there is room for a folder");
        let started = Instant::now();
        let mut steps = Steps::default();
        let build =
            warehouse::build(&folder, &project.models, &inputs, None, None, &limits, "bench", |step| steps.step(step));
        let built = started.elapsed().as_secs_f64();
        let build = build.expect("the build is good");
        std::fs::remove_dir_all(&folder).expect("it can be removed");

        std::fs::create_dir(&folder).expect("there is room for a folder");
        let started = Instant::now();
        by_hand(&folder, &project.models, &inputs, &files, &limits);
        let hand = started.elapsed().as_secs_f64();
        std::fs::remove_dir_all(&folder).expect("it can be removed");
        ratios.push(built / hand);
        let marts: u64 = build.models.iter().filter(|model| model.is_mart).map(|model| model.rows).sum();
        println!("round {round}: built in {built:.2} s, by hand in {hand:.2} s, {marts} rows of marts");
    }
    ratios.sort_by(f64::total_cmp);
    println!("a build: {:.2} times as long as by hand", ratios[ratios.len() / 2]);
}

/// What each step of a build takes; those of more than a twentieth of a second are told.
#[derive(Default)]
struct Steps {
    last: Option<(String, Instant)>,
}

impl Steps {
    fn step(&mut self, step: &str) {
        if let Some((name, started)) = self.last.replace((step.to_owned(), Instant::now()))
            && started.elapsed().as_millis() > 50
        {
            println!("    {name}: {:.2} s", started.elapsed().as_secs_f64());
        }
    }
}

fn name(table: usize) -> String {
    format!("bench__t{table:02}")
}

/// Codes that the project's codelists know.
struct Codes {
    indicators: Vec<String>,
    regions: Vec<String>,
    sectors: Vec<String>,
}

impl Codes {
    fn of(project: &Project) -> Self {
        let codes = |list: &str| -> Vec<String> {
            let table = project.codelist_tables().into_iter().find(|table| table.table == format!("codelist_{list}"));
            let table = table.expect("the codelist is there");
            let code = table.columns.iter().position(|column| column == "code").expect("it has codes");
            let mut codes: Vec<String> = table.rows.into_iter().map(|row| row[code].clone()).collect();
            codes.sort();
            codes.dedup();
            codes
        };
        let of_scheme = project.codelist_tables().into_iter().find(|table| table.table == "codelist_sectors");
        let table = of_scheme.expect("the codelist is there");
        let at = |name: &str| table.columns.iter().position(|column| column == name).expect("the column is there");
        let (code, scheme) = (at("code"), at("scheme"));
        let sectors = table.rows.iter().filter(|row| row[scheme] == "NACE_R2").map(|row| row[code].clone());
        Codes { indicators: codes("indicators"), regions: codes("regions"), sectors: sectors.take(SHAPE[2]).collect() }
    }
}

/// One table as the lake keeps it.
fn write(lake: &Lake, codes: &Codes, table: usize) -> PathBuf {
    let [indicators, regions, sectors, sizes, years] = SHAPE;
    let rows = SHAPE.iter().product::<usize>();
    let text = |value: &dyn Fn(usize) -> String| -> ArrayRef {
        let values: Vec<String> = (0..rows).map(value).collect();
        Arc::new(values.iter().map(|value| Some(value.as_str())).collect::<DictionaryArray<Int32Type>>())
    };
    let at: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a moment");
    let snapshot = blake3::hash(name(table).as_bytes()).to_hex().to_string();
    // A value and flag that look like no other's, from a multiplication.
    let noise = |row: usize| (row as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(table as u64) >> 40;
    let columns: Vec<ArrayRef> = vec![
        text(&|_| name(table)),
        text(&|_| format!("t{table:02}")),
        text(&|row| {
            codes.indicators[(table * indicators + row / (rows / indicators)) % codes.indicators.len()].clone()
        }),
        text(&|row| codes.regions[row / (sectors * sizes * years) % regions].clone()),
        text(&|row| codes.sectors[row / (sizes * years) % sectors].clone()),
        text(&|_| "NACE_R2".into()),
        text(&|row| ["GE10", "10-49"][row / years % sizes].into()),
        text(&|_| "PC_ENT".into()),
        text(&|row| (2016 + row % years).to_string()),
        Arc::new(
            (0..rows)
                .map(|row| (noise(row) % 17 > 0).then(|| (noise(row) % 10_000) as f64 / 100.0))
                .collect::<Float64Array>(),
        ),
        Arc::new((0..rows).map(|row| (noise(row) % 11 == 0).then_some("u")).collect::<DictionaryArray<Int32Type>>()),
        Arc::new(TimestampMicrosecondArray::from_value(at.as_microsecond(), rows).with_timezone("UTC")),
        text(&|_| snapshot.clone()),
        Arc::new(UInt64Array::from_iter_values((0..rows as u64).map(|row| 90 * row))),
        text(&|_| "synthetic".into()),
    ];
    let batch = RecordBatch::try_new(observation_schema(), columns).expect("the columns fit");
    let path = lake.partition_path(
        &lake.dataset_folder(&format!("t{table:02}")),
        &name(table),
        &snapshot,
        "0123456789abcdef",
        at,
    );
    let mut writer = PartitionWriter::create_observations(&path).expect("there is room for a file");
    let mut changes = Changes::default();
    changes.begin();
    writer.write(&changes.compare(&batch).expect("no key stands twice")).expect("it is written");
    let description = Description {
        fingerprint: name(table),
        rules: "r".into(),
        pipeline: name(table),
        dataset: format!("t{table:02}"),
        snapshot,
        vintage: at,
        content: None,
        rows: 0,
        withdrawn: 0,
        revised: 0,
        counts: Counts::default(),
        structure: Structure::default(),
        source_codes: Vec::new(),
    };
    writer.finish(description).expect("it is written");
    path
}

/// The same SQL by hand.
fn by_hand(folder: &Path, models: &Models, inputs: &Inputs, files: &[PathBuf], limits: &Limits) {
    let connection = duckdb::Connection::open_in_memory().expect("DuckDB starts");
    let run = |sql: &str| connection.execute_batch(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    run(&format!(
        "set memory_limit = '{}MB'; set temp_directory = '{}'",
        limits.memory_limit_mb,
        limits.temp_folder.display()
    ));
    run(&format!(
        "attach '{}' as tejido (storage_version 'v1.2.0'); use tejido",
        folder.join("tejido.duckdb").display()
    ));
    run(&format!("{}; create schema staging; create schema intermediate", lake_tables(&inputs.codelists)));
    for list in inputs.codelists.iter().filter(|list| !list.rows.is_empty()) {
        let field =
            |field: &String| if field.is_empty() { "null".into() } else { format!("'{}'", field.replace('\'', "''")) };
        let rows: Vec<String> =
            list.rows.iter().map(|row| format!("({})", row.iter().map(field).collect::<Vec<_>>().join(", "))).collect();
        run(&format!("insert into lake.\"{}\" values {}", list.table, rows.join(", ")));
    }
    for row in &inputs.pipelines {
        run(&format!(
            "insert into lake.pipelines values ('{}', 't', 't', 'p', 'l', 'l', 'a', {})",
            row.pipeline, row.preference
        ));
    }
    let files: Vec<String> = files.iter().map(|file| format!("'{}'", file.display())).collect();
    run(&format!(
        "insert into lake.observations select pipeline, dataset, indicator, region, sector, sector_scheme, size_class, unit, time_period,
            \"value\", flags, make_timestamp(epoch_us(vintage)), \"snapshot\", cell::bigint, provenance
         from read_parquet([{}], hive_partitioning = false)",
        files.join(", ")
    ));
    for model in &models.all {
        // What is raked is no SQL alone.
        if model.contract.rake.is_some() {
            model.make(&connection).expect("the model can be made");
            continue;
        }
        let kind = if model.is_view() { "view" } else { "table" };
        run(&format!("create {kind} {} as {}", model.table(), model.sql()));
    }
    run("checkpoint tejido");
    for model in models.all.iter().filter(|model| model.layer == Layer::Mart) {
        let grain: Vec<String> = model.contract.grain.iter().map(|name| format!("\"{name}\"")).collect();
        run(&format!(
            "copy (select * from {} order by {}) to '{}' (format parquet, compression zstd)",
            model.table(),
            grain.join(", "),
            folder.join(format!("{}.parquet", model.name)).display()
        ));
    }
}
