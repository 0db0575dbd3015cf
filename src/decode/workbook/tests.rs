#![allow(clippy::unwrap_used)]
use std::io::{Cursor, Read, Write};

use calamine::{Data, Reader, open_workbook_auto_from_rs};
use proptest::prelude::*;
use rust_xlsxwriter::{ExcelDateTime, Format as Look, Formula, Workbook, Worksheet};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::super::probe::{Decoded, decoded, refused};
use super::*;
use crate::decode::{Format, detect};
use crate::error::Hint;

fn xlsx(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    fill(workbook.add_worksheet().set_name("Hoja1").unwrap());
    workbook.save_to_buffer().unwrap()
}

fn zipped(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const ODS_HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x" xmlns:calcext="c"><office:body><office:spreadsheet><table:calculation-settings/>"#;
const ODS_FOOT: &str = "</office:spreadsheet></office:body></office:document-content>";

/// A workbook of sheets as `content.xml` has them.
fn ods(sheets: &str) -> Vec<u8> {
    let content = format!("{ODS_HEAD}{sheets}{ODS_FOOT}");
    let manifest =
        r#"<manifest:manifest xmlns:manifest="m"><manifest:file-entry manifest:full-path="/"/></manifest:manifest>"#;
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file("mimetype", stored).unwrap();
    writer.write_all(b"application/vnd.oasis.opendocument.spreadsheet").unwrap();
    for (name, text) in [("content.xml", content.as_str()), ("META-INF/manifest.xml", manifest)] {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn ods_sheet(name: &str, rows: &str) -> String {
    format!("<table:table table:name=\"{name}\"><table:table-column/>{rows}</table:table>")
}

/// Cells of text, or of numbers where they are any.
fn ods_row(cells: &[&str]) -> String {
    let cell = |text: &&str| match text.parse::<f64>() {
        Ok(_) => format!("<table:table-cell office:value-type=\"float\" office:value=\"{text}\"/>"),
        Err(_) if text.is_empty() => "<table:table-cell/>".to_owned(),
        Err(_) => format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>"),
    };
    format!("<table:table-row>{}</table:table-row>", cells.iter().map(cell).collect::<String>())
}

fn observed() -> Hints {
    Hints { value: Some("Valor".into()), time: Some("Año".into()), ..Hints::default() }
}

fn read(format: Format, bytes: &[u8], hints: &Hints) -> Decoded {
    decoded(format, bytes, hints).unwrap()
}

#[test]
fn a_register_below_a_title() {
    let bytes = xlsx(|sheet| {
        sheet.merge_range(0, 0, 0, 3, "Socios a 31/12/2025", &Look::new()).unwrap();
        for (column, name) in ["Nombre", "Empleados", "Alta", "Exportador", "", "CP"].iter().enumerate() {
            sheet.write_string(2, column as u16, *name).unwrap();
        }
        sheet.write_string(3, 0, " Acero, S.L. ").unwrap();
        sheet.write_number(3, 1, 12.0).unwrap();
        let day = Look::new().set_num_format("dd/mm/yyyy");
        sheet.write_datetime_with_format(3, 2, ExcelDateTime::from_ymd(2025, 1, 31).unwrap(), &day).unwrap();
        sheet.write_boolean(3, 3, true).unwrap();
        sheet.write_string(3, 4, "no name, not decoded").unwrap();
        sheet.write_string(3, 5, "08001").unwrap();
        sheet.write_string(5, 4, "no column of it is decoded").unwrap();
        let time = Look::new().set_num_format("yyyy-mm-dd hh:mm");
        let moment = ExcelDateTime::from_ymd(2025, 1, 31).unwrap().and_hms(10, 0, 0).unwrap();
        sheet.write_datetime_with_format(6, 2, moment, &time).unwrap();
        sheet.write_number_with_format(6, 1, 0.125, &Look::new().set_num_format("0.0%")).unwrap();
    });
    let found = read(Format::Xlsx, &bytes, &Hints::default());
    assert_eq!(found.names, ["Nombre", "Empleados", "Alta", "Exportador", "CP", "row", "cell"]);
    assert_eq!(found.lines(), ["Acero, S.L.|12|2025-01-31|true|08001|4", "|0.125|2025-01-31T10:00:00|||7"]);
    assert_eq!(found.rows[1].last().unwrap(), &pack_workbook_cell(0, 6, 1).to_string());
    let hints = Hints { columns: vec!["CP".into(), "Nombre".into()], ..Hints::default() };
    assert_eq!(read(Format::Xlsx, &bytes, &hints).lines(), ["08001|Acero, S.L.|4"]);
    let hints = Hints { columns: vec!["Nomber".into()], ..Hints::default() };
    let error = decoded(Format::Xlsx, &bytes, &hints).err().unwrap();
    assert!(
        error
            .to_string()
            .starts_with("Hoja1!A1: expected a row with all columns that are named, and so a column `Nomber`")
    );
    let hints = Hints { columns: vec!["Nombre".into()], header: Some(4), ..Hints::default() };
    let error = refused(Format::Xlsx, &bytes, &hints);
    assert_eq!(error, "Hoja1!A4: expected a column `Nombre`, found 6 other columns");
}

/// Labels that stand for several rows, marks, notes and text numbers: the same in both formats.
fn same_table() -> [(Format, Vec<u8>); 2] {
    let xlsx = xlsx(|sheet| {
        sheet.write_string(0, 0, "Uso de IA").unwrap();
        for (column, name) in ["CCAA", "Año", "Valor", "Nota"].iter().enumerate() {
            sheet.write_string(1, column as u16, *name).unwrap();
        }
        sheet.merge_range(2, 0, 4, 0, "Cantabria", &Look::new()).unwrap();
        for (row, year, value) in [(2, 2023.0, 10.99), (4, 2025.0, 0.1 + 0.2)] {
            sheet.write_number(row, 1, year).unwrap();
            sheet.write_number(row, 2, value).unwrap();
        }
        sheet.write_number(3, 1, 2024.0).unwrap();
        sheet.write_formula(3, 2, Formula::new("=NA()").set_result("#N/A")).unwrap();
        sheet.write_string(5, 0, "Total").unwrap();
        sheet.write_number(5, 1, 2025.0).unwrap();
        sheet.write_string(5, 2, "1.210,5").unwrap();
        sheet.write_string(5, 3, "b").unwrap();
        sheet.write_string(7, 0, "Fuente: INE").unwrap();
    });
    let head = ods_row(&["Uso de IA"]) + &ods_row(&["CCAA", "Año", "Valor", "Nota"]);
    let first = "<table:table-row><table:table-cell table:number-rows-spanned=\"3\" office:value-type=\"string\"><text:p>Canta<text:span>bria</text:span></text:p></table:table-cell>";
    let cells = |year: &str, value: &str| {
        format!("<table:table-cell office:value-type=\"float\" office:value=\"{year}\"/>{value}</table:table-row>")
    };
    let number = |value: &str| format!("<table:table-cell office:value-type=\"float\" office:value=\"{value}\"/>");
    let covered = "<table:table-row><table:covered-table-cell/>";
    let not_available = "<table:table-cell table:formula=\"of:=NA()\" office:value-type=\"string\" office:string-value=\"\" calcext:value-type=\"error\"><text:p>#N/A</text:p></table:table-cell>";
    let rows = [
        head,
        format!("{first}{}", cells("2023", &number("10.99"))),
        format!("{covered}{}", cells("2024", not_available)),
        format!("{covered}{}", cells("2025", &number("0.30000000000000004"))),
        ods_row(&["Total", "2025", "1.210,5", "b"]),
        "<table:table-row table:number-rows-repeated=\"1\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>".into(),
        ods_row(&["Fuente: INE"]),
        "<table:table-row table:number-rows-repeated=\"1048568\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>".into(),
    ];
    [(Format::Xlsx, xlsx), (Format::Ods, ods(&ods_sheet("Hoja1", &rows.concat())))]
}

#[test]
fn observations_with_merged_labels_marks_and_notes() {
    let hints = Hints { flag: Some("Nota".into()), decimal: Some(','), ..observed() };
    for (format, bytes) in same_table() {
        let found = read(format, &bytes, &hints);
        assert_eq!(found.names, ["CCAA", "time_period", "obs_value", "obs_flag", "conf_status", "cell"]);
        assert_eq!(
            found.lines(),
            [
                "Cantabria|2023|10.99||",
                "Cantabria|2024||#N/A|",
                "Cantabria|2025|0.30000000000000004||",
                "Total|2025|1210.5|b|",
            ]
        );
        assert_eq!(found.metadata.notes, ["Fuente: INE"]);
        assert_eq!(found.cells()[3].1 as u64, pack_workbook_cell(0, 5, 2));
        let error = refused(format, &bytes, &Hints { decimal: None, ..hints.clone() });
        assert!(error.starts_with("Hoja1!C6: expected a number with a decimal point, found `1.210,5`"), "{error}");
    }
}

#[test]
fn what_is_no_value_is_refused_at_its_cell() {
    let refusal = |fill: &dyn Fn(&mut Worksheet)| {
        let bytes = xlsx(|sheet| {
            for (column, name) in ["CCAA", "Año", "Valor"].iter().enumerate() {
                sheet.write_string(0, column as u16, *name).unwrap();
            }
            sheet.write_string(1, 0, "Cantabria").unwrap().write_number(1, 1, 2025.0).unwrap();
            sheet.write_string(2, 0, "Asturias").unwrap().write_number(2, 1, 2025.0).unwrap();
            fill(sheet);
        });
        refused(Format::Xlsx, &bytes, &observed())
    };
    let message = refusal(&|sheet| {
        sheet.merge_range(1, 2, 2, 2, "7", &Look::new()).unwrap();
    });
    assert_eq!(message, "Hoja1!C3: expected a value of its own, found a part of a merged area");
    let message = refusal(&|sheet| {
        sheet.write_string(1, 2, "n.d.").unwrap();
    });
    assert_eq!(message, "Hoja1!C2: expected a number with a decimal point, found `n.d.`");
    let message = refusal(&|sheet| {
        sheet.write_formula(2, 2, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
    });
    assert_eq!(message, "Hoja1!C3: expected a number, found `#DIV/0!`");
    let message = refusal(&|sheet| {
        let day = Look::new().set_num_format("dd/mm/yyyy");
        sheet.write_datetime_with_format(1, 2, ExcelDateTime::from_ymd(2025, 1, 31).unwrap(), &day).unwrap();
    });
    assert_eq!(message, "Hoja1!C2: expected a number, found the date or time `2025-01-31`");
    let message = refusal(&|sheet| {
        sheet.write_number(5, 2, 4.0).unwrap();
    });
    assert_eq!(message, "Hoja1!A6: expected a code of `CCAA`, found nothing");
}

#[test]
fn a_formula_without_a_result_is_refused() {
    let row = ods_row(&["CCAA", "Año", "Valor"])
        + "<table:table-row><table:table-cell office:value-type=\"string\"><text:p>A</text:p></table:table-cell><table:table-cell office:value-type=\"float\" office:value=\"2025\"/><table:table-cell table:formula=\"of:=[.A1]\"/></table:table-row>";
    let error = refused(Format::Ods, &ods(&ods_sheet("S", &row)), &observed());
    assert_eq!(error, "S!C2: expected a number, found a formula without a result");
    let cells = r#"<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" t="str"><v>b</v></c></row><row r="2"><c r="A2"><f>1+1</f><v></v></c><c r="B2"><f>2+2</f><v>4</v></c></row>"#;
    let error = refused(Format::Xlsx, &plain_xlsx(cells, ""), &Hints::default());
    assert_eq!(error, "S!A2: expected text or a number, found a formula without a result");
}

/// A workbook of one sheet with these rows, as a program writes it that knows little.
fn plain_xlsx(rows: &str, behind: &str) -> Vec<u8> {
    let sheet = format!(
        "<worksheet xmlns=\"s\"><dimension ref=\"A1:XFD1048576\"/><sheetData>{rows}</sheetData>{behind}</worksheet>"
    );
    zipped(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("xl/workbook.xml", b"<workbook xmlns:r=\"r\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"),
        ("xl/_rels/workbook.xml.rels", b"<Relationships><Relationship Id=\"rId1\" Type=\"t/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"rId2\" Type=\"t/sharedStrings\" Target=\"/xl/sharedStrings.xml\"/></Relationships>"),
        ("xl/sharedStrings.xml", b"<sst uniqueCount=\"99999999999999\"><si/><si><t>b</t><rPh><t>no</t></rPh></si><si><r><t>c</t></r><r><t>d</t></r></si></sst>"),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

#[test]
fn what_a_file_claims_takes_no_memory() {
    // Rows and cells without places, an empty shared string that counts, a claim of as many strings as no memory holds.
    let rows = r#"<row><c t="s"><v>1</v></c><c t="s"><v>2</v></c></row><row><c><v>1</v></c><c t="s"><v>0</v></c></row><row r="1048576"><c r="A1048576"><v>2</v></c></row>"#;
    let found = read(Format::Xlsx, &plain_xlsx(rows, ""), &Hints::default());
    assert_eq!(found.names, ["b", "cd", "row", "cell"]);
    assert_eq!(found.lines(), ["1||2", "2||1048576"]);
    for (rows, behind, expected) in [
        (r#"<row r="4294967297"><c r="A4294967297"><v>1</v></c></row>"#, "", "expected the number of a row near here"),
        (r#"<row><c r="XFE1"><v>1</v></c></row>"#, "", "expected the place of a cell"),
        (r#"<row><c r="B1"><v>1</v></c><c r="A1"><v>1</v></c></row>"#, "", "expected rows and cells in their order"),
        (r#"<row><c t="s"><v>3</v></c></row>"#, "", "expected the number of a text"),
        (r#"<row><c t="n"><v>inf</v></c></row>"#, "", "expected a number"),
        (
            r#"<row><c><v>1</v></c></row>"#,
            r#"<mergeCells><mergeCell ref="B2:A1"/></mergeCells>"#,
            "expected a merged area",
        ),
        (r#"<row><c>"#, "", "of the part `xl/worksheets/sheet1.xml`"),
        (r#"<row></row>"#, "", "a sheet that has cells, found none"),
    ] {
        let error = refused(Format::Xlsx, &plain_xlsx(rows, behind), &Hints::default());
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn repeats_are_not_written_out() {
    let repeated = |rows: &str, columns: &str| {
        format!(
            "<table:table-row table:number-rows-repeated=\"{rows}\"><table:table-cell table:number-columns-repeated=\"{columns}\" office:value-type=\"string\"><text:p>x</text:p></table:table-cell></table:table-row>"
        )
    };
    let head: String = (0..400).map(|column| format!("c{column} ")).collect();
    let names: Vec<&str> = head.split_whitespace().collect();
    let sheet = |rows: &str, columns: &str| ods(&ods_sheet("S", &(ods_row(&names) + &repeated(rows, columns))));
    let one = Hints { columns: vec!["c7".into()], ..Hints::default() };
    let table = crate::decode::open(Format::Ods, &Source::from_bytes(sheet("1048575", "16384")), &one).unwrap();
    assert_eq!(table.batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 1_048_575);
    let error = refused(Format::Ods, &sheet("1048575", "16384"), &Hints::default());
    assert!(error.contains("cells, those that are repeated counted as often"), "{error}");
    let error = refused(Format::Ods, &sheet("1048576", "1"), &Hints::default());
    assert!(error.starts_with("S!A2: expected cells in at most 1048576 rows"), "{error}");
    let error = refused(Format::Ods, &sheet("1", "99999999999"), &Hints::default());
    assert!(error.contains("16384 columns"), "{error}");
    // The text of one cell, a thousand times.
    let long = "y".repeat(100_000);
    let rows = ods_row(&["a", "b"]) + &repeated("3000", "2").replace(">x<", &format!(">{long}<"));
    let hints = Hints { max_decoded_bytes: Some(100_000_000), ..Hints::default() };
    let found = decoded(Format::Ods, &ods(&ods_sheet("S", &rows)), &hints).err().unwrap();
    assert!(matches!(found, DecodeError::TooLarge { .. }), "{found:?}");
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let zeros = vec![b' '; 3_000_000];
    let limit = Hints { max_decoded_bytes: Some(1_000_000), ..Hints::default() };
    for (format, name) in [(Format::Xlsx, "xl/workbook.xml"), (Format::Ods, "content.xml")] {
        let error = decoded(format, &zipped(&[(name, &zeros)]), &limit).err().unwrap();
        assert!(matches!(error, DecodeError::TooLarge { limit: 1_000_000 }), "{error:?}");
    }
}

#[test]
fn the_sheet_is_named_where_several_have_cells() {
    let mut workbook = Workbook::new();
    for name in ["Datos 2024", "Datos 2025", "Vacía"] {
        let sheet = workbook.add_worksheet().set_name(name).unwrap();
        if name != "Vacía" {
            sheet.write_string(0, 0, "a").unwrap().write_string(0, 1, name).unwrap().write_number(1, 0, 1.0).unwrap();
        }
    }
    let xlsx = workbook.save_to_buffer().unwrap();
    let sheets = ["Datos 2024", "Datos 2025"].map(|name| ods_sheet(name, &(ods_row(&["a", name]) + &ods_row(&["1"]))));
    let ods = ods(&format!(
        "{}{}",
        sheets.concat(),
        ods_sheet("Vacía", "<table:table-row><table:table-cell/></table:table-row>")
    ));
    for (format, bytes) in [(Format::Xlsx, xlsx), (Format::Ods, ods)] {
        let error = decoded(format, &bytes, &Hints::default()).err().unwrap();
        assert_eq!(error.to_string(), "expected one sheet that has cells, found `Datos 2024`, `Datos 2025`");
        assert!(error.hint().unwrap().contains("`sheet ="));
        let named = |name: &str| Hints { sheet: Some(name.into()), ..Hints::default() };
        let found = read(format, &bytes, &named("Datos 2025"));
        assert_eq!(found.names[1], "Datos 2025");
        assert_eq!(found.rows[0].last().unwrap(), &pack_workbook_cell(1, 1, 0).to_string());
        let error = decoded(format, &bytes, &named("Datos 2026")).err().unwrap();
        assert!(error.to_string().starts_with("expected a sheet `Datos 2026`, found `Datos 2024`, "), "{error}");
        assert_eq!(error.hint().unwrap(), "did you mean `Datos 2024`?");
        assert!(refused(format, &bytes, &named("Vacía")).contains("column names"));
    }
}

#[test]
fn a_workbook_is_told_from_other_archives() {
    for (format, bytes) in same_table() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&bytes).unwrap();
        let hints = Hints { decimal: Some(','), flag: Some("Nota".into()), ..observed() };
        for bytes in [bytes.clone(), encoder.finish().unwrap(), zstd::encode_all(bytes.as_slice(), 1).unwrap()] {
            assert_eq!(detect(&Source::from_bytes(bytes.as_slice()), &Hints::default()).unwrap(), format);
            assert_eq!(read(format, &bytes, &hints).rows.len(), 4);
        }
        let other = if format == Format::Xlsx { Format::Ods } else { Format::Xlsx };
        assert!(refused(other, &bytes, &Hints::default()).contains("found an O"));
        let text = refused(Format::Delimited, &bytes, &Hints::default());
        assert!(text.contains("a ZIP archive or a workbook"), "{text}");
    }
    let csv = zipped(&[("datos.csv", b"Comunidades;Total\nCantabria;10,5\n")]);
    assert_eq!(detect(&Source::from_bytes(csv.as_slice()), &Hints::default()).unwrap(), Format::IneCsv);
    let error = refused(Format::Xlsx, &csv, &Hints::default());
    assert!(error.contains("found a ZIP archive without it"), "{error}");
    let letter = zipped(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w/>")]);
    assert!(detect(&Source::from_bytes(letter.as_slice()), &Hints::default()).is_err());
    let mut old = OLD_MAGIC.to_vec();
    old.resize(2000, 0);
    assert_eq!(detect(&Source::from_bytes(old.as_slice()), &Hints::default()).unwrap(), Format::Xlsx);
    assert!(refused(Format::Xlsx, &old, &Hints::default()).ends_with("found an old binary one (.xls)"));
    old.extend("EncryptedPackage".bytes().flat_map(|byte| [byte, 0]));
    assert!(refused(Format::Xlsx, &old, &Hints::default()).ends_with("found one with a password"));
    let manifest = b"<m:manifest xmlns:m=\"m\"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>";
    let secret = zipped(&[("content.xml", b"?"), ("META-INF/manifest.xml", manifest)]);
    assert!(refused(Format::Ods, &secret, &Hints::default()).ends_with("found one with a password"));
    let binary = zipped(&[(
        "_rels/.rels",
        b"<R><Relationship Id=\"r\" Type=\"t/officeDocument\" Target=\"xl/workbook.bin\"/></R>",
    )]);
    assert!(refused(Format::Xlsx, &binary, &Hints::default()).contains("a binary workbook (.xlsb)"));
    assert!(refused(Format::Xlsx, b"<!doctype html><html>", &Hints::default()).contains("an HTML page"));
}

#[test]
fn places_are_packed_and_written_as_spreadsheets_do() {
    for (row, column, name) in
        [(0, 0, "A1"), (4, 2, "C5"), (9, 25, "Z10"), (9, 26, "AA10"), (1_048_575, 16_383, "XFD1048576")]
    {
        assert_eq!(a1(row, column), name);
        assert_eq!(from_a1(name), Some((row, column)));
        assert_eq!(workbook_cell(pack_workbook_cell(3, row, column as u16)), (3, row, column as u16));
    }
    for wrong in ["", "A", "1", "A0", "AAAA1", "XFE1", "A1048577", "A1B", "ñ1", "A99999999999"] {
        assert_eq!(from_a1(wrong), None, "{wrong}");
    }
    assert!(pack_workbook_cell(sheet_index(32_767).unwrap(), u32::MAX, u16::MAX) <= i64::MAX as u64);
    assert!(sheet_index(32_768).is_err());
}

/// The value of a cell as another reader gives it.
fn read_again(bytes: &[u8], cell: u64) -> Option<f64> {
    let (sheet, row, column) = workbook_cell(cell);
    let mut workbook = open_workbook_auto_from_rs(Cursor::new(bytes.to_vec())).unwrap();
    let range = workbook.worksheet_range_at(usize::from(sheet)).unwrap().unwrap();
    match range.get_value((row, u32::from(column))) {
        Some(Data::Float(number)) => Some(*number),
        Some(Data::Int(number)) => Some(*number as f64),
        _ => None,
    }
}

fn grids() -> impl Strategy<Value = Vec<(String, u16, Option<f64>)>> {
    let value = prop_oneof![
        3 => (-1_000_000i64..1_000_000, 0u32..7).prop_map(|(digits, places)| Some(digits as f64 / 10f64.powi(places as i32))),
        2 => (-1e15f64..1e15).prop_map(Some),
        1 => Just(None),
    ];
    prop::collection::vec(("[A-Zñ&<\"][a-z _x0-9]{0,5}[A-Z]", 1990u16..2030, value), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What is written is read, exactly, and stands where `cell` says.
    #[test]
    fn a_grid_is_read_back(grid in grids(), above in 0u32..3) {
        let book = xlsx(|sheet| {
            for (column, name) in ["CCAA", "Año", "Valor"].iter().enumerate() {
                sheet.write_string(above, column as u16, *name).unwrap();
            }
            for (row, (region, year, value)) in grid.iter().enumerate() {
                let row = above + 1 + row as u32;
                sheet.write_string(row, 0, region).unwrap().write_number(row, 1, *year).unwrap();
                if let Some(value) = value {
                    sheet.write_number(row, 2, *value).unwrap();
                }
            }
        });
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
        let rows: String = grid.iter().map(|(region, year, value)| {
            let value = value.map_or(String::new(), |value| value.to_string());
            ods_row(&[&escaped(region), &year.to_string(), &value])
        }).collect();
        let gap = "<table:table-row><table:table-cell/></table:table-row>".repeat(above as usize);
        let document = ods(&ods_sheet("Hoja1", &format!("{gap}{}{rows}", ods_row(&["CCAA", "Año", "Valor"]))));
        for (format, bytes) in [(Format::Xlsx, book), (Format::Ods, document)] {
            let found = read(format, &bytes, &observed());
            prop_assert_eq!(found.rows.len(), grid.len());
            for ((row, (region, year, value)), (read, cell)) in found.rows.iter().zip(&grid).zip(found.cells()) {
                // Paragraphs of ODS know no two blanks in a row.
                let collapsed = region.split_whitespace().collect::<Vec<_>>().join(" ");
                prop_assert_eq!(&row[0], if format == Format::Ods { &collapsed } else { region });
                prop_assert_eq!(&row[1], &year.to_string());
                prop_assert_eq!(read, *value);
                prop_assert_eq!(read_again(&bytes, cell as u64), *value);
            }
        }
    }

    /// Bytes changed, in the archive or in a part of it, give a table or an error, never a panic.
    #[test]
    fn damage_is_survived(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        part in any::<prop::sample::Index>(),
        swaps in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"<>/\"'=&;09:AZ -\x00\xff".to_vec())), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let flag = Some("Nota".into());
        let hints = Hints { max_decoded_bytes: Some(1 << 22), decimal: Some(','), flag, ..observed() };
        for (format, bytes) in same_table() {
            let mut broken = bytes.clone();
            for (at, byte) in &changes {
                let at = at.index(broken.len());
                broken[at] = *byte;
            }
            let _ = decoded(format, &broken, &hints);
            let _ = decoded(format, &bytes[..cut.index(bytes.len())], &hints);

            let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
            let mut parts = Vec::new();
            for index in 0..archive.len() {
                let mut entry = archive.by_index(index).unwrap();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                parts.push((entry.name().unwrap().into_owned(), content));
            }
            let at = part.index(parts.len());
            for (place, byte) in &swaps {
                let content = &mut parts[at].1;
                if !content.is_empty() {
                    let place = place.index(content.len());
                    content[place] = *byte;
                }
            }
            let parts: Vec<(&str, &[u8])> = parts.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
            let _ = decoded(format, &zipped(&parts), &hints);
            let _ = decoded(format, &zipped(&parts), &Hints { max_decoded_bytes: Some(1 << 22), ..Hints::default() });
        }
    }
}

#[test]
fn a_reference_that_no_sheet_has_is_none() {
    assert_eq!(from_a1("C5"), Some((4, 2)));
    assert_eq!(from_a1("xfd1048576"), Some((1_048_575, 16_383)));
    for text in ["", "C", "5", "@1", "[1", "Ñ1", "C0", "C1048577", "XFE1", "AAAA1", "C5C"] {
        assert_eq!(from_a1(text), None, "{text}");
    }
}
