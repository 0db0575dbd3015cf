//! XLSX (ECMA-376, Office Open XML): which sheets there are, and the cells of one.
//!
//! `workbook.xml` names the sheets, its relationships say in which part each stands. A cell has the type of its
//! attribute `t`; a number is a date where the format of its style writes one. Text stands in a table of its own, in
//! the cell, or as the result of a formula. A formula's result is what the program that saved the file computed.

use super::super::DecodeError;
use super::super::columns::number;
use super::super::xml::{Event, Outcome, Tag};
use super::dates::{self, Form};
use super::package::{Document, Package, refused};
use super::sheet::{Area, MAX_COLUMNS, MAX_ROWS, Sheet, Value};

/// A sheet that can hold cells.
pub(super) struct Listed {
    pub name: String,
    /// Its place among all sheets, from 0.
    pub index: u16,
    part: String,
}

/// What is common to the sheets of a workbook.
pub(super) struct Workbook<'p> {
    package: &'p Package,
    pub sheets: Vec<Listed>,
    strings: Option<String>,
    styles: Option<String>,
    /// Whether days are counted from 1904.
    is_1904: bool,
}

impl<'p> Workbook<'p> {
    /// Reads which sheets there are.
    pub fn open(package: &'p Package) -> Result<Self, DecodeError> {
        let main = related(package, "_rels/.rels", "", &["officeDocument"])?.pop();
        let main = main.map_or_else(|| "xl/workbook.xml".to_owned(), |main| main.part);
        if main.to_ascii_lowercase().ends_with(".bin") {
            return Err(refused("an XLSX workbook", "a binary workbook (.xlsb)", "open it and save it as XLSX"));
        }
        let mut document = package.required(&main)?;
        let (folder, file) = main.rsplit_once('/').unwrap_or(("", &main));
        let relations = match folder {
            "" => format!("_rels/{file}.rels"),
            folder => format!("{folder}/_rels/{file}.rels"),
        };
        let mut stated = Vec::new();
        let mut is_1904 = false;
        each_open(&mut document, |tag| {
            match tag.local() {
                "sheet" => {
                    let name = tag.get("name")?.unwrap_or_default().into_owned();
                    stated.push((name, tag.get("id")?.unwrap_or_default().into_owned()));
                }
                "workbookPr" => is_1904 = matches!(tag.get("date1904")?.as_deref(), Some("1" | "true")),
                _ => {}
            }
            Ok(())
        })?;
        let mut workbook = Workbook { package, sheets: Vec::new(), strings: None, styles: None, is_1904 };
        let kinds = ["worksheet", "sharedStrings", "styles"];
        let mut sheets = Vec::new();
        for relation in related(package, &relations, folder, &kinds)? {
            match relation.kind.as_str() {
                "worksheet" => sheets.push(relation),
                "styles" => workbook.styles = Some(relation.part),
                _ => workbook.strings = Some(relation.part),
            }
        }
        for (index, (name, id)) in stated.into_iter().enumerate() {
            let index = super::sheet_index(index)?;
            // A sheet of another kind holds a chart, no cells.
            if let Some(relation) = sheets.iter().find(|relation| relation.id == id) {
                workbook.sheets.push(Listed { name, index, part: relation.part.clone() });
            }
        }
        Ok(workbook)
    }

    /// Whether a cell of this sheet is filled.
    pub fn has_cells(&self, listed: &Listed) -> Result<bool, DecodeError> {
        let mut found = false;
        let mut document = self.package.required(&listed.part)?;
        let mut text = false;
        loop {
            match document.xml.next() {
                Ok(Event::Open(tag)) => text = matches!(tag.local(), "v" | "t" | "f") && !tag.closed,
                Ok(Event::Close) => text = false,
                Ok(Event::Text(said, _)) => found |= text && !said.trim().is_empty(),
                Ok(Event::End) => return Ok(false),
                Ok(Event::Nothing) => {}
                Err(failure) => return Err(document.wrong(*failure)),
            }
            if found {
                return Ok(true);
            }
        }
    }

