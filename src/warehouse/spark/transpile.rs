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

use std::any::TypeId;
use std::fmt;
use std::ops::{ControlFlow, Range};

use sqlparser::ast::*;
use sqlparser::dialect::{Dialect, DuckDbDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Span, Token, Tokenizer};

use super::functions::{self, Rule};

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

/// Byte of a place, which counts lines and characters from 1.
fn offset(text: &str, place: Location) -> usize {
    let lines = usize::try_from(place.line).unwrap_or(usize::MAX).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(lines).map(str::len).sum();
    let characters = usize::try_from(place.column).unwrap_or(usize::MAX).saturating_sub(1);
    let line = &text[start..];
    start + line.char_indices().nth(characters).map_or(line.len(), |(at, _)| at)
}

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

    fn order(&self, order: &mut [OrderByExpr]) -> Flow {
        for one in order {
            if one.with_fill.is_some() || matches!(one.options.sort, Some(OrderBySort::Using(_))) {
                return self.refuse(one.expr.span(), "expected `order by` with `asc` or `desc`", PORTABLE);
            }
            one.options.nulls_first.get_or_insert(false);
        }
        ControlFlow::Continue(())
    }

    fn window(&self, window: &mut WindowSpec, place: Span) -> Flow {
        if let Some(name) = &mut window.window_name {
            requote(name);
        }
        if window.window_frame.as_ref().is_some_and(|frame| matches!(frame.units, WindowFrameUnits::Groups)) {
            let place = self.word(place, "groups");
            return self.refuse(place, "expected a frame of `rows` or `range`, found `groups`", PORTABLE);
        }
        self.order(&mut window.order_by)
    }

    fn alias(&self, alias: &mut TableAlias) -> Flow {
        requote(&mut alias.name);
        alias.columns.iter_mut().for_each(|column| requote(&mut column.name));
        ControlFlow::Continue(())
    }

    fn query(&self, query: &mut Query) -> Flow {
        let place = query.span();
        if let Some(with) = &mut query.with {
            if with.recursive {
                let place = self.word(with.with_token.0.span, "recursive");
                return self.refuse(
                    place,
                    "expected `with`, found `with recursive`",
                    "join as often as there are levels",
                );
            }
            for table in &mut with.cte_tables {
                self.alias(&mut table.alias)?;
                // Each engine decides by itself; the rows are the same.
                table.materialized = None;
            }
        }
        self.set(&query.body, place)?;
        match query.order_by.as_mut().map(|order| &mut order.kind) {
            Some(OrderByKind::Expressions(order)) => self.order(order)?,
            Some(OrderByKind::All(_)) => {
                return self.refuse(
                    self.word(place, "all"),
                    "expected columns, found `order by all`",
                    "name the columns",
                );
            }
            None => {}
        }
        if let Some(limit) = &query.limit_clause {
            if query.order_by.is_none() {
                let place = self.word(place, "limit");
                return self.refuse(
                    place,
                    "expected an order, found `limit` without one",
                    "say which rows: `order by`",
                );
            }
            if !matches!(limit, LimitClause::LimitOffset { limit_by, .. } if limit_by.is_empty()) {
                return self.refuse(self.word(place, "limit"), "expected `limit` and `offset`", PORTABLE);
            }
        }
        let odd = query.fetch.is_some()
            || !query.locks.is_empty()
            || query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty();
        if odd { self.refuse(place, "expected a plain SELECT", PORTABLE) } else { ControlFlow::Continue(()) }
    }

    fn set(&self, body: &SetExpr, place: Span) -> Flow {
        match body {
            SetExpr::Select(_) | SetExpr::Query(_) => ControlFlow::Continue(()),
            SetExpr::SetOperation { left, set_quantifier, right, .. } => {
                use SetQuantifier::{AllByName, ByName, DistinctByName};
                if matches!(set_quantifier, ByName | AllByName | DistinctByName) {
                    let place = self.word(place, "name");
                    return self.refuse(
                        place,
                        "expected `union` or `union all`, found `by name`",
                        "name the columns in order",
                    );
                }
                self.set(left, place)?;
                self.set(right, place)
            }
            SetExpr::Values(_) => {
                self.refuse(place, "expected SELECT, found `values`", "write `select … union all select …`")
            }
            _ => self.refuse(place, "expected SELECT", PORTABLE),
        }
    }

    fn select(&self, select: &mut Select) -> Flow {
        let place = select.select_token.0.span;
        if select.flavor != SelectFlavor::Standard {
            return self.refuse(select.span(), "expected SELECT, found `from` first", "write `select … from …`");
        }
        if let Some(Distinct::On(columns)) = &select.distinct {
            let place = columns.first().map_or(place, |column| column.span());
            return self.refuse(
                place,
                "expected `distinct`, found `distinct on`",
                "number the rows with `row_number()` and take the first",
            );
        }
        if let Some(qualify) = &select.qualify {
            let place = self.word(place, "qualify").union(&qualify.span());
            return self.refuse(
                place,
                "expected `where`, found `qualify`",
                "give the window function a name in a subquery and ask there",
            );
        }
        let odd = !select.optimizer_hints.is_empty()
            || select.select_modifiers.is_some()
            || select.top.is_some()
            || select.exclude.is_some()
            || select.into.is_some()
            || !select.lateral_views.is_empty()
            || select.prewhere.is_some()
            || !select.connect_by.is_empty()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty()
            || select.value_table_mode.is_some();
        if odd {
            return self.refuse(select.span(), "expected a plain SELECT", PORTABLE);
        }
        let groups: &[Expr] = match &select.group_by {
            GroupByExpr::All(_) => {
                let place = self.word(self.word(place, "group"), "all");
                return self.refuse(place, "expected columns, found `group by all`", "name the columns");
            }
            GroupByExpr::Expressions(columns, modifiers) => {
                if !modifiers.is_empty() {
                    return self.refuse(select.span(), "expected `group by` with columns alone", PORTABLE);
                }
                columns
            }
        };
        for item in &select.projection {
            // A name that is a column and an alias at once is each engine's own choice.
            let SelectItem::ExprWithAlias { expr, alias } = item else { continue };
            let is_itself = match expr {
                Expr::Identifier(name) => same(name, alias),
                Expr::CompoundIdentifier(names) => names.last().is_some_and(|name| same(name, alias)),
                _ => false,
            };
            let named = groups.iter().find(|group| matches!(group, Expr::Identifier(name) if same(name, alias)));
            if let Some(named) = named.filter(|_| !is_itself) {
                return self.refuse(
                    named.span(),
                    format!("expected columns in `group by`, found `{}`, which the SELECT names", alias.value),
                    "repeat the expression, or give it its name in a subquery",
                );
            }
        }
        for item in &mut select.projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => requote(alias),
                SelectItem::UnnamedExpr(_) => {}
                SelectItem::Wildcard(options) => self.wildcard(options)?,
                SelectItem::QualifiedWildcard(kind, options) => {
                    if let SelectItemQualifiedWildcardKind::ObjectName(name) = kind {
                        requote_parts(name);
                    }
                    self.wildcard(options)?;
                }
                SelectItem::ExprWithAliases { expr, .. } => {
                    return self.refuse(expr.span(), "expected one name for an expression", PORTABLE);
                }
            }
        }
        for table in &mut select.from {
            for join in &mut table.joins {
                self.join(join)?;
            }
        }
        for NamedWindowDefinition(name, window) in &mut select.named_window {
            requote(name);
            match window {
                NamedWindowExpr::WindowSpec(window) => self.window(window, name.span)?,
                NamedWindowExpr::NamedWindow(name) => requote(name),
            }
        }
        ControlFlow::Continue(())
    }

    fn wildcard(&self, options: &WildcardAdditionalOptions) -> Flow {
        let odd = options.opt_ilike.is_some()
            || options.opt_exclude.is_some()
            || options.opt_except.is_some()
            || options.opt_replace.is_some()
            || options.opt_rename.is_some()
            || options.opt_alias.is_some();
        if odd {
            let place = options.span();
            return self.refuse(
                place,
                "expected `*`, found one with `exclude`, `replace` or the like",
                "name the columns",
            );
        }
        ControlFlow::Continue(())
    }

    fn join(&self, join: &Join) -> Flow {
        use JoinOperator::{CrossJoin, FullOuter, Inner, Join as Plain, Left, LeftOuter, Right, RightOuter};
        let place = join.relation.span();
        let constraint = match &join.join_operator {
            Plain(constraint)
            | Inner(constraint)
            | Left(constraint)
            | LeftOuter(constraint)
            | Right(constraint)
            | RightOuter(constraint)
            | FullOuter(constraint)
            | CrossJoin(constraint) => constraint,
            JoinOperator::AsOf { .. } => {
                return self.refuse(
                    place,
                    "expected a join, found `asof join`",
                    "join on the range and number the rows with `row_number()`",
                );
            }
            _ => return self.refuse(place, "expected an inner, left, right, full or cross join", PORTABLE),
        };
        match constraint {
            JoinConstraint::On(_) | JoinConstraint::None => ControlFlow::Continue(()),
            _ => {
                let message = "expected `on`, found `using` or `natural`";
                self.refuse(place, message, "the engines put the columns in another order: write `on a.x = b.x`")
            }
        }
    }

    fn relation(&self, table: &mut TableFactor) -> Flow {
        let place = table.span();
        match table {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                json_path: None,
                sample: None,
                index_directives,
                inheritance: None,
            } if with_hints.is_empty() && partitions.is_empty() && index_directives.is_empty() => {
                requote_parts(name);
                alias.as_mut().map_or(ControlFlow::Continue(()), |alias| self.alias(alias))
            }
            TableFactor::Derived { lateral: false, alias, sample: None, .. } => {
                alias.as_mut().map_or(ControlFlow::Continue(()), |alias| self.alias(alias))
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => table_with_joins
                .joins
                .iter()
                .try_for_each(|join| match self.join(join) {
                    ControlFlow::Continue(()) => Ok(()),
                    ControlFlow::Break(refusal) => Err(refusal),
                })
                .map_or_else(ControlFlow::Break, |()| ControlFlow::Continue(())),
            _ => self.refuse(place, "expected a table or a subquery", PORTABLE),
        }
    }

    fn value(&self, value: &mut ValueWithSpan) -> Flow {
        match &value.value {
            Value::Number(_, false) | Value::Boolean(_) | Value::Null => ControlFlow::Continue(()),
            Value::SingleQuotedString(text) => {
                // A placeholder is written as it stands.
                value.value = Value::Placeholder(literal(text));
                ControlFlow::Continue(())
            }
            _ => self.refuse(value.span, "expected a number, or a text in single quotes", PORTABLE),
        }
    }

    fn function(&self, call: &mut Function) -> Flow {
        let name = call.name.to_string();
        let place = call.name.span();
        let Some(rule) = functions::rule(&name) else {
            let near = crate::error::nearest(&name.to_lowercase(), functions::allowed());
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "what was tried on both engines is listed in docs/MODELS.md".to_owned(),
            };
            return self.refuse(
                place,
                format!("expected a function that gives the same on Spark, found `{name}`"),
                hint,
            );
        };
        if let Rule::Refused(hint) = rule {
            return self.refuse(place, format!("`{name}` gives something else on Spark, or is not known there"), hint);
        }
        if !matches!(call.parameters, FunctionArguments::None) || call.uses_odbc_syntax || call.null_treatment.is_some()
        {
            return self.refuse(place, format!("expected `{name}` with plain arguments"), PORTABLE);
        }
        match &mut call.over {
            Some(WindowType::WindowSpec(window)) => self.window(window, place)?,
            Some(WindowType::NamedWindow(name)) => requote(name),
            None => {}
        }
        let FunctionArguments::List(list) = &mut call.args else {
            return self.refuse(place, format!("expected `{name}` with arguments in brackets"), PORTABLE);
        };
        for argument in &list.args {
            let is_plain = match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(_)) => true,
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => name.eq_ignore_ascii_case("count"),
                _ => false,
            };
            if !is_plain {
                return self.refuse(place, format!("expected `{name}` with plain arguments"), PORTABLE);
            }
        }
        if name.eq_ignore_ascii_case("count") && list.args.len() > 1 {
            return self.refuse(
                place,
                "expected one argument of `count`, found several",
                "count the rows of a `select distinct`",
            );
        }
        match rule {
            Rule::JoinTexts => {
                let is_distinct = list.duplicate_treatment.is_some();
                let order = list.clauses.iter_mut().find_map(|clause| match clause {
                    FunctionArgumentClause::OrderBy(order) => Some(std::mem::take(order)),
                    _ => None,
                });
                let hint = "write `string_agg(text, ' ' order by …)`, over a `select distinct` if need be";
                if is_distinct || list.args.len() != 2 || list.clauses.len() > 1 || call.over.is_some() {
                    return self.refuse(place, format!("expected `{name}` of a text and a separator"), hint);
                }
                let Some(mut order) =
                    order.or_else(|| Some(std::mem::take(&mut call.within_group))).filter(|order| !order.is_empty())
                else {
                    return self.refuse(place, format!("expected `{name}` with an order, found none"), hint);
                };
                self.order(&mut order)?;
                list.clauses.clear();
                call.within_group = order;
                rename(&mut call.name, "listagg");
            }
            _ if !list.clauses.is_empty() || !call.within_group.is_empty() => {
                return self.refuse(place, format!("expected `{name}` without an order of its own"), PORTABLE);
            }
            Rule::Average => {
                if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))) = list.args.first_mut() {
                    to_double(argument);
                }
            }
            Rule::Named(other) => rename(&mut call.name, other),
            Rule::Same | Rule::Refused(_) => {}
        }
        ControlFlow::Continue(())
    }

    fn expression(&self, expression: &mut Expr) -> Flow {
        let place = expression.span();
        match expression {
            Expr::Identifier(name) => {
                requote(name);
                ControlFlow::Continue(())
            }
            Expr::CompoundIdentifier(names) => {
                names.iter_mut().for_each(requote);
                ControlFlow::Continue(())
            }
            Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::In { target: InTarget::List(_) | InTarget::Subquery(_), global: false, .. }
            | Expr::Between { .. }
            | Expr::Nested(_)
            | Expr::Case { .. }
            | Expr::Exists { .. }
            | Expr::Subquery(_)
            | Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::Minus | UnaryOperator::Plus, .. } => {
                ControlFlow::Continue(())
            }
            Expr::Value(value) => self.value(value),
            Expr::BinaryOp { left, op, right } => {
                use BinaryOperator::{
                    And, Divide, Eq, Gt, GtEq, Lt, LtEq, Minus, Modulo, Multiply, NotEq, Or, Plus, StringConcat,
                };
                match op {
                    And | Eq | Gt | GtEq | Lt | LtEq | Minus | Modulo | Multiply | NotEq | Or | Plus | StringConcat => {
                        ControlFlow::Continue(())
                    }
                    Divide => {
                        to_double(left);
                        to_double(right);
                        ControlFlow::Continue(())
                    }
                    _ => {
                        let message = format!("expected arithmetic or a comparison, found `{op}`");
                        self.refuse(place, message, "whole numbers: `cast((a - a % b) as double) / b`; texts: `like`")
                    }
                }
            }
            Expr::Like { any: false, pattern, escape_char: None, .. }
            | Expr::ILike { any: false, pattern, escape_char: None, .. } => match pattern.as_ref() {
                Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) if !text.contains('\\') => {
                    ControlFlow::Continue(())
                }
                _ => self.refuse(
                    pattern.span(),
                    "expected a pattern in quotes, without a backslash",
                    "a backslash takes away the meaning of `%` and `_` on Spark only: use `contains` or `starts_with`",
                ),
            },
            Expr::Cast { kind, data_type, format: None, .. } => {
                let Some(spark) = spark_type(data_type) else {
                    let message = format!("expected a type that both engines have, found `{data_type}`");
                    return self.refuse(place, message, TYPES);
                };
                *data_type = spark;
                match kind {
                    CastKind::DoubleColon => *kind = CastKind::Cast,
                    CastKind::SafeCast => *kind = CastKind::TryCast,
                    CastKind::Cast | CastKind::TryCast => {}
                }
                ControlFlow::Continue(())
            }
            Expr::Substring { substring_from: Some(from), substring_for, .. } => {
                let counts = |number: &Expr, least: u64| match number {
                    Expr::Value(ValueWithSpan { value: Value::Number(text, _), .. }) => {
                        text.parse::<u64>().is_ok_and(|number| number >= least)
                    }
                    _ => false,
                };
                match counts(from, 1) && substring_for.as_ref().is_none_or(|length| counts(length, 0)) {
                    true => ControlFlow::Continue(()),
                    false => self.refuse(
                        place,
                        "expected `substring` from a number of 1 or more",
                        "before the first character the engines count differently",
                    ),
                }
            }
            Expr::Trim { trim_characters: None, .. } => ControlFlow::Continue(()),
            Expr::Function(call) => self.function(call),
            Expr::TypedString(TypedString { data_type: DataType::Date, .. }) => {
                self.refuse(place, "expected `cast('…' as date)`, found a date in quotes", "write the cast")
            }
            Expr::Lambda(_)
            | Expr::Array(_)
            | Expr::Struct { .. }
            | Expr::Dictionary(_)
            | Expr::Map(_)
            | Expr::CompoundFieldAccess { .. } => {
                self.refuse(place, "expected a value, found a list or a part of one", PORTABLE)
            }
            _ => self.refuse(place, "this is not known to mean the same on Spark", PORTABLE),
        }
    }
}

