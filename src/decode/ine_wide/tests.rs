#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::probe::{Decoded, decoded, payload, refused};
use super::*;
use crate::decode::Format;

fn read(text: &str) -> Decoded {
    decoded(Format::IneCsv, text.as_bytes(), &Hints::default()).unwrap()
}

fn with(decimal: char) -> Hints {
    Hints { decimal: Some(decimal), ..Hints::default() }
}

fn bad(text: &str, hints: &Hints) -> String {
    refused(Format::IneCsv, text.as_bytes(), hints)
}

#[test]
fn the_business_register_is_decoded() {
    let Some(bytes) = payload("ine-csv/dirce-30157.excerpt.csv_sc.csv") else {
        return;
    };
    let hints = Hints { encoding: Some("windows-1252".into()), ..Hints::default() };
    let found = decoded(Format::IneCsv, &bytes, &hints).unwrap();
    assert_eq!(found.names[..5], ["section", "row", "column", "time_period", "obs_value"]);
    assert_eq!(found.rows.len(), 3 * 35);
    assert_eq!(found.metadata.units.as_deref(), Some("Empresas"));
    assert!(found.metadata.title.as_deref().unwrap().ends_with("y estrato de asalariados"));
    assert!(found.metadata.notes.is_empty());
    let lines = found.lines();
    assert_eq!(lines[0], "Total|Total CNAE|Total|2023|1831133||");
    assert_eq!(lines[34], "Total|Total CNAE|De 20 a 49|2019|970||");
    assert_eq!(lines[70], "Total|08 Otras industrias extractivas|Total|2023|105||");
    for (value, cell) in found.cells() {
        let end = bytes[cell..].iter().position(|byte| *byte == b';').unwrap();
        let there = String::from_utf8(bytes[cell..cell + end].to_vec()).unwrap().replace('.', "");
        assert_eq!(there.parse().ok(), value);
    }
}

const SURVEY: &str = "Encuesta sobre el uso de TIC\nUso de \"nube\" por comunidades\nResultados\nUnidades: \
                      Porcentaje\n\n;Total Empresas;Industria;\nTotal nacional;\n\"D.15; % de \"\"empresas\"\"\" \
                      ;94,17;..;\nCantabria ;\nD.16 (1);5;;\n\n(1) % de las que usan la nube;\nFuente: INE\n";

#[test]
fn sections_and_footnotes_are_told_apart() {
    let text = SURVEY.replace("\"\"\" ;", "\"\"\";");
    let found = read(&text);
    assert_eq!(found.names[..4], ["section", "row", "column", "obs_value"]);
    assert_eq!(
        found.lines(),
        [
            "Total nacional|D.15; % de \"empresas\"|Total Empresas|94.17||",
            "Total nacional|D.15; % de \"empresas\"|Industria|||",
            "Cantabria|D.16 (1)|Total Empresas|5||",
            "Cantabria|D.16 (1)|Industria|||"
        ]
    );
    assert_eq!(found.metadata.notes, ["(1) % de las que usan la nube", "Fuente: INE"]);
    assert_eq!(
        found.metadata.title.as_deref(),
        Some("Encuesta sobre el uso de TIC. Uso de \"nube\" por comunidades. Resultados")
    );
    let cells = found.cells();
    assert!(text[cells[0].1..].starts_with("94,17;"));
    assert!(text[cells[1].1..].starts_with("..;"));
    assert!(text[cells[3].1..].starts_with(";\n\n(1)"));
}

#[test]
fn header_rows_become_dimensions() {
    let found = read(
        "Censo\nUnidades: Personas\n;Total;;;;Males;;;;\n;Spain;;Foreign;;Spain;;Foreign;;\n;2022;2021;2022;\
                      2021;2022;2021;2022;2021;\nCantabria;1,000;2;3;4;5;6;7;1,234,567;\n",
    );
    assert_eq!(found.names[..5], ["row", "column", "column_2", "time_period", "obs_value"]);
    assert_eq!(found.lines()[0], "Cantabria|Total|Spain|2022|1000||");
    assert_eq!(found.lines()[7], "Cantabria|Males|Foreign|2021|1234567||");
    let found = read("Units: %\n;2004TIV;2004TIII\nTotal;1,5;-2\n");
    assert_eq!(found.names[..3], ["row", "time_period", "obs_value"]);
    assert_eq!(found.lines(), ["Total|2004TIV|1.5||", "Total|2004TIII|-2||"]);
}

