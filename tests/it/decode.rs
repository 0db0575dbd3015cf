//! Decoders: the project's own fixtures, the sources' real files, and what must hold of any table.
//!
//! `tests/formats/<format>/<case>.<ext>` adds a case; `bad_*` must fail. The golden text stands beside it
//! in `<case>.snap`. Hints stand in `<case>.toml`. `INSTA_UPDATE=always` writes golden files anew.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Float64Type, UInt64Type};
use calamine::{Data, Reader};
use proptest::prelude::*;
use tejido::decode::{self, CELL, DecodeError, Format, Hints, OBS_VALUE, Source};
use tejido::error::Report;

use crate::support::{repository, shared};

fn decode(format: Format, bytes: &[u8], hints: &Hints) -> Result<RecordBatch, DecodeError> {
    let table = decode::open(format, &Source::from_bytes(bytes), hints)?;
    let batches: Vec<RecordBatch> = table.batches.collect::<Result<_, _>>()?;
    Ok(concat_batches(&table.schema, &batches)?)
}

fn format(name: &str) -> Format {
    serde_json::from_value(serde_json::Value::String(name.into())).unwrap()
}

/// Text of one value, empty where null.
fn field(table: &RecordBatch, column: usize, row: usize) -> String {
    let array = table.column(column);
    match array.data_type() {
        _ if array.is_null(row) => String::new(),
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
        _ => {
            let array = array.as_any_dictionary();
            let key = array.normalized_keys()[row];
            array.values().as_string::<i32>().value(key).to_owned()
        }
    }
}

/// Every row, its first columns joined with `|`.
fn lines(table: &RecordBatch, columns: usize) -> Vec<String> {
    let line = |row| (0..columns).map(|column| field(table, column, row)).collect::<Vec<_>>().join("|");
    (0..table.num_rows()).map(line).collect()
}

/// The table as text, at most `limit` rows.
fn shown(table: &RecordBatch, limit: usize) -> String {
    let schema = table.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut lines = vec![names.join("|")];
    for row in 0..table.num_rows().min(limit) {
        let fields: Vec<String> = (0..table.num_columns()).map(|column| field(table, column, row)).collect();
        lines.push(fields.join("|"));
    }
    lines.push(format!("{} rows", table.num_rows()));
    lines.join("\n")
}

/// Reads every value of a workbook again at the sheet, row and column of its `cell`, with another reader.
#[track_caller]
fn check_workbook_cells(table: &RecordBatch, workbook: &[u8]) {
    let Some(values) = table.column_by_name(OBS_VALUE) else {
        return;
    };
    let values = values.as_primitive::<Float64Type>();
    let cells = table.column_by_name(CELL).unwrap().as_primitive::<UInt64Type>();
    let mut reader = calamine::open_workbook_auto_from_rs(Cursor::new(workbook.to_vec())).unwrap();
    for at in 0..table.num_rows() {
        let (sheet, row, column) = decode::workbook_cell(cells.value(at));
        let range = reader.worksheet_range_at(sheet.into()).unwrap().unwrap();
        let there = range.get_value((row, column.into()));
        let found = match there {
            Some(Data::Float(number)) => vec![Some(*number)],
            Some(Data::String(text)) if !matches!(text.as_str(), "" | ":" | ".." | ".") => readings(text).to_vec(),
            _ => vec![None],
        };
        let value = values.is_valid(at).then(|| values.value(at));
        // Another reader gives an error of ODS as its text.
        let is_error = value.is_none() && there.is_some_and(|there| there.to_string().starts_with('#'));
        assert!(is_error || found.contains(&value), "row {at}: {value:?} is not at {row}, {column}: {there:?}");
    }
}

/// Reads every value again at its `cell` in the decompressed payload.
#[track_caller]
fn check_cells(table: &RecordBatch, payload: &[u8]) {
    let Some((value_at, _)) = table.schema().column_with_name(OBS_VALUE) else {
        return;
    };
    let values = table.column(value_at).as_primitive::<Float64Type>();
    let cells = table.column(table.schema().index_of(CELL).unwrap()).as_primitive::<UInt64Type>();
    for row in 0..table.num_rows() {
        let at = &payload[cells.value(row) as usize..];
        let end = at.iter().position(|byte| !b"0123456789.,+-eE".contains(byte)).unwrap_or(at.len());
        let there = std::str::from_utf8(&at[..end]).unwrap();
        if values.is_valid(row) {
            let found = readings(there).contains(&Some(values.value(row)));
            assert!(found, "row {row}: {} is not at byte {}: `{there}`", values.value(row), cells.value(row));
        } else {
            // A mark, a status, or the end of an empty field.
            let is_value = at.first().is_some_and(u8::is_ascii_digit);
            assert!(!is_value, "row {row}: a missing value is not at byte {}: `{there}`", cells.value(row));
        }
    }
}

