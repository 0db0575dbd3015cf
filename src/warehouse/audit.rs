//! The checks of a model's rows: grain, and the audits of its header.

use std::path::Path;

use duckdb::Connection;
use serde::{Deserialize, Serialize};

use super::build::ModelResult;
use super::contract::{AuditKind, Severity};
use super::engine::{self, execute, path_literal};
use super::load::{self, OBSERVATION_KEY};
use super::model::Model;
use super::{WarehouseError, graph, has_gap, quoted, quoted_list};

/// The folder of a build with the rows that fail its audits.
pub(super) const FOLDER: &str = "audits";

/// Rows that are kept of one audit; who needs more has the model.
const MOST_ROWS: u64 = 10_000;

/// How one audit ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditResult {
    /// The model.
    pub model: String,
    /// The audit as written; `grain: …` for the check of the grain.
    pub audit: String,
    /// Whether a failure stops the publication.
    pub blocking: bool,
    /// Rows that fail it; for an audit that asks for rows, 1 when they are not there.
    pub failing_rows: u64,
    /// The file with rows that fail it, below the build's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
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

    /// A sentence for each wording of an audit: what several models fail alike is told once, with their number.
    pub fn sentences(failed: &[&AuditResult]) -> Vec<String> {
        let mut wordings: Vec<Vec<&AuditResult>> = Vec::new();
        for audit in failed {
            match wordings.iter_mut().find(|alike| alike[0].audit == audit.audit) {
                Some(alike) => alike.push(audit),
                None => wordings.push(vec![audit]),
            }
        }
        let told = |alike: Vec<&AuditResult>| match alike[..] {
            [one] => one.sentence(),
            _ => {
                let rows: u64 = alike.iter().map(|audit| audit.failing_rows).sum();
                let models: Vec<String> = alike.iter().map(|audit| format!("`{}`", audit.model)).collect();
                format!("{} models, {rows} rows in all, fail `{}`: {}", alike.len(), alike[0].audit, models.join(", "))
            }
        };
        wordings.into_iter().map(told).collect()
    }
}

/// What is asked of the database.
struct Question {
    audit: String,
    blocking: bool,
    /// What shows at less cost that none fails: zero only if so.
    suspicion: Option<String>,
    /// How many rows fail.
    count: String,
    /// The rows that fail, where there are such rows.
    rows: Option<String>,
}

/// Runs all audits of a model on its table. `earlier` is the model in the last build, which is attached as `previous`.
pub(super) fn run(
    connection: &Connection,
    folder: &Path,
    model: &Model,
    columns: &[(String, String)],
    earlier: Option<&ModelResult>,
) -> Result<Vec<AuditResult>, WarehouseError> {
    let mut counted = predicates(connection, model).into_iter();
    let mut questions = vec![grain(connection, model)?];
    for audit in &model.contract.audits {
        let (mut count, rows) = ask(model, columns, &audit.kind, earlier);
        if let AuditKind::Every(_) = audit.kind
            && let Some(failing) = counted.next()
        {
            count = format!("select {failing}");
        }
        let blocking = audit.severity == Severity::Block;
        questions.push(Question { audit: audit.text.clone(), blocking, suspicion: None, count, rows });
    }
    let mut results = Vec::with_capacity(questions.len());
    for (at, question) in questions.into_iter().enumerate() {
        let Question { audit, blocking, suspicion, count, rows } = question;
        let action = format!("audit `{}` ({audit})", model.name);
        let ask = |sql: &str| Ok::<_, WarehouseError>(engine::number(connection, &action, sql)?.unsigned_abs());
        let failing_rows = match suspicion {
            Some(suspicion) if ask(&suspicion)? == 0 => 0,
            _ => ask(&count)?,
        };
        let mut kept = None;
        if let Some(rows) = rows.filter(|_| failing_rows > 0 && !model.contract.private) {
            let name = format!("{FOLDER}/{}-{at}.parquet", model.name);
            let copy = format!(
                "copy (select * from ({rows}) limit {MOST_ROWS}) to {} (format parquet, compression zstd)",
                path_literal(&folder.join(&name))
            );
            execute(connection, &format!("keep the rows that fail `{audit}`"), &copy)?;
            kept = Some(name);
        }
        results.push(AuditResult { model: model.name.clone(), audit, blocking, failing_rows, kept });
    }
    Ok(results)
}

/// How many rows fail each predicate that is to be true of every row, counted in one look at the table; nothing where DuckDB
/// cannot ask them together, such as one with a subquery.
fn predicates(connection: &Connection, model: &Model) -> Vec<i64> {
    let predicates = model.contract.audits.iter().filter_map(|audit| match &audit.kind {
        AuditKind::Every(predicate) => Some(format!("count(*) filter (where ({predicate}) is not true)")),
        _ => None,
    });
    let counts: Vec<String> = predicates.collect();
    if counts.is_empty() {
        return Vec::new();
    }
    let sql = format!("select {} from {}", counts.join(", "), model.table());
    let row = connection.query_row(&sql, [], |row| (0..counts.len()).map(|at| row.get::<_, i64>(at)).collect());
    row.unwrap_or_default()
}

