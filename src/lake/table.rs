//! Parquet files of tables whose text columns are dictionary-encoded.
//!
//! Such a column is written by its keys: the keys become the pages, the distinct texts the dictionary
//! page. The parquet crate's own writer looks every single text up again (hash and compare), which took
//! more than half of the time of writing decoded tables; all else, numbers and the file around the
//! columns, is left to it. A second thread encodes one row group while the next one is filled.
//!
//! Format: Apache Parquet, "Encodings": PLAIN for the dictionary, RLE_DICTIONARY for keys, RLE for levels.

mod order;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression, Encoding, EncodingMask, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, SortingColumn};
use parquet::file::properties::WriterProperties;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, ColumnPath};

use super::FOLDER_COLUMNS;
use crate::disk::File;

/// Rows of a row group: large enough to compress, small enough to be held twice.
const GROUP_ROWS: usize = 1 << 19;

/// Rows of a page of keys.
const PAGE_ROWS: usize = 1 << 17;

/// Batches that may wait for being encoded: about as many as become a group while the one before is written.
const WAITING: usize = 40;

/// ZSTD's lowest level: keys and dictionaries hardly shrink further at higher ones.
const LEVEL: i32 = 1;

type Result<T> = std::result::Result<T, ParquetError>;

/// Writes batches of one schema into a file. A thread of its own encodes them while the next ones are made.
pub(super) struct TableWriter {
    batches: SyncSender<RecordBatch>,
    encoder: JoinHandle<Result<SerializedFileWriter<File>>>,
}

impl TableWriter {
    /// Rows that fit into one group are written in the order of these columns; more stay as they come, since to sort
    /// them would need all of them at once.
    pub fn new(file: File, schema: SchemaRef, order: &'static [&'static str]) -> Result<Self> {
        let (batches, waiting) = sync_channel::<RecordBatch>(WAITING);
        let encoder = std::thread::spawn(move || encode(file, schema, order, waiting));
        Ok(TableWriter { batches, encoder })
    }

    /// That nobody takes them means that encoding has failed, which `close` reports.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let failed = |_| ParquetError::General("the rows before could not be written".into());
        self.batches.send(batch.clone()).map_err(failed)
    }

    /// Ends the file, with these entries in its metadata.
    pub fn close(self, entries: Vec<KeyValue>) -> Result<()> {
        drop(self.batches);
        let broken = |_| ParquetError::General("the thread that writes has ended early".into());
        let mut writer = self.encoder.join().map_err(broken)??;
        entries.into_iter().for_each(|entry| writer.append_key_value_metadata(entry));
        writer.close().map(drop)
    }
}

fn encode(
    file: File,
    schema: SchemaRef,
    order: &[&str],
    batches: Receiver<RecordBatch>,
) -> Result<SerializedFileWriter<File>> {
    let mut groups = Groups { schema: schema.clone(), batches, rest: None, rows: 0 };
    let mut first = groups.next();
    // A group ends with the rows, or because there is a rest.
    let is_only = groups.rest.is_none();
    let order = order.iter().filter(|_| is_only).filter_map(|name| schema.index_of(name).ok()).collect::<Vec<_>>();
    if let Some(first) = &mut first {
        first.sort(&order)?;
    }
    let mut file = GroupWriter::new(file, schema, &order)?;
    for group in first.into_iter().chain(groups) {
        file.write(group)?;
    }
    Ok(file.writer)
}

/// The row groups of a stream of batches.
struct Groups {
    schema: SchemaRef,
    batches: Receiver<RecordBatch>,
    /// What of the last batch was too much for its group.
    rest: Option<RecordBatch>,
    /// Rows of the last group, for which there is room in the next one.
    rows: usize,
}

impl Iterator for Groups {
    type Item = Group;

    fn next(&mut self) -> Option<Group> {
        let mut group = Group::new(&self.schema, self.rows);
        while let Some(batch) = self.rest.take().or_else(|| self.batches.recv().ok()) {
            let rows = (GROUP_ROWS - group.rows).min(batch.num_rows());
            group.push(&batch.slice(0, rows));
            if rows < batch.num_rows() {
                self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
                break;
            }
        }
        self.rows = group.rows;
        (group.rows > 0).then_some(group)
    }
}