/// The program's own reading of what stands at each `cell` agrees with what was decoded, and with nothing else.
#[track_caller]
fn check_read_again(format: Format, table: &RecordBatch, bytes: &[u8], hints: &Hints) {
    let Some(values) = table.column_by_name(OBS_VALUE) else {
        return;
    };
    let values = values.as_primitive::<Float64Type>();
    let cells = table.column_by_name(CELL).unwrap().as_primitive::<UInt64Type>();
    let value = |row: usize| values.is_valid(row).then(|| values.value(row));
    let expected: BTreeMap<u64, Option<f64>> =
        (0..table.num_rows()).map(|row| (cells.value(row), value(row))).collect();
    let places: Vec<u64> = expected.keys().copied().collect();
    let mut seen = 0;
    decode::read_again(format, &Source::from_bytes(bytes), hints, &places, |cell, reading| {
        let value = expected[&cell];
        assert!(reading.says(value), "{reading:?}, expected {value:?}");
        assert!(!reading.says(value.map_or(Some(0.5), |value| Some(value + 0.5))), "{reading:?}");
        seen += 1;
    })
    .unwrap();
    assert_eq!(seen, places.len());
}

/// What digits with marks between them can mean: commas separate fields, or are decimal, or group thousands.
fn readings(text: &str) -> [Option<f64>; 5] {
    let mut fields = text.split(',');
    let first = fields.next().unwrap_or_default();
    // PC-Axis writes a dash for nil.
    let nil = (first == "-").then_some(0.0);
    let second = fields.next().map(|fraction| format!("{first}.{fraction}"));
    [
        first.parse().ok().or(nil),
        second.and_then(|text| text.parse().ok()),
        text.replace(',', "").parse().ok(),
        text.replace('.', "").replace(',', ".").parse().ok(),
        text.trim_end_matches([',', '.']).replace('.', "").parse().ok(),
    ]
}

fn hints(case: &Path) -> Hints {
    let Ok(text) = std::fs::read_to_string(case.with_extension("toml")) else {
        return Hints::default();
    };
    let table: toml::Table = text.parse().unwrap();
    let list = |name: &str| -> Vec<String> {
        let items = table.get(name).map(|value| value.as_array().unwrap().as_slice()).unwrap_or_default();
        items.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
    };
    let mark = |name: &str| table.get(name).map(|value| value.as_str().unwrap().chars().next().unwrap());
    let text = |name: &str| table.get(name).map(|value| value.as_str().unwrap().to_owned());
    Hints {
        encoding: text("encoding"),
        decimal: mark("decimal"),
        separator: mark("separator"),
        columns: list("columns"),
        dimensions: list("dimensions"),
        value: text("value"),
        time: text("time"),
        flag: text("flag"),
        header: table.get("header").map(|value| value.as_integer().unwrap() as u32),
        sheet: text("sheet"),
        dataset: text("dataset"),
        language: text("language"),
        name_part: table.get("name_part").map(|value| value.clone().try_into().unwrap()),
        max_decoded_bytes: table.get("max_decoded_bytes").map(|value| value.as_integer().unwrap() as u64),
    }
}

fn golden(folder: &Path) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

fn decompressed(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match bytes {
        [0x1f, 0x8b, ..] => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain).map(|_| plain).unwrap(),
        // The fixtures' archives have one small entry, whose text is its content.
        [b'P', b'K', ..] => b"Comunidades;Total\nCantabria;10,5\n".to_vec(),
        _ => bytes.to_vec(),
    }
}

