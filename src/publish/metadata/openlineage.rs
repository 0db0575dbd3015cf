//! OpenLineage 2: <https://openlineage.io/spec/2-0-2/OpenLineage.json>. One event of completion for each model, with what it
//! read and what it gave; snapshots are the inputs of the tables of the lake.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Facts, Mart};

const PRODUCER: &str = concat!("urn:tejido:", env!("CARGO_PKG_VERSION"));

/// The events of a build.
pub(super) fn of(facts: &Facts) -> Vec<Value> {
    let at = facts.manifest.built_at;
    let mut events = vec![loaded(facts)];
    for model in &facts.models {
        let read = model.reads.iter().filter_map(|name| facts.models.iter().find(|other| other.name == *name));
        let mut inputs: Vec<Value> = read.map(|other| dataset(&table(other))).collect();
        inputs.extend(model.reads_lake.iter().map(|name| dataset(&format!("lake.{name}"))));
        let mut output = dataset(&table(model));
        output["facets"] = json!({
            "documentation": facet("1-0-1/DocumentationDatasetFacet", json!({ "description": model.description })),
            "schema": facet("1-1-1/SchemaDatasetFacet", json!({
                "fields": model.columns.iter().map(|column| json!({
                    "name": column.name, "type": column.kind, "description": column.description
                })).collect::<Vec<_>>(),
            })),
            "version": facet("1-0-1/DatasetVersionDatasetFacet", json!({ "datasetVersion": facts.manifest.build_id })),
        });
        output["outputFacets"] = json!({
            "outputStatistics": facet("1-0-2/OutputStatisticsOutputDatasetFacet", json!({ "rowCount": model.rows })),
        });
        events.push(event(&facts.manifest.build_id, &model.name, at, inputs, vec![output]));
    }
    events
}

/// The tables of the lake from the snapshots.
fn loaded(facts: &Facts) -> Value {
    let mut inputs: Vec<Value> = Vec::new();
    for input in &facts.manifest.inputs {
        inputs.push(json!({
            "namespace": "tejido:archive",
            "name": input.file,
            "facets": {
                "dataSource": facet("1-0-1/DatasourceDatasetFacet", json!({ "name": input.attribution, "uri": input.url })),
                "version": facet("1-0-1/DatasetVersionDatasetFacet", json!({ "datasetVersion": input.snapshot })),
            },
        }));
    }
    let outputs = facts.manifest.lake.keys().map(|name| dataset(&format!("lake.{name}"))).collect();
    event(&facts.manifest.build_id, "load", facts.manifest.built_at, inputs, outputs)
}

fn event(build: &str, job: &str, at: Timestamp, inputs: Vec<Value>, outputs: Vec<Value>) -> Value {
    json!({
        "eventType": "COMPLETE",
        "eventTime": at.to_string(),
        "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": { "runId": run_id(build, job) },
        "job": { "namespace": "tejido", "name": job },
        "inputs": inputs,
        "outputs": outputs,
    })
}

fn table(model: &Mart) -> String {
    format!("{}.{}", model.schema, model.name)
}

fn dataset(name: &str) -> Value {
    json!({ "namespace": "tejido", "name": name })
}

fn facet(schema: &str, content: Value) -> Value {
    let mut facet = json!({
        "_producer": PRODUCER,
        "_schemaURL": format!("https://openlineage.io/spec/facets/{}.json", schema),
    });
    if let (Some(facet), Value::Object(content)) = (facet.as_object_mut(), content) {
        facet.extend(content);
    }
    facet
}

/// A UUID of version 8 (RFC 9562), the same for the same model of the same build.
fn run_id(build: &str, job: &str) -> String {
    let hash = blake3::hash(format!("{build}/{job}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::run_id;

    #[test]
    fn a_run_has_one_id() {
        let id = run_id("20261125T140113Z-409dbe60", "ict_adoption");
        assert_eq!(id, run_id("20261125T140113Z-409dbe60", "ict_adoption"));
        assert_eq!((id.len(), &id[14..15]), (36, "8"));
    }
}
