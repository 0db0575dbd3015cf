//! INE's Tempus JSON: `DATOS_TABLA` (a list of series) and `DATOS_SERIE` (one series).
//!
//! Reference: INE, "Servicio API JSON" (`servicios.ine.es/wstempus`), and its replies. A series has `COD`
//! (not in the tables that come from PC-Axis files), `Nombre`, unit and scale, and `Data`: observations
//! with `Valor`, `Anyo` and `FK_Periodo` or (`tip=A`) `T3_Periodo`, or with `NombrePeriodo`. With `tip=M`
//! or `AM` there is `MetaData`: the variables that make up the series, and its member of each.
//!
//! With `MetaData` the variables are the dimensions, coded by `Codigo` where there is one, else by
//! `Nombre`. Not every series of a table need have the same variables (a national total often has one of
//! its own): the dimensions are all that a series has, and a series without one has `_Z` there, the code
//! of SDMX for "not applicable" (SDMX, "Cross-domain code lists", chapter on codes of general use). A total
//! is never made up. The hint `dimensions` names the variables that are dimensions, where others only say the same again; two
//! series that are then one are an error further on, since a cell has one value. Without `MetaData` the only dimension is `series`: `Nombre` joins labels with commas
//! or points that labels have themselves, so it is never taken apart, unless the hint `name_part` says which part of a
//! name of how many parts is a dimension: of some tables (39372) one stands nowhere else. `time_period` is written as in SDMX;
//! `Fecha` is midnight in Madrid and the day before in UTC, so no date is taken from it. `Secreto` gives `conf_status` `C`. Type
//! of figure, unit, scale and notes become attributes; the unit is an id where the reply has only that.
//!
//! The document is read twice, since the variables, and which attributes there are, must be known before
//! the first row. In memory are a batch, and the labels of all members (without `MetaData`: the names of
//! all series). Not supported: lists of operations, tables, variables and the like.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::columns::Observations;
use super::{
    BATCH_ROWS, CELL, CONF_STATUS, DecodeError, Hints, MAX_DIMENSIONS, Metadata, OBS_FLAG, OBS_VALUE, Source,
    TIME_PERIOD, Table, observation_schema,
};
use series::{Document, EXPECTED, Event, Series};

pub(in crate::decode) mod period;
mod series;

/// Name of the dimension where a reply has no `MetaData`.
const SERIES: &str = "series";

/// SDMX's code for a dimension that does not concern a series.
const NOT_APPLICABLE: &str = "_Z";

/// Further attributes, of which a table has those that a series or an observation states.
const ATTRIBUTES: [&str; 4] = ["tipo_dato", "unidad", "escala", "notas"];

/// More text than the notes of all series of a table have.
const MAX_NOTES_BYTES: usize = 1 << 24;

/// Whether a payload begins like this format.
pub(super) fn recognises(head: &[u8]) -> bool {
    let has = |name: &[u8]| memchr::memmem::find(head, name).is_some();
    matches!(head.first(), Some(b'[' | b'{')) && has(b"\"Data\"") && (has(b"\"Nombre\"") || has(b"\"COD\""))
}

pub(super) fn open(source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    let survey = Survey::new(source, hints)?;
    let mut dimensions = match survey.variables.is_empty() {
        true => vec![SERIES.to_owned()],
        false => survey.variables.clone(),
    };
    dimensions.push(TIME_PERIOD.to_owned());
    let attributes: Vec<String> = ATTRIBUTES
        .iter()
        .zip(survey.stated)
        .filter(|(_, stated)| *stated)
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let schema = observation_schema(&dimensions, &attributes);
    let metadata = survey.metadata.clone();
    let mut rows = Rows {
        document: Document::new(source, hints)?,
        columns: Observations::new(dimensions.len(), attributes.len()),
        survey,
        schema: schema.clone(),
        open_rows: 0,
    };
    let batches = std::iter::from_fn(move || rows.batch().transpose());
    Ok(Table { metadata, schema, batches: Box::new(batches) })
}

/// What must be known of a document before its first row.
#[derive(Default)]
struct Survey {
    metadata: Metadata,
    /// The dimensions, where the document has `MetaData`.
    variables: Vec<String>,
    /// Variables of the series that has the fewest.
    fewest: usize,
    /// Which of the attributes there are.
    stated: [bool; ATTRIBUTES.len()],
    /// Whether a series says who it is after its observations.
    is_late: bool,
}

