//! Columns besides the value: what a header says about single cells.

use std::collections::{HashMap, HashSet};

use super::super::{DecodeError, MAX_DIMENSIONS, Metadata};
use super::layout::Dimension;
use super::marks::CellTexts;
use super::statements::Statement;
use super::view::{View, same};

/// What statements about cells call the values of a dimension: codes or labels, without blanks around them.
fn numbers(dimension: &Dimension) -> HashMap<&str, usize> {
    let lists = [&dimension.own_labels, &dimension.labels, &dimension.codes];
    lists.into_iter().flat_map(|list| list.iter().enumerate().map(|(at, text)| (text.trim(), at))).collect()
}

/// Further columns: units where they differ, marks of single cells (`DATANOTECELL`), and attributes.
pub(super) fn attributes(
    view: &View,
    dimensions: &[Dimension],
    metadata: &mut Metadata,
) -> Result<Vec<(String, CellTexts)>, DecodeError> {
    let mut attributes = Vec::new();
    let sizes: Vec<usize> = dimensions.iter().map(|dimension| dimension.codes.len()).collect();
    let has_keys = |keyword| view.header.all(keyword).iter().any(|statement| !statement.keys.is_empty());
    let values: Vec<HashMap<&str, usize>> = match ["UNITS", "DATANOTECELL", "ATTRIBUTES"].into_iter().any(has_keys) {
        true => dimensions.iter().map(numbers).collect(),
        false => vec![HashMap::new(); dimensions.len()],
    };
    attributes.extend(units(view, dimensions, &values, &sizes, metadata));
    let mut marks = CellTexts::new(&sizes);
    for statement in view.all("DATANOTECELL") {
        place(&mut marks, statement, &statement.text(), &values, metadata)
            .map_err(|expected| too_many(view, statement, expected))?;
    }
    if !marks.is_empty() {
        attributes.push(("DATANOTECELL".to_owned(), marks));
    }
    let names = view.all("ATTRIBUTE-ID").into_iter().next();
    for (number, name) in names.into_iter().flat_map(|statement| &statement.values).enumerate() {
        let mut texts = CellTexts::new(&sizes);
        for statement in view.all("ATTRIBUTES") {
            if let Some(item) = statement.values.get(number) {
                place(&mut texts, statement, &item.text, &values, metadata)
                    .map_err(|expected| too_many(view, statement, expected))?;
            }
        }
        attributes.push((name.text.clone(), texts));
        if attributes.len() > MAX_DIMENSIONS {
            let expected = format!("at most {MAX_DIMENSIONS} attributes");
            return Err(view.header.block.wrong_in_words(name.at, expected, "more", None));
        }
    }
    Ok(attributes)
}

fn too_many(view: &View, statement: &Statement, expected: String) -> DecodeError {
    view.header.block.wrong_in_words(statement.at, expected, "more", None)
}

/// Puts a text on the cells that a statement's keys select, one key a dimension, `*` for all; a text that
/// selects none is kept as a note.
fn place(
    texts: &mut CellTexts,
    statement: &Statement,
    text: &str,
    values: &[HashMap<&str, usize>],
    metadata: &mut Metadata,
) -> Result<(), String> {
    let mut pattern = vec![None; values.len()];
    let mut is_known = statement.keys.is_empty() || statement.keys.len() == values.len();
    for ((key, values), of) in statement.keys.iter().zip(values).zip(&mut pattern) {
        if key.text.trim() != "*" {
            *of = values.get(key.text.trim()).copied();
            is_known &= of.is_some();
        }
    }
    if is_known {
        return texts.add(&pattern, text);
    }
    metadata.notes.push(format!("{}: {text}", statement.about()));
    Ok(())
}

/// One unit for all is metadata; units by value of the contents variable are a column.
fn units(
    view: &View,
    dimensions: &[Dimension],
    values: &[HashMap<&str, usize>],
    sizes: &[usize],
    metadata: &mut Metadata,
) -> Option<(String, CellTexts)> {
    let contents = view.text("CONTVARIABLE");
    let contents = contents.and_then(|name| {
        dimensions.iter().position(|dimension| dimension.names.iter().any(|other| same(other, &name)))
    });
    let mut general: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    let mut specific = Vec::new();
    for statement in view.all("UNITS") {
        let text = statement.text();
        let key = statement.keys.first().map(|key| key.text.trim());
        let value = key.zip(contents).and_then(|(key, of)| Some((of, *values.get(of)?.get(key)?)));
        match (key, value) {
            (None, _) if !text.is_empty() && seen.insert(text.clone()) => general.push(text),
            (None, _) => {}
            (Some(_), Some((of, value))) => specific.push((of, value, text)),
            (Some(_), None) => metadata.notes.push(format!("{}: {text}", statement.about())),
        }
    }
    if specific.is_empty() {
        match general.as_slice() {
            [one] => metadata.units = Some(one.clone()),
            several => metadata.notes.extend(several.iter().map(|unit| format!("UNITS: {unit}"))),
        }
        return None;
    }
    let all = vec![None; dimensions.len()];
    let mut column = CellTexts::new(sizes);
    if let Some(unit) = general.first() {
        // Two selections are never too many.
        let _ = column.add(&all, unit);
    }
    for (contents, value, unit) in specific {
        let mut pattern = all.clone();
        if let Some(of) = pattern.get_mut(contents) {
            *of = Some(value);
        }
        let _ = column.add(&pattern, &unit);
    }
    Some(("UNITS".to_owned(), column))
}
