//! The first pass: which names a message uses and where, from which follows what each of them is.

use std::collections::HashMap;

use super::message::Shape;
use super::walk::{Kind, LEVELS, Level, Sink};
use crate::decode::columns::Texts;
use crate::decode::xml::{Attribute, Outcome, quoted, wrong};
use crate::decode::{CELL, CONF_STATUS, DecodeError, Hints, OBS_FLAG, OBS_VALUE, TIME_PERIOD};

/// No structure has nearly as many dimensions and attributes.
const MAX_NAMES: usize = 1000;

/// Groups are kept until the end, since what they say holds for series anywhere in the data set.
const MAX_GROUP_BYTES: usize = 1 << 28;

/// What a group's value takes besides its text, in bytes.
const GROUP_VALUE_BYTES: usize = 64;

const MAX_NAME_BYTES: usize = 1000;

/// Attributes of SDMX's cross-domain concepts, and of the structures of the ECB, the BIS, the IMF and the OECD,
/// that are never dimensions. Names that are one here and the other there (`UNIT`, `UNIT_MEASURE`, `CURRENCY`,
/// `ADJUSTMENT`) are left out on purpose.
const ATTRIBUTES: [&str; 52] = [
    "AVAILABILITY",
    "BASE_PER",
    "BREAKS",
    "COLLECTION",
    "COLL_PERIOD",
    "COMMENT",
    "COMMENT_DSET",
    "COMMENT_OBS",
    "COMMENT_TS",
    "COMPILATION",
    "COMPILING_ORG",
    "CONF_STATUS",
    "DATA_COMP",
    "DECIMALS",
    "DISS_ORG",
    "DOM_SER_IDS",
    "EMBARGO_DATE",
    "EMBARGO_TIME",
    "LAST_UPDATE",
    "METHODOLOGY",
    "NAT_TITLE",
    "OBS_COM",
    "OBS_COMMENT",
    "OBS_CONF",
    "OBS_EDP_WBB",
    "OBS_FLAG",
    "OBS_NOTE",
    "OBS_PRE_BREAK",
    "OBS_STATUS",
    "ORG_VISIBILITY",
    "PRE_BREAK_VALUE",
    "PUBL_ECB",
    "PUBL_MU",
    "PUBL_PUBLIC",
    "REF_PERIOD",
    "REF_PERIOD_DETAIL",
    "REPORTING_YEAR_START_DAY",
    "REPYEAREND",
    "REPYEARSTART",
    "SOURCE_AGENCY",
    "SOURCE_PUB",
    "TIME_FORMAT",
    "TIME_PER_COLLECT",
    "TITLE",
    "TITLE_COMPL",
    "UNIT_INDEX_BASE",
    "UNIT_MULT",
    "UNIT_MULTIPLIER",
    "VALIDATION_STATUS",
    "VINTAGE",
    "VIS_CTY",
    "COMMENT_CELL",
];

/// What is known of a name.
#[derive(Default)]
pub(super) struct Name {
    pub name: String,
    /// How many elements of each level have it, and the number of the last one.
    counts: [u64; LEVELS],
    last: [u64; LEVELS],
    /// Its place among the names of series and observations, which is the order of the dimensions.
    rank: Option<usize>,
    is_key: bool,
    is_attribute: bool,
    /// The codes that groups have seen of it.
    pub texts: Texts,
    /// What the data sets themselves say of it, if they agree.
    for_all: Option<String>,
}

/// One group: its names and its codes' numbers.
pub(super) type Group = Vec<(usize, i32)>;

/// The names of a message.
#[derive(Default)]
pub(super) struct Survey {
    pub names: Vec<Name>,
    by_name: HashMap<String, usize>,
    /// The names in the order of the last elements of a level: most elements repeat it.
    order: [Vec<usize>; LEVELS],
    at: [usize; LEVELS],
    elements: [u64; LEVELS],
    pub groups: Vec<Group>,
    group_bytes: usize,
    has_values: bool,
    ranks: usize,
}

impl Survey {
    fn number(&mut self, level: usize, value: &Attribute<'_>) -> Outcome<usize> {
        let at = self.at[level];
        self.at[level] += 1;
        if let Some(number) = self.order[level].get(at)
            && self.names[*number].name == value.name
        {
            return Ok(*number);
        }
        let number = match self.by_name.get(value.name) {
            Some(number) => *number,
            None => {
                if self.names.len() == MAX_NAMES {
                    return Err(wrong(value.offset, format!("at most {MAX_NAMES} dimensions and attributes"), "more"));
                }
                if value.name.len() > MAX_NAME_BYTES {
                    let expected = format!("a name of at most {MAX_NAME_BYTES} bytes");
                    return Err(wrong(value.offset, expected, quoted(value.name)));
                }
                self.names.push(Name { name: value.name.to_owned(), ..Name::default() });
                self.by_name.insert(value.name.to_owned(), self.names.len() - 1);
                self.names.len() - 1
            }
        };
        let order = &mut self.order[level];
        let is_new = at == order.len() && at < MAX_NAMES;
        match order.get_mut(at) {
            Some(there) => *there = number,
            None if is_new => order.push(number),
            None => {}
        }
        Ok(number)
    }
}

