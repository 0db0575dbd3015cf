//! Marts as spreadsheets read them: CSV with a byte order mark, and one workbook of all.

use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::build::ModelResult;
use super::engine::path_literal;
use super::reader::Reader;
use super::{WarehouseError, literal, quoted, quoted_list};

/// How a spreadsheet reads numbers and fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsvDialect {
    /// Commas between fields, a decimal point.
    Plain,
    /// Semicolons between fields, a decimal comma.
    Spanish,
}

/// A source, as the workbook names it.
#[derive(Debug, Clone)]
pub struct Origin {
    /// How the publisher wants to be named.
    pub source: String,
    /// The licence.
    pub licence: String,
    /// The documented address.
    pub url: String,
    /// When it was fetched.
    pub fetched_at: String,
}

/// Rows of a sheet in every spreadsheet program, without the header.
const MOST_ROWS: u64 = 1_048_575;

impl Reader {
    /// Writes a mart as CSV in UTF-8 with a byte order mark, sorted by its grain; how many rows.
    pub fn write_csv(&self, mart: &ModelResult, dialect: CsvDialect, path: &Path) -> Result<u64, WarehouseError> {
        let separator = if dialect == CsvDialect::Spanish { ";" } else { "," };
        let names: Vec<&str> = mart.columns.iter().map(|column| column.name.as_str()).collect();
        let fields = mart.columns.iter().map(|column| {
            let name = quoted(&column.name);
            let is_decimal = ["DOUBLE", "FLOAT", "DECIMAL"].iter().any(|kind| column.kind.starts_with(kind));
            match dialect == CsvDialect::Spanish && is_decimal {
                true => format!("replace(cast({name} as varchar), '.', ',') as {name}"),
                false => name,
            }
        });
        // DuckDB writes no byte order mark; what it may write before the rows stands in for its header. Then it wants
        // something behind them, too: the end of the last line.
        let copy = format!(
            "copy (select {} from {} order by {}) to {} (format csv, header false, delimiter {}, prefix {}, suffix {})",
            fields.collect::<Vec<_>>().join(", "),
            mart.table(),
            quoted_list(&mart.grain),
            path_literal(path),
            literal(separator),
            literal(&format!("\u{feff}{}\n", names.join(separator))),
            literal("\n"),
        );
        self.execute(&format!("write `{}`", path.display()), &copy)?;
        Ok(mart.rows)
    }

    /// Writes marts into one workbook: a sheet of what they are and come from, one of their columns, and one each.
    pub fn write_workbook(
        &self,
        marts: &[&ModelResult],
        build_id: &str,
        origins: &[Origin],
        path: &Path,
    ) -> Result<u64, WarehouseError> {
        let failed = |error: XlsxError| WarehouseError::Engine {
            action: format!("write `{}`", path.display()),
            message: error.to_string(),
        };
        if let Some(large) = marts.iter().find(|mart| mart.rows > MOST_ROWS) {
            return Err(WarehouseError::Engine {
                action: format!("write `{}` into a sheet", large.name),
                message: format!("it has {} rows, and a sheet holds {MOST_ROWS}: take CSV", large.rows),
            });
        }
        let mut workbook = Workbook::new();
        let bold = Format::new().set_bold();
        about(workbook.add_worksheet(), marts, build_id, origins, &bold).map_err(failed)?;
        dictionary(workbook.add_worksheet(), marts, &bold).map_err(failed)?;
        let mut rows = 0;
        for mart in marts {
            let sheet = workbook.add_worksheet_with_constant_memory().map_err(failed)?;
            sheet.set_name(sheet_name(&mart.name)).map_err(failed)?;
            self.fill(sheet, mart, &bold)?;
            rows += mart.rows;
        }
        workbook.save(path).map_err(failed)?;
        Ok(rows)
    }

