//! Workbooks: XLSX (ECMA-376) and ODS (OpenDocument 1.2 and later), one sheet of them as a table.
//!
//! # Which cells are the table
//! The sheet is the one that the hint `sheet` names or else the only one that has filled cells. The header is the row
//! that the hint `header` names (from 1) or else the first row that holds all the columns that the hints name or,
//! where they name none, the first that has two filled cells: a title above the names is common. The rows below it are
//! the records; a row without any filled cell of its own is none. See [`selection`](super::selection) for what
//! `columns`, `value`, `time` and `flag` mean. Columns without a name are not decoded, unless a merged one reaches them.
//!
//! # What a cell says
//! - A merged area's value stands for each of its cells. An observed value is not multiplied: one that stands for
//!   several records is an error.
//! - A number is the Float64 that is nearest to the file's digits. As text it is its shortest form, `2025`. What its
//!   format adds is lost: a `01` that is the number 1 written with two digits is `1`, and 10.5 % is 0.105.
//! - Text in the column of values is a number as in delimited text: the hint `decimal` says its mark.
//! - A date is text of ISO 8601, without the time where that is midnight; a truth value `true` or `false`.
//! - A formula is the result that the file keeps. One without, and one that failed, is an error; but `#N/A`, which is
//!   how spreadsheets write that there is no value, is an observation without a value and with the flag `#N/A`.
//! - In observations, a row without a value that lacks a dimension is a note and no observation; what stands alone in
//!   its row is kept among the notes. With a value, a missing dimension is an error.
//! - Hidden rows, columns and sheets are read as any other.
//!
//! # Memory
//! The archive is held as it came, until the sheet's filled cells have been read from it; these are held until the
//! last batch. Repeats and merged areas are not written out. What all parts inflate to is limited before any is read.
//! No other crate reads the cells: those that do allocate what a file's attributes claim, or write repeats out.

use super::{DecodeError, Hints, Source, Table};
use crate::error::nearest;

mod dates;
mod ods;
mod package;
mod sheet;
mod table;
#[cfg(test)]
mod tests;
mod xlsx;

use package::{Package, refused};
use sheet::{MAX_COLUMNS, MAX_ROWS};

/// How the compound files begin in which binary workbooks (.xls) and workbooks with a password come.
pub(super) const OLD_MAGIC: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// Where an OpenDocument file says what it is: stored, so that it can be seen in the archive.
const ODS_TYPE: &[u8] = b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet";

/// Whether a payload begins like XLSX. Binary workbooks are taken for it, so that the error says what to do.
pub(super) fn recognises_xlsx(head: &[u8]) -> bool {
    head.starts_with(OLD_MAGIC) || is_office(head) && !is_other_document(head)
}

/// Whether a payload begins like ODS.
pub(super) fn recognises_ods(head: &[u8]) -> bool {
    is_open_document(head)
}

/// Whether a ZIP archive that begins like this is a document of several parts, whatever document.
pub(super) fn is_package(head: &[u8]) -> bool {
    is_office(head) || is_open_document(head)
}

fn is_open_document(head: &[u8]) -> bool {
    // Behind the name there may be an extra field.
    first_entry(head).is_some_and(|(name, _)| name == b"mimetype")
        && memchr::memmem::find(head.get(..512.min(head.len())).unwrap_or_default(), &ODS_TYPE[8..]).is_some()
}

fn is_office(head: &[u8]) -> bool {
    let folders: [&[u8]; 4] = [b"_rels/", b"docProps/", b"xl/", b"customXml/"];
    first_entry(head).is_some_and(|(name, _)| {
        name == b"[Content_Types].xml" || folders.iter().any(|folder| name.starts_with(folder))
    })
}

/// Whether it is a text or a presentation, as far as the beginning tells.
fn is_other_document(head: &[u8]) -> bool {
    let mut entries = memchr::memmem::find_iter(head, super::zip::MAGIC);
    entries.any(|at| {
        let name = head.get(at..).and_then(first_entry).map(|(name, _)| name).unwrap_or_default();
        name.starts_with(b"word/") || name.starts_with(b"ppt/")
    })
}

/// Name of the first entry of a ZIP archive, and what stands behind it.
fn first_entry(head: &[u8]) -> Option<(&[u8], &[u8])> {
    let header = head.first_chunk::<30>().filter(|header| header.starts_with(super::zip::MAGIC))?;
    let length = usize::from(u16::from_le_bytes([header[26], header[27]]));
    head.get(30..)?.split_at_checked(length)
}

pub(super) fn open_xlsx(source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    let package = Package::open(source, hints)?;
    if package.has("mimetype") {
        return Err(refused("an XLSX workbook", "an OpenDocument file", "say `ods`"));
    }
    let workbook = xlsx::Workbook::open(&package)?;
    let names = || workbook.sheets.iter().map(|listed| listed.name.as_str());
    let chosen = match &hints.sheet {
        Some(name) => {
            workbook.sheets.iter().find(|listed| listed.name == *name).ok_or_else(|| no_sheet(name, names()))?
        }
        None => {
            let mut filled = Vec::new();
            for listed in &workbook.sheets {
                if workbook.has_cells(listed)? {
                    filled.push(listed);
                }
            }
            match filled.as_slice() {
                [] => return Err(no_cells()),
                [only] => *only,
                filled => return Err(several(filled.iter().map(|listed| listed.name.as_str()))),
            }
        }
    };
    let sheet = workbook.read(chosen)?;
    drop(package);
    table::open(sheet, hints)
}

