//! A finished build as its readers see it: SQL over its DuckDB file, which is only read.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use duckdb::{Connection, params_from_iter};
use serde_json::{Map, Value};
use sqlparser::dialect::DuckDbDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::build::DATABASE;
use super::engine::{self, Limits, execute, path_literal};
use super::{WarehouseError, literal, offset, quoted};

/// An open build.
pub struct Reader {
    connection: Connection,
}

/// A row by the names of its columns, in order. What JSON has no form for is text as DuckDB writes it.
pub type Row = Map<String, Value>;

/// What to write a result as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// Comma-separated, with a header.
    Csv,
    /// One array of objects.
    Json,
    /// Compressed with zstd.
    Parquet,
}

/// A result as text, for people.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// The columns' names.
    pub names: Vec<String>,
    /// Whether each column holds numbers.
    pub numeric: Vec<bool>,
    /// The first rows; a null is none.
    pub rows: Vec<Vec<Option<String>>>,
    /// How many rows there are in all.
    pub total: u64,
}

impl Reader {
    /// Opens a build's DuckDB file. Nothing can be written to it.
    pub fn open(database: &Path, limits: &Limits) -> Result<Self, WarehouseError> {
        let connection = engine::open(limits)?;
        let attach = format!("attach {} as {DATABASE} (read_only); use {DATABASE}", path_literal(database));
        execute(&connection, &format!("open `{}`", database.display()), &attach)?;
        Ok(Reader { connection })
    }

    /// A database with nothing in it, to read files with.
    pub fn of_files(limits: &Limits) -> Result<Self, WarehouseError> {
        Ok(Reader { connection: engine::open(limits)? })
    }

    /// The rows of a SELECT that is the program's own, with a text for each `?`.
    pub fn rows(&self, sql: &str, texts: &[String]) -> Result<Vec<Row>, WarehouseError> {
        let failed = engine::refused("read the build".to_owned());
        let asked = format!("select to_json(asked)::varchar from ({sql}) as asked");
        let mut statement = self.connection.prepare(&asked).map_err(&failed)?;
        let rows = statement.query_map(params_from_iter(texts), |row| row.get::<_, String>(0)).map_err(&failed)?;
        let rows: Vec<String> = rows.collect::<Result<_, _>>().map_err(&failed)?;
        // DuckDB gives an object for each row.
        Ok(rows.iter().filter_map(|row| serde_json::from_str(row).ok()).collect())
    }

    /// The one number of a SELECT that is the program's own.
    pub fn number(&self, sql: &str) -> Result<i64, WarehouseError> {
        engine::number(&self.connection, "read the build", sql)
    }

    /// Runs a statement that is the program's own.
    pub(super) fn execute(&self, action: &str, sql: &str) -> Result<(), WarehouseError> {
        execute(&self.connection, action, sql)
    }

    /// The names of the columns that a SELECT of the program's own gives.
    pub fn columns(&self, sql: &str) -> Result<Vec<String>, WarehouseError> {
        let columns = engine::columns(&self.connection, "read the build", sql)?;
        Ok(columns.into_iter().map(|(name, _)| name).collect())
    }

    /// Gives the batches of a SELECT that is the program's own to a function, one by one.
    pub fn each_batch(
        &self,
        sql: &str,
        mut each: impl FnMut(RecordBatch) -> Result<(), WarehouseError>,
    ) -> Result<(), WarehouseError> {
        let failed = engine::refused("read the build".to_owned());
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let batches = statement.query_arrow([]).map_err(&failed)?;
        for batch in batches {
            each(batch)?;
        }
        Ok(())
    }

