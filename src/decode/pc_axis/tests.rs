//! Small files by hand, and the sources' real ones.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

// What follows is no code of the program: the repository's own tests stop reading at this line.
#[cfg(test)]
use std::path::PathBuf;

use super::*;
use crate::decode::{CELL, Format, Metadata, OBS_FLAG, OBS_VALUE, open};
use crate::error::Hint;
use arrow::array::{Array, AsArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, UInt64Type};

/// A decoded table as values: of each row the texts of all columns but value and cell, the value, the cell.
pub(super) struct Decoded {
    pub metadata: Metadata,
    pub names: Vec<String>,
    pub rows: Vec<(Vec<String>, Option<f64>, u64)>,
}

pub(super) fn decode(bytes: &[u8], hints: &Hints) -> Result<Decoded, DecodeError> {
    let table = open(Format::PcAxis, &Source::from_bytes(bytes), hints)?;
    let batches: Vec<RecordBatch> = table.batches.collect::<Result<_, _>>()?;
    let whole = concat_batches(&table.schema, &batches)?;
    let schema = table.schema;
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let texts: Vec<_> = (0..names.len())
        .filter(|at| names[*at] != OBS_VALUE && names[*at] != CELL && names[*at] != "conf_status")
        .collect();
    let values = whole.column(schema.index_of(OBS_VALUE)?).as_primitive::<Float64Type>();
    let cells = whole.column(schema.index_of(CELL)?).as_primitive::<UInt64Type>();
    let columns: Vec<Vec<String>> = texts
        .iter()
        .map(|column| {
            let array = whole.column(*column);
            let dictionary = array.as_any_dictionary();
            let keys = if dictionary.values().is_empty() { Vec::new() } else { dictionary.normalized_keys() };
            let labels = dictionary.values().as_string::<i32>();
            let text = |row: usize| if array.is_null(row) { String::new() } else { labels.value(keys[row]).to_owned() };
            (0..whole.num_rows()).map(text).collect()
        })
        .collect();
    let rows = (0..whole.num_rows()).map(|row| {
        let value = values.is_valid(row).then(|| values.value(row));
        (columns.iter().map(|column| column[row].clone()).collect(), value, cells.value(row))
    });
    let rows = rows.collect();
    Ok(Decoded { metadata: table.metadata, names: texts.iter().map(|at| names[*at].clone()).collect(), rows })
}

fn read(text: &str) -> Decoded {
    decode(text.as_bytes(), &Hints::default()).unwrap()
}

#[track_caller]
fn fails(text: impl AsRef<[u8]>, message: &str) {
    match decode(text.as_ref(), &Hints::default()) {
        Ok(_) => panic!("expected an error: {message}"),
        Err(error) => assert_eq!(error.to_string(), message),
    }
}

fn shown(decoded: &Decoded) -> Vec<String> {
    let row = |(texts, value, _): &(Vec<String>, Option<f64>, u64)| {
        format!("{} = {}", texts.join("|"), value.map_or("none".to_owned(), |value| value.to_string()))
    };
    decoded.rows.iter().map(row).collect()
}

#[test]
fn cells_are_in_row_order_and_time_is_marked() {
    let decoded = read(concat!(
        "AXIS_VERSION=\"2013\";\nMATRIX=\"T1\";LAST.UPDATED=\"20260101 09:00\";\n",
        "TITLE=\"Firms \"\n\"by region; year\";\n",
        "UNITS=\"number\";UNITS=\"number\";NOTE=\"a;b\";NOTEX(\"region\")=\"c\";DATASYMBOL2=\"secret\";\n",
        "STUB=\"region\";HEADING=\"year\";\n",
        "VALUES(\"region\")=\"Cantabria\",\n\"Asturias\";CODES(\"region\")=\"06\",\"03\";\n",
        "VALUES(\"year\")=\"2024\",\"2025\",\"2026\";TIMEVAL(\"year\")=TLIST(A1,\"2024\"-\"2026\");\n",
        "DATA=\n10.99\t\"..\",-\r\n.5e1 ... -3.0 ;\n",
    ));
    assert_eq!(decoded.names, ["region", "time_period", "obs_flag"]);
    assert_eq!(
        shown(&decoded),
        [
            "06|2024| = 10.99",
            "06|2025|.. = none",
            "06|2026|- = 0",
            "03|2024| = 5",
            "03|2025|... = none",
            "03|2026| = -3"
        ]
    );
    let metadata = &decoded.metadata;
    assert_eq!(metadata.dataset.as_deref(), Some("T1"));
    assert_eq!(metadata.title.as_deref(), Some("Firms by region; year"));
    assert_eq!(metadata.updated.as_deref(), Some("20260101 09:00"));
    assert_eq!(metadata.units.as_deref(), Some("number"));
    assert_eq!(metadata.notes, ["a;b", "region: c", "`..`: secret"]);
    assert_eq!(metadata.labels["region"]["06"], "Cantabria");
    assert_eq!(metadata.dimension_labels["time_period"], "year");
    assert_eq!(metadata.labels.get("time_period"), None);
}