const TYPES: &str =
    "both have varchar, boolean, tinyint, smallint, integer, bigint, double, decimal(p, s), date and timestamp";

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

fn same(one: &Ident, other: &Ident) -> bool {
    one.value.eq_ignore_ascii_case(&other.value)
}

/// Names that Spark reads as something else where a table's name is expected.
const KEYWORDS: [&str; 20] = [
    "anti",
    "cross",
    "except",
    "exists",
    "for",
    "full",
    "inner",
    "intersect",
    "join",
    "lateral",
    "left",
    "minus",
    "natural",
    "on",
    "right",
    "semi",
    "setminus",
    "union",
    "using",
    "values",
];

fn requote(name: &mut Ident) {
    if name.quote_style.is_some() || KEYWORDS.contains(&name.value.to_lowercase().as_str()) {
        // Between backticks one is written twice.
        if name.quote_style != Some('`') {
            name.value = name.value.replace('`', "``");
        }
        name.quote_style = Some('`');
    }
}

fn requote_parts(name: &mut ObjectName) {
    for part in &mut name.0 {
        if let ObjectNamePart::Identifier(name) = part {
            requote(name);
        }
    }
}

fn rename(name: &mut ObjectName, to: &str) {
    *name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(to))]);
}

/// A text as Spark writes it.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn to_double(expression: &mut Expr) {
    let is_double =
        |kind: &DataType| matches!(kind, DataType::Double(_) | DataType::DoublePrecision | DataType::Float8);
    let mut inner = &*expression;
    while let Expr::Nested(within) = inner {
        inner = within;
    }
    if matches!(inner, Expr::Cast { kind: CastKind::Cast, data_type, .. } if is_double(data_type)) {
        return;
    }
    let taken = std::mem::replace(expression, Expr::value(Value::Null));
    let taken = match taken {
        Expr::Nested(within) => within,
        other => Box::new(other),
    };
    *expression = Expr::Cast {
        kind: CastKind::Cast,
        expr: taken,
        data_type: DataType::Double(ExactNumberInfo::None),
        format: None,
    };
}

