//! The functions that models may call on both engines, and what Spark calls them.

/// How a function is written for Spark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// The same name gives the same.
    Same,
    /// Another name gives the same.
    Named(&'static str),
    /// `avg`: of decimals Spark gives a decimal, DuckDB a double.
    Average,
    /// `string_agg(text, separator order by …)`
    JoinTexts,
    /// It would mean something else, or is not known there: what to write.
    Refused(&'static str),
}

const RANK: &str = "number the rows with `row_number() over (… order by …)`, down to the grain, and take the first";
const DATES: &str = "cut the text of the period with `substring`, or cast to a date";
const LISTS: &str = "lists differ: join with a table, or use `string_agg`";
const REGULAR: &str = "the engines' regular expressions differ: use `like`, `split_part` or `substring`";

/// Functions of which `tests/cluster/dialect.tsv` has an example each, and frequent ones that differ.
const FUNCTIONS: [(&str, Rule); 90] = [
    ("abs", Rule::Same),
    ("any_value", Rule::Refused(RANK)),
    ("arg_max", Rule::Refused(RANK)),
    ("arg_min", Rule::Refused(RANK)),
    ("array_agg", Rule::Refused(LISTS)),
    ("avg", Rule::Average),
    ("bool_and", Rule::Same),
    ("bool_or", Rule::Same),
    ("coalesce", Rule::Same),
    ("concat", Rule::Refused("of a null Spark makes null and DuckDB nothing: write `||` with `coalesce`")),
    ("concat_ws", Rule::Same),
    ("contains", Rule::Same),
    ("count", Rule::Same),
    ("count_if", Rule::Same),
    ("cume_dist", Rule::Same),
    ("date_diff", Rule::Refused(DATES)),
    ("date_part", Rule::Refused(DATES)),
    ("date_trunc", Rule::Refused(DATES)),
    ("datediff", Rule::Refused(DATES)),
    ("day", Rule::Same),
    ("dense_rank", Rule::Same),
    ("ends_with", Rule::Named("endswith")),
    ("epoch", Rule::Refused(DATES)),
    ("exp", Rule::Same),
    ("first", Rule::Refused(RANK)),
    ("first_value", Rule::Same),
    ("format", Rule::Refused("write `||` with casts")),
    ("greatest", Rule::Same),
    ("group_concat", Rule::JoinTexts),
    ("hash", Rule::Refused("each engine has hashes of its own")),
    ("if", Rule::Refused("write `case when … then … else … end`")),
    ("ifnull", Rule::Same),
    ("json_extract", Rule::Refused("models read columns, not JSON")),
    ("lag", Rule::Same),
    ("last", Rule::Refused(RANK)),
    ("last_value", Rule::Same),
    ("lead", Rule::Same),
    ("least", Rule::Same),
    ("left", Rule::Same),
    ("len", Rule::Named("length")),
    ("length", Rule::Same),
    ("list", Rule::Refused(LISTS)),
    ("list_aggregate", Rule::Refused(LISTS)),
    ("list_transform", Rule::Refused(LISTS)),
    ("list_value", Rule::Refused(LISTS)),
    ("listagg", Rule::JoinTexts),
    ("ln", Rule::Same),
    ("log", Rule::Refused("DuckDB's is to base 10, Spark's is the natural one: write `ln` or `log10`")),
    ("log10", Rule::Same),
    ("lower", Rule::Same),
    ("lpad", Rule::Same),
    ("ltrim", Rule::Same),
    ("make_date", Rule::Same),
    ("max", Rule::Same),
    ("max_by", Rule::Refused(RANK)),
    ("median", Rule::Refused("number the rows by the value and take the middle ones")),
    ("min", Rule::Same),
    ("min_by", Rule::Refused(RANK)),
    ("mod", Rule::Same),
    ("mode", Rule::Refused("of equally frequent values each engine takes another: count, and number the counts")),
    ("month", Rule::Same),
    ("nullif", Rule::Same),
    ("percent_rank", Rule::Same),
    ("pow", Rule::Same),
    ("power", Rule::Same),
    ("printf", Rule::Refused("write `||` with casts")),
    ("quantile", Rule::Refused("number the rows by the value and take the one wanted")),
    ("quantile_cont", Rule::Refused("number the rows by the value and take the ones wanted")),
    ("rank", Rule::Same),
    ("regexp_extract", Rule::Refused(REGULAR)),
    ("regexp_full_match", Rule::Refused(REGULAR)),
    ("regexp_matches", Rule::Refused(REGULAR)),
    ("regexp_replace", Rule::Refused(REGULAR)),
    ("replace", Rule::Same),
    ("right", Rule::Same),
    ("round", Rule::Same),
    ("row_number", Rule::Same),
    ("rpad", Rule::Same),
    ("rtrim", Rule::Same),
    ("sign", Rule::Same),
    ("split_part", Rule::Same),
    ("sqrt", Rule::Same),
    ("starts_with", Rule::Named("startswith")),
    ("strftime", Rule::Refused(DATES)),
    ("string_agg", Rule::JoinTexts),
    ("strptime", Rule::Refused(DATES)),
    ("sum", Rule::Same),
    ("unnest", Rule::Refused(LISTS)),
    ("upper", Rule::Same),
    ("year", Rule::Same),
];

/// The rule of a function; none of one that was never tried.
pub(super) fn rule(name: &str) -> Option<Rule> {
    let name = name.to_lowercase();
    FUNCTIONS.binary_search_by(|(other, _)| other.cmp(&name.as_str())).ok().map(|at| FUNCTIONS[at].1)
}

/// Names that may be called, for "did you mean".
pub(super) fn allowed() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().filter(|(_, rule)| !matches!(rule, Rule::Refused(_))).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::FUNCTIONS;

    #[test]
    fn functions_are_in_order() {
        assert!(FUNCTIONS.is_sorted_by(|one, next| one.0 < next.0));
    }
}
