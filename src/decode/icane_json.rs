//! ICANE's own JSON (`icane.es/data/api/{series}.json`): values nested one level a dimension.
//!
//! `{"headers": ["Año", "Sexo", "Variables"], "data": {"2024": {"Hombres": {"Ocupados": 12.5}}}}`: each key
//! of a level is a member of the header of that level, the last header is the measure, the leaf is the
//! value. Source: ICANE's client `pyicane` (`flatten_data`). Members are labels, there are no codes, and
//! nothing says which header is the time, so none is renamed. `null` and `".."` are missing. Other members
//! of the document are passed over. The headers may stand behind the data: the document is then read
//! twice; in memory is a batch.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::columns::{Observations, number};
use super::json::{Kind, Reader, Token};
use super::notice::{shortened, unexpected};
use super::{
    BATCH_ROWS, CELL, CONF_STATUS, DecodeError, Hints, Metadata, OBS_FLAG, OBS_VALUE, Source, Table, observation_schema,
};

const EXPECTED: &str = "ICANE's JSON with `headers` and `data`";

/// More dimensions than any table has.
const MAX_HEADERS: usize = 32;

/// Whether a payload begins like this format.
pub(super) fn recognises(head: &[u8]) -> bool {
    let has = |name: &[u8]| memchr::memmem::find(head, name).is_some();
    head.first() == Some(&b'{') && has(b"\"headers\"") && has(b"\"data\"")
}

pub(super) fn open(source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    let headers = headers(source, hints)?;
    let schema = observation_schema(&headers, &[]);
    let mut reader = Reader::new(source.stream(hints)?)?;
    reader.next()?;
    let mut walk = Walk {
        reader,
        members: vec![0; headers.len()],
        columns: Observations::new(headers.len(), 0),
        headers,
        schema: schema.clone(),
        depth: 0,
        seen: false,
    };
    let batches = std::iter::from_fn(move || walk.batch().transpose());
    Ok(Table { metadata: Metadata::default(), schema, batches: Box::new(batches) })
}

/// The names of the levels.
fn headers(source: &Source, hints: &Hints) -> Result<Vec<String>, DecodeError> {
    let mut reader = Reader::new(source.stream(hints)?)?;
    if reader.head().trim_ascii_start().first() != Some(&b'{') {
        return Err(unexpected(reader.head(), EXPECTED));
    }
    let head = reader.head().iter().take(2000).copied().collect::<Vec<u8>>();
    reader.next()?;
    loop {
        let token = reader.next()?;
        if token.kind != Kind::Key {
            // The end of the document: it may be a message of the source.
            return Err(unexpected(&head, EXPECTED));
        }
        let is_headers = reader.bytes(&token) == b"headers";
        let value = reader.next()?;
        if !is_headers {
            reader.skip(value)?;
            continue;
        }
        if value.kind != Kind::BeginArray {
            return Err(wrong(&reader, &value, "a list of names"));
        }
        let mut names: Vec<String> = Vec::new();
        loop {
            let token = reader.next()?;
            if token.kind == Kind::EndArray && !names.is_empty() {
                return Ok(names);
            }
            if token.kind != Kind::Text || names.len() == MAX_HEADERS {
                return Err(wrong(&reader, &token, &format!("1 to {MAX_HEADERS} names")));
            }
            let name = reader.str(&token)?.trim().to_owned();
            let is_taken = [OBS_VALUE, OBS_FLAG, CONF_STATUS, CELL].contains(&name.as_str());
            if name.is_empty() || is_taken || names.contains(&name) {
                return Err(wrong(&reader, &token, "each header once, with a name of its own"));
            }
            names.push(name);
        }
    }
}

fn wrong(reader: &Reader, token: &Token, expected: &str) -> DecodeError {
    let found = shortened(&String::from_utf8_lossy(reader.bytes(token)));
    let found = format!("`{}`", found.chars().take(100).collect::<String>());
    reader.wrong_at(token.offset, expected, &found, None)
}

/// The second reading.
struct Walk {
    reader: Reader,
    headers: Vec<String>,
    /// The member of each level that is being read.
    members: Vec<i32>,
    columns: Observations,
    schema: SchemaRef,
    /// How many objects of `data` are open; none outside of it.
    depth: usize,
    /// Whether `data` has been read.
    seen: bool,
}

impl Walk {
    fn batch(&mut self) -> Result<Option<RecordBatch>, DecodeError> {
        loop {
            let token = self.reader.next()?;
            match token.kind {
                Kind::End => break,
                Kind::EndObject => self.depth = self.depth.saturating_sub(1),
                _ if self.depth > 0 => self.member(&token)?,
                _ => {
                    let is_data = self.reader.bytes(&token) == b"data";
                    let value = self.reader.next()?;
                    if !is_data {
                        self.reader.skip(value)?;
                        continue;
                    }
                    if value.kind != Kind::BeginObject || self.seen {
                        return Err(wrong(&self.reader, &value, "one object of data"));
                    }
                    (self.seen, self.depth) = (true, 1);
                }
            }
            if self.columns.rows() >= BATCH_ROWS {
                return Ok(Some(self.columns.take(&self.schema)?));
            }
        }
        if !self.seen {
            return Err(DecodeError::Format {
                expected: EXPECTED.to_owned(),
                found: "`headers` alone".to_owned(),
                hint: Some(
                    "the series has no figures, or the source has changed its format: open it at the source".to_owned(),
                ),
            });
        }
        match self.columns.rows() {
            0 => Ok(None),
            _ => Ok(Some(self.columns.take(&self.schema)?)),
        }
    }

    /// A member of the level, whose name is `key`, and its value or the level below it.
    fn member(&mut self, key: &Token) -> Result<(), DecodeError> {
        let level = self.depth - 1;
        let name = self.reader.str(key)?;
        let (Some(column), Some(member)) = (self.columns.dimensions.get_mut(level), self.members.get_mut(level)) else {
            return Err(wrong(&self.reader, key, "a level of its own for each header"));
        };
        *member = column.number_of(&name);
        let value = self.reader.next()?;
        if self.depth < self.headers.len() {
            if value.kind != Kind::BeginObject {
                let below = self.headers.get(self.depth).map_or("", String::as_str);
                return Err(wrong(&self.reader, &value, &format!("an object of the members of `{below}`")));
            }
            self.depth += 1;
            return Ok(());
        }
        let (found, cell) = match value.kind {
            Kind::Number => (number(self.reader.bytes(&value)), value.offset),
            Kind::Null => (None, value.offset),
            // The mark stands behind the quote.
            Kind::Text if self.reader.bytes(&value) == b".." => (None, value.offset + 1),
            _ => return Err(wrong(&self.reader, &value, "a number, `null` or `..`")),
        };
        if found.is_none() && value.kind == Kind::Number {
            return Err(wrong(&self.reader, &value, "a number"));
        }
        for (column, member) in self.columns.dimensions.iter_mut().zip(&self.members) {
            column.push_number(*member);
        }
        self.columns.push(found, cell);
        self.columns.flags.push_null();
        self.columns.confidentiality.push_null();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
