//! DCAT-AP 3 (<https://semiceu.github.io/DCAT-AP/releases/3.0.0/>) as JSON-LD, with the statistical terms of StatDCAT-AP 1.0:
//! one dataset, a distribution for each mart, and each dimension and attribute named.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Facts, file};

pub(super) fn document(facts: &Facts) -> Value {
    let dataset = facts.identity();
    let distributions: Vec<Value> = facts
        .marts()
        .map(|mart| {
            let path = file(mart);
            let (bytes, hash) = facts.files.get(&path).cloned().unwrap_or_default();
            let address = facts.address(&path);
            json!({
                "@id": format!("{dataset}#{}", mart.name),
                "@type": "dcat:Distribution",
                "dct:title": mart.name,
                "dct:description": mart.description,
                "dcat:accessURL": { "@id": address },
                "dcat:downloadURL": { "@id": address },
                "dcat:mediaType": { "@id": "https://www.iana.org/assignments/media-types/application/vnd.apache.parquet" },
                "dcat:byteSize": { "@value": bytes.to_string(), "@type": "xsd:nonNegativeInteger" },
                "spdx:checksum": {
                    "@type": "spdx:Checksum",
                    "spdx:algorithm": { "@id": "spdx:checksumAlgorithm_sha256" },
                    "spdx:checksumValue": { "@value": hash, "@type": "xsd:hexBinary" },
                },
            })
        })
        .collect();
    let columns = |in_grain: bool| -> Vec<Value> {
        let of = facts.marts().flat_map(|mart| {
            mart.columns
                .iter()
                .filter(move |column| mart.grain.contains(&column.name) == in_grain)
                .map(|column| column.name.as_str())
        });
        let names: BTreeSet<&str> = of.collect();
        let kind = if in_grain { "qb:DimensionProperty" } else { "qb:AttributeProperty" };
        names
            .into_iter()
            .map(|name| json!({ "@id": property(&dataset, name), "@type": kind, "rdfs:label": name }))
            .collect()
    };
    let sources: Vec<Value> = facts
        .sources()
        .into_iter()
        .map(|(attribution, url, licence)| {
            json!({ "@id": url, "@type": "prov:Entity", "dct:title": attribution, "dct:rights": licence })
        })
        .collect();
    json!({
        "@context": {
            "dcat": "http://www.w3.org/ns/dcat#",
            "dct": "http://purl.org/dc/terms/",
            "foaf": "http://xmlns.com/foaf/0.1/",
            "prov": "http://www.w3.org/ns/prov#",
            "qb": "http://purl.org/linked-data/cube#",
            "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
            "spdx": "http://spdx.org/rdf/terms#",
            "stat": "http://data.europa.eu/m8g/",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
        },
        "@id": dataset,
        "@type": "dcat:Dataset",
        "dct:title": facts.about.title,
        "dct:description": "Official statistics and counts of members, harmonised; every row names the snapshot and the place in it that it was read from.",
        "dct:identifier": facts.manifest.build_id,
        "dcat:version": facts.manifest.build_id,
        "dct:modified": { "@value": facts.manifest.built_at.to_string(), "@type": "xsd:dateTime" },
        "dct:publisher": { "@type": "foaf:Agent", "foaf:name": facts.about.publisher },
        "prov:wasDerivedFrom": sources,
        "stat:dimension": columns(true),
        "stat:attribute": columns(false),
        "dcat:distribution": distributions,
    })
}

/// The concept that SDMX has for a column, or one of this dataset.
fn property(dataset: &str, name: &str) -> String {
    match name {
        "region" => "http://purl.org/linked-data/sdmx/2009/dimension#refArea".to_owned(),
        "time_period" => "http://purl.org/linked-data/sdmx/2009/dimension#refPeriod".to_owned(),
        "unit" => "http://purl.org/linked-data/sdmx/2009/attribute#unitMeasure".to_owned(),
        "flags" => "http://purl.org/linked-data/sdmx/2009/attribute#obsStatus".to_owned(),
        other => format!("{dataset}#column-{other}"),
    }
}