/// Whether no two rows of a model can have the same grain, because its rows are those of `lake.observations`: to count that
/// again would take longer than most models.
pub(super) fn is_unique(connection: &Connection, model: &Model) -> Result<bool, WarehouseError> {
    const TABLE: &str = "observations";
    let may_be = model.is_view() && model.reads_lake.iter().any(|table| table == TABLE);
    Ok(may_be && graph::keeps_apart(connection, model, TABLE, &OBSERVATION_KEY)?)
}

fn grain(connection: &Connection, model: &Model) -> Result<Question, WarehouseError> {
    let table = model.table();
    let columns = quoted_list(&model.contract.grain);
    let nulls = has_gap(&model.contract.grain);
    let audit = format!("grain: {}", model.contract.grain.join(", "));
    if is_unique(connection, model)? {
        // Its grain is the key of the observations, of which none may have a gap.
        let is_key = model.contract.grain.len() == OBSERVATION_KEY.len();
        return Ok(Question {
            audit,
            blocking: true,
            suspicion: is_key.then(|| load::gaps(connection)).transpose()?,
            count: format!("select count(*) from {table} where {nulls}"),
            rows: Some(format!("select * from {table} where {nulls}")),
        });
    }
    Ok(Question {
        audit,
        blocking: true,
        // Equal keys have equal hashes: where no hash stands twice, no key does. To hold the hashes takes less than half of
        // what it takes to hold the keys.
        suspicion: Some(format!(
            "select count(*) filter (where {nulls}) + count(*) - count(distinct hash({columns})) from {table}"
        )),
        count: format!(
            "select (select count(*) from {table} where {nulls}) + (select count(*) from (select 1 from {table} group by {columns} having count(*) > 1))"
        ),
        rows: Some(format!("select * from {table} qualify ({nulls}) or count(*) over (partition by {columns}) > 1")),
    })
}

/// Whether a column can be compared with what it was in the last build: one that is new, or has another type or grain, has
/// nothing to be compared with, and what is private is not kept from one build to the next.
pub(super) fn can_move(model: &Model, columns: &[(String, String)], last: &ModelResult, column: &String) -> bool {
    let known = |name: &String| {
        let own = columns.iter().find(|(own, _)| own == name).map(|(_, kind)| kind);
        let was = last.columns.iter().find(|column| column.name == *name);
        own.is_some() && own == was.map(|column| &column.kind)
    };
    !model.contract.private && known(column) && model.contract.grain.iter().all(known)
}

/// The SQL that counts what fails, and the one that gives it.
fn ask(
    model: &Model,
    columns: &[(String, String)],
    kind: &AuditKind,
    earlier: Option<&ModelResult>,
) -> (String, Option<String>) {
    let table = model.table();
    let counted = |rows: String| (format!("select count(*) from ({rows})"), Some(rows));
    let unless = |holds: String| (format!("select case when {holds} then 0 else 1 end"), None);
    let nothing = || ("select 0".to_owned(), None);
    match kind {
        // A predicate that is unknown (null) has not been shown to hold.
        AuditKind::Every(predicate) => counted(format!("select * from {table} where ({predicate}) is not true")),
        AuditKind::Exists(predicate) => unless(format!("exists (select 1 from {table} where {predicate})")),
        AuditKind::Rows { least, most } => {
            let most = most.map(|most| format!(" and count(*) <= {most}")).unwrap_or_default();
            unless(format!("(select count(*) >= {least}{most} from {table})"))
        }
        AuditKind::References { columns, other, others } => {
            let both = columns.iter().zip(others);
            let equal: Vec<String> =
                both.map(|(own, other)| format!("model.{} = other.{}", quoted(own), quoted(other))).collect();
            let given: Vec<String> =
                columns.iter().map(|column| format!("model.{} is not null", quoted(column))).collect();
            counted(format!(
                "select * from {table} as model where {} and not exists (select 1 from {other} as other where {})",
                given.join(" and "),
                equal.join(" and ")
            ))
        }
        AuditKind::NotBelowLast { percent } => match earlier {
            Some(last) => unless(format!("(select 100.0 * count(*) >= {percent} * {} from {table})", last.rows)),
            None => nothing(),
        },
        AuditKind::Moves { column, most } => {
            if earlier.is_none_or(|last| !can_move(model, columns, last, column)) {
                return nothing();
            }
            let grain = model.contract.grain.iter().map(|name| quoted(name));
            let equal: Vec<String> = grain.map(|name| format!("model.{name} = last.{name}")).collect();
            let column = quoted(column);
            counted(format!(
                "select model.*, last.{column} as last_value from {table} as model inner join previous.{table} as last on {}
                 where abs(model.{column} - last.{column}) > {most}",
                equal.join(" and ")
            ))
        }
        AuditKind::Newest { column, days } => unless(format!(
            "(select max(cast({} as timestamp)) >= cast(now() as timestamp) - interval ({days}) day from {table})",
            quoted(column)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_models_fail_alike_is_told_once() {
        let failed = |model: &str, audit: &str, failing_rows| AuditResult {
            model: model.into(),
            audit: audit.into(),
            blocking: false,
            failing_rows,
            kept: None,
        };
        let all = [failed("one", "a > 0", 2), failed("two", "b > 0", 1), failed("three", "a > 0", 5)];
        assert_eq!(
            AuditResult::sentences(&all.iter().collect::<Vec<_>>()),
            ["2 models, 7 rows in all, fail `a > 0`: `one`, `three`", "`two`: 1 rows fail `b > 0`"]
        );
    }
}
