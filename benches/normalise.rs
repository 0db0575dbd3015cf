//! How much longer it takes to bring a payload into the lake than to decode it, how much memory that needs, and what a
//! vintage costs that says nothing new.
//!
//! `benches/compare/run` writes the payload, a cube of 10 million cells; then
//! `TEJIDO_BENCH=<its folder> cargo bench --bench normalise [-- ROUNDS]`. Each round does all three in turn.

// Without its payload there is nothing to measure.
#![allow(clippy::expect_used, clippy::print_stdout)]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use jiff::{SignedDuration, Timestamp};
use tejido::decode::{self, Format, Hints, Source, Table};
use tejido::lake::{Changes, ContentHash, Description, First, Lake, Partition, PartitionWriter};
use tejido::normalise::{Counts, Normalised, ObservationNormaliser, Origin, Structure};
use tejido::spec::{Codelists, Pipelines};

const DIMENSIONS: [(&str, &str, &str); 5] = [
    ("size_emp", "size_class", "size_classes"),
    ("nace_r2", "sector", "sectors"),
    ("indic_is", "indicator", "indicators"),
    ("unit", "unit", "units"),
    ("geo", "region", "regions"),
];

fn main() {
    // `cargo bench` itself passes `--bench`.
    let rounds = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(3);
    let folder =
        std::env::var_os("TEJIDO_BENCH").map_or_else(|| std::env::temp_dir().join("tejido-bench"), PathBuf::from);
    let payload = folder.join("all/cube.csv");
    if !payload.exists() {
        println!("not measured: no `{}`; benches/compare/run writes it", payload.display());
        return;
    }
    let work = tempfile::tempdir().expect("there is room for a folder");
    write_project(work.path(), &payload);
    let codelists = Codelists::load(&work.path().join("codelists")).expect("the codelists are right");
    let pipelines = Pipelines::load(work.path(), &codelists).expect("the pipeline is right");
    let cube = Cube { payload, codelists, pipelines, lake: Lake::new(work.path()) };

    let (mut decoding, mut loading, mut repeating, mut revising) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let started = Instant::now();
        let cells: usize = cube.table().batches.map(|batch| black_box(batch.expect("it decodes")).num_rows()).sum();
        decoding.push(started.elapsed().as_secs_f64());

        let started = Instant::now();
        let first = cube.load(2 * round);
        loading.push(started.elapsed().as_secs_f64());
        assert_eq!(first.description.rows, cells as u64, "all of it is new");

        let started = Instant::now();
        let mut content = ContentHash::default();
        cube.each_batch(2 * round + 1, |rows| content.add(&rows).expect("it can be read"));
        repeating.push(started.elapsed().as_secs_f64());
        assert_eq!(Some(content.text()), first.description.content, "nothing of it is new");

        let started = Instant::now();
        let mut changes = Changes::after([&first]).expect("the partition can be read");
        changes.begin();
        let mut changed = 0;
        cube.each_batch(2 * round + 1, |rows| {
            changed += changes.compare(&rows).expect("no key stands twice").num_rows()
        });
        revising.push(started.elapsed().as_secs_f64());
        assert_eq!(changed, 0, "nothing of it is new");

        println!(
            "round {round}: {cells} cells: decoded in {:.2} s, into the lake in {:.2} s, known to be no news in {:.2} s, compared one by one in {:.2} s",
            decoding[round], loading[round], repeating[round], revising[round]
        );
    }
    let ratio = |of: &[f64]| median(of.iter().zip(&decoding).map(|(one, other)| one / other).collect());
    println!("into the lake: {:.2} times as long as decoding alone", ratio(&loading));
    println!("known to be no news: {:.2} times as long as decoding alone", ratio(&repeating));
    println!("compared one by one: {:.2} times as long as decoding alone", ratio(&revising));
    println!("largest memory: {}", largest_memory());
}

struct Cube {
    payload: PathBuf,
    codelists: Codelists,
    pipelines: Pipelines,
    lake: Lake,
}

impl Cube {
    fn table(&self) -> Table {
        let path = self.payload.clone();
        let source = Source::new(move || Ok(Box::new(std::fs::File::open(&path)?)));
        decode::open(Format::SdmxCsv, &source, &Hints::default()).expect("the payload opens")
    }

