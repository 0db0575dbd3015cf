#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use crate::decode::probe::{Decoded, damage, damaged, decoded, payload, refused};
use crate::decode::{DecodeError, Format, Hints, Source, detect};
use crate::error::Hint;

fn read(text: &str, hints: &Hints) -> Decoded {
    let found = decoded(Format::SdmxCsv, text.as_bytes(), hints).unwrap();
    for (value, cell) in found.cells() {
        let at = &text[cell..];
        let end = at.find(|c: char| !"0123456789.,-+eE".contains(c)).unwrap_or(at.len());
        // A comma is the decimal mark, or the separator behind the value.
        let readings = [at[..end].replace(',', "."), at[..end].split(',').next().unwrap_or_default().to_owned()];
        let found = readings.iter().any(|reading| reading.parse().ok() == value);
        assert!(found, "{value:?} is not at byte {cell}: {}", &at[..end]);
    }
    found
}

fn fails(text: &str, hints: &Hints) -> String {
    refused(Format::SdmxCsv, text.as_bytes(), hints)
}

/// What the error says to do.
fn advice(text: &str, hints: &Hints) -> String {
    decoded(Format::SdmxCsv, text.as_bytes(), hints).err().unwrap().hint().unwrap_or_default()
}

fn dataset(name: &str) -> Hints {
    Hints { dataset: Some(name.into()), ..Hints::default() }
}

fn comma() -> Hints {
    Hints { decimal: Some(','), ..Hints::default() }
}

const SEVERAL: &str = "STRUCTURE,STRUCTURE_ID,ACTION,a,b,c,OBS_VALUE,N1,N2\n\
    dataflow,X:A(1.0),I,a1,b1,,1,n,\n\
    datastructure,X:B(2.0),I,a1,,c1,2,,m\n\
    dataflow,X:A(1.0),,a2,b1,,3,,\n\
    datastructure,X:B(2.0),R,a2,,c2,,,\n";

#[test]
fn rows_of_one_structure_are_read() {
    let found = read(SEVERAL, &dataset("A"));
    assert_eq!(found.names.join(" "), "a b obs_value obs_flag conf_status ACTION N1 N2 cell");
    assert_eq!(found.lines(), ["a1|b1|1|||I|n|", "a2|b1|3|||||"]);
    assert_eq!(found.metadata.dataset.as_deref(), Some("A"));
    for name in ["B", "X:B(2.0)"] {
        let found = read(SEVERAL, &dataset(name));
        assert_eq!(found.names.join(" "), "a c obs_value obs_flag conf_status ACTION N1 N2 cell");
        assert_eq!(found.lines(), ["a1|c1|2|||I||m", "a2|c2||||R||"]);
        assert_eq!(found.metadata.dataset.as_deref(), Some("B"));
    }
    let first = "DATAFLOW,geo,TIME_PERIOD,OBS_VALUE\nX:A(1.0),ES,2024,1\nX:B(1.0),ES,2024,2\n";
    assert_eq!(read(first, &dataset("B")).lines(), ["ES|2024|2||"]);
}

