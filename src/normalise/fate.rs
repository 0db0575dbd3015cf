//! What becomes of a code of one dimension: the pipeline's rules, looked up once per distinct code.

use std::collections::HashMap;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::NormaliseError;
use crate::error::nearest;
use crate::spec::{CanonicalColumn, CodeRule, Codelists, Dimension, Edition, Pipeline, RELATION, substitute};

/// What becomes of one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stands for these canonical codes, in the order of [`Rules::columns`].
    Becomes(Vec<String>),
    /// A stated rule leaves its rows out.
    Filtered,
    /// No rule knows it.
    Unknown {
        /// Why, without the code itself, so that reasons can be counted.
        reason: String,
        /// The nearest known code.
        suggestion: Option<String>,
    },
}

/// The rules of one dimension, with the edition's variables filled in.
pub(super) struct Rules {
    /// The canonical columns that it gives.
    pub columns: Vec<CanonicalColumn>,
    name: String,
    require: Option<String>,
    code: CodeRule,
    codes: HashMap<String, Vec<String>>,
    /// Codes of a crosswalk that are not exactly another one: how they relate to which.
    related: HashMap<String, (String, String)>,
    /// The classification of all sectors, where it is the same for all.
    scheme: Option<String>,
    /// Whether a code outside `codes` may be a canonical code itself.
    identity: Option<CanonicalColumn>,
    drop: GlobSet,
}

/// The classification of a table's sectors, where it is the same for all.
pub(super) fn scheme(pipeline: &Pipeline, edition: &Edition) -> Option<String> {
    let is_scheme = |column: &CanonicalColumn| *column == CanonicalColumn::SectorScheme;
    let (_, value) = pipeline.constants.iter().find(|(column, _)| is_scheme(column.get_ref()))?;
    substitute(value.get_ref(), edition).ok()
}

impl Rules {
    pub fn new(
        name: &str,
        dimension: &Dimension,
        edition: &Edition,
        codelists: &Codelists,
        scheme: Option<&str>,
    ) -> Result<Self, NormaliseError> {
        let wrong = |message: String| NormaliseError::Rules { message };
        let fill = |text: &str| substitute(text, edition).map_err(|name| wrong(format!("`{{{name}}}` has no value")));
        let mut rules = Rules {
            columns: Vec::new(),
            name: name.to_owned(),
            require: dimension.require.as_deref().map(fill).transpose()?,
            code: dimension.code,
            codes: HashMap::new(),
            related: HashMap::new(),
            scheme: scheme.map(str::to_owned),
            identity: dimension.to.as_ref().map(|to| *to.get_ref()),
            drop: GlobSet::empty(),
        };
        rules.columns.extend(rules.identity);
        if let Some(crosswalk) = &dimension.crosswalk {
            let list = codelists
                .get(crosswalk.get_ref())
                .ok_or_else(|| wrong(format!("there is no crosswalk `{}`", crosswalk.get_ref())))?;
            let given = || list.columns.iter().enumerate().skip(1).filter(|(_, column)| *column != RELATION);
            rules.columns = given().filter_map(|(_, column)| CanonicalColumn::from_name(column)).collect();
            let relation = list.column(RELATION);
            for row in &list.rows {
                let becomes: Vec<String> = given().map(|(at, _)| row[at].clone()).collect();
                match relation.map(|at| row[at].as_str()) {
                    None | Some("equal") => {
                        rules.codes.insert(row[0].clone(), becomes);
                    }
                    Some(relation) => {
                        let other = becomes.first().cloned().unwrap_or_default();
                        rules.related.insert(row[0].clone(), (relation.to_owned(), other));
                    }
                }
            }
        }
        for mapping in &dimension.codes {
            let mapping = mapping.get_ref();
            if rules.columns.is_empty() {
                rules.columns = CanonicalColumn::ALL
                    .into_iter()
                    .filter(|column| mapping.becomes.contains_key(column.name()))
                    .collect();
            }
            let becomes = rules
                .columns
                .iter()
                .map(|column| mapping.becomes.get(column.name()).cloned())
                .collect::<Option<Vec<String>>>()
                .ok_or_else(|| wrong(format!("`{}` does not give every column of `{name}`", mapping.code)))?;
            rules.codes.insert(fill(&mapping.code)?, becomes);
        }
        let mut drop = GlobSetBuilder::new();
        for pattern in &dimension.drop {
            let glob = Glob::new(&fill(pattern.get_ref())?).map_err(|error| wrong(error.to_string()))?;
            drop.add(glob);
        }
        rules.drop = drop.build().map_err(|error| wrong(error.to_string()))?;
        Ok(rules)
    }

