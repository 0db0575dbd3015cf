//! The second pass: every observation is a row.

use std::collections::HashMap;

use super::survey::{Layout, Role, Survey};
use super::walk::{Kind, LEVELS, Level, Sink};
use crate::decode::DecodeError;
use crate::decode::columns::{Observations, Texts, number};
use crate::decode::xml::{Attribute, Outcome, quoted, wrong, wrong_with};

/// Structures define a handful; each is looked up for every series.
const MAX_GROUP_KINDS: usize = 50;

/// No code.
const NONE: i32 = -1;

/// Remembers which code followed which: neighbouring rows and neighbouring series go through the same codes, so
/// that almost none has to be looked up.
#[derive(Default)]
struct Codes {
    texts: Vec<Box<str>>,
    next: Vec<i32>,
    last: usize,
}

impl Codes {
    #[inline]
    fn number(&mut self, code: &str, texts: &mut Texts) -> i32 {
        if let Some(guess) = self.next.get(self.last).copied()
            && self.texts.get(guess as usize).is_some_and(|text| **text == *code)
        {
            self.last = guess as usize;
            return guess;
        }
        let number = texts.number_of(code);
        let index = number as usize;
        if index >= self.texts.len() {
            self.texts.resize_with(index + 1, Box::default);
            self.next.resize(index + 1, 0);
        }
        if self.texts[index].is_empty() {
            self.texts[index] = code.into();
        }
        if let Some(next) = self.next.get_mut(self.last) {
            *next = number;
        }
        self.last = index;
        number
    }
}

/// Groups with the same dimensions: the codes of these → columns and codes of their attributes.
struct GroupKind {
    slots: Vec<usize>,
    values: HashMap<Vec<i32>, Vec<(usize, i32)>>,
}

/// Where the value of a name goes.
#[derive(Clone, Copy)]
enum Target {
    /// A column: the dimensions first, then flag, confidentiality and further attributes.
    Slot(usize),
    Value,
}

/// The columns being filled.
pub(super) struct Rows {
    pub columns: Observations,
    dimensions: usize,
    names: Vec<(String, Target)>,
    by_name: HashMap<String, usize>,
    /// The names in the order of the last elements of a level: most elements repeat it.
    order: [Vec<usize>; LEVELS],
    at: [usize; LEVELS],
    codes: Vec<Codes>,
    /// The codes that hold for the data set, the series and the observation.
    dataset: Vec<i32>,
    series: Vec<i32>,
    row: Vec<i32>,
    groups: Vec<GroupKind>,
    /// Whether what groups say of the current series is in `series`.
    grouped: bool,
    /// A group's codes being looked up.
    key: Vec<i32>,
    value: Option<f64>,
    /// Where the value stands, or the status, or the observation.
    value_cell: Option<u64>,
    status_cell: Option<u64>,
    offset: u64,
    dimension_names: Vec<String>,
}

impl Rows {
    /// Columns of this layout.
    pub fn new(mut survey: Survey, layout: &Layout) -> Result<Self, DecodeError> {
        let (dimensions, attributes) = (layout.dimensions.len(), layout.attributes.len());
        let mut columns = Observations::new(dimensions, attributes);
        let dimension_names = layout.dimensions.iter().map(|number| survey.names[*number].name.clone()).collect();
        let mut targets = vec![Target::Value; survey.names.len()];
        let position = |numbers: &[usize], number| numbers.iter().position(|one| *one == number).unwrap_or_default();
        for (number, role) in layout.roles.iter().enumerate() {
            targets[number] = match role {
                Role::Dimension => Target::Slot(position(&layout.dimensions, number)),
                Role::Flag => Target::Slot(dimensions),
                Role::Confidentiality => Target::Slot(dimensions + 1),
                Role::Attribute => Target::Slot(dimensions + 2 + position(&layout.attributes, number)),
                Role::Value => Target::Value,
            };
        }
        for (name, target) in survey.names.iter_mut().zip(&targets) {
            if let Target::Slot(slot) = target
                && let Some(texts) = texts(&mut columns, dimensions, *slot)
            {
                *texts = std::mem::take(&mut name.texts);
            }
        }
        let groups = group_kinds(&survey, &targets, dimensions)?;
        let names: Vec<(String, Target)> = survey.names.into_iter().map(|name| name.name).zip(targets).collect();
        let by_name = names.iter().enumerate().map(|(number, (name, _))| (name.clone(), number)).collect();
        let slots = dimensions + 2 + attributes;
        Ok(Rows {
            columns,
            dimensions,
            names,
            by_name,
            order: Default::default(),
            at: [0; LEVELS],
            codes: (0..slots).map(|_| Codes::default()).collect(),
            dataset: vec![NONE; slots],
            series: vec![NONE; slots],
            row: vec![NONE; slots],
            groups,
            grouped: false,
            key: Vec::new(),
            value: None,
            value_cell: None,
            status_cell: None,
            offset: 0,
            dimension_names,
        })
    }