#[test]
fn rows_of_another_structure_are_an_error_that_lists_them() {
    assert_eq!(fails(SEVERAL, &Hints::default()), "line 2, column 27 (byte 78): expected a code of `c`, found nothing");
    let hint = advice(SEVERAL, &Hints::default());
    assert_eq!(
        hint,
        "say which structure is meant, such as `dataset = \"X:A(1.0)\"`: the payload has rows of `X:A(1.0)`, `X:B(2.0)`"
    );
    let alike = "DATAFLOW,geo,OBS_VALUE\nX:A(1.0),ES,1\nX:A(1.1),ES,2\nX:B(1.0): Label,ES,2\n";
    assert_eq!(
        fails(alike, &Hints::default()),
        "line 3, column 1 (byte 37): expected rows of `X:A(1.0)` only, found `X:A(1.1)`"
    );
    let listed = "the payload has rows of `X:A(1.0)`, `X:A(1.1)`, `X:B(1.0)`";
    let hint = advice(alike, &Hints::default());
    assert_eq!(hint, format!("say which structure is meant, such as `dataset = \"X:A(1.0)\"`: {listed}"));
    // An id alone does not choose between versions.
    assert!(fails(alike, &dataset("A")).starts_with("line 3, column 1 "));
    assert_eq!(read(alike, &dataset("X:A(1.1)")).lines(), ["ES|2||"]);
    assert_eq!(read(alike, &dataset("B")).lines(), ["ES|2||"]);
    assert_eq!(fails(alike, &dataset("C")), "expected rows of `C`, found rows of `X:A(1.0)`, `X:A(1.1)`, `X:B(1.0)`");
    let mut many = String::from("DATAFLOW,geo,OBS_VALUE\n");
    (0..30).for_each(|at| many.push_str(&format!("X:A{at}(1.0),ES,1\n")));
    let hint = advice(&many, &Hints::default());
    assert!(hint.ends_with("`X:A18(1.0)`, `X:A19(1.0)`, and more"), "{hint}");
}

#[test]
fn a_dimension_that_the_first_row_leaves_empty_stays_empty() {
    let filled = format!("{SEVERAL}dataflow,X:A(1.0),I,a3,b1,c9,3,,\n");
    let error = fails(&filled, &dataset("A"));
    assert!(error.starts_with("line 6, column 27 "), "{error}");
    assert!(
        error.ends_with("expected nothing in `c`, which the structure's first row leaves empty, found `c9`"),
        "{error}"
    );
    assert_eq!(read(&filled, &dataset("B")).lines().len(), 2);
}

#[test]
fn deletions_are_rows_with_their_action() {
    let head = "STRUCTURE,STRUCTURE_ID,ACTION,a,OBS_VALUE,N\n";
    let text =
        format!("{head}dataflow,X:A,D,a1,-,\ndataflow,X:A,D,a2,,-\ndataflow,X:A,M,a3,7,\ndataflow,X:A,A,a4,8,\n");
    let found = read(&text, &Hints::default());
    assert_eq!(found.lines(), ["a1||||D|", "a2||||D|-", "a3|7|||M|", "a4|8|||A|"]);
    let any = format!("{head}dataflow,X:A,D,,-,\n");
    assert!(fails(&any, &Hints::default()).ends_with("expected a code of `a`, found nothing"));
    assert!(advice(&any, &Hints::default()).contains("not for its changes"));
    let attributes = format!("{head}dataflow,X:A,I,,,n\n");
    assert!(advice(&attributes, &Hints::default()).contains("observations only"));
    let dash = format!("{head}dataflow,X:A,I,a1,-,\n");
    assert!(fails(&dash, &Hints::default()).ends_with("expected a number with a decimal point, found `-`"));
    let other = format!("{head}dataflow,X:A,X,a1,1,\n");
    assert!(fails(&other, &Hints::default()).contains("expected an action (`I`, `A`, `R`, `M`, `D`), found `X`"));
}

#[test]
fn labels_are_told_from_codes() {
    let both = "STRUCTURE[;],STRUCTURE_ID,ACTION,geo: Region,TIME_PERIOD: Time,OBS_VALUE: Value,OBS_STATUS: Status,T[]: Types,N: Note\n\
        dataflow,X:A(1.0): A title: long,I,ES: Spain: all,2024,1.5,A: Normal,p: One;q: Two,Some text: long\n";
    let found = read(both, &Hints::default());
    assert_eq!(found.names.join(" "), "geo time_period obs_value obs_flag conf_status ACTION T[] N cell");
    assert_eq!(found.lines(), ["ES|2024|1.5|A||I|p: One;q: Two|Some text: long"]);
    assert_eq!(found.metadata.dataset.as_deref(), Some("A"));
    assert_eq!(found.metadata.title.as_deref(), Some("A title: long"));
    let labels: Vec<_> = found.metadata.dimension_labels.into_iter().collect();
    assert_eq!(labels, [("geo".into(), "Region".into()), ("time_period".into(), "Time".into())]);

    let name = "STRUCTURE,STRUCTURE_ID,STRUCTURE_NAME,ACTION,SERIES_KEY,OBS_KEY,geo,Region,OBS_VALUE,Value,TIME_PERIOD,Time\n\
        dataflow,X:A,A title,I,ES,ES.2024,ES,Spain,1.5,,2024,2024\n";
    let found = read(name, &Hints::default());
    assert_eq!(found.names.join(" "), "geo time_period obs_value obs_flag conf_status ACTION cell");
    assert_eq!(found.lines(), ["ES|2024|1.5|||I"]);
    assert_eq!(found.metadata.dataset.as_deref(), Some("A"));
    assert_eq!(found.metadata.title.as_deref(), Some("A title"));
    let labels: Vec<_> = found.metadata.dimension_labels.into_iter().collect();
    assert_eq!(labels, [("geo".into(), "Region".into()), ("time_period".into(), "Time".into())]);
}

