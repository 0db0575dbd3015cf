//! Croissant 1.0: <https://docs.mlcommons.org/croissant/docs/croissant-spec.html>. A file object and a record set for each
//! mart.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Column, Facts, Mart, file};

pub(super) fn document(facts: &Facts) -> Value {
    let objects: Vec<Value> = facts
        .marts()
        .map(|mart| {
            let path = file(mart);
            let (bytes, hash) = facts.files.get(&path).cloned().unwrap_or_default();
            json!({
                "@type": "cr:FileObject",
                "@id": path,
                "name": path,
                "contentUrl": facts.address(&path),
                "contentSize": format!("{bytes} B"),
                "encodingFormat": "application/x-parquet",
                "sha256": hash,
            })
        })
        .collect();
    let licences: Vec<&str> = {
        let mut licences: Vec<&str> = facts.sources().into_iter().map(|(_, _, licence)| licence).collect();
        licences.sort_unstable();
        licences.dedup();
        licences
    };
    json!({
        "@context": context(),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "tejido",
        "description": facts.about.title,
        "url": facts.identity(),
        "version": version(facts.manifest.built_at),
        "datePublished": facts.manifest.built_at.to_string(),
        "creator": { "@type": "sc:Organization", "name": facts.about.publisher },
        "license": licences,
        "citeAs": facts.manifest.build_id,
        "distribution": objects,
        "recordSet": facts.marts().map(record_set).collect::<Vec<_>>(),
    })
}

/// Croissant asks for a semantic version: the day and the time are its numbers, none of which may begin with 0.
fn version(at: Timestamp) -> String {
    let at = TimeZone::UTC.to_datetime(at);
    let day = i32::from(at.month()) * 100 + i32::from(at.day());
    let time = (i32::from(at.hour()) * 100 + i32::from(at.minute())) * 100 + i32::from(at.second());
    format!("{}.{day}.{time}", at.year())
}

fn record_set(mart: &Mart) -> Value {
    let field = |column: &Column| {
        json!({
            "@type": "cr:Field",
            "@id": format!("{}/{}", mart.name, column.name),
            "name": column.name,
            "description": column.description,
            "dataType": match column.kind.split('(').next().unwrap_or_default() {
                "BOOLEAN" => "sc:Boolean",
                "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" | "HUGEINT" => "sc:Integer",
                "FLOAT" | "DOUBLE" | "DECIMAL" => "sc:Float",
                "DATE" | "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE" => "sc:Date",
                _ => "sc:Text",
            },
            "source": { "fileObject": { "@id": file(mart) }, "extract": { "column": column.name } },
        })
    };
    json!({
        "@type": "cr:RecordSet",
        "@id": mart.name,
        "name": mart.name,
        "description": mart.description,
        "key": mart.grain.iter().map(|name| json!({ "@id": format!("{}/{name}", mart.name) })).collect::<Vec<_>>(),
        "field": mart.columns.iter().map(field).collect::<Vec<_>>(),
    })
}

/// The context that the specification prescribes.
fn context() -> Value {
    json!({
        "@language": "en",
        "@vocab": "https://schema.org/",
        "citeAs": "cr:citeAs",
        "column": "cr:column",
        "conformsTo": "dct:conformsTo",
        "cr": "http://mlcommons.org/croissant/",
        "data": { "@id": "cr:data", "@type": "@json" },
        "dataType": { "@id": "cr:dataType", "@type": "@vocab" },
        "dct": "http://purl.org/dc/terms/",
        "equivalentProperty": "cr:equivalentProperty",
        "examples": { "@id": "cr:examples", "@type": "@json" },
        "extract": "cr:extract",
        "field": "cr:field",
        "fileObject": "cr:fileObject",
        "fileProperty": "cr:fileProperty",
        "fileSet": "cr:fileSet",
        "format": "cr:format",
        "includes": "cr:includes",
        "isLiveDataset": "cr:isLiveDataset",
        "jsonPath": "cr:jsonPath",
        "key": "cr:key",
        "md5": "cr:md5",
        "parentField": "cr:parentField",
        "path": "cr:path",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "recordSet": "cr:recordSet",
        "references": "cr:references",
        "regex": "cr:regex",
        "repeated": "cr:repeated",
        "replace": "cr:replace",
        "samplingRate": "cr:samplingRate",
        "sc": "https://schema.org/",
        "separator": "cr:separator",
        "source": "cr:source",
        "subField": "cr:subField",
        "transform": "cr:transform",
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::version;

    #[test]
    fn a_version_has_no_leading_zeros_and_follows_the_time() {
        let of = |at: &str| version(at.parse().unwrap());
        assert_eq!(of("2026-11-30T00:08:35Z"), "2026.1130.835");
        assert_eq!(of("2026-01-02T00:00:00Z"), "2026.102.0");
        assert_eq!(of("2026-11-30T14:01:13.720871Z"), "2026.1130.140113");
    }
}
