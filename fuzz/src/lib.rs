//! What the fuzz targets share: an input is a payload, then [`OPTION_BYTES`] bytes that choose hints.
//!
//! The options stand behind the payload so that a seed is a valid file and stays one while the options change.
//! Whatever the payload, a decoder must end, give a table that holds what `tejido::decode` promises of one, or an
//! error whose place lies in the payload. Any panic is a finding.

use std::io::Write;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, UInt64Type};
use tejido::decode::{self, CELL, DecodeError, Format, Hints, OBS_VALUE, Place, ROW, Source};
use tejido::error::{Hint, Report};

/// Bytes at the end of an input that are no payload; `fuzz/run` appends as many to each seed.
pub const OPTION_BYTES: usize = 3;

/// Far more than an input has without compression, and little enough for many inputs a second with it.
const MAX_DECODED_BYTES: u64 = 16 << 20;

/// Characters of a message that somebody may read.
const MAX_MESSAGE: usize = 4000;

/// One input of a format's target.
pub fn decode(format: Format, input: &[u8]) {
    let (payload, hints) = split(input);
    drain(format, payload, &hints);
}

/// One input of the target of everything before the formats: recognising them, and taking off compression.
pub fn payload(input: &[u8]) {
    let (payload, hints) = split(input);
    match decode::detect(&Source::from_bytes(payload), &hints) {
        Ok(format) => drain(format, payload, &hints),
        Err(error) => check_error(&error, payload),
    }
    // Any text is delimited text, so this reads to the end what no format recognises.
    drain(Format::Delimited, payload, &Hints { columns: Vec::new(), ..hints });
}

/// One input of a workbook's target: the XML of its parts, with a zero byte between them, which are packed here. Bytes
/// of an archive would break at its checksums.
pub fn workbook(format: Format, input: &[u8]) {
    let (parts, hints) = split(input);
    let names: &[&str] = match format {
        Format::Ods => &["content.xml"],
        _ => &["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"],
    };
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut add = |name: &str, content: &[u8]| {
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        archive.start_file(name, stored).expect("a part of a workbook in memory");
        archive.write_all(content).expect("a part of a workbook in memory");
    };
    match format {
        Format::Ods => add("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        _ => {
            add("[Content_Types].xml", b"<Types/>");
            add("xl/workbook.xml", WORKBOOK);
            add("xl/_rels/workbook.xml.rels", RELATIONS);
        }
    }
    names.iter().zip(parts.split(|byte| *byte == 0)).for_each(|(name, part)| add(name, part));
    let archive = archive.finish().expect("a workbook in memory").into_inner();
    drain(format, &archive, &hints);
}

const WORKBOOK: &[u8] = br#"<workbook><sheets><sheet name="Tabla" r:id="a"/></sheets></workbook>"#;
const RELATIONS: &[u8] = br#"<Relationships><Relationship Id="a" Type="t/worksheet" Target="worksheets/sheet1.xml"/>
<Relationship Id="b" Type="t/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="c" Type="t/styles" Target="styles.xml"/></Relationships>"#;

/// The payload, and the hints that the bytes behind it choose.
fn split(input: &[u8]) -> (&[u8], Hints) {
    let (payload, options) = input.split_at(input.len().saturating_sub(OPTION_BYTES));
    let option = |at: usize| usize::from(options.get(at).copied().unwrap_or_default());
    let (text, names, columns) = (option(0), option(1), option(2));
    let one = |choices: [&str; 3], at: usize| (at > 0).then(|| choices[at - 1].to_owned());
    let several = |choices: [&[&str]; 4], at: usize| choices[at].iter().map(|name| (*name).to_owned()).collect();
    const ENCODINGS: [&str; 7] = ["utf-8", "windows-1252", "ibm850", "utf-16le", "iso-8859-15", "gb18030", "shift_jis"];
    let encoding = text >> 2 & 7;
    let hints = Hints {
        decimal: [None, Some('.'), Some(','), Some(';')][text & 3],
        encoding: (encoding > 0).then(|| ENCODINGS[encoding - 1].to_owned()),
        separator: [None, Some(';'), Some(','), Some('\t'), Some('|'), Some(' '), Some('x'), Some('ñ')][text >> 5],
        // The names that the fixtures have.
        dataset: one(["one", "tow", "T"], names & 3),
        language: one(["es", "en", "xx"], names >> 2 & 3),
        dimensions: several([&[], &["geo", "TIME_PERIOD"], &["TIME_PERIOD"], &["freq", "unit", "geo"]], names >> 4 & 3),
        columns: several([&[], &["NIF"], &["Razón social", "CIF"], &["NIF", "NIF"]], names >> 6),
        value: one(["Porcentaje", "Valor", "OBS_VALUE"], columns & 3),
        time: one(["Año", "Periodo", "TIME_PERIOD"], columns >> 2 & 3),
        flag: (columns >> 4 & 1 == 1).then(|| "Nota".to_owned()),
        header: [None, Some(1), Some(3), Some(4)][columns >> 5 & 3],
        sheet: (columns >> 7 == 1).then(|| "Tabla".to_owned()),
        name_part: None,
        max_decoded_bytes: Some(MAX_DECODED_BYTES),
    };
    (payload, hints)
}

