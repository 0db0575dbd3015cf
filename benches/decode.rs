//! How fast each format becomes batches: the payload in memory, no Parquet, no warehouse.
//!
//! `cargo bench --bench decode [FORMAT]`

// Without its payload there is nothing to measure.
#![allow(clippy::expect_used)]

use std::hint::black_box;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tejido::decode::{self, Format, Hints, OBS_VALUE, Source};

mod cubes;

/// What is measured.
struct Case {
    name: &'static str,
    format: Format,
    write: Box<dyn Fn() -> Vec<u8>>,
    hints: Hints,
}

fn cases() -> [Case; 14] {
    let case = |name, format, write: fn() -> String| {
        let write = Box::new(move || write().into_bytes());
        Case { name, format, write, hints: Hints::default() }
    };
    let workbook = |name, format, write: fn() -> Vec<u8>| {
        let column = |name: &str| Some(name.to_owned());
        let hints = Hints { value: column("value"), time: column("time"), flag: column("flag"), ..Hints::default() };
        Case { name, format, write: Box::new(write), hints }
    };
    let comma = |case| Case { hints: Hints { decimal: Some(','), ..Hints::default() }, ..case };
    let declared = Hints { columns: vec!["name".into(), "number".into()], ..Hints::default() };
    [
        case("sdmx-csv", Format::SdmxCsv, cubes::sdmx_csv),
        case("sdmx-json", Format::SdmxJson, cubes::sdmx_json),
        case("sdmx-ml", Format::SdmxMl, cubes::sdmx_ml),
        case("sdmx-ml, generic", Format::SdmxMl, cubes::sdmx_ml_generic),
        case("json-stat", Format::JsonStat, cubes::json_stat),
        case("eurostat-tsv", Format::EurostatTsv, cubes::eurostat_tsv),
        case("pc-axis", Format::PcAxis, cubes::pc_axis),
        comma(case("ine-csv", Format::IneCsv, cubes::ine_csv)),
        comma(case("ine-csv, wide", Format::IneCsv, cubes::ine_csv_wide)),
        case("ine-tempus", Format::IneTempus, cubes::ine_tempus),
        case("icane-json", Format::IcaneJson, cubes::icane_json),
        Case { hints: declared, ..case("delimited", Format::Delimited, cubes::delimited) },
        workbook("xlsx", Format::Xlsx, cubes::xlsx),
        workbook("ods", Format::Ods, cubes::ods),
    ]
}

fn formats(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(7));
    for Case { name, format, write, hints } in cases() {
        let payload = write();
        let source = Source::from_bytes(payload.clone());
        check(name, format, &source, &hints);
        group.throughput(Throughput::ElementsAndBytes { elements: cubes::CELLS as u64, bytes: payload.len() as u64 });
        group.bench_function(name, |bencher| bencher.iter(|| rows(format, &source, &hints)));
    }
    group.finish();
}

fn rows(format: Format, source: &Source, hints: &Hints) -> usize {
    let table = decode::open(format, source, hints).expect("the payload opens");
    table.batches.map(|batch| black_box(batch.expect("the payload decodes")).num_rows()).sum()
}

/// Fast and wrong is no result: the rows, the values and their sum are the cube's.
fn check(name: &str, format: Format, source: &Source, hints: &Hints) {
    assert_eq!(rows(format, source, hints), cubes::CELLS, "rows of {name}");
    let table = decode::open(format, source, hints).expect("the payload opens");
    let (mut count, mut sum) = (0, 0);
    for batch in table.batches {
        let batch = batch.expect("the payload decodes");
        let Some(values) = batch.column_by_name(OBS_VALUE) else { return };
        for value in values.as_primitive::<Float64Type>().iter().flatten() {
            count += 1;
            sum += (value * 100.0).round() as u64;
        }
    }
    assert_eq!((count, sum), cubes::totals(), "values of {name}");
}

criterion_group!(benches, formats);
criterion_main!(benches);
