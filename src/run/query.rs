//! SQL over a build, for who has no DuckDB client.

use std::io;
use std::path::{Path, PathBuf};

use super::explain::open;
use super::warehouse::read_models;
use super::{Project, RunError};
use crate::disk;
use crate::lineage::named_twice;
use crate::warehouse::{ColumnResult, FileFormat, Reader, Shown, equals, quoted};

/// A build that can be asked.
pub struct Session {
    reader: Reader,
    /// Its name.
    pub build_id: String,
    root: PathBuf,
}

impl Session {
    /// Opens a build, the published one if none is named.
    pub fn open(project: &Project, build: Option<&str>) -> Result<Self, RunError> {
        let published = super::builds::chosen(&project.settings.storage.root, build)?;
        let root = project.settings.storage.root.clone();
        Ok(Session { reader: open(project, &published)?, build_id: published.manifest.build_id, root })
    }

    /// What a statement gives, at most so many rows as text.
    pub fn show(&self, sql: &str, most: usize) -> Result<Shown, RunError> {
        self.reader.show(one(sql)?, most).map_err(RunError::Models)
    }

    /// Writes what a SELECT gives to a stream. By way of a file below the data root, since DuckDB writes to files, and what
    /// the system calls the standard output cannot always be opened as one.
    pub fn stream(&self, sql: &str, format: FileFormat, into: &mut dyn io::Write) -> Result<(), RunError> {
        let path = self.root.join(format!(".tmp-query-{}", std::process::id()));
        let written = self.write(sql, &path, format).and_then(|_| {
            let copied = disk::open(&path).map(|mut file| io::copy(&mut file, into));
            match copied? {
                // Whoever reads has read enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                copied => copied.map(drop).map_err(|error| RunError::Argument {
                    message: format!("the result cannot be written: {error}"),
                    hint: "`-o FILE` writes it into a file".into(),
                }),
            }
        });
        disk::remove_file(&path)?;
        written
    }

    /// Writes what a SELECT gives; how many rows there are.
    pub fn write(&self, sql: &str, path: &Path, format: FileFormat) -> Result<u64, RunError> {
        self.reader.write(one(sql)?, path, format).map_err(RunError::Models)
    }
}

/// The one statement of a text: of several DuckDB gives what the last one gives.
fn one(sql: &str) -> Result<&str, RunError> {
    let statements = Reader::statements(sql);
    match statements[..] {
        [statement] => Ok(statement),
        [] => Err(RunError::Argument {
            message: "expected a statement, found nothing".into(),
            hint: "`tejido query \"show tables\"` lists what can be asked".into(),
        }),
        _ => Err(RunError::Argument {
            message: format!("expected one statement, found {}", statements.len()),
            hint: "ask them one by one, or give them to `tejido shell`".into(),
        }),
    }
}

/// So many columns of numbers are shown of a mart.
const MOST_NUMBERS: usize = 7;

/// Rows of a mart for which all of these are so, in the columns of its key that differ among them and its first numbers.
pub fn mart(
    project: &Project,
    build: Option<&str>,
    name: &str,
    conditions: &[(String, String)],
    most: usize,
) -> Result<Shown, RunError> {
    let published = super::builds::chosen(&project.settings.storage.root, build)?;
    let models = read_models(&published.manifest);
    let mart = super::builds::mart(&models, name)?;
    let columns = mart.columns.iter().map(|column| column.name.as_str());
    if let Some((column, _)) = conditions.iter().find(|(column, _)| !columns.clone().any(|known| known == column)) {
        return Err(RunError::unknown(&format!("a column of `{name}`"), column, columns));
    }
    if let Some(twice) = named_twice(conditions) {
        return Err(twice.into());
    }
    let mut wanted: Vec<String> =
        conditions.iter().map(|(column, value)| equals(column, &value.as_str().into())).collect();
    wanted.push("true".to_owned());
    let rows = format!("{} where {}", mart.table(), wanted.join(" and "));
    let session = Session::open(project, build)?;
    let counts: Vec<String> = mart.grain.iter().map(|key| format!("count(distinct {})", quoted(key))).collect();
    let counts = session.show(&format!("select {} from {rows}", counts.join(", ")), 1)?;
    let differs = |at: usize| counts.rows.first().and_then(|row| row[at].as_deref()).is_some_and(|count| count != "1");
    let keys: Vec<&String> = mart.grain.iter().enumerate().filter(|(at, _)| differs(*at)).map(|(_, key)| key).collect();
    let is_number = |column: &&ColumnResult| {
        let kind = ["DOUBLE", "BIGINT", "INTEGER", "DECIMAL"].iter().any(|kind| column.kind.starts_with(kind));
        let is_place = column.name.ends_with("cell") || column.name.ends_with("position");
        kind && !is_place && !mart.grain.contains(&column.name)
    };
    let numbers = mart.columns.iter().filter(is_number).take(MOST_NUMBERS).map(|column| match column.kind.as_str() {
        "DOUBLE" => format!("round({0}, 2) as {0}", quoted(&column.name)),
        _ => quoted(&column.name),
    });
    let fields: Vec<String> = keys.iter().map(|key| quoted(key)).chain(numbers).collect();
    if fields.is_empty() {
        return session.show(&format!("select * from {rows}"), most);
    }
    let order: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
    let order = if order.is_empty() { String::new() } else { format!(" order by {}", order.join(", ")) };
    session.show(&format!("select {} from {rows}{order}", fields.join(", ")), most)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::one;

    #[test]
    fn one_statement_is_asked_at_a_time() {
        assert_eq!(one(" select 1; ").unwrap(), "select 1");
        assert_eq!(one(" ;").unwrap_err().to_string(), "expected a statement, found nothing");
        assert_eq!(one("select 1; select 2").unwrap_err().to_string(), "expected one statement, found 2");
    }
}
