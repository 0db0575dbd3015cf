//! Spanish tax numbers: NIF of legal entities (formerly CIF), DNI and NIE with their control characters.
//!
//! Control characters after Orden EHA/451/2008 (entities) and Real Decreto 1553/2005 (persons); both
//! checked against the numbers in SOURCES.md. An export writes them with blanks, dots, hyphens,
//! lower case and the VAT prefix `ES`: all that is taken off first.

/// A tax number as it is compared: upper case, without separators and VAT prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Nif {
    /// The normalised number.
    pub number: String,
    /// Whether its control character is right.
    pub valid: bool,
    /// Whether it belongs to a natural person (DNI, NIE, and the special forms K, L, M).
    pub natural_person: bool,
}

/// Normalises and checks a tax number; none when there is no text.
pub(super) fn parse(text: &str) -> Option<Nif> {
    let mut number: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect();
    if number.len() == 11 && number.starts_with("ES") {
        number.drain(..2);
    }
    if number.is_empty() {
        return None;
    }
    let natural_person = matches!(number.as_bytes()[0], b'0'..=b'9' | b'X' | b'Y' | b'Z' | b'K' | b'L' | b'M');
    Some(Nif { valid: is_valid(number.as_bytes()), natural_person, number })
}

fn is_valid(number: &[u8]) -> bool {
    let [first, body @ .., control] = number else {
        return false;
    };
    if number.len() != 9 {
        return false;
    }
    match first {
        b'0'..=b'9' => person(&number[..8], *control),
        b'X' | b'Y' | b'Z' => {
            let mut digits = [0; 8];
            digits[0] = b'0' + (first - b'X');
            digits[1..].copy_from_slice(body);
            person(&digits, *control)
        }
        b'A'..=b'H' | b'J'..=b'N' | b'P'..=b'S' | b'U'..=b'W' => entity(*first, body, *control),
        _ => false,
    }
}

fn person(digits: &[u8], control: u8) -> bool {
    let Some(number) = value(digits) else {
        return false;
    };
    b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize] == control
}

fn entity(kind: u8, body: &[u8], control: u8) -> bool {
    if value(body).is_none() {
        return false;
    }
    let sum: u32 = body
        .iter()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(digit - b'0');
            match at % 2 {
                0 => (2 * digit) / 10 + (2 * digit) % 10,
                _ => digit,
            }
        })
        .sum();
    let expected = ((10 - sum % 10) % 10) as u8;
    let letter = b"JABCDEFGHI"[expected as usize];
    let digit = b'0' + expected;
    match kind {
        // Entities without a province of their own, and foreign ones, carry a letter.
        b'K' | b'L' | b'M' | b'N' | b'P' | b'Q' | b'R' | b'S' | b'W' => control == letter,
        _ if body.starts_with(b"00") => control == letter,
        b'A' | b'B' | b'E' | b'H' => control == digit,
        _ => control == letter || control == digit,
    }
}

fn value(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn control_characters() {
        // Public numbers and the check values of SOURCES.md.
        for good in [
            "A46103834",
            "A28015865",
            "A48265169",
            "F28140119",
            "Q2826000H",
            "S3933002B",
            "P3907500G",
            "12345678Z",
            "X1234567L",
            "B0000000J",
            "b-00.000.00 j",
            "ESA46103834",
        ] {
            assert!(parse(good).unwrap().valid, "{good}");
        }
        for bad in ["A46103835", "12345678A", "X1234567A", "A4610383", "Ñ46103834", "B00000000", "I46103834"] {
            assert!(!parse(bad).unwrap().valid, "{bad}");
        }
        assert_eq!(parse(" -. "), None);
    }

    #[test]
    fn persons_are_told_from_entities() {
        assert!(parse("12345678Z").unwrap().natural_person);
        assert!(parse("X1234567L").unwrap().natural_person);
        assert!(!parse("A46103834").unwrap().natural_person);
    }
}