#[test]
fn commas_are_split_where_there_is_one_reading() {
    let found = read(
        "EPA\nUnidades: Tasas\n,Ambos sexos,,Hombres,,\n,2024T3,2024T2,2024T3,2024T2,\nTotal,85,53,85,04,\
                      -81,9,..,\nA Agricultura, ganadería,58,52,53,33,1,2,3,4,\nNinguno,1,2,3,..,\n\
                      (1) Sin datos, o casi,\n",
    );
    assert_eq!(found.names[..4], ["row", "column", "time_period", "obs_value"]);
    assert_eq!(
        found.lines()[..4],
        [
            "Total|Ambos sexos|2024T3|85.53||",
            "Total|Ambos sexos|2024T2|85.04||",
            "Total|Hombres|2024T3|-81.9||",
            "Total|Hombres|2024T2|||"
        ]
    );
    assert_eq!(found.lines()[7], "A Agricultura, ganadería|Hombres|2024T2|3.4||");
    assert_eq!(found.lines()[8], "Ninguno|Ambos sexos|2024T3|1||");
    assert_eq!(found.metadata.notes, ["(1) Sin datos, o casi"]);
    let ambiguous = "Unidades: %\n,a,b,\nTotal,25,1,25,\n";
    assert_eq!(
        bad(ambiguous, &Hints::default()),
        "line 3, column 7 (byte 24): expected 2 values, found 3 parts between commas"
    );
    for (row, hints) in [
        ("Total,25,1,25,", with(',')),
        ("Total,25,1,25,4,", with('.')),
        ("Total,25,123,25,456,", Hints::default()),
        ("Total,25,1,25,4,6,", with(',')),
        ("Total,1,", with(',')),
        ("Total,1,..,..,2,", with(',')),
        ("Total,1.5,2.5,", Hints::default()),
    ] {
        bad(&format!("Unidades: %\n,a,b,\n{row}\n"), &hints);
    }
    bad("Unidades: Empresas\n,a,b,\nTotal,25,100,25,400,\n", &Hints::default());
}

#[test]
fn marks_are_never_guessed() {
    let value = |units: &str, value: &str, hints: &Hints| {
        let text = format!("Unidades: {units}\n;a;b;\nTotal;0;{value};\n");
        decoded(Format::IneCsv, text.as_bytes(), hints).ok().map(|found| found.cells()[1].0.unwrap())
    };
    let none = Hints::default();
    for (units, text, hints, expected) in [
        ("Empresas", "1.831.133", &none, Some(1_831_133.0)),
        ("Companies", "1,831,133", &none, Some(1_831_133.0)),
        ("Empresas", "-12", &none, Some(-12.0)),
        ("Empresas", "1831133", &none, Some(1_831_133.0)),
        ("Empresas", "1.831.13", &none, None),
        ("Empresas", "1.831,133", &none, None),
        ("Empresas", "18311.133", &none, None),
        ("Empresas", "12,5", &none, None),
        ("Empresas", ".", &with(','), None),
        ("Empresas", "1,831", &with(','), None),
        ("Empresas", "1.831", &with(','), Some(1831.0)),
        ("Porcentaje", "12,5", &none, Some(12.5)),
        ("Porcentaje", "12.5", &none, None),
        ("Porcentaje", "12.5", &with('.'), Some(12.5)),
        ("Porcentaje", "1,234", &none, None),
        ("Porcentaje", "0,234", &none, Some(0.234)),
        ("Porcentaje", "1,234", &with(','), Some(1.234)),
        ("Porcentaje", "1,234", &with('.'), Some(1234.0)),
        ("Porcentaje", "1.234", &none, None),
        ("miles de personas", "1.234,5", &with(','), Some(1234.5)),
        ("Porcentaje", "n.d.", &none, None),
    ] {
        let found = match text {
            "." => None,
            text => value(units, text, hints),
        };
        assert_eq!(found, expected, "{text} {units} {hints:?}");
    }
    let mixed = bad("Unidades: Empresas\n;a;b;\nTotal;1.000;1,000;\n", &none);
    assert!(mixed.contains("expected an integer, its thousands grouped by `.`, found `1,000`"), "{mixed}");
}

