//! Decoded observations → canonical observations (DESIGN 4.2).
//!
//! Decoded columns are dictionary-encoded, so that each distinct code is looked up once per batch and
//! a row costs a few array reads.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Schema, SchemaRef, TimeUnit, UInt64Type};

use super::codes::Codes;
use super::fate::{self, Fate, Rules};
use super::flags::{Flags, Marks, NO_FLAGS, Translated};
use super::quarantine::{Kept, Quarantine};
use super::structure::{Collector, Structure};
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
    known: HashMap<String, Resolved, foldhash::fast::FixedState>,
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
    /// A reason that holds for every row: a dimension that is missing or that no rule names.
    drift: Option<(String, Option<String>, Option<String>)>,
    columns: Columns,
    structure: Collector,
    repeated: Repeated,
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
            flags: Flags::new(pipeline),
            drift: None,
            columns,
            structure: Collector::new(&names),
            repeated: Repeated::default(),
            counts: Counts::default(),
        };
        let mut sources: HashMap<CanonicalColumn, From> = HashMap::new();
        let scheme = fate::scheme(pipeline, edition);
        let scheme = scheme.as_deref();
        for (column, value) in &pipeline.constants {
            let code = substitute(value.get_ref(), edition)
                .map_err(|name| NormaliseError::Rules { message: format!("`{{{name}}}` has no value") })?;
            let column = *column.get_ref();
            fate::check(column, &code, codelists, scheme).map_err(|(why, _)| NormaliseError::Rules {
                message: format!("the constant `{}` {why}: `{code}`", column.name()),
            })?;
            let number = normaliser.codes[column as usize].number(&code);
            sources.insert(column, From::Constant(number));
        }
        let mut taken = vec![false; names.len()];
        for (name, dimension) in &pipeline.dimensions {
            let name = name.get_ref();
            let at = names.iter().position(|found| dimension.is_called(name, found));
            let rules = Rules::new(name, dimension, edition, codelists, scheme)?;
            match at {
                Some(column) => {
                    taken[column] = true;
                    for (slot, canonical) in rules.columns.iter().enumerate() {
                        let dimension = normaliser.dimensions.len();
                        sources.insert(*canonical, From::Dimension { dimension, slot });
                    }
                    normaliser.dimensions.push(Bound { column, rules, known: HashMap::default() });
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
        self.structure.add(batch);
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
        // Each distinct code of each dimension is looked up once.
        let resolved: Vec<Vec<Resolved>> = self
            .dimensions
            .iter_mut()
            .map(|bound| {
                let labels = dictionary_of(batch, bound.column).1;
                let resolve = |at| bound.resolve(labels.value(at), self.codelists, &mut self.codes);
                (0..labels.len()).map(resolve).collect()
            })
            .collect();
        let (flag, confidentiality) = (batch.column(self.columns.flag), batch.column(self.columns.confidentiality));
        let flags = self.flags.translated(flag, confidentiality, self.codelists);
        let fitting = self.sieve(batch, &resolved, &flags, &mut quarantine);
        let rows = match &fitting {
            None => self.translate(batch, &resolved, flags.numbers)?,
            Some(fitting) => {
                let numbers = arrow::compute::filter(&Int32Array::from(flags.numbers), fitting)?;
                let numbers = numbers.as_primitive::<Int32Type>().values().to_vec();
                self.translate(&filter_record_batch(batch, fitting)?, &resolved, numbers)?
            }
        };
        Ok(Normalised { rows, quarantined: quarantine.finish(&self.origin)? })
    }

    /// The dimensions and codes of the batches so far.
    pub fn structure(&self) -> Structure {
        self.structure.structure()
    }

    /// Which rows become canonical ones; none where all do. The others are counted, and kept back unless a rule leaves
    /// them out.
    fn sieve(
        &mut self,
        batch: &RecordBatch,
        resolved: &[Vec<Resolved>],
        flags: &Translated,
        quarantine: &mut Quarantine,
    ) -> Option<BooleanArray> {
        let all_fit = |resolved: &[Resolved]| resolved.iter().all(|code| matches!(code, Resolved::Becomes(_)));
        if flags.unknown.is_empty() && resolved.iter().all(|resolved| all_fit(resolved)) {
            return None;
        }
        let values = batch.column(self.columns.value).as_primitive::<Float64Type>();
        let cells = batch.column(self.columns.cell).as_primitive::<UInt64Type>();
        let dimensions: Vec<_> = self.dimensions.iter().map(|bound| dictionary_of(batch, bound.column)).collect();
        let fits = |row: usize| {
            let of = |dimension: usize| &resolved[dimension][dimensions[dimension].0.value(row) as usize];
            // A stated rule wins over an unknown code: nobody cares for the rest of a row that is left out.
            if (0..resolved.len()).any(|dimension| matches!(of(dimension), Resolved::Filtered)) {
                self.counts.filtered += 1;
                return false;
            }
            let unknown = (0..resolved.len()).find_map(|dimension| match of(dimension) {
                Resolved::Unknown { reason, suggestion } => {
                    let (keys, labels) = dimensions[dimension];
                    Some((reason.clone(), labels.value(keys.value(row) as usize), suggestion.clone()))
                }
                _ => None,
            });
            let unknown = unknown.or_else(|| {
                let mark = flags.unknown.get(&row)?;
                Some(("a flag that is neither in flags.csv nor in `[flags]`".to_owned(), mark.as_str(), None))
            });
            let Some((reason, found, suggestion)) = unknown else {
                return true;
            };
            let kept = Kept {
                cell: cells.value(row),
                reason,
                found: Some(found.to_owned()),
                suggestion,
                key: key_text(batch, self.columns.value, row),
                value: values.is_valid(row).then(|| values.value(row)),
            };
            quarantine.keep(kept, &mut self.counts);
            false
        };
        Some((0..batch.num_rows()).map(fits).map(Some).collect())
    }

    /// The canonical rows of a batch whose rows all fit. `flags` are the numbers of their flags, [`NO_FLAGS`] for none.
    fn translate(
        &mut self,
        batch: &RecordBatch,
        resolved: &[Vec<Resolved>],
        flags: Vec<i32>,
    ) -> Result<RecordBatch, NormaliseError> {
        let rows = batch.num_rows();
        let [pipeline, dataset, snapshot] = self.repeated.columns(&self.origin, rows)?;
        let mut columns: Vec<ArrayRef> = vec![pipeline, dataset];
        for (codes, from) in self.codes.iter().zip(&self.from) {
            columns.push(codes.array(match from {
                From::Constant(number) => vec![*number; rows],
                From::Dimension { dimension, slot } => {
                    // What does not become a code is in no row that is left.
                    let numbers: Vec<i32> = resolved[*dimension]
                        .iter()
                        .map(|code| if let Resolved::Becomes(numbers) = code { numbers[*slot] } else { 0 })
                        .collect();
                    let (keys, _) = dictionary_of(batch, self.dimensions[*dimension].column);
                    keys.values().iter().map(|key| numbers[*key as usize]).collect()
                }
            })?);
        }
        columns.push(batch.column(self.columns.value).clone());
        let has_flags = NullBuffer::new(BooleanBuffer::collect_bool(rows, |row| flags[row] != NO_FLAGS));
        let flags = flags.into_iter().map(|number| number.max(0)).collect::<Vec<_>>();
        let flags = Int32Array::new(flags.into(), Some(has_flags).filter(|nulls| nulls.null_count() > 0));
        columns.push(Arc::new(DictionaryArray::try_new(flags, self.flags.values())?));
        let vintage = self.origin.fetched_at.as_microsecond();
        columns.push(Arc::new(TimestampMicrosecondArray::from_value(vintage, rows).with_timezone("UTC")));
        columns.push(snapshot);
        columns.push(batch.column(self.columns.cell).clone());
        columns.push(self.provenance(&columns, rows)?);
        self.counts.loaded += rows as u64;
        Ok(RecordBatch::try_new(observation_schema(), columns)?)
    }

    /// `official`, unless the sample delivered it and does not name the cell with this very value. `columns` are those
    /// before it.
    fn provenance(&mut self, columns: &[ArrayRef], rows: usize) -> Result<ArrayRef, NormaliseError> {
        const BOTH: [&str; 2] = ["official", "synthetic"];
        let keys = match self.official {
            None => vec![0; rows],
            Some(official) => {
                let values = columns[VALUE].as_primitive::<Float64Type>();
                let keys = (0..rows).map(|row| {
                    let code = |column: CanonicalColumn| {
                        let array = columns[FIRST_CODE + column as usize].as_dictionary::<Int32Type>();
                        label(array, row).to_owned()
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
                    let value = values.is_valid(row).then(|| values.value(row));
                    let published = official.values.get(&key);
                    i32::from(published.is_none() || published.copied() != value)
                });
                keys.collect()
            }
        };
        let synthetic = keys.iter().map(|key| *key as u64).sum::<u64>();
        for (provenance, count) in BOTH.into_iter().zip([rows as u64 - synthetic, synthetic]) {
            if count > 0 {
                *self.counts.provenance.entry(provenance.to_owned()).or_default() += count;
            }
        }
        let labels = Arc::new(StringArray::from(BOTH.to_vec()));
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(keys), labels)?))
    }
}

