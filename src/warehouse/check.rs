//! What is wrong with models is found before a run starts, on empty tables.

use std::ops::Range;

use duckdb::Connection;

use super::contract::{Audit, AuditKind};
use super::model::{Model, Models, columns};
use super::{WarehouseError, engine, graph, quoted};
use crate::error::nearest;

impl Models {
    /// Binds every model and audit to empty tables, so that what is wrong is found before a run starts.
    /// `lake` makes the tables of the lake, empty.
    pub fn check(&self, lake: &str) -> Result<(), WarehouseError> {
        let connection = Connection::open_in_memory().map_err(engine::refused("start".to_owned()))?;
        engine::execute(
            &connection,
            "make empty tables",
            &format!("set enable_external_access = false; create schema staging; create schema intermediate; {lake}"),
        )?;
        for model in &self.all {
            model.bind(&connection)?;
            self.check_columns(&connection, model)?;
            self.check_inputs(&connection, model)?;
            for audit in &model.contract.audits {
                match &audit.kind {
                    AuditKind::Every(predicate) | AuditKind::Exists(predicate) => {
                        check_predicate(&connection, model, audit, predicate)?;
                    }
                    _ => check_sentence(&connection, model, audit)?,
                }
            }
        }
        self.macros.iter().try_for_each(|one| one.check(&connection))
    }

    /// The tables and columns that the entry `inputs:` names are there. Models come after those that they read.
    fn check_inputs(&self, connection: &Connection, model: &Model) -> Result<(), WarehouseError> {
        for rule in &model.contract.inputs {
            let place = entry_place(model, "inputs", &rule.table);
            let other_hint =
                || Some("`inputs:` names a model that this one reads, directly or not, and columns of both".to_owned());
            let Some(other) = self.all.iter().find(|other| other.name == rule.table) else {
                let near = nearest(&rule.table, self.all.iter().map(|other| other.name.as_str()));
                return Err(model.wrong(
                    place,
                    format!("expected a model, found `{}`", rule.table),
                    near.map(|near| format!("did you mean `{near}`?")).or_else(other_hint),
                ));
            };
            for (of, names) in [
                (other, rule.on.iter().map(|(theirs, _)| theirs).chain(&rule.weight).collect::<Vec<_>>()),
                (model, rule.on.iter().map(|(_, own)| own).collect()),
            ] {
                // A model that stands behind this one has no table yet; the question below says so.
                let known = columns(connection, of).unwrap_or_default();
                let is_known = |name: &String| known.iter().any(|(column, _)| column.eq_ignore_ascii_case(name));
                if let Some(name) = names.into_iter().find(|name| !known.is_empty() && !is_known(name)) {
                    let near = nearest(name, known.iter().map(|(column, _)| column.as_str()));
                    return Err(model.wrong(
                        place,
                        format!("expected a column of `{}`, found `{name}`", of.name),
                        near.map(|near| format!("did you mean `{near}`?")).or_else(other_hint),
                    ));
                }
            }
            let on = rule.on.iter().map(|(theirs, own)| format!("theirs.{} = own.{}", quoted(theirs), quoted(own)));
            let weight = rule.weight.as_ref().map_or("1".to_owned(), |weight| quoted(weight));
            let condition = rule.condition.as_deref().unwrap_or("true");
            let asked = format!(
                "select 1 from {own} as own join (select *, {weight} from {theirs} where {condition}) as theirs on {on}",
                own = model.table(),
                theirs = other.table(),
                on = on.collect::<Vec<_>>().join(" and ")
            );
            connection.execute_batch(&asked).map_err(|error| {
                let told = error.to_string();
                model.wrong(place, told.lines().next().unwrap_or_default().to_owned(), other_hint())
            })?;
        }
        Ok(())
    }

    /// Every column is described, and nothing else is.
    fn check_columns(&self, connection: &Connection, model: &Model) -> Result<(), WarehouseError> {
        let columns: Vec<String> = columns(connection, model)?.into_iter().map(|(name, _)| name).collect();
        let header = 0..model.text[..model.contract.end].trim_end().len();
        let is_described = |column: &str| model.contract.columns.iter().any(|(name, _)| name == column);
        // What is not there comes first: it may be the misspelt name of what has no description.
        let spoken = model.contract.columns.iter().map(|(name, _)| ("column", name));
        for (key, name) in spoken.chain(model.contract.grain.iter().map(|name| ("grain", name))) {
            if !columns.contains(name) {
                let open: Vec<&str> =
                    columns.iter().map(String::as_str).filter(|column| !is_described(column)).collect();
                let near = nearest(name, open).or_else(|| nearest(name, columns.iter().map(String::as_str)));
                return Err(model.wrong(
                    entry_place(model, key, name),
                    format!("the header speaks of the column `{name}`, which the SELECT does not give"),
                    near.map(|near| format!("did you mean `{near}`?")),
                ));
            }
        }
        if let Some(column) = columns.iter().find(|column| !is_described(column)) {
            return Err(model.wrong(
                header,
                format!("the column `{column}` has no description"),
                Some(format!("add `-- column {column}: …` to the header")),
            ));
        }
        check_translations(model, &columns)
    }
}

