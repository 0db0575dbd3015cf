//! The rows of a SELECT as data files of the report.

use std::collections::HashMap;

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
    let split = listed(sql, "part");
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
    let table = match key.is_empty() {
        true => json!({ "columns": columns, "rows": rows }),
        // Of what comes in parts there is the most.
        false => packed(&columns, &rows),
    };
    write_file(out, &full, &table)?;
    written.push(path);
    Ok(())
}

/// Writes a data file.
pub(super) fn write_file(out: &mut Out, name: &str, table: &Value) -> Result<(), ReportError> {
    let text = format!("tejido.data[{}]={};\n", Value::from(name), script(table));
    out.write(&format!("data/{name}.js"), text.as_bytes())
}

/// What the leading comment of a SELECT says of its rows: which mart they are of, what makes them unique, how they are split,
/// and where the rows stand that they were added up from.
pub(super) fn shape(sql: &str) -> Value {
    let one = |name: &str| listed(sql, name).into_iter().next();
    json!({ "part": listed(sql, "part"), "key": listed(sql, "key"), "of": one("of"), "sum": one("sum") })
}

/// The names behind `-- <name>: ` in a leading comment.
fn listed(sql: &str, name: &str) -> Vec<String> {
    let marker = format!("-- {name}: ");
    let names = sql.lines().find_map(|line| line.strip_prefix(&marker));
    names.map(|names| names.split(',').map(|name| name.trim().to_owned()).collect()).unwrap_or_default()
}

/// The same rows by column, since most of what stands below each other is alike: differences of whole numbers, words that are
/// told once, texts by what they have in common with the one above. README.md has the forms, `data.js` reads them.
fn packed(columns: &[String], rows: &[Vec<Value>]) -> Value {
    let columns_packed: Vec<Value> = columns
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let values: Vec<&Value> = rows.iter().filter_map(|row| row.get(at)).collect();
            match name.as_str() {
                "cell" | "line" => steps(&values),
                "before" | "behind" => json!({ "like": alike(&values) }),
                _ => words(&values),
            }
        })
        .collect();
    json!({ "columns": columns, "count": rows.len(), "packed": columns_packed })
}

/// Whole numbers, each less the one before it.
fn steps(values: &[&Value]) -> Value {
    let mut before = 0;
    let step = values.iter().map(|value| {
        value.as_i64().map(|number| {
            let step = number - before;
            before = number;
            step
        })
    });
    json!({ "step": step.collect::<Vec<Option<i64>>>() })
}

/// Values that come again are told once.
fn words(values: &[&Value]) -> Value {
    let mut words: Vec<&Value> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut at = Vec::with_capacity(values.len());
    for value in values {
        let place = *places.entry(value.to_string()).or_insert(words.len());
        if place == words.len() {
            words.push(value);
        }
        at.push(place);
    }
    match words.len() {
        0 | 1 => json!({ "words": words }),
        // A number of a word is not shorter than most words that stand alone.
        count if count * 2 > values.len() => json!({ "values": values }),
        _ => json!({ "words": words, "at": at }),
    }
}

/// Each text as three values: from which character of the text before it, how many characters, and what follows them.
fn alike(texts: &[&Value]) -> Vec<Value> {
    let mut told = Vec::with_capacity(3 * texts.len());
    let mut before: Vec<char> = Vec::new();
    for text in texts {
        let Some(text) = text.as_str() else {
            told.extend([Value::from(0), Value::from(0), Value::Null]);
            continue;
        };
        let text: Vec<char> = text.chars().collect();
        let (mut from, mut length) = (0, 0);
        for start in 0..before.len() {
            let common = before[start..].iter().zip(&text).take_while(|(one, other)| one == other).count();
            if common > length {
                (from, length) = (start, common);
            }
        }
        let rest: String = text[length..].iter().collect();
        told.extend([Value::from(from), Value::from(length), Value::from(rest)]);
        before = text;
    }
    told
}

/// Adds to each row of the lineage the bytes around its cell, and where they stand. A text that is written as its value is
/// not told again.
fn with_excerpts(columns: &mut Vec<String>, rows: &mut [Vec<Value>], key: &[String], excerpts: &mut Excerpts) {
    let place = |name: &str| columns.iter().position(|column| column == name).unwrap_or_default();
    let (at, value_at) = (place("cell"), place("value"));
    let cell = |row: &[Value]| row.get(at).and_then(Value::as_i64).map(|cell| cell as u64);
    let mut cells: Vec<u64> = rows.iter().filter_map(|row| cell(row)).collect();
    cells.sort_unstable();
    cells.dedup();
    let mut found = excerpts(key.first().map_or("", String::as_str), &cells);
    for row in rows.iter_mut() {
        let Some(excerpt) = cell(row).and_then(|cell| found.remove(&cell)) else {
            row.extend([(); 5].map(|()| Value::Null));
            continue;
        };
        let is_value =
            row.get(value_at).is_some_and(|value| serde_json::to_string(value).is_ok_and(|text| text == excerpt.text));
        let (line, column) = excerpt.at.unzip();
        let text = if is_value { Value::Null } else { Value::from(excerpt.text) };
        let (before, behind) = (Value::from(excerpt.before), Value::from(excerpt.behind));
        row.extend([Value::from(line), Value::from(column), before, text, behind]);
    }
    columns.extend(["line", "column", "before", "text", "behind"].map(str::to_owned));
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

    #[test]
    fn what_stands_below_each_other_is_told_once() {
        let columns = ["cell", "region", "before"].map(str::to_owned);
        let row = |cell: i64, before: &str| vec![json!(cell), json!("ES13"), json!(before)];
        let rows = [row(92, "a,ES13,2024,"), row(190, "a,ES13,2025,"), row(200, "ES13,2025,1,")];
        assert_eq!(
            packed(&columns, &rows),
            json!({ "columns": columns, "count": 3, "packed": [
                { "step": [92, 98, 10] },
                { "words": ["ES13"] },
                { "like": [0, 0, "a,ES13,2024,", 0, 10, "5,", 2, 10, "1,"] },
            ] })
        );
        let values = [json!("a"), json!("b"), json!("a"), json!("a")];
        assert_eq!(words(&values.iter().collect::<Vec<_>>()), json!({ "words": ["a", "b"], "at": [0, 1, 0, 0] }));
        assert_eq!(words(&values[..2].iter().collect::<Vec<_>>()), json!({ "values": ["a", "b"] }));
        assert_eq!(
            alike(&[&json!("x"), &Value::Null]),
            [json!(0), json!(0), json!("x"), json!(0), json!(0), Value::Null]
        );
    }

    #[test]
    fn the_leading_comment_says_what_rows_are() {
        let sql = "-- Two.\n-- of: revisions\n-- part: a, b\n-- key: c\nselect 1";
        assert_eq!(shape(sql), json!({ "part": ["a", "b"], "key": ["c"], "of": "revisions", "sum": null }));
    }
}
