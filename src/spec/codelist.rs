//! `pipelines/codelists/*.csv`: the canonical codes with their labels, and crosswalks `map_<from>__<to>.csv`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::SpecError;
use crate::disk;

/// A codelist or crosswalk: rows of text below a header. Lines that start with `#` tell its source.
#[derive(Debug, Clone)]
pub struct Codelist {
    /// The file's stem.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The header.
    pub columns: Vec<String>,
    /// The rows, each as long as the header; an empty field is empty text.
    pub rows: Vec<Vec<String>>,
    /// BLAKE3 of the file, in hex.
    pub hash: String,
    /// Rows of each code: one, or one a scheme.
    codes: HashMap<String, Vec<usize>>,
}

impl Codelist {
    fn read(path: &Path) -> Result<Self, SpecError> {
        let text = disk::read_text(path)?;
        let wrong = |line: u64, message: String| SpecError::Codelist { path: path.to_path_buf(), line, message };
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
        let line_of = |error: &csv::Error| error.position().map_or(0, csv::Position::line);
        let columns: Vec<String> = reader
            .headers()
            .map_err(|error| wrong(line_of(&error), error.to_string()))?
            .iter()
            .map(str::to_owned)
            .collect();
        let mut list = Codelist {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            path: path.to_path_buf(),
            columns,
            rows: Vec::new(),
            hash: blake3::hash(text.as_bytes()).to_hex().to_string(),
            codes: HashMap::new(),
        };
        let code_column = list.key_column();
        let scheme_column = list.column("scheme");
        // Of a table of relations or parts a whole row is what stands once.
        let is_of_pairs = list.is_of_pairs();
        let mut seen = std::collections::HashSet::new();
        for record in reader.records() {
            let record = record.map_err(|error| wrong(line_of(&error), error.to_string()))?;
            let line = record.position().map_or(0, csv::Position::line);
            let row: Vec<String> = record.iter().map(str::to_owned).collect();
            let code = row[code_column].clone();
            if code.is_empty() {
                return Err(wrong(line, format!("expected a {}, found nothing", list.columns[code_column])));
            }
            let key = match is_of_pairs {
                true => row.clone(),
                false => scheme_column.map(|at| row[at].clone()).into_iter().chain([code.clone()]).collect(),
            };
            if !seen.insert(key) {
                return Err(wrong(line, format!("`{code}` stands a second time")));
            }
            if let Some(at) = list.column(RELATION)
                && !RELATIONS.contains(&row[at].as_str())
            {
                return Err(wrong(line, format!("expected {}, found `{}`", RELATIONS.join(", "), row[at])));
            }
            list.codes.entry(code).or_default().push(list.rows.len());
            list.rows.push(row);
        }
        Ok(list)
    }

    /// Position of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// Position of the column that identifies a row: `code`, or the first one.
    fn key_column(&self) -> usize {
        self.column("code").unwrap_or(0)
    }

    /// Whether it says of pairs of codes how they relate, and not what one code is.
    fn is_of_pairs(&self) -> bool {
        self.name.starts_with("relations_") || self.name.ends_with("_parts") || self.name.ends_with("_breaks")
    }

    /// The row of a code or label; the first one of a code that stands in several schemes.
    pub fn row(&self, code: &str) -> Option<&[String]> {
        self.codes.get(code)?.first().map(|&row| self.rows[row].as_slice())
    }

    /// Whether the code is there, in any scheme.
    pub fn contains(&self, code: &str) -> bool {
        self.codes.contains_key(code)
    }

    /// Whether the code is there in this scheme; a codelist without schemes has all of its codes in each.
    pub fn contains_in(&self, scheme: &str, code: &str) -> bool {
        let rows = self.codes.get(code).map(Vec::as_slice).unwrap_or_default();
        match self.column("scheme") {
            Some(at) => rows.iter().any(|&row| self.rows[row][at] == scheme),
            None => !rows.is_empty(),
        }
    }

    /// The codes of this scheme, or all where there are none, in the file's order.
    pub fn codes_in(&self, scheme: &str) -> impl Iterator<Item = &str> {
        let (key, column) = (self.key_column(), self.column("scheme"));
        let rows = self.rows.iter().filter(move |row| column.is_none_or(|at| row[at] == scheme));
        rows.map(move |row| row[key].as_str())
    }

    /// All codes or labels, in the file's order.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        let key = self.key_column();
        self.rows.iter().map(move |row| row[key].as_str())
    }
}

/// The column of a crosswalk or table of relations that says how both codes relate.
pub const RELATION: &str = "relation";

/// How the first code of a row relates to the second: the same thing; a part of it; the whole of which it is a part;
/// neither, but not apart.
pub const RELATIONS: [&str; 4] = ["equal", "contained", "contains", "overlaps"];

/// All codelists of a project, by name.
#[derive(Debug, Clone, Default)]
pub struct Codelists {
    lists: BTreeMap<String, Codelist>,
}

impl Codelists {
    /// Reads every CSV file in the folder.
    pub fn load(folder: &Path) -> Result<Self, SpecError> {
        let mut lists = BTreeMap::new();
        for name in disk::list(folder)? {
            if name.ends_with(".csv") {
                let list = Codelist::read(&folder.join(&name))?;
                lists.insert(list.name.clone(), list);
            }
        }
        Ok(Codelists { lists })
    }

    /// A codelist by its file's stem.
    pub fn get(&self, name: &str) -> Option<&Codelist> {
        self.lists.get(name)
    }

    /// All, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Codelist> {
        self.lists.values()
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.lists.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<Codelist, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("units.csv");
        disk::write_atomic(&path, text.as_bytes()).unwrap();
        Codelist::read(&path).map_err(|error| error.to_string().rsplit("units.csv").next().unwrap().to_owned())
    }

    #[test]
    fn codes_are_found_by_code() {
        let list = read("# source: x\ncode,label_en\nNR,Number\nPC_ENT,\"Percentage, of enterprises\"\n").unwrap();
        assert_eq!(list.row("PC_ENT").unwrap()[1], "Percentage, of enterprises");
        assert_eq!(list.codes().collect::<Vec<_>>(), ["NR", "PC_ENT"]);
    }

    #[test]
    fn a_second_or_empty_code_is_an_error_with_its_line() {
        assert_eq!(read("# s\ncode\nNR\nNR\n").unwrap_err(), "`, line 4: `NR` stands a second time");
        assert_eq!(read("# s\ncode,x\n,1\n").unwrap_err(), "`, line 3: expected a code, found nothing");
        assert!(read("scheme,code\nA,J\nB,J\n").is_ok(), "a code may stand once in each scheme");
    }
}