    /// The cells of a sheet.
    pub fn read(&self, listed: &Listed) -> Result<Sheet, DecodeError> {
        let mut sheet = Sheet::new(&listed.name, listed.index);
        if let Some(part) = &self.strings
            && let Some(mut document) = self.package.xml(part)?
        {
            read_strings(&mut document, &mut sheet)?;
        }
        let mut forms = Vec::new();
        if let Some(part) = &self.styles
            && let Some(mut document) = self.package.xml(part)?
        {
            forms = read_forms(&mut document)?;
        }
        let strings = sheet.texts.len();
        let mut document = self.package.required(&listed.part)?;
        let mut cells =
            Cells { sheet, forms, strings, is_1904: self.is_1904, next: (0, 0), cell: None, depth: 0, row_depth: None };
        loop {
            let outcome = match document.xml.next() {
                Ok(Event::Open(tag)) => cells.open(&tag),
                Ok(Event::Close) => Ok(cells.close()),
                Ok(Event::Text(text, _)) => {
                    cells.text(&text);
                    Ok(Ok(()))
                }
                Ok(Event::Nothing) => continue,
                Ok(Event::End) => break,
                Err(failure) => Err(failure),
            };
            outcome.map_err(|failure| document.wrong(*failure))??;
        }
        cells.sheet.finish();
        Ok(cells.sheet)
    }
}

/// A part that another one names.
struct Relation {
    id: String,
    /// The last word of its type.
    kind: String,
    part: String,
}

/// The parts of these kinds that a part of relationships names; `folder` is where the part stands that they belong to.
fn related(package: &Package, part: &str, folder: &str, kinds: &[&str]) -> Result<Vec<Relation>, DecodeError> {
    let mut found = Vec::new();
    let Some(mut document) = package.xml(part)? else {
        return Ok(found);
    };
    each_open(&mut document, |tag| {
        let kind = tag.get("Type")?.unwrap_or_default();
        let kind = kind.rsplit('/').next().unwrap_or_default();
        if tag.local() == "Relationship" && kinds.contains(&kind) {
            let target = tag.get("Target")?.unwrap_or_default();
            let id = tag.get("Id")?.unwrap_or_default().into_owned();
            found.push(Relation { id, kind: kind.to_owned(), part: resolved(folder, &target) });
        }
        Ok(())
    })?;
    Ok(found)
}

