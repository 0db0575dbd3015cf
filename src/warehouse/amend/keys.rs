//! Keys whose rows are looked for.

use std::collections::BTreeMap;

use duckdb::Connection;

use super::super::{WarehouseError, engine, literal, quoted};

/// A temporary table of keys.
pub(super) struct Keys {
    table: &'static str,
    /// Its columns, each with what it has in it, where that is not much.
    columns: BTreeMap<String, Option<String>>,
}

impl Keys {
    /// The keys of a temporary table with these columns. To ask for few values in so many words lets DuckDB pass over most of
    /// what it would read.
    pub fn read(connection: &Connection, table: &'static str, columns: &[&str]) -> Result<Self, WarehouseError> {
        const MOST: usize = 100;
        let action = "look at the keys that changed";
        let mut listed = BTreeMap::new();
        for column in columns {
            let name = quoted(column);
            let some = format!("select distinct {name} from temp.{table} limit {}", MOST + 1);
            let texts: Vec<String> =
                engine::list(connection, action, &some)?.iter().map(|text| literal(text)).collect();
            listed.insert((*column).to_owned(), (texts.len() <= MOST).then(|| texts.join(", ")));
        }
        Ok(Keys { table, columns: listed })
    }

    /// What is true of a row of a table and a row of keys that belong together, and what is true of a row of the table that
    /// has such a one. `column` is the table's column for one of the keys, if it has one.
    pub fn conditions(&self, column: impl Fn(&str) -> Option<String>) -> (Vec<String>, Vec<String>) {
        let (mut equal, mut among) = (Vec::new(), Vec::new());
        for (key, values) in &self.columns {
            if let Some(column) = column(key) {
                equal.push(format!("{column} = keys.{}", quoted(key)));
                among.extend(values.as_ref().map(|values| format!("{column} in ({values})")));
            }
        }
        (equal, among)
    }

    /// What leaves only those rows of `own` that have one of the keys, so far as its columns tell.
    pub fn semi_join(&self, column: impl Fn(&str) -> Option<String>) -> String {
        let (equal, mut among) = self.conditions(column);
        if equal.is_empty() {
            return String::new();
        }
        among.insert(0, "true".to_owned());
        format!("semi join temp.{} as keys on {} where {}", self.table, equal.join(" and "), among.join(" and "))
    }
}
