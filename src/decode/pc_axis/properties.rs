//! Random cubes that are written as PC-Axis and read back, and damaged ones.

#![allow(clippy::unwrap_used)]

// What follows is no code of the program: the repository's own tests stop reading at this line.
#[cfg(test)]
use proptest::prelude::*;

use super::super::Hints;
use super::tests::{check_cells, decode};

/// A cube, and how it is written.
#[derive(Debug, Clone)]
struct Cube {
    sizes: Vec<usize>,
    coded: Vec<bool>,
    stub: usize,
    time: Option<usize>,
    /// Whether rows state the values of the stub, and by label.
    keys: Option<bool>,
    /// Text, value, quotes.
    cells: Vec<(String, bool)>,
    /// Rows of a file with keys that are left out.
    gaps: Vec<bool>,
    separators: Vec<String>,
    latin: bool,
    closed: bool,
}

fn cube() -> impl Strategy<Value = Cube> {
    let mark = prop::sample::select(vec!["-", ".", "..", "...", "......"]).prop_map(str::to_owned);
    let number = prop_oneof![
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|number| format!("{number:e}")),
        (-1_000_000i64..1_000_000, 0u32..1000).prop_map(|(whole, part)| format!("{whole}.{part}")),
        any::<i32>().prop_map(|number| number.to_string()),
    ];
    let cell = prop_oneof![3 => number, 1 => mark];
    (prop::collection::vec(1usize..4, 1..5), any::<u64>()).prop_flat_map(move |(sizes, bits)| {
        let count = sizes.iter().product::<usize>();
        let dimensions = sizes.len();
        let stub = bits as usize % (dimensions + 1);
        let time = (bits >> 8) as usize % (dimensions + 1);
        let separator = prop::sample::select(vec![" ", "\n", "\r\n", "\t", ", ", " \n ", ";"]).prop_map(str::to_owned);
        (
            prop::collection::vec((cell.clone(), any::<bool>()), count),
            prop::collection::vec(any::<bool>(), count),
            prop::collection::vec(separator, 1..5),
            prop::collection::vec(any::<bool>(), dimensions),
        )
            .prop_map(move |(cells, gaps, separators, coded)| Cube {
                sizes: sizes.clone(),
                coded,
                stub,
                time: (time < dimensions).then_some(time),
                keys: (stub > 0 && bits & (1 << 20) != 0).then_some(bits & (1 << 21) != 0),
                cells,
                gaps,
                separators,
                latin: bits & (1 << 22) != 0,
                closed: bits & (1 << 23) != 0,
            })
    })
}

impl Cube {
    fn name(dimension: usize) -> String {
        format!("dimensión {dimension}")
    }

    fn label(dimension: usize, value: usize) -> String {
        format!("año; {dimension}, {value}=\u{f1}")
    }

    fn code(&self, dimension: usize, value: usize) -> String {
        if self.coded[dimension] { format!("C{value}") } else { Self::label(dimension, value) }
    }

    /// The values of each dimension of a cell.
    fn index(&self, mut cell: usize) -> Vec<usize> {
        let mut index = vec![0; self.sizes.len()];
        for (of, size) in index.iter_mut().zip(&self.sizes).rev() {
            *of = cell % size;
            cell /= size;
        }
        index
    }

    /// Cells of a row.
    fn width(&self) -> usize {
        self.sizes[self.stub..].iter().product()
    }

    fn has(&self, cell: usize) -> bool {
        self.keys.is_none() || !self.gaps[cell / self.width()]
    }

