//! SDMX-JSON 1.0 and 2.0 data messages, as series or flat.
//!
//! Specification: sdmx-twg/sdmx-json, `data-message/docs/1-sdmx-json-field-guide.md`. A message has a
//! structure (in 2.0 a list of them) with dimensions and attributes at the level of the data set, the series and
//! the observation, each with its values; and data sets whose keys (`"0:3"`) and arrays (`[10.99, 0, null]`) are
//! positions in these lists. The first element of an observation is its value, the others are its attributes;
//! what comes behind them are annotations, which are passed over.
//!
//! Dimensions come in the order of `keyPosition`, those without one last. Attributes of series and observations
//! are columns, `OBS_STATUS` (or `OBS_FLAG`) and `CONF_STATUS` the flags; an attribute of the whole data set is a note.
//! The structure may stand behind the data, so the message is read twice. Several structures, several measures
//! and deletions are errors: none of them is a table of observations.

mod layout;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use self::layout::{Attribute, Layout, Level, Place};
use super::columns::{Observations, number};
use super::json::{Kind, Reader, Token};
use super::{BATCH_ROWS, DecodeError, Hints, Source, Table, observation_schema};

/// Observations of one series that are held until its attributes are known, and what they take in the payload.
const MAX_SERIES: usize = 1 << 20;
const MAX_SERIES_BYTES: u64 = 1 << 25;

/// Whether a payload begins like this format.
pub(super) fn recognises(head: &[u8]) -> bool {
    let has = |name: &[u8]| memchr::memmem::find(head, name).is_some();
    let has_structure = (has(b"\"structure\"") || has(b"\"structures\"")) && has(b"\"dimensions\"");
    head.first() == Some(&b'{') && (has(b"\"dataSets\"") || has(b"sdmx-json") || has_structure)
}

pub(super) fn open(source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    let (layout, metadata) = layout::describe(source, hints)?;
    let schema = observation_schema(&layout.dimension_names(), &layout.attribute_names());
    let mut columns = Observations::new(layout.dimensions.len(), layout.attribute_names().len());
    for (dimension, column) in layout.dimensions.iter().zip(&mut columns.dimensions) {
        // The codes are numbered as the structure lists them, so that a position is a key.
        for code in &dimension.codes {
            column.number_of(code);
        }
    }
    let reader = Reader::new(source.stream(hints)?)?;
    let rows = Rows { reader, layout, columns, schema: schema.clone(), stage: Stage::Start };
    Ok(Table { metadata, schema, batches: Box::new(rows) })
}

/// What is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// On the way to the data sets.
    Start,
    /// Between data sets.
    DataSets,
    /// Between the members of a data set.
    DataSet,
    /// Between series.
    Series,
    /// Between observations that belong to no series.
    Flat,
    Done,
}

/// One observation, before it becomes a row.
struct Observation {
    key: Vec<usize>,
    value: Option<f64>,
    /// Those that it states, in the structure's order; the last ones may be left out.
    attributes: Vec<Option<String>>,
    cell: u64,
}

struct Rows {
    reader: Reader,
    layout: Layout,
    columns: Observations,
    schema: SchemaRef,
    stage: Stage,
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.stage != Stage::Done && self.columns.rows() < BATCH_ROWS {
            if let Err(error) = self.step() {
                self.stage = Stage::Done;
                return Some(Err(error));
            }
        }
        (self.columns.rows() > 0).then(|| self.columns.take(&self.schema))
    }
}

impl Rows {
    fn step(&mut self) -> Result<(), DecodeError> {
        if self.stage == Stage::Start {
            let first = layout::seek(&mut self.reader)?;
            self.stage = if first.is_some() { Stage::DataSets } else { Stage::Done };
            return Ok(());
        }
        let token = self.reader.next()?;
        match (self.stage, token.kind) {
            (Stage::DataSets, Kind::BeginObject) => self.stage = Stage::DataSet,
            (Stage::DataSets, Kind::EndArray) => self.stage = Stage::Done,
            (Stage::DataSets, _) => return Err(self.reader.wrong(&token, "a data set")),
            (Stage::DataSet, Kind::EndObject) => self.stage = Stage::DataSets,
            (Stage::DataSet, _) => self.member(&token)?,
            (Stage::Series | Stage::Flat, Kind::EndObject) => self.stage = Stage::DataSet,
            (Stage::Series, _) => self.series(&token)?,
            (Stage::Flat, _) => {
                let observation = self.observation(&token)?;
                self.push(&[], &[], observation);
            }
            (Stage::Start | Stage::Done, _) => {}
        }
        Ok(())
    }

    fn member(&mut self, key: &Token) -> Result<(), DecodeError> {
        let name = self.reader.str(key)?.into_owned();
        let value = self.reader.next()?;
        match (name.as_str(), value.kind) {
            ("series", Kind::BeginObject) => self.stage = Stage::Series,
            ("observations", Kind::BeginObject) => self.stage = Stage::Flat,
            ("action", Kind::Text) => {
                let action = self.reader.str(&value)?;
                if action.eq_ignore_ascii_case("delete") {
                    return Err(self.reader.wrong(&value, "a data set that gives data"));
                }
            }
            _ => self.reader.skip(value)?,
        }
        Ok(())
    }

