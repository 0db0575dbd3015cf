//! Of which structure the rows are that are decoded: the first row's, or the one that the hint `dataset` names.
//!
//! A message may have rows of several dataflows, data structures or agreements, each filling the columns of its own
//! dimensions. Rows are read once; only to find a structure that does not come first, and for an error that lists
//! them all, the payload is read before or once more.

use super::code;
use super::layout::{Layout, Role};
use crate::decode::fields::{Field, each_record};
use crate::decode::notice::shortened;
use crate::decode::records::{Block, Blocks, Charset};
use crate::decode::{DecodeError, Hints, Metadata, Source};

/// Structures that an error lists.
const MAX_LISTED: usize = 20;

/// The structure whose rows are decoded.
#[derive(Default)]
pub(super) struct Structure {
    /// As its first row writes it, with a label it may have.
    pub written: Vec<u8>,
    /// `AGENCY:ID(VERSION)`.
    pub id: Vec<u8>,
}

/// What the structure's first row says.
#[derive(Default)]
pub(super) struct Chosen {
    pub structure: Structure,
    pub metadata: Metadata,
    /// Columns of dimensions that it leaves empty.
    pub empty: Vec<usize>,
}

/// Finds the first row of the structure to be decoded; without any row there is none.
pub(super) fn choose(
    source: &Source,
    hints: &Hints,
    separator: u8,
    layout: &Layout,
    blocks: &mut Blocks,
) -> Result<Chosen, DecodeError> {
    let charset = Charset::new(hints)?;
    let mut chosen = None;
    let Some(first) = blocks.peek()? else {
        let metadata = Metadata { dimension_labels: layout.labels.clone(), ..Metadata::default() };
        return Ok(Chosen { metadata, ..Chosen::default() });
    };
    let is_wanted = |block: &Block, fields: &[Field]| match (&hints.dataset, fields.get(layout.structure)) {
        (None, _) => true,
        (Some(wanted), Some(field)) => is_meant(code(&field.bytes(block)), wanted),
        (Some(_), None) => false,
    };
    each_record(&first, separator, None, |fields, _| {
        if is_wanted(&first, fields) {
            chosen = Some(described(layout, &first, fields, charset)?);
        }
        Ok(())
    })?;
    // Rows of others stand before it, or a line without anything on it.
    if chosen.is_none() {
        each_row(source, hints, separator, |block, fields| {
            if is_wanted(block, fields) {
                chosen = Some(described(layout, block, fields, charset)?);
            }
            Ok(chosen.is_none())
        })?;
    }
    match (chosen, &hints.dataset) {
        (Some(chosen), _) => Ok(chosen),
        (None, None) => Ok(Chosen::default()),
        (None, Some(wanted)) => Err(DecodeError::Format {
            expected: format!("rows of `{wanted}`"),
            found: listed(&all(source, hints, separator, layout)),
            hint: Some("correct the hint `dataset`: an id such as `ISOC_X`, or all of `ESTAT:ISOC_X(1.0)`".into()),
        }),
    }
}

/// Whether the hint means this structure: by its id, or by all of `AGENCY:ID(VERSION)`.
pub(super) fn is_meant(structure: &[u8], wanted: &str) -> bool {
    structure == wanted.as_bytes() || id(structure) == wanted.as_bytes()
}

/// The structures of a payload, for an error: as many as it lists, and one more.
pub(super) fn all(source: &Source, hints: &Hints, separator: u8, layout: &Layout) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let mut last: Vec<u8> = Vec::new();
    // A payload that breaks off further on has these before it does.
    let _ = each_row(source, hints, separator, |block, fields| {
        let Some(field) = fields.get(layout.structure) else {
            return Ok(true);
        };
        let written = &block.bytes[field.start..field.end];
        if written != last {
            last = written.to_vec();
            let found = shortened(&String::from_utf8_lossy(code(&field.bytes(block))));
            if !ids.contains(&found) {
                ids.push(found);
            }
        }
        Ok(ids.len() <= MAX_LISTED)
    });
    ids
}

/// Structures in words.
pub(super) fn listed(structures: &[String]) -> String {
    let names: Vec<String> = structures.iter().take(MAX_LISTED).map(|id| format!("`{id}`")).collect();
    match names.as_slice() {
        [] => "no rows".into(),
        names if structures.len() > names.len() => format!("rows of {}, and more", names.join(", ")),
        names => format!("rows of {}", names.join(", ")),
    }
}

/// What a row says of the whole table.
fn described(layout: &Layout, block: &Block, fields: &[Field], charset: Charset) -> Result<Chosen, DecodeError> {
    let text = |at: Option<usize>, part: fn(&[u8]) -> &[u8]| -> Result<Option<String>, DecodeError> {
        let Some(field) = at.and_then(|at| fields.get(at)) else {
            return Ok(None);
        };
        let whole = field.bytes(block);
        let text = charset.text(part(&whole), block, field.start)?;
        Ok(Some(text.into_owned()).filter(|text| !text.is_empty()))
    };
    let whole = |at| text(at, |whole| whole);
    let structure = match fields.get(layout.structure) {
        None => Structure::default(),
        Some(field) => {
            Structure { written: block.bytes[field.start..field.end].to_vec(), id: code(&field.bytes(block)).to_vec() }
        }
    };
    let title = match whole(layout.title)? {
        Some(title) => Some(title),
        None => text(Some(layout.structure), label)?,
    };
    let metadata = Metadata {
        dataset: text(Some(layout.structure), |whole| id(code(whole)))?,
        title,
        updated: whole(layout.updated)?,
        dimension_labels: layout.labels.clone(),
        ..Metadata::default()
    };
    let is_empty = |at: &usize| {
        layout.columns[*at].role == Role::Dimension && fields.get(*at).is_some_and(|field| field.start == field.end)
    };
    let empty = (0..layout.columns.len()).filter(is_empty).collect();
    Ok(Chosen { structure, metadata, empty })
}

/// Calls `row` with the fields of each row of a payload, from the first one, until it says that this is enough.
fn each_row(
    source: &Source,
    hints: &Hints,
    separator: u8,
    mut row: impl FnMut(&Block, &[Field]) -> Result<bool, DecodeError>,
) -> Result<(), DecodeError> {
    let mut blocks = Blocks::new(source.stream(hints)?, true)?;
    blocks.record()?;
    let mut goes_on = true;
    for block in blocks {
        let block = block?;
        each_record(&block, separator, None, |fields, _| {
            if goes_on {
                goes_on = row(&block, fields)?;
            }
            Ok(())
        })?;
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// `ESTAT:ISOC_R_EB_AIN2(1.0)` → `ISOC_R_EB_AIN2`.
fn id(structure: &[u8]) -> &[u8] {
    let id = structure.split(|byte| *byte == b'(').next().unwrap_or(structure);
    id.rsplit(|byte| *byte == b':').next().unwrap_or(id)
}

/// `ESTAT:ISOC_R_EB_AIN2(1.0): Enterprises` → `Enterprises`.
fn label(structure: &[u8]) -> &[u8] {
    let id = code(structure).len();
    structure.get(id + 2..).unwrap_or_default()
}
