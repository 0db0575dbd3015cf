//! `sql/staging`, `sql/intermediate`, `sql/marts`: one SELECT a file; the file's stem is the table's name.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use duckdb::Connection;

use super::analysts::{self, Macro};
use super::build::ModelResult;
use super::contract::{self, Audit, AuditKind, Contract};
use super::load::LOAD_VERSION;
use super::{WarehouseError, engine, graph, hash_of, quoted};
use crate::disk;
use crate::error::{Snippet, nearest};

/// Where a model stands in the flow; each layer reads those above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Renames and casts, one model a table of the lake.
    Staging,
    /// Steps that marts share.
    Intermediate,
    /// What is published.
    Mart,
}

impl Layer {
    const ALL: [(Layer, &'static str); 3] =
        [(Layer::Staging, "staging"), (Layer::Intermediate, "intermediate"), (Layer::Mart, "marts")];

    /// The schema of its tables; marts stand in the default one.
    pub fn schema(self) -> &'static str {
        match self {
            Layer::Staging => "staging",
            Layer::Intermediate => "intermediate",
            Layer::Mart => "main",
        }
    }
}

/// One model.
#[derive(Debug, Clone)]
pub struct Model {
    /// The table's name.
    pub name: String,
    /// Its layer.
    pub layer: Layer,
    /// The file.
    pub path: PathBuf,
    /// The whole text of the file.
    pub text: String,
    /// Its header.
    pub contract: Contract,
    /// The models that it reads.
    pub reads: Vec<String>,
    /// The tables of the lake that it reads, without the schema.
    pub reads_lake: Vec<String>,
    /// Hash of the SELECT as DuckDB understands it, without comments, layout and positions, and of the raking.
    pub select_hash: String,
}

impl Model {
    /// The SELECT.
    pub fn sql(&self) -> &str {
        self.text[self.contract.end..].trim_end().trim_end_matches(';')
    }

    /// The table as SQL, such as `main."ict_adoption"`.
    pub fn table(&self) -> String {
        format!("{}.{}", self.layer.schema(), quoted(&self.name))
    }

    /// Staging models are views: they rename and cast, and would only repeat the lake.
    pub fn is_view(&self) -> bool {
        self.layer == Layer::Staging
    }

    /// The statement that makes it.
    pub(super) fn create(&self) -> (String, usize) {
        let kind = if self.is_view() { "view" } else { "table" };
        let prefix = format!("create {kind} {} as ", self.table());
        let length = prefix.len();
        (prefix + self.sql(), length)
    }

    /// Makes its view or table in a database that has what it reads, raked where its header says so. DuckDB's error has the
    /// place in the model's file.
    pub fn make(&self, connection: &Connection) -> Result<(), WarehouseError> {
        if let Some(rule) = &self.contract.rake {
            return rule.make(connection, self);
        }
        self.execute(connection, "")
    }

    /// The same without running it, so that what never ends is no trouble, and the table stays empty. What is to be raked
    /// is run: its columns are added then.
    pub(super) fn bind(&self, connection: &Connection) -> Result<(), WarehouseError> {
        if self.is_view() || self.contract.rake.is_some() {
            return self.make(connection);
        }
        self.execute(connection, "\nwith no data")
    }

    /// Runs the statement that makes it, with this behind it.
    fn execute(&self, connection: &Connection, behind: &str) -> Result<(), WarehouseError> {
        let (create, prefix) = self.create();
        self.run(connection, &(create + behind), prefix)
    }

    /// Runs a statement in which its SELECT stands behind a prefix of that length.
    pub(super) fn run(&self, connection: &Connection, sql: &str, prefix: usize) -> Result<(), WarehouseError> {
        connection
            .execute_batch(sql)
            .map_err(|error| engine::located(&error, &self.path, &self.text, self.contract.end, prefix))
    }

