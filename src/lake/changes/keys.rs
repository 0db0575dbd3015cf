//! Rows of canonical batches as numbers, so that they can be compared without their texts.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, UInt64Type};

use super::LakeError;
use crate::normalise::Codes;
use crate::spec::CanonicalColumn;

/// Bits of a key for each of its seven columns.
const BITS: u32 = 18;

/// The columns beside the key that say what is observed.
pub(super) const STATED: [&str; 3] = ["value", "flags", "provenance"];

/// Bits of a mark for the provenance, of which there are two.
const PROVENANCE_BITS: u32 = 8;

/// Bits of a mark for the flags.
const FLAG_BITS: u32 = 22;

/// The bit of a mark that every mark has.
const MARK: u32 = 1 << 31;

/// The codes met so far. A key is the number of each of its codes, packed: exact, and short. The time is the last
/// one, so that the years of a series have neighbouring keys.
#[derive(Default)]
pub(super) struct Keys {
    columns: [Codes; 7],
    flags: Codes,
    provenance: Codes,
}

/// A batch in numbers.
pub(super) struct Rows<'b> {
    pub keys: Vec<u128>,
    marks: Vec<u32>,
    values: &'b [f64],
}

/// What is stated of one observation.
#[derive(Clone, Copy)]
pub(super) struct Stated {
    /// Bits of its value; 0 without one.
    pub value: u64,
    /// The number of its flags and provenance, and whether it has a value; never 0.
    pub mark: u32,
}

impl Stated {
    /// Whether both have the same value, or none.
    pub fn says_the_same(&self, other: &Stated) -> bool {
        self.value == other.value && (self.mark ^ other.mark) & 1 == 0
    }
}

impl Rows<'_> {
    pub fn stated(&self, row: usize) -> Stated {
        let mark = self.marks[row];
        Stated { value: if mark & 1 == 1 { self.values[row].to_bits() } else { 0 }, mark }
    }
}

impl Keys {
    pub fn rows<'b>(&mut self, batch: &'b RecordBatch) -> Result<Rows<'b>, LakeError> {
        let mut columns = Vec::with_capacity(self.columns.len());
        // What is the same in every row.
        let mut constant = 0u128;
        for (column, codes) in CanonicalColumn::ALL.iter().zip(&mut self.columns) {
            let array = self::column(batch, column.name())?;
            let shift = shift(*column);
            let numbers: Vec<u128> =
                codes.numbers_of(array).into_iter().map(|number| (number as u128) << shift).collect();
            if codes.len() >> BITS > 0 {
                return Err(LakeError::TooManyCodes { column: column.name(), limit: 1 << BITS });
            }
            match numbers.as_slice() {
                [one] => constant |= one,
                _ => columns.push((array.as_dictionary::<Int32Type>().keys().values(), numbers)),
            }
        }
        let key = |row: usize| columns.iter().fold(constant, |key, (own, numbers)| key | numbers[own[row] as usize]);
        let keys = (0..batch.num_rows()).map(key).collect();
        let [values, flags, provenance] = STATED.map(|name| self::column(batch, name));
        let (values, flags, provenance) = (values?.as_primitive::<Float64Type>(), flags?, provenance?);
        // No flags at all is a mark of its own.
        let none = self.flags.number("") as u32;
        let flag_numbers = self.flags.numbers_of(flags);
        let provenance_numbers = self.provenance.numbers_of(provenance);
        for (codes, bits, column) in
            [(&self.flags, FLAG_BITS, "flags"), (&self.provenance, PROVENANCE_BITS, "provenance")]
        {
            if codes.len() >> bits > 0 {
                return Err(LakeError::TooManyCodes { column, limit: 1 << bits });
            }
        }
        let flags = flags.as_dictionary::<Int32Type>().keys();
        let provenance = provenance.as_dictionary::<Int32Type>().keys();
        let marks = (0..batch.num_rows()).map(|row| {
            let flags = if flags.is_valid(row) { flag_numbers[flags.value(row) as usize] as u32 } else { none };
            let provenance = provenance_numbers[provenance.value(row) as usize] as u32;
            MARK | (flags << PROVENANCE_BITS | provenance) << 1 | u32::from(values.is_valid(row))
        });
        Ok(Rows { keys, marks: marks.collect(), values: values.values() })
    }

    /// The column of these keys' codes.
    pub fn column(
        &self,
        column: CanonicalColumn,
        keys: impl Iterator<Item = u128>,
    ) -> Result<ArrayRef, arrow::error::ArrowError> {
        self.columns[column as usize].array(keys.map(|key| number(key, column)).collect())
    }

    /// The code of a column by its number.
    pub fn code(&self, number: usize, column: CanonicalColumn) -> &str {
        self.columns[column as usize].code(number as i32)
    }

    pub fn flags_of(&self, mark: u32) -> &str {
        self.flags.code(((mark & !MARK) >> (PROVENANCE_BITS + 1)) as i32)
    }

    pub fn provenance_of(&self, mark: u32) -> &str {
        self.provenance.code((mark >> 1 & ((1 << PROVENANCE_BITS) - 1)) as i32)
    }

    /// The key for people.
    pub fn text(&self, key: u128) -> String {
        let codes = CanonicalColumn::ALL
            .map(|column| format!("{}={}", column.name(), self.code(number(key, column) as usize, column)));
        codes.join(", ")
    }
}

/// The key without its time.
pub(super) fn series(key: u128) -> u128 {
    key >> BITS
}

/// The number of one column's code in a key.
pub(super) fn number(key: u128, column: CanonicalColumn) -> i32 {
    ((key >> shift(column)) & ((1 << BITS) - 1)) as i32
}

/// Where a column's number stands in a key: before the time stands the region, which most tables have vary before all
/// else.
fn shift(column: CanonicalColumn) -> u32 {
    BITS * match column {
        CanonicalColumn::TimePeriod => 0,
        CanonicalColumn::Region => 1,
        CanonicalColumn::Indicator => 6,
        other => 7 - other as u32,
    }
}

/// The block of neighbouring keys that a key is in, of 8 regions and 64 times; which of the regions; which of the times.
pub(super) fn block(key: u128) -> (u128, usize, u32) {
    let (series, time) = (series(key), number(key, CanonicalColumn::TimePeriod) as u32);
    ((series / 8) << BITS | u128::from(time / u64::BITS), (series % 8) as usize, time % u64::BITS)
}

/// The error of a key that a snapshot has twice.
pub(super) fn twice(keys: &Keys, key: u128, batch: &RecordBatch, row: usize) -> LakeError {
    let cell = column(batch, "cell").map_or(0, |cells| cells.as_primitive::<UInt64Type>().value(row));
    LakeError::Duplicate { key: keys.text(key), cell }
}

/// A column that every batch of the lake has.
pub(super) fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef, LakeError> {
    let missing = || arrow::error::ArrowError::SchemaError(format!("no column `{name}` in a partition"));
    Ok(batch.column_by_name(name).ok_or_else(missing)?)
}
