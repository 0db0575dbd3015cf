//! The bytes of a payload after decompression, with their offsets and a limit.
//!
//! Some sources compress a body without saying so, so what counts is the magic bytes: gzip (RFC 1952),
//! zstd (RFC 8878) and a ZIP archive of one entry are taken off, anything else is passed through.

use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;

use super::{DecodeError, Hints, zip};

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

    /// The first decompressed bytes, at most so many.
    pub(super) fn head(&self, hints: &Hints, wanted: usize) -> Result<Vec<u8>, DecodeError> {
        let mut head = Vec::new();
        self.stream(hints)?.read_into(&mut head, wanted)?;
        Ok(head)
    }

    /// The decompressed bytes, from the beginning.
    pub(super) fn stream(&self, hints: &Hints) -> Result<Payload, DecodeError> {
        let refused = |source| DecodeError::Read { offset: 0, source };
        let mut raw = (self.open)().map_err(refused)?;
        let mut magic = Vec::with_capacity(4);
        raw.by_ref().take(4).read_to_end(&mut magic).map_err(refused)?;
        let is_gzip = magic.starts_with(&[0x1f, 0x8b]);
        let is_zstd = magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
        let is_zip = magic == zip::MAGIC;
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
        Ok(Payload {
            reader,
            compressed: is_gzip || is_zstd || is_zip,
            offset: 0,
            limit: hints.max_decoded_bytes.unwrap_or(u64::MAX),
        })
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
    /// Appends up to `wanted` bytes to `buffer`; fewer only at the end.
    pub fn read_into(&mut self, buffer: &mut Vec<u8>, wanted: usize) -> Result<usize, DecodeError> {
        // One byte over the limit shows that there is more, without reading it all.
        let allowed = self.limit.saturating_sub(self.offset).saturating_add(1);
        let before = buffer.len();
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
