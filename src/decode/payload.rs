//! The bytes of a payload after decompression, with their offsets and a limit.
//!
//! Some sources compress a body without saying so, so what counts is the magic bytes: gzip (RFC 1952),
//! zstd (RFC 8878) and a ZIP archive of one entry are taken off, anything else is passed through.

use std::io::{self, BufReader, Cursor, Read, Write};
use std::sync::Arc;

use super::{DecodeError, Hints, Place, workbook, zip};

/// Enough of a ZIP archive to see the name of its first entry and, of an OpenDocument file, what it is.
const FIRST_ENTRY_BYTES: u64 = 512;

/// Bytes that are read at a time. Few when fuzzing, so that small inputs have ends of blocks at any place.
pub(super) const BLOCK_BYTES: usize = if cfg!(fuzzing) { 1 << 10 } else { 1 << 20 };

/// A payload that can be read from its beginning as often as its format needs: one that states its
/// dimensions behind its values is read twice.
#[derive(Clone)]
pub struct Source {
    open: Arc<dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync>,
}

impl Source {
    /// A payload that `open` gives from its beginning, at each call the same.
    pub fn new(open: impl Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync + 'static) -> Self {
        Source { open: Arc::new(open) }
    }

    /// A payload in memory.
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into();
        Source::new(move || Ok(Box::new(Cursor::new(bytes.clone()))))
    }

    /// All of a ZIP archive, after a gzip or zstd around it was taken off.
    pub(super) fn archive(&self, hints: &Hints) -> Result<Vec<u8>, DecodeError> {
        let mut bytes = Vec::new();
        self.reader(hints, false)?.read_into(&mut bytes, usize::MAX)?;
        Ok(bytes)
    }

    /// The first decompressed bytes, at most so many.
    pub(super) fn head(&self, hints: &Hints, wanted: usize) -> Result<Vec<u8>, DecodeError> {
        let mut head = Vec::new();
        self.stream(hints)?.read_into(&mut head, wanted)?;
        Ok(head)
    }

    /// Line and column of a byte, for which the payload is read again: counting lines all the way would cost every
    /// good payload.
    pub(super) fn place(&self, hints: &Hints, offset: u64) -> Place {
        // A payload that cannot be read a second time still has its byte offset.
        self.counted(hints, offset).unwrap_or(Place { line: 1, column: offset.saturating_add(1), offset })
    }

    fn counted(&self, hints: &Hints, offset: u64) -> Result<Place, DecodeError> {
        let mut payload = self.stream(hints)?;
        let (mut line, mut line_start, mut at) = (1, 0, 0);
        let mut block = Vec::new();
        while at < offset {
            block.clear();
            let wanted = (offset - at).min(BLOCK_BYTES as u64) as usize;
            let read = payload.read_into(&mut block, wanted)?;
            line += memchr::memchr_iter(b'\n', &block).count() as u64;
            if let Some(newline) = memchr::memrchr(b'\n', &block) {
                line_start = at + newline as u64 + 1;
            }
            at += read as u64;
            if read < wanted {
                break;
            }
        }
        Ok(Place { line, column: offset.saturating_sub(line_start) + 1, offset })
    }

    /// The decompressed bytes, from the beginning.
    pub(super) fn stream(&self, hints: &Hints) -> Result<Payload, DecodeError> {
        self.reader(hints, true)
    }

    /// Writes the decompressed bytes, which are what `cell` counts; how many there are.
    pub fn decompress(&self, hints: &Hints, mut into: impl Write) -> Result<u64, DecodeError> {
        let mut payload = self.stream(hints)?;
        let mut block = Vec::new();
        loop {
            block.clear();
            if payload.read_into(&mut block, BLOCK_BYTES)? == 0 {
                return Ok(payload.offset);
            }
            into.write_all(&block).map_err(|source| DecodeError::Read { offset: payload.offset, source })?;
        }
    }

    /// The same; `unzip` says whether a ZIP archive of one entry stands for that entry.
    fn reader(&self, hints: &Hints, unzip: bool) -> Result<Payload, DecodeError> {
        let refused = |source| DecodeError::Read { offset: 0, source };
        let mut raw = (self.open)().map_err(refused)?;
        let mut magic = Vec::with_capacity(4);
        raw.by_ref().take(4).read_to_end(&mut magic).map_err(refused)?;
        let is_gzip = magic.starts_with(&[0x1f, 0x8b]);
        let is_zstd = magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
        // A workbook is a ZIP archive whose entries belong together: its decoder wants it as it is.
        let mut is_zip = unzip && magic == zip::MAGIC;
        if is_zip {
            raw.by_ref().take(FIRST_ENTRY_BYTES).read_to_end(&mut magic).map_err(refused)?;
            is_zip = !workbook::is_package(&magic);
        }
        let whole = BufReader::with_capacity(1 << 17, Cursor::new(magic).chain(raw));
        let reader: Box<dyn Read + Send> = if is_gzip {
            Box::new(flate2::bufread::MultiGzDecoder::new(whole))
        } else if is_zstd {
            let decoder =
                zstd::Decoder::with_buffer(whole).map_err(|source| DecodeError::Truncated { offset: 0, source })?;
            Box::new(decoder)
        } else if is_zip {
            Box::new(zip::open(whole).map_err(|source| DecodeError::Read { offset: 0, source })?)
        } else {
            Box::new(whole)
        };
        let compressed = is_gzip || is_zstd || is_zip;
        Ok(Payload { reader, compressed, offset: 0, limit: hints.max_decoded_bytes.unwrap_or(u64::MAX) })
    }
}