    fn fill(&self, sheet: &mut Worksheet, mart: &ModelResult, bold: &Format) -> Result<(), WarehouseError> {
        let failed = |error: XlsxError| WarehouseError::Engine {
            action: format!("write `{}` into a sheet", mart.name),
            message: error.to_string(),
        };
        let (day, moment) =
            (Format::new().set_num_format("yyyy-mm-dd"), Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"));
        for (at, column) in mart.columns.iter().enumerate() {
            let width = if column.kind == "VARCHAR" { 18 } else { 12 };
            sheet.set_column_width(at as u16, width).map_err(failed)?;
            sheet.write_string_with_format(0, at as u16, &column.name, bold).map_err(failed)?;
        }
        sheet.set_freeze_panes(1, 0).map_err(failed)?;
        let last = (mart.columns.len().max(1) - 1) as u16;
        sheet.autofilter(0, 0, mart.rows as u32, last).map_err(failed)?;
        let sql = format!("select * from {} order by {}", mart.table(), quoted_list(&mart.grain));
        let mut row = 0;
        self.each_batch(&sql, |batch| {
            for at in 0..batch.num_rows() {
                row += 1;
                for (column, values) in batch.columns().iter().enumerate() {
                    cell(sheet, row, column as u16, values.as_ref(), at, (&day, &moment)).map_err(failed)?;
                }
            }
            Ok(())
        })
    }
}

fn cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    values: &dyn Array,
    at: usize,
    (day, moment): (&Format, &Format),
) -> Result<(), XlsxError> {
    if values.is_null(at) {
        return Ok(());
    }
    // Seconds since 1970 as a spreadsheet counts time; what lies outside of its calendar is text.
    let when = |seconds: i64| ExcelDateTime::from_timestamp(seconds);
    match values.data_type() {
        DataType::Float64 => sheet.write_number(row, column, values.as_primitive::<Float64Type>().value(at))?,
        DataType::Int32 => sheet.write_number(row, column, values.as_primitive::<Int32Type>().value(at))?,
        // A number of more than 53 bits would change.
        DataType::Int64 => match values.as_primitive::<Int64Type>().value(at) {
            number if number.unsigned_abs() < 1 << 53 => sheet.write_number(row, column, number as f64)?,
            number => sheet.write_string(row, column, number.to_string())?,
        },
        DataType::Boolean => sheet.write_boolean(row, column, values.as_boolean().value(at))?,
        DataType::Utf8 => sheet.write_string(row, column, values.as_string::<i32>().value(at))?,
        DataType::Date32 => {
            let days = i64::from(values.as_primitive::<Date32Type>().value(at));
            sheet.write_datetime_with_format(row, column, when(days * 86_400)?, day)?
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = values.as_primitive::<TimestampMicrosecondType>().value(at);
            sheet.write_datetime_with_format(row, column, when(micros.div_euclid(1_000_000))?, moment)?
        }
        _ => {
            let options = arrow::util::display::FormatOptions::default();
            let shown = arrow::util::display::ArrayFormatter::try_new(values, &options);
            let text = shown.map(|shown| shown.value(at).to_string()).unwrap_or_default();
            match text.parse::<f64>() {
                Ok(number) => sheet.write_number(row, column, number)?,
                Err(_) => sheet.write_string(row, column, text)?,
            }
        }
    };
    Ok(())
}

fn about(
    sheet: &mut Worksheet,
    marts: &[&ModelResult],
    build_id: &str,
    origins: &[Origin],
    bold: &Format,
) -> Result<(), XlsxError> {
    sheet.set_name("about")?;
    sheet.set_column_width(0, 30)?;
    sheet.set_column_width(1, 60)?;
    sheet.write_string_with_format(0, 0, "build", bold)?;
    sheet.write_string(0, 1, build_id)?;
    sheet.write_string_with_format(2, 0, "sheet", bold)?;
    sheet.write_string_with_format(2, 1, "what one row is", bold)?;
    let mut row = 3;
    for mart in marts {
        sheet.write_string(row, 0, sheet_name(&mart.name))?;
        sheet.write_string(row, 1, &mart.description)?;
        row += 1;
    }
    row += 1;
    for (column, name) in ["source", "address", "licence", "fetched"].iter().enumerate() {
        sheet.write_string_with_format(row, column as u16, *name, bold)?;
    }
    for origin in origins {
        row += 1;
        for (column, text) in [&origin.source, &origin.url, &origin.licence, &origin.fetched_at].iter().enumerate() {
            sheet.write_string(row, column as u16, text.as_str())?;
        }
    }
    Ok(())
}

fn dictionary(sheet: &mut Worksheet, marts: &[&ModelResult], bold: &Format) -> Result<(), XlsxError> {
    sheet.set_name("dictionary")?;
    for (column, (name, width)) in
        [("sheet", 26), ("column", 26), ("key", 6), ("type", 12), ("meaning", 90)].iter().enumerate()
    {
        sheet.set_column_width(column as u16, *width)?;
        sheet.write_string_with_format(0, column as u16, *name, bold)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    let mut row = 0;
    for mart in marts {
        for column in &mart.columns {
            row += 1;
            let key = if mart.grain.contains(&column.name) { "yes" } else { "" };
            for (at, text) in
                [sheet_name(&mart.name), &column.name, key, &column.kind, &column.description].iter().enumerate()
            {
                sheet.write_string(row, at as u16, *text)?;
            }
        }
    }
    Ok(())
}

/// The name of a mart's sheet, which may have 31 characters.
fn sheet_name(mart: &str) -> &str {
    &mart[..mart.char_indices().nth(31).map_or(mart.len(), |(at, _)| at)]
}
