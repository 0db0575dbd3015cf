//! Decoded observations → canonical observations (DESIGN 4.2).
//!
//! Decoded columns are dictionary-encoded, so that each distinct code is looked up once per batch and
//! a row costs a few array reads.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Schema, SchemaRef, TimeUnit, UInt64Type};

use super::codes::Codes;
use super::fate::{self, Fate, Rules};
use super::flags::Flags;
use super::quarantine::{Kept, Quarantine};
use super::{Counts, NormaliseError, Normalised, Origin, constant, dictionary};
use crate::decode::{ACTION, CELL, CONF_STATUS, OBS_FLAG, OBS_VALUE};
use crate::spec::{CanonicalColumn, Codelists, Edition, Pipeline, substitute};

/// Columns of a canonical observation.
pub fn observation_schema() -> SchemaRef {
    let text = |name: &str, nullable: bool| Field::new(name, dictionary(), nullable);
    let mut fields = vec![text("pipeline", false), text("dataset", false)];
    fields.extend(CanonicalColumn::ALL.map(|column| text(column.name(), false)));
    fields.extend([
        Field::new("value", DataType::Float64, true),
        text("flags", true),
        Field::new("vintage", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        text("snapshot", false),
        Field::new("cell", DataType::UInt64, false),
        text("provenance", false),
    ]);
    Arc::new(Schema::new(fields))
}

/// The cells of a sample payload whose figures are published ones; all others of it are synthetic.
#[derive(Debug, Clone, Default)]
pub struct OfficialCells {
    values: HashMap<Vec<String>, f64>,
}

impl OfficialCells {
    /// Names a cell by its dataset and its canonical codes (indicator, region, sector, size class, unit, time).
    pub fn insert(&mut self, dataset: &str, codes: [&str; 6], value: f64) {
        let key = std::iter::once(dataset).chain(codes).map(str::to_owned).collect();
        self.values.insert(key, value);
    }
}

/// Where a canonical column's code comes from.
enum From {
    /// From a slot of what a dimension becomes.
    Dimension { dimension: usize, slot: usize },
    /// The same in every row: the position in the column's codes.
    Constant(i32),
}

/// What a code becomes, with the canonical codes numbered.
#[derive(Clone)]
enum Resolved {
    Becomes(Vec<i32>),
    Filtered,
    Unknown { reason: String, suggestion: Option<String> },
}

/// One dimension of the payload.
struct Bound {
    column: usize,
    rules: Rules,
    known: HashMap<String, Resolved>,
}

/// Makes the batches of one snapshot canonical.
pub struct ObservationNormaliser<'a> {
    origin: Origin,
    codelists: &'a Codelists,
    official: Option<&'a OfficialCells>,
    dimensions: Vec<Bound>,
    from: Vec<From>,
    codes: Vec<Codes>,
    flags: Flags,
    flag_codes: Codes,
    /// A reason that holds for every row: a dimension that is missing or that no rule names.
    drift: Option<(String, Option<String>, Option<String>)>,
    columns: Columns,
    /// What became of the rows so far.
    pub counts: Counts,
}

struct Columns {
    value: usize,
    flag: usize,
    confidentiality: usize,
    /// Of messages that have it; a dimension of this name stands before the value.
    action: Option<usize>,
    cell: usize,
}

