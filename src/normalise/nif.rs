//! Spanish tax numbers: NIF of legal entities (formerly CIF), DNI and NIE with their control characters.
//!
//! Control characters after Orden EHA/451/2008 (entities) and Real Decreto 1553/2005 (persons); both
//! checked against public numbers and those of the PyPI package validar-cif. An export writes them with blanks, dots, hyphens,
//! lower case and the VAT prefix `ES`: all that is taken off first.

/// A tax number as it is compared: upper case, without separators and VAT prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Nif {
    /// The normalised number.
    pub number: String,
    /// Whether its control character is right.
    pub valid: bool,
    /// Whether it has the form of a legal entity's number. Anything else may be a natural person's (DNI, NIE,
    /// the special forms K, L, M), also where it is misspelt.
    pub entity: bool,
}

/// Normalises and checks a tax number; none when the text has not the form of one.
pub(super) fn parse(text: &str) -> Option<Nif> {
    let mut number: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect();
    for prefix in ["NIF", "CIF", "DNI", "NIE", "ES"] {
        if let Some(rest) = number.strip_prefix(prefix)
            && rest.len() == 9
        {
            number = rest.to_owned();
            break;
        }
    }
    let bytes = number.as_bytes();
    let [first, body @ .., control] = bytes else {
        return None;
    };
    let digits = body.len() == 7 && body.iter().all(u8::is_ascii_digit) && control.is_ascii_alphanumeric();
    let is_number = digits && (first.is_ascii_digit() && control.is_ascii_alphabetic() || first.is_ascii_uppercase());
    let entity = digits && matches!(first, b'A'..=b'H' | b'J' | b'N' | b'P'..=b'S' | b'U'..=b'W');
    let valid = is_valid(bytes);
    is_number.then_some(Nif { number, valid, entity })
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
        // Public numbers, and the check values of the PyPI package validar-cif.
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
        for bad in ["A46103835", "12345678A", "X1234567A", "B00000000", "I46103834"] {
            assert!(!parse(bad).unwrap().valid, "{bad}");
        }
        for none in [" -. ", "n.d.", "A4610383", "Ñ46103834", "123456789", "pendiente"] {
            assert_eq!(parse(none), None, "{none}");
        }
    }

    #[test]
    fn entities_are_told_from_persons() {
        for person in ["12345678Z", "X1234567L", "DNI 12345678-Z", "K1234567L"] {
            assert!(!parse(person).unwrap().entity, "{person}");
        }
        for entity in ["A46103834", "ES A46103834", "CIF: A-46103834"] {
            assert!(parse(entity).unwrap().entity, "{entity}");
        }
    }
}
