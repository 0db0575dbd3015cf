//! `pipelines/<source>__<dataset>.toml`: one source each. pipelines/README.md tells how to write one.
//!
//! Reading has two steps: the TOML into the shape below (unknown keys are errors), then
//! [`validate`], which looks up what only the whole can tell: that every canonical column is given
//! exactly once, that codelists, crosswalks and `{variables}` exist. Both underline the place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{Codelists, SpecError};
use crate::decode::Format;
use crate::disk;
use crate::error::{Snippet, nearest};

/// One source: what to ask for, how its bytes are read, and what each of its dimensions becomes.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// The file's stem: its one identifier everywhere.
    #[serde(skip)]
    pub id: String,
    /// The source's title.
    pub title: String,
    /// Observations or memberships.
    pub kind: Kind,
    /// Who publishes the data.
    pub publisher: String,
    /// Licence of the data.
    pub licence: String,
    /// How the publisher wants to be named.
    pub attribution: String,
    /// `[request]`
    pub request: RequestSpec,
    /// `[[editions]]`: one table of the source each, with the variables that differ between them.
    pub editions: Vec<Spanned<Edition>>,
    /// `[decode]`
    pub decode: DecodeSpec,
    /// `[constants]`: canonical columns that the source does not have.
    #[serde(default)]
    pub constants: BTreeMap<Spanned<CanonicalColumn>, Spanned<String>>,
    /// `[dimensions.<name>]`: the fate of each dimension of the source.
    #[serde(default)]
    pub dimensions: BTreeMap<Spanned<String>, Dimension>,
    /// `[members]`: for memberships, what the columns mean.
    #[serde(default)]
    pub members: Option<Members>,
    /// `[quality]`
    #[serde(default)]
    pub quality: Quality,
}

/// What a pipeline delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Statistics.
    Observations,
    /// A register of members.
    Memberships,
}

/// `[request]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RequestSpec {
    /// The documented address; `{dataset}` and other variables of the edition are filled in.
    pub url: Spanned<String>,
}

/// One table of a source: `dataset`, and whatever else differs from edition to edition.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Edition {
    /// The source's table id.
    pub dataset: String,
    /// Further variables, usable as `{name}` in `url`, `constants` and the rules of dimensions.
    #[serde(flatten)]
    pub variables: BTreeMap<String, String>,
}

/// `[decode]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DecodeSpec {
    /// The format.
    pub format: Format,
    /// Character encoding, where it is not UTF-8.
    #[serde(default)]
    pub encoding: Option<String>,
    /// Decimal mark, where the format does not fix it.
    #[serde(default)]
    pub decimal: Option<char>,
    /// Field separator, where the format does not fix it.
    #[serde(default)]
    pub separator: Option<char>,
}

/// The columns of a canonical observation that come from dimensions (DESIGN 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CanonicalColumn {
    /// What is measured.
    Indicator,
    /// Where: NUTS 2024 or country code.
    Region,
    /// Economic activity of the enterprises.
    Sector,
    /// Classification of the sector code.
    SectorScheme,
    /// Persons employed.
    SizeClass,
    /// Unit, with a percentage's universe.
    Unit,
    /// SDMX time.
    TimePeriod,
}

impl CanonicalColumn {
    /// All, in the order of the lake.
    pub const ALL: [CanonicalColumn; 7] = [
        CanonicalColumn::Indicator,
        CanonicalColumn::Region,
        CanonicalColumn::Sector,
        CanonicalColumn::SectorScheme,
        CanonicalColumn::SizeClass,
        CanonicalColumn::Unit,
        CanonicalColumn::TimePeriod,
    ];

    /// Its name in the lake.
    pub fn name(self) -> &'static str {
        match self {
            CanonicalColumn::Indicator => "indicator",
            CanonicalColumn::Region => "region",
            CanonicalColumn::Sector => "sector",
            CanonicalColumn::SectorScheme => "sector_scheme",
            CanonicalColumn::SizeClass => "size_class",
            CanonicalColumn::Unit => "unit",
            CanonicalColumn::TimePeriod => "time_period",
        }
    }

    /// The codelist of its codes; none where a rule takes its place.
    pub fn codelist(self) -> Option<&'static str> {
        match self {
            CanonicalColumn::Indicator => Some("indicators"),
            CanonicalColumn::Region => Some("regions"),
            CanonicalColumn::Sector => Some("sectors"),
            CanonicalColumn::SizeClass => Some("size_classes"),
            CanonicalColumn::Unit => Some("units"),
            CanonicalColumn::SectorScheme | CanonicalColumn::TimePeriod => None,
        }
    }

    /// The column of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }
}

