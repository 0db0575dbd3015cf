//! Data Package 2.0: <https://datapackage.org/standard/data-package/>, with Table Schema for the columns.

use serde_json::{Value, json};

use super::{Column, Facts, file};

pub(super) fn document(facts: &Facts) -> Value {
    let resources: Vec<Value> = facts
        .marts()
        .map(|mart| {
            let path = file(mart);
            let (bytes, hash) = facts.files.get(&path).cloned().unwrap_or_default();
            json!({
                "name": mart.name,
                "type": "table",
                "description": mart.description,
                "path": path,
                "format": "parquet",
                "mediatype": "application/vnd.apache.parquet",
                // Not as `bytes` and `hash`: the standard's own Python tool (frictionless 5) counts neither in a Parquet
                // file, and takes every one for damaged.
                "sizeBytes": bytes,
                "sha256": hash,
                "schema": {
                    "fields": mart.columns.iter().map(|column| field(column, &mart.grain)).collect::<Vec<_>>(),
                    "primaryKey": mart.grain,
                },
            })
        })
        .collect();
    let sources: Vec<Value> = facts
        .sources()
        .into_iter()
        .map(|(attribution, url, licence)| json!({ "title": format!("{attribution} ({licence})"), "path": url }))
        .collect();
    json!({
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "tejido",
        "id": facts.identity(),
        "title": facts.about.title,
        "version": facts.manifest.build_id,
        "created": facts.manifest.built_at.to_string(),
        "contributors": [{ "title": facts.about.publisher, "roles": ["publisher"] }],
        "sources": sources,
        "resources": resources,
    })
}

fn field(column: &Column, grain: &[String]) -> Value {
    let kind = match column.kind.split('(').next().unwrap_or_default() {
        "VARCHAR" => "string",
        "BOOLEAN" => "boolean",
        "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" | "HUGEINT" => "integer",
        "FLOAT" | "DOUBLE" | "DECIMAL" => "number",
        "DATE" => "date",
        "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE" => "datetime",
        _ => "any",
    };
    let mut field = json!({ "name": column.name, "type": kind, "description": column.description });
    // A null integer, number or moment comes out of pandas, by which frictionless reads Parquet, as one of these.
    match kind {
        "integer" | "number" => field["missingValues"] = json!(["", "nan"]),
        "datetime" => field["missingValues"] = json!(["", "NaT"]),
        _ => {}
    }
    if grain.contains(&column.name) {
        field["constraints"] = json!({ "required": true });
    }
    field
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Column, field};

    #[test]
    fn nulls_are_told_as_readers_of_parquet_find_them() {
        let of = |kind: &str| {
            let column = Column { name: "a".into(), kind: kind.into(), description: String::new() };
            let field = field(&column, &[]);
            (field["type"].clone(), field["missingValues"].clone())
        };
        assert_eq!(of("BIGINT"), (json!("integer"), json!(["", "nan"])));
        assert_eq!(of("DECIMAL(18,6)"), (json!("number"), json!(["", "nan"])));
        assert_eq!(of("TIMESTAMP"), (json!("datetime"), json!(["", "NaT"])));
        // A text "nan" is a text.
        assert_eq!(of("VARCHAR"), (json!("string"), json!(null)));
    }
}
