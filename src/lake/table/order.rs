//! The rows of a row group in the order of some of its text columns.
//!
//! A counting sort by each of them, from the last to the first: there are few distinct codes, so that a pass costs two
//! reads a row, whatever the order in which the rows came.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::{concat, take};

use super::{Column, Group, Keys, NONE};

impl Group {
    /// Brings the rows into the order of these columns, of which none is null; equal ones stay as they came.
    pub(super) fn sort(&mut self, by: &[usize]) -> super::Result<()> {
        let mut order: Option<Vec<u32>> = None;
        for at in by.iter().rev() {
            let Column::Text(keys) = &mut self.columns[*at] else { continue };
            keys.sort_labels();
            // The same in every row.
            if keys.labels.len() < 2 {
                continue;
            }
            order = Some(pass(keys, order.as_deref()));
        }
        let Some(order) = order.filter(|order| !order.is_sorted()) else {
            return Ok(());
        };
        let rows = UInt32Array::from(order.clone());
        for column in &mut self.columns {
            match column {
                Column::Text(keys) if keys.labels.len() + usize::from(keys.nulls > 0) < 2 => {}
                Column::Text(keys) => keys.keys = order.iter().map(|row| keys.keys[*row as usize]).collect(),
                Column::Other(arrays) => {
                    let parts: Vec<&dyn arrow::array::Array> = arrays.iter().map(|array| array.as_ref()).collect();
                    let whole: ArrayRef = concat(&parts)?;
                    *arrays = vec![take(&whole, &rows, None)?];
                }
            }
        }
        Ok(())
    }
}

/// One pass: the rows in the order given so far, by the keys of a column whose labels are sorted.
fn pass(keys: &Keys, order: Option<&[u32]>) -> Vec<u32> {
    let mut places = vec![0u32; keys.labels.len() + 1];
    keys.keys.iter().for_each(|key| places[*key as usize + 1] += 1);
    for at in 1..places.len() {
        places[at] += places[at - 1];
    }
    let mut sorted = vec![0; keys.keys.len()];
    let mut put = |row: u32| {
        let place = &mut places[keys.keys[row as usize] as usize];
        sorted[*place as usize] = row;
        *place += 1;
    };
    match order {
        Some(order) => order.iter().for_each(|row| put(*row)),
        None => (0..keys.keys.len() as u32).for_each(put),
    }
    sorted
}

impl Keys {
    /// Numbers the labels by their order.
    fn sort_labels(&mut self) {
        if self.labels.is_sorted() {
            return;
        }
        let mut by_label: Vec<usize> = (0..self.labels.len()).collect();
        by_label.sort_unstable_by_key(|at| &self.labels[*at]);
        let mut rank = vec![0; by_label.len()];
        by_label.iter().enumerate().for_each(|(to, from)| rank[*from] = to as i32);
        self.keys.iter_mut().filter(|key| **key != NONE).for_each(|key| *key = rank[*key as usize]);
        self.labels.sort_unstable();
    }
}