impl Sink for Survey {
    fn open(&mut self, level: Level, _: u64) -> Outcome<()> {
        self.elements[level as usize] += 1;
        self.at[level as usize] = 0;
        if level == Level::Group {
            self.groups.push(Vec::new());
        }
        Ok(())
    }

    fn value(&mut self, level: Level, kind: Kind, value: Attribute<'_>) -> Outcome<()> {
        let index = level as usize;
        let number = self.number(index, &value)?;
        let element = self.elements[index];
        let name = &mut self.names[number];
        if name.last[index] == element {
            return Err(wrong(value.offset, "each name once", quoted(value.name)));
        }
        name.last[index] = element;
        name.counts[index] += 1;
        if name.rank.is_none() && !matches!(level, Level::Group | Level::DataSet) {
            name.rank = Some(self.ranks);
            self.ranks += 1;
        }
        match kind {
            Kind::Key => name.is_key = true,
            Kind::Attribute => name.is_attribute = true,
            Kind::Value => self.has_values = true,
            Kind::Any => {}
        }
        match level {
            Level::Group => {
                let text = value.text()?;
                self.group_bytes += text.len() + GROUP_VALUE_BYTES;
                if self.group_bytes > MAX_GROUP_BYTES {
                    return Err(wrong(value.offset, format!("groups of at most {MAX_GROUP_BYTES} bytes"), "more"));
                }
                if !text.is_empty() {
                    let code = self.names[number].texts.number_of(&text);
                    if let Some(group) = self.groups.last_mut() {
                        group.push((number, code));
                    }
                }
            }
            Level::DataSet => {
                let text = value.text()?;
                let name = &mut self.names[number];
                let agrees = name.counts[index] == 1 || name.for_all.as_deref() == Some(&text);
                name.for_all = agrees.then(|| text.into_owned());
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, _: Level) -> Outcome<()> {
        Ok(())
    }
}

/// What a name becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Dimension,
    Flag,
    Confidentiality,
    Attribute,
    Value,
}

/// The columns of a message.
pub(super) struct Layout {
    /// Numbers of the names that are dimensions and further attributes, in the table's order.
    pub dimensions: Vec<usize>,
    pub attributes: Vec<usize>,
    /// What each name is.
    pub roles: Vec<Role>,
}

const HINT: &str = "say which names are dimensions, such as `dimensions = [\"freq\", \"geo\", \"TIME_PERIOD\"]`";

impl Survey {
    /// What each name is.
    pub fn layout(
        &self,
        shape: Shape,
        observation_dimension: Option<&str>,
        hints: &Hints,
    ) -> Result<Layout, DecodeError> {
        let mut dimensions = match (shape, hints.dimensions.as_slice()) {
            (Shape::Generic, _) => self.keys()?,
            (Shape::Specific, []) => self.guessed(observation_dimension)?,
            (Shape::Specific, hinted) => self.hinted(hinted, observation_dimension)?,
        };
        if shape == Shape::Generic || hints.dimensions.is_empty() {
            dimensions.sort_by_key(|number| self.names[*number].rank.unwrap_or(usize::MAX));
        }
        let has_status = self.by_name.contains_key("OBS_STATUS");
        let mut attributes = Vec::new();
        let mut roles = Vec::with_capacity(self.names.len());
        for (number, name) in self.names.iter().enumerate() {
            let role = match name.name.as_str() {
                _ if dimensions.contains(&number) => Role::Dimension,
                "OBS_VALUE" => Role::Value,
                "OBS_STATUS" => Role::Flag,
                "OBS_FLAG" if !has_status => Role::Flag,
                "CONF_STATUS" => Role::Confidentiality,
                _ => Role::Attribute,
            };
            if role == Role::Attribute {
                attributes.push(number);
            }
            roles.push(role);
        }
        let layout = Layout { dimensions, attributes, roles };
        let mut columns: Vec<String> = [OBS_VALUE, OBS_FLAG, CONF_STATUS, CELL].map(str::to_owned).to_vec();
        for name in self.columns(&layout.dimensions).into_iter().chain(self.columns(&layout.attributes)) {
            if columns.contains(&name) {
                return Err(format("dimensions and attributes with names of their own", quoted(&name), None));
            }
            columns.push(name);
        }
        Ok(layout)
    }