/// The fate of one dimension of the source.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// Other names that the source has used for it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// It must have this one value; any other is quarantined.
    #[serde(default)]
    pub require: Option<String>,
    /// Its codes are codes of this canonical column.
    #[serde(default)]
    pub to: Option<Spanned<CanonicalColumn>>,
    /// Its codes are looked up in the first column of this crosswalk, whose others are canonical columns.
    #[serde(default)]
    pub crosswalk: Option<Spanned<String>>,
    /// What of the source's text is the code.
    #[serde(default)]
    pub code: CodeRule,
    /// Codes with what they become.
    #[serde(default)]
    pub codes: Vec<Spanned<CodeMapping>>,
    /// Patterns (`*`, `?`) of codes that are left out by this stated rule, unless `codes` names them.
    #[serde(default)]
    pub drop: Vec<Spanned<String>>,
}

/// What of the source's text is the code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeRule {
    /// All of it.
    #[default]
    Whole,
    /// What stands before the first blank, as in `E.1 % of companies …`.
    FirstWord,
}

/// One code of the source and the canonical codes that it stands for.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct CodeMapping {
    /// The source's code.
    pub code: String,
    /// Canonical column → code.
    #[serde(flatten)]
    pub becomes: BTreeMap<String, String>,
}

/// `[members]`: what the columns of a membership export mean. Columns that are not named are not decoded.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// The cluster.
    pub cluster: String,
    /// Classification of the activity codes: `CNAE-2009`, which is NACE Rev. 2 down to four digits.
    pub activity_scheme: ActivityScheme,
    /// Form of the dates, such as `%d/%m/%Y`.
    pub date_format: String,
    /// Column with the member's name.
    pub name: String,
    /// Column with the tax number.
    pub nif: String,
    /// Column with the activity code.
    pub activity: String,
    /// Column with the municipality's name.
    pub municipality: String,
    /// Column with the postal code, from which a region is known when the municipality is not.
    #[serde(default)]
    pub postal_code: Option<String>,
    /// Column with the number or band of employees.
    pub employees: String,
    /// Column with the day of joining.
    pub joined: String,
    /// Column with the day of leaving.
    pub left: String,
    /// Column with the website.
    #[serde(default)]
    pub website: Option<String>,
    /// Rows whose name is one of these are no members (totals).
    #[serde(default)]
    pub drop_names: Vec<String>,
}

/// Classification of a membership export's activity codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum ActivityScheme {
    /// CNAE-2009.
    #[serde(rename = "CNAE-2009")]
    Cnae2009,
}

impl Members {
    /// The allow-list: the columns that are decoded.
    pub fn columns(&self) -> Vec<String> {
        let mut columns = vec![self.name.clone(), self.nif.clone(), self.activity.clone(), self.municipality.clone()];
        columns.extend(self.postal_code.clone());
        columns.extend([self.employees.clone(), self.joined.clone(), self.left.clone()]);
        columns.extend(self.website.clone());
        columns
    }
}

/// `[quality]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// Share of decoded rows, 0 to 1, that may go to quarantine; above it the dataset is not loaded.
    pub max_quarantined_share: f64,
    /// Share of the known observations, 0 to 1, that a new snapshot may no longer have.
    #[serde(default = "most_withdrawn")]
    pub max_withdrawn_share: f64,
    /// Fewer rows than this, after normalising, are not believed.
    #[serde(default = "one")]
    pub min_rows: u64,
}

impl Default for Quality {
    fn default() -> Self {
        Quality { max_quarantined_share: 0.01, max_withdrawn_share: most_withdrawn(), min_rows: one() }
    }
}

fn most_withdrawn() -> f64 {
    0.3
}

fn one() -> u64 {
    1
}

