//! Delimited text with declared columns: registers such as a cluster's membership export.
//!
//! Only the declared columns are decoded (an allow-list): whatever else a line holds, such as a
//! contact person's name or telephone, never leaves this file, and no error repeats what a field
//! says. The batches have the declared columns as text, `row` and `cell`, the record's line and the
//! offset of its first byte.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};

use super::parallel::tables;
use super::records::{Block, Blocks, Charset, each_record, header};
use super::{CELL, DecodeError, Hints, Metadata, ROW, Source, Table};
use crate::error::nearest;

const EXPECTED: &str = "a header of column names";

pub(super) fn open(source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    let charset = Charset::new(hints)?;
    let separator = match hints.separator {
        None => b';',
        Some(mark) if mark.is_ascii() && !mark.is_ascii_alphanumeric() && !"\"\r\n".contains(mark) => mark as u8,
        Some(other) => return Err(DecodeError::UnknownHint { what: "separator", found: other.to_string() }),
    };
    let mut blocks = Blocks::new(source.stream(hints)?, true)?;
    let (head, fields) = header(&mut blocks, separator, EXPECTED)?;
    let mut names = Vec::with_capacity(fields.len());
    for field in &fields {
        names.push(charset.private_text(&field.bytes(&head), &head, field.start)?.trim().to_owned());
    }
    let mut positions = Vec::with_capacity(hints.columns.len());
    for wanted in &hints.columns {
        let mut places = names.iter().enumerate().filter(|(_, name)| *name == wanted).map(|(at, _)| at);
        match (places.next(), places.next()) {
            (Some(at), None) => positions.push(at),
            (None, _) => {
                let near = nearest(wanted, names.iter().map(String::as_str));
                let hint = match near {
                    Some(near) => format!("the nearest is `{near}`: if that is meant, correct the pipeline"),
                    None => "correct the separator, the encoding or the names of the columns in the pipeline".into(),
                };
                // Not the names: without its header, the first line of an export is somebody's record.
                let found = format!("{} other columns", names.len());
                return Err(head.wrong_in_words(0, format!("a column `{wanted}`"), found, Some(hint)));
            }
            (Some(_), Some(second)) => {
                return Err(head.wrong_in_words(
                    fields[second].start,
                    format!("one column `{wanted}`"),
                    "a second one",
                    None,
                ));
            }
        }
    }
    let mut schema: Vec<Field> = hints.columns.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
    schema.push(Field::new(ROW, DataType::UInt64, false));
    schema.push(Field::new(CELL, DataType::UInt64, false));
    let schema = Arc::new(Schema::new(schema));
    let width = Some(names.len());
    let batch_schema = schema.clone();
    let positions = Arc::new(positions);
    let parser = move || {
        let (positions, batch_schema) = (positions.clone(), batch_schema.clone());
        move |block: Block| {
            let mut texts: Vec<StringBuilder> = positions.iter().map(|_| StringBuilder::new()).collect();
            let (mut rows, mut cells) = (Vec::new(), Vec::new());
            let (mut line, mut counted) = (block.line, 0);
            each_record(&block, separator, width, |fields, record| {
                for (column, at) in texts.iter_mut().zip(positions.iter()) {
                    let bytes = fields[*at].bytes(&block);
                    let text = charset.private_text(&bytes, &block, fields[*at].start)?;
                    match text.trim() {
                        "" => column.append_null(),
                        text => column.append_value(text),
                    }
                }
                line += memchr::memchr_iter(b'\n', &block.bytes[counted..record]).count() as u64;
                counted = record;
                rows.push(line);
                cells.push(block.offset + record as u64);
                Ok(())
            })?;
            let mut columns: Vec<ArrayRef> =
                texts.iter_mut().map(|column| -> ArrayRef { Arc::new(column.finish()) }).collect();
            columns.push(Arc::new(UInt64Array::from(rows)));
            columns.push(Arc::new(UInt64Array::from(cells)));
            Ok(RecordBatch::try_new(batch_schema.clone(), columns)?)
        }
    };
    Ok(Table { metadata: Metadata::default(), schema, batches: tables(blocks, parser) })
}
