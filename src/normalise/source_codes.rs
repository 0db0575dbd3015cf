//! Which codes of a source stand for which canonical ones, as a table.

use serde::{Deserialize, Serialize};

use super::NormaliseError;
use super::fate::{self, Fate, Rules};
use super::structure::Structure;
use crate::spec::{CanonicalColumn, Codelists, Edition, Pipeline};

/// A code of a source and one canonical code that it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCode {
    /// The source's name of the dimension.
    pub dimension: String,
    /// The code as the source writes it.
    pub source_code: String,
    /// A canonical column that it gives.
    pub column: CanonicalColumn,
    /// The canonical code.
    pub code: String,
}

/// What the codes of a payload with this structure stand for; those that are left out or kept back stand for nothing.
pub fn source_codes(
    pipeline: &Pipeline,
    edition: &Edition,
    codelists: &Codelists,
    structure: &Structure,
) -> Result<Vec<SourceCode>, NormaliseError> {
    let scheme = fate::scheme(pipeline, edition);
    let mut found = Vec::new();
    for (name, dimension) in &pipeline.dimensions {
        let rules = Rules::new(name.get_ref(), dimension, edition, codelists, scheme.as_deref())?;
        let own = structure.dimensions.iter().filter(|(found, _)| dimension.is_called(name.get_ref(), found));
        for (dimension, codes) in own {
            for source_code in codes {
                let Fate::Becomes(becomes) = rules.fate(source_code, codelists) else { continue };
                found.extend(rules.columns.iter().zip(becomes).map(|(column, code)| SourceCode {
                    dimension: dimension.clone(),
                    source_code: source_code.clone(),
                    column: *column,
                    code,
                }));
            }
        }
    }
    Ok(found)
}