/// Where the header has this name in an entry with this key; all of the header where it has not.
fn entry_place(model: &Model, key: &str, name: &str) -> Range<usize> {
    let header = &model.text[..model.contract.end];
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    let mut is_in = false;
    for line in header.split_inclusive('\n') {
        let start = at;
        at += line.len();
        // An entry goes on in the lines that are indented.
        is_in = match line.strip_prefix("--  ") {
            Some(_) => is_in,
            None => line
                .trim_start_matches('-')
                .trim_start()
                .strip_prefix(key)
                .is_some_and(|rest| !rest.starts_with(is_part)),
        };
        if !is_in {
            continue;
        }
        // Behind the key, whose letters a name may have, too.
        let from = line.find(key).map_or(0, |at| at + key.len());
        let found = line[from..].match_indices(name).map(|(at, _)| from + at).find(|at| {
            // In another column's meaning it is only spoken of.
            (key != "column" || line[from..*at].trim().is_empty())
                && !line[..*at].ends_with(is_part)
                && !line[at + name.len()..].starts_with(is_part)
                && !name.is_empty()
        });
        if let Some(found) = found {
            return start + found..start + found + name.len();
        }
    }
    0..header.trim_end().len()
}

/// The table that is meant by a name which no table has: first one that lacks only its schema.
pub(super) fn nearest_table<'t>(written: &str, tables: &'t [String]) -> Option<&'t str> {
    let bare = |name: &'_ str| name.rsplit('.').next().unwrap_or_default().to_lowercase();
    let mut same: Vec<&str> = tables.iter().map(String::as_str).filter(|table| bare(table) == bare(written)).collect();
    same.sort_unstable();
    let of_a_model = same.iter().copied().find(|table| !table.starts_with("lake."));
    of_a_model.or(same.first().copied()).or_else(|| nearest(written, tables.iter().map(String::as_str)))
}

/// The predicate of an audit is one expression, which is true or false of the model's columns.
fn check_predicate(
    connection: &Connection,
    model: &Model,
    audit: &Audit,
    predicate: &str,
) -> Result<(), WarehouseError> {
    let prefix = format!("select count(*) from {} where (", model.table());
    if let Err(error) = connection.execute_batch(&format!("{prefix}{predicate})")) {
        let at = model.text[audit.span.clone()].find(predicate);
        return Err(match at {
            Some(at) => {
                engine::located(&error, &model.path, &model.text[..audit.span.end], audit.span.start + at, prefix.len())
            }
            // The predicate goes over several comment lines: underline the whole entry.
            None => {
                model.wrong(audit.span.clone(), error.to_string().lines().next().unwrap_or_default().to_owned(), None)
            }
        });
    }
    if !graph::is_expression(connection, predicate)? {
        return Err(model.wrong(
            audit.span.clone(),
            "expected one predicate, found more than that".into(),
            Some("an audit is one expression that is true of every row".into()),
        ));
    }
    let asked = format!("select ({predicate}) from {}", model.table());
    let kind = engine::columns(connection, &format!("describe an audit of `{}`", model.name), &asked)?;
    match kind.first() {
        Some((_, kind)) if kind != "BOOLEAN" => Err(model.wrong(
            audit.span.clone(),
            format!("expected a predicate that is true or false, found one of the type {kind}"),
            Some("compare it with something: `<column> is not null`, `<column> > 0`".into()),
        )),
        _ => Ok(()),
    }
}