/// The same type in Spark.
fn spark_type(kind: &DataType) -> Option<DataType> {
    Some(match kind {
        DataType::Varchar(None) | DataType::Text | DataType::String(None) | DataType::Char(None) => {
            DataType::String(None)
        }
        DataType::Boolean | DataType::Bool => DataType::Boolean,
        DataType::TinyInt(None) => DataType::TinyInt(None),
        DataType::SmallInt(None) | DataType::Int2(None) => DataType::SmallInt(None),
        DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => DataType::Int(None),
        DataType::BigInt(None) | DataType::Int8(None) => DataType::BigInt(None),
        DataType::Double(ExactNumberInfo::None) | DataType::DoublePrecision | DataType::Float8 => {
            DataType::Double(ExactNumberInfo::None)
        }
        DataType::Decimal(ExactNumberInfo::None) | DataType::Numeric(ExactNumberInfo::None) => {
            DataType::Decimal(ExactNumberInfo::PrecisionAndScale(18, 3))
        }
        DataType::Decimal(digits) | DataType::Numeric(digits) => DataType::Decimal(*digits),
        DataType::Date => DataType::Date,
        DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) | DataType::Datetime(None) => {
            DataType::Custom(ObjectName(vec![ObjectNamePart::Identifier(Ident::new("TIMESTAMP_NTZ"))]), Vec::new())
        }
        _ => return None,
    })
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