#[test]
fn what_is_no_table_is_refused() {
    let head = "T\nUnidades: %\n";
    for (text, expected) in [
        (format!("{head};a;b;\nx;1;\n"), "expected 4 fields, found 3"),
        (format!("{head};a;b;\nx;1;2\n"), "expected 4 fields, found 3"),
        (format!("{head};a;b;\nx;1;2;3;\n"), "expected 4 fields, found 5"),
        (format!("{head};;b;\n"), "expected a header row with a label for the first column"),
        (format!("{head};a;;b;\n"), "expected a label for each column in the last header row"),
        (format!("{head};a;b;\n;c;\n"), "expected a header row of 3 fields, found 2"),
        (format!("{head};a;b;\n;1;2;\n"), "expected a label before the first separator of a row"),
        (format!("{head};a;b;\nx;1;2;\n;1;2;\n"), "expected a label before the first separator of a row"),
        (format!("{head};a;b;\nx;\ny;\nz;1;2;\n"), "expected one section line before a row, found `x`, `y`"),
        (format!("{head};a;b;\nx;1;2;\ny;\nz;1;2;\n"), "expected every row in a section, or none"),
        (format!("{head};a;b;\nx;1;\0;\n"), "expected a number with a decimal comma"),
        (format!("{head};a;b;\n\"x;1;2;\n"), "expected a closing quote"),
        (format!("{head}{}", ";a;\n".repeat(20)), "expected at most 12 header rows"),
        (format!("{head}{};\n", ";a".repeat(100_001)), "expected at most 12 header rows and 100000 columns"),
    ] {
        let error = bad(&text, &Hints::default());
        assert!(error.contains(expected), "{text:.200}\n{error}");
    }
    let latin = refused(Format::IneCsv, b"T\nUnidades: %\n;a;\nA\xf1o;1;\n", &Hints::default());
    assert!(latin.contains("expected text in UTF-8"), "{latin}");
    let words = format!("{head};a;\nx;1;\n{}", "una nota que no acaba;\n".repeat(60_000));
    assert!(bad(&words, &Hints::default()).contains("expected footnotes of at most"));
}

/// Columns of the two header rows, and rows with a value, a missing one, or a section before them.
type Cube = (u8, u8, Vec<(String, Option<String>, Vec<Option<i32>>)>, [bool; 5]);

fn cube() -> impl Strategy<Value = Cube> {
    let label = "[A-Za-zñ][A-Za-z0-9 (),.ñ]{0,8}[a-z)]";
    let values = prop::collection::vec(prop::option::weighted(0.8, any::<i32>()), 12);
    let row = (label, prop::option::weighted(0.3, label), values);
    (1u8..4, 1u8..5, prop::collection::vec(row, 1..20), any::<[bool; 5]>())
}

/// Is counted, has periods, is closed, ends lines with CR LF, has footnotes.
fn written((outer, inner, rows, traits): &Cube) -> (String, Vec<String>) {
    let [is_counted, has_periods, is_closed, has_crlf, has_notes] = *traits;
    let (outer, inner) = (usize::from(*outer), usize::from(*inner));
    // Of one open column a section line would look like a row without its value.
    let close = if is_closed || outer * inner == 1 { ";" } else { "" };
    let mut text = format!("Título\nUnidades: {}\n\n", if is_counted { "Empresas" } else { "Tasas" });
    let inners: Vec<String> =
        (0..inner).map(|at| if has_periods { (2023 - at).to_string() } else { format!("De {at} a más") }).collect();
    for at in 0..outer {
        text.push_str(&format!(";Estrato {at}{}", ";".repeat(inner - 1)));
    }
    text.push_str(&format!("{close}\n"));
    for _ in 0..outer {
        inners.iter().for_each(|label| text.push_str(&format!(";{label}")));
    }
    text.push_str(&format!("{close}\n"));
    let has_sections = rows[0].1.is_some();
    let mut section = String::new();
    let mut lines = Vec::new();
    for (label, of, values) in rows {
        if let Some(of) = of.as_ref().filter(|_| has_sections) {
            section = format!("{}|", of.trim());
            text.push_str(&format!("{of};\n"));
        }
        text.push_str(label);
        for at in 0..outer * inner {
            let value = values[at % values.len()];
            let shown = match value {
                None => "..".to_owned(),
                Some(value) if is_counted => grouped(value),
                Some(value) => (f64::from(value) / 100.0).to_string().replace('.', ","),
            };
            text.push_str(&format!(";{shown}"));
            let divisor = if is_counted { 1.0 } else { 100.0 };
            let value = value.map_or(String::new(), |value| (f64::from(value) / divisor).to_string());
            let (upper, lower) = (at / inner, &inners[at % inner]);
            lines.push(format!("{section}{}|Estrato {upper}|{lower}|{value}||", label.trim()));
        }
        text.push_str(&format!("{close}\n"));
    }
    if has_notes {
        text.push_str("\n(1) Una nota\n");
    }
    let text = if has_crlf { text.replace('\n', "\r\n") } else { text };
    (text, lines)
}