impl Survey {
    fn new(source: &Source, hints: &Hints) -> Result<Self, DecodeError> {
        let mut document = Document::new(source, hints)?;
        let mut survey = Survey { fewest: usize::MAX, ..Survey::default() };
        let mut first: Option<String> = None;
        let mut units = BTreeSet::new();
        let mut notes = BTreeSet::new();
        let mut notes_bytes = 0;
        loop {
            match document.next()? {
                Event::Observation => {
                    survey.stated[0] |= !document.observation.kind.is_empty();
                    survey.stated[3] |= !document.observation.notes.is_empty();
                }
                Event::End => break,
                Event::EndOfSeries => {
                    let series = &document.series;
                    survey.variables(&document, first.as_deref())?;
                    if first.is_none() {
                        first = Some(called(series).to_owned());
                    }
                    survey.labels(&document)?;
                    survey.stated[1] |= !series.unit.is_empty();
                    survey.stated[2] |= !series.scale.is_empty();
                    survey.is_late |= series.is_late;
                    // Two are enough to know that there is not one for all.
                    if units.len() < 2 {
                        units.insert(series.unit.clone());
                    }
                    for note in &series.notes {
                        if !notes.contains(note) {
                            notes_bytes += note.len();
                            notes.insert(note.clone());
                            survey.metadata.notes.push(note.clone());
                        }
                    }
                    if notes_bytes > MAX_NOTES_BYTES {
                        let expected = format!("notes of at most {MAX_NOTES_BYTES} bytes");
                        return Err(document.wrong_at(series.offset, &expected, "more", None));
                    }
                }
            }
        }
        if first.is_none() {
            return Err(DecodeError::Format {
                expected: EXPECTED.to_owned(),
                found: "an empty list".to_owned(),
                hint: Some("the filters of the request (`tv`, `date`, `nult`) leave nothing over".to_owned()),
            });
        }
        if survey.fewest < survey.variables.len() {
            for variable in &survey.variables {
                let labels = survey.metadata.labels.entry(variable.clone()).or_default();
                labels.entry(NOT_APPLICABLE.to_owned()).or_insert_with(|| "not applicable".to_owned());
            }
        }
        if let (1, Some(unit)) = (units.len(), units.first()) {
            // An id says nothing by itself.
            let is_name = !unit.is_empty() && !unit.bytes().all(|byte| byte.is_ascii_digit());
            survey.metadata.units = is_name.then(|| unit.clone());
        }
        if document.is_single {
            let said = |text: &String| (!text.is_empty()).then(|| text.clone());
            survey.metadata.dataset = said(&document.series.cod);
            survey.metadata.title = said(&document.series.name);
        }
        Ok(survey)
    }

    /// Takes up the variables of a series; all series have some, or none has.
    fn variables(&mut self, document: &Document, first: Option<&str>) -> Result<(), DecodeError> {
        let series = &document.series;
        let wrong = |expected: &str, found: &str, hint| Err(document.wrong_at(series.offset, expected, found, hint));
        if let Some(first) = first
            && series.members.is_empty() != self.variables.is_empty()
        {
            let without = if series.members.is_empty() { called(series) } else { first };
            let hint = "without `MetaData` (`tip=A`, or no `tip`) the series are told apart by their `COD`";
            return wrong("`MetaData` in every series", &format!("`{without}` without"), Some(hint));
        }
        for (at, member) in series.members.iter().enumerate() {
            let name = &member.variable;
            if series.members[..at].iter().any(|before| before.variable == *name) {
                return wrong("each variable once in a series", &format!("`{name}` twice"), None);
            }
            if self.variables.contains(name) {
                continue;
            }
            let is_taken = [OBS_VALUE, OBS_FLAG, CONF_STATUS, CELL, TIME_PERIOD].contains(&name.as_str());
            if is_taken || ATTRIBUTES.contains(&name.as_str()) {
                return wrong("a variable with a name of its own", &format!("`{name}`"), None);
            }
            if self.variables.len() >= MAX_DIMENSIONS {
                return wrong(&format!("at most {MAX_DIMENSIONS} variables"), "more", None);
            }
            self.variables.push(name.clone());
        }
        self.fewest = self.fewest.min(series.members.len());
        Ok(())
    }