#[test]
fn rows_with_keys_state_their_values() {
    let decoded = read(concat!(
        "STUB=\"a\",\"b\";HEADING=\"h\";VALUES(\"a\")=\"one\",\"two, three\";CODES(\"a\")=\"1\",\"2\";\n",
        "VALUES(\"b\")=\"x\",\"y\";VALUES(\"h\")=\"p\",\"q\";KEYS(\"a\")=CODES;KEYS(\"b\")=VALUES;\n",
        "DATA=\"2\",\"y\", 1 \"..\"\n\"1\",\"x\",3 4;",
    ));
    assert_eq!(shown(&decoded), ["2|y|p| = 1", "2|y|q|.. = none", "1|x|p| = 3", "1|x|q| = 4"]);
    let head =
        "STUB=\"a\";HEADING=\"h\";VALUES(\"a\")=\"x\",\"y\";VALUES(\"h\")=\"p\",\"q\";KEYS(\"a\")=VALUES;DATA=\n";
    assert_eq!(shown(&read(&format!("{head};"))), Vec::<String>::new());
    fails(
        format!("{head}\"x\" 1 2"),
        "line 2, column 8 (byte 91): expected `;` behind the last row, found the end of the payload",
    );
    fails(
        format!("{head}\"z\" 1 2;"),
        "line 2, column 2 (byte 85): expected a value of `a` that the header lists (`KEYS`), found `z`",
    );
    fails(format!("{head}\"x\" 1 2 \"x\" 3 4;"), "line 2, column 10 (byte 93): expected each row once, found `x`");
    fails(
        format!("{head}\"x\" 1 \"y\" 3 4;"),
        "line 2, column 8 (byte 91): expected a number with a decimal point, or a mark such as `..`, found `y`",
    );
    fails(
        format!("{head}\"x\" 1;"),
        "line 2, column 7 (byte 90): expected 2 cells of a row, found the end after 1 of them",
    );
}

#[test]
fn a_language_is_chosen_and_its_gaps_are_filled() {
    let text = concat!(
        "LANGUAGE=\"sv\";LANGUAGES=\"sv\",\"en\";TITLE=\"titel\";TITLE[en]=\"title\";MATRIX=\"M\";\n",
        "STUB=\"kön\";STUB[en]=\"sex\";HEADING=\"år\";HEADING[en]=\"year\";\n",
        "VALUES(\"kön\")=\"män\",\"kvinnor\";VALUES[en](\"sex\")=\"men\",\"women\";CODES(\"kön\")=\"1\",\"2\";\n",
        "VALUES(\"år\")=\"2025\";VALUES[en](\"year\")=\"2025\";TIMEVAL(\"år\")=TLIST(A1),\"2025\";\n",
        "UNITS=\"antal\";UNITS[en]=\"number\";DATA=1 2;",
    );
    let swedish = read(text);
    assert_eq!(swedish.names, ["kön", "time_period", "obs_flag"]);
    assert_eq!(swedish.metadata.labels["kön"]["2"], "kvinnor");
    let hints = Hints { language: Some("EN".into()), ..Hints::default() };
    let english = decode(text.as_bytes(), &hints).unwrap();
    assert_eq!(english.names, ["sex", "time_period", "obs_flag"]);
    assert_eq!(shown(&english), ["1|2025| = 1", "2|2025| = 2"]);
    assert_eq!(english.metadata.labels["sex"]["2"], "women");
    assert_eq!(english.metadata.title.as_deref(), Some("title"));
    assert_eq!(english.metadata.units.as_deref(), Some("number"));
    assert_eq!(english.metadata.dataset.as_deref(), Some("M"));
    let hints = Hints { language: Some("es".into()), ..Hints::default() };
    let error = decode(text.as_bytes(), &hints).err().unwrap().to_string();
    assert_eq!(
        error,
        "line 1, column 15 (byte 14): expected the language `es` of the hint `language`, found `sv`, `en`"
    );
}