    #[inline]
    fn target(&mut self, level: usize, name: &str) -> Option<Target> {
        let at = self.at[level];
        self.at[level] += 1;
        if let Some(number) = self.order[level].get(at)
            && let Some((there, target)) = self.names.get(*number)
            && there == name
        {
            return Some(*target);
        }
        let number = *self.by_name.get(name)?;
        let order = &mut self.order[level];
        let is_new = at == order.len();
        match order.get_mut(at) {
            Some(there) => *there = number,
            None if is_new => order.push(number),
            None => {}
        }
        self.names.get(number).map(|(_, target)| *target)
    }

    fn observe(&mut self, value: &Attribute<'_>) -> Outcome<()> {
        let text = value.raw.trim_ascii();
        let blanks = value.raw.len() - value.raw.trim_ascii_start().len();
        self.value_cell = Some(value.offset + if text.is_empty() { 0 } else { blanks as u64 });
        self.value = match text {
            "" | "NaN" | "#N/A" => None,
            text => match number(text.as_bytes()) {
                Some(value) => Some(value),
                None => {
                    return Err(wrong_with(
                        value.offset,
                        "a number with a decimal point, `NaN` or nothing",
                        quoted(text),
                        "only measures that are numbers are decoded",
                    ));
                }
            },
        };
        Ok(())
    }

    fn push(&mut self) -> Outcome<()> {
        if let Some(missing) = self.row[..self.dimensions].iter().position(|code| *code == NONE) {
            let name = self.dimension_names.get(missing).map_or("", String::as_str);
            return Err(wrong_with(
                self.offset,
                format!("an observation with a code of `{name}`"),
                "one without",
                "the message is damaged, or the name is no dimension: the hint `dimensions` says which names are",
            ));
        }
        let cell = self.value_cell.or(self.status_cell).unwrap_or(self.offset);
        let columns = &mut self.columns;
        for (column, code) in columns.dimensions.iter_mut().zip(&self.row) {
            column.push_number(*code);
        }
        let others = [&mut columns.flags, &mut columns.confidentiality].into_iter().chain(&mut columns.attributes);
        for (column, code) in others.zip(&self.row[self.dimensions..]) {
            match *code {
                NONE => column.push_null(),
                code => column.push_number(code),
            }
        }
        self.columns.push(self.value, cell);
        Ok(())
    }
}

impl Sink for Rows {
    #[inline]
    fn open(&mut self, level: Level, offset: u64) -> Outcome<()> {
        self.at[level as usize] = 0;
        match level {
            Level::DataSet => self.dataset.fill(NONE),
            Level::Series => {
                self.series.copy_from_slice(&self.dataset);
                self.grouped = false;
            }
            Level::Obs | Level::Flat => {
                if level == Level::Obs && !self.grouped {
                    self.grouped = true;
                    for kind in &self.groups {
                        kind.apply(&mut self.series, &mut self.key);
                    }
                }
                self.row.copy_from_slice(if level == Level::Obs { &self.series } else { &self.dataset });
                (self.value, self.value_cell, self.status_cell, self.offset) = (None, None, None, offset);
            }
            Level::Group => {}
        }
        Ok(())
    }

