//! Names in the quotes that Spark has for them.

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

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

pub(super) fn requote(name: &mut Ident) {
    if name.quote_style.is_some() || KEYWORDS.contains(&name.value.to_lowercase().as_str()) {
        // Between backticks one is written twice.
        if name.quote_style != Some('`') {
            name.value = name.value.replace('`', "``");
        }
        name.quote_style = Some('`');
    }
}

pub(super) fn requote_parts(name: &mut ObjectName) {
    for part in &mut name.0 {
        if let ObjectNamePart::Identifier(name) = part {
            requote(name);
        }
    }
}