/// A payload's decompressed bytes.
pub(super) struct Payload {
    reader: Box<dyn Read + Send>,
    compressed: bool,
    offset: u64,
    limit: u64,
}

impl Payload {
    /// One part of a payload that has several, such as a workbook.
    pub fn of_part(reader: Box<dyn Read + Send>, limit: u64) -> Self {
        Payload { reader, compressed: true, offset: 0, limit }
    }

    /// Appends up to `wanted` bytes to `buffer`; fewer only at the end.
    pub fn read_into(&mut self, buffer: &mut Vec<u8>, wanted: usize) -> Result<usize, DecodeError> {
        // One byte over the limit shows that there is more, without reading it all.
        let allowed = self.limit.saturating_sub(self.offset).saturating_add(1);
        let before = buffer.len();
        // It would grow by doubling, and be copied each time.
        buffer.reserve(wanted.min(BLOCK_BYTES));
        let outcome = self.reader.by_ref().take(allowed.min(wanted as u64)).read_to_end(buffer);
        let read = buffer.len() - before;
        self.offset += read as u64;
        match outcome {
            // What the compression itself refuses, such as several entries, is not that it breaks off.
            Err(source) if self.compressed && source.kind() != io::ErrorKind::Other => {
                Err(DecodeError::Truncated { offset: self.offset, source })
            }
            Err(source) => Err(DecodeError::Read { offset: self.offset, source }),
            Ok(_) if self.offset > self.limit => Err(DecodeError::TooLarge { limit: self.limit }),
            Ok(_) => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(raw: Vec<u8>, limit: Option<u64>) -> Result<Vec<u8>, DecodeError> {
        let hints = Hints { max_decoded_bytes: limit, ..Hints::default() };
        let mut payload = Source::from_bytes(raw).stream(&hints)?;
        let mut bytes = Vec::new();
        while payload.read_into(&mut bytes, 7)? > 0 {}
        Ok(bytes)
    }

    #[test]
    fn compression_is_recognised_by_its_magic_bytes() {
        let text = b"geo,time\n".repeat(50);
        assert_eq!(read(text.clone(), None).unwrap(), text);
        assert_eq!(read(gzip(&text), None).unwrap(), text);
        assert_eq!(read([gzip(&text), gzip(b"more")].concat(), None).unwrap(), [text.as_slice(), b"more"].concat());
        assert_eq!(read(zstd::encode_all(text.as_slice(), 1).unwrap(), None).unwrap(), text);
        assert_eq!(read(b"ab".to_vec(), None).unwrap(), b"ab");
    }

    #[test]
    fn a_cut_or_endless_payload_is_an_error() {
        let whole = gzip(&b"geo,time\n".repeat(5000));
        let cut = read(whole[..whole.len() - 9].to_vec(), None).unwrap_err();
        assert!(matches!(cut, DecodeError::Truncated { .. }), "{cut:?}");
        let bomb = read(gzip(&vec![0; 1_000_000]), Some(1000)).unwrap_err();
        assert!(matches!(bomb, DecodeError::TooLarge { limit: 1000 }), "{bomb:?}");
        assert_eq!(read(vec![b'x'; 1000], Some(1000)).unwrap().len(), 1000);
    }
}
