#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::probe::{Decoded, damage, damaged, decoded, payload, refused};
use super::*;
use crate::decode::Format;

fn read(text: &str) -> Decoded {
    decoded(Format::IcaneJson, text.as_bytes(), &Hints::default()).unwrap()
}

fn check_cells(found: &Decoded, bytes: &[u8]) {
    for (value, cell) in found.cells() {
        let there = &bytes[cell..];
        match value {
            Some(value) => {
                let end = there.iter().position(|byte| b",} \n\r".contains(byte)).unwrap();
                assert_eq!(std::str::from_utf8(&there[..end]).unwrap().parse(), Ok(value));
            }
            None => assert!(there.starts_with(b"null") || there.starts_with(b"..\"")),
        }
    }
}

#[test]
fn levels_are_the_headers() {
    let text = "\u{feff}{\"uriTag\": \"epa\", \"headers\": [\"Trimestre\", \"Sexo\", \"Variables\"],\n \"data\": \
                {\"2005 - 1\": {\"Hombres\": {\"Ocupados\": 12.5, \"Parados\": null}, \"Mujeres\": {\"Parados\": \
                \"..\"}}, \"2005\": {}, \"\\u00d1\": {\"\": {\"x\": -0}}}, \"nota\": [{}]}";
    let found = read(text);
    check_cells(&found, text.as_bytes());
    assert_eq!(found.names, ["Trimestre", "Sexo", "Variables", "obs_value", "obs_flag", "conf_status", "cell"]);
    assert_eq!(
        found.lines(),
        ["2005 - 1|Hombres|Ocupados|12.5||", "2005 - 1|Hombres|Parados|||", "2005 - 1|Mujeres|Parados|||", "Ñ||x|-0||"]
    );
    let behind = read(r#"{"data": {"a": {"b": 1}}, "headers": ["x", "y"]}"#);
    assert_eq!(behind.lines(), ["a|b|1||"]);
}

#[test]
fn what_is_no_table_is_refused() {
    for (text, expected) in [
        ("", "found nothing: the payload is empty"),
        ("[]", "found JSON: `[]`"),
        ("<html><title>Error</title>", "found an HTML page with the title `Error`"),
        (r#"{"error": "no existe"}"#, "found a message of the source: `no existe`"),
        (r#"{"headers": ["a"]}"#, "found `headers` alone"),
        (r#"{"headers": []}"#, "expected 1 to 32 names, found `]`"),
        (r#"{"headers": [1]}"#, "expected 1 to 32 names, found `1`"),
        (r#"{"headers": "a"}"#, "expected a list of names, found `a`"),
        (r#"{"headers": ["a", "a"]}"#, "expected each header once"),
        (r#"{"headers": ["cell"]}"#, "expected each header once"),
        (r#"{"headers": ["a"], "data": 1}"#, "expected one object of data, found `1`"),
        (r#"{"headers": ["a"], "data": {"x": 1}, "data": {}}"#, "expected one object of data"),
        (r#"{"headers": ["a", "b"], "data": {"x": 1}}"#, "expected an object of the members of `b`, found `1`"),
        (r#"{"headers": ["a"], "data": {"x": {"y": 1}}}"#, "expected a number, `null` or `..`, found `{`"),
        (r#"{"headers": ["a"], "data": {"x": "1,5"}}"#, "expected a number, `null` or `..`, found `1,5`"),
        (r#"{"headers": ["a"], "data": {"x": 1.2.3}}"#, "expected a number, found `1.2.3`"),
        (r#"{"headers": ["a"], "data": {"x": 1"#, "expected the rest of the document"),
        ("{\"headers\": [\"a\"], \"data\": {\"\u{0}", "expected a closing quote"),
    ] {
        let error = refused(Format::IcaneJson, text.as_bytes(), &Hints::default());
        assert!(error.contains(expected), "{text}\n{error}");
    }
    let deep = format!("{{\"x\":{}", "{\"a\":".repeat(10_000));
    assert!(refused(Format::IcaneJson, deep.as_bytes(), &Hints::default()).contains("at most 64 deep"));
}

/// No file of this format is among the payloads; the other JSON of the source must be told from it.
#[test]
fn json_stat_is_no_such_file() {
    let Some(bytes) = payload("icane/icane-epa-cantabria.json-stat2.json") else {
        return;
    };
    let error = refused(Format::IcaneJson, &bytes, &Hints::default());
    assert!(error.starts_with("expected ICANE's JSON with `headers` and `data`, found JSON"), "{error}");
}

fn cube() -> impl Strategy<Value = (usize, Vec<Option<Option<i32>>>, bool)> {
    let cell =
        prop_oneof![6 => any::<i32>().prop_map(|value| Some(Some(value))), 1 => Just(Some(None)), 1 => Just(None)];
    (1usize..4, prop::collection::vec(cell, 27), any::<bool>())
}

/// Three members a level; an absent cell is left out.
fn written(levels: usize, cells: &[Option<Option<i32>>], is_null: bool) -> (String, Vec<String>) {
    let mut rows = Vec::new();
    let mut at = 0;
    let mut codes = Vec::new();
    let mut text = String::from("{\"headers\": [");
    text.push_str(&(0..levels).map(|level| format!("\"Dimensión {level}\"")).collect::<Vec<_>>().join(", "));
    text.push_str("], \"data\": ");
    level(levels, &mut codes, cells, is_null, &mut at, &mut text, &mut rows);
    text.push('}');
    (text, rows)
}

fn level(
    left: usize,
    codes: &mut Vec<String>,
    cells: &[Option<Option<i32>>],
    is_null: bool,
    at: &mut usize,
    text: &mut String,
    rows: &mut Vec<String>,
) {
    text.push('{');
    let mut is_first = true;
    for member in ["ñ \"a\"", "b", "2005 - 1"] {
        let cell = if left == 1 { cells[*at] } else { Some(None) };
        if left == 1 {
            *at += 1;
        }
        let Some(value) = cell else {
            continue;
        };
        text.push_str(if is_first { "" } else { ", " });
        is_first = false;
        text.push_str(&format!("{}: ", serde_json::Value::from(member)));
        codes.push(member.to_owned());
        if left > 1 {
            level(left - 1, codes, cells, is_null, at, text, rows);
        } else {
            let value = value.map(|value| f64::from(value) / 1000.0);
            let mark = if is_null { "null" } else { "\"..\"" };
            text.push_str(&value.map_or(mark.to_owned(), |value| value.to_string()));
            rows.push(format!("{}|{}||", codes.join("|"), value.map_or(String::new(), |value| value.to_string())));
        }
        codes.pop();
    }
    text.push('}');
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_cube_is_read_back((levels, cells, is_null) in cube()) {
        let (text, rows) = written(levels, &cells, is_null);
        let found = read(&text);
        check_cells(&found, text.as_bytes());
        prop_assert_eq!(found.lines(), rows);
    }

    #[test]
    fn damaged_documents_never_panic(
        (levels, cells, is_null) in cube(),
        damage in damage(),
    ) {
        let bytes = damaged(written(levels, &cells, is_null).0, damage);
        let _ = decoded(Format::IcaneJson, &bytes, &Hints::default());
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), brace in any::<bool>()) {
        let bytes = if brace { [b"{\"headers\":[\"a\"],\"data\":{".as_slice(), &bytes].concat() } else { bytes };
        let _ = decoded(Format::IcaneJson, &bytes, &Hints::default());
    }
}

#[test]
fn more_rows_than_a_batch_are_cut() {
    let members: Vec<String> = (0..BATCH_ROWS + 9).map(|at| format!("\"{at}\":{at}")).collect();
    let found = read(&format!("{{\"headers\":[\"a\"],\"data\":{{{}}}}}", members.join(",")));
    assert_eq!(found.rows.len(), BATCH_ROWS + 9);
    assert_eq!(found.rows[BATCH_ROWS][0], BATCH_ROWS.to_string());
}
