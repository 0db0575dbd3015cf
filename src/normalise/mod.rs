//! Decoded batches + codelists → canonical observations and memberships; what fits nowhere goes to quarantine.
//!
//! Nothing is dropped silently: rows decoded = rows loaded + rows filtered by a stated rule + rows
//! quarantined, and [`Counts::balance`] proves that sum. Nothing is mapped by guess: a code either is
//! in a codelist, a crosswalk or the pipeline's own table, or its row is quarantined with the nearest
//! known code as a suggestion.

mod codes;
mod fate;
mod flags;
mod members;
mod names;
mod nif;
mod observations;
mod places;
mod quarantine;
mod source_codes;
mod structure;

pub(crate) use codes::Codes;
pub use members::{MemberNormaliser, membership_schema};
pub use observations::{ObservationNormaliser, OfficialCells, observation_schema};
pub use quarantine::{Quarantine, quarantine_schema};
pub use source_codes::{SourceCode, source_codes};
pub use structure::{CodeChange, Structure, StructureChange};

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Hint;

/// Bumped whenever the canonical rows change for the same decoded rows and rules.
pub const NORMALISER_VERSION: u32 = 4;

/// Where a batch of canonical rows comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The pipeline.
    pub pipeline: String,
    /// The source's table id.
    pub dataset: String,
    /// Content hash of the snapshot.
    pub snapshot: String,
    /// When the snapshot was fetched.
    pub fetched_at: Timestamp,
}

/// What became of the rows of one snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows that the decoder gave.
    pub decoded: u64,
    /// Rows that became canonical.
    pub loaded: u64,
    /// Rows left out by a stated rule.
    pub filtered: u64,
    /// Rows kept back, by reason.
    pub quarantined: BTreeMap<String, u64>,
    /// Canonical rows by provenance.
    pub provenance: BTreeMap<String, u64>,
}

impl Counts {
    /// Rows kept back.
    pub fn quarantined_rows(&self) -> u64 {
        self.quarantined.values().sum()
    }

    /// The conservation sum.
    pub fn balance(&self) -> Result<(), NormaliseError> {
        if self.decoded == self.loaded + self.filtered + self.quarantined_rows() {
            return Ok(());
        }
        Err(NormaliseError::Balance { counts: Box::new(self.clone()) })
    }

    /// An error when more is in quarantine, or less was decoded, than the pipeline allows.
    pub fn check(&self, max_quarantined_share: f64, min_rows: u64) -> Result<(), NormaliseError> {
        self.balance()?;
        let quarantined = self.quarantined_rows();
        if quarantined as f64 > max_quarantined_share * self.decoded as f64 {
            let (reason, rows) = self
                .quarantined
                .iter()
                .max_by_key(|(_, rows)| **rows)
                .map(|(reason, rows)| (reason.clone(), *rows))
                .unwrap_or_default();
            return Err(NormaliseError::Quarantined {
                quarantined,
                decoded: self.decoded,
                allowed_percent: 100.0 * max_quarantined_share,
                reason,
                rows,
            });
        }
        if self.loaded < min_rows {
            return Err(NormaliseError::TooFew { found: self.loaded, expected: min_rows });
        }
        Ok(())
    }

    /// An error when a snapshot no longer has more of the known observations than the pipeline allows.
    pub fn check_withdrawn(&self, withdrawn: u64, known: u64, max_withdrawn_share: f64) -> Result<(), NormaliseError> {
        if withdrawn as f64 > max_withdrawn_share * known as f64 {
            return Err(NormaliseError::Withdrawn { withdrawn, known, allowed_percent: 100.0 * max_withdrawn_share });
        }
        Ok(())
    }

    /// Adds the counts of another snapshot.
    pub fn add(&mut self, other: &Counts) {
        self.decoded += other.decoded;
        self.loaded += other.loaded;
        self.filtered += other.filtered;
        for (reason, rows) in &other.quarantined {
            *self.quarantined.entry(reason.clone()).or_default() += rows;
        }
        for (provenance, rows) in &other.provenance {
            *self.provenance.entry(provenance.clone()).or_default() += rows;
        }
    }
}

