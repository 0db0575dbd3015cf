//! JSON-stat 2.0 datasets, and the datasets of 1.x bundles.
//!
//! Specification: json-stat.org/format (2.0) and /format/1.03. A cube is a flat list of values in
//! row-major order of `id`/`size`, either as an array (null is missing) or as an object keyed by the
//! flat index (what is not there is no cell). `status` has the same forms, or is one text for all, and
//! may speak of cells that have no value: those are rows without one. Eurostat writes
//! `OBS_FLAG|CONF_STATUS` there (`b`, `|C`).
//!
//! Dimensions may stand behind the values, so the document is read twice: first everything but the
//! values, then the values. Memory holds the dimensions and two bytes a cell for statuses, if there are
//! any; not the values. A collection is a list of links, which is an error that names them.

mod layout;

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, SchemaRef};

use self::layout::{Description, Layout, Statuses};
use super::columns::{Observations, number};
use super::json::{Kind, Reader, Token};
use super::{BATCH_ROWS, DecodeError, Hints, Source, Table, observation_schema};

/// Whether a payload begins like this format.
pub(super) fn recognises(head: &[u8]) -> bool {
    let has = |name: &str| memchr::memmem::find(head, name.as_bytes()).is_some();
    let is_dataset = has("\"dimension\"") || has("\"value\"") || has("\"id\"") && has("\"size\"");
    // Other JSON has members of these names, too: SDMX-JSON's are told by `dataSets`.
    head.first() == Some(&b'{') && (has("\"class\"") || is_dataset) && !has("\"dataSets\"")
}

pub(super) fn open(source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    let Description { layout, metadata, statuses } = layout::describe(source, hints)?;
    let schema = observation_schema(&layout.names(), &[]);
    let cube = Cube::new(Arc::new(layout), schema.clone());
    let batches = Rows {
        reader: Some(Reader::new(source.stream(hints)?)?),
        cube,
        statuses,
        stage: Stage::Values,
        source: source.clone(),
        hints: hints.clone(),
    };
    Ok(Table { metadata, schema, batches: Box::new(batches) })
}

/// The cells of one cube as columns. The codes of a cell follow from its flat index by division, so no
/// code is ever looked up.
struct Cube {
    layout: Arc<Layout>,
    schema: SchemaRef,
    /// One dictionary a dimension.
    codes: Vec<Arc<StringArray>>,
    keys: Vec<Vec<i32>>,
    /// Values, flags, confidentiality and cells.
    observations: Observations,
}

impl Cube {
    fn new(layout: Arc<Layout>, schema: SchemaRef) -> Self {
        let codes = layout.dimensions.iter().map(|dimension| Arc::new(StringArray::from_iter_values(&dimension.codes)));
        Cube {
            codes: codes.collect(),
            keys: vec![Vec::new(); layout.dimensions.len()],
            observations: Observations::new(0, 0),
            layout,
            schema,
        }
    }

    fn push(&mut self, index: u64, value: Option<f64>, status: &str, cell: u64) {
        let mut rest = index;
        for (dimension, keys) in self.layout.dimensions.iter().zip(&mut self.keys).rev() {
            let size = dimension.codes.len() as u64;
            keys.push((rest % size) as i32);
            rest /= size;
        }
        let (flags, confidentiality) = status.split_once('|').unwrap_or((status, ""));
        self.observations.flags.push_text(flags);
        self.observations.confidentiality.push_text(confidentiality);
        self.observations.push(value, cell);
    }

    fn take(&mut self) -> Result<RecordBatch, DecodeError> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for (codes, keys) in self.codes.iter().zip(&mut self.keys) {
            let keys = Int32Array::from(std::mem::take(keys));
            columns.push(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, codes.clone())?));
        }
        columns.extend(self.observations.take_rest()?);
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}

/// What is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// On the way to the values.
    Values,
    /// In an array of values, before this flat index.
    Array(u64),
    /// In an object of values.
    Object,
    /// On the way to the statuses of cells that have no value.
    Statuses,
    /// In an object of statuses.
    StatusObject,
    /// In an array of statuses, before this flat index.
    StatusArray(u64),
    Done,
}

struct Rows {
    reader: Option<Reader>,
    cube: Cube,
    statuses: Statuses,
    stage: Stage,
    source: Source,
    hints: Hints,
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.batch() {
            Ok(true) => Some(self.cube.take()),
            Ok(false) => None,
            Err(error) => {
                self.stage = Stage::Done;
                Some(Err(error))
            }
        }
    }
}

impl Rows {
    /// Fills a batch; whether there is anything in it.
    fn batch(&mut self) -> Result<bool, DecodeError> {
        while self.cube.observations.rows() < BATCH_ROWS && self.stage != Stage::Done {
            self.step()?;
        }
        Ok(self.cube.observations.rows() > 0)
    }