    #[inline]
    fn value(&mut self, level: Level, _: Kind, value: Attribute<'_>) -> Outcome<()> {
        // Groups were taken in at the first pass.
        if level == Level::Group {
            return Ok(());
        }
        let slot = match self.target(level as usize, value.name) {
            Some(Target::Slot(slot)) => slot,
            Some(Target::Value) if matches!(level, Level::Obs | Level::Flat) => return self.observe(&value),
            Some(Target::Value) => return Err(wrong(value.offset, "`OBS_VALUE` of an observation", "another's")),
            None => {
                return Err(wrong(value.offset, "a payload that does not change while it is read", quoted(value.name)));
            }
        };
        let code = match (value.plain, value.raw) {
            (_, "") => NONE,
            (true, text) => self.code(slot, text),
            (false, _) => self.code(slot, &value.text()?),
        };
        match level {
            Level::DataSet => self.dataset[slot] = code,
            Level::Series => self.series[slot] = code,
            _ => {
                self.row[slot] = code;
                if slot == self.dimensions && code != NONE {
                    self.status_cell = Some(value.offset);
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn close(&mut self, level: Level) -> Outcome<()> {
        match level {
            Level::Obs | Level::Flat => {
                for kind in &self.groups {
                    let is_of_series = level == Level::Obs && kind.slots.iter().all(|slot| self.series[*slot] != NONE);
                    if !is_of_series {
                        kind.apply(&mut self.row, &mut self.key);
                    }
                }
                self.push()
            }
            _ => Ok(()),
        }
    }
}

impl Rows {
    #[inline]
    fn code(&mut self, slot: usize, text: &str) -> i32 {
        let dimensions = self.dimensions;
        match (self.codes.get_mut(slot), texts(&mut self.columns, dimensions, slot)) {
            (Some(codes), Some(texts)) => codes.number(text, texts),
            _ => NONE,
        }
    }
}

/// The text column of a slot.
#[inline]
fn texts(columns: &mut Observations, dimensions: usize, slot: usize) -> Option<&mut Texts> {
    match slot.checked_sub(dimensions) {
        None => columns.dimensions.get_mut(slot),
        Some(0) => Some(&mut columns.flags),
        Some(1) => Some(&mut columns.confidentiality),
        Some(attribute) => columns.attributes.get_mut(attribute - 2),
    }
}

fn group_kinds(survey: &Survey, targets: &[Target], dimensions: usize) -> Result<Vec<GroupKind>, DecodeError> {
    let mut kinds: Vec<GroupKind> = Vec::new();
    for group in &survey.groups {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for (name, code) in group {
            match targets.get(*name) {
                Some(Target::Slot(slot)) if *slot < dimensions => keys.push((*slot, *code)),
                Some(Target::Slot(slot)) => values.push((*slot, *code)),
                _ => {}
            }
        }
        if values.is_empty() {
            continue;
        }
        keys.sort_unstable();
        let slots: Vec<usize> = keys.iter().map(|(slot, _)| *slot).collect();
        let codes: Vec<i32> = keys.iter().map(|(_, code)| *code).collect();
        let at = match kinds.iter().position(|kind| kind.slots == slots) {
            Some(at) => at,
            None if kinds.len() == MAX_GROUP_KINDS => {
                return Err(DecodeError::Format {
                    expected: format!("groups of at most {MAX_GROUP_KINDS} kinds"),
                    found: "more".into(),
                    hint: None,
                });
            }
            None => {
                kinds.push(GroupKind { slots, values: HashMap::new() });
                kinds.len() - 1
            }
        };
        kinds[at].values.entry(codes).or_default().extend(values);
    }
    Ok(kinds)
}

impl GroupKind {
    /// Fills in what a group says and nothing closer to the observation does.
    fn apply(&self, codes: &mut [i32], key: &mut Vec<i32>) {
        key.clear();
        key.extend(self.slots.iter().filter_map(|slot| codes.get(*slot).copied()));
        for (slot, code) in self.values.get(key.as_slice()).into_iter().flatten() {
            if let Some(there) = codes.get_mut(*slot)
                && *there == NONE
            {
                *there = *code;
            }
        }
    }
}