    /// Decodes and normalises, as a run does.
    fn each_batch(&self, at: usize, mut take: impl FnMut(RecordBatch)) -> (Counts, Structure) {
        let pipeline = &self.pipelines.all[0];
        let edition = pipeline.editions[0].get_ref();
        let origin = Origin {
            pipeline: pipeline.id.clone(),
            dataset: edition.dataset.clone(),
            snapshot: snapshot(at),
            fetched_at: vintage(at),
        };
        let table = self.table();
        let mut normaliser =
            ObservationNormaliser::new(pipeline, edition, &self.codelists, &table.schema, origin, None)
                .expect("the rules fit");
        for batch in table.batches {
            let Normalised { rows, .. } = normaliser.batch(&batch.expect("it decodes")).expect("it normalises");
            take(rows);
        }
        normaliser.counts.balance().expect("no row is lost");
        (normaliser.counts.clone(), normaliser.structure())
    }

    /// A first snapshot.
    fn load(&self, at: usize) -> Partition {
        let pipeline = self.pipelines.all[0].id.clone();
        let (snapshot, vintage) = (snapshot(at), vintage(at));
        let path =
            self.lake.partition_path(&self.lake.dataset_folder("cube"), &pipeline, &snapshot, &snapshot, vintage);
        let mut writer = PartitionWriter::create_observations(&path).expect("there is room");
        let mut first = First::default();
        let (counts, structure) = self.each_batch(at, |rows| {
            writer.write(&first.rows(&rows).expect("no key stands twice")).expect("there is room");
        });
        let description = Description {
            fingerprint: snapshot.clone(),
            rules: String::new(),
            pipeline,
            dataset: "cube".into(),
            snapshot,
            vintage,
            content: Some(first.content()),
            rows: 0,
            withdrawn: 0,
            revised: 0,
            counts,
            structure,
            source_codes: Vec::new(),
        };
        writer.finish(description).expect("there is room")
    }
}

fn snapshot(at: usize) -> String {
    format!("{at:064}")
}

fn vintage(at: usize) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(at as i64)
}

/// A pipeline that maps five dimensions, each code to another one, and the codelists that it needs.
fn write_project(folder: &Path, payload: &Path) {
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).expect("there is room");
    std::fs::create_dir(folder.join("codelists")).expect("there is room");
    let path = payload.to_path_buf();
    let source = Source::new(move || Ok(Box::new(std::fs::File::open(&path)?)));
    let table = decode::open(Format::SdmxCsv, &source, &Hints::default()).expect("the payload opens");
    let mut codes = DIMENSIONS.map(|_| BTreeSet::new());
    for batch in table.batches {
        let batch = batch.expect("it decodes");
        for ((name, ..), codes) in DIMENSIONS.iter().zip(&mut codes) {
            let column = batch.column_by_name(name).expect("the cube has this dimension");
            let values = column.as_dictionary::<Int32Type>().values().as_string::<i32>();
            codes.extend((0..values.len()).map(|at| values.value(at).to_owned()));
        }
    }
    let mut toml = String::from(
        "title = \"cube\"\nkind = \"observations\"\npublisher = \"x\"\nlicence = \"x\"\nattribution = \"x\"\n\
         [request]\nurl = \"https://cube.invalid/{dataset}\"\n[[editions]]\ndataset = \"cube\"\n[decode]\nformat = \"sdmx-csv\"\n\
         [constants]\nsector_scheme = \"NACE_R2\"\n[dimensions]\nfreq = { require = \"A\" }\n",
    );
    for ((name, column, list), codes) in DIMENSIONS.iter().zip(&codes) {
        let head = if *list == "sectors" { "scheme,code" } else { "code" };
        let scheme = if *list == "sectors" { "NACE_R2," } else { "" };
        let rows: String = codes.iter().map(|code| format!("{scheme}TO_{code}\n")).collect();
        write(&format!("codelists/{list}.csv"), format!("# source: the cube; licence: none\n{head}\n{rows}"));
        let rows: String = codes.iter().map(|code| format!("{code},TO_{code}\n")).collect();
        write(
            &format!("codelists/map_{name}.csv"),
            format!("# source: the cube; licence: none\ncode,{column}\n{rows}"),
        );
        toml.push_str(&format!("{name} = {{ crosswalk = \"map_{name}\" }}\n"));
    }
    let flags: String = "bcdefinprsuz".chars().map(|flag| format!("{flag}\n")).collect();
    write("codelists/flags.csv", format!("# source: the cube; licence: none\ncode\n{flags}"));
    toml.push_str("time_period = { to = \"time_period\" }\n");
    write("bench__cube.toml", toml);
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// As the system counts it, of the whole process.
fn largest_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("not known".into(), |text| text.trim().to_owned())
}