#[test]
fn fields_of_several_values_are_kept_as_written() {
    let text = "STRUCTURE[;],STRUCTURE_ID,ACTION,N[en;fr],C[].NAME[],geo,OBS_VALUE\n\
        dataflow,X:A,I,en:One;fr:Un,\"\"\"a;b\"\";\"\"c\"\"\",ES,1\n";
    let found = read(text, &Hints::default());
    assert_eq!(found.names.join(" "), "geo obs_value obs_flag conf_status ACTION N[en;fr] C[].NAME[] cell");
    assert_eq!(found.lines(), ["ES|1|||I|en:One;fr:Un|\"a;b\";\"c\""]);
    let error = fails("STRUCTURE[;],STRUCTURE_ID,geo,OBS_VALUE[]\ndataflow,X:A,ES,1;2\n", &Hints::default());
    assert_eq!(error, "line 1, column 31 (byte 30): expected one `OBS_VALUE` in a field, found `OBS_VALUE[]`");
}

#[test]
fn the_separator_follows_the_first_name() {
    let text =
        "STRUCTURE[|];STRUCTURE_ID;ACTION;geo;OBS_VALUE;N[]\ndataflow;X:A;I;ES;12,4;a|b\ndataflow;X:A;I;FR;-3;\n";
    assert_eq!(read(text, &comma()).lines(), ["ES|12.4|||I|a|b", "FR|-3|||I|"]);
    assert!(fails(text, &Hints::default()).ends_with("expected a number with a decimal point, found `12,4`"));
    assert!(advice(text, &Hints::default()).contains("`decimal = \",\"`"));
    let point = text.replace("12,4", "12.4");
    assert_eq!(read(&point, &Hints::default()).lines()[0], "ES|12.4|||I|a|b");
    assert!(fails(&point, &comma()).ends_with("expected a number with a decimal comma, found `12.4`"));
    assert!(fails(&text.replace("12,4", "1,2,4"), &comma()).ends_with("found `1,2,4`"));
    let tabs = point.replace(';', "\t");
    assert_eq!(read(&tabs, &Hints::default()).lines().len(), 2);
    let quoted = "\"DATAFLOW\",\"geo\",\"OBS_VALUE\"\n\"X:A(1.0)\",\"ES\",\"1,5\"\n";
    assert_eq!(read(quoted, &comma()).lines(), ["ES|1.5||"]);
    for text in [text, &tabs, quoted, "DATAFLOW;geo"] {
        let found = detect(&Source::from_bytes(text.as_bytes()), &Hints::default()).unwrap();
        assert_eq!(found, Format::SdmxCsv, "{text}");
    }
    let other = Hints { decimal: Some('x'), ..Hints::default() };
    let error = decoded(Format::SdmxCsv, text.as_bytes(), &other).err().unwrap();
    assert!(matches!(error, DecodeError::UnknownHint { what: "decimal mark", .. }));
}

