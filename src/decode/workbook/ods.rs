//! ODS (OpenDocument 1.2 and 1.3): which sheets there are, and the cells of one.
//!
//! All sheets stand in `content.xml`. A cell's value stands in its attributes, text in its paragraphs; equal neighbours
//! are one cell or row with a count. The names are matched with the prefixes that all writers use.

use super::super::DecodeError;
use super::super::columns::number;
use super::super::xml::{Event, Outcome, Tag};
use super::dates;
use super::package::Package;
use super::sheet::{Area, MAX_COLUMNS, MAX_ROWS, Sheet, Value};

/// A sheet, and whether a cell of it is filled.
pub(super) struct Listed {
    pub name: String,
    pub filled: bool,
}

/// Reads the sheet of this name or, without one, the first that has filled cells; and which sheets there are.
pub(super) fn read(package: &Package, wanted: Option<&str>) -> Result<(Vec<Listed>, Option<Sheet>), DecodeError> {
    if has_password(package)? {
        return Err(super::has_password());
    }
    let mut document = package.required("content.xml")?;
    let mut reader =
        Reader { wanted, listed: Vec::new(), found: None, sheet: None, path: Vec::new(), row: Row::default() };
    loop {
        let outcome = match document.xml.next() {
            Ok(Event::Open(tag)) => reader.open(&tag),
            Ok(Event::Close) => Ok(reader.close()),
            Ok(Event::Text(text, _)) => {
                reader.text(&text);
                Ok(Ok(()))
            }
            Ok(Event::Nothing) => continue,
            Ok(Event::End) => break,
            Err(failure) => Err(failure),
        };
        outcome.map_err(|failure| document.wrong(*failure))??;
    }
    Ok((reader.listed, reader.found))
}

/// Whether the list of parts says that they are encrypted.
fn has_password(package: &Package) -> Result<bool, DecodeError> {
    if package.has("encrypted-package") {
        return Ok(true);
    }
    let Some(mut document) = package.xml("META-INF/manifest.xml")? else {
        return Ok(false);
    };
    loop {
        match document.xml.next() {
            Ok(Event::Open(tag)) if tag.local() == "encryption-data" => return Ok(true),
            Ok(Event::End) => return Ok(false),
            Ok(_) => {}
            Err(failure) => return Err(document.wrong(*failure)),
        }
    }
}

/// What an open element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    /// What may have a sheet in it.
    Outer,
    Spreadsheet,
    /// A sheet, or rows of it that are grouped.
    Table,
    /// The sheet itself.
    Sheet,
    Row,
    Cell,
    /// A paragraph or what formats a part of it.
    Text,
    /// Nothing in it is a cell's text.
    Aside,
}

/// A row being read.
#[derive(Default)]
struct Row {
    number: u32,
    repeat: u32,
    column: u32,
    cell: Cell,
}

/// A cell being read.
#[derive(Default)]
struct Cell {
    repeat: u32,
    covered: bool,
    kind: String,
    value: Option<String>,
    is_error: bool,
    has_formula: bool,
    rows_spanned: u32,
    columns_spanned: u32,
    paragraphs: u32,
    text: String,
}

struct Reader<'w> {
    wanted: Option<&'w str>,
    listed: Vec<Listed>,
    /// The sheet that was wanted.
    found: Option<Sheet>,
    /// The one being read.
    sheet: Option<Sheet>,
    path: Vec<Element>,
    row: Row,
}

