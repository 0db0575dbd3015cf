//! A table's first snapshot: all of it is new, and all that can be wrong is a key that stands twice.

use std::collections::HashMap;

use arrow::array::RecordBatch;

use super::content::Sum;
use super::keys::{self, Keys};
use super::{KINDS, LakeError, change_schema};
use crate::normalise::constant;

/// What the rows of a first snapshot are: without values, its keys need a tenth of the memory of [`super::Changes`].
#[derive(Default)]
pub struct First {
    keys: Keys,
    content: Sum,
    /// By the blocks of keys: a bit for each time of each region.
    seen: HashMap<u128, [u64; 8], foldhash::fast::FixedState>,
}

impl First {
    /// The [`super::ContentHash`] of the rows so far.
    pub fn content(&self) -> String {
        self.content.text()
    }

    /// The rows of a canonical batch with a column `change`, which is `new`.
    pub fn rows(&mut self, batch: &RecordBatch) -> Result<RecordBatch, LakeError> {
        let rows = self.keys.rows(batch)?;
        self.content.add(&rows, &self.keys);
        // Neighbouring rows are mostly the years of one series and the regions of one table, which share a block.
        let mut at = 0;
        while at < rows.keys.len() {
            let block = keys::block(rows.keys[at]).0;
            let seen = self.seen.entry(block).or_default();
            while let Some(key) = rows.keys.get(at) {
                let (own, region, time) = keys::block(*key);
                if own != block {
                    break;
                }
                if seen[region] & 1 << time != 0 {
                    return Err(keys::twice(&self.keys, *key, batch, at));
                }
                seen[region] |= 1 << time;
                at += 1;
            }
        }
        let mut columns = batch.columns().to_vec();
        columns.push(constant(KINDS[0], batch.num_rows())?);
        Ok(RecordBatch::try_new(change_schema(), columns)?)
    }
}