/// All pipelines of a project, in the order of their names.
#[derive(Debug, Clone, Default)]
pub struct Pipelines {
    /// The pipelines.
    pub all: Vec<Pipeline>,
}

impl Pipelines {
    /// Reads and validates every TOML file in the folder.
    pub fn load(folder: &Path, codelists: &Codelists) -> Result<Self, SpecError> {
        let mut all = Vec::new();
        for name in disk::list(folder)? {
            if let Some(stem) = name.strip_suffix(".toml") {
                let path = folder.join(&name);
                let text = disk::read_text(&path)?;
                all.push(parse(&path, stem, &text, codelists)?);
            }
        }
        Ok(Pipelines { all })
    }

    /// The named ones, or all when none is named.
    pub fn select(&self, names: &[String]) -> Result<Vec<Pipeline>, SpecError> {
        if names.is_empty() {
            return Ok(self.all.clone());
        }
        let ids = || self.all.iter().map(|pipeline| pipeline.id.as_str());
        names
            .iter()
            .map(|name| {
                self.all.iter().find(|pipeline| pipeline.id == *name).cloned().ok_or_else(|| {
                    SpecError::UnknownPipeline {
                        found: name.clone(),
                        hint: match nearest(name, ids()) {
                            Some(near) => format!("did you mean `{near}`?"),
                            None => format!("there are {}", ids().collect::<Vec<_>>().join(", ")),
                        },
                    }
                })
            })
            .collect()
    }
}

fn parse(path: &Path, stem: &str, text: &str, codelists: &Codelists) -> Result<Pipeline, SpecError> {
    let mut pipeline: Pipeline = toml::from_str(text).map_err(|error| SpecError::Place {
        message: error.message().trim().replace('\n', ", "),
        snippet: Box::new(Snippet::new(path, text, error.span().unwrap_or(0..0), "")),
        hint: Some("pipelines/README.md tells what a pipeline's file may say".into()),
    })?;
    pipeline.id = stem.to_owned();
    Validator { path, text, codelists, pipeline: &pipeline }.validate()?;
    Ok(pipeline)
}

/// Fills `{name}` in from the edition; an unknown name is left as its error.
pub fn substitute(text: &str, edition: &Edition) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        let Some(close) = rest[open..].find('}') else {
            break;
        };
        let name = &rest[open + 1..open + close];
        match name {
            "dataset" => filled.push_str(&edition.dataset),
            _ => filled.push_str(edition.variables.get(name).ok_or_else(|| name.to_owned())?),
        }
        rest = &rest[open + close + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

struct Validator<'a> {
    path: &'a Path,
    text: &'a str,
    codelists: &'a Codelists,
    pipeline: &'a Pipeline,
}