    /// Reads one value, or goes on to the next stage.
    fn step(&mut self) -> Result<(), DecodeError> {
        let Some(reader) = &mut self.reader else {
            self.stage = Stage::Done;
            return Ok(());
        };
        let cells = self.cube.layout.cells;
        match self.stage {
            Stage::Values => {
                let first = layout::seek(reader, self.cube.layout.path.as_deref(), "value")?;
                self.stage = match first.map(|token| token.kind) {
                    Some(Kind::BeginArray) => Stage::Array(0),
                    Some(Kind::BeginObject) => Stage::Object,
                    Some(_) | None => self.after_values()?,
                };
            }
            Stage::Array(index) => {
                let token = reader.next()?;
                if token.kind == Kind::EndArray {
                    if index != cells {
                        return Err(reader.wrong_at(
                            token.offset,
                            &format!("{cells} values"),
                            &index.to_string(),
                            None,
                        ));
                    }
                    self.stage = self.after_values()?;
                    return Ok(());
                }
                if index == cells {
                    return Err(reader.wrong(&token, &format!("the end of the list after {cells} values")));
                }
                let (value, mark) = value(reader, &token)?;
                let status = self.statuses.take(index).unwrap_or(&mark);
                self.cube.push(index, value, status, token.offset);
                self.stage = Stage::Array(index + 1);
            }
            Stage::Object => {
                let key = reader.next()?;
                if key.kind == Kind::EndObject {
                    self.stage = self.after_values()?;
                    return Ok(());
                }
                let index = layout::index(reader, &key, cells)?;
                let token = reader.next()?;
                let (value, mark) = value(reader, &token)?;
                if !self.statuses.see(index) {
                    return Err(reader.wrong(&key, "each index once"));
                }
                let status = self.statuses.take(index).unwrap_or(&mark);
                self.cube.push(index, value, status, token.offset);
            }
            Stage::Statuses => {
                let first = layout::seek(reader, self.cube.layout.path.as_deref(), "status")?;
                self.stage = match first.map(|token| token.kind) {
                    Some(Kind::BeginObject) => Stage::StatusObject,
                    Some(Kind::BeginArray) => Stage::StatusArray(0),
                    _ => Stage::Done,
                };
            }
            Stage::StatusObject => {
                let key = reader.next()?;
                if key.kind == Kind::EndObject {
                    self.stage = Stage::Done;
                    return Ok(());
                }
                let index = layout::index(reader, &key, cells)?;
                let token = reader.next()?;
                self.status_only(index, token);
            }
            Stage::StatusArray(index) => {
                let token = reader.next()?;
                if token.kind == Kind::EndArray {
                    self.stage = Stage::Done;
                    return Ok(());
                }
                if index == cells {
                    return Err(reader.wrong(&token, &format!("the end of the list after {cells} statuses")));
                }
                self.status_only(index, token);
                self.stage = Stage::StatusArray(index + 1);
            }
            Stage::Done => {}
        }
        Ok(())
    }

    fn status_only(&mut self, index: u64, token: Token) {
        if let Some(status) = self.statuses.take(index) {
            self.cube.push(index, None, status, token.offset);
        }
    }

    /// Statuses that belong to no value are read once more, since only now it is known which they are.
    fn after_values(&mut self) -> Result<Stage, DecodeError> {
        if self.statuses.remaining() == 0 {
            return Ok(Stage::Done);
        }
        self.reader = Some(Reader::new(self.source.stream(&self.hints)?)?);
        Ok(Stage::Statuses)
    }
}

/// A value, or none with the mark that stands in its place.
fn value(reader: &Reader, token: &Token) -> Result<(Option<f64>, String), DecodeError> {
    let expected = "a number or null";
    match token.kind {
        Kind::Null => Ok((None, String::new())),
        Kind::Number => match number(reader.bytes(token)) {
            Some(value) => Ok((Some(value), String::new())),
            None => Err(reader.wrong(token, expected)),
        },
        Kind::Text => {
            let text = reader.str(token)?;
            match text.as_ref() {
                "" => Ok((None, String::new())),
                ":" | "." | ".." | "..." => Ok((None, text.into_owned())),
                _ => Err(reader.wrong(token, expected)),
            }
        }
        _ => Err(reader.wrong(token, expected)),
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::probe::refused;
    use crate::decode::{Format, Hints};

    #[test]
    fn dimensions_without_end_are_no_columns() {
        let names: Vec<String> = (0..65).map(|at| format!("\"d{at}\"")).collect();
        let shapes: Vec<String> = names.iter().map(|name| format!("{name}:{{\"category\":{{}}}}")).collect();
        let text = format!(
            "{{\"value\":[1],\"id\":[{}],\"size\":[{}],\"dimension\":{{{}}}}}",
            names.join(","),
            ["1"; 65].join(","),
            shapes.join(",")
        );
        let message = refused(Format::JsonStat, text.as_bytes(), &Hints::default());
        assert_eq!(message, "expected at most 64 dimensions, found 65");
    }

    #[test]
    fn values_are_one_list() {
        for values in ["\"value\":5", "\"value\":null", "\"value\":[1],\"value\":[2]"] {
            let text = format!("{{{values},\"id\":[],\"size\":[],\"dimension\":{{}}}}");
            let message = refused(Format::JsonStat, text.as_bytes(), &Hints::default());
            assert!(message.starts_with("expected one list of values, in an array or an object, found "), "{message}");
        }
    }

    #[test]
    fn statuses_without_end_are_no_flags() {
        let statuses: Vec<String> = (0..70_000).map(|at| format!("\"s{at}\"")).collect();
        let text =
            format!("{{\"value\":[],\"status\":[{}],\"id\":[],\"size\":[],\"dimension\":{{}}}}", statuses.join(","));
        let message = refused(Format::JsonStat, text.as_bytes(), &Hints::default());
        assert!(message.ends_with("expected at most 65535 different statuses, found more"), "{message}");
    }
}