impl Reader<'_> {
    fn open(&mut self, tag: &Tag<'_>) -> Outcome<Result<(), DecodeError>> {
        let outer = self.path.last().copied().unwrap_or(Element::Outer);
        let name = tag.name();
        let element = match (outer, name) {
            (Element::Outer, "office:spreadsheet") => Element::Spreadsheet,
            (Element::Outer, _) => Element::Outer,
            (Element::Spreadsheet, "table:table") => {
                let name = tag.get("name")?.unwrap_or_default();
                match super::sheet_index(self.listed.len()) {
                    Ok(index) => self.sheet = Some(Sheet::new(&name, index)),
                    Err(error) => return Ok(Err(error)),
                }
                self.row = Row::default();
                Element::Sheet
            }
            (
                Element::Sheet | Element::Table,
                "table:table-header-rows" | "table:table-row-group" | "table:table-rows",
            ) => Element::Table,
            (Element::Sheet | Element::Table, "table:table-row") => {
                self.row.repeat = count(tag, "table:number-rows-repeated")?;
                self.row.column = 0;
                Element::Row
            }
            (Element::Row, "table:table-cell" | "table:covered-table-cell") => {
                self.row.cell = cell(tag)?;
                self.row.cell.covered = name == "table:covered-table-cell";
                Element::Cell
            }
            (Element::Cell, "text:p" | "text:h") => {
                let cell = &mut self.row.cell;
                if cell.paragraphs > 0 {
                    cell.text.push('\n');
                }
                cell.paragraphs += 1;
                Element::Text
            }
            (Element::Text, "text:note" | "text:ruby-text" | "office:annotation") => Element::Aside,
            (Element::Text, name) => {
                match name {
                    "text:s" => {
                        // More blanks than this mean nothing more.
                        let blanks = count(tag, "text:c")?.min(MAX_BLANKS) as usize;
                        self.row.cell.text.push_str(&" ".repeat(blanks));
                    }
                    "text:tab" => self.row.cell.text.push('\t'),
                    "text:line-break" => self.row.cell.text.push('\n'),
                    _ => {}
                }
                Element::Text
            }
            _ => Element::Aside,
        };
        self.path.push(element);
        match tag.closed {
            true => Ok(self.close()),
            false => Ok(Ok(())),
        }
    }

    fn text(&mut self, text: &str) {
        if self.path.last() != Some(&Element::Text) {
            return;
        }
        // Any number of blanks in the file is one; more are written as elements.
        let said = &mut self.row.cell.text;
        for (at, word) in text.split([' ', '\t', '\r', '\n']).enumerate() {
            if at > 0 && !said.ends_with(' ') {
                said.push(' ');
            }
            said.push_str(word);
        }
    }

    fn close(&mut self) -> Result<(), DecodeError> {
        match self.path.pop() {
            Some(Element::Cell) => self.end_cell(),
            Some(Element::Row) => {
                let (number, repeat) = (self.row.number, self.row.repeat);
                self.row.number = number.saturating_add(repeat);
                self.sheet.as_mut().map_or(Ok(()), |sheet| sheet.repeat(number, repeat))
            }
            Some(Element::Sheet) => {
                if let Some(mut sheet) = self.sheet.take() {
                    let is_wanted = match self.wanted {
                        Some(wanted) => sheet.name == wanted,
                        None => !sheet.is_empty(),
                    };
                    self.listed.push(Listed { name: sheet.name.clone(), filled: !sheet.is_empty() });
                    if is_wanted && self.found.is_none() {
                        sheet.finish();
                        self.found = Some(sheet);
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end_cell(&mut self) -> Result<(), DecodeError> {
        let (number, column) = (self.row.number, self.row.column);
        let cell = std::mem::take(&mut self.row.cell);
        self.row.column = column.saturating_add(cell.repeat);
        let Some(sheet) = &mut self.sheet else {
            return Ok(());
        };
        // Only the one that is wanted need be kept.
        if self.wanted.is_some_and(|wanted| wanted != sheet.name) || self.wanted.is_none() && self.found.is_some() {
            if sheet.is_empty() && value(&cell, sheet, number, column)?.is_some() {
                sheet.texts.clear();
                sheet.add(number.min(MAX_ROWS - 1), 0, 1, Value::Uncomputed)?;
            }
            return Ok(());
        }
        if (cell.rows_spanned > 1 || cell.columns_spanned > 1) && !cell.covered {
            let bottom = number.saturating_add(cell.rows_spanned - 1).min(MAX_ROWS - 1);
            let right = column.saturating_add(cell.columns_spanned - 1).min(MAX_COLUMNS - 1);
            sheet.merge(Area { top: number, left: column, bottom, right });
        }
        match value(&cell, sheet, number, column)? {
            Some(value) => sheet.add(number, column, cell.repeat, value),
            None => Ok(()),
        }
    }
}

/// Blanks that one element may stand for.
const MAX_BLANKS: u32 = 1000;

/// An attribute that counts, 1 where it is left out.
fn count(tag: &Tag<'_>, name: &str) -> Outcome<u32> {
    let mut attributes = tag.attributes();
    while let Some(attribute) = attributes.next()? {
        if attribute.name == name {
            // What is more than a sheet has is refused where a filled cell stands there.
            let digits = attribute.raw.bytes().all(|byte| byte.is_ascii_digit());
            return Ok(attribute.raw.parse().unwrap_or(if digits { u32::MAX } else { 1 }).max(1));
        }
    }
    Ok(1)
}

fn cell(tag: &Tag<'_>) -> Outcome<Cell> {
    let mut cell = Cell {
        repeat: count(tag, "table:number-columns-repeated")?,
        rows_spanned: count(tag, "table:number-rows-spanned")?,
        columns_spanned: count(tag, "table:number-columns-spanned")?,
        ..Cell::default()
    };
    let mut attributes = tag.attributes();
    while let Some(attribute) = attributes.next()? {
        match attribute.name {
            "office:value-type" => cell.kind = attribute.text()?.into_owned(),
            "calcext:value-type" => cell.is_error = attribute.raw == "error",
            "table:formula" => cell.has_formula = true,
            "office:value"
            | "office:string-value"
            | "office:date-value"
            | "office:time-value"
            | "office:boolean-value" => cell.value = Some(attribute.text()?.into_owned()),
            _ => {}
        }
    }
    Ok(cell)
}

/// What a cell holds; none where it is empty.
fn value(cell: &Cell, sheet: &mut Sheet, row: u32, column: u32) -> Result<Option<Value>, DecodeError> {
    let said = cell.text.trim();
    let stated = cell.value.as_deref().map(str::trim);
    let wrong = |sheet: &Sheet, expected: &str| {
        let hint = "the workbook is damaged, or the program that wrote it has a fault: open it and save it anew";
        Err(sheet.wrong(row, column, expected, "something else", Some(hint.into())))
    };
    // A formula that failed is text to ODF.
    if cell.is_error
        || cell.has_formula && matches!(said, "#N/A" | "#REF!" | "#VALUE!" | "#DIV/0!" | "#NAME?" | "#NUM!")
    {
        return Ok(Some(Value::Error(sheet.text(if said.is_empty() { "an error" } else { said }))));
    }
    Ok(match cell.kind.as_str() {
        "float" | "percentage" | "currency" => match stated.and_then(|text| number(text.as_bytes())) {
            Some(number) => Some(Value::Number(number)),
            None => return wrong(sheet, "a number in `office:value`"),
        },
        "date" | "time" => match stated.filter(|text| !text.is_empty()) {
            Some(text) => Some(Value::Date(sheet.text(dates::without_midnight(text)))),
            None => return wrong(sheet, "a date or time in `office:date-value` or `office:time-value`"),
        },
        "boolean" => match stated {
            Some("true" | "TRUE") => Some(Value::Bool(true)),
            Some("false" | "FALSE") => Some(Value::Bool(false)),
            _ => return wrong(sheet, "`true` or `false` in `office:boolean-value`"),
        },
        "string" | "" => match stated.filter(|text| !text.is_empty()).unwrap_or(said) {
            "" if cell.has_formula && cell.kind.is_empty() => Some(Value::Uncomputed),
            "" => None,
            text => Some(Value::Text(sheet.text(text))),
        },
        // Written by programs that keep nothing of a formula but its text.
        "void" => cell.has_formula.then_some(Value::Uncomputed),
        _ => return wrong(sheet, "a type of cell that ODS has"),
    })
}
