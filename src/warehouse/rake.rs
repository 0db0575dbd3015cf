//! Raking (iterative proportional fitting): scales the cells of a table until they add up to given margins.
//!
//! Deming and Stephan 1940; as an estimator for small areas it is SPREE (Purcell and Kish 1980): the cross-table of a larger
//! area is the seed, what is published of the smaller one are the margins. What the seed says of how the dimensions
//! interact is kept: odds ratios do not change.
//!
//! - Any number of margins, each over any of the dimensions. A margin that is missing is not raked.
//! - A seed of zero stays zero (a structural zero).
//! - Margins that cannot be met are refused in words, and nothing is scaled silently: margins that disagree on the total, a
//!   margin that is not zero over cells that all are, a table that does not come to rest.
//! - What counts is that the margins are met, not that the steps become small.

/// The largest distance of a sum from its margin, as a share of the margin, that counts as met.
pub(super) const TOLERANCE: f64 = 1e-9;

/// So many rounds over all margins are tried.
const MOST_ROUNDS: u32 = 10_000;

/// A margin: the group of each cell, and the total of each group, if it is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Margin {
    /// How it is called in a refusal, such as `region, sector`.
    pub name: String,
    /// The group of each cell, from 0.
    pub group: Vec<usize>,
    /// The total of each group; none is not raked.
    pub total: Vec<Option<f64>>,
}

/// Cells that meet their margins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Raked {
    /// The cells, in the order of the seed.
    pub cells: Vec<f64>,
    /// Rounds that it took.
    pub rounds: u32,
    /// The largest distance of a sum from its margin, as a share of the margin.
    pub largest_error: f64,
}

/// Rakes a seed to margins; in words, why it cannot be.
pub(super) fn rake(seed: &[f64], margins: &[Margin]) -> Result<Raked, String> {
    if let Some(wrong) = seed.iter().find(|value| !value.is_finite() || **value < 0.0) {
        return Err(format!("a seed is a number from 0 on, found {wrong}"));
    }
    agree(seed, margins)?;
    let mut cells = seed.to_vec();
    for round in 0..=MOST_ROUNDS {
        let largest_error = margins.iter().map(|margin| distance(&cells, margin)).fold(0.0, f64::max);
        if largest_error <= TOLERANCE {
            return Ok(Raked { cells, rounds: round, largest_error });
        }
        for margin in margins {
            let sums = sums(&cells, margin);
            for (cell, group) in cells.iter_mut().zip(&margin.group) {
                if let Some(total) = margin.total[*group]
                    && sums[*group] > 0.0
                {
                    *cell *= total / sums[*group];
                }
            }
        }
    }
    let worst = margins.iter().max_by(|a, b| distance(&cells, a).total_cmp(&distance(&cells, b)));
    let (name, error) = worst.map_or(("", 0.0), |margin| (margin.name.as_str(), distance(&cells, margin)));
    Err(format!("the margins are not met after {MOST_ROUNDS} rounds: that by {name} is {error:.1e} away"))
}

fn sums(cells: &[f64], margin: &Margin) -> Vec<f64> {
    let mut sums = vec![0.0; margin.total.len()];
    for (cell, group) in cells.iter().zip(&margin.group) {
        sums[*group] += cell;
    }
    sums
}

/// The largest distance of a sum from its total, as a share of the total.
fn distance(cells: &[f64], margin: &Margin) -> f64 {
    let of = sums(cells, margin).into_iter().zip(&margin.total);
    of.filter_map(|(sum, total)| total.map(|total| (sum - total).abs() / if total > 0.0 { total } else { 1.0 }))
        .fold(0.0, f64::max)
}