    /// One series: its attributes may stand behind its observations.
    fn series(&mut self, key: &Token) -> Result<(), DecodeError> {
        let place = self.key(key, Level::Series)?;
        let first = self.reader.next()?;
        if first.kind != Kind::BeginObject {
            return Err(self.reader.wrong(&first, "a series"));
        }
        let mut attributes = Vec::new();
        let mut observations = Vec::new();
        loop {
            let member = self.reader.next()?;
            if member.kind == Kind::EndObject {
                break;
            }
            let name = self.reader.str(&member)?.into_owned();
            let value = self.reader.next()?;
            match (name.as_str(), value.kind) {
                ("attributes", Kind::BeginArray) => attributes = self.attributes(Level::Series)?,
                ("observations", Kind::BeginObject) => loop {
                    let key = self.reader.next()?;
                    if key.kind == Kind::EndObject {
                        break;
                    }
                    if observations.len() == MAX_SERIES {
                        let expected = format!("at most {MAX_SERIES} observations in a series");
                        return Err(self.reader.wrong(&key, &expected));
                    }
                    if key.offset - first.offset > MAX_SERIES_BYTES {
                        let expected = format!("a series of at most {MAX_SERIES_BYTES} bytes");
                        return Err(self.reader.wrong_at(key.offset, &expected, "more", None));
                    }
                    observations.push(self.observation(&key)?);
                },
                _ => self.reader.skip(value)?,
            }
        }
        for observation in observations {
            self.push(&place, &attributes, observation);
        }
        Ok(())
    }

    /// One observation: its key, then `[value, attribute, …]`.
    fn observation(&mut self, key: &Token) -> Result<Observation, DecodeError> {
        let place = self.key(key, Level::Observation)?;
        let first = self.reader.next()?;
        if first.kind != Kind::BeginArray {
            return Err(self.reader.wrong(&first, "a list that begins with the observed value"));
        }
        let token = self.reader.next()?;
        let value = match token.kind {
            Kind::Null | Kind::EndArray => None,
            Kind::Number => {
                let value = number(self.reader.bytes(&token));
                Some(value.ok_or_else(|| self.reader.wrong(&token, "a number"))?)
            }
            Kind::Text if matches!(self.reader.str(&token)?.as_ref(), "" | "NaN") => None,
            Kind::Text => {
                let value = number(self.reader.bytes(&token));
                Some(value.ok_or_else(|| self.reader.wrong(&token, "a number or null"))?)
            }
            _ => return Err(self.reader.wrong(&token, "a number or null")),
        };
        // A number in quotes begins behind its quote.
        let cell = token.offset + u64::from(token.kind == Kind::Text && value.is_some());
        let attributes = match token.kind {
            Kind::EndArray => Vec::new(),
            _ => self.attributes(Level::Observation)?,
        };
        Ok(Observation { key: place, value, attributes, cell })
    }

    /// Positions in the codes of a level's dimensions, such as `0:3:12`.
    fn key(&self, token: &Token, level: Level) -> Result<Vec<usize>, DecodeError> {
        let dimensions = self.layout.at(level);
        let text = self.reader.str(token)?;
        let parts: Vec<&str> = if dimensions.is_empty() { Vec::new() } else { text.split(':').collect() };
        let wrong = || {
            self.reader.wrong(
                token,
                &format!("{} positions in the lists of codes, with colons between them", dimensions.len()),
            )
        };
        if parts.len() != dimensions.len() {
            return Err(wrong());
        }
        let position = |(part, place): (&&str, &Place)| {
            let sizes = &self.layout.dimensions[place.column].codes;
            part.parse::<usize>().ok().filter(|position| *position < sizes.len())
        };
        parts.iter().zip(dimensions).map(position).collect::<Option<Vec<usize>>>().ok_or_else(wrong)
    }

    /// The rest of an array of attributes. More elements than attributes are positions of annotations.
    fn attributes(&mut self, level: Level) -> Result<Vec<Option<String>>, DecodeError> {
        let mut texts = Vec::new();
        loop {
            let token = self.reader.next()?;
            if token.kind == Kind::EndArray {
                return Ok(texts);
            }
            let attributes = match level {
                Level::Series => &self.layout.series_attributes,
                _ => &self.layout.observation_attributes,
            };
            match attributes.get(texts.len()) {
                Some(attribute) => texts.push(attribute_text(&mut self.reader, &token, attribute)?),
                None => self.reader.skip(token)?,
            }
        }
    }