/// The tables and columns that an audit speaks of are there, and of a type of which it can be asked.
fn check_sentence(connection: &Connection, model: &Model, audit: &Audit) -> Result<(), WarehouseError> {
    let own = columns(connection, model)?;
    let strange = |name: &String, of: &str, known: &[(String, String)]| {
        let near = nearest(name, known.iter().map(|(column, _)| column.as_str()));
        Err(model.wrong(
            audit.span.clone(),
            format!("expected a column of `{of}`, found `{name}`"),
            near.map(|near| format!("did you mean `{near}`?")),
        ))
    };
    let find = |name: &String, known: &[(String, String)]| {
        known.iter().find(|(column, _)| column.eq_ignore_ascii_case(name)).map(|(_, kind)| kind.clone())
    };
    // The types that a word of the sentence needs, by how their names begin.
    let (column, kinds, what): (&String, &[&str], &str) = match &audit.kind {
        AuditKind::Every(_) | AuditKind::Exists(_) | AuditKind::Rows { .. } | AuditKind::NotBelowLast { .. } => {
            return Ok(());
        }
        AuditKind::Moves { column, .. } => (
            column,
            &[
                "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINY", "USMALL", "UINT", "UBIG", "UHUGE",
                "FLOAT", "DOUBLE", "DECIMAL",
            ],
            "numbers",
        ),
        AuditKind::Newest { column, .. } => (column, &["DATE", "TIMESTAMP"], "dates or moments"),
        AuditKind::References { columns, other, others } => {
            if let Some(name) = columns.iter().find(|name| find(name, &own).is_none()) {
                return strange(name, &model.name, &own);
            }
            let tables = engine::list(
                connection,
                "list the tables",
                "select case table_schema when 'main' then '' else table_schema || '.' end || table_name
                 from information_schema.tables order by all",
            )?;
            let bare = other.strip_prefix("main.").unwrap_or(other).replace('"', "");
            if !tables.iter().any(|table| table.eq_ignore_ascii_case(&bare)) {
                let hint = match nearest_table(&bare, &tables) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "a table that an audit names is one of the lake, or of a model before this one".to_owned(),
                };
                let message = format!("expected a table of the lake or of a model before this one, found `{other}`");
                return Err(model.wrong(audit.span.clone(), message, Some(hint)));
            }
            let theirs = engine::columns(connection, &format!("describe `{other}`"), other)?;
            if let Some(name) = others.iter().find(|name| find(name, &theirs).is_none()) {
                return strange(name, other, &theirs);
            }
            // Types that cannot be compared are told as DuckDB does.
            let pairs = columns.iter().zip(others);
            let equal: Vec<String> =
                pairs.map(|(own, other)| format!("model.{} = other.{}", quoted(own), quoted(other))).collect();
            let asked =
                format!("select 1 from {} as model join {other} as other on {}", model.table(), equal.join(" and "));
            return connection.execute_batch(&asked).map_err(|error| {
                let told = error.to_string();
                model.wrong(audit.span.clone(), told.lines().next().unwrap_or_default().to_owned(), None)
            });
        }
    };
    match find(column, &own) {
        None => strange(column, &model.name, &own),
        Some(kind) if !kinds.iter().any(|begin| kind.starts_with(begin)) => Err(model.wrong(
            audit.span.clone(),
            format!("expected a column of {what}, found `{column}` of the type {kind}"),
            Some("name another column, or cast it in the SELECT".into()),
        )),
        Some(_) => Ok(()),
    }
}

/// A header that begins to speak another language says all in it: what one row is, every column, and nothing else.
fn check_translations(model: &Model, columns: &[String]) -> Result<(), WarehouseError> {
    let header = 0..model.text[..model.contract.end].trim_end().len();
    for (language, translation) in &model.contract.translations {
        for column in &translation.columns {
            if !columns.contains(&column.name) {
                // Behind the word `column`, whose letters a name may have, too.
                let entry = &model.text[column.span.clone()];
                let from = entry.find("column").map_or(0, |at| at + "column".len());
                let at = column.span.start + from + entry[from..].find(column.name.as_str()).unwrap_or(0);
                let near = nearest(&column.name, columns.iter().map(String::as_str));
                return Err(model.wrong(
                    at..at + column.name.len(),
                    format!("the header speaks of the column `{}`, which the SELECT does not give", column.name),
                    near.map(|near| format!("did you mean `{near}`?")),
                ));
            }
        }
        if translation.description.is_empty() {
            return Err(model.wrong(
                header,
                format!("the header does not say in `{language}` what one row is"),
                Some(format!("add `-- in {language}: …`, or remove what it says in that language")),
            ));
        }
        let said = |name: &String| translation.column(name).is_some_and(|meaning| !meaning.is_empty());
        if let Some(name) = columns.iter().find(|name| !said(name)) {
            return Err(model.wrong(
                header,
                format!("the column `{name}` has no description in `{language}`"),
                Some(format!("add `-- column {name} in {language}: …` to the header")),
            ));
        }
    }
    Ok(())
}
