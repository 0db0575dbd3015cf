//! The parts of a workbook: a ZIP archive (PKWARE APPNOTE 6.3) of XML documents, held in memory as it came.
//!
//! Every part is inflated once into nothing before any is read: that shows damage by the checksums, and stops a
//! decompression bomb at the limit.

use std::io::{Cursor, Read};
use std::sync::Arc;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::super::notice::shortened;
use super::super::payload::Payload;
use super::super::xml::{Failure, Xml};
use super::super::{DecodeError, Hints, Source};

/// The most bytes that the parts may have together: the cells of a sheet are held in memory.
const MAX_BYTES: u64 = 1 << 31;

/// An opened workbook.
pub(super) struct Package {
    bytes: Arc<[u8]>,
    parts: Vec<Part>,
    limit: u64,
}

struct Part {
    name: String,
    start: usize,
    end: usize,
    deflated: bool,
    crc: u32,
}

impl Package {
    /// Reads the archive and checks every part of it.
    pub fn open(source: &Source, hints: &Hints) -> Result<Self, DecodeError> {
        let limit = hints.max_decoded_bytes.unwrap_or(u64::MAX).min(MAX_BYTES);
        let too_large = |error| match error {
            DecodeError::TooLarge { limit: MAX_BYTES } => refused(
                &format!("at most {MAX_BYTES} bytes after decompression"),
                "more",
                "save the sheet as CSV and decode that: a workbook's sheet is held in memory",
            ),
            error => error,
        };
        let bytes = source.archive(&Hints { max_decoded_bytes: Some(limit), ..Hints::default() }).map_err(too_large)?;
        super::check_magic(&bytes)?;
        let package = Package::of(bytes.into(), limit)?;
        package.check().map_err(too_large)?;
        Ok(package)
    }

    fn of(bytes: Arc<[u8]>, limit: u64) -> Result<Self, DecodeError> {
        let mut archive = ZipArchive::new(Cursor::new(bytes.clone())).map_err(damaged)?;
        let mut parts = Vec::new();
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(damaged)?;
            if entry.encrypted() {
                return Err(super::has_password());
            }
            let deflated = match entry.compression() {
                CompressionMethod::Stored => false,
                CompressionMethod::Deflated => true,
                other => return Err(damaged(format!("the compression {other} is not known"))),
            };
            let start = entry.data_start().and_then(|start| usize::try_from(start).ok());
            let size = usize::try_from(entry.compressed_size()).ok();
            let range = start.zip(size).and_then(|(start, size)| Some((start, start.checked_add(size)?)));
            let Some((start, end)) = range.filter(|(_, end)| *end <= bytes.len()) else {
                return Err(damaged("an entry reaches beyond its end"));
            };
            // Some writers separate folders as Windows does.
            let name = entry.name().map_err(damaged)?.replace('\\', "/");
            parts.push(Part { name, start, end, deflated, crc: entry.crc32() });
        }
        Ok(Package { bytes, parts, limit })
    }

    fn check(&self) -> Result<(), DecodeError> {
        let mut total = 0u64;
        let mut block = vec![0; 1 << 16];
        for part in &self.parts {
            let (mut content, mut crc) = (self.content(part), Crc::new());
            loop {
                let read =
                    content.read(&mut block).map_err(|source| damaged(format!("part `{}`: {source}", part.name)))?;
                if read == 0 {
                    break;
                }
                crc.update(block.get(..read).unwrap_or_default());
                total += read as u64;
                if total > self.limit {
                    return Err(DecodeError::TooLarge { limit: self.limit });
                }
            }
            if crc.sum() != part.crc {
                return Err(damaged(format!("part `{}`: its checksum is another", part.name)));
            }
        }
        Ok(())
    }

    fn content(&self, part: &Part) -> Box<dyn Read + Send> {
        let slice = Cursor::new(Slice { bytes: self.bytes.clone(), start: part.start, end: part.end });
        match part.deflated {
            true => Box::new(DeflateDecoder::new(slice)),
            false => Box::new(slice),
        }
    }

    /// The part of this name: their names do not tell small letters from capitals.
    fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name.eq_ignore_ascii_case(name))
    }

    /// Whether there is a part of this name.
    pub fn has(&self, name: &str) -> bool {
        self.part(name).is_some()
    }

    /// A part as XML; none where there is no part of this name.
    pub fn xml(&self, name: &str) -> Result<Option<Document>, DecodeError> {
        let Some(part) = self.part(name) else {
            return Ok(None);
        };
        let xml = Xml::new(Payload::of_part(self.content(part), self.limit))?;
        Ok(Some(Document { name: part.name.clone(), xml }))
    }

    /// A part as XML that every workbook has.
    pub fn required(&self, name: &str) -> Result<Document, DecodeError> {
        self.xml(name)?.ok_or_else(|| {
            let hint = "it is a document of another kind or damaged: open it and save it as XLSX or ODS";
            refused(&format!("a workbook, which has a part `{name}`"), "a ZIP archive without it", hint)
        })
    }
}

/// A part that is being read.
pub(super) struct Document {
    name: String,
    /// Its tokens.
    pub xml: Xml,
}

impl Document {
    /// The error of a place in this part. What stands there is not repeated: it may be a line of a register.
    pub fn wrong(&self, failure: Failure) -> DecodeError {
        match failure {
            Failure::Whole(error) => error,
            Failure::At { offset, expected, .. } => refused(
                &format!("{expected} at byte {offset} of the part `{}`", shortened(&self.name)),
                "something else",
                "the workbook is damaged, or the program that wrote it has a fault: open it and save it anew",
            ),
        }
    }
}

/// The bytes of a part as they are in the archive.
struct Slice {
    bytes: Arc<[u8]>,
    start: usize,
    end: usize,
}

impl AsRef<[u8]> for Slice {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }
}

fn damaged(source: impl std::fmt::Display) -> DecodeError {
    refused(
        "a whole workbook",
        &format!("a damaged one ({})", shortened(&source.to_string())),
        "fetch it again, or open it and save it anew",
    )
}

/// A workbook as a whole is not what was expected.
pub(super) fn refused(expected: &str, found: &str, hint: &str) -> DecodeError {
    DecodeError::Format { expected: expected.to_owned(), found: found.to_owned(), hint: Some(hint.to_owned()) }
}
