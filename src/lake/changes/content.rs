//! A hash of what a snapshot states, whatever the order in which it states it.

use std::collections::HashMap;

use arrow::array::RecordBatch;

use super::LakeError;
use super::keys::{self, Keys, Rows};
use crate::spec::CanonicalColumn;

/// A hash of the observations of a snapshot, in whatever order they come: of codes, values, flags and provenance, not
/// of places or stamps. It tells apart what a source says, and does not withstand somebody who wants it not to.
#[derive(Default)]
pub struct ContentHash {
    keys: Keys,
    sum: Sum,
}

impl ContentHash {
    /// Adds the rows of a canonical batch.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let rows = self.keys.rows(batch)?;
        self.sum.add(&rows, &self.keys);
        Ok(())
    }

    /// The hash of all rows added, in hex.
    pub fn text(&self) -> String {
        self.sum.text()
    }
}

/// The sum of the hashes of observations.
#[derive(Default)]
pub(super) struct Sum {
    sum: u128,
    /// Of the last series, which most rows share with the one before.
    series: Option<(u128, u128)>,
    /// Of each code, by its column and number.
    codes: [Vec<u128>; 7],
    marks: HashMap<u32, u128, foldhash::fast::FixedState>,
    last_mark: Option<(u32, u128)>,
}

impl Sum {
    pub fn text(&self) -> String {
        format!("{:032x}", self.sum)
    }

    pub fn add(&mut self, rows: &Rows<'_>, codes: &Keys) {
        for (at, key) in rows.keys.iter().enumerate() {
            let stated = rows.stated(at);
            let series = self.series(*key, codes);
            let time = self.code(*key, CanonicalColumn::TimePeriod, codes);
            let mark = self.mark(stated.mark, codes);
            // Hashes of independent parts may be put together by their bits alone, until the value is mixed in.
            let hash = mixed(series ^ time ^ mark, u128::from(stated.value));
            self.sum = self.sum.wrapping_add(mixed(hash, 1));
        }
    }

    fn series(&mut self, key: u128, codes: &Keys) -> u128 {
        let series = keys::series(key);
        if let Some((last, hash)) = self.series
            && last == series
        {
            return hash;
        }
        let columns = CanonicalColumn::ALL.into_iter().filter(|column| *column != CanonicalColumn::TimePeriod);
        let hash = columns.fold(0, |hash, column| hash ^ self.code(key, column, codes));
        self.series = Some((series, hash));
        hash
    }

    /// Of one code of a key.
    fn code(&mut self, key: u128, column: CanonicalColumn, codes: &Keys) -> u128 {
        let known = &mut self.codes[column as usize];
        let number = keys::number(key, column) as usize;
        // Codes are numbered as they come, so that those before it are to be had, too.
        while known.len() <= number {
            let code = of_text(codes.code(known.len(), column));
            known.push(mixed(code, column as u128 + 1));
        }
        known[number]
    }

    fn mark(&mut self, mark: u32, codes: &Keys) -> u128 {
        if let Some((last, hash)) = self.last_mark
            && last == mark
        {
            return hash;
        }
        let hash = *self.marks.entry(mark).or_insert_with(|| {
            let flagged = mixed(u128::from(mark & 1), of_text(codes.flags_of(mark)));
            mixed(flagged, of_text(codes.provenance_of(mark)))
        });
        self.last_mark = Some((mark, hash));
        hash
    }
}

fn of_text(text: &str) -> u128 {
    blake3::hash(text.as_bytes()).as_bytes().first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes))
}

/// One step of a hash: each bit of both goes into many of the result.
fn mixed(hash: u128, code: u128) -> u128 {
    const FACTOR: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
    let product = (hash ^ code).wrapping_mul(FACTOR);
    product ^ (product >> 67)
}
