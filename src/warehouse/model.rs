//! `sql/staging`, `sql/intermediate`, `sql/marts`: one SELECT a file; the file's stem is the table's name.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use duckdb::Connection;

use super::analysts::{self, Macro};
use super::build::ModelResult;
use super::check::nearest_table;
use super::contract::{self, Contract};
use super::load::LOAD_VERSION;
use super::{WarehouseError, engine, folders, graph, hash_of, quoted};
use crate::disk;
use crate::error::Snippet;

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
    pub(super) const ALL: [(Layer, &'static str); 3] =
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
        folders::misplaced(folder)?;
        let mut models: Vec<Model> = Vec::new();
        for (layer, folder_name) in Layer::ALL {
            let folder = folder.join(folder_name);
            for file in disk::list(&folder)? {
                let Some(name) = file.strip_suffix(".sql") else {
                    continue;
                };
                let path = folder.join(&file);
                let text = disk::read_text(&path)?;
                // Some editors of Windows put a mark of the order of bytes before the text, which is no part of it.
                let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
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
            // DuckDB tells no names apart by their case.
            if let Some(other) = models.values().find(|other| other.name.eq_ignore_ascii_case(&model.name)) {
                return Err(model.wrong(
                    0..0,
                    format!("expected one model `{}`, found another in `{}`", model.name, other.path.display()),
                    Some("rename one of the files: names are the same in upper and lower case".into()),
                ));
            }
            references.insert(model.name.clone(), parsed.references);
            models.insert(model.name.clone(), model);
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
                        .filter(|layer| schema.unwrap_or(Layer::Mart.schema()) == layer.schema())
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
                    let near = nearest_table(&written, &tables);
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

/// The columns that a model gives with their types, in order.
pub(super) fn columns(connection: &Connection, model: &Model) -> Result<Vec<(String, String)>, WarehouseError> {
    engine::columns(connection, &format!("describe `{}`", model.name), &model.table())
}
