//! What the statements of a header mean: dimensions, their codes, and the metadata, in one language.

use std::collections::{HashMap, HashSet};

use super::super::{CELL, CONF_STATUS, DecodeError, Hints, MAX_DIMENSIONS, Metadata, OBS_FLAG, OBS_VALUE, TIME_PERIOD};
use super::EXPECTED;
use super::attributes::attributes;
use super::marks::CellTexts;
use super::statements::{Header, Statement};
use super::view::{View, same};

/// More cells than any archive holds; their numbers fit in 64 bits with room.
const MAX_CELLS: u64 = 1 << 50;

/// One dimension of the cube.
pub(super) struct Dimension {
    /// As in the source; `time_period` for the time dimension.
    pub name: String,
    /// One a value, each once.
    pub codes: Vec<String>,
    /// `VALUES` in the chosen language, one a value.
    pub labels: Vec<String>,
    /// `VALUES` in the file's own language, in which its cells speak.
    pub own_labels: Vec<String>,
    /// Where a row states its value of this dimension (`KEYS`): from what it states to the value's
    /// number; none where two values share the text.
    pub keys: Option<HashMap<String, Option<usize>>>,
    /// Its name in the chosen language and in the file's own.
    pub names: [String; 2],
}

/// The cube.
pub(super) struct Layout {
    pub dimensions: Vec<Dimension>,
    pub metadata: Metadata,
    /// Further columns: name, and the texts of the cells.
    pub attributes: Vec<(String, CellTexts)>,
}

impl Layout {
    /// What a header says.
    pub fn of(header: &Header, hints: &Hints) -> Result<Layout, DecodeError> {
        let view = View::new(header, hints)?;
        let mut metadata = Metadata {
            dataset: view.text("MATRIX"),
            title: view.text("TITLE").or_else(|| view.text("DESCRIPTION")).or_else(|| view.text("CONTENTS")),
            notes: header.notes.clone(),
            ..Metadata::default()
        };
        let mut dimensions = dimensions(&view, &mut metadata)?;
        time(&view, &mut dimensions, &mut metadata)?;
        for dimension in &dimensions {
            if dimension.labels != dimension.codes {
                let pairs = dimension.codes.iter().cloned().zip(dimension.labels.iter().cloned());
                metadata.labels.insert(dimension.name.clone(), pairs.collect());
            }
        }
        updated(&view, &mut metadata);
        notes(&view, &dimensions, &mut metadata);
        let attributes = attributes(&view, &dimensions, &mut metadata)?;
        let layout = Layout { dimensions, metadata, attributes };
        layout.check_names(header)?;
        Ok(layout)
    }

    /// Sizes of the dimensions.
    pub fn sizes(&self) -> Vec<usize> {
        self.dimensions.iter().map(|dimension| dimension.codes.len()).collect()
    }

    fn check_names(&self, header: &Header) -> Result<(), DecodeError> {
        let mut seen: HashSet<&str> = [OBS_VALUE, OBS_FLAG, CONF_STATUS, CELL].into();
        let dimensions = self.dimensions.iter().map(|dimension| &dimension.name);
        for name in dimensions.chain(self.attributes.iter().map(|(name, _)| name)) {
            if !seen.insert(name) {
                let at = header.all("STUB").first().or(header.all("HEADING").first());
                return Err(header.block.wrong_in_words(
                    at.map_or(0, |statement| statement.at),
                    "names of dimensions and attributes that differ from one another and from tejido's columns",
                    format!("`{name}` twice"),
                    None,
                ));
            }
        }
        Ok(())
    }
}