    pub(super) fn wrong(&self, span: std::ops::Range<usize>, message: String, hint: Option<String>) -> WarehouseError {
        WarehouseError::Model { message, snippet: Box::new(Snippet::new(&self.path, &self.text, span, "")), hint }
    }
}

/// Tables of the lake that speak of single members: they are never published.
pub(super) const PRIVATE_TABLES: [&str; 1] = ["memberships"];

/// All models of a project, each after those that it reads.
#[derive(Debug, Clone, Default)]
pub struct Models {
    /// The models.
    pub all: Vec<Model>,
    /// `sql/macros/`
    pub macros: Vec<Macro>,
}

/// `sql/` as it is written: headers are read, SELECTs are not yet understood.
pub struct Drafts {
    models: Vec<Model>,
    macros: Vec<Macro>,
}

impl Drafts {
    /// Reads `sql/`.
    pub fn read(folder: &Path) -> Result<Self, WarehouseError> {
        let mut models: Vec<Model> = Vec::new();
        for (layer, folder_name) in Layer::ALL {
            let folder = folder.join(folder_name);
            for file in disk::list(&folder)? {
                let Some(name) = file.strip_suffix(".sql") else {
                    continue;
                };
                let path = folder.join(&file);
                let text = disk::read_text(&path)?;
                let contract = contract::parse(&path, &text)?;
                models.push(Model {
                    name: name.to_owned(),
                    layer,
                    path,
                    text,
                    contract,
                    reads: Vec::new(),
                    reads_lake: Vec::new(),
                    select_hash: String::new(),
                });
            }
        }
        Ok(Drafts { models, macros: analysts::load(&folder.join("macros"))? })
    }

    /// Hash of all files, and of what they are checked against: the version of DuckDB and the statements that make the
    /// tables of the lake.
    pub fn fingerprint(&self, engine: &str, lake: &str) -> String {
        let models =
            self.models.iter().flat_map(|model| [model.layer.schema(), model.name.as_str(), model.text.as_str()]);
        let macros = self.macros.iter().flat_map(|one| [one.name.as_str(), one.text.as_str()]);
        hash_of([env!("CARGO_PKG_VERSION"), LOAD_VERSION, engine, lake].into_iter().chain(models).chain(macros))
    }

    /// The models with what a build says of them that was made from files of this very fingerprint: nothing is parsed.
    /// None where that build does not speak of all.
    pub fn known(&self, built: &[ModelResult]) -> Option<Models> {
        let mut models = BTreeMap::new();
        for model in &self.models {
            let known = built.iter().find(|known| known.name == model.name && !known.select_hash.is_empty())?;
            let model = Model {
                reads: known.reads.clone(),
                reads_lake: known.reads_lake.clone(),
                select_hash: known.select_hash.clone(),
                ..model.clone()
            };
            models.insert(model.name.clone(), model);
        }
        Some(Models { all: graph::ordered(models).ok()?, macros: self.macros.clone() })
    }

