//! One SELECT from DuckDB's dialect to Spark's.
//!
//! | DuckDB | Spark | why |
//! |---|---|---|
//! | `"name"` | `` `name` `` | double quotes are texts there |
//! | `'it''s \d'` | `'it\'s \\d'` | a backslash begins an escape |
//! | `order by a` | `order by a nulls last` | nulls come first there |
//! | `a / b` | `cast(a as double) / cast(b as double)` | of decimals Spark makes a decimal; here it is always a double |
//! | `avg(a)` | `avg(cast(a as double))` | the same |
//! | `varchar`, `timestamp` | `string`, `timestamp_ntz` | a timestamp is a moment there |
//! | `decimal` | `decimal(18, 3)` | without digits it is `(10, 0)` there |
//! | `a::integer` | `cast(a as integer)` | |
//! | `string_agg(a, ' ' order by b)` | `listagg(a, ' ') within group (order by b nulls last)` | |
//!
//! Everything is looked at, and what is not known to mean the same is refused with its place.

mod expressions;
mod names;
mod queries;

use std::any::TypeId;
use std::fmt;
use std::ops::{ControlFlow, Range};

use sqlparser::ast::*;
use sqlparser::dialect::{Dialect, DuckDbDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Span, Token, Tokenizer};

use crate::warehouse::offset;

/// DuckDB's dialect, but for a comma behind the last column: with it, a column `cluster` would be read as the end of the list.
#[derive(Debug)]
struct Models;

macro_rules! as_duckdb {
    ($($question:ident)*) => { $(fn $question(&self) -> bool { DuckDbDialect {}.$question() })* };
}

impl Dialect for Models {
    fn dialect(&self) -> TypeId {
        TypeId::of::<DuckDbDialect>()
    }

    fn is_identifier_start(&self, character: char) -> bool {
        DuckDbDialect {}.is_identifier_start(character)
    }

    fn is_identifier_part(&self, character: char) -> bool {
        DuckDbDialect {}.is_identifier_part(character)
    }

    as_duckdb! {
        supports_cte_materialization supports_filter_during_aggregation supports_group_by_expr supports_bitwise_shift_operators
        supports_named_fn_args_with_eq_operator supports_named_fn_args_with_assignment_operator supports_dictionary_syntax
        support_map_literal_syntax supports_lambda_functions supports_from_first_select supports_order_by_all
        supports_select_wildcard_exclude supports_select_wildcard_replace supports_notnull_operator
        supports_numeric_literal_underscores supports_nested_comments
    }
}

/// Why a text does not become Spark's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// What was expected, and found.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// A SELECT that means on Spark what `sql` means in DuckDB.
pub fn transpile(sql: &str) -> Result<String, Refusal> {
    let statements = Parser::parse_sql(&Models, sql).map_err(|error| unreadable(sql, &error.to_string()))?;
    let [Statement::Query(query)] = statements.as_slice() else {
        let hint = Some("a model is one SELECT".to_owned());
        return Err(Refusal { span: 0..sql.len(), message: "expected one SELECT".to_owned(), hint });
    };
    let mut query = query.clone();
    let mut rewriter = Rewriter { text: sql };
    match VisitMut::visit(&mut query, &mut rewriter) {
        ControlFlow::Continue(()) => Ok(format!("{query:#}")),
        ControlFlow::Break(refusal) => Err(refusal),
    }
}

/// A condition, such as that of an audit.
pub fn predicate(sql: &str) -> Result<String, Refusal> {
    let parsed = Parser::new(&Models).try_with_sql(sql).and_then(|mut parser| {
        let expression = parser.parse_expr()?;
        parser.expect_token(&Token::EOF)?;
        Ok(expression)
    });
    let mut expression = parsed.map_err(|error| unreadable(sql, &error.to_string()))?;
    let mut rewriter = Rewriter { text: sql };
    match VisitMut::visit(&mut expression, &mut rewriter) {
        ControlFlow::Continue(()) => Ok(expression.to_string()),
        ControlFlow::Break(refusal) => Err(refusal),
    }
}