fn dimensions(view: &View, metadata: &mut Metadata) -> Result<Vec<Dimension>, DecodeError> {
    let block = &view.header.block;
    let chosen = view.names(true)?;
    let own = view.names(false)?;
    if chosen.is_empty() {
        let hint = "`STUB` or `HEADING` must name the dimensions".to_owned();
        let expected = EXPECTED.to_owned();
        return Err(DecodeError::Format { expected, found: "a header without dimensions".into(), hint: Some(hint) });
    }
    let (_, at) = chosen[0];
    // Codes that a language leaves out are those of the file's own, matched by position.
    if !own.is_empty() && own.len() != chosen.len() {
        let found = format!("{} in its own", own.len());
        return Err(block.wrong_in_words(at, format!("{} dimensions in each language", chosen.len()), found, None));
    }
    if chosen.len() > MAX_DIMENSIONS {
        let found = chosen.len().to_string();
        return Err(block.wrong_in_words(at, format!("at most {MAX_DIMENSIONS} dimensions"), found, None));
    }
    let mut dimensions: Vec<Dimension> = Vec::with_capacity(chosen.len());
    let mut cells: u64 = 1;
    for (number, (name, at)) in chosen.iter().enumerate() {
        if name.trim().is_empty() || dimensions.iter().any(|other| same(&other.names[0], name)) {
            return Err(block.wrong(*at, "each dimension once, with a name", name.as_bytes(), None));
        }
        let names = [name.clone(), own.get(number).map_or_else(|| name.clone(), |(own, _)| own.clone())];
        let dimension = dimension(view, names, *at, metadata)?;
        let product = cells.checked_mul(dimension.codes.len() as u64).filter(|product| *product <= MAX_CELLS);
        let Some(product) = product else {
            let expected = format!("at most {MAX_CELLS} cells");
            let found = format!("{cells} × {}", dimension.codes.len());
            return Err(block.wrong_in_words(*at, expected, found, None));
        };
        cells = product;
        dimensions.push(dimension);
    }
    Ok(dimensions)
}

fn dimension(view: &View, names: [String; 2], at: usize, metadata: &mut Metadata) -> Result<Dimension, DecodeError> {
    let block = &view.header.block;
    let texts = |statement: &Statement| statement.values.iter().map(|item| item.text.clone()).collect::<Vec<_>>();
    let values = view.about("VALUES", &names)?;
    let coded = view.about("CODES", &names)?;
    let Some(stated) = coded.or(values).filter(|statement| !statement.values.is_empty()) else {
        return Err(block.wrong_in_words(at, format!("`VALUES(\"{}\")`", names[0]), "none in the header", None));
    };
    let labels = texts(values.unwrap_or(stated));
    let mut codes = texts(stated);
    if codes.len() != labels.len() {
        let expected = format!("{} codes, one for each of `VALUES`", labels.len());
        return Err(block.wrong_in_words(stated.at, expected, codes.len().to_string(), None));
    }
    // INE writes `null` for each value that has no code: such a code names nothing, its label does.
    let mut seen: HashMap<&str, usize> = HashMap::with_capacity(codes.len());
    for code in &codes {
        *seen.entry(code).or_default() += 1;
    }
    let mut repeated: Vec<&str> = seen.iter().filter(|(_, times)| **times > 1).map(|(code, _)| *code).collect();
    if !repeated.is_empty() {
        repeated.sort_unstable();
        if coded.is_some() {
            metadata.notes.push(format!(
                "codes of `{}` that several values share were replaced by the values' labels: `{}`",
                names[0],
                repeated.join("`, `")
            ));
        }
        let repeated: HashSet<String> = repeated.into_iter().map(str::to_owned).collect();
        for (code, label) in codes.iter_mut().zip(&labels) {
            if repeated.contains(code) {
                code.clone_from(label);
            }
        }
    }
    let mut seen: HashSet<&str> = HashSet::with_capacity(codes.len());
    if let Some(number) = codes.iter().position(|code| !seen.insert(code)) {
        let at = stated.values.get(number).map_or(stated.at, |item| item.at);
        return Err(block.wrong(at, format!("each value of `{}` once", names[0]), codes[number].as_bytes(), None));
    }
    let own_labels = view.about_own("VALUES", &names[1])?.map_or_else(|| labels.clone(), texts);
    if own_labels.len() != labels.len() {
        let expected = format!("{} values of `{}` in each language", labels.len(), names[0]);
        return Err(block.wrong_in_words(stated.at, expected, format!("{} in its own", own_labels.len()), None));
    }
    let keys = keys(view, &names, &own_labels)?;
    Ok(Dimension { name: names[0].clone(), codes, labels, own_labels, keys, names })
}

