//! A table's first snapshot: all of it is new, and all that can be wrong is a key that stands twice.

use std::collections::HashMap;

use arrow::array::RecordBatch;

use super::content::Sum;
use super::keys::{self, Keys};
use super::{KINDS, LakeError, change_schema};
use crate::normalise::constant;

/// Keys of a page: bits of a word.
const PAGE: u32 = u64::BITS;

/// What the rows of a first snapshot are: without values, its keys need a tenth of the memory of [`super::Changes`].
#[derive(Default)]
pub struct First {
    keys: Keys,
    content: Sum,
    seen: HashMap<u128, u64, foldhash::fast::FixedState>,
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
        let mut at = 0;
        while at < rows.keys.len() {
            // Neighbouring rows are mostly the years of one series, which share a page.
            let page = rows.keys[at] / u128::from(PAGE);
            let seen = self.seen.entry(page).or_default();
            while let Some(key) = rows.keys.get(at).filter(|key| **key / u128::from(PAGE) == page) {
                let bit = 1 << (key % u128::from(PAGE));
                if *seen & bit != 0 {
                    return Err(keys::twice(&self.keys, *key, batch, at));
                }
                *seen |= bit;
                at += 1;
            }
        }
        let mut columns = batch.columns().to_vec();
        columns.push(constant(KINDS[0], batch.num_rows())?);
        Ok(RecordBatch::try_new(change_schema(), columns)?)
    }
}
