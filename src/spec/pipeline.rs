//! `pipelines/<source>__<dataset>.toml`: one source each. pipelines/README.md tells how to write one.
//!
//! Reading has two steps: the TOML into the shape below (unknown keys are errors), then
//! validate.rs, which looks up what only the whole can tell: that every canonical column is given
//! exactly once, that codelists, crosswalks and `{variables}` exist. Both underline the place.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::members::Members;
use super::release::Release;
use super::request::RequestSpec;
use super::timetable::Timetable;
use super::validate::Validator;
use super::{Codelists, SpecError};
use crate::decode::{Format, NamePart};
use crate::disk;
use crate::error::{Snippet, nearest};
use crate::parallel;

/// One source: what to ask for, how its bytes are read, and what each of its dimensions becomes.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// The file's stem: its one identifier everywhere.
    #[serde(skip)]
    pub id: String,
    /// The source's title, in English.
    pub title: String,
    /// The same in Spanish.
    #[serde(default)]
    pub title_es: Option<String>,
    /// Observations or memberships.
    pub kind: Kind,
    /// Who publishes the data.
    pub publisher: String,
    /// Licence of the data.
    pub licence: String,
    /// The same in Spanish, where it is words and not a name.
    #[serde(default)]
    pub licence_es: Option<String>,
    /// How the publisher wants to be named.
    pub attribution: String,
    /// Where several sources give the same cell, the one with the lower number is preferred.
    #[serde(default = "last")]
    pub preference: u32,
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
    /// `[flags]`: the source's marks of observations, with the canonical flags that each becomes.
    #[serde(default)]
    pub flags: BTreeMap<Spanned<String>, Spanned<String>>,
    /// `[members]`: for memberships, what the columns mean.
    #[serde(default)]
    pub members: Option<Members>,
    /// `[quality]`
    #[serde(default)]
    pub quality: Quality,
    /// `[schedule]`; without it the pipeline runs by hand only.
    #[serde(default)]
    pub schedule: Option<ScheduleSpec>,
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

/// `[schedule]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// When the source is asked: minute, hour, day of the month, month, day of the week.
    pub cron: Spanned<String>,
    /// Time zone of `cron`; default that of the settings.
    #[serde(default)]
    pub timezone: Option<Spanned<String>>,
    /// What becomes of a run that was due while nobody was there: `latest` (default), `none`, or a span such as `2d`,
    /// within which it is caught up.
    #[serde(default)]
    pub missed: Option<Spanned<String>>,
    /// By when the source should have something new, such as `yearly by 31 October`.
    #[serde(default)]
    pub expected: Option<Spanned<String>>,
}

impl ScheduleSpec {
    /// When the pipeline is due; `zone` is the time zone of the settings.
    pub fn timetable(&self, zone: &str) -> Result<Timetable, String> {
        Timetable::new(self.cron.get_ref(), self.timezone.as_ref().map_or(zone, |zone| zone.get_ref()))
    }

    /// What becomes of missed runs; none if the text is none of the three.
    pub fn missed(&self) -> Option<Missed> {
        match self.missed.as_ref().map(|missed| missed.get_ref().as_str()) {
            None | Some("latest") => Some(Missed::Latest),
            Some("none") => Some(Missed::None),
            Some(span) => {
                let span: jiff::Span = span.parse().ok()?;
                let days = jiff::SpanRelativeTo::days_are_24_hours();
                span.to_duration(days).ok().filter(jiff::SignedDuration::is_positive).map(Missed::Within)
            }
        }
    }

    /// The release calendar of the source, if it is declared and is one.
    pub fn release(&self) -> Option<Release> {
        self.expected.as_ref().and_then(|expected| Release::parse(expected.get_ref()))
    }
}

/// What becomes of runs that were due while nobody was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// They are left out.
    None,
    /// The last one is caught up.
    Latest,
    /// The last one is caught up unless it is older than this.
    Within(jiff::SignedDuration),
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
    /// Which dataset, of a payload that holds several.
    #[serde(default)]
    pub dataset: Option<String>,
    /// Language of names and codes, where the payload has several.
    #[serde(default)]
    pub language: Option<String>,
    /// The dimensions, where the payload does not tell them from attributes.
    #[serde(default)]
    pub dimensions: Vec<String>,
    // The keys below came later: where they are not given, a pipeline's fingerprint is what it was.
    /// Of delimited text and workbooks of observations: the only columns that are decoded; none names all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Of delimited text and workbooks: the column of the observed value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The column that becomes `time_period`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The column that becomes `obs_flag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// Line or row of the column names, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<u32>,
    /// Which sheet of a workbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// Of INE's Tempus JSON: the part of a series' name that is a dimension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_part: Option<NamePart>,
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

impl Dimension {
    /// Whether the source means this dimension, whose name is `name`, by the name that was found.
    pub fn is_called(&self, name: &str, found: &str) -> bool {
        found == name || self.aliases.iter().any(|alias| alias == found)
    }
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

/// The preference of a source that states none.
fn last() -> u32 {
    100
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
        let names = disk::list(folder)?;
        let stems: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(".toml")).collect();
        let read = |stem: &&str| {
            let path = folder.join(format!("{stem}.toml"));
            parse(&path, stem, &disk::read_text(&path)?, codelists)
        };
        // Of a run without news over hundreds of pipelines this is a good part.
        Ok(Pipelines { all: parallel::divided(&stems, |stems| stems.iter().map(read).collect())? })
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