    fn encode(&self) -> Vec<u8> {
        let quoted =
            |texts: Vec<String>| texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(",\n");
        let mut text = String::new();
        if self.latin {
            text.push_str("CHARSET=\"ANSI\";\r\n");
        }
        for (keyword, range) in [("STUB", 0..self.stub), ("HEADING", self.stub..self.sizes.len())] {
            if !range.is_empty() {
                text.push_str(&format!("{keyword}={};\n", quoted(range.map(Self::name).collect())));
            }
        }
        for (dimension, size) in self.sizes.iter().enumerate() {
            let name = Self::name(dimension);
            let labels = (0..*size).map(|value| Self::label(dimension, value)).collect();
            text.push_str(&format!("VALUES(\"{name}\")={};\n", quoted(labels)));
            if self.coded[dimension] {
                let codes = (0..*size).map(|value| self.code(dimension, value)).collect();
                text.push_str(&format!("CODES(\"{name}\")={};\n", quoted(codes)));
            }
            if self.time == Some(dimension) {
                text.push_str(&format!("TIMEVAL(\"{name}\")=TLIST(A1);\n"));
            }
            if let (Some(by_label), true) = (self.keys, dimension < self.stub) {
                let by = if by_label || !self.coded[dimension] { "VALUES" } else { "CODES" };
                text.push_str(&format!("KEYS(\"{name}\")={by};\n"));
            }
        }
        text.push_str("DATA=\n");
        let mut separators = self.separators.iter().cycle();
        for (cell, (value, is_quoted)) in self.cells.iter().enumerate() {
            if !self.has(cell) {
                continue;
            }
            if let (Some(by_label), true) = (self.keys, cell % self.width() == 0) {
                for (dimension, value) in self.index(cell)[..self.stub].iter().enumerate() {
                    let key = if by_label { Self::label(dimension, *value) } else { self.code(dimension, *value) };
                    text.push_str(&format!("\"{key}\","));
                }
            }
            match *is_quoted && value.parse::<f64>().is_err() {
                true => text.push_str(&format!("\"{value}\"")),
                false => text.push_str(value),
            }
            text.push_str(separators.next().unwrap());
        }
        if self.closed || self.keys.is_some() {
            text.push(';');
        }
        if self.latin { encoding_rs::WINDOWS_1252.encode(&text).0.into_owned() } else { text.into_bytes() }
    }
}

proptest! {
    /// What is written as PC-Axis is read back, and each value stands where its cell says.
    #[test]
    fn cubes_are_read_back(cube in cube()) {
        let bytes = cube.encode();
        let decoded = decode(&bytes, &Hints::default()).unwrap();
        let names: Vec<String> = (0..cube.sizes.len())
            .map(|at| if cube.time == Some(at) { "time_period".into() } else { Cube::name(at) })
            .collect();
        prop_assert_eq!(&decoded.names[..names.len()], names.as_slice());
        let mut rows = decoded.rows.iter();
        for (cell, (text, _)) in cube.cells.iter().enumerate() {
            if !cube.has(cell) {
                continue;
            }
            let (texts, value, _) = rows.next().unwrap();
            for (dimension, of) in cube.index(cell).into_iter().enumerate() {
                prop_assert_eq!(&texts[dimension], &cube.code(dimension, of));
                if cube.coded[dimension] {
                    let label = &decoded.metadata.labels[&names[dimension]][&texts[dimension]];
                    prop_assert_eq!(label, &Cube::label(dimension, of));
                }
            }
            let flag = &texts[names.len()];
            match text.parse::<f64>() {
                Ok(number) => prop_assert_eq!((*value, flag.as_str()), (Some(number), "")),
                Err(_) if text == "-" => prop_assert_eq!((*value, flag.as_str()), (Some(0.0), "-")),
                Err(_) => prop_assert_eq!((*value, flag), (None, text)),
            }
        }
        prop_assert!(rows.next().is_none());
        check_cells(&decoded, &bytes);
    }

    /// A damaged file gives a table or an error, never a panic.
    #[test]
    fn damage_is_survived(
        cube in cube(),
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = cube.encode();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = decode(&bytes, &Hints::default());
        let hints = Hints { encoding: Some("ibm850".into()), language: Some("es".into()), ..Hints::default() };
        let _ = decode(&bytes, &hints);
    }

    /// So do any bytes that look like a file a little.
    #[test]
    fn any_bytes_are_survived(parts in prop::collection::vec(prop::sample::select(vec![
        "STUB", "HEADING", "VALUES", "CODES", "KEYS", "TIMEVAL", "DATA", "UNITS", "DATANOTECELL", "LANGUAGE", "[es]",
        "(", ")", "\"a\"", "\"b\"", "\"", "=", ";", ",", "TLIST(A1)", "1", "..", "-", "\n", "\u{0}", "ñ", "*",
        "VALUES(\"a\")=\"a\";",
        "STUB=\"a\";", "HEADING=\"b\";", "DATA=",
    ]), 0..30)) {
        let _ = decode(parts.concat().as_bytes(), &Hints::default());
    }
}