pub(super) fn open_ods(source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    let package = Package::open(source, hints)?;
    if package.has("[Content_Types].xml") {
        return Err(refused("an ODS workbook", "an Office Open XML file", "say `xlsx`"));
    }
    let (listed, sheet) = ods::read(&package, hints.sheet.as_deref())?;
    drop(package);
    if let Some(name) = hints.sheet.as_ref().filter(|_| sheet.is_none()) {
        return Err(no_sheet(name, listed.iter().map(|listed| listed.name.as_str())));
    }
    let filled: Vec<&str> = listed.iter().filter(|listed| listed.filled).map(|listed| listed.name.as_str()).collect();
    if hints.sheet.is_none() && filled.len() > 1 {
        return Err(several(filled.into_iter()));
    }
    table::open(sheet.ok_or_else(no_cells)?, hints)
}

/// What the bytes must begin with to be a ZIP archive; else what they are.
fn check_magic(bytes: &[u8]) -> Result<(), DecodeError> {
    if bytes.starts_with(super::zip::MAGIC) {
        return Ok(());
    }
    if bytes.starts_with(OLD_MAGIC) {
        let stream: Vec<u8> = "EncryptedPackage".bytes().flat_map(|byte| [byte, 0]).collect();
        return Err(match memchr::memmem::find(bytes, &stream) {
            Some(_) => has_password(),
            None => refused("a workbook", "an old binary one (.xls)", "open it and save it as XLSX"),
        });
    }
    Err(DecodeError::Format {
        expected: "a workbook (XLSX or ODS)".into(),
        found: super::notice::looks_like(bytes),
        hint: Some("open the address in a browser: the source may have moved the file, or be down".into()),
    })
}

fn has_password() -> DecodeError {
    refused("a workbook that can be read", "one with a password", "open it and save it without a password")
}

fn no_cells() -> DecodeError {
    refused("a workbook with a sheet that has cells", "none", "look whether the source has emptied or moved it")
}

fn no_sheet<'n>(wanted: &str, names: impl Iterator<Item = &'n str> + Clone) -> DecodeError {
    let hint = match nearest(wanted, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "correct `sheet`".into(),
    };
    refused(&format!("a sheet `{wanted}`"), &listed(names), &hint)
}

fn several<'n>(names: impl Iterator<Item = &'n str>) -> DecodeError {
    refused("one sheet that has cells", &listed(names), "say which one is meant: `sheet = \"…\"`")
}

/// The names of sheets, no more than can be read.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut all: Vec<String> = names.map(|name| format!("`{}`", super::notice::shortened(name))).collect();
    if all.is_empty() {
        return "no sheets".into();
    }
    let more = all.len().saturating_sub(20);
    all.truncate(20);
    match more {
        0 => all.join(", "),
        more => format!("{} and {more} more", all.join(", ")),
    }
}

/// The place of a sheet; DuckDB's integers, which keep [`pack_workbook_cell`]'s numbers, are signed.
fn sheet_index(index: usize) -> Result<u16, DecodeError> {
    u16::try_from(index).ok().filter(|index| *index <= i16::MAX as u16).ok_or_else(|| {
        refused("a workbook of at most 32768 sheets", "more", "save the sheet that is meant in a file of its own")
    })
}

/// Sheet, row and column, each from 0, of a `cell` of a table that was decoded from a workbook.
pub fn workbook_cell(cell: u64) -> (u16, u32, u16) {
    ((cell >> 48) as u16, (cell >> 16) as u32, cell as u16)
}

/// The `cell` of this sheet, row and column, each from 0.
pub fn pack_workbook_cell(sheet: u16, row: u32, column: u16) -> u64 {
    u64::from(sheet) << 48 | u64::from(row) << 16 | u64::from(column)
}

/// `C5` of row 4 and column 2.
pub(super) fn a1(row: u32, column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        letters.push(char::from(b'A' + ((rest - 1) % 26) as u8));
        rest = (rest - 1) / 26;
    }
    let letters: String = letters.into_iter().rev().collect();
    format!("{letters}{}", row + 1)
}

/// Row and column of `C5`; none of what no sheet has.
fn from_a1(text: &str) -> Option<(u32, u32)> {
    let digits = text.find(|c: char| c.is_ascii_digit())?;
    let (letters, row) = text.split_at(digits);
    if !(1..=3).contains(&letters.len()) || row.len() > 7 || !row.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut column = 0;
    for letter in letters.bytes().map(|byte| byte.to_ascii_uppercase()) {
        column = column * 26 + u32::from(letter.checked_sub(b'A').filter(|letter| *letter < 26)?) + 1;
    }
    let row: u32 = row.parse().ok()?;
    ((1..=MAX_ROWS).contains(&row) && column <= MAX_COLUMNS).then(|| (row - 1, column - 1))
}