impl<'a> ObservationNormaliser<'a> {
    /// Binds a pipeline's rules to the schema of a decoded table. `official` is given for a payload
    /// of the sample only.
    pub fn new(
        pipeline: &Pipeline,
        edition: &Edition,
        codelists: &'a Codelists,
        schema: &Schema,
        origin: Origin,
        official: Option<&'a OfficialCells>,
    ) -> Result<Self, NormaliseError> {
        let value = schema.index_of(OBS_VALUE)?;
        let columns = Columns {
            value,
            flag: schema.index_of(OBS_FLAG)?,
            confidentiality: schema.index_of(CONF_STATUS)?,
            cell: schema.index_of(CELL)?,
            // A dimension of that name would stand before the value.
            action: schema.index_of(ACTION).ok().filter(|at| *at > value),
        };
        let names: Vec<&str> = schema.fields()[..columns.value].iter().map(|field| field.name().as_str()).collect();
        let mut normaliser = ObservationNormaliser {
            origin,
            codelists,
            official,
            dimensions: Vec::new(),
            from: Vec::new(),
            codes: CanonicalColumn::ALL.iter().map(|_| Codes::default()).collect(),
            flags: Flags::default(),
            flag_codes: Codes::default(),
            drift: None,
            columns,
            counts: Counts::default(),
        };
        let mut sources: HashMap<CanonicalColumn, From> = HashMap::new();
        for (column, value) in &pipeline.constants {
            let code = substitute(value.get_ref(), edition)
                .map_err(|name| NormaliseError::Rules { message: format!("`{{{name}}}` has no value") })?;
            let column = *column.get_ref();
            fate::check(column, &code, codelists).map_err(|(why, _)| NormaliseError::Rules {
                message: format!("the constant `{}` {why}: `{code}`", column.name()),
            })?;
            let number = normaliser.codes[column as usize].number(&code);
            sources.insert(column, From::Constant(number));
        }
        let mut taken = vec![false; names.len()];
        for (name, dimension) in &pipeline.dimensions {
            let name = name.get_ref();
            let at =
                names.iter().position(|found| *found == name || dimension.aliases.iter().any(|alias| alias == found));
            let rules = Rules::new(name, dimension, edition, codelists)?;
            match at {
                Some(column) => {
                    taken[column] = true;
                    for (slot, canonical) in rules.columns.iter().enumerate() {
                        let dimension = normaliser.dimensions.len();
                        sources.insert(*canonical, From::Dimension { dimension, slot });
                    }
                    normaliser.dimensions.push(Bound { column, rules, known: HashMap::new() });
                }
                None => {
                    let near = crate::error::nearest(name, names.iter().copied());
                    normaliser.drift =
                        Some((format!("the dimension `{name}` is missing"), None, near.map(str::to_owned)));
                }
            }
        }
        if let Some(unknown) = taken.iter().position(|taken| !taken) {
            normaliser.drift = Some((
                "no rule names this dimension".into(),
                Some(names[unknown].to_owned()),
                crate::error::nearest(names[unknown], pipeline.dimensions.keys().map(|name| name.get_ref().as_str()))
                    .map(str::to_owned),
            ));
        }
        if normaliser.drift.is_none() {
            for column in CanonicalColumn::ALL {
                let from = sources
                    .remove(&column)
                    .ok_or_else(|| NormaliseError::Rules { message: format!("nothing gives `{}`", column.name()) })?;
                normaliser.from.push(from);
            }
        }
        Ok(normaliser)
    }

