//! The one entry of a ZIP archive (PKWARE APPNOTE 6.3), as some sources deliver large extractions.
//!
//! Read as a stream: the libraries for ZIP begin at the directory at the end of the file, which a payload
//! that arrives as a stream has not got yet. An archive of several entries is an error, since which of
//! them is meant cannot be known. What the entry's checksum says is compared at its end.

use std::io::{self, BufRead, Read};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

/// Signature of an entry's header.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";
const DIRECTORY: &[u8] = b"PK\x01\x02";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";

/// The content of the archive's one entry.
pub(super) struct Entry<R: BufRead> {
    content: Content<R>,
    crc: Crc,
    /// The checksum that the header states; none when it stands behind the content.
    stated: Option<u32>,
    ended: bool,
}

enum Content<R: BufRead> {
    Stored(io::Take<R>),
    Deflated(DeflateDecoder<R>),
}

/// Reads the header of the first entry.
pub(super) fn open<R: BufRead>(mut archive: R) -> io::Result<Entry<R>> {
    let mut header = [0u8; 30];
    archive.read_exact(&mut header)?;
    let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let long = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (flags, method, packed_bytes) = (short(6), short(8), long(18));
    if flags & 1 != 0 {
        return Err(io::Error::other("the ZIP archive is encrypted"));
    }
    let names_bytes = u64::from(short(26)) + u64::from(short(28));
    io::copy(&mut archive.by_ref().take(names_bytes), &mut io::sink())?;
    let is_behind = flags & 8 != 0;
    let content = match method {
        8 => Content::Deflated(DeflateDecoder::new(archive)),
        0 if !is_behind && packed_bytes != u32::MAX => Content::Stored(archive.take(u64::from(packed_bytes))),
        0 => return Err(io::Error::other("the ZIP archive does not state the length of what it stores")),
        method => {
            return Err(io::Error::other(format!(
                "the ZIP archive is compressed in a way that is not known ({method})"
            )));
        }
    };
    Ok(Entry { content, crc: Crc::new(), stated: (!is_behind).then(|| long(14)), ended: false })
}

impl<R: BufRead> Read for Entry<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let read = match &mut self.content {
            Content::Stored(stored) => stored.read(buffer)?,
            Content::Deflated(deflated) => deflated.read(buffer)?,
        };
        self.crc.update(&buffer[..read]);
        if read == 0 {
            self.ended = true;
            self.check_end()?;
        }
        Ok(read)
    }
}

impl<R: BufRead> Entry<R> {
    /// Behind the content: its checksum, if it was not stated before, and the directory, not another entry.
    fn check_end(&mut self) -> io::Result<()> {
        let archive = match &mut self.content {
            Content::Stored(stored) if stored.limit() > 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Content::Stored(stored) => stored.get_mut(),
            Content::Deflated(deflated) => deflated.get_mut(),
        };
        let mut rest = Vec::with_capacity(64);
        archive.take(64).read_to_end(&mut rest)?;
        let mut rest = rest.as_slice();
        let mut stated = self.stated;
        if stated.is_none() {
            rest = rest.strip_prefix(DESCRIPTOR).unwrap_or(rest);
            let (crc, sizes) = rest.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
            stated = Some(u32::from_le_bytes(*crc));
            // Two sizes of four bytes each or, in large archives, of eight.
            let behind = |length: usize| sizes.get(length..).filter(|rest| rest.starts_with(b"PK"));
            rest = behind(8).or(behind(16)).ok_or(io::ErrorKind::UnexpectedEof)?;
        }
        if stated != Some(self.crc.sum()) {
            return Err(io::Error::other("the ZIP archive is damaged: its checksum is another"));
        }
        if rest.starts_with(MAGIC) {
            return Err(io::Error::other("the ZIP archive has several entries: unpack the one that is meant"));
        }
        match rest.starts_with(DIRECTORY) {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    /// An archive of these entries; `stored` without compression, `behind` with the checksum behind the content.
    fn archive(entries: &[&[u8]], stored: bool, behind: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        for content in entries {
            let mut crc = Crc::new();
            crc.update(content);
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(content).unwrap();
            let packed = if stored { content.to_vec() } else { encoder.finish().unwrap() };
            let sums = [crc.sum(), packed.len() as u32, content.len() as u32].map(u32::to_le_bytes).concat();
            bytes.extend_from_slice(MAGIC);
            bytes.extend_from_slice(&[20, 0, if behind { 8 } else { 0 }, 0, if stored { 0 } else { 8 }, 0, 0, 0, 0, 0]);
            bytes.extend_from_slice(if behind { &[0; 12] } else { &sums });
            bytes.extend_from_slice(&[5, 0, 0, 0]);
            bytes.extend_from_slice(b"a.csv");
            bytes.extend_from_slice(&packed);
            if behind {
                bytes.extend_from_slice(DESCRIPTOR);
                bytes.extend_from_slice(&sums);
            }
        }
        bytes.extend_from_slice(DIRECTORY);
        bytes.extend_from_slice(&[0; 70]);
        bytes
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        open(bytes)?.read_to_end(&mut content)?;
        Ok(content)
    }

    #[test]
    fn the_one_entry_is_read() {
        let text = b"geo;2025\n".repeat(1000);
        for (stored, behind) in [(true, false), (false, false), (false, true)] {
            assert_eq!(read(&archive(&[&text], stored, behind)).unwrap(), text, "{stored} {behind}");
        }
    }

    #[test]
    fn anything_else_is_an_error() {
        let text = b"geo;2025\n".repeat(1000);
        let whole = archive(&[&text], false, true);
        for cut in [3, 20, 40, whole.len() - 80] {
            assert!(read(&whole[..cut]).is_err(), "{cut}");
        }
        let mut damaged = archive(&[&text], true, false);
        damaged[100] ^= 1;
        assert!(read(&damaged).unwrap_err().to_string().contains("checksum"));
        let several = read(&archive(&[&text, b"more"], false, false)).unwrap_err().to_string();
        assert!(several.contains("several entries"), "{several}");
        let mut encrypted = whole.clone();
        encrypted[6] |= 1;
        assert!(read(&encrypted).unwrap_err().to_string().contains("encrypted"));
    }
}