fn grouped(value: i32) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    if value < 0 { format!("-{text}") } else { text }
}

/// Bytes put in place of others.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    let byte = prop::sample::select(b";,\"\n\r\t\x00\xff.-9".to_vec());
    prop::collection::vec((any::<prop::sample::Index>(), byte), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_cube_is_read_back(cube in cube()) {
        let (text, lines) = written(&cube);
        let found = read(&text);
        for (value, cell) in found.cells() {
            let there = text[cell..].split([';', '\r', '\n']).next().unwrap();
            prop_assert_eq!(there.replace('.', "").replace(',', ".").parse().ok(), value);
        }
        prop_assert_eq!(found.lines(), lines);
        prop_assert_eq!(found.metadata.notes.len(), usize::from(cube.3[4]));
    }

    #[test]
    fn damaged_files_never_panic(
        cube in cube(),
        with_commas in any::<bool>(),
        cut in any::<prop::sample::Index>(),
        changes in changes(),
    ) {
        let mut bytes = written(&cube).0.into_bytes();
        let whole = bytes.len();
        bytes.truncate(cut.index(whole) + 1);
        if with_commas {
            bytes.iter_mut().filter(|byte| **byte == b';').for_each(|byte| *byte = b',');
        }
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = decoded(Format::IneCsv, &bytes, &Hints::default());
    }

    #[test]
    fn any_bytes_never_panic(
        bytes in prop::collection::vec(prop::sample::select(b";;;,,\"\n\n\r\ta1.\xff-".to_vec()), 0..200),
    ) {
        let _ = decoded(Format::IneCsv, &bytes, &Hints::default());
        let _ = decoded(Format::IneCsv, &[b"Unidades: %\n", bytes.as_slice()].concat(), &Hints::default());
    }
}

#[test]
fn more_rows_than_a_batch_are_cut() {
    let row = format!("x{};\n", ";1".repeat(1000));
    let text = format!("Unidades: %\n{};\n{}", ";a".repeat(1000), row.repeat(140));
    assert_eq!(read(&text).rows.len(), 140_000);
}

/// The fixtures: `bad_*` must fail, the others decode.
#[test]
fn fixtures_do_what_they_are_named_for() {
    for format in [Format::IneCsv, Format::IneTempus, Format::IcaneJson] {
        let name = serde_json::to_value(format).unwrap();
        let folder =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats").join(name.as_str().unwrap());
        for file in std::fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "toml" || extension == "snap") {
                continue;
            }
            let said: toml::Table =
                std::fs::read_to_string(path.with_extension("toml")).unwrap_or_default().parse().unwrap();
            let text = |key: &str| said.get(key).and_then(|value| value.as_str()).map(str::to_owned);
            let hints = Hints {
                encoding: text("encoding"),
                decimal: text("decimal").and_then(|mark| mark.chars().next()),
                ..Hints::default()
            };
            let found = decoded(format, &std::fs::read(&path).unwrap(), &hints);
            let is_bad = path.file_name().unwrap().to_str().unwrap().starts_with("bad_");
            assert_eq!(found.is_err(), is_bad, "{}: {:?}", path.display(), found.err());
        }
    }
}