fn properties(schema: &SchemaRef, order: &[usize]) -> Result<WriterProperties> {
    let sorting = |column: &usize| SortingColumn { column_idx: *column as i32, descending: false, nulls_first: false };
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_sorting_columns((!order.is_empty()).then(|| order.iter().map(sorting).collect()))
        .set_created_by(format!("tejido {}", env!("CARGO_PKG_VERSION")));
    // Offsets that grow and moments that repeat: their differences are small, and a dictionary of them is of no use.
    for field in schema.fields().iter().filter(|field| has_small_steps(field.data_type())) {
        let column = ColumnPath::from(field.name().as_str());
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    let mut properties = properties.build();
    add_encoded_arrow_schema_to_metadata(&as_read(schema), &mut properties);
    Ok(properties)
}

/// The columns as Arrow's readers are to give them. One whose value stands in the folder's name, too, is plain text, since
/// that is what they make of the name, and pyarrow refuses two types of one column.
fn as_read(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| match FOLDER_COLUMNS.contains(&field.name().as_str()) {
        true => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
        false => field.clone(),
    });
    Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone())
}

fn has_small_steps(kind: &DataType) -> bool {
    matches!(kind, DataType::UInt64 | DataType::Timestamp(..))
}

/// Rows that become one row group.
struct Group {
    rows: usize,
    columns: Vec<Column>,
}

enum Column {
    Text(Keys),
    Other(Vec<ArrayRef>),
}

impl Group {
    /// A group without rows, and with room for so many.
    fn new(schema: &SchemaRef, room: usize) -> Self {
        let column = |kind: &DataType| match kind {
            DataType::Dictionary(key, value) if **key == DataType::Int32 && **value == DataType::Utf8 => {
                Column::Text(Keys { keys: Vec::with_capacity(room), ..Keys::default() })
            }
            _ => Column::Other(Vec::new()),
        };
        Group { rows: 0, columns: schema.fields().iter().map(|field| column(field.data_type())).collect() }
    }

    fn push(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        for (column, array) in self.columns.iter_mut().zip(batch.columns()) {
            match column {
                Column::Text(keys) => keys.push(array),
                Column::Other(arrays) => arrays.push(array.clone()),
            }
        }
    }
}

/// A text column by keys of its own, numbered in the order of their first row.
#[derive(Default)]
struct Keys {
    keys: Vec<i32>,
    nulls: u64,
    labels: Vec<String>,
    numbers: HashMap<String, i32>,
    /// The dictionary of the last batch, and the own key of each of its values that has been met.
    dictionary: Option<(ArrayRef, Vec<i32>)>,
}

/// The key of a null, or of what has not been met yet.
const NONE: i32 = -1;

impl Keys {
    fn push(&mut self, array: &ArrayRef) {
        let array = array.as_dictionary::<Int32Type>();
        let values = array.values();
        let mut own = match self.dictionary.take() {
            Some((last, own)) if Arc::ptr_eq(&last, values) => own,
            _ => vec![NONE; values.len()],
        };
        let labels = values.as_string::<i32>();
        let keys = array.keys();
        if values.len() == 1 && keys.null_count() == 0 {
            // The same in every row.
            own[0] = self.number(labels.value(0));
            self.keys.resize(self.keys.len() + keys.len(), own[0]);
            self.dictionary = Some((values.clone(), own));
            return;
        }
        self.keys.reserve(keys.len());
        let has_nulls = keys.null_count() > 0;
        for (row, key) in keys.values().iter().enumerate() {
            if has_nulls && keys.is_null(row) {
                self.nulls += 1;
                self.keys.push(NONE);
                continue;
            }
            let key = *key as usize;
            if own[key] == NONE {
                own[key] = self.number(labels.value(key));
            }
            self.keys.push(own[key]);
        }
        self.dictionary = Some((values.clone(), own));
    }

    fn number(&mut self, label: &str) -> i32 {
        if let Some(number) = self.numbers.get(label) {
            return *number;
        }
        let number = self.labels.len() as i32;
        self.labels.push(label.to_owned());
        self.numbers.insert(label.to_owned(), number);
        number
    }

