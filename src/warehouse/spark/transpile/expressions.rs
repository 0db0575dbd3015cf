//! Values, functions, types and operators.

use std::ops::ControlFlow;

use sqlparser::ast::*;

use super::names::requote;
use super::{Flow, PORTABLE, Rewriter};
use crate::warehouse::spark::functions::{self, Rule};

impl Rewriter<'_> {
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

    pub(super) fn expression(&self, expression: &mut Expr) -> Flow {
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