    /// Finds what each model reads. `lake_tables` are the tables that the lake will have, without the schema.
    pub fn parse(self, lake_tables: &[String]) -> Result<Models, WarehouseError> {
        let Drafts { models: drafts, macros } = self;
        let mut models: BTreeMap<String, Model> = BTreeMap::new();
        let mut references: BTreeMap<String, Vec<graph::Reference>> = BTreeMap::new();
        let parsed = graph::parse(&drafts)?;
        for (mut model, parsed) in drafts.into_iter().zip(parsed) {
            let raked = model.contract.rake.as_ref().map(|rule| format!("{rule:?}")).unwrap_or_default();
            model.select_hash = blake3::hash((parsed.normalised + &raked).as_bytes()).to_hex().to_string();
            references.insert(model.name.clone(), parsed.references);
            if let Some(other) = models.insert(model.name.clone(), model.clone()) {
                return Err(model.wrong(
                    0..0,
                    format!("expected one model `{}`, found another in `{}`", model.name, other.path.display()),
                    Some("rename one of the files".into()),
                ));
            }
        }
        let known: HashMap<String, Layer> = models.values().map(|model| (model.name.clone(), model.layer)).collect();
        for model in models.values_mut() {
            for reference in references.remove(&model.name).unwrap_or_default() {
                let found = match reference.schema.as_deref() {
                    Some("lake") => {
                        lake_tables.contains(&reference.table).then(|| model.reads_lake.push(reference.table.clone()))
                    }
                    schema => known
                        .get(&reference.table)
                        .filter(|layer| schema.is_none_or(|schema| schema == layer.schema()))
                        .map(|_| model.reads.push(reference.table.clone())),
                };
                let layer = known.get(&reference.table).filter(|_| reference.schema.as_deref() != Some("lake"));
                if let Some(layer) = layer
                    && (*layer > model.layer || model.layer == Layer::Staging)
                {
                    return Err(model.wrong(
                        reference.span.clone(),
                        format!("expected a table of a layer before this one, found `{}`", reference.table),
                        Some("staging reads the lake, intermediate reads staging, marts read both".into()),
                    ));
                }
                if found.is_none() {
                    let full = |schema: &str, table: &str| match schema {
                        "main" => table.to_owned(),
                        _ => format!("{schema}.{table}"),
                    };
                    let tables: Vec<String> = known
                        .iter()
                        .map(|(name, layer)| full(layer.schema(), name))
                        .chain(lake_tables.iter().map(|table| full("lake", table)))
                        .collect();
                    let written = full(reference.schema.as_deref().unwrap_or("main"), &reference.table);
                    let near = nearest(&written, tables.iter().map(String::as_str));
                    return Err(model.wrong(
                        reference.span.clone(),
                        format!("expected a model or a table of the lake, found `{written}`"),
                        near.map(|near| format!("did you mean `{near}`?")),
                    ));
                }
            }
            for reads in [&mut model.reads, &mut model.reads_lake] {
                reads.sort();
                reads.dedup();
            }
        }
        let all = graph::ordered(models)?;
        let private: Vec<String> =
            all.iter().filter(|model| model.contract.private).map(|model| model.name.clone()).collect();
        for model in &all {
            let header = 0..model.text[..model.contract.end].trim_end().len();
            if model.contract.private && model.layer == Layer::Mart {
                let hint = Some("make it an intermediate model, and a mart that counts".into());
                return Err(model.wrong(header, "a mart is published and cannot be private".into(), hint));
            }
            if model.contract.rake.is_some() && model.is_view() {
                let hint = Some("make it an intermediate model or a mart".into());
                return Err(model.wrong(header, "a staging model is a view and cannot be raked".into(), hint));
            }
            // A view is its SQL: it reads its tables again whenever it is asked.
            let reads_private = model.reads.iter().find(|name| private.contains(name)).map(String::as_str);
            let reads_members = model.reads_lake.iter().any(|table| PRIVATE_TABLES.contains(&table.as_str()));
            if model.is_view() && !model.contract.private && (reads_private.is_some() || reads_members) {
                let read = reads_private.unwrap_or("lake.memberships");
                return Err(model.wrong(
                    header,
                    format!("`{read}` is private, so a view that reads it must be, too"),
                    Some("add `-- private: …` with the reason to the header".into()),
                ));
            }
        }
        Ok(Models { all, macros })
    }
}

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
                let (AuditKind::Every(predicate) | AuditKind::Exists(predicate)) = &audit.kind else {
                    self.check_sentence(&connection, model, audit)?;
                    continue;
                };
                let prefix = format!("select count(*) from {} where (", model.table());
                if let Err(error) = connection.execute_batch(&format!("{prefix}{predicate})")) {
                    let at = model.text[audit.span.clone()].find(predicate.as_str());
                    return Err(match at {
                        Some(at) => engine::located(
                            &error,
                            &model.path,
                            &model.text[..audit.span.end],
                            audit.span.start + at,
                            prefix.len(),
                        ),
                        // The predicate goes over several comment lines: underline the whole entry.
                        None => model.wrong(
                            audit.span.clone(),
                            error.to_string().lines().next().unwrap_or_default().to_owned(),
                            None,
                        ),
                    });
                }
            }
        }
        self.macros.iter().try_for_each(|one| one.check(&connection))
    }

    /// The tables and columns that the entry `inputs:` names are there. Models come after those that they read.
    fn check_inputs(&self, connection: &Connection, model: &Model) -> Result<(), WarehouseError> {
        for rule in &model.contract.inputs {
            let header = 0..model.text[..model.contract.end].trim_end().len();
            let wrong = |message: String| {
                let hint =
                    "`inputs:` names a model that this one reads, directly or not, and columns of both".to_owned();
                model.wrong(header.clone(), message, Some(hint))
            };
            let Some(other) = self.all.iter().find(|other| other.name == rule.table) else {
                return Err(wrong(format!("expected a model, found `{}`", rule.table)));
            };
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
                wrong(told.lines().next().unwrap_or_default().to_owned())
            })?;
        }
        Ok(())
    }

    /// The columns that an audit speaks of are there.
    fn check_sentence(&self, connection: &Connection, model: &Model, audit: &Audit) -> Result<(), WarehouseError> {
        let (own, other): (Vec<&String>, Option<(&str, &[String])>) = match &audit.kind {
            AuditKind::Every(_) | AuditKind::Exists(_) | AuditKind::Rows { .. } | AuditKind::NotBelowLast { .. } => {
                return Ok(());
            }
            AuditKind::Moves { column, .. } | AuditKind::Newest { column, .. } => (vec![column], None),
            AuditKind::References { columns, other, others } => (columns.iter().collect(), Some((other, others))),
        };
        let own: Vec<String> = own.into_iter().map(|name| quoted(name)).collect();
        let mut asked = vec![format!("select {} from {}", own.join(", "), model.table())];
        asked.extend(other.map(|(table, columns)| {
            let columns: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
            format!("select {} from {table}", columns.join(", "))
        }));
        let failed = |error: duckdb::Error| {
            let told = error.to_string();
            let hint = "a table that an audit names is one of the lake, or of a model before this one".to_owned();
            model.wrong(audit.span.clone(), told.lines().next().unwrap_or_default().to_owned(), Some(hint))
        };
        asked.iter().try_for_each(|sql| connection.execute_batch(sql).map_err(failed))
    }

    /// Every column is described, and nothing else is.
    fn check_columns(&self, connection: &Connection, model: &Model) -> Result<(), WarehouseError> {
        let columns: Vec<String> = columns(connection, model)?.into_iter().map(|(name, _)| name).collect();
        let header = 0..model.text[..model.contract.end].trim_end().len();
        for column in &columns {
            if !model.contract.columns.iter().any(|(name, _)| name == column) {
                return Err(model.wrong(
                    header,
                    format!("the column `{column}` has no description"),
                    Some(format!("add `-- column {column}: …` to the header")),
                ));
            }
        }
        let described = model.contract.columns.iter().map(|(name, _)| name).chain(&model.contract.grain);
        for name in described {
            if !columns.contains(name) {
                let near = nearest(name, columns.iter().map(String::as_str));
                let at = model.text[header.clone()].find(name.as_str()).unwrap_or(0);
                return Err(model.wrong(
                    at..at + name.len(),
                    format!("the header speaks of the column `{name}`, which the SELECT does not give"),
                    near.map(|near| format!("did you mean `{near}`?")),
                ));
            }
        }
        check_translations(model, &columns)
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

/// The columns that a model gives with their types, in order.
pub(super) fn columns(connection: &Connection, model: &Model) -> Result<Vec<(String, String)>, WarehouseError> {
    engine::columns(connection, &format!("describe `{}`", model.name), &model.table())
}