#[test]
fn missing_values_are_null() {
    let text = "DATAFLOW,geo,OBS_VALUE\nX:A,a,\nX:A,b,:\nX:A,c,NaN\nX:A,d,#N/A\nX:A,~, 5 \n";
    assert_eq!(
        decoded(Format::SdmxCsv, text.as_bytes(), &Hints::default()).unwrap().lines().join(" "),
        "a||| b||| c||| d||| ~|5||"
    );
}

#[test]
fn a_header_without_what_is_needed_is_an_error() {
    let none = Hints::default();
    assert!(fails("STRUCTURE,STRUCTURE_ID,geo,M1,M2\n", &none).contains("expected a column `OBS_VALUE`"));
    assert!(advice("STRUCTURE,STRUCTURE_ID,geo,M1,M2\n", &none).contains("a measure of another name"));
    let second = Hints { value: Some("M2".into()), ..Hints::default() };
    let message = "STRUCTURE,STRUCTURE_ID,geo,M2,M1\ndataflow,X:A,ES,1,2\n";
    assert_eq!(read(message, &second).lines(), ["ES|1|||2"]);
    let third = Hints { value: Some("M3".into()), ..Hints::default() };
    assert!(fails(message, &third).contains("expected a column `M3`"));
    assert!(fails("STRUCTURE,geo,OBS_VALUE\n", &none).contains("expected a column `STRUCTURE_ID`"));
    assert!(fails("STRUCTURE,STRUCTURE_ID,geo,geo,OBS_VALUE\n", &none).contains("expected each column once"));
    let hints = Hints { dimensions: vec!["geo".into(), "sex".into()], ..Hints::default() };
    assert!(fails("DATAFLOW,geo,OBS_VALUE\nX:A,ES,1\n", &hints).contains("expected a dimension `sex`"));
    let text = "DATAFLOW,N,OBS_VALUE,geo,TIME_PERIOD\nX:A,,1,ES,2024\n";
    let hints = Hints { dimensions: vec!["geo".into(), "TIME_PERIOD".into()], ..Hints::default() };
    assert_eq!(read(text, &hints).lines(), ["ES|2024|1|||"]);
    // A line without anything on it is no row.
    assert_eq!(read("DATAFLOW,geo,OBS_VALUE\n\nX:A,ES,1\n", &none).lines(), ["ES|1||"]);
    for empty in ["DATAFLOW,geo,OBS_VALUE\n", "DATAFLOW,geo,OBS_VALUE", "DATAFLOW,geo,OBS_VALUE\n\n"] {
        assert_eq!(read(empty, &none).rows.len(), 0);
    }
}

/// The real messages name their measures otherwise; with the name changed, they are what this reads.
#[test]
fn real_messages_of_several_structures_and_actions() {
    let Some(structures) = payload("sdmx-csv/pysdmx-v2-data_v2_structures.csv") else {
        return;
    };
    let structures = String::from_utf8(structures).unwrap();
    assert!(fails(&structures, &dataset("DF_A")).contains("expected a column `OBS_VALUE`"));
    let structures =
        structures.replace(",MEAS_A1B1C1,", ",OBS_VALUE,").replace("MEASVAL_A1B1C1", "1.5").replace("MEAS_A1B1C1", "2");
    assert_eq!(read(&structures, &dataset("DF_A")).lines(), ["DIMVAL_A1B1|DIMVAL_A2|DIMVAL_A3C2|1.5|||I||ATTRVAL_A1|"]);
    assert_eq!(
        read(&structures, &dataset("ESTAT:DSD_B(1.7.0)")).lines(),
        ["DIMVAL_A1B1|DIMVAL_B2|1.5|||I|||ATTRVAL_B1"]
    );
    assert_eq!(read(&structures, &dataset("DPA_C")).lines(), ["DIMVAL_A3C2|DIMVAL_C1|DIMVAL_C3|2|||I|MEAS_C2||"]);
    let actions = String::from_utf8(payload("sdmx-csv/pysdmx-v2-data_v2_three_actions.csv").unwrap()).unwrap();
    let actions = actions.replace("Me_1", "OBS_VALUE");
    assert!(fails(&actions, &Hints::default()).starts_with("line 2, column 35 "));
    let kept = actions.replace(",D,,,", ",D,A,Z,");
    assert_eq!(read(&kept, &Hints::default()).lines(), ["A|Z||||D", "A|A|6|||R", "A|B|1|||R", "A|C|2|||I"]);
}