    /// The pages and what the file says of them.
    fn chunk(&self, column: &ColumnDescPtr) -> Result<(Bytes, ColumnCloseResult)> {
        let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
        let mut sink = TrackedWrite::new(Vec::new());
        let mut pages = SerializedPageWriter::new(&mut sink);
        let mut sizes = (0, 0);
        let mut offsets = Vec::with_capacity(2);
        let mut write = |page: Page, plain: usize| -> Result<()> {
            let written = pages.write_page(CompressedPage::new(page, plain))?;
            sizes = (sizes.0 + written.compressed_size, sizes.1 + written.uncompressed_size);
            offsets.push(written.offset as i64);
            Ok(())
        };
        let mut plain = Vec::new();
        for label in &self.labels {
            plain.extend_from_slice(&(label.len() as u32).to_le_bytes());
            plain.extend_from_slice(label.as_bytes());
        }
        let buf = Bytes::from(compressor.compress(&plain)?);
        let num_values = self.labels.len() as u32;
        write(Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false }, plain.len())?;

        let width = bits(self.labels.len());
        let is_constant = self.labels.len() == 1 && self.nulls == 0;
        let mut levels = Vec::new();
        let mut present = Vec::new();
        for keys in self.keys.chunks(PAGE_ROWS) {
            plain.clear();
            present.clear();
            if column.max_def_level() > 0 {
                plain.extend_from_slice(&[0; 4]);
                if self.nulls == 0 {
                    run(1, keys.len(), 1, &mut plain);
                } else {
                    levels.clear();
                    levels.extend(keys.iter().map(|key| u32::from(*key != NONE)));
                    hybrid(&levels, 1, &mut plain);
                }
                let length = (plain.len() - 4) as u32;
                plain[..4].copy_from_slice(&length.to_le_bytes());
            }
            plain.push(width);
            if is_constant {
                run(0, keys.len(), width, &mut plain);
            } else {
                present.extend(keys.iter().filter(|key| **key != NONE).map(|key| *key as u32));
                hybrid(&present, width, &mut plain);
            }
            let page = Page::DataPage {
                buf: Bytes::from(compressor.compress(&plain)?),
                num_values: keys.len() as u32,
                encoding: Encoding::RLE_DICTIONARY,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            };
            write(page, plain.len())?;
        }
        let encodings = [Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY];
        let mut metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
            .set_encodings_mask(EncodingMask::new_from_encodings(encodings.iter()))
            .set_total_compressed_size(sizes.0 as i64)
            .set_total_uncompressed_size(sizes.1 as i64)
            .set_num_values(self.keys.len() as i64)
            .set_dictionary_page_offset(offsets.first().copied())
            .set_data_page_offset(offsets.get(1).copied().unwrap_or_default());
        let bound = |label: Option<&String>| label.map(|label| ByteArray::from(label.as_str()));
        let (min, max) = (bound(self.labels.iter().min()), bound(self.labels.iter().max()));
        metadata = metadata.set_statistics(Statistics::ByteArray(ValueStatistics::new(
            min,
            max,
            None,
            Some(self.nulls),
            false,
        )));
        let close = ColumnCloseResult {
            bytes_written: sizes.0 as u64,
            rows_written: self.keys.len() as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok((Bytes::from(sink.into_inner()?), close))
    }
}

/// Writes row groups into the file.
struct GroupWriter {
    writer: SerializedFileWriter<File>,
    columns: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    groups: usize,
}

impl GroupWriter {
    fn new(file: File, schema: SchemaRef, order: &[usize]) -> Result<Self> {
        let properties = properties(&schema, order)?;
        let parquet_schema = ArrowSchemaConverter::new().convert(&schema)?;
        let writer = SerializedFileWriter::new(file, parquet_schema.root_schema_ptr(), Arc::new(properties))?;
        let columns = ArrowRowGroupWriterFactory::new(&writer, schema.clone());
        Ok(GroupWriter { writer, columns, schema, groups: 0 })
    }