#[test]
fn units_and_marks_of_cells_are_columns() {
    let decoded = read(concat!(
        "STUB=\"c\";HEADING=\"t\";CONTVARIABLE=\"c\";VALUES(\"c\")=\"firms\",\"staff\";VALUES(\"t\")=\"1\",\"2\";\n",
        "UNITS=\"number\";UNITS(\"staff\")=\"persons\";DATANOTECELL(\"staff\",\"*\")=\"p\";\n",
        "DATANOTECELL(\"staff\",\"2\")=\"e\";\n",
        "DATANOTECELL(\"gone\",\"2\")=\"x\";ATTRIBUTE-ID=\"STATUS\";\n",
        "ATTRIBUTES=\"A\";ATTRIBUTES(\"firms\",\"2\")=\"B\";\n",
        "LAST-UPDATED(\"firms\")=\"20250101 08:00\";LAST-UPDATED(\"staff\")=\"20260101 08:00\";DATA=1 2 3 4;",
    ));
    assert_eq!(decoded.names, ["c", "t", "obs_flag", "UNITS", "DATANOTECELL", "STATUS"]);
    assert_eq!(
        shown(&decoded),
        ["firms|1||number||A = 1", "firms|2||number||B = 2", "staff|1||persons|p|A = 3", "staff|2||persons|e|A = 4"]
    );
    assert_eq!(decoded.metadata.units, None);
    assert_eq!(decoded.metadata.updated.as_deref(), Some("20260101 08:00"));
    assert_eq!(decoded.metadata.notes, ["gone, 2: x"]);
}

/// A small file with this text as its only value.
fn encoded(declared: &str, value: &[u8]) -> Vec<u8> {
    [declared.as_bytes(), b"STUB=\"a\";VALUES(\"a\")=\"", value, b"\";DATA=1;"].concat()
}

#[test]
fn the_encoding_is_declared_hinted_or_asked_for() {
    let decoded = |bytes: &[u8], hint: Option<&str>| {
        let hints = Hints { encoding: hint.map(str::to_owned), ..Hints::default() };
        decode(bytes, &hints).map(|decoded| (decoded.rows[0].0[0].clone(), decoded.metadata.notes))
    };
    for (declared, value, hint, expected, notes) in [
        ("CHARSET=\"ANSI\";", &b"a\xf1o \x80"[..], None, "año €", 0),
        ("CHARSET=\"ANSI\";CODEPAGE=\"iso-8859-15\";", b"a\xf1o \xa4", None, "año €", 0),
        ("CODEPAGE=\"850\";", b"N\xa3mero", None, "Número", 0),
        ("", b"N\xa3mero", Some("ibm850"), "Número", 0),
        ("", b"N\xa3mero", Some("cp850"), "Número", 0),
        ("", "año".as_bytes(), None, "año", 0),
        ("\u{feff}", "año".as_bytes(), None, "año", 0),
        ("CODEPAGE=\"utf-8\";", "año".as_bytes(), None, "año", 0),
        // Wrong declarations.
        ("CODEPAGE=\"iso-8859-15\";", "año".as_bytes(), None, "año", 1),
        ("CODEPAGE=\"iso-8859-15\";", "a\u{fffd}o".as_bytes(), None, "a\u{fffd}o", 2),
        ("CODEPAGE=\"iso-8859-15\";", "año".as_bytes(), Some("windows-1252"), "aÃ±o", 1),
        ("\u{feff}CODEPAGE=\"iso-8859-15\";", "año".as_bytes(), None, "año", 1),
        ("CODEPAGE=\"iso-8859-1\";", b"a\xf1o", Some("ibm850"), "a±o", 1),
        ("CODEPAGE=\"iso-8859-15\";", b"a \x96 b", None, "a \u{96} b", 1),
        ("CODEPAGE=\"nonsense\";", b"a\xf1o", Some("windows-1252"), "año", 0),
    ] {
        let (text, found) = decoded(&encoded(declared, value), hint).unwrap();
        assert_eq!((text.as_str(), found.len()), (expected, notes), "{declared}: {found:?}");
    }
    let error = decoded(&encoded("", b"a\xf1o"), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1, column 24 (byte 23): expected text in UTF-8, since the file names no encoding, found the byte 0xf1"
    );
    assert!(error.hint().unwrap().contains("`encoding = \"ibm850\"`"));
    let error = decoded(&encoded("CODEPAGE=\"utf-8\";", b"a\xf1o"), None).unwrap_err();
    assert_eq!(error.to_string(), "line 1, column 39 (byte 38): expected text in UTF-8, found `a\u{fffd}o`");
    let error = decoded(&encoded("CODEPAGE=\"nonsense\";", b"a"), None).unwrap_err();
    assert_eq!(error.to_string(), "line 1, column 1 (byte 0): expected an encoding that is known, found `nonsense`");
    let error = decoded(&encoded("", b"a"), Some("klingon")).unwrap_err();
    assert_eq!(error.to_string(), "encoding `klingon` is not known");
}

