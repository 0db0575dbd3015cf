//! What a new snapshot changes about the observations known so far.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt64Array, new_null_array,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Float64Type, Int32Type, UInt64Type};
use jiff::Timestamp;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{LakeError, Partition, change_schema};
use crate::disk;
use crate::normalise::Codes;
use crate::spec::CanonicalColumn;

/// Bits of a key for each of its seven columns.
const BITS: u32 = 18;

/// Position of the first key column in a canonical batch, after `pipeline` and `dataset`.
const FIRST_KEY: usize = 2;

/// The state of one pipeline's dataset, to which snapshots are compared in the order of their fetching.
///
/// A key is the number of each of its codes, packed: exact, and small enough to hold every
/// observation of a dataset in memory.
#[derive(Default)]
pub struct Changes {
    columns: [Codes; 7],
    marks: Codes,
    state: HashMap<u128, Last>,
    pass: u32,
    content: Content,
    revised: u64,
}

/// The last known state of one observation.
struct Last {
    value: Option<u64>,
    flags: i32,
    provenance: i32,
    pass: u32,
}

impl Changes {
    /// The state after these partitions, oldest first.
    pub fn after<'p>(partitions: impl IntoIterator<Item = &'p Partition>) -> Result<Self, LakeError> {
        let mut changes = Changes::default();
        for partition in partitions {
            let failed = |source| LakeError::Parquet { action: "read", path: partition.path.clone(), source };
            let reader = ParquetRecordBatchReaderBuilder::try_new(disk::open(&partition.path)?)
                .and_then(|builder| builder.with_batch_size(65_536).build())
                .map_err(failed)?;
            for batch in reader {
                changes.apply(&batch?)?;
            }
        }
        Ok(changes)
    }

    /// Observations known so far.
    pub fn known(&self) -> u64 {
        self.state.len() as u64
    }

    /// Starts comparing a snapshot.
    pub fn begin(&mut self) {
        self.pass += 1;
        self.content.sum = 0;
        self.revised = 0;
    }

    /// A hash of the observations compared since then, in whatever order they came: of codes, values and flags, not of
    /// places or stamps. It tells apart what a source says, and does not withstand somebody who wants it not to.
    pub fn content(&self) -> String {
        format!("{:032x}", self.content.sum)
    }

    /// Observations of the snapshot that have another value than before.
    pub fn revised(&self) -> u64 {
        self.revised
    }

    /// The rows of a canonical batch that are new or differ, with a column `change`.
    pub fn compare(&mut self, batch: &RecordBatch) -> Result<RecordBatch, LakeError> {
        let mut changed = Vec::with_capacity(batch.num_rows());
        let mut kinds = Vec::new();
        let pass = self.pass;
        self.each(batch, |changes, row, key, now, cell| {
            changes.content.add(key, &now, &changes.columns, &changes.marks);
            let kind = match changes.state.get_mut(&key) {
                None => {
                    changes.state.insert(key, Last { pass, ..now });
                    Some("new")
                }
                Some(last) if last.pass == pass => return Err((key, cell)),
                Some(last) => {
                    let kind = match () {
                        () if last.value != now.value => Some("revised"),
                        () if last.flags != now.flags || last.provenance != now.provenance => Some("flagged"),
                        () => None,
                    };
                    *last = Last { pass, ..now };
                    kind
                }
            };
            debug_assert_eq!(row, changed.len());
            changed.push(kind.is_some());
            changes.revised += u64::from(kind == Some("revised"));
            kinds.extend(kind);
            Ok(())
        })?;
        let kept = filter_record_batch(batch, &BooleanArray::from(changed))?;
        let mut columns = kept.columns().to_vec();
        columns.push(Arc::new(kinds.into_iter().map(Some).collect::<DictionaryArray<Int32Type>>()));
        Ok(RecordBatch::try_new(change_schema(), columns)?)
    }

    /// The observations that the snapshot no longer has, as rows without a value.
    pub fn withdrawn(
        &mut self,
        pipeline: &str,
        dataset: &str,
        snapshot: &str,
        vintage: Timestamp,
    ) -> Result<RecordBatch, LakeError> {
        let pass = self.pass;
        let mut gone: Vec<u128> =
            self.state.iter().filter(|(_, last)| last.pass != pass).map(|(key, _)| *key).collect();
        gone.sort_unstable();
        let provenance: DictionaryArray<Int32Type> =
            gone.iter().map(|key| self.state.remove(key).map(|last| self.marks.code(last.provenance))).collect();
        let rows = gone.len();
        let same = |text: &str| -> Result<ArrayRef, LakeError> {
            let values = Arc::new(StringArray::from(vec![text]));
            Ok(Arc::new(DictionaryArray::try_new(Int32Array::from_value(0, rows), values)?))
        };
        let mut columns = vec![same(pipeline)?, same(dataset)?];
        for (at, numbers) in self.columns.iter().enumerate() {
            columns.push(numbers.array(gone.iter().map(|key| unpack(*key, at)).collect())?);
        }
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        columns.push(Arc::new(Float64Array::new_null(rows)));
        columns.push(new_null_array(&dictionary, rows));
        columns
            .push(Arc::new(TimestampMicrosecondArray::from_value(vintage.as_microsecond(), rows).with_timezone("UTC")));
        columns.push(same(snapshot)?);
        columns.push(Arc::new(UInt64Array::new_null(rows)));
        columns.push(Arc::new(provenance));
        columns.push(same("withdrawn")?);
        Ok(RecordBatch::try_new(change_schema(), columns)?)
    }

    /// Brings the state forward by the rows of a partition.
    fn apply(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let kinds = batch.column(batch.num_columns() - 1).as_dictionary::<Int32Type>();
        let withdrawn: Vec<bool> = {
            let labels = kinds.values().as_string::<i32>();
            (0..batch.num_rows()).map(|row| labels.value(kinds.keys().value(row) as usize) == "withdrawn").collect()
        };
        self.each(batch, |changes, row, key, now, _| {
            if withdrawn[row] {
                changes.state.remove(&key);
            } else {
                changes.state.insert(key, now);
            }
            Ok(())
        })
    }

    /// Calls `f` with key and state of every row; its error is a key that stands twice.
    fn each(
        &mut self,
        batch: &RecordBatch,
        mut f: impl FnMut(&mut Self, usize, u128, Last, u64) -> Result<(), (u128, u64)>,
    ) -> Result<(), LakeError> {
        let mut numbers = Vec::with_capacity(self.columns.len());
        for (at, column) in self.columns.iter_mut().enumerate() {
            numbers.push(column.numbers_of(batch.column(FIRST_KEY + at)));
            if column.len() >> BITS > 0 {
                return Err(LakeError::TooManyCodes { column: CanonicalColumn::ALL[at].name(), limit: 1 << BITS });
            }
        }
        let keys: Vec<&Int32Array> = (0..self.columns.len())
            .map(|at| batch.column(FIRST_KEY + at).as_dictionary::<Int32Type>().keys())
            .collect();
        let mut next = FIRST_KEY + self.columns.len();
        let mut column = || {
            next += 1;
            batch.column(next - 1)
        };
        let values = column().as_primitive::<Float64Type>();
        let flags = column();
        let (_vintage, _snapshot) = (column(), column());
        let cells = column().as_primitive::<UInt64Type>();
        let provenance = column();
        // No flags at all is a mark of its own.
        let none = self.marks.number("");
        let flag_numbers = self.marks.numbers_of(flags);
        let provenance_numbers = self.marks.numbers_of(provenance);
        let flags = flags.as_dictionary::<Int32Type>().keys();
        let provenance = provenance.as_dictionary::<Int32Type>().keys();
        for row in 0..batch.num_rows() {
            let mut key = 0u128;
            for (keys, numbers) in keys.iter().zip(&numbers) {
                key = key << BITS | numbers[keys.value(row) as usize] as u128;
            }
            let now = Last {
                value: values.is_valid(row).then(|| values.value(row).to_bits()),
                flags: if flags.is_valid(row) { flag_numbers[flags.value(row) as usize] } else { none },
                provenance: provenance_numbers[provenance.value(row) as usize],
                pass: 0,
            };
            f(self, row, key, now, cells.value(row))
                .map_err(|(key, cell)| LakeError::Duplicate { key: self.key_text(key), cell })?;
        }
        Ok(())
    }

    fn key_text(&self, key: u128) -> String {
        CanonicalColumn::ALL
            .iter()
            .enumerate()
            .map(|(at, column)| format!("{}={}", column.name(), self.columns[at].code(unpack(key, at))))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// The sum of the hashes of observations.
#[derive(Default)]
struct Content {
    sum: u128,
    /// Of each code of a column, by its number; of marks behind the columns.
    codes: [Vec<u128>; 8],
}

impl Content {
    fn add(&mut self, key: u128, now: &Last, columns: &[Codes; 7], marks: &Codes) {
        let mut hash = now.value.map_or(1, |bits| u128::from(bits) << 1);
        for (at, column) in columns.iter().enumerate() {
            hash = mixed(hash, self.code(at, column, unpack(key, at)));
        }
        hash = mixed(hash, self.code(7, marks, now.flags));
        self.sum = self.sum.wrapping_add(hash);
    }

    /// The hash of a code, which is worked out once.
    fn code(&mut self, column: usize, codes: &Codes, number: i32) -> u128 {
        let known = &mut self.codes[column];
        while known.len() <= number as usize {
            let hash = blake3::hash(codes.code(known.len() as i32).as_bytes());
            known.push(hash.as_bytes().first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes)));
        }
        known[number as usize]
    }
}

/// One step of a hash: each bit of both goes into many of the result.
fn mixed(hash: u128, code: u128) -> u128 {
    const FACTOR: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
    let product = (hash ^ code).wrapping_mul(FACTOR);
    product ^ (product >> 67)
}

/// The number of one column's code in a key.
fn unpack(key: u128, column: usize) -> i32 {
    let shift = BITS * (6 - column as u32);
    ((key >> shift) & ((1 << BITS) - 1)) as i32
}