/// The canonical rows of one decoded batch, and what was kept back.
pub struct Normalised {
    /// Canonical rows.
    pub rows: RecordBatch,
    /// Rows kept back; see [`quarantine_schema`].
    pub quarantined: RecordBatch,
}

/// Rows that could not be made canonical.
#[derive(Debug, thiserror::Error)]
pub enum NormaliseError {
    /// Too much is in quarantine.
    #[error(
        "{quarantined} of {decoded} rows do not fit, at most {allowed_percent} % may; most of them ({rows}): {reason}"
    )]
    Quarantined {
        /// Rows kept back.
        quarantined: u64,
        /// Rows decoded.
        decoded: u64,
        /// What the pipeline allows.
        allowed_percent: f64,
        /// The commonest reason.
        reason: String,
        /// Rows with that reason.
        rows: u64,
    },
    /// Most of what was known is gone.
    #[error("{withdrawn} of {known} known observations are gone, at most {allowed_percent} % may")]
    Withdrawn {
        /// Observations that the snapshot no longer has.
        withdrawn: u64,
        /// Observations known before.
        known: u64,
        /// What the pipeline allows.
        allowed_percent: f64,
    },
    /// Fewer rows than are believable.
    #[error("expected at least {expected} rows, found {found}")]
    TooFew {
        /// Rows that became canonical.
        found: u64,
        /// What the pipeline expects.
        expected: u64,
    },
    /// The conservation sum does not hold: a defect of this program.
    #[error("rows were lost: {} decoded, {} loaded, {} filtered, {} quarantined", counts.decoded, counts.loaded, counts.filtered, counts.quarantined_rows())]
    Balance {
        /// The counts.
        counts: Box<Counts>,
    },
    /// A row says that what it names is to be deleted.
    #[error("expected observations, found a row to be deleted (`ACTION` is `D`) at byte {cell}: {key}")]
    Deletion {
        /// Offset of its value in the decompressed payload.
        cell: u64,
        /// Its dimensions.
        key: String,
    },
    /// A rule of the pipeline cannot be used.
    #[error("the rules of the pipeline cannot be used: {message}")]
    Rules {
        /// Why.
        message: String,
    },
    /// Arrow refused the columns: a defect of this program.
    #[error("the canonical columns do not form a table")]
    Arrow(#[from] arrow::error::ArrowError),
}

impl Hint for NormaliseError {
    fn hint(&self) -> Option<String> {
        match self {
            NormaliseError::Quarantined { .. } => Some(
                "the source has changed: add the new codes or dimensions to pipelines/ (each row that does not fit is in lake/quarantine with its reason), then run again; nothing needs to be fetched again".into(),
            ),
            NormaliseError::Withdrawn { .. } => Some(
                "open the address in a browser: if the source really has withdrawn them, raise `quality.max_withdrawn_share` for one run".into(),
            ),
            NormaliseError::TooFew { .. } => {
                Some("open the address in a browser; if the table really is that small, lower `quality.min_rows`".into())
            }
            NormaliseError::Deletion { .. } => {
                Some("ask the source for the data as they are now, not for what has changed in them: what is gone from a new snapshot is withdrawn by itself".into())
            }
            _ => None,
        }
    }
}

/// The type of every text column of the lake.
pub(crate) fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// A text column that has the same value in every row.
pub(crate) fn constant(value: &str, rows: usize) -> Result<arrow::array::ArrayRef, arrow::error::ArrowError> {
    let keys = arrow::array::Int32Array::from_value(0, rows);
    let values = Arc::new(arrow::array::StringArray::from(vec![value]));
    Ok(Arc::new(arrow::array::DictionaryArray::try_new(keys, values)?))
}