#[test]
fn codes_that_values_share_are_replaced_by_labels() {
    let head = "STUB=\"a\";VALUES(\"a\")=\"x\",\"y\",\"z\";CODES(\"a\")=";
    let decoded = read(&format!("{head}\"1\",\"null\",\"null\";DATA=1 2 3;"));
    assert_eq!(shown(&decoded), ["1| = 1", "y| = 2", "z| = 3"]);
    assert_eq!(
        decoded.metadata.notes,
        ["codes of `a` that several values share were replaced by the values' labels: `null`"]
    );
    fails(
        format!("{head}\"y\",\"null\",\"null\";DATA=1 2 3;"),
        "line 1, column 49 (byte 48): expected each value of `a` once, found `y`",
    );
    fails(
        format!("{head}\"1\",\"2\";DATA=1 2 3;"),
        "line 1, column 34 (byte 33): expected 3 codes, one for each of `VALUES`, found 2",
    );
}

#[test]
fn what_is_no_cube_is_an_error_with_its_place() {
    let head = "STUB=\"a\";VALUES(\"a\")=\"x\",\"y\";";
    fails(
        "<html><title>Down</title>",
        "expected a PC-Axis header such as `AXIS-VERSION=\"2013\";`, found an HTML page with the title `Down`",
    );
    fails("", "expected a PC-Axis header such as `AXIS-VERSION=\"2013\";`, found nothing: the payload is empty");
    fails("a;b\n1;2\n", "expected a PC-Axis header such as `AXIS-VERSION=\"2013\";`, found `a;b 1;2`");
    fails(
        "TITLE=\"x\";DATA=1;",
        "expected a PC-Axis header such as `AXIS-VERSION=\"2013\";`, found a header without dimensions",
    );
    fails(head, "line 1, column 30 (byte 29): expected `DATA=` and the cells, found the end of the payload");
    fails(format!("{head}TITLE=\"x;DATA=1 2;"), "line 1, column 36 (byte 35): expected a closing quote, found none");
    fails(
        format!("{head}TITLE=\"x\"\nDATA=1 2;"),
        "line 2, column 10 (byte 48): expected `DATA=` and the cells, found the end of the payload",
    );
}

#[test]
fn more_of_what_is_wrong() {
    let head = "STUB=\"a\";VALUES(\"a\")=\"x\",\"y\";";
    fails(format!("{head}DATA=1;"), "line 1, column 37 (byte 36): expected 2 cells (2), found the end after 1 of them");
    fails(format!("{head}DATA=1,5 2;"), "line 1, column 39 (byte 38): expected nothing behind 2 cells (2), found `2`");
    fails(
        format!("{head}DATA=1 n/a;"),
        "line 1, column 37 (byte 36): expected a number with a decimal point, or a mark such as `..`, found `n/a`",
    );
    fails(format!("{head}DATA=1 \".."), "line 1, column 37 (byte 36): expected a closing quote, found none");
    fails(
        "STUB=\"a\",\"b\";VALUES(\"a\")=\"x\";DATA=1;",
        "line 1, column 10 (byte 9): expected `VALUES(\"b\")`, found none in the header",
    );
    fails(
        "STUB=\"a\",\"a\";VALUES(\"a\")=\"x\";DATA=1;",
        "line 1, column 10 (byte 9): expected each dimension once, with a name, found `a`",
    );
    fails(
        format!("{head}VALUES(\"a\")=\"y\",\"x\";DATA=1 2;"),
        "line 1, column 30 (byte 29): expected one `VALUES`, found another one that differs from the one before",
    );
    fails(
        format!("{head}TIMEVAL(\"b\")=TLIST(A1);DATA=1 2;"),
        "line 1, column 30 (byte 29): expected the name of a dimension in `TIMEVAL`, found `b`",
    );
    fails(
        "STUB=\"a\";VALUES(\"a\")=\"x\",,\"y\";DATA=1;",
        "line 1, column 26 (byte 25): expected a text in quotes, or a word, found nothing",
    );
    fails(
        "STUB=\"a\";VALUES(\"a\")=\"x\" \"y\" z;DATA=1;",
        "line 1, column 30 (byte 29): expected `,` or `;` after the text, found `z`",
    );
    fails(
        "STUB=\"cell\";VALUES(\"cell\")=\"x\";DATA=1;",
        concat!(
            "line 1, column 1 (byte 0): expected names of dimensions and attributes that differ from one another and ",
            "from tejido's columns, found `cell` twice",
        ),
    );
}