/// Decodes a payload to its end and checks all that comes.
fn drain(format: Format, payload: &[u8], hints: &Hints) {
    let table = match decode::open(format, &Source::from_bytes(payload), hints) {
        Ok(table) => table,
        Err(error) => return check_error(&error, payload),
    };
    let mut batches = table.batches;
    for batch in batches.by_ref() {
        match batch {
            Ok(batch) => {
                assert_eq!(batch.schema(), table.schema, "a batch of another schema than the table's");
                if !is_compressed(payload) {
                    check_cells(&batch, payload);
                }
            }
            Err(error) => {
                check_error(&error, payload);
                break;
            }
        }
    }
    assert!(batches.next().is_none(), "there are batches behind the end");
}

fn is_compressed(payload: &[u8]) -> bool {
    [&[0x1f, 0x8b][..], &[0x28, 0xb5, 0x2f, 0xfd], b"PK\x03\x04"].iter().any(|magic| payload.starts_with(magic))
}

/// Each value stands at its cell, and each record of a register on its line.
fn check_cells(batch: &RecordBatch, payload: &[u8]) {
    let column = |name: &str| batch.column_by_name(name);
    let cells = column(CELL).expect("a table without cells").as_primitive::<UInt64Type>();
    let values = column(OBS_VALUE).map(|values| values.as_primitive::<Float64Type>());
    for (row, cell) in cells.values().iter().enumerate() {
        // What is missing may be missing at the very end.
        let there = payload.get(*cell as usize..).unwrap_or_else(|| panic!("row {row}: cell {cell} is outside"));
        if let Some(values) = values
            && values.is_valid(row)
        {
            let value = values.value(row);
            assert!(value.is_finite(), "row {row}: {value}");
            assert!(may_read(there, value), "row {row}: {value} is not at byte {cell}: `{}`", start(there));
        }
    }
    // A table of observations may have a dimension of this name.
    if let Some(lines) = column(ROW).filter(|_| values.is_none()) {
        let (mut line, mut counted) = (1, 0);
        for (cell, stated) in cells.values().iter().zip(lines.as_primitive::<UInt64Type>().values()) {
            line += newlines(&payload[counted..*cell as usize]);
            counted = *cell as usize;
            assert_eq!(line, *stated, "the line of byte {cell}");
        }
    }
}

/// Whether the bytes begin with this value in some notation: whatever the format and the hints, a value that is in
/// none of them is wrong.
fn may_read(there: &[u8], value: f64) -> bool {
    let end = there.iter().position(|byte| !b"0123456789.,+-eE".contains(byte)).unwrap_or(there.len());
    // Text may spell its digits out, as `&#49;` or `\u0031`.
    if matches!(there.get(end), Some(b'&' | b'\\')) {
        return true;
    }
    let text = String::from_utf8_lossy(&there[..end]);
    // PC-Axis writes a dash for nil.
    if text == "-" {
        return value == 0.0;
    }
    // Commas may separate fields, so the number may end at each of them.
    let ends = text.match_indices(',').map(|(at, _)| at).chain([text.len()]);
    ends.map(|end| &text[..end]).any(|text| {
        // A letter behind it may be a flag.
        let text = text.trim_end_matches(['e', 'E', '+', '-']);
        let with_comma = text.rsplit_once(',').map(|(whole, rest)| format!("{}.{rest}", whole.replace(['.', ','], "")));
        let with_dot = text.replace(',', "");
        let without = text.replace(['.', ','], "");
        [Some(with_dot), with_comma, Some(without)].into_iter().flatten().any(|text| text.parse() == Ok(value))
    })
}

/// An error can be shown, says where it is, and is no defect of the decoder.
fn check_error(error: &DecodeError, payload: &[u8]) {
    let shown = Report::new(error).one_line();
    assert!(!shown.is_empty() && !error.to_string().is_empty(), "an error without words: {error:?}");
    assert!(error.hint().is_none_or(|hint| !hint.is_empty()), "an empty hint: {error:?}");
    assert!(shown.chars().count() < MAX_MESSAGE, "a message of {} bytes", shown.len());
    match error {
        DecodeError::Broken | DecodeError::Arrow(_) => panic!("a defect of the decoder: {error:?}"),
        DecodeError::Syntax { place, .. } if !is_compressed(payload) => check_place(*place, payload, &shown),
        _ => {}
    }
}

/// Line, column and offset of a place are one and the same byte.
fn check_place(place: Place, payload: &[u8], shown: &str) {
    let before = payload.get(..place.offset as usize).unwrap_or_else(|| panic!("{shown}: outside of the payload"));
    assert_eq!(place.line, 1 + newlines(before), "the line of: {shown}");
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let column = (before.len() - line_start) as u64 + 1;
    // A byte order mark is no part of the first line.
    let mark = if line_start == 0 && payload.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    assert!([column, column.saturating_sub(mark).max(1)].contains(&place.column), "column {column} of: {shown}");
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn start(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned()
}