/// A field as it is written: quoted where it must be, or where the test says so.
fn written(field: &str, quote: bool) -> String {
    match quote || field.contains([',', ';', '"', '\n']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Random messages of two structures, with and without labels, with commas or semicolons, are read back.
    #[test]
    fn any_message_is_read_back(
        rows in prop::collection::vec(
            (any::<bool>(), "[A-Z0-9_ñ-]{1,5}", "[A-Z0-9_]{1,20}", prop::option::of(-100_000i64..10_000_000), "[a-z,;\" \n]{0,6}", "[IARMD]?"),
            1..40,
        ),
        labels in 0usize..3, semicolons in any::<bool>(), quote in any::<bool>(),
    ) {
        let separator = if semicolons { ";" } else { "," };
        let mut head: Vec<String> = vec!["STRUCTURE[;]".into(), "STRUCTURE_ID".into()];
        if labels == 2 {
            head.push("STRUCTURE_NAME".into());
        }
        head.push("ACTION".into());
        for id in ["a", "b", "c", "OBS_VALUE", "N[]"] {
            head.push(if labels == 1 { format!("{id}: The {id}") } else { id.to_owned() });
            if labels == 2 {
                head.push(format!("The {id}"));
            }
        }
        let mut text = head.iter().map(|field| written(field, quote)).collect::<Vec<_>>().join(separator) + "\r\n";
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for (is_first, a, code, value, note, action) in &rows {
            let (name, b, c) = if *is_first { ("X:A(1.0)", code.as_str(), "") } else { ("X:B(1.0)", "", code.as_str()) };
            let value = value.map(|value| value as f64 / 8.0);
            let number = value.map_or(String::new(), |value| value.to_string());
            let shown = if semicolons { number.replace('.', ",") } else { number.clone() };
            let labelled = |code: &str| if labels == 1 && !code.is_empty() { format!("{code}: its; \"label\"") } else { code.to_owned() };
            let mut fields = vec!["dataflow".to_owned(), labelled(name)];
            if labels == 2 {
                fields.push("a name".into());
            }
            fields.push(action.clone());
            for field in [labelled(a), labelled(b), labelled(c), shown, note.clone()] {
                fields.push(field);
                if labels == 2 {
                    fields.push("its, label".into());
                }
            }
            text += &fields.iter().map(|field| written(field, quote)).collect::<Vec<_>>().join(separator);
            text.push_str("\r\n");
            let expected = format!("{a}|{code}|{number}|||{action}|{note}");
            if *is_first { first.push(expected) } else { second.push(expected) }
        }
        let decimal = semicolons.then_some(',');
        for (name, expected) in [("A", first), ("B", second)] {
            let hints = Hints { decimal, ..dataset(name) };
            if expected.is_empty() {
                prop_assert!(fails(&text, &hints).starts_with("expected rows of"));
                continue;
            }
            let found = decoded(Format::SdmxCsv, text.as_bytes(), &hints).unwrap();
            prop_assert_eq!(found.lines(), expected);
            for (value, cell) in found.cells() {
                let at = &text[cell..];
                let there = &at[..at.find(['"', '\r', if semicolons { ';' } else { ',' }]).unwrap()];
                prop_assert_eq!(there.replace(',', ".").parse().ok(), value);
            }
        }
    }

    /// Whatever is damaged gives rows or an error, never a panic.
    #[test]
    fn any_damage_is_survived(damage in damage(), name in prop::option::of(prop::sample::select(vec!["A", "B", "X:B(2.0)"]))) {
        let hints = Hints { dataset: name.map(str::to_owned), ..Hints::default() };
        let _ = decoded(Format::SdmxCsv, &damaged(SEVERAL.to_owned(), damage), &hints);
    }
}