#[test]
fn sizes_that_overflow_are_refused_before_anything_is_allocated() {
    let names: Vec<String> = (0..30).map(|number| format!("\"d{number}\"")).collect();
    let mut text = format!("STUB={};", names.join(","));
    for name in &names {
        text.push_str(&format!("VALUES({name})=\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\";"));
    }
    text.push_str("DATA=1;");
    let error = decode(text.as_bytes(), &Hints::default()).err().unwrap().to_string();
    assert!(error.contains("expected at most 1125899906842624 cells, found 281474976710656 × 8"), "{error}");
    let many = format!("STUB=\"a\";VALUES(\"a\")={}\"a\";DATA=1;", "1,".repeat(2_100_000));
    let error = decode(many.as_bytes(), &Hints::default()).err().unwrap().to_string();
    assert!(error.contains("expected at most 1000000 texts in the header, found more"), "{error}");
    let open = format!("STUB=\"a\";NOTE=\"{}", "x;".repeat(20_000_000));
    let error = decode(open.as_bytes(), &Hints::default()).err().unwrap().to_string();
    assert!(error.contains("expected `DATA=` within 33554432 bytes, found more without it"), "{error}");
}

#[test]
fn cells_are_found_over_block_ends() {
    let values: Vec<String> = (0..1000).map(|number| format!("\"{number}\"")).collect();
    let list = values.join(",");
    let head = format!("STUB=\"a\";HEADING=\"b\";VALUES(\"a\")={list};VALUES(\"b\")={list};DATA=\n");
    let mut text = head;
    for number in 0..1_000_000 {
        text.push_str(&format!("{number}.5{}", if number % 7 == 0 { "\r\n" } else { " " }));
    }
    let decoded = read(&text);
    assert_eq!(decoded.rows.len(), 1_000_000);
    for (number, (texts, value, cell)) in decoded.rows.iter().enumerate() {
        assert_eq!(*value, Some(number as f64 + 0.5));
        assert_eq!(texts[..2], [(number / 1000).to_string(), (number % 1000).to_string()]);
        assert!(text[*cell as usize..].starts_with(&format!("{number}.5")));
    }
    let cut = text.rfind("999999.5").unwrap();
    let error = decode(&text.as_bytes()[..cut], &Hints::default()).err().unwrap().to_string();
    assert!(error.contains("expected 1000000 cells (1000 × 1000), found the end after 999999 of them"), "{error}");
    assert!(error.starts_with(&format!("line {}, ", text[..cut].lines().count())), "{error}");
}