impl Validator<'_> {
    fn validate(&self) -> Result<(), SpecError> {
        let pipeline = self.pipeline;
        if pipeline.editions.is_empty() {
            return Err(self.wrong(
                0..0,
                "expected at least one `[[editions]]`, found none",
                Some("add `[[editions]]` with `dataset = \"…\"`"),
            ));
        }
        self.quality()?;
        self.decoding()?;
        for (at, edition) in pipeline.editions.iter().enumerate() {
            let dataset = &edition.get_ref().dataset;
            let earlier = pipeline.editions[..at].iter().any(|other| other.get_ref().dataset == *dataset);
            if earlier || pipeline.kind == Kind::Memberships && at > 0 {
                let message = match earlier {
                    true => format!("the table `{dataset}` stands a second time"),
                    false => "expected one edition of a register of members, found several".to_owned(),
                };
                return Err(self.wrong(edition.span(), &message, Some("each table is one edition of one pipeline")));
            }
            self.file_name("dataset", dataset, edition.span())?;
            self.variables(&pipeline.request.url, edition)?;
            let url = substitute(pipeline.request.url.get_ref(), edition.get_ref()).unwrap_or_default();
            let is_address =
                url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            if !is_address {
                let message = format!("expected an http or https address, found `{url}`");
                return Err(self.wrong(pipeline.request.url.span(), &message, None));
            }
            for value in pipeline.constants.values() {
                self.variables(value, edition)?;
            }
        }
        match pipeline.kind {
            Kind::Memberships if pipeline.members.is_none() => {
                Err(self.wrong(0..0, "expected a table `[members]` in a pipeline of memberships, found none", None))
            }
            Kind::Memberships => Ok(()),
            Kind::Observations => self.observations(),
        }
    }

    fn quality(&self) -> Result<(), SpecError> {
        let quality = &self.pipeline.quality;
        for (name, share) in [
            ("max_quarantined_share", quality.max_quarantined_share),
            ("max_withdrawn_share", quality.max_withdrawn_share),
        ] {
            if !(0.0..=1.0).contains(&share) {
                let message = format!("expected `{name}` between 0 and 1, found {share}");
                return Err(self.wrong(self.find(name), &message, None));
            }
        }
        Ok(())
    }

    fn decoding(&self) -> Result<(), SpecError> {
        if let Some(label) = &self.pipeline.decode.encoding
            && encoding_rs::Encoding::for_label(label.as_bytes()).is_none()
        {
            let hint = "labels are those of the WHATWG, such as `windows-1252`, `iso-8859-15`, `utf-8`";
            return Err(self.wrong(self.find(label), &format!("the encoding `{label}` is not known"), Some(hint)));
        }
        let Some(members) = &self.pipeline.members else {
            return Ok(());
        };
        let day = jiff::civil::Date::constant(2024, 12, 31);
        let written = jiff::fmt::strtime::format(&members.date_format, day);
        let read = written.ok().and_then(|text| jiff::civil::Date::strptime(&members.date_format, text).ok());
        if read != Some(day) {
            let message = format!("expected the form of a date, found `{}`", members.date_format);
            let hint = "such as `%d/%m/%Y`: `%d` day, `%m` month, `%Y` year";
            return Err(self.wrong(self.find(&members.date_format), &message, Some(hint)));
        }
        self.file_name("cluster", &members.cluster, self.find(&members.cluster))
    }

    /// Names that become folders and files.
    fn file_name(&self, what: &str, name: &str, span: std::ops::Range<usize>) -> Result<(), SpecError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '~' | '@');
        if !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain) {
            return Ok(());
        }
        let message = format!("expected a `{what}` of letters, digits, `_`, `-` and `.`, found `{name}`");
        Err(self.wrong(span, &message, Some("it becomes the name of a folder")))
    }

    /// Where a text stands in the file, for what the parser gives no place of.
    fn find(&self, text: &str) -> std::ops::Range<usize> {
        self.text.find(text).map_or(0..0, |at| at..at + text.len())
    }

    /// Every canonical column is given exactly once, and only by codes that exist.
    fn observations(&self) -> Result<(), SpecError> {
        let mut given: BTreeMap<CanonicalColumn, String> = BTreeMap::new();
        for (column, value) in &self.pipeline.constants {
            given.insert(*column.get_ref(), "[constants]".into());
            if !value.get_ref().contains('{') {
                self.code(*column.get_ref(), value.get_ref(), value.span())?;
            }
        }
        for (name, dimension) in &self.pipeline.dimensions {
            let columns = self.dimension(name, dimension)?;
            for column in columns {
                if let Some(other) = given.insert(column, format!("[dimensions.{}]", name.get_ref())) {
                    return Err(self.wrong(
                        name.span(),
                        &format!("`{}` is given twice, here and in {other}", column.name()),
                        Some("each canonical column comes from one place"),
                    ));
                }
            }
        }
        let missing: Vec<&str> = CanonicalColumn::ALL
            .into_iter()
            .filter(|column| !given.contains_key(column))
            .map(CanonicalColumn::name)
            .collect();
        if !missing.is_empty() {
            return Err(self.wrong(
                0..0,
                &format!("nothing gives the canonical columns {}", missing.join(", ")),
                Some("map a dimension to them with `to`, or state them in `[constants]`"),
            ));
        }
        Ok(())
    }

    /// The canonical columns that a dimension gives.
    fn dimension(&self, name: &Spanned<String>, dimension: &Dimension) -> Result<Vec<CanonicalColumn>, SpecError> {
        let mut columns: Vec<CanonicalColumn> = dimension.to.iter().map(|to| *to.get_ref()).collect();
        if let Some(require) = &dimension.require {
            for edition in &self.pipeline.editions {
                self.text_variables(require, name.span(), edition)?;
            }
        }
        if dimension.to.is_some() && dimension.crosswalk.is_some() {
            let message = format!("`{}` has both `to` and `crosswalk`", name.get_ref());
            return Err(self.wrong(
                name.span(),
                &message,
                Some("its codes are canonical ones, or are looked up: say one of them"),
            ));
        }
        if let Some(crosswalk) = &dimension.crosswalk {
            let Some(list) = self.codelists.get(crosswalk.get_ref()) else {
                let near = nearest(crosswalk.get_ref(), self.codelists.names());
                return Err(self.wrong(
                    crosswalk.span(),
                    &format!("expected a crosswalk of pipelines/codelists, found `{}`", crosswalk.get_ref()),
                    near.map(|near| format!("did you mean `{near}`?")).as_deref(),
                ));
            };
            for column in list.columns.iter().skip(1) {
                let Some(column) = CanonicalColumn::from_name(column) else {
                    return Err(self.wrong(
                        crosswalk.span(),
                        &format!("`{}` of this crosswalk is no canonical column", column),
                        None,
                    ));
                };
                columns.push(column);
            }
        }
        for mapping in &dimension.codes {
            for edition in &self.pipeline.editions {
                self.text_variables(&mapping.get_ref().code, mapping.span(), edition)?;
            }
            let mut becomes = Vec::new();
            for (column, code) in &mapping.get_ref().becomes {
                let Some(column) = CanonicalColumn::from_name(column) else {
                    let names = CanonicalColumn::ALL.map(CanonicalColumn::name);
                    return Err(self.wrong(
                        mapping.span(),
                        &format!("expected a canonical column, found `{column}`"),
                        Some(&format!("there are {}", names.join(", "))),
                    ));
                };
                self.code(column, code, mapping.span())?;
                becomes.push(column);
            }
            becomes.sort();
            if columns.is_empty() {
                columns = becomes;
            } else {
                columns.sort();
                if columns != becomes {
                    return Err(self.wrong(
                        mapping.span(),
                        "this code gives other canonical columns than the rest of its dimension",
                        None,
                    ));
                }
            }
        }
        for pattern in &dimension.drop {
            for edition in &self.pipeline.editions {
                self.variables(pattern, edition)?;
            }
            if let Err(error) = globset::Glob::new(pattern.get_ref()) {
                return Err(self.wrong(pattern.span(), &format!("expected a pattern: {}", error.kind()), None));
            }
        }
        if columns.is_empty() && dimension.require.is_none() {
            return Err(self.wrong(
                name.span(),
                &format!("nothing says what becomes of the dimension `{}`", name.get_ref()),
                Some("give it `to`, `crosswalk`, `codes` or `require`"),
            ));
        }
        Ok(columns)
    }

    fn code(&self, column: CanonicalColumn, code: &str, span: std::ops::Range<usize>) -> Result<(), SpecError> {
        let Some(list) = column.codelist().and_then(|name| self.codelists.get(name)) else {
            return Ok(());
        };
        if list.contains(code) {
            return Ok(());
        }
        Err(self.wrong(
            span,
            &format!("expected a code of {}.csv, found `{code}`", list.name),
            nearest(code, list.codes()).map(|near| format!("did you mean `{near}`?")).as_deref(),
        ))
    }

    fn variables(&self, text: &Spanned<String>, edition: &Spanned<Edition>) -> Result<(), SpecError> {
        self.text_variables(text.get_ref(), text.span(), edition)
    }

    fn text_variables(
        &self,
        text: &str,
        span: std::ops::Range<usize>,
        edition: &Spanned<Edition>,
    ) -> Result<(), SpecError> {
        substitute(text, edition.get_ref()).map(|_| ()).map_err(|name| {
            self.wrong(
                span,
                &format!("`{{{name}}}` is no variable of the edition `{}`", edition.get_ref().dataset),
                Some("give every `[[editions]]` a value of that name"),
            )
        })
    }

    fn wrong(&self, span: std::ops::Range<usize>, message: &str, hint: Option<&str>) -> SpecError {
        let path: PathBuf = self.path.into();
        SpecError::Place {
            message: message.to_owned(),
            snippet: Box::new(Snippet::new(&path, self.text, span, "")),
            hint: hint.map(str::to_owned),
        }
    }
}