    fn write(&mut self, group: Group) -> Result<()> {
        let descriptions = self.writer.schema_descr().columns().to_vec();
        let writers = self.columns.create_column_writers(self.groups)?;
        self.groups += 1;
        let mut file = self.writer.next_row_group()?;
        let columns = group.columns.into_iter().zip(writers).zip(self.schema.fields()).zip(&descriptions);
        for (((column, mut writer), field), description) in columns {
            match column {
                Column::Text(keys) => {
                    let (bytes, close) = keys.chunk(description)?;
                    file.append_column(&bytes, close)?;
                }
                Column::Other(arrays) => {
                    for array in arrays {
                        for leaf in compute_leaves(field, &array)? {
                            writer.write(&leaf)?;
                        }
                    }
                    writer.close()?.append_to_row_group(&mut file)?;
                }
            }
        }
        file.close().map(drop)
    }
}

/// Bits of a key of a dictionary with so many entries; at least one, which every reader takes.
fn bits(entries: usize) -> u8 {
    let largest = entries.saturating_sub(1) as u32;
    (u32::BITS - largest.leading_zeros()).max(1) as u8
}

/// Parquet's mix of runs and bit-packed groups of eight: a run pays from eight equal values on.
fn hybrid(values: &[u32], width: u8, out: &mut Vec<u8>) {
    let mut packed_from = 0;
    let mut at = 0;
    while at < values.len() {
        let value = values[at];
        let equal = values[at..].iter().take_while(|other| **other == value).count();
        let end = at + equal;
        // Packed values come in groups of eight: the run gives what is missing.
        let missing = (8 - (at - packed_from) % 8) % 8;
        if equal >= missing + 8 {
            pack(&values[packed_from..at + missing], width, out);
            run(value, equal - missing, width, out);
            packed_from = end;
        }
        at = end;
    }
    pack(&values[packed_from..], width, out);
}

/// One value, so many times.
fn run(value: u32, count: usize, width: u8, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..usize::from(width).div_ceil(8)]);
}

