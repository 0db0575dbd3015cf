//! The checks of a model's rows: grain, and the audits of its header.

use duckdb::Connection;
use serde::{Deserialize, Serialize};

use super::contract::{AuditKind, Severity};
use super::model::Model;
use super::{WarehouseError, engine, quoted};

/// How one audit ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditResult {
    /// The model.
    pub model: String,
    /// The audit as written; `grain: …` for the check of the grain.
    pub audit: String,
    /// Whether a failure stops the publication.
    pub blocking: bool,
    /// Rows that fail it; for an audit that asks for a row, 1 when there is none.
    pub failing_rows: u64,
}

impl AuditResult {
    /// Whether all is well.
    pub fn passed(&self) -> bool {
        self.failing_rows == 0
    }

    /// A sentence about a failure.
    pub fn sentence(&self) -> String {
        format!("`{}`: {} rows fail `{}`", self.model, self.failing_rows, self.audit)
    }
}

/// Runs all audits of a model on its table.
pub(super) fn run(connection: &Connection, model: &Model) -> Result<Vec<AuditResult>, WarehouseError> {
    let table = model.table();
    let grain: Vec<String> = model.contract.grain.iter().map(|name| quoted(name)).collect();
    let columns = grain.join(", ");
    let nulls: Vec<String> = grain.iter().map(|name| format!("{name} is null")).collect();
    let mut asked = vec![(
        format!("grain: {}", model.contract.grain.join(", ")),
        true,
        format!(
            "select (select count(*) from {table} where {}) + (select count(*) from (select 1 from {table} group by {columns} having count(*) > 1))",
            nulls.join(" or ")
        ),
    )];
    for audit in &model.contract.audits {
        let count = match &audit.kind {
            // A predicate that is unknown (null) has not been shown to hold.
            AuditKind::Every(predicate) => format!("select count(*) from {table} where ({predicate}) is not true"),
            AuditKind::Exists(predicate) => {
                format!("select case when exists (select 1 from {table} where {predicate}) then 0 else 1 end")
            }
        };
        asked.push((audit.text.clone(), audit.severity == Severity::Block, count));
    }
    asked
        .into_iter()
        .map(|(audit, blocking, count)| {
            let failing = engine::number(connection, &format!("audit `{}` ({audit})", model.name), &count)?;
            Ok(AuditResult { model: model.name.clone(), audit, blocking, failing_rows: failing.unsigned_abs() })
        })
        .collect()
}
