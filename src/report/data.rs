//! The rows of a SELECT as data files of the report.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Float64Type, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use jiff::Timestamp;
use serde_json::{Number, Value, json};

use super::{Excerpts, Out, ReportError};
use crate::warehouse::{Reader, WarehouseError};

/// A part being collected.
#[derive(Default)]
struct Part {
    key: Vec<String>,
    rows: Vec<Vec<Value>>,
}

/// Writes the data files of one SELECT; the names of its parts, if it has any.
pub(super) fn write(
    out: &mut Out,
    reader: &Reader,
    name: &str,
    sql: &str,
    excerpts: &mut Excerpts,
) -> Result<Option<Vec<String>>, ReportError> {
    let split: Vec<String> = sql
        .lines()
        .find_map(|line| line.strip_prefix("-- part: "))
        .map(|names| names.split(',').map(|name| name.trim().to_owned()).collect())
        .unwrap_or_default();
    let mut columns: Vec<String> = Vec::new();
    let mut part: Option<Part> = None;
    let mut written: Vec<String> = Vec::new();
    let mut failure = None;
    let failed = |source: WarehouseError| ReportError::Data { name: name.to_owned(), source };
    let names = reader.columns(sql).map_err(failed)?;
    let is_split = |column: &String| split.contains(column);
    columns.extend(names.iter().filter(|column| !is_split(column)).cloned());
    reader
        .each_batch(sql, |batch| {
            for row in 0..batch.num_rows() {
                let (key, values) = read(&batch, &names, &split, row)?;
                if part.as_ref().is_some_and(|part| part.key != key)
                    && let Some(done) = part.take()
                    && let Err(error) = finish(out, name, &columns, done, excerpts, &mut written)
                {
                    failure = Some(error);
                    // The build is not read further; the error that counts is the one above.
                    return Err(WarehouseError::Engine { action: "write the report".into(), message: String::new() });
                }
                part.get_or_insert_with(|| Part { key, rows: Vec::new() }).rows.push(values);
            }
            Ok(())
        })
        .map_err(|error| failure.take().unwrap_or_else(|| failed(error)))?;
    match part {
        Some(done) => finish(out, name, &columns, done, excerpts, &mut written)?,
        // Every file without parts exists.
        None if split.is_empty() => finish(out, name, &columns, Part::default(), excerpts, &mut written)?,
        None => {}
    }
    written.sort();
    Ok((!split.is_empty()).then_some(written))
}

fn finish(
    out: &mut Out,
    name: &str,
    columns: &[String],
    part: Part,
    excerpts: &mut Excerpts,
    written: &mut Vec<String>,
) -> Result<(), ReportError> {
    let Part { key, mut rows } = part;
    let mut columns = columns.to_vec();
    if name == "lineage" {
        with_excerpts(&mut columns, &mut rows, &key, excerpts);
    }
    let path: Vec<String> = key.iter().map(|value| file_name(value)).collect();
    let path = path.join("/");
    let full = if path.is_empty() { name.to_owned() } else { format!("{name}/{path}") };
    let body = script(&json!({ "columns": columns, "rows": rows }));
    out.write(&format!("data/{full}.js"), format!("tejido.data[{}]={body};\n", Value::from(full.as_str())).as_bytes())?;
    written.push(path);
    Ok(())
}

/// Adds to each row of the lineage the bytes around its cell.
fn with_excerpts(columns: &mut Vec<String>, rows: &mut [Vec<Value>], key: &[String], excerpts: &mut Excerpts) {
    let at = columns.iter().position(|column| column == "cell").unwrap_or_default();
    let cell = |row: &[Value]| row.get(at).and_then(Value::as_i64).map(|cell| cell as u64);
    let mut cells: Vec<u64> = rows.iter().filter_map(|row| cell(row)).collect();
    cells.sort_unstable();
    cells.dedup();
    let mut found = excerpts(key.first().map_or("", String::as_str), &cells);
    for row in rows.iter_mut() {
        let excerpt = cell(row).and_then(|cell| found.remove(&cell));
        // Texts always have a JSON form.
        row.push(serde_json::to_value(excerpt).unwrap_or_default());
    }
    columns.push("excerpt".to_owned());
}

/// The part that a row belongs to, and its other values.
fn read(
    batch: &RecordBatch,
    names: &[String],
    split: &[String],
    row: usize,
) -> Result<(Vec<String>, Vec<Value>), WarehouseError> {
    let mut key = vec![String::new(); split.len()];
    let mut values = Vec::with_capacity(names.len());
    for (name, column) in names.iter().zip(batch.columns()) {
        let value = value(column.as_ref(), row)?;
        match split.iter().position(|other| other == name) {
            Some(at) => {
                key[at] = match value {
                    Value::String(text) => text,
                    other => other.to_string(),
                }
            }
            None => values.push(value),
        }
    }
    Ok((key, values))
}

/// A value as the pages read it: times as ISO 8601 in UTC to the second, numbers with at most six decimals.
fn value(column: &dyn Array, row: usize) -> Result<Value, WarehouseError> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    let moment = |seconds: i64| Timestamp::from_second(seconds).map_or(Value::Null, |at| at.to_string().into());
    Ok(match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Float64 => rounded(column.as_primitive::<Float64Type>().value(row)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            moment(column.as_primitive::<TimestampMicrosecondType>().value(row).div_euclid(1_000_000))
        }
        DataType::Date32 => {
            let day = moment(i64::from(column.as_primitive::<Date32Type>().value(row)) * 86_400);
            day.as_str().map_or(Value::Null, |text| text[..10].into())
        }
        _ => {
            let shown = ArrayFormatter::try_new(column, &FormatOptions::default());
            let shown = shown.map_err(|error| WarehouseError::Engine {
                action: "read a value for the report".into(),
                message: error.to_string(),
            })?;
            let text = shown.value(row).to_string();
            match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(whole), _) => whole.into(),
                (Err(_), Ok(number)) => rounded(number),
                (Err(_), Err(_)) => text.into(),
            }
        }
    })
}

fn rounded(number: f64) -> Value {
    let rounded = (number * 1e6).round() / 1e6;
    if rounded.fract() == 0.0 && rounded.abs() < 1e15 {
        return (rounded as i64).into();
    }
    Number::from_f64(rounded).map_or(Value::Null, Value::Number)
}

/// A part's value as the name of a file: every byte but these as `%XX`.
fn file_name(value: &str) -> String {
    let mut name = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => name.push(char::from(byte)),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    name
}

/// JSON that can stand in a script, also where somebody pastes it into a page.
pub(super) fn script(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_the_pages_read_them() {
        assert_eq!(rounded(10.0).to_string(), "10");
        assert_eq!(rounded(5.680000000000001).to_string(), "5.68");
        assert_eq!(rounded(f64::NAN), Value::Null);
        assert_eq!(file_name("C10-S951_X_K/ñ"), "C10-S951_X_K%2F%C3%B1");
        assert_eq!(script(&json!("</script>")), "\"\\u003c/script>\"");
    }
}