    /// The fate of one code as the source writes it.
    pub fn fate(&self, source: &str, codelists: &Codelists) -> Fate {
        let code = match self.code {
            CodeRule::Whole => source.trim(),
            CodeRule::FirstWord => source.split_whitespace().next().unwrap_or_default(),
        };
        if let Some(becomes) = self.codes.get(code) {
            return self.known(becomes.clone(), codelists);
        }
        if self.drop.is_match(code) {
            return Fate::Filtered;
        }
        if let Some(require) = &self.require {
            if code == require {
                return match self.identity {
                    Some(_) => self.known(vec![code.to_owned()], codelists),
                    None => Fate::Becomes(Vec::new()),
                };
            }
            return Fate::Unknown {
                reason: format!("`{}` is not the required `{require}`", self.name),
                suggestion: Some(require.clone()),
            };
        }
        let is_itself = |column| check(column, code, codelists, self.scheme.as_deref()).is_ok();
        if let Some((relation, other)) = self.related.get(code)
            && !self.identity.is_some_and(is_itself)
        {
            return Fate::Unknown {
                reason: format!("`{}` has a code that is not exactly another one ({relation})", self.name),
                suggestion: Some(other.clone()),
            };
        }
        if self.identity.is_some() {
            return self.known(vec![code.to_owned()], codelists);
        }
        Fate::Unknown {
            reason: format!("`{}` has a code that no rule knows", self.name),
            suggestion: nearest(code, self.codes.keys().map(String::as_str)).map(str::to_owned),
        }
    }

    /// Accepts canonical codes only if the codelists have them.
    fn known(&self, codes: Vec<String>, codelists: &Codelists) -> Fate {
        let own = self.columns.iter().position(|column| *column == CanonicalColumn::SectorScheme);
        let scheme = own.map(|at| codes[at].as_str()).or(self.scheme.as_deref());
        for (column, code) in self.columns.iter().zip(&codes) {
            if let Err((reason, suggestion)) = check(*column, code, codelists, scheme) {
                return Fate::Unknown { reason: format!("`{}` {reason}", self.name), suggestion };
            }
        }
        Fate::Becomes(codes)
    }
}

/// Whether a canonical column may hold the code; if not, why, and the nearest that it may hold. `scheme` is the
/// classification of sectors, where it is known.
pub(super) fn check(
    column: CanonicalColumn,
    code: &str,
    codelists: &Codelists,
    scheme: Option<&str>,
) -> Result<(), (String, Option<String>)> {
    match column {
        CanonicalColumn::TimePeriod if !is_time_period(code) => Err(("is no SDMX time period".into(), None)),
        CanonicalColumn::SectorScheme if !matches!(code, "NACE_R2" | "NACE_R2_1") => {
            Err(("is no version of NACE".into(), Some("NACE_R2".into())))
        }
        CanonicalColumn::TimePeriod | CanonicalColumn::SectorScheme => Ok(()),
        _ => {
            let name = column.codelist().unwrap_or_default();
            let Some(list) = codelists.get(name) else {
                return Err((format!("needs the codelist {name}.csv, which is missing"), None));
            };
            // A letter of NACE means another thing in each of its versions.
            let scheme = scheme.filter(|_| column == CanonicalColumn::Sector);
            match scheme {
                None if list.contains(code) => Ok(()),
                None => {
                    let near = nearest(code, list.codes()).map(str::to_owned);
                    Err((format!("has a code that is not in {name}.csv"), near))
                }
                Some(scheme) if list.contains_in(scheme, code) => Ok(()),
                Some(scheme) => {
                    let near = nearest(code, list.codes_in(scheme)).map(str::to_owned);
                    Err((format!("has a code that is not in {name}.csv for {scheme}"), near))
                }
            }
        }
    }
}

/// `2025`, `2025-S1`, `2025-Q1`, `2025-03`, `2025-W07`, `2025-03-01` (SDMX 2.1, section 4.2 of its technical notes,
/// as far as statistics of enterprises use it).
fn is_time_period(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits =
        |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    if bytes.len() < 4 || !digits(0..4) {
        return false;
    }
    match &bytes[4..] {
        [] => true,
        [b'-', b'S', half] => matches!(half, b'1'..=b'2'),
        [b'-', b'Q', quarter] => matches!(quarter, b'1'..=b'4'),
        [b'-', b'W', _, _] => digits(6..8),
        [b'-', _, _] => {
            matches!(&text[5..7], "01" | "02" | "03" | "04" | "05" | "06" | "07" | "08" | "09" | "10" | "11" | "12")
        }
        [b'-', _, _, b'-', _, _] => text.parse::<jiff::civil::Date>().is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_time_period;

    #[test]
    fn time_periods_are_recognised() {
        for good in ["2025", "2025-Q1", "2025-S2", "2025-03", "2025-W07", "2025-03-31"] {
            assert!(is_time_period(good), "{good}");
        }
        for bad in ["", "25", "2025-13", "2025-Q5", "2025T1", "2025-02-30", "2025-1ñ"] {
            assert!(!is_time_period(bad), "{bad}");
        }
    }
}