#[test]
fn fixtures() {
    let formats = repository().join("tests/formats");
    let mut cases: Vec<PathBuf> = Vec::new();
    for folder in std::fs::read_dir(&formats).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if !path.extension().is_some_and(|extension| extension == "snap" || extension == "toml") {
                cases.push(path);
            }
        }
    }
    cases.sort();
    assert!(!cases.is_empty());
    for case in cases {
        let folder = case.parent().unwrap();
        let stem = case.file_stem().unwrap().to_str().unwrap();
        let bytes = std::fs::read(&case).unwrap();
        let (format, hints) = (format(folder.file_name().unwrap().to_str().unwrap()), hints(&case));
        let found = decode(format, &bytes, &hints);
        let text = match (&found, stem.starts_with("bad_")) {
            (Ok(table), false) => {
                match folder.ends_with("xlsx") || folder.ends_with("ods") {
                    true => check_workbook_cells(table, &bytes),
                    false => check_cells(table, &decompressed(&bytes)),
                }
                check_read_again(format, table, &bytes, &hints);
                shown(table, usize::MAX)
            }
            (Err(error), true) => {
                let report = Report::new(error);
                format!("{}\nhint: {}", report.one_line(), report.hint.unwrap_or_default())
            }
            (Ok(_), true) => panic!("{}: expected an error", case.display()),
            (Err(error), false) => panic!("{}: {}", case.display(), Report::new(error).one_line()),
        };
        golden(folder).bind(|| insta::assert_snapshot!(stem, text));
    }
}

#[test]
fn real_files() {
    let Some(shared) = shared() else {
        return;
    };
    let comma = Hints { decimal: Some(','), ..Hints::default() };
    let latin = Hints { encoding: Some("windows-1252".into()), ..comma.clone() };
    let canada = Hints { dataset: Some("oecd".into()), ..Hints::default() };
    let dos = Hints { encoding: Some("ibm850".into()), ..Hints::default() };
    let none = Hints::default();
    for (file, format, hints) in [
        ("eurostat-tsv/estat_ilc_di03.subset.tsv", Format::EurostatTsv, &none),
        ("sdmx-csv/isoc_eb_das.excerpt.csv", Format::SdmxCsv, &none),
        ("sdmx-csv/estat-v1-lfsa_argan-flags.csv", Format::SdmxCsv, &none),
        ("sdmx-csv/estat-lfsa_egai2d-v2-bulk_v1.csv", Format::SdmxCsv, &none),
        ("sdmx-csv/sdmxcsv2-01.csv", Format::SdmxCsv, &none),
        ("sdmx-csv/sdmxcsv2-05-labels.csv", Format::SdmxCsv, &none),
        ("sdmx-csv/pysdmx-v2-csv_labels_name.csv", Format::SdmxCsv, &none),
        ("jsonstat/galicia-2.0.json", Format::JsonStat, &none),
        ("jsonstat/isoc_ci_cm_h.A1-A1_DCH.json", Format::JsonStat, &none),
        ("jsonstat/isoc_e_dii.E_DI4.json", Format::JsonStat, &none),
        ("jsonstat/sts_inpr_m-all-confidential.json", Format::JsonStat, &none),
        ("jsonstat/oecd-canada-1.x.json", Format::JsonStat, &canada),
        ("icane/icane-epa-cantabria.json-stat2.json", Format::JsonStat, &none),
        ("px/ine-14001-matrimonios.px", Format::PcAxis, &none),
        ("px/ine-27067-ipri-cantabria.px", Format::PcAxis, &none),
        ("px/ine-o20012-cp850.px", Format::PcAxis, &dos),
        ("px/ine-22350-ipc-ca06.px", Format::PcAxis, &none),
        ("icane/hogares-personas-tamano-medio-hogar.pc-axis.px", Format::PcAxis, &none),
        ("sdmx-json/sdmxjson1-exr-ts.json", Format::SdmxJson, &none),
        ("sdmx-json/sdmxjson2-exr-flat.json", Format::SdmxJson, &none),
        ("sdmx-ml/isoc_ic_biski.generic21.xml", Format::SdmxMl, &none),
        ("sdmx-ml/ESTAT-NAMA_10_GDP.structurespecific.xml", Format::SdmxMl, &none),
        ("ine-tempus3/datos_tabla_24077_nult3.json", Format::IneTempus, &none),
        ("ine-tempus3/datos_serie_IPC251852_tipA.json", Format::IneTempus, &none),
        ("ine-tempus3/datos_tabla_pcaxis_tpx.json", Format::IneTempus, &none),
        ("dirce/dirce-39371-2024-divisiones.csv", Format::IneCsv, &none),
        ("ine-csv/dirce-30157.excerpt.csv_sc.csv", Format::IneCsv, &latin),
        ("ine-csv/tic-empresas-ccaa-ia-76405.excerpt.csv", Format::IneCsv, &comma),
        ("ine-csv/tic-empresas-ccaa-robots-28842.excerpt.csv", Format::IneCsv, &latin),
        ("ine-csv/tic-empresas-nacional-ia-76387.excerpt.csv", Format::IneCsv, &comma),
    ] {
        let bytes = std::fs::read(shared.join("payloads").join(file)).unwrap();
        assert_eq!(decode::detect(&Source::from_bytes(bytes.as_slice()), hints).unwrap(), format, "{file}");
        let table = decode(format, &bytes, hints).unwrap_or_else(|error| panic!("{file}: {error}"));
        check_cells(&table, &bytes);
        check_read_again(format, &table, &bytes, hints);
        let values = table.column(table.schema().index_of(OBS_VALUE).unwrap()).as_primitive::<Float64Type>();
        let sum: f64 = values.iter().flatten().sum();
        let text = format!("{}\n{} missing, sum {sum:.4}", shown(&table, 12), values.null_count());
        let name = file.replace(['/', '.'], "_");
        golden(&repository().join("tests/formats/shared")).bind(|| insta::assert_snapshot!(name, text));
    }
}

