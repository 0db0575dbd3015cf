//! Checksums of a body that its source states: `Content-MD5` (RFC 1864), `Digest` (RFC 3230), and
//! `Repr-Digest` and `Content-Digest` (RFC 9530) with SHA-256, SHA-512 or MD5.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha2::{Digest, Sha256, Sha512};

/// A stated checksum, and that of what has come so far.
#[derive(Clone)]
pub(super) struct Checksum {
    header: &'static str,
    stated: Vec<u8>,
    seen: Hasher,
}

#[derive(Clone)]
enum Hasher {
    Md5(Md5),
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Hasher {
    fn named(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "sha-512" => Hasher::Sha512(Box::default()),
            "sha-256" => Hasher::Sha256(Sha256::new()),
            "md5" => Hasher::Md5(Md5::new()),
            _ => return None,
        })
    }
}

impl Checksum {
    /// The checksum that these headers state, names in lower case; none that cannot be read.
    pub fn stated(headers: &[(String, String)]) -> Option<Self> {
        ["repr-digest", "content-digest", "digest", "content-md5"].into_iter().find_map(|header| {
            let (_, value) = headers.iter().find(|(name, _)| name == header)?;
            if header == "content-md5" {
                let stated = STANDARD.decode(value.trim()).ok()?;
                return Some(Checksum { header, stated, seen: Hasher::Md5(Md5::new()) });
            }
            value.split(',').find_map(|part| {
                // The value itself may end in `=`.
                let (name, encoded) = part.split_once('=')?;
                let seen = Hasher::named(name)?;
                let stated = STANDARD.decode(encoded.trim().trim_matches(':')).ok()?;
                Some(Checksum { header, stated, seen })
            })
        })
    }

    /// Takes more of the body in.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.seen {
            Hasher::Md5(hasher) => hasher.update(bytes),
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The header that states it, if the body is another one.
    pub fn contradicted(self) -> Option<&'static str> {
        let seen = match self.seen {
            Hasher::Md5(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha256(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha512(hasher) => hasher.finalize().to_vec(),
        };
        (seen != self.stated).then_some(self.header)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn stated_checksums_are_compared() {
        // Of `{"hello": "world"}\n`, as in RFC 9530, appendix B.
        let body = b"{\"hello\": \"world\"}\n";
        let sha256 = "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=";
        for (name, value) in [
            ("repr-digest", format!("sha-256=:{sha256}:")),
            ("content-digest", format!("unknown=:AA==:, sha-256=:{sha256}:")),
            ("digest", format!("SHA-256={sha256}")),
        ] {
            let headers = [(name.to_owned(), value.clone())];
            let mut checksum = Checksum::stated(&headers).unwrap();
            checksum.update(&body[..5]);
            checksum.update(&body[5..]);
            assert_eq!(checksum.contradicted(), None, "{value}");
            let mut checksum = Checksum::stated(&headers).unwrap();
            checksum.update(b"{\"hello\": \"moon\"}\n");
            assert_eq!(checksum.contradicted(), Some(name));
        }
        let empty = [("content-md5".to_owned(), "1B2M2Y8AsgTpgAmY7PhCfg==".to_owned())];
        assert_eq!(Checksum::stated(&empty).unwrap().contradicted(), None);
        assert!(Checksum::stated(&[("digest".to_owned(), "crc32=00".to_owned())]).is_none());
    }
}
