//! SELECTs and what they are made of, but for expressions.

use std::ops::ControlFlow;

use sqlparser::ast::*;
use sqlparser::tokenizer::Span;

use super::names::{requote, requote_parts};
use super::{Flow, PORTABLE, Rewriter};

impl Rewriter<'_> {
    pub(super) fn query(&self, query: &mut Query) -> Flow {
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

    pub(super) fn select(&self, select: &mut Select) -> Flow {
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

    pub(super) fn relation(&self, table: &mut TableFactor) -> Flow {
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

    pub(super) fn order(&self, order: &mut [OrderByExpr]) -> Flow {
        for one in order {
            if one.with_fill.is_some() || matches!(one.options.sort, Some(OrderBySort::Using(_))) {
                return self.refuse(one.expr.span(), "expected `order by` with `asc` or `desc`", PORTABLE);
            }
            one.options.nulls_first.get_or_insert(false);
        }
        ControlFlow::Continue(())
    }

    pub(super) fn window(&self, window: &mut WindowSpec, place: Span) -> Flow {
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
}

fn same(one: &Ident, other: &Ident) -> bool {
    one.value.eq_ignore_ascii_case(&other.value)
}