    /// The statements of a text that a user wrote, without semicolons; none where there are comments only. A text that
    /// cannot be taken apart is one statement: DuckDB says what is wrong with it.
    pub fn statements(sql: &str) -> Vec<&str> {
        let Ok(tokens) = Tokenizer::new(&DuckDbDialect {}, sql).tokenize_with_location() else {
            return vec![sql];
        };
        let mut found = Vec::new();
        let (mut start, mut is_empty) = (0, true);
        for token in &tokens {
            match &token.token {
                Token::SemiColon => {
                    let end = offset(sql, token.span.start);
                    if !is_empty {
                        found.push(sql[start..end].trim());
                    }
                    (start, is_empty) = (end + 1, true);
                }
                Token::Whitespace(_) | Token::EOF => {}
                _ => is_empty = false,
            }
        }
        if !is_empty {
            found.push(sql[start..].trim());
        }
        found
    }

    /// What a user's statement gives, its first rows as text.
    pub fn show(&self, sql: &str, most: usize) -> Result<Shown, WarehouseError> {
        let wrong = |error: duckdb::Error| wrong(&error, sql);
        let mut statement = self.connection.prepare(sql).map_err(wrong)?;
        let batches = statement.query_arrow([]).map_err(wrong)?;
        let mut shown = Shown::default();
        let schema = batches.get_schema();
        shown.names = schema.fields().iter().map(|field| field.name().clone()).collect();
        shown.numeric = schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
        for batch in batches {
            let wanted = most.saturating_sub(shown.rows.len()).min(batch.num_rows());
            let options = arrow::util::display::FormatOptions::default();
            let columns: Result<Vec<_>, _> = batch
                .columns()
                .iter()
                .map(|column| arrow::util::display::ArrayFormatter::try_new(column.as_ref(), &options))
                .collect();
            let columns = columns.map_err(|error| WarehouseError::Engine {
                action: "show the result".into(),
                message: error.to_string(),
            })?;
            for row in 0..wanted {
                let is_null = |column: usize| batch.column(column).is_null(row);
                let texts = columns.iter().enumerate();
                shown
                    .rows
                    .push(texts.map(|(at, column)| (!is_null(at)).then(|| column.value(row).to_string())).collect());
            }
            shown.total += batch.num_rows() as u64;
        }
        Ok(shown)
    }

    /// Writes what a user's SELECT gives into a file; how many rows there are.
    pub fn write(&self, sql: &str, path: &Path, format: FileFormat) -> Result<u64, WarehouseError> {
        let options = match format {
            FileFormat::Csv => "format csv, header",
            FileFormat::Json => "format json, array true",
            FileFormat::Parquet => "format parquet, compression zstd",
        };
        let asked = sql.trim().trim_end_matches(';');
        let finite = if format == FileFormat::Json { self.finite(asked) } else { None };
        let asked = finite.as_deref().unwrap_or(asked);
        let copy = format!("copy ({asked}\n) to {} ({options})", path_literal(path));
        self.connection.execute(&copy, []).map(|rows| rows as u64).map_err(|error| wrong(&error, sql))
    }
}

impl Reader {
    /// A SELECT with null for what is no finite number, which DuckDB writes as `NaN` and `Infinity`: JSON has no such
    /// numbers. None where nothing need be changed, or the SELECT is wrong, which is found when it runs.
    fn finite(&self, asked: &str) -> Option<String> {
        let mut statement = self.connection.prepare(&format!("select * from ({asked}\n) as asked limit 0")).ok()?;
        let schema = statement.query_arrow([]).ok()?.get_schema();
        // Names of their own, since a result may have two columns of one name.
        let names: Vec<String> = (0..schema.fields().len()).map(|at| format!("c{at}")).collect();
        let mut changes = false;
        let fields: Vec<String> = std::iter::zip(schema.fields(), &names)
            .map(|(field, name)| {
                let finite = finite(name, field.data_type(), 0);
                changes |= finite.is_some();
                format!("{} as {}", finite.as_ref().unwrap_or(name), quoted(field.name()))
            })
            .collect();
        let names = names.join(", ");
        changes.then(|| format!("select {} from ({asked}\n) as asked({names})", fields.join(", ")))
    }
}