    /// Makes one decoded batch canonical.
    pub fn batch(&mut self, batch: &RecordBatch) -> Result<Normalised, NormaliseError> {
        let rows = batch.num_rows();
        self.counts.decoded += rows as u64;
        let values = batch.column(self.columns.value).as_primitive::<Float64Type>();
        let cells = batch.column(self.columns.cell).as_primitive::<UInt64Type>();
        if let Some(row) = self.columns.action.and_then(|action| deletion(batch.column(action))) {
            let key = key_text(batch, self.columns.value, row);
            return Err(NormaliseError::Deletion { cell: cells.value(row), key });
        }
        let mut quarantine = Quarantine::default();
        if let Some((reason, found, suggestion)) = self.drift.clone() {
            for row in 0..rows {
                let kept = Kept {
                    cell: cells.value(row),
                    reason: reason.clone(),
                    found: found.clone(),
                    suggestion: suggestion.clone(),
                    key: key_text(batch, self.columns.value, row),
                    value: values.is_valid(row).then(|| values.value(row)),
                };
                quarantine.keep(kept, &mut self.counts);
            }
            return Ok(Normalised {
                rows: RecordBatch::new_empty(observation_schema()),
                quarantined: quarantine.finish(&self.origin)?,
            });
        }

        // Each distinct code of each dimension is looked up once; rows then read by key.
        let mut dictionaries = Vec::with_capacity(self.dimensions.len());
        for bound in &mut self.dimensions {
            let array = batch.column(bound.column).as_dictionary::<Int32Type>();
            let labels = array.values().as_string::<i32>();
            let resolved: Vec<Resolved> =
                (0..labels.len()).map(|at| bound.resolve(labels.value(at), self.codelists, &mut self.codes)).collect();
            dictionaries.push((array, resolved));
        }
        let flags = Marks::new(batch.column(self.columns.flag));
        let confidentiality = Marks::new(batch.column(self.columns.confidentiality));

        let mut keys: Vec<Vec<i32>> = CanonicalColumn::ALL.iter().map(|_| Vec::with_capacity(rows)).collect();
        let mut out_values = Vec::with_capacity(rows);
        let mut out_flags: Vec<Option<i32>> = Vec::with_capacity(rows);
        let mut out_cells = Vec::with_capacity(rows);
        let mut out_provenance = Vec::with_capacity(rows);
        'rows: for row in 0..rows {
            let resolved = |dimension: usize| {
                let (array, resolved) = &dictionaries[dimension];
                &resolved[array.keys().value(row) as usize]
            };
            // A stated rule wins over an unknown code: nobody cares for the rest of a row that is left out.
            if (0..dictionaries.len()).any(|dimension| matches!(resolved(dimension), Resolved::Filtered)) {
                self.counts.filtered += 1;
                continue;
            }
            let value = values.is_valid(row).then(|| values.value(row));
            let keep = |reason: String, found: String, suggestion: Option<String>| Kept {
                cell: cells.value(row),
                reason,
                found: Some(found),
                suggestion,
                key: key_text(batch, self.columns.value, row),
                value,
            };
            for (dimension, (array, _)) in dictionaries.iter().enumerate() {
                if let Resolved::Unknown { reason, suggestion } = resolved(dimension) {
                    let found = label(array, row).to_owned();
                    quarantine.keep(keep(reason.clone(), found, suggestion.clone()), &mut self.counts);
                    continue 'rows;
                }
            }
            let flag = match self.flags.canonical(flags.at(row), confidentiality.at(row), self.codelists) {
                Ok(flag) => flag.map(|flag| self.flag_codes.number(&flag)),
                Err(mark) => {
                    quarantine.keep(keep("a flag that is not in flags.csv".into(), mark, None), &mut self.counts);
                    continue;
                }
            };
            for (column, from) in self.from.iter().enumerate() {
                keys[column].push(match from {
                    From::Constant(number) => *number,
                    From::Dimension { dimension, slot } => match resolved(*dimension) {
                        Resolved::Becomes(numbers) => numbers[*slot],
                        // Both were dealt with above.
                        Resolved::Filtered | Resolved::Unknown { .. } => continue,
                    },
                });
            }
            out_values.push(value);
            out_flags.push(flag);
            out_cells.push(cells.value(row));
            out_provenance.push(self.provenance(&keys, value));
        }
        let loaded = out_values.len();
        self.counts.loaded += loaded as u64;
        for provenance in &out_provenance {
            *self.counts.provenance.entry((*provenance).to_owned()).or_default() += 1;
        }