/// What a row may state as its value of a dimension, if it does.
fn keys(
    view: &View,
    names: &[String; 2],
    values: &[String],
) -> Result<Option<HashMap<String, Option<usize>>>, DecodeError> {
    let block = &view.header.block;
    let Some(statement) = view.about("KEYS", names)? else {
        return Ok(None);
    };
    let by = statement.text().to_ascii_uppercase();
    let texts: Vec<&String> = match by.as_str() {
        "VALUES" => values.iter().collect(),
        "CODES" => {
            let coded = match view.about_own("CODES", &names[1])? {
                Some(coded) => Some(coded),
                None => view.about("CODES", names)?,
            };
            match coded {
                Some(coded) if coded.values.len() == values.len() => {
                    coded.values.iter().map(|item| &item.text).collect()
                }
                _ => {
                    let expected = format!("`CODES(\"{}\")`, since `KEYS` refers to it", names[0]);
                    return Err(block.wrong_in_words(statement.at, expected, "none in the header", None));
                }
            }
        }
        _ => return Err(block.wrong(statement.at, "`VALUES` or `CODES` after `KEYS`", by.as_bytes(), None)),
    };
    let mut numbers: HashMap<String, Option<usize>> = HashMap::with_capacity(texts.len());
    for (number, text) in texts.into_iter().enumerate() {
        numbers.entry(text.clone()).and_modify(|known| *known = None).or_insert(Some(number));
    }
    Ok(Some(numbers))
}

/// `TIMEVAL` marks the time dimension. Its list of periods repeats `VALUES` in another notation.
fn time(view: &View, dimensions: &mut [Dimension], metadata: &mut Metadata) -> Result<(), DecodeError> {
    let mut marked: Option<usize> = None;
    for statement in view.header.all("TIMEVAL") {
        let is_chosen = View::is(&statement.language, &view.chosen);
        let is_own = statement.language.is_none() || View::is(&statement.language, &view.own);
        if !is_chosen && !is_own {
            continue;
        }
        let name = statement.keys.first().map_or("", |key| key.text.as_str());
        let found = dimensions.iter().position(|dimension| {
            (is_own && same(&dimension.names[1], name)) || (is_chosen && same(&dimension.names[0], name))
        });
        let Some(found) = found else {
            let expected = "the name of a dimension in `TIMEVAL`";
            return Err(view.header.block.wrong(statement.at, expected, name.as_bytes(), None));
        };
        if *marked.get_or_insert(found) != found {
            return Err(view.header.block.wrong_in_words(statement.at, "one time dimension", "another one", None));
        }
    }
    if let Some(dimension) = marked.and_then(|marked| dimensions.get_mut(marked)) {
        dimension.name = TIME_PERIOD.to_owned();
        metadata.dimension_labels.insert(TIME_PERIOD.to_owned(), dimension.names[0].clone());
    }
    Ok(())
}

/// The newest of several times of change, which are comparable where all are written as specified
/// (`CCYYMMDD hh:mm`).
fn updated(view: &View, metadata: &mut Metadata) {
    let mut times: Vec<String> = view.all("LAST-UPDATED").into_iter().map(Statement::text).collect();
    times.retain(|time| !time.trim().is_empty());
    times.sort();
    times.dedup();
    let is_specified = |time: &String| time.len() >= 8 && time.bytes().take(8).all(|byte| byte.is_ascii_digit());
    if times.len() > 1 && !times.iter().all(is_specified) {
        metadata.notes.extend(times.into_iter().map(|time| format!("LAST-UPDATED: {time}")));
    } else {
        metadata.updated = times.pop();
    }
}

/// Footnotes as written; one about something in particular has that before it.
fn notes(view: &View, dimensions: &[Dimension], metadata: &mut Metadata) {
    let mut seen = HashSet::new();
    for keyword in ["NOTE", "NOTEX", "VALUENOTE", "VALUENOTEX", "CELLNOTE", "CELLNOTEX", "DATANOTE", "DATANOTESUM"] {
        for statement in view.all(keyword) {
            let note = match statement.keys.is_empty() {
                true => statement.text(),
                false => format!("{}: {}", statement.about(), statement.text()),
            };
            if !note.is_empty() && seen.insert(note.clone()) {
                metadata.notes.push(note);
            }
        }
    }
    let symbols = [".", "..", "...", "....", ".....", "......"];
    for (number, mark) in symbols.iter().enumerate() {
        if let Some(text) = view.text(&format!("DATASYMBOL{}", number + 1)) {
            metadata.notes.push(format!("`{mark}`: {text}"));
        }
    }
    for (keyword, mark) in [("DATASYMBOLNIL", "`-`"), ("DATASYMBOLSUM", "sum of different marks")] {
        if let Some(text) = view.text(keyword) {
            metadata.notes.push(format!("{mark}: {text}"));
        }
    }
    if dimensions.iter().any(|dimension| dimension.keys.is_some()) {
        metadata.notes.push("the file leaves out rows in which all cells are zero (KEYS)".into());
    }
}