    fn push(&mut self, series: &[usize], series_attributes: &[Option<String>], observation: Observation) {
        let layout = &self.layout;
        for place in &layout.fixed {
            self.columns.dimensions[place.column].push_number(0);
        }
        let keyed = layout.series.iter().zip(series).chain(layout.observation.iter().zip(&observation.key));
        for (place, position) in keyed {
            self.columns.dimensions[place.column].push_number(*position as i32);
        }
        let (mut flag, mut confidentiality) = ("", "");
        let of_series = layout.series_attributes.iter().enumerate();
        let of_series = of_series.map(|(at, attribute)| (attribute, series_attributes.get(at)));
        let own = layout.observation_attributes.iter().enumerate();
        let own = own.map(|(at, attribute)| (attribute, observation.attributes.get(at)));
        let mut column = 0;
        for (attribute, text) in of_series.chain(own) {
            let text = text.and_then(Option::as_deref).unwrap_or_default();
            match attribute.name.as_str() {
                "OBS_STATUS" | "OBS_FLAG" => flag = text,
                "CONF_STATUS" => confidentiality = text,
                _ => {
                    self.columns.attributes[column].push_text(text);
                    column += 1;
                }
            }
        }
        self.columns.flags.push_text(flag);
        self.columns.confidentiality.push_text(confidentiality);
        self.columns.push(observation.value, observation.cell);
    }
}

/// The text of an attribute: a position in its values or, where it has no list of them, the value itself.
fn attribute_text(reader: &mut Reader, token: &Token, attribute: &Attribute) -> Result<Option<String>, DecodeError> {
    match token.kind {
        Kind::Null => Ok(None),
        Kind::Number if !attribute.values.is_empty() => {
            let position = std::str::from_utf8(reader.bytes(token)).ok().and_then(|text| text.parse::<usize>().ok());
            let text = position.and_then(|position| attribute.values.get(position));
            text.cloned().map(Some).ok_or_else(|| {
                reader.wrong(
                    token,
                    &format!("a position below {} in the values of `{}`", attribute.values.len(), attribute.name),
                )
            })
        }
        Kind::Number => Ok(Some(String::from_utf8_lossy(reader.bytes(token)).into_owned())),
        Kind::Text => Ok(Some(reader.str(token)?.into_owned())),
        Kind::True => Ok(Some("true".into())),
        Kind::False => Ok(Some("false".into())),
        Kind::BeginArray | Kind::BeginObject => {
            let tree = reader.tree(*token)?;
            Ok(Some(layout::text(&tree).unwrap_or_else(|| tree.to_string())))
        }
        _ => Err(reader.wrong(token, &format!("the attribute `{}`", attribute.name))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::decode::probe::{decoded, refused};
    use crate::decode::{Format, Hints};

    /// A message with these dimensions and attributes of observations, and these data sets.
    fn message(dimensions: &[&str], attributes: &[&str], sets: &str) -> Vec<u8> {
        let list = |ids: &[&str]| {
            let items = ids.iter().map(|id| format!("{{\"id\":\"{id}\",\"values\":[{{\"id\":\"x\"}}]}}"));
            items.collect::<Vec<_>>().join(",")
        };
        let structure = format!(
            "{{\"dimensions\":{{\"observation\":[{}]}},\"attributes\":{{\"observation\":[{}]}}}}",
            list(dimensions),
            list(attributes)
        );
        format!("{{\"structure\":{structure},\"dataSets\":[{sets}]}}").into_bytes()
    }

    #[test]
    fn attributes_that_are_left_out_are_none() {
        let bytes = message(&["a"], &["n", "OBS_STATUS", "m"], r#"{"observations":{"0":[1,0]}}"#);
        let table = decoded(Format::SdmxJson, &bytes, &Hints::default()).unwrap();
        assert_eq!(table.lines(), ["x|1|||x|"]);
        let bytes = message(&["a"], &["n", "OBS_STATUS", "m"], r#"{"observations":{"0":[1,null,0,0,5,"more"]}}"#);
        let table = decoded(Format::SdmxJson, &bytes, &Hints::default()).unwrap();
        assert_eq!(table.lines(), ["x|1|x|||x"]);
    }

    /// Nothing that may hold observations is passed over.
    #[test]
    fn data_sets_are_one_list_of_data_sets() {
        let decode = |text: &str| decoded(Format::SdmxJson, text.as_bytes(), &Hints::default());
        let text = String::from_utf8(message(&["a"], &[], r#"{"observations":{"0":[1]}}"#)).unwrap();
        let structure = r#"{"data":{"structure":{"dimensions":{"observation":[{"id":"a","values":[{"id":"x"}]}]}}"#;
        let sets = r#""dataSets":[{"observations":{"0":[1]}}]"#;
        let inside = format!("{structure},{sets}}}}}");
        let behind = format!("{structure}}},{sets}}}");
        for text in [&text, &inside, &behind] {
            assert_eq!(decode(text).unwrap().lines(), ["x|1||"]);
        }
        for sets in [r#""dataSets":5"#, r#""dataSets":[5]"#, r#""dataSets":[],"dataSets":[]"#] {
            let text = format!("{structure},{sets}}}}}");
            assert!(decode(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn dimensions_and_attributes_without_end_are_no_columns() {
        let names: Vec<String> = (0..300).map(|at| format!("n{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = refused(Format::SdmxJson, &message(&names[..65], &[], "{}"), &Hints::default());
        assert_eq!(found, "expected at most 64 dimensions, found 65");
        let found = refused(Format::SdmxJson, &message(&["a"], &names, "{}"), &Hints::default());
        assert_eq!(found, "expected at most 256 attributes, found 300");
    }
}