        let mut columns: Vec<ArrayRef> =
            vec![constant(&self.origin.pipeline, loaded)?, constant(&self.origin.dataset, loaded)?];
        for (codes, keys) in self.codes.iter().zip(keys) {
            columns.push(codes.array(keys)?);
        }
        columns.push(Arc::new(Float64Array::from(out_values)));
        let flag_values = self.flag_codes.values();
        columns.push(Arc::new(DictionaryArray::try_new(Int32Array::from(out_flags), flag_values)?));
        let vintage = self.origin.fetched_at.as_microsecond();
        columns.push(Arc::new(TimestampMicrosecondArray::from_value(vintage, loaded).with_timezone("UTC")));
        columns.push(constant(&self.origin.snapshot, loaded)?);
        columns.push(Arc::new(UInt64Array::from(out_cells)));
        columns.push(Arc::new(out_provenance.into_iter().map(Some).collect::<DictionaryArray<Int32Type>>()));
        Ok(Normalised {
            rows: RecordBatch::try_new(observation_schema(), columns)?,
            quarantined: quarantine.finish(&self.origin)?,
        })
    }

    /// `official`, unless the sample delivered it and does not name the cell with this very value.
    fn provenance(&self, keys: &[Vec<i32>], value: Option<f64>) -> &'static str {
        let Some(official) = self.official else {
            return "official";
        };
        let code = |column: CanonicalColumn| {
            let number = keys[column as usize].last().copied().unwrap_or_default();
            self.codes[column as usize].code(number).to_owned()
        };
        let key = vec![
            self.origin.dataset.clone(),
            code(CanonicalColumn::Indicator),
            code(CanonicalColumn::Region),
            code(CanonicalColumn::Sector),
            code(CanonicalColumn::SizeClass),
            code(CanonicalColumn::Unit),
            code(CanonicalColumn::TimePeriod),
        ];
        match official.values.get(&key) {
            Some(published) if value == Some(*published) => "official",
            _ => "synthetic",
        }
    }
}

impl Bound {
    fn resolve(&mut self, source: &str, codelists: &Codelists, codes: &mut [Codes]) -> Resolved {
        if let Some(resolved) = self.known.get(source) {
            return resolved.clone();
        }
        let resolved = match self.rules.fate(source, codelists) {
            Fate::Becomes(becomes) => Resolved::Becomes(
                self.rules
                    .columns
                    .iter()
                    .zip(&becomes)
                    .map(|(column, code)| codes[*column as usize].number(code))
                    .collect(),
            ),
            Fate::Filtered => Resolved::Filtered,
            Fate::Unknown { reason, suggestion } => Resolved::Unknown { reason, suggestion },
        };
        self.known.insert(source.to_owned(), resolved.clone());
        resolved
    }
}

/// A nullable dictionary column read as text, empty where null.
struct Marks<'b> {
    array: &'b DictionaryArray<Int32Type>,
    labels: &'b StringArray,
}

impl<'b> Marks<'b> {
    fn new(column: &'b ArrayRef) -> Self {
        let array = column.as_dictionary::<Int32Type>();
        Marks { array, labels: array.values().as_string::<i32>() }
    }

    fn at(&self, row: usize) -> &'b str {
        if self.array.is_null(row) {
            return "";
        }
        self.labels.value(self.array.keys().value(row) as usize)
    }
}

/// The first row whose action is to delete it.
fn deletion(actions: &ArrayRef) -> Option<usize> {
    let actions = Marks::new(actions);
    let has_deletions = actions.labels.iter().flatten().any(|action| action == "D");
    has_deletions.then(|| (0..actions.array.len()).find(|row| actions.at(*row) == "D")).flatten()
}

fn label(array: &DictionaryArray<Int32Type>, row: usize) -> &str {
    array.values().as_string::<i32>().value(array.keys().value(row) as usize)
}

/// The dimensions of a row as text, for people.
fn key_text(batch: &RecordBatch, dimensions: usize, row: usize) -> String {
    (0..dimensions)
        .map(|at| {
            let array = batch.column(at).as_dictionary::<Int32Type>();
            format!("{}={}", batch.schema_ref().field(at).name(), label(array, row))
        })
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_to_be_deleted_is_found_by_its_key() {
        let actions = |keys: Vec<Option<i32>>| -> ArrayRef {
            let labels = Arc::new(StringArray::from(vec!["I", "D"]));
            Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::from(keys), labels))
        };
        assert_eq!(deletion(&actions(vec![Some(0), None, Some(1), Some(1)])), Some(2));
        // The dictionary is that of all batches before.
        assert_eq!(deletion(&actions(vec![Some(0), None])), None);
    }
}