/// What the sources send that is no table of numbers is refused with what it says.
#[test]
fn real_refusals() {
    let Some(shared) = shared() else {
        return;
    };
    let mut text = String::new();
    for file in [
        "errors/ESTAT-footer-413-old.xml",
        "errors/eurostat-400-bad-dimension.json",
        "errors/eurostat-400-bad-value.json",
        "errors/eurostat-404-soap-fault.xml",
        "errors/eurostat-404-statistics.json",
        "errors/eurostat-413-soap-fault.xml",
        "errors/eurostat-413-statistics.json",
        "errors/sdmx_to_http_error_mapping.csv",
        "eurostat-structure/estat-lfsa_egai2d.dataflow_all.xml",
        "eurostat-structure/isoc_ci_cm_h.dataflow.json",
        "eurostat-tsv/prodcom-ds-059358-excerpt.tsv",
        "ine-tempus3/tablas_operacion_tipA.json",
        "sdmx-csv/pysdmx-v2-data_v2_structures.csv",
        "sdmx-csv/pysdmx-v2-data_v2_three_actions.csv",
    ] {
        let bytes = std::fs::read(shared.join("payloads").join(file)).unwrap();
        let hints = Hints::default();
        let found = decode::detect(&Source::from_bytes(bytes.as_slice()), &hints)
            .and_then(|format| decode(format, &bytes, &hints));
        let report = Report::new(&found.expect_err(file));
        text.push_str(&format!("{file}\n{}\nhint: {}\n\n", report.one_line(), report.hint.unwrap_or_default()));
    }
    golden(&repository().join("tests/formats/shared")).bind(|| insta::assert_snapshot!("refusals", text));
}

/// A payload of many blocks is parsed side by side: its rows come in order, and an error comes where it stands.
#[test]
fn many_blocks_keep_their_order() {
    let mut text = String::from("DATAFLOW,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG\n");
    for row in 0..150_000 {
        text.push_str(&format!("ESTAT:X(1.0),R{},2025,{row},{}\n", row % 700, if row % 3 == 0 { "b" } else { "" }));
    }
    assert!(text.len() > 4 << 20);
    let table = decode(Format::SdmxCsv, text.as_bytes(), &Hints::default()).unwrap();
    check_cells(&table, text.as_bytes());
    check_read_again(Format::SdmxCsv, &table, text.as_bytes(), &Hints::default());
    let values = table.column_by_name(OBS_VALUE).unwrap().as_primitive::<Float64Type>();
    assert!((0..150_000).all(|row| values.value(row) == row as f64));
    assert_eq!((field(&table, 0, 140_001), field(&table, 3, 140_001)), ("R1".into(), "b".into()));

    let wrong = text.replace(",100000,", ",one,").replace(",140000,", ",other,");
    let table = decode::open(Format::SdmxCsv, &Source::from_bytes(wrong.as_bytes()), &Hints::default()).unwrap();
    let batches: Vec<_> = table.batches.collect();
    let (last, good) = batches.split_last().unwrap();
    let error = last.as_ref().unwrap_err().to_string();
    assert!(error.starts_with("line 100002, column 24 ") && error.ends_with("found `one`"), "{error}");
    let rows: usize = good.iter().map(|batch| batch.as_ref().unwrap().num_rows()).sum();
    assert!(rows <= 100_000 && rows > 60_000, "{rows}");

    // The payload breaks off behind good blocks: these come first.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    let whole = encoder.finish().unwrap();
    let table =
        decode::open(Format::SdmxCsv, &Source::from_bytes(&whole[..whole.len() - 99]), &Hints::default()).unwrap();
    let batches: Vec<_> = table.batches.collect();
    assert!(batches.len() > 3 && batches[0].is_ok());
    assert!(matches!(batches.last().unwrap(), Err(DecodeError::Truncated { .. })));
}