/// Margins that cannot be met by anything are told before anything is scaled.
fn agree(seed: &[f64], margins: &[Margin]) -> Result<(), String> {
    for margin in margins {
        let sums = sums(seed, margin);
        for (sum, total) in sums.iter().zip(&margin.total) {
            match total {
                Some(total) if !total.is_finite() || *total < 0.0 => {
                    return Err(format!("a margin is a number from 0 on, found {total} by {}", margin.name));
                }
                Some(total) if *total > 0.0 && *sum == 0.0 => {
                    return Err(format!(
                        "all cells are structural zeros where the margin by {} is {total}",
                        margin.name
                    ));
                }
                _ => {}
            }
        }
    }
    // Only margins that are known in all their groups have a total to agree on.
    let whole = |margin: &&Margin| margin.total.iter().all(Option::is_some);
    let total = |margin: &Margin| margin.total.iter().flatten().sum::<f64>();
    let mut known = margins.iter().filter(whole);
    if let Some(first) = known.next() {
        let wanted = total(first);
        for other in known {
            let found = total(other);
            if (found - wanted).abs() > TOLERANCE * wanted.max(found) {
                return Err(format!(
                    "the margins disagree: they add up to {wanted} by {} and to {found} by {}",
                    first.name, other.name
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    /// A table by rows, with margins of rows and columns.
    fn two_way(seed: &[&[f64]], rows: &[Option<f64>], columns: &[Option<f64>]) -> Result<Raked, String> {
        let width = columns.len();
        let cells: Vec<f64> = seed.iter().flat_map(|row| row.iter().copied()).collect();
        let at: Vec<usize> = (0..cells.len()).collect();
        let margin = |name: &str, group: &dyn Fn(usize) -> usize, total: &[Option<f64>]| Margin {
            name: name.into(),
            group: at.iter().map(|at| group(*at)).collect(),
            total: total.to_vec(),
        };
        rake(&cells, &[margin("row", &|at| at / width, rows), margin("column", &|at| at % width, columns)])
    }

    fn some(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    #[track_caller]
    fn check(found: Result<Raked, String>, expected: &[f64]) {
        let found = found.unwrap();
        for (found, expected) in found.cells.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{:?}", found);
        }
        assert_eq!(found.cells.len(), expected.len());
        assert!(found.largest_error <= TOLERANCE);
    }

    /// Published results: ipfn's README and tests; mipfp's two by two and Little and Wu 1991.
    #[test]
    fn published_results_come_out() {
        let seed: [&[f64]; 4] = [
            &[40.0, 30.0, 20.0, 10.0],
            &[35.0, 50.0, 100.0, 75.0],
            &[30.0, 80.0, 70.0, 120.0],
            &[20.0, 30.0, 40.0, 50.0],
        ];
        check(
            two_way(&seed, &some(&[150.0, 300.0, 400.0, 150.0]), &some(&[200.0, 300.0, 400.0, 100.0])),
            &[
                64.558510, 46.232460, 35.384298, 3.824732, 49.967919, 68.159354, 156.498546, 25.374180, 56.721944,
                144.428226, 145.082481, 53.767349, 28.751627, 41.179961, 63.034674, 17.033738,
            ],
        );
        let seed: [&[f64]; 3] = [&[8.0, 4.0, 6.0, 7.0], &[3.0, 6.0, 5.0, 2.0], &[9.0, 11.0, 3.0, 1.0]];
        check(
            two_way(&seed, &some(&[20.0, 18.0, 22.0]), &some(&[18.0, 16.0, 12.0, 14.0])),
            &[
                5.579361, 2.162467, 3.891874, 8.366298, 3.433200, 5.322603, 5.321828, 3.922370, 8.987439, 8.514931,
                2.786299, 1.711332,
            ],
        );
        check(
            two_way(&[&[1.0, 1.0], &[1.0, 1.0]], &some(&[30.0, 70.0]), &some(&[50.0, 50.0])),
            &[15.0, 15.0, 35.0, 35.0],
        );
        check(
            two_way(&[&[5.0, 1.0], &[5.0, 1.0]], &some(&[52.0, 48.0]), &some(&[87.0, 13.0])),
            &[45.24, 6.76, 41.76, 6.24],
        );
    }

    #[test]
    fn a_missing_margin_is_not_raked_and_a_zero_stays() {
        check(two_way(&[&[1.0, 3.0], &[2.0, 2.0]], &[Some(8.0), None], &[None, None]), &[2.0, 6.0, 2.0, 2.0]);
        let raked = two_way(&[&[0.0, 1.0], &[1.0, 1.0]], &some(&[3.0, 7.0]), &some(&[5.0, 5.0])).unwrap();
        assert_eq!(raked.cells[0], 0.0);
        assert!((raked.cells[1] - 3.0).abs() < 1e-6 && (raked.cells[2] - 5.0).abs() < 1e-6, "{raked:?}");
    }

    #[test]
    fn what_cannot_be_met_is_refused_in_words() {
        let ones: [&[f64]; 2] = [&[1.0, 1.0], &[1.0, 1.0]];
        let refused = |outcome: Result<Raked, String>| outcome.unwrap_err();
        assert_eq!(
            refused(two_way(&ones, &some(&[30.0, 70.0]), &some(&[50.0, 49.0]))),
            "the margins disagree: they add up to 100 by row and to 99 by column"
        );
        assert_eq!(
            refused(two_way(&[&[0.0, 0.0], &[1.0, 1.0]], &some(&[3.0, 7.0]), &some(&[5.0, 5.0]))),
            "all cells are structural zeros where the margin by row is 3"
        );
        assert_eq!(
            refused(two_way(&[&[-1.0, 1.0], &[1.0, 1.0]], &[None, None], &[None, None])),
            "a seed is a number from 0 on, found -1"
        );
        // Zeros that leave no table with these margins.
        let message = refused(two_way(&[&[0.0, 1.0], &[1.0, 0.0]], &some(&[3.0, 7.0]), &some(&[5.0, 5.0])));
        assert!(message.starts_with("the margins are not met after 10000 rounds"), "{message}");
    }

    proptest! {
        /// Three dimensions: whatever table has these margins, they are met, and odds ratios stay those of the seed.
        #[test]
        fn margins_of_any_table_are_met(
            seed in prop::collection::vec(0.1f64..10.0, 24),
            target in prop::collection::vec(0.1f64..10.0, 24),
        ) {
            let margin = |name: &str, of: fn(usize) -> usize, groups: usize| {
                let group: Vec<usize> = (0..24).map(of).collect();
                let mut total = vec![0.0; groups];
                group.iter().zip(&target).for_each(|(group, value)| total[*group] += value);
                Margin { name: name.into(), group, total: total.into_iter().map(Some).collect() }
            };
            // 2 × 3 × 4 cells: one margin over two dimensions, one over the third.
            let margins = [margin("a, b", |at| at / 4, 6), margin("c", |at| at % 4, 4)];
            let raked = rake(&seed, &margins).unwrap();
            prop_assert!(margins.iter().all(|margin| distance(&raked.cells, margin) <= TOLERANCE));
            let odds = |cells: &[f64]| cells[0] * cells[5] / (cells[1] * cells[4]);
            prop_assert!((odds(&raked.cells) / odds(&seed) - 1.0).abs() < 1e-6);
        }
    }
}
