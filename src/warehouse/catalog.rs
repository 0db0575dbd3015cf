//! `tejido.duckdb` at the data root: views over the published marts, for connections that stay open, and what their columns mean.
//!
//! A view names `published/marts/….parquet` below the data root, so that the next query after a switch
//! sees the new build. The file is replaced only when the marts or their columns change.

use std::path::Path;

use super::analysts;
use super::engine::{self, Limits, execute, path_literal};
use super::model::{Layer, Models};
use super::{WarehouseError, literal, quoted};
use crate::disk;

/// Raised whenever the same marts make another catalog.
pub const CATALOG_VERSION: &str = "2";

/// Writes the catalog of a data root whose `published` holds all marts of `models`.
///
/// `seen_at` is where its readers see the data root, who may have it under another path.
pub fn write_catalog(data_root: &Path, seen_at: &Path, models: &Models, limits: &Limits) -> Result<(), WarehouseError> {
    let pending = data_root.join(format!(".tmp-catalog-{}.duckdb", std::process::id()));
    disk::remove_file(&pending)?;
    let connection = engine::open(limits)?;
    let mut sql = format!("attach {} as tejido (storage_version 'v1.2.0'); use tejido;", path_literal(&pending));
    for model in models.all.iter().filter(|model| model.layer == Layer::Mart) {
        let name = quoted(&model.name);
        let file = seen_at.join("published/marts").join(format!("{}.parquet", model.name));
        sql.push_str(&format!("create view {name} as select * from read_parquet({});", path_literal(&file)));
        sql.push_str(&format!("comment on view {name} is {};", literal(&model.contract.description)));
        for (column, meaning) in &model.contract.columns {
            sql.push_str(&format!("comment on column {name}.{} is {};", quoted(column), literal(meaning)));
        }
    }
    sql.push_str(&analysts::latest_views(models));
    execute(&connection, "write the catalog", &sql)?;
    models.macros.iter().try_for_each(|one| one.make(&connection))?;
    analysts::make_dictionary_of_marts(&connection, models)?;
    execute(&connection, "write the catalog", "checkpoint tejido; use memory; detach tejido")?;
    disk::seal(&pending)?;
    Ok(disk::rename(&pending, &data_root.join("tejido.duckdb"))?)
}
