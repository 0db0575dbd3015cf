//! What a new snapshot changes about the observations known so far.

mod content;
mod first;
mod keys;
mod state;

pub use content::ContentHash;
pub use first::First;

use std::sync::Arc;

use arrow::array::{
    AsArray, BooleanArray, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt64Array, new_null_array,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Int32Type};
use jiff::Timestamp;
use parquet::arrow::ProjectionMask;

use self::content::Sum;
use self::keys::Keys;
use self::state::State;
use super::{LakeError, Partition, change_schema, failed_read, open_observations};
use crate::normalise::constant;
use crate::spec::CanonicalColumn;

/// The kinds of change that a row of a snapshot can be, in the order of their numbers here.
const KINDS: [&str; 3] = ["new", "revised", "flagged"];

/// The state of one pipeline's dataset, to which snapshots are compared in the order of their fetching.
///
/// Every observation of a dataset is held in memory, in about 30 bytes.
#[derive(Default)]
pub struct Changes {
    keys: Keys,
    state: State,
    pass: u32,
    content: Sum,
    revised: u64,
}

impl Changes {
    /// The state after these partitions, oldest first.
    pub fn after<'p>(partitions: impl IntoIterator<Item = &'p Partition>) -> Result<Self, LakeError> {
        let mut changes = Changes::default();
        let needed: Vec<&str> =
            CanonicalColumn::ALL.map(CanonicalColumn::name).into_iter().chain(keys::STATED).chain(["change"]).collect();
        let mut read = None;
        for partition in partitions {
            // One that is in the same file as the one before has been read with it.
            if read.replace(&partition.path) == Some(&partition.path) {
                continue;
            }
            let builder = open_observations(&partition.path)?;
            let mask = ProjectionMask::columns(builder.parquet_schema(), needed.iter().copied());
            let reader = builder.with_projection(mask).with_batch_size(65_536).build();
            let reader = reader.map_err(|source| failed_read(&partition.path, source))?;
            for batch in reader {
                changes.apply(&batch?)?;
            }
        }
        Ok(changes)
    }

    /// Observations known so far.
    pub fn known(&self) -> u64 {
        self.state.known()
    }

    /// Starts comparing a snapshot.
    pub fn begin(&mut self) {
        self.pass += 1;
        self.content = Sum::default();
        self.revised = 0;
    }

    /// The [`ContentHash`] of the observations compared since then.
    pub fn content(&self) -> String {
        self.content.text()
    }

    /// Observations of the snapshot that have another value than before.
    pub fn revised(&self) -> u64 {
        self.revised
    }

    /// The rows of a canonical batch that are new or differ, with a column `change`.
    pub fn compare(&mut self, batch: &RecordBatch) -> Result<RecordBatch, LakeError> {
        let rows = self.keys.rows(batch)?;
        self.content.add(&rows, &self.keys);
        let mut changed = Vec::with_capacity(batch.num_rows());
        let mut kinds = Vec::with_capacity(batch.num_rows());
        for (at, key) in rows.keys.iter().enumerate() {
            let now = rows.stated(at);
            let slot = self.state.slot(*key);
            let kind = match slot.stated() {
                None => Some(0),
                Some(_) if slot.pass == self.pass => return Err(keys::twice(&self.keys, *key, batch, at)),
                Some(last) if !last.says_the_same(&now) => Some(1),
                Some(last) if last.mark != now.mark => Some(2),
                Some(_) => None,
            };
            slot.pass = self.pass;
            slot.set(now);
            if kind == Some(0) {
                self.state.came();
            }
            changed.push(kind.is_some());
            self.revised += u64::from(kind == Some(1));
            kinds.extend(kind);
        }
        // Of a table's first snapshot every row is new.
        let kept = match kinds.len() == changed.len() {
            true => batch.clone(),
            false => filter_record_batch(batch, &BooleanArray::from(changed))?,
        };
        let mut columns = kept.columns().to_vec();
        columns.push(Arc::new(DictionaryArray::<Int32Type>::try_new(
            Int32Array::from(kinds),
            Arc::new(StringArray::from(KINDS.to_vec())),
        )?));
        Ok(RecordBatch::try_new(change_schema(), columns)?)
    }

    /// The observations that the snapshot compared since [`Self::begin`] no longer has.
    pub fn withdrawn(
        &mut self,
        pipeline: &str,
        dataset: &str,
        snapshot: &str,
        vintage: Timestamp,
    ) -> Result<RecordBatch, LakeError> {
        let gone = self.state.withdraw(self.pass);
        let provenance: DictionaryArray<Int32Type> =
            gone.iter().map(|(_, stated)| Some(self.keys.provenance_of(stated.mark))).collect();
        let rows = gone.len();
        let mut columns = vec![constant(pipeline, rows)?, constant(dataset, rows)?];
        for column in CanonicalColumn::ALL {
            columns.push(self.keys.column(column, gone.iter().map(|(key, _)| *key))?);
        }
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        columns.push(Arc::new(Float64Array::new_null(rows)));
        columns.push(new_null_array(&dictionary, rows));
        columns
            .push(Arc::new(TimestampMicrosecondArray::from_value(vintage.as_microsecond(), rows).with_timezone("UTC")));
        columns.push(constant(snapshot, rows)?);
        columns.push(Arc::new(UInt64Array::new_null(rows)));
        columns.push(Arc::new(provenance));
        columns.push(constant("withdrawn", rows)?);
        Ok(RecordBatch::try_new(change_schema(), columns)?)
    }

    /// Brings the state forward by the rows of a partition.
    fn apply(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let rows = self.keys.rows(batch)?;
        let kinds = keys::column(batch, "change")?.as_dictionary::<Int32Type>();
        let is_withdrawal: Vec<bool> =
            kinds.values().as_string::<i32>().iter().map(|kind| kind == Some("withdrawn")).collect();
        for (at, key) in rows.keys.iter().enumerate() {
            match is_withdrawal[kinds.keys().value(at) as usize] {
                true => self.state.remove(*key),
                false => {
                    let stated = rows.stated(at);
                    let slot = self.state.slot(*key);
                    let is_new = slot.stated().is_none();
                    slot.set(stated);
                    if is_new {
                        self.state.came();
                    }
                }
            }
        }
        Ok(())
    }
}
