//! Fingerprints: what a partition, a table of the lake, and a build depend on.

use serde::Serialize;

use crate::archive::Delivery;
use crate::decode::DECODER_VERSION;
use crate::lake::LAKE_VERSION;
use crate::normalise::NORMALISER_VERSION;
use crate::spec::{CanonicalColumn, Codelists, Edition, Kind, Pipeline};

/// BLAKE3 over parts, each with its length, in hex.
pub(super) fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// Of everything that decides what a payload's bytes become, except the bytes.
pub(super) fn rules(pipeline: &Pipeline, edition: &Edition, codelists: &Codelists, hash_key: &str) -> String {
    #[derive(Serialize)]
    struct Rules<'a> {
        versions: [u32; 3],
        pipeline: &'a str,
        edition: &'a Edition,
        decode: &'a crate::spec::DecodeSpec,
        constants: Vec<(&'a str, &'a str)>,
        dimensions: Vec<(&'a str, &'a crate::spec::Dimension)>,
        flags: Vec<(&'a str, &'a str)>,
        members: &'a Option<crate::spec::Members>,
        quality: &'a crate::spec::Quality,
    }
    let rules = Rules {
        versions: [DECODER_VERSION, NORMALISER_VERSION, LAKE_VERSION],
        pipeline: &pipeline.id,
        edition,
        decode: &pipeline.decode,
        constants: pipeline
            .constants
            .iter()
            .map(|(column, value)| (column.get_ref().name(), value.get_ref().as_str()))
            .collect(),
        dimensions: pipeline.dimensions.iter().map(|(name, dimension)| (name.get_ref().as_str(), dimension)).collect(),
        flags: pipeline.flags.iter().map(|(mark, flags)| (mark.get_ref().as_str(), flags.get_ref().as_str())).collect(),
        members: &pipeline.members,
        quality: &pipeline.quality,
    };
    // Structs of strings and numbers always have a JSON form.
    let mut parts = vec![serde_json::to_string(&rules).unwrap_or_default()];
    let mut lists: Vec<&str> = match pipeline.kind {
        Kind::Observations => {
            CanonicalColumn::ALL.iter().filter_map(|column| column.codelist()).chain(["flags"]).collect()
        }
        Kind::Memberships => vec!["activities", "municipalities", "national_activities", "provinces", "sectors"],
    };
    lists.extend(
        pipeline
            .dimensions
            .values()
            .filter_map(|dimension| dimension.crosswalk.as_ref())
            .map(|crosswalk| crosswalk.get_ref().as_str()),
    );
    for name in lists {
        parts.push(codelists.get(name).map(|list| list.hash.clone()).unwrap_or_default());
    }
    if pipeline.kind == Kind::Memberships {
        parts.push(
            blake3::derive_key("tejido 2026 fingerprint of the hash key", hash_key.as_bytes())
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        );
    }
    of(parts.iter().map(String::as_str))
}

/// Of a partition: the rules, what was delivered, what is known to be official in it, and the partitions before it.
pub(super) fn partition(rules: &str, delivery: &Delivery, official: &str, previous: &str) -> String {
    of([rules, &delivery.hash(), &delivery.vintage().to_string(), official, previous])
}