/// Codes as real ones are: `GE10`, `C10-S951_X_K`, with a few letters that need more than a byte.
const CODE: &str = "[A-Z0-9_ñ-]{1,6}";

fn value() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        4 => (-100_000i64..10_000_000, 0u32..4).prop_map(|(digits, places)| Some(digits as f64 / 10f64.powi(places as i32))),
        1 => Just(None),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// A random table written as Eurostat TSV is read back, value by value, flag by flag.
    #[test]
    fn tsv_is_read_back(
        rows in prop::collection::vec((CODE, CODE, prop::collection::vec((value(), "[a-z]{0,2}", prop::bool::ANY), 3)), 1..30),
        crlf in prop::bool::ANY,
    ) {
        let mut text = String::from("freq,nace_r2,geo\\TIME_PERIOD\t2023 \t2024 \t2025 ");
        let end = if crlf { "\r\n" } else { "\n" };
        text.push_str(end);
        let mut expected = Vec::new();
        for (sector, region, cells) in &rows {
            text.push_str(&format!("A,{sector},{region}"));
            for ((value, flags, confidential), period) in cells.iter().zip(["2023", "2024", "2025"]) {
                let confidential = *confidential && value.is_none();
                let number = value.map_or(":".to_owned(), |value| value.to_string());
                let mark = if confidential { "C" } else { "" };
                text.push_str(&format!("\t{number} {flags}{mark}"));
                expected.push(format!("A|{sector}|{region}|{period}|{}|{flags}|{mark}", value.map_or(String::new(), |value| value.to_string())));
            }
            text.push_str(end);
        }
        let table = decode(Format::EurostatTsv, text.as_bytes(), &Hints::default()).unwrap();
        check_cells(&table, text.as_bytes());
        let found = lines(&table, 7);
        prop_assert_eq!(found, expected);
    }

    /// The same as SDMX-CSV, with quotes where they are needed and a column that is not known.
    #[test]
    fn sdmx_csv_is_read_back(rows in prop::collection::vec((CODE, "[a-z,\" ]{0,8}", value(), "[a-z]{0,2}"), 1..40)) {
        let mut text = String::from("DATAFLOW,LAST UPDATE,freq,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG,COMMENT\r\n");
        let mut expected = Vec::new();
        for (region, comment, value, flags) in &rows {
            let number = value.map_or(String::new(), |value| value.to_string());
            let quoted = format!("\"{}\"", comment.replace('"', "\"\""));
            text.push_str(&format!("ESTAT:X(1.0),01/02/26 11:00:00,A,{region},2025,{number},{flags},{quoted}\r\n"));
            expected.push(format!("A|{region}|2025|{number}|{flags}||{comment}"));
        }
        let table = decode(Format::SdmxCsv, text.as_bytes(), &Hints::default()).unwrap();
        check_cells(&table, text.as_bytes());
        let found = lines(&table, 7);
        prop_assert_eq!(found, expected);
    }

    /// The same as INE's long CSV, with a decimal comma.
    #[test]
    fn ine_csv_is_read_back(rows in prop::collection::vec(("[A-Za-zñ]{1,8}", value()), 1..40)) {
        let mut text = String::from("Comunidades;Total\n");
        let mut expected = Vec::new();
        for (region, value) in &rows {
            let number = value.map_or("..".to_owned(), |value| value.to_string().replace('.', ","));
            text.push_str(&format!("{region};{number}\n"));
            expected.push(format!("{region}|{}", value.map_or(String::new(), |value| value.to_string())));
        }
        let hints = Hints { decimal: Some(','), ..Hints::default() };
        let table = decode(Format::IneCsv, text.as_bytes(), &hints).unwrap();
        check_cells(&table, text.as_bytes());
        let found = lines(&table, 2);
        prop_assert_eq!(found, expected);
    }

    /// A random cube as JSON-stat is read back: values in an array or by index, statuses of cells with and
    /// without a value, members in any order.
    #[test]
    fn json_stat_is_read_back(
        sizes in (1usize..4, 1usize..5, 1usize..4),
        cells in prop::collection::vec((value(), any::<bool>(), "[a-z]{0,2}"), 60),
        sparse in any::<bool>(),
        order in Just([0, 1, 2, 3, 4]).prop_shuffle(),
    ) {
        let (a, b, c) = sizes;
        let cells = &cells[..a * b * c];
        let codes = |name: &str, size: usize| (0..size).map(|at| format!("\"{name}{at}\":{at}")).collect::<Vec<_>>().join(",");
        let dimension = |name: &str, size: usize| format!("\"{name}\":{{\"category\":{{\"index\":{{{}}}}}}}", codes(name, size));
        let mut values = Vec::new();
        let mut statuses = Vec::new();
        let mut expected = Vec::new();
        for (at, (value, absent, status)) in cells.iter().enumerate() {
            let absent = *absent && sparse;
            let number = value.map_or("null".to_owned(), |value| value.to_string());
            match sparse {
                true if absent => {}
                true => values.push(format!("\"{at}\": {number}")),
                false => values.push(number),
            }
            if !status.is_empty() {
                statuses.push(format!("\"{at}\":\"{status}\""));
            }
            if !absent || !status.is_empty() {
                let value = value.filter(|_| !absent).map_or(String::new(), |value| value.to_string());
                expected.push(format!("a{}|b{}|time{}|{value}|{status}|", at / (b * c), at / c % b, at % c));
            }
        }
        // The order in which an object names its cells is nobody's business.
        if sparse {
            values.reverse();
        }
        let (open, close) = if sparse { ("{", "}") } else { ("[", "]") };
        let members = [
            "\"class\":\"dataset\",\"label\":\"\\u00e1 \\\"x\\\"\"".to_owned(),
            format!("\"value\":{open}{}{close}", values.join(", ")),
            format!("\"status\":{{{}}}", statuses.join(",")),
            format!("\"id\":[\"a\",\"b\",\"time\"],\"size\":[{a},{b},{c}]"),
            format!("\"dimension\":{{{},{},{}}}", dimension("a", a), dimension("time", c), dimension("b", b)),
        ];
        let text = format!("{{{}}}", order.map(|at| members[at].clone()).join(",\n"));
        let table = decode(Format::JsonStat, text.as_bytes(), &Hints::default()).unwrap();
        check_cells(&table, text.as_bytes());
        let mut found = lines(&table, 6);
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
        // Cut anywhere, it is an error and never a smaller table.
        let cut = text.len() * 2 / 3;
        prop_assert!(decode(Format::JsonStat, &text.as_bytes()[..cut], &Hints::default()).is_err());
    }

    /// A random cube as SDMX-JSON is read back: in series or flat, 1.0 or 2.0, the structure before or behind.
    #[test]
    fn sdmx_json_is_read_back(
        rows in prop::collection::btree_map((0usize..4, 0usize..3, 0usize..5), (value(), prop::option::of(0usize..2), prop::option::of(0usize..3)), 1..40),
        flat in any::<bool>(), second in any::<bool>(), behind in any::<bool>(),
    ) {
        let values = |name: &str, size: usize| (0..size).map(|at| format!("{{\"id\":\"{name}{at}\"}}")).collect::<Vec<_>>().join(",");
        let dimension = |name: &str, key: &str, size: usize| format!("{{\"id\":\"{name}\",{key}\"values\":[{}]}}", values(name, size));
        // The columns follow `keyPosition`: b, a, then time.
        let (a, b) = (dimension("a", "\"keyPosition\":1,", 4), dimension("b", "\"keyPosition\":0,", 3));
        let time = dimension("TIME_PERIOD", "", 5);
        let dimensions = match flat {
            true => format!("\"dataSet\":[],\"series\":[],\"observation\":[{a},{b},{time}]"),
            false => format!("\"dataSet\":[],\"series\":[{a},{b}],\"observation\":[{time}]"),
        };
        let attributes = format!("\"series\":[],\"observation\":[{{\"id\":\"OBS_STATUS\",\"values\":[{}]}},{{\"id\":\"NOTE\",\"values\":[{{\"name\":\"n0\"}},{{\"name\":\"n1\"}},{{\"name\":\"n2\"}}]}}]", values("s", 2));
        let structure = format!("{{\"dimensions\":{{{dimensions}}},\"attributes\":{{{attributes}}}}}");
        let position = |position: &Option<usize>| position.map_or("null".to_owned(), |position| position.to_string());
        let mut series: std::collections::BTreeMap<(usize, usize), Vec<String>> = std::collections::BTreeMap::new();
        let mut lines_flat = Vec::new();
        let mut expected = Vec::new();
        for ((at_a, at_b, at_time), (value, status, note)) in &rows {
            let number = value.map_or("null".to_owned(), |value| value.to_string());
            let observation = format!("[{number}, {}, {}]", position(status), position(note));
            series.entry((*at_a, *at_b)).or_default().push(format!("\"{at_time}\": {observation}"));
            lines_flat.push(format!("\"{at_a}:{at_b}:{at_time}\": {observation}"));
            let status = status.map_or(String::new(), |status| format!("s{status}"));
            let note = note.map_or(String::new(), |note| format!("n{note}"));
            let value = value.map_or(String::new(), |value| value.to_string());
            expected.push(format!("b{at_b}|a{at_a}|TIME_PERIOD{at_time}|{value}|{status}||{note}"));
        }
        let data = match flat {
            true => format!("\"observations\":{{{}}}", lines_flat.join(",")),
            false => {
                let series = series.iter().map(|((a, b), lines)| format!("\"{a}:{b}\":{{\"observations\":{{{}}},\"attributes\":[]}}", lines.join(",")));
                format!("\"series\":{{{}}}", series.collect::<Vec<_>>().join(","))
            }
        };
        let sets = format!("\"dataSets\":[{{\"action\":\"Information\",{data}}}]");
        let structure = if second { format!("\"structures\":[{structure}]") } else { format!("\"structure\":{structure}") };
        let both = if behind { format!("{sets},{structure}") } else { format!("{structure},{sets}") };
        let text = if second { format!("{{\"meta\":{{}},\"data\":{{{both}}}}}") } else { format!("{{\"header\":{{}},{both}}}") };
        let table = decode(Format::SdmxJson, text.as_bytes(), &Hints::default()).unwrap();
        check_cells(&table, text.as_bytes());
        prop_assert_eq!(lines(&table, 7), expected);
        prop_assert!(decode(Format::SdmxJson, &text.as_bytes()[..text.len() * 3 / 4], &Hints::default()).is_err());
    }

    /// Any bytes, and any bytes after a good header, give a table or an error, never a panic.
    #[test]
    fn any_bytes_are_survived(
        body in prop::collection::vec(prop_oneof![3 => prop::sample::select(b",;\t\n\"\r :.0123ABCu\\{}[]en-".to_vec()), 1 => any::<u8>()], 0..300),
        cut in 0usize..160,
    ) {
        for (format, header) in [
            (Format::EurostatTsv, "freq,geo\\TIME_PERIOD\t2024 \t2025 \n"),
            (Format::SdmxCsv, "DATAFLOW,freq,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG\n"),
            (Format::IneCsv, "Comunidades;Actividad;Total\n"),
            (Format::Delimited, "Nombre;NIF\n"),
            (Format::SdmxJson, "{\"structure\":{\"dimensions\":{\"observation\":[{\"id\":\"a\",\"values\":[{\"id\":\"x\"}]}]}},\"dataSets\":[{\"observations\":{\"0\":["),
            (Format::JsonStat, "{\"id\":[\"a\"],\"size\":[2],\"dimension\":{\"a\":{\"category\":{\"index\":[\"x\",\"y\"]}}},\"value\":[1,"),
        ] {
            let hints = Hints { columns: vec!["Nombre".into()], max_decoded_bytes: Some(1 << 20), ..Hints::default() };
            let header = &header.as_bytes()[..header.len().min(cut)];
            let _ = decode(format, &[header, &body].concat(), &hints);
            let _ = decode(format, &body, &hints);
        }
    }
}
