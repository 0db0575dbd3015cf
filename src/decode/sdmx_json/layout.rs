//! The first reading of an SDMX-JSON message: everything but the data sets.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use crate::decode::json::{Kind, Reader, Token};
use crate::decode::{
    DecodeError, Hints, MAX_ATTRIBUTES, MAX_DIMENSIONS, Metadata, Source, TIME_PERIOD, is_reserved, notice,
};

const EXPECTED: &str = "an SDMX-JSON data message";

/// Where a dimension or attribute is stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Series,
    Observation,
}

/// The structure of the data sets.
pub(super) struct Layout {
    /// In the order of the columns.
    pub dimensions: Vec<Dimension>,
    /// Dimensions of the data set, which have one value.
    pub fixed: Vec<Place>,
    /// Dimensions of a series' key, in its order.
    pub series: Vec<Place>,
    /// Dimensions of an observation's key, in its order.
    pub observation: Vec<Place>,
    pub series_attributes: Vec<Attribute>,
    pub observation_attributes: Vec<Attribute>,
}

pub(super) struct Dimension {
    name: String,
    pub codes: Vec<String>,
}

/// A dimension by its column.
pub(super) struct Place {
    pub column: usize,
}

pub(super) struct Attribute {
    pub name: String,
    /// The texts that positions stand for; empty where the data state the text itself.
    pub values: Vec<String>,
}

impl Layout {
    pub fn dimension_names(&self) -> Vec<String> {
        self.dimensions.iter().map(|dimension| dimension.name.clone()).collect()
    }

    /// The attributes that are columns of their own.
    pub fn attribute_names(&self) -> Vec<String> {
        let all = self.series_attributes.iter().chain(&self.observation_attributes);
        let own = all.filter(|attribute| !matches!(attribute.name.as_str(), "OBS_STATUS" | "OBS_FLAG" | "CONF_STATUS"));
        own.map(|attribute| attribute.name.clone()).collect()
    }

    /// The dimensions of a key.
    pub fn at(&self, level: Level) -> &[Place] {
        match level {
            Level::Series => &self.series,
            Level::Observation => &self.observation,
        }
    }
}

/// Goes to the list of data sets: the token that begins it.
pub(super) fn seek(reader: &mut Reader) -> Result<Option<Token>, DecodeError> {
    reader.next()?;
    let mut depth = 0;
    loop {
        let key = reader.next()?;
        if key.kind != Kind::Key {
            if depth == 0 {
                return Ok(None);
            }
            depth -= 1;
            continue;
        }
        let name = reader.str(&key)?.into_owned();
        let value = reader.next()?;
        match (name.as_str(), value.kind) {
            ("dataSets", Kind::BeginArray) => return Ok(Some(value)),
            // 2.0 has both in `data`.
            ("data", Kind::BeginObject) => depth += 1,
            _ => reader.skip(value)?,
        }
    }
}

/// Reads everything but the data sets.
pub(super) fn describe(source: &Source, hints: &Hints) -> Result<(Layout, Metadata), DecodeError> {
    let mut reader = Reader::new(source.stream(hints)?)?;
    if reader.head().trim_ascii_start().first() != Some(&b'{') {
        return Err(notice::unexpected(reader.head(), EXPECTED));
    }
    let head = reader.head()[..reader.head().len().min(2000)].to_vec();
    reader.next()?;
    let (mut members, mut has_data) = (Map::new(), false);
    read(&mut reader, &mut members, &mut has_data)?;
    let data = members.get("data").and_then(Value::as_object).unwrap_or(&members);
    if let Some(message) = members.get("errors").or(data.get("errors")).and_then(error_text) {
        return Err(wrong(EXPECTED, format!("a message of the source: `{message}`")));
    }
    let structures: Vec<&Value> = match data.get("structures").and_then(Value::as_array) {
        Some(structures) => structures.iter().collect(),
        None => data.get("structure").into_iter().collect(),
    };
    let structure = match structures.as_slice() {
        [structure] if has_data => *structure,
        [_, _, ..] => {
            return Err(DecodeError::Format {
                expected: "one structure".into(),
                found: structures.len().to_string(),
                hint: Some("ask for one dataflow at a time".into()),
            });
        }
        _ => return Err(notice::unexpected(&head, EXPECTED)),
    };
    let measures = structure["measures"]["observation"].as_array().map_or(1, Vec::len);
    if measures > 1 {
        return Err(wrong("one measure", measures.to_string()));
    }
    layout(structure, hints, metadata(structure, &members))
}