/// The sources' real files, with counts and values that were read off by eye.
#[test]
fn real_files_are_decoded() {
    let root = std::env::var_os("TEJIDO_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    if !root.join("payloads/px").is_dir() {
        eprintln!("skipped: {} has no payloads", root.display());
        return;
    }
    let file = |path: &str, encoding: Option<&str>| {
        let bytes = std::fs::read(root.join("payloads").join(path)).unwrap();
        let hints = Hints { encoding: encoding.map(str::to_owned), ..Hints::default() };
        let decoded = decode(&bytes, &hints).unwrap_or_else(|error| panic!("{path}: {error}"));
        check_cells(&decoded, &bytes);
        decoded
    };
    let find = |decoded: &Decoded, key: &[&str]| {
        let mut found =
            decoded.rows.iter().filter(|(texts, _, _)| texts.iter().zip(key).all(|(one, other)| one == other));
        let (texts, value, _) = found.next().unwrap_or_else(|| panic!("{key:?}"));
        assert!(found.next().is_none());
        (*value, texts[key.len()].clone())
    };
    let none = String::new;

    let weddings = file("px/ine-14001-matrimonios.px", None);
    assert_eq!(weddings.rows.len(), 21 * 48 * 2 * 4);
    assert_eq!(weddings.names[2], "sexo ");
    assert_eq!(find(&weddings, &["CA00", "Todas las edades", "Esposos", "Total"]), (Some(162743.0), none()));
    assert_eq!(find(&weddings, &["CA00", "Menos de 15", "Esposas", "Solteros/as"]), (None, "..".into()));
    assert_eq!(find(&weddings, &["null", "De 60 y más", "Esposas", "Divorciados/as"]), (Some(4.0), none()));
    assert_eq!(weddings.metadata.labels["Comunidad Autónoma de residencia del matrimonio"]["CA06"], "Cantabria");
    assert_eq!(weddings.metadata.units.as_deref(), Some("matrimonios"));

    let prices = file("px/ine-22350-ipc-ca06.px", None);
    assert_eq!(prices.rows.len(), 13 * 4 * 2);
    assert_eq!(find(&prices, &["CA06", "Índice general", "Índice", "2018M12"]), (Some(104.54), none()));
    assert_eq!(
        find(&prices, &["CA06", "12 Otros bienes y servicios ", "Variación anual", "2019M01"]),
        (None, "..".into())
    );
    assert_eq!(prices.metadata.dataset.as_deref(), Some("2016_CC"));

    let industry = file("px/ine-27067-ipri-cantabria.px", None);
    assert_eq!(industry.rows.len(), 29 * 4 * 7);
    assert_eq!(
        find(
            &industry,
            &["CA06", "36 Captación, depuración y distribución de agua", "Variación en lo que va de año", "2018M06"]
        ),
        (None, ".".into())
    );
    assert!(industry.metadata.notes[0].starts_with("(..) Dato no disponible por secreto"));
    assert!(industry.metadata.notes[0].contains("cubierta en el IPRI"));

    let sports = std::fs::read(root.join("payloads/px/ine-o20012-cp850.px")).unwrap();
    let error = decode(&sports, &Hints::default()).err().unwrap();
    assert!(error.to_string().contains("since the file names no encoding, found the byte 0xa3"), "{error}");
    let sports = file("px/ine-o20012-cp850.px", Some("ibm850"));
    assert_eq!(sports.rows.len(), 66 * 3 * 21);
    assert_eq!(find(&sports, &["Total", "2006", "Sin territorializar"]), (Some(1003.0), none()));
    assert_eq!(find(&sports, &["Deportes minusválidos físicos", "2004", "Total"]), (Some(1734.0), none()));
    assert_eq!(sports.metadata.units.as_deref(), Some("Número de licencias"));
    assert_eq!(sports.metadata.updated.as_deref(), Some("01/08/2007"));

    let homes = file("icane/hogares-personas-tamano-medio-hogar.pc-axis.px", None);
    assert_eq!(homes.rows.len(), 32 * 3);
    assert_eq!(find(&homes, &["2005 -  4", "Tamaño medio del hogar"]), (Some(3.05), none()));
    assert_eq!(
        homes.metadata.units.as_deref(),
        Some("Hogares, Personas: Número; Tamaño medio del hogar: Número de personas por hogar.")
    );
}

/// Reads each cell again where it is said to stand.
pub(super) fn check_cells(decoded: &Decoded, bytes: &[u8]) {
    let flags = decoded.names.iter().position(|name| name == OBS_FLAG).unwrap();
    for (texts, value, cell) in &decoded.rows {
        let there = &bytes[*cell as usize..];
        let end = there.iter().position(|byte| b" ,;\t\r\n\"".contains(byte)).unwrap_or(there.len());
        let there = std::str::from_utf8(&there[..end]).unwrap();
        match texts[flags].as_str() {
            "" => assert_eq!(there.parse::<f64>().ok(), *value, "{texts:?}"),
            flag => assert_eq!(there, flag),
        }
    }
}