    /// The columns of these names.
    pub fn columns(&self, numbers: &[usize]) -> Vec<String> {
        let name = |number: &usize| match self.names[*number].name.as_str() {
            "TIME_PERIOD" => TIME_PERIOD.to_owned(),
            name => name.to_owned(),
        };
        numbers.iter().map(name).collect()
    }

    /// What the data sets themselves say of a name, and nothing else says otherwise.
    pub fn for_all(&self, name: &str) -> Option<String> {
        let name = &self.names[*self.by_name.get(name)?];
        let elsewhere = name.counts.iter().sum::<u64>() > name.counts[Level::DataSet as usize];
        let everywhere = name.counts[Level::DataSet as usize] == self.elements[Level::DataSet as usize];
        name.for_all.clone().filter(|text| !text.is_empty() && everywhere && !elsewhere)
    }

    /// Generic messages say it.
    fn keys(&self) -> Result<Vec<usize>, DecodeError> {
        let both = self.names.iter().find(|name| name.is_key && name.is_attribute);
        if let Some(both) = both {
            return Err(format("each name as dimension or as attribute", format!("both of `{}`", both.name), None));
        }
        Ok((0..self.names.len()).filter(|number| self.names[*number].is_key).collect())
    }

    fn hinted(&self, hinted: &[String], observation_dimension: Option<&str>) -> Result<Vec<usize>, DecodeError> {
        let mut dimensions = Vec::with_capacity(hinted.len() + 1);
        for name in hinted {
            match self.by_name.get(name) {
                Some(number) if dimensions.contains(number) => {
                    return Err(format("each dimension once in the hint", format!("`{name}` twice"), None));
                }
                Some(number) => dimensions.push(*number),
                None if self.elements[Level::Obs as usize] + self.elements[Level::Flat as usize] == 0 => {}
                None => {
                    let names: Vec<&str> = self.names.iter().map(|name| name.name.as_str()).take(60).collect();
                    let found = format!("`{}`", names.join("`, `"));
                    return Err(format(&format!("a dimension `{name}`"), found, Some("correct the hint `dimensions`")));
                }
            }
        }
        for (number, name) in self.names.iter().enumerate() {
            let of_observations = name.counts[Level::Obs as usize] + name.counts[Level::Flat as usize] > 0;
            let is_time = name.name == "TIME_PERIOD" || Some(name.name.as_str()) == observation_dimension;
            if of_observations && is_time && !dimensions.contains(&number) {
                dimensions.push(number);
            }
        }
        Ok(dimensions)
    }

    /// Structure-specific messages do not say it: see the essay of [`super`].
    fn guessed(&self, observation_dimension: Option<&str>) -> Result<Vec<usize>, DecodeError> {
        let [series, obs, flat] = [Level::Series, Level::Obs, Level::Flat].map(|level| self.elements[level as usize]);
        let mut dimensions = Vec::new();
        let mut at_observations = false;
        let mut unknown = Vec::new();
        for (number, name) in self.names.iter().enumerate() {
            let [in_series, in_obs, in_flat] =
                [Level::Series, Level::Obs, Level::Flat].map(|level| name.counts[level as usize]);
            let id = name.name.as_str();
            if id == "OBS_VALUE" || ATTRIBUTES.contains(&id) {
                continue;
            }
            let is_time = id == "TIME_PERIOD" || Some(id) == observation_dimension;
            let of_series = series == 0 || in_series == series || (is_time && in_obs > 0);
            let of_flat = flat == 0 || in_flat == flat || (is_time && in_flat > 0);
            let used = in_series + in_flat > 0 || (is_time && in_obs > 0);
            match used && of_series && of_flat {
                true => dimensions.push(number),
                false if in_obs + in_flat > 0 => unknown.push(id),
                false => {}
            }
            at_observations |= is_time && in_obs > 0;
        }
        if obs > 0 && !at_observations {
            let wanted = observation_dimension.unwrap_or("TIME_PERIOD");
            return Err(format(&format!("observations with `{wanted}`"), "observations without it".into(), Some(HINT)));
        }
        if obs + flat > 0 && !self.has_values && (flat > 0 || !unknown.is_empty()) {
            // The measures may have other names (SDMX 3.0), and would be taken for dimensions or attributes.
            return Err(format(
                "observations with `OBS_VALUE`",
                "none with it".into(),
                Some(
                    "measures with other names are not decoded: ask the source for SDMX-CSV, or say the `dimensions` if all values are missing",
                ),
            ));
        }
        Ok(dimensions)
    }
}

fn format(expected: &str, found: String, hint: Option<&str>) -> DecodeError {
    DecodeError::Format { expected: expected.to_owned(), found, hint: hint.map(str::to_owned) }
}
