//! Marts as Parquet, and the hashes of what is in them.

use std::collections::BTreeMap;
use std::path::Path;

use duckdb::Connection;

use super::build::{Build, DATABASE};
use super::engine::{self, Limits, execute, path_literal};
use super::model::{Layer, Model, Models};
use super::{WarehouseError, literal, quoted, quoted_list};
use crate::disk;

/// Writes each mart as one Parquet file, sorted by its grain.
pub(super) fn marts(
    folder: &Path,
    database: &Path,
    models: &Models,
    build: &mut Build,
    limits: &Limits,
    build_id: &str,
) -> Result<(), WarehouseError> {
    let marts = folder.join("marts");
    disk::create_dir(&marts)?;
    let connection = engine::open(limits)?;
    let attach = format!("attach {} as {DATABASE} (read_only); use {DATABASE}", path_literal(database));
    execute(&connection, "open the new build", &attach)?;
    for model in models.all.iter().filter(|model| model.layer == Layer::Mart) {
        let path = marts.join(format!("{}.parquet", model.name));
        let meanings: BTreeMap<&str, &str> =
            model.contract.columns.iter().map(|(name, meaning)| (name.as_str(), meaning.as_str())).collect();
        // Maps of strings always have a JSON form.
        let meanings = serde_json::to_string(&meanings).unwrap_or_default();
        execute(
            &connection,
            &format!("export `{}`", model.name),
            &format!(
                "copy (select * from {table} order by {grain}) to {path} (format parquet, compression zstd, row_group_size 122880,
                    kv_metadata {{'tejido.build': {build_id}, 'tejido.description': {description}, 'tejido.columns': {meanings}}})",
                table = model.table(),
                grain = quoted_list(&model.contract.grain),
                path = path_literal(&path),
                build_id = literal(build_id),
                description = literal(&model.contract.description),
                meanings = literal(&meanings),
            ),
        )?;
        disk::seal(&path)?;
        let Some(result) = build.models.iter_mut().find(|result| result.name == model.name) else {
            continue;
        };
        if result.columns.iter().any(|column| column.name == "provenance") {
            result.provenance = provenance(&connection, model)?;
        }
    }
    Ok(())
}

/// How many rows a model has, and a hash of them that is the same for the same rows in any order: XOR and sum of the
/// 64-bit hashes that DuckDB gives whole rows. It tells builds apart, and does not withstand somebody who wants it not to.
pub(super) fn content(
    connection: &Connection,
    model: &Model,
    columns: &[(String, String)],
) -> Result<(u64, String), WarehouseError> {
    let fields: Vec<String> = columns.iter().map(|(name, _)| quoted(name)).collect();
    let sql = format!(
        "select count(*), coalesce(bit_xor(hash), 0)::varchar, coalesce(sum(hash::hugeint), 0)::varchar
         from (select hash({}) as hash from {})",
        fields.join(", "),
        model.table()
    );
    let row = connection.query_row(&sql, [], |row| {
        Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    });
    row.map(|(rows, xor, sum)| (rows, format!("rows:{rows} xor:{xor} sum:{sum}")))
        .map_err(engine::refused(format!("hash `{}`", model.name)))
}

fn provenance(connection: &Connection, model: &Model) -> Result<BTreeMap<String, u64>, WarehouseError> {
    let failed = engine::refused(format!("count the provenance of `{}`", model.name));
    let sql = format!("select provenance, count(*) from {} group by provenance", model.table());
    let mut statement = connection.prepare(&sql).map_err(&failed)?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?.unsigned_abs())))
        .map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}