/// The columns that say the same in every row of a snapshot, made once and sliced for each batch.
#[derive(Default)]
struct Repeated {
    columns: Option<[ArrayRef; 3]>,
}

impl Repeated {
    /// Pipeline, dataset and snapshot.
    fn columns(&mut self, origin: &Origin, rows: usize) -> Result<[ArrayRef; 3], NormaliseError> {
        let columns = match self.columns.take().filter(|columns| columns[0].len() >= rows) {
            Some(columns) => columns,
            None => {
                let of = |text: &str| constant(text, rows);
                [of(&origin.pipeline)?, of(&origin.dataset)?, of(&origin.snapshot)?]
            }
        };
        let sliced = columns.each_ref().map(|column| column.slice(0, rows));
        self.columns = Some(columns);
        Ok(sliced)
    }
}

/// Positions in a canonical batch: of the first code, behind `pipeline` and `dataset`, and of the value.
const FIRST_CODE: usize = 2;
const VALUE: usize = FIRST_CODE + CanonicalColumn::ALL.len();

/// Keys and labels of a dimension.
fn dictionary_of(batch: &RecordBatch, column: usize) -> (&Int32Array, &StringArray) {
    let array = batch.column(column).as_dictionary::<Int32Type>();
    (array.keys(), array.values().as_string::<i32>())
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