/// A value with null for what is no finite number in it, as SQL; none where there can be nothing like that.
fn finite(value: &str, kind: &DataType, depth: usize) -> Option<String> {
    match kind {
        DataType::Float32 | DataType::Float64 => Some(format!("case when isfinite({value}) then {value} end")),
        DataType::List(element) | DataType::LargeList(element) | DataType::FixedSizeList(element, _) => {
            let name = format!("e{depth}");
            finite(&name, element.data_type(), depth + 1)
                .map(|finite| format!("list_transform({value}, lambda {name}: {finite})"))
        }
        // Fields of a `row(…)` have no names to ask for.
        DataType::Struct(fields) if fields.iter().all(|field| !field.name().is_empty()) => {
            let mut changes = false;
            let fields: Vec<String> = fields
                .iter()
                .map(|field| {
                    let name = quoted(field.name());
                    let whole = format!("{value}.{name}");
                    let finite = finite(&whole, field.data_type(), depth);
                    changes |= finite.is_some();
                    format!("{name} := {}", finite.unwrap_or(whole))
                })
                .collect();
            changes.then(|| format!("case when {value} is not null then struct_pack({}) end", fields.join(", ")))
        }
        _ => None,
    }
}

/// What DuckDB says of a statement that a user wrote.
fn wrong(error: &duckdb::Error, sql: &str) -> WarehouseError {
    match engine::located(error, Path::new("query"), sql, 0, 0) {
        // It calls any statement that writes an "EXECUTE".
        WarehouseError::Model { message, snippet, .. } if message.contains("attached in read-only mode") => {
            WarehouseError::Model {
                message: "expected a statement that only reads, found one that writes: a build is never changed".into(),
                snippet,
                hint: Some("SELECT, DESCRIBE, SUMMARIZE and SHOW TABLES can be asked".into()),
            }
        }
        WarehouseError::Model { message, snippet, hint } => WarehouseError::Model {
            message,
            snippet,
            hint: hint.or_else(|| Some("`tejido models` lists the tables, `describe TABLE` their columns".into())),
        },
        other => other,
    }
}

/// A value of a row as text; none of a null.
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A comparison with a value of a row, as SQL, whatever the column's type.
pub fn equals(column: &str, value: &Value) -> String {
    match text_of(value) {
        None => format!("{} is null", super::quoted(column)),
        Some(text) => format!("cast({} as varchar) = {}", super::quoted(column), literal(&text)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn a_text_is_taken_apart_into_its_statements() {
        assert_eq!(Reader::statements("select 1"), ["select 1"]);
        assert_eq!(Reader::statements(" select 1;; -- all\n"), ["select 1"]);
        assert_eq!(
            Reader::statements("select 'ñ;' as a;\nselect \";\" /* ; */ from b;"),
            ["select 'ñ;' as a", "select \";\" /* ; */ from b"]
        );
        assert_eq!(Reader::statements("select 'ñ'; select 2"), ["select 'ñ'", "select 2"]);
        assert_eq!(Reader::statements(""), Vec::<&str>::new());
        assert_eq!(Reader::statements("-- nothing\n;"), Vec::<&str>::new());
        assert_eq!(
            Reader::statements("select 'open; select 2"),
            ["select 'open; select 2"],
            "DuckDB says what is wrong"
        );
    }

    #[test]
    fn what_is_not_finite_becomes_null() {
        let double = Arc::new(Field::new("x", DataType::Float64, true));
        assert_eq!(finite("c0", &DataType::Utf8, 0), None);
        assert_eq!(finite("c0", &DataType::Float64, 0).unwrap(), "case when isfinite(c0) then c0 end");
        assert_eq!(
            finite("c0", &DataType::List(double.clone()), 0).unwrap(),
            "list_transform(c0, lambda e0: case when isfinite(e0) then e0 end)"
        );
        assert_eq!(
            finite("c0", &DataType::Struct(vec![double].into()), 0).unwrap(),
            "case when c0 is not null then struct_pack(\"x\" := case when isfinite(c0.\"x\") then c0.\"x\" end) end"
        );
    }
}