/// Groups of eight values, the last one filled up with zeros.
fn pack(values: &[u32], width: u8, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    varint((values.len().div_ceil(8) as u64) << 1 | 1, out);
    for group in values.chunks(8) {
        let (mut word, mut used) = (0u64, 0);
        let filled = group.iter().copied().chain(std::iter::repeat_n(0, 8 - group.len()));
        for value in filled {
            word |= u64::from(value) << used;
            used += u32::from(width);
            while used >= 8 {
                out.push(word as u8);
                word >>= 8;
                used -= 8;
            }
        }
    }
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::array::{DictionaryArray, Float64Array};
    use arrow::compute::concat_batches;
    use arrow::datatypes::{Field, Float64Type};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use proptest::prelude::*;

    use super::*;
    use crate::disk;

    fn schema() -> SchemaRef {
        let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        Arc::new(Schema::new(vec![
            Field::new("code", text.clone(), false),
            Field::new("flag", text, true),
            Field::new("value", DataType::Float64, true),
        ]))
    }

    type Row = (String, Option<String>, Option<f64>);

    /// Writes batches, reads the file with the library's reader, and compares all rows.
    fn check(batches: &[Vec<Row>]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let pending = disk::Pending::create_in(folder.path()).unwrap();
        let mut writer = TableWriter::new(pending.handle().unwrap(), schema(), &[]).unwrap();
        for rows in batches {
            let codes: DictionaryArray<Int32Type> = rows.iter().map(|row| Some(row.0.as_str())).collect();
            let flags: DictionaryArray<Int32Type> = rows.iter().map(|row| row.1.as_deref()).collect();
            let values: Float64Array = rows.iter().map(|row| row.2).collect();
            let columns: Vec<ArrayRef> = vec![Arc::new(codes), Arc::new(flags), Arc::new(values)];
            writer.write(&RecordBatch::try_new(schema(), columns).unwrap()).unwrap();
        }
        writer.close(vec![KeyValue::new("k".into(), "v".to_owned())]).unwrap();
        pending.commit(&path).unwrap();

        let builder = ParquetRecordBatchReaderBuilder::try_new(disk::open(&path).unwrap()).unwrap();
        assert_eq!(builder.schema().fields(), schema().fields());
        let found: Vec<RecordBatch> = builder.build().unwrap().map(|batch| batch.unwrap()).collect();
        let expected: Vec<_> = batches.iter().flatten().cloned().collect();
        assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), expected.len());
        if expected.is_empty() {
            return;
        }
        let found = concat_batches(&found[0].schema(), &found).unwrap();
        let text = |column: usize, row: usize| {
            let array = arrow::compute::cast(found.column(column), &DataType::Utf8).unwrap();
            let array = array.as_string::<i32>().clone();
            array.is_valid(row).then(|| array.value(row).to_owned())
        };
        let values = found.column(2).as_primitive::<Float64Type>();
        for (row, (code, flag, value)) in expected.iter().enumerate().step_by(1 + expected.len() / 500) {
            assert_eq!(text(0, row).as_ref(), Some(code), "row {row}");
            assert_eq!(&text(1, row), flag, "row {row}");
            assert_eq!(values.is_valid(row).then(|| values.value(row)), *value, "row {row}");
        }
    }

    /// The rows of a file that was written in the order of `code` and `flag`.
    fn sorted(rows: &[(String, String, f64)]) -> Vec<(String, String, f64)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let pending = disk::Pending::create_in(folder.path()).unwrap();
        let mut writer = TableWriter::new(pending.handle().unwrap(), schema(), &["code", "flag"]).unwrap();
        for rows in rows.chunks(7) {
            let codes: DictionaryArray<Int32Type> = rows.iter().map(|row| Some(row.0.as_str())).collect();
            let flags: DictionaryArray<Int32Type> = rows.iter().map(|row| Some(row.1.as_str())).collect();
            let values: Float64Array = rows.iter().map(|row| Some(row.2)).collect();
            let columns: Vec<ArrayRef> = vec![Arc::new(codes), Arc::new(flags), Arc::new(values)];
            writer.write(&RecordBatch::try_new(schema(), columns).unwrap()).unwrap();
        }
        writer.close(Vec::new()).unwrap();
        pending.commit(&path).unwrap();
        let builder = ParquetRecordBatchReaderBuilder::try_new(disk::open(&path).unwrap()).unwrap();
        for group in builder.metadata().row_groups() {
            let sorting: Vec<i32> = group.sorting_columns().unwrap().iter().map(|column| column.column_idx).collect();
            assert_eq!(sorting, [0, 1]);
        }
        let mut found = Vec::new();
        for batch in builder.build().unwrap() {
            let batch = batch.unwrap();
            let text = |column: usize| arrow::compute::cast(batch.column(column), &DataType::Utf8).unwrap();
            let (codes, flags) = (text(0), text(1));
            let (codes, flags) = (codes.as_string::<i32>(), flags.as_string::<i32>());
            let values = batch.column(2).as_primitive::<Float64Type>();
            found.extend(
                (0..batch.num_rows())
                    .map(|row| (codes.value(row).to_owned(), flags.value(row).to_owned(), values.value(row))),
            );
        }
        found
    }

    #[test]
    fn more_rows_than_a_page_and_a_group_has() {
        let row = |at: usize| {
            (
                format!("c{}", at / 3 % 300),
                at.is_multiple_of(5).then(|| "u".to_owned()),
                (!at.is_multiple_of(7)).then_some(at as f64),
            )
        };
        check(&[(0..400_000).map(row).collect(), (0..300_000).map(row).collect()]);
        check(&[]);
        check(&[vec![("one".into(), None, None); 3000]]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Rows in any order are written in that of their codes; equal ones stay as they came.
        #[test]
        fn rows_are_sorted(rows in prop::collection::vec(("[a-cñ]{0,2}", "[a-z]?"), 0..60)) {
            let rows: Vec<_> = rows.into_iter().zip(0u8..).map(|((code, flag), at)| (code, flag, f64::from(at))).collect();
            let mut expected = rows.clone();
            expected.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
            prop_assert_eq!(sorted(&rows), expected);
        }

        /// Runs and changes of any length, with nulls, come back.
        #[test]
        fn any_rows_come_back(
            batches in prop::collection::vec(prop::collection::vec(("[a-cñ]{0,2}", prop::option::of("[a-z]{1,2}"), prop::option::of(-9.0..9.0f64), 1usize..30), 0..40), 0..4)
        ) {
            let batches: Vec<Vec<_>> = batches
                .into_iter()
                .map(|runs| runs.into_iter().flat_map(|(code, flag, value, run)| std::iter::repeat_n((code, flag, value), run)).collect())
                .collect();
            check(&batches);
        }
    }
}