    /// Takes up the labels of a series.
    fn labels(&mut self, document: &Document) -> Result<(), DecodeError> {
        let series = &document.series;
        if series.members.is_empty() {
            if !series.cod.is_empty() {
                let labels = self.metadata.labels.entry(SERIES.to_owned()).or_default();
                labels.insert(series.cod.clone(), series.name.clone());
            }
            return Ok(());
        }
        for member in &series.members {
            let labels: &mut BTreeMap<String, String> = match self.metadata.labels.get_mut(&member.variable) {
                Some(labels) => labels,
                None => self.metadata.labels.entry(member.variable.clone()).or_default(),
            };
            match labels.get(&member.code) {
                None => _ = labels.insert(member.code.clone(), member.name.clone()),
                Some(known) if *known == member.name => {}
                Some(known) => {
                    let expected = format!("one name for code `{}` of `{}`", member.code, member.variable);
                    let found = format!("`{known}` and `{}`", member.name);
                    let hint = "without `MetaData` (`tip=A`, or no `tip`) the series are told apart by their `COD`";
                    return Err(document.wrong_at(series.offset, &expected, &found, Some(hint)));
                }
            }
        }
        Ok(())
    }
}

/// What a series is called in messages, and its code where it has no `MetaData`.
fn called(series: &Series) -> &str {
    if series.cod.is_empty() { &series.name } else { &series.cod }
}

/// The second reading.
struct Rows {
    document: Document,
    survey: Survey,
    columns: Observations,
    schema: SchemaRef,
    /// Rows of the series being read that lack what its object may say behind its observations.
    open_rows: usize,
}

impl Rows {
    fn batch(&mut self) -> Result<Option<RecordBatch>, DecodeError> {
        loop {
            match self.document.next()? {
                Event::Observation => {
                    self.observation();
                    if self.columns.rows() >= BATCH_ROWS {
                        if self.survey.is_late {
                            let expected = "who a long series is before its observations";
                            let offset = self.document.series.offset;
                            return Err(self.document.wrong_at(offset, expected, "`Data`", None));
                        }
                        self.series()?;
                        return Ok(Some(self.columns.take(&self.schema)?));
                    }
                }
                Event::EndOfSeries => self.series()?,
                Event::End if self.columns.rows() > 0 => return Ok(Some(self.columns.take(&self.schema)?)),
                Event::End => return Ok(None),
            }
        }
    }

    fn observation(&mut self) {
        let (columns, found) = (&mut self.columns, &self.document.observation);
        if let Some(period) = columns.dimensions.last_mut() {
            let number = period.number_of(&found.period);
            period.push_number(number);
        }
        columns.push(found.value, found.cell);
        columns.flags.push_null();
        columns.confidentiality.push_text(if found.is_secret { "C" } else { "" });
        let mut attributes = columns.attributes.iter_mut();
        for (at, is_stated) in self.survey.stated.iter().enumerate() {
            let Some(column) = is_stated.then(|| attributes.next()).flatten() else {
                continue;
            };
            match at {
                0 => column.push_text(&found.kind),
                3 => column.push_text(&found.notes),
                _ => {}
            }
        }
        self.open_rows += 1;
    }

    /// Fills in what holds for all rows of the series.
    fn series(&mut self) -> Result<(), DecodeError> {
        let rows = std::mem::take(&mut self.open_rows);
        let series = &self.document.series;
        let dimensions = self.columns.dimensions.iter_mut();
        match self.survey.variables.is_empty() {
            true => {
                for column in dimensions.take(1) {
                    let number = column.number_of(called(series));
                    (0..rows).for_each(|_| column.push_number(number));
                }
            }
            false => {
                for (column, variable) in dimensions.zip(&self.survey.variables) {
                    let member = series.members.iter().find(|member| member.variable == *variable);
                    let number = column.number_of(member.map_or(NOT_APPLICABLE, |member| member.code.as_str()));
                    (0..rows).for_each(|_| column.push_number(number));
                }
            }
        }
        let mut attributes = self.columns.attributes.iter_mut();
        for (at, is_stated) in self.survey.stated.iter().enumerate() {
            let Some(column) = is_stated.then(|| attributes.next()).flatten() else {
                continue;
            };
            match at {
                1 => (0..rows).for_each(|_| column.push_text(&series.unit)),
                2 => (0..rows).for_each(|_| column.push_text(&series.scale)),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