/// Reads the members of an object, but for the data sets.
fn read(reader: &mut Reader, members: &mut Map<String, Value>, has_data: &mut bool) -> Result<(), DecodeError> {
    loop {
        let key = reader.next()?;
        if key.kind != Kind::Key {
            return Ok(());
        }
        let name = reader.str(&key)?.into_owned();
        let value = reader.next()?;
        if name == "dataSets" {
            match value.kind {
                Kind::Null => {}
                Kind::BeginArray if !*has_data => *has_data = true,
                _ => return Err(reader.wrong(&key, "one list of data sets")),
            }
            reader.skip(value)?;
        } else if name == "data" && value.kind == Kind::BeginObject {
            let mut data = Map::new();
            read(reader, &mut data, has_data)?;
            members.insert(name, Value::Object(data));
        } else {
            let tree = reader.tree(value)?;
            members.insert(name, tree);
        }
    }
}

fn layout(structure: &Value, hints: &Hints, mut metadata: Metadata) -> Result<(Layout, Metadata), DecodeError> {
    let language = hints.language.as_deref();
    let list = |part: &str, level: &str| structure[part][level].as_array().map(Vec::as_slice).unwrap_or_default();
    // The levels in the order in which keys name them, and each dimension's place among the columns.
    let levels = [list("dimensions", "dataSet"), list("dimensions", "series"), list("dimensions", "observation")];
    let stated: Vec<(usize, &Value)> =
        levels.iter().enumerate().flat_map(|(level, list)| list.iter().map(move |stated| (level, stated))).collect();
    if stated.len() > MAX_DIMENSIONS {
        return Err(wrong(&format!("at most {MAX_DIMENSIONS} dimensions"), stated.len().to_string()));
    }
    let mut order: Vec<usize> = (0..stated.len()).collect();
    order.sort_by_key(|at| stated[*at].1["keyPosition"].as_u64().unwrap_or(u64::MAX));
    let mut dimensions: Vec<Dimension> = Vec::with_capacity(stated.len());
    let mut places = [Vec::new(), Vec::new(), Vec::new()];
    for at in &order {
        let (level, stated) = stated[*at];
        let id = stated["id"].as_str().ok_or_else(|| wrong("a dimension with an `id`", stated["id"].to_string()))?;
        let is_time = stated["role"] == "TIME_PERIOD" || stated["roles"][0] == "TIME_PERIOD" || id == "TIME_PERIOD";
        let name = if is_time { TIME_PERIOD } else { id };
        if is_reserved(name) || dimensions.iter().any(|other| other.name == name) {
            return Err(wrong("each dimension once, under a name of its own", format!("`{name}`")));
        }
        let values = stated["values"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut codes = Vec::with_capacity(values.len());
        let mut labels = BTreeMap::new();
        let mut seen = HashSet::new();
        for value in values {
            let code = value["id"].as_str().or(value["value"].as_str());
            let code = code.ok_or_else(|| wrong(&format!("codes of the dimension `{id}`"), value.to_string()))?;
            if !seen.insert(code) {
                return Err(wrong(&format!("each code of the dimension `{id}` once"), format!("`{code}`")));
            }
            labels.extend(named(value, language).map(|label| (code.to_owned(), label)));
            codes.push(code.to_owned());
        }
        if level == 0 && codes.len() != 1 {
            return Err(wrong(&format!("one code of the dimension `{id}` of the data set"), codes.len().to_string()));
        }
        metadata.dimension_labels.extend(named(stated, language).map(|label| (name.to_owned(), label)));
        metadata.labels.insert(name.to_owned(), labels);
        // Keys name dimensions in the structure's order, which need not be that of the columns.
        places[level].push((*at, dimensions.len()));
        dimensions.push(Dimension { name: name.to_owned(), codes });
    }
    let [fixed, series, observation] = places.map(|mut places: Vec<(usize, usize)>| {
        places.sort_unstable();
        places.into_iter().map(|(_, column)| Place { column }).collect()
    });
    let attributes = |level: &str| -> Result<Vec<Attribute>, DecodeError> {
        list("attributes", level).iter().map(attribute).collect()
    };
    for stated in list("attributes", "dataSet") {
        if let Attribute { name, values } = attribute(stated)?
            && let [value] = values.as_slice()
        {
            metadata.notes.push(format!("{name}: {value}"));
        }
    }
    let layout = Layout {
        dimensions,
        fixed,
        series,
        observation,
        series_attributes: attributes("series")?,
        observation_attributes: attributes("observation")?,
    };
    let attributes = layout.series_attributes.len() + layout.observation_attributes.len();
    if attributes > MAX_ATTRIBUTES {
        return Err(wrong(&format!("at most {MAX_ATTRIBUTES} attributes"), attributes.to_string()));
    }
    let mut names = layout.attribute_names();
    names.extend(layout.dimension_names());
    let mut seen = HashSet::new();
    if let Some(twice) = names.iter().find(|name| is_reserved(name) || !seen.insert(name.as_str())) {
        return Err(wrong("each attribute once, under a name of its own", format!("`{twice}`")));
    }
    Ok((layout, metadata))
}

fn attribute(stated: &Value) -> Result<Attribute, DecodeError> {
    let name = stated["id"].as_str().ok_or_else(|| wrong("an attribute with an `id`", stated["id"].to_string()))?;
    let values = stated["values"].as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = values.iter().map(|value| {
        // A coded attribute has ids; an uncoded one has its text as name or, in 2.0, as value.
        let text = ["id", "value", "name"].iter().find_map(|member| text(&value[*member]));
        text.or_else(|| text_of(value)).unwrap_or_default()
    });
    Ok(Attribute { name: name.to_owned(), values: texts.collect() })
}

fn text_of(value: &Value) -> Option<String> {
    value.is_string().then(|| value.as_str().unwrap_or_default().to_owned())
}

/// A text, a number, or the first of several languages.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Object(languages) => languages.values().find_map(Value::as_str).map(str::to_owned),
        Value::Array(items) => Some(items.iter().filter_map(text).collect::<Vec<_>>().join(";")),
        Value::Null => None,
    }
}