/// A target relative to a folder of the archive, or absolute.
fn resolved(folder: &str, target: &str) -> String {
    let (base, path) = match target.strip_prefix('/') {
        Some(path) => ("", path),
        None => (folder, target),
    };
    let mut steps: Vec<&str> = Vec::new();
    for step in base.split('/').chain(path.split('/')) {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    steps.join("/")
}

/// Calls `open` with each opening tag of a part.
fn each_open(document: &mut Document, mut open: impl FnMut(&Tag<'_>) -> Outcome<()>) -> Result<(), DecodeError> {
    loop {
        let outcome = match document.xml.next() {
            Ok(Event::Open(tag)) => open(&tag),
            Ok(Event::End) => return Ok(()),
            Ok(_) => continue,
            Err(failure) => Err(failure),
        };
        outcome.map_err(|failure| document.wrong(*failure))?;
    }
}

/// The text of a string: in runs of their own format, without how it is pronounced.
#[derive(Default)]
struct Said {
    text: String,
    /// Whether the text of a `t` goes on.
    inside: bool,
    /// Elements that are open in what is said about the pronunciation.
    aside: usize,
}

impl Said {
    fn open(&mut self, tag: &Tag<'_>) {
        if self.aside > 0 || tag.local() == "rPh" {
            self.aside += usize::from(!tag.closed);
        } else {
            self.inside = tag.local() == "t" && !tag.closed;
        }
    }

    fn close(&mut self) {
        self.aside = self.aside.saturating_sub(1);
        self.inside = false;
    }

    fn push(&mut self, text: &str) {
        if self.inside && self.aside == 0 {
            self.text.push_str(text);
        }
    }

    /// The text, whose characters that XML does not have are written `_x000D_`.
    fn take(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        if !text.contains("_x") {
            return text;
        }
        let mut plain = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find("_x") {
            let code = rest.get(at + 2..at + 6).filter(|_| rest.as_bytes().get(at + 6) == Some(&b'_'));
            let code = code.filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let character = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
            let passed = if character.is_some() { at + 7 } else { at + 2 };
            plain.push_str(&rest[..if character.is_some() { at } else { passed }]);
            plain.extend(character);
            rest = &rest[passed..];
        }
        plain.push_str(rest);
        plain
    }
}

/// The table of strings: its positions are what cells name.
fn read_strings(document: &mut Document, sheet: &mut Sheet) -> Result<(), DecodeError> {
    let (mut said, mut depth) = (Said::default(), 0);
    loop {
        match document.xml.next() {
            Ok(Event::Open(tag)) => {
                said.open(&tag);
                if depth == 1 && tag.closed {
                    sheet.text("");
                }
                depth += usize::from(!tag.closed);
            }
            Ok(Event::Close) => {
                said.close();
                depth -= 1;
                if depth == 1 {
                    let text = said.take();
                    sheet.text(text.trim());
                }
            }
            Ok(Event::Text(text, _)) => said.push(&text),
            Ok(Event::Nothing) => {}
            Ok(Event::End) => return Ok(()),
            Err(failure) => return Err(document.wrong(*failure)),
        }
    }
}

/// How each style writes numbers.
fn read_forms(document: &mut Document) -> Result<Vec<Form>, DecodeError> {
    let (mut codes, mut forms) = (Vec::new(), Vec::new());
    let mut in_cells = false;
    each_open(document, |tag| {
        match tag.local() {
            "numFmt" => {
                let code = tag.get("formatCode")?.unwrap_or_default();
                codes.push((tag.get("numFmtId")?.unwrap_or_default().into_owned(), Form::of_code(&code)));
            }
            "cellXfs" => in_cells = true,
            // What follows; styles that have a name are no styles of cells by themselves.
            "cellStyles" | "cellStyleXfs" | "dxfs" => in_cells = false,
            "xf" if in_cells => {
                let id = tag.get("numFmtId")?.unwrap_or_default();
                let stated = codes.iter().find(|(other, _)| *other == id).map(|(_, form)| *form);
                forms.push(stated.unwrap_or_else(|| Form::of_number(&id)));
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(forms)
}

/// The cells of a sheet being read.
struct Cells {
    sheet: Sheet,
    forms: Vec<Form>,
    /// Texts of the table of strings.
    strings: usize,
    is_1904: bool,
    /// Row and column of the next cell, if it does not say where it stands.
    next: (u32, u32),
    cell: Option<Cell>,
    /// Elements that are open, without those in a cell.
    depth: usize,
    /// How many there were when the row began.
    row_depth: Option<usize>,
}

/// A cell being read.
#[derive(Default)]
struct Cell {
    at: (u32, u32),
    kind: String,
    style: Option<usize>,
    has_formula: bool,
    /// Text of `v`, once there is one.
    result: Option<String>,
    in_result: bool,
    said: Said,
    /// Elements that are open in the cell.
    depth: usize,
}

impl Cells {
    fn open(&mut self, tag: &Tag<'_>) -> Outcome<Result<(), DecodeError>> {
        if let Some(cell) = &mut self.cell {
            cell.depth += usize::from(!tag.closed);
            match tag.local() {
                "f" => cell.has_formula = true,
                "v" => {
                    cell.result = Some(String::new());
                    cell.in_result = !tag.closed;
                }
                _ => {}
            }
            cell.said.open(tag);
            return Ok(Ok(()));
        }
        if tag.local() != "c" {
            self.depth += usize::from(!tag.closed);
        }
        match tag.local() {
            "row" => {
                if let Some(row) = tag.get("r")? {
                    match row.parse::<u32>().ok().filter(|row| (1..=MAX_ROWS).contains(row)) {
                        Some(row) => self.next = (row - 1, 0),
                        None => return Ok(Err(self.misplaced("the number of a row"))),
                    }
                }
                match tag.closed {
                    true => self.next = (self.next.0 + 1, 0),
                    false => self.row_depth = Some(self.depth),
                }
            }
            "c" => {
                if let Some(reference) = tag.get("r")? {
                    match super::from_a1(&reference) {
                        Some(at) => self.next = at,
                        None => return Ok(Err(self.misplaced("the place of a cell, such as `C5`"))),
                    }
                }
                let cell = Cell {
                    at: self.next,
                    kind: tag.get("t")?.unwrap_or_default().into_owned(),
                    style: tag.get("s")?.and_then(|style| style.parse().ok()),
                    ..Cell::default()
                };
                self.next.1 += 1;
                if !tag.closed {
                    self.cell = Some(cell);
                }
            }
            "mergeCell" => {
                let reference = tag.get("ref")?.unwrap_or_default();
                let (first, last) = reference.split_once(':').unwrap_or((&reference, &reference));
                match super::from_a1(first).zip(super::from_a1(last)) {
                    Some(((top, left), (bottom, right))) if top <= bottom && left <= right => {
                        if (top, left) != (bottom, right) {
                            self.sheet.merge(Area { top, left, bottom, right });
                        }
                    }
                    _ => return Ok(Err(self.misplaced("a merged area, such as `A1:B2`"))),
                }
            }
            _ => {}
        }
        Ok(Ok(()))
    }

    fn text(&mut self, text: &str) {
        if let Some(cell) = &mut self.cell {
            cell.said.push(text);
            if cell.in_result
                && let Some(result) = &mut cell.result
            {
                result.push_str(text);
            }
        }
    }

    fn close(&mut self) -> Result<(), DecodeError> {
        match &mut self.cell {
            Some(cell) if cell.depth > 0 => {
                cell.depth -= 1;
                cell.in_result = false;
                cell.said.close();
                Ok(())
            }
            Some(_) => match self.cell.take() {
                Some(cell) => self.end(cell),
                None => Ok(()),
            },
            None => {
                if self.row_depth == Some(self.depth) {
                    self.row_depth = None;
                    self.next = (self.next.0 + 1, 0);
                }
                self.depth = self.depth.saturating_sub(1);
                Ok(())
            }
        }
    }

    fn end(&mut self, mut cell: Cell) -> Result<(), DecodeError> {
        if let Some(value) = self.value(&mut cell)? {
            self.sheet.add(cell.at.0, cell.at.1, 1, value)?;
        }
        Ok(())
    }

    /// What a cell holds; none where it is empty.
    fn value(&mut self, cell: &mut Cell) -> Result<Option<Value>, DecodeError> {
        let result = cell.result.take();
        if cell.kind == "inlineStr" || cell.kind == "is" {
            let text = cell.said.take();
            return Ok(self.own_text(&text));
        }
        let wrong = |sheet: &Sheet, expected: &str| {
            let hint = "the workbook is damaged, or the program that wrote it has a fault: open it and save it anew";
            Err(sheet.wrong(cell.at.0, cell.at.1, expected, "something else", Some(hint.into())))
        };
        let Some(text) = result.as_deref().filter(|text| cell.kind == "str" || !text.trim().is_empty()) else {
            return Ok(cell.has_formula.then_some(Value::Uncomputed));
        };
        let trimmed = text.trim();
        Ok(match cell.kind.as_str() {
            "s" => match trimmed.parse::<usize>().ok().filter(|number| *number < self.strings) {
                Some(number) => {
                    let number = number as u32;
                    (!self.sheet.said(number).is_empty()).then_some(Value::Text(number))
                }
                None => return wrong(&self.sheet, "the number of a text of the workbook"),
            },
            "str" => {
                cell.said.text.push_str(text);
                let text = cell.said.take();
                self.own_text(&text)
            }
            "b" => match trimmed {
                "0" | "false" => Some(Value::Bool(false)),
                "1" | "true" => Some(Value::Bool(true)),
                _ => return wrong(&self.sheet, "`0` or `1`"),
            },
            "e" => Some(Value::Error(self.sheet.text(trimmed))),
            "d" => Some(Value::Date(self.sheet.text(dates::without_midnight(trimmed)))),
            "" | "n" => {
                let Some(number) = number(trimmed.as_bytes()) else {
                    return wrong(&self.sheet, "a number");
                };
                let form = cell.style.and_then(|style| self.forms.get(style)).copied().unwrap_or_default();
                match dates::written(number, form, self.is_1904) {
                    None => Some(Value::Number(number)),
                    Some(Some(date)) => Some(Value::Date(self.sheet.text(&date))),
                    Some(None) => return wrong(&self.sheet, "a day between 1900 and 9999"),
                }
            }
            _ => return wrong(&self.sheet, "a type of cell that XLSX has"),
        })
    }

    fn own_text(&mut self, text: &str) -> Option<Value> {
        let text = text.trim();
        (!text.is_empty()).then(|| Value::Text(self.sheet.text(text)))
    }

    fn misplaced(&self, expected: &str) -> DecodeError {
        let hint = "the workbook is damaged, or the program that wrote it has a fault: open it and save it anew";
        let (row, column) = (self.next.0.min(MAX_ROWS - 1), self.next.1.min(MAX_COLUMNS - 1));
        self.sheet.wrong(row, column, &format!("{expected} near here"), "something else", Some(hint.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Said, resolved};

    #[test]
    fn targets_are_relative_or_absolute() {
        assert_eq!(resolved("xl", "worksheets/sheet1.xml"), "xl/worksheets/sheet1.xml");
        assert_eq!(resolved("xl", "/xl/styles.xml"), "xl/styles.xml");
        assert_eq!(resolved("xl/a", "../b.xml"), "xl/b.xml");
        assert_eq!(resolved("", "../../b.xml"), "b.xml");
    }

    #[test]
    fn characters_that_xml_does_not_have() {
        let take = |text: &str| Said { text: text.into(), ..Said::default() }.take();
        assert_eq!(take("a_x000D_b_x0041__x"), "a\rbA_x");
        assert_eq!(take("_xñ000_ _x00_ _xD800_"), "_xñ000_ _x00_ _xD800_");
    }
}