/// A text that the parser does not know, though DuckDB does. It says where in words.
fn unreadable(text: &str, told: &str) -> Refusal {
    let told = told.strip_prefix("sql parser error: ").unwrap_or(told);
    let (message, place) = told.rsplit_once(" at Line: ").unwrap_or((told, ""));
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let place = place.split_once(", Column: ").and_then(|(line, column)| Some((number(line)?, number(column)?)));
    let span = match place {
        Some((line, column)) => {
            let start = offset(text, Location { line, column });
            let word = text[start..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len() - start);
            start..(start + word.max(1)).min(text.len())
        }
        None => 0..text.len(),
    };
    let mut message = message.replace(", found: ", ", found ");
    if let Some(first) = message.get(..1) {
        message = first.to_lowercase() + &message[1..];
    }
    Refusal { span, message: format!("this is no SQL that Spark has, too: {message}"), hint: Some(PORTABLE.to_owned()) }
}

const PORTABLE: &str =
    "write it with joins, `group by`, window functions and `case`; docs/MODELS.md has what both engines know";

type Flow = ControlFlow<Refusal>;

struct Rewriter<'t> {
    text: &'t str,
}

impl Rewriter<'_> {
    fn refuse(&self, place: Span, message: impl Into<String>, hint: impl Into<String>) -> Flow {
        let span = match place == Span::empty() {
            true => 0..self.text.len(),
            false => {
                let start = offset(self.text, place.start);
                start..offset(self.text, place.end).max(start)
            }
        };
        ControlFlow::Break(Refusal { span, message: message.into(), hint: Some(hint.into()) })
    }

    /// The place of a word at or behind a place, for what the parser keeps no place of.
    fn word(&self, from: Span, word: &str) -> Span {
        let Ok(tokens) = Tokenizer::new(&Models, self.text).tokenize_with_location() else { return from };
        let is_word = |token: &Token| matches!(token, Token::Word(found) if found.value.eq_ignore_ascii_case(word));
        let behind = tokens.iter().filter(|token| from == Span::empty() || token.span.start >= from.start);
        behind.filter(|token| is_word(&token.token)).map(|token| token.span).next().unwrap_or(from)
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = Refusal;

    fn pre_visit_query(&mut self, query: &mut Query) -> Flow {
        self.query(query)
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Flow {
        self.select(select)
    }

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> Flow {
        self.relation(table)
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> Flow {
        // What the rules have put there.
        if matches!(expression, Expr::Value(ValueWithSpan { value: Value::Placeholder(_), .. })) {
            return ControlFlow::Continue(());
        }
        self.expression(expression)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refusal(sql: &str) -> (String, String) {
        let refusal = transpile(sql).unwrap_err();
        (sql[refusal.span.clone()].to_owned(), refusal.message)
    }

    /// Spaces are of no account outside of quotes, and no text of the table has two inside of them but one.
    fn words(sql: &str) -> String {
        sql.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_table_of_rewrites_holds() {
        let table = include_str!("../../../tests/cluster/dialect.tsv");
        let mut seen = 0;
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let (duckdb, spark) = line.split_once('\t').unwrap();
            match spark.strip_prefix('!') {
                Some(underlined) => assert_eq!(refusal(duckdb).0, underlined, "{duckdb}"),
                None => assert_eq!(words(&transpile(duckdb).unwrap()), spark, "{duckdb}"),
            }
            seen += 1;
        }
        assert!(seen > 90, "{seen}");
    }

    #[test]
    fn conditions_become_sparks() {
        assert_eq!(
            predicate("\"change\" <> 'revised' or a is distinct from b").unwrap(),
            "`change` <> 'revised' OR a IS DISTINCT FROM b"
        );
        assert_eq!(predicate("100.0 * a / b > 1").unwrap(), "CAST(100.0 * a AS DOUBLE) / CAST(b AS DOUBLE) > 1");
        assert_eq!(predicate("a > 1 group").unwrap_err().span, 6..11);
    }

    #[test]
    fn a_refusal_says_where_and_what_to_write() {
        let sql = "select\n    región,\n    median(share) as middle\nfrom t";
        assert_eq!(
            refusal(sql),
            ("median".to_owned(), "`median` gives something else on Spark, or is not known there".to_owned())
        );
        let unknown = transpile("select avrg(a) as x from t").unwrap_err();
        assert_eq!(unknown.hint.as_deref(), Some("did you mean `avg`?"));
        assert_eq!(transpile("delete from t").unwrap_err().message, "expected one SELECT");
        assert!(transpile("select 'a").unwrap_err().message.starts_with("this is no SQL that Spark has, too"));
    }

    #[test]
    fn a_column_may_have_the_name_of_a_keyword() {
        assert_eq!(
            words(&transpile("select dataset, cluster, member from t").unwrap()),
            "SELECT dataset, cluster, member FROM t"
        );
    }
}