/// The name of a thing, in the language that is asked for.
fn named(thing: &Value, language: Option<&str>) -> Option<String> {
    let wanted = language.and_then(|language| thing["names"][language].as_str());
    wanted.or(thing["name"].as_str()).map(str::to_owned)
}

fn metadata(structure: &Value, members: &Map<String, Value>) -> Metadata {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let header = members.get("header").or(members.get("meta")).unwrap_or(&Value::Null);
    // `urn:…Dataflow=ECB:EXR(1.0)`, or `…/dataflow/ECB/EXR/1.0`.
    let links = structure["links"].as_array().map(Vec::as_slice).unwrap_or_default();
    let flow = links.iter().find(|link| link["rel"] == "dataflow");
    let from_urn = |urn: &str| Some(urn.rsplit_once(':')?.1.split('(').next()?.to_owned());
    let from_address = |address: &str| Some(address.rsplit_once("/dataflow/")?.1.split('/').nth(1)?.to_owned());
    let dataset = flow.and_then(|flow| {
        flow["urn"].as_str().and_then(from_urn).or_else(|| flow["href"].as_str().and_then(from_address))
    });
    Metadata { dataset, title: text(&structure["name"]), updated: text(&header["prepared"]), ..Metadata::default() }
}

fn error_text(errors: &Value) -> Option<String> {
    let first = errors.as_array()?.first()?;
    let member = ["title", "detail", "message"].iter().find_map(|member| text(&first[*member]));
    member.or_else(|| text_of(first))
}

fn wrong(expected: &str, found: String) -> DecodeError {
    DecodeError::Format {
        expected: expected.into(),
        found,
        hint: Some("the source has changed what it delivers, or the payload is damaged".into()),
    }
}
