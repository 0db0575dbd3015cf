//! The cube as workbooks: one sheet, a row a cell, the value in the column `value`.

// A workbook that cannot be written leaves nothing to measure.
#![allow(clippy::expect_used)]

use std::io::{Cursor, Write};

use rust_xlsxwriter::Workbook;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Cell, DIMENSIONS, series};

/// The column names: dimensions, time, value, flag.
fn header() -> impl Iterator<Item = &'static str> {
    DIMENSIONS.iter().map(|(name, ..)| *name).chain(["time", "value", "flag"])
}

/// XLSX, with its texts in the table of shared ones.
pub fn xlsx() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (column, name) in (0..).zip(header()) {
        sheet.write_string(0, column, name).expect("a cell");
    }
    let mut row = 0;
    for series in series() {
        for Cell { period, value, flag } in series.cells() {
            row += 1;
            for (column, text) in (0..).zip(series.codes.iter().map(String::as_str).chain([period])) {
                sheet.write_string(row, column, text).expect("a cell");
            }
            if let Some(value) = value {
                sheet.write_number(row, 5, f64::from(value) / 100.0).expect("a cell");
            }
            if !flag.is_empty() {
                sheet.write_string(row, 6, flag).expect("a cell");
            }
        }
    }
    workbook.save_to_buffer().expect("a workbook")
}

/// ODS.
pub fn ods() -> Vec<u8> {
    let mut rows = String::new();
    let text = |text: &str| match text {
        "" => "<table:table-cell/>".to_owned(),
        text => format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>"),
    };
    let mut row = |cells: String| rows += &format!("<table:table-row>{cells}</table:table-row>");
    row(header().map(text).collect());
    for series in series() {
        let codes: String = series.codes.iter().map(|code| text(code)).collect();
        for Cell { period, value, flag } in series.cells() {
            let value = value.map_or_else(
                || text(""),
                |value| {
                    let value = f64::from(value) / 100.0;
                    format!("<table:table-cell office:value-type=\"float\" office:value=\"{value}\"/>")
                },
            );
            row(format!("{codes}{}{value}{}", text(period), text(flag)));
        }
    }
    let content = format!(
        "<office:document-content xmlns:office=\"o\" xmlns:table=\"t\" xmlns:text=\"x\"><office:body><office:spreadsheet>\
         <table:table table:name=\"cube\">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"
    );
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in [("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", &content)] {
        writer.start_file(name, SimpleFileOptions::default()).expect("an entry");
        writer.write_all(text.as_bytes()).expect("an entry");
    }
    writer.finish().expect("a workbook").into_inner()
}
