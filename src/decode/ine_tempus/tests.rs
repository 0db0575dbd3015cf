#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::probe::{Decoded, damage, damaged, decoded, payload, refused};
use super::*;
use crate::decode::{Format, NamePart};

fn read(text: &str) -> Decoded {
    decoded(Format::IneTempus, text.as_bytes(), &Hints::default()).unwrap()
}

fn bad(text: &str) -> String {
    refused(Format::IneTempus, text.as_bytes(), &Hints::default())
}

/// Reads every value again where its cell says.
fn check_cells(found: &Decoded, bytes: &[u8]) {
    for (value, cell) in found.cells() {
        let there = &bytes[cell..];
        match value {
            Some(value) => {
                let end = there.iter().position(|byte| b",} ]\n\r".contains(byte)).unwrap();
                assert_eq!(std::str::from_utf8(&there[..end]).unwrap().parse(), Ok(value));
            }
            None => assert!(
                [&b"null"[..], b"..", b"true"].iter().any(|mark| there.starts_with(mark)),
                "{}",
                String::from_utf8_lossy(there)
            ),
        }
    }
}

#[test]
fn real_files_are_decoded() {
    let Some(table) = payload("ine-tempus3/datos_tabla_24077_nult3.json") else {
        return;
    };
    let found = decoded(Format::IneTempus, &table, &Hints::default()).unwrap();
    check_cells(&found, &table);
    assert_eq!(
        found.names,
        ["series", "time_period", "obs_value", "obs_flag", "conf_status", "tipo_dato", "unidad", "escala", "cell"]
    );
    assert_eq!(
        found.lines(),
        [
            "IPC290751|2026-06|103.598|||1|133|1",
            "IPC290751|2026-05|102.951|||1|133|1",
            "IPC290751|2026-04|102.883|||1|133|1"
        ]
    );
    assert_eq!(found.metadata.labels["series"]["IPC290751"], "Nacional. Índice general. Índice.");
    assert_eq!(found.metadata.units, None);

    let series = payload("ine-tempus3/datos_serie_IPC251852_tipA.json").unwrap();
    let found = decoded(Format::IneTempus, &series, &Hints::default()).unwrap();
    check_cells(&found, &series);
    assert_eq!(found.lines(), ["IPC251852|2025-12|119.942|||Definitivo|Índice"]);
    assert_eq!(found.metadata.dataset.as_deref(), Some("IPC251852"));
    assert_eq!(found.metadata.title.as_deref(), Some("Nacional. Índice general. Índice."));
    assert_eq!(found.metadata.units.as_deref(), Some("Índice"));
    assert_eq!(found.metadata.notes, ["https://..."]);

    let plain = payload("ine-tempus3/datos_tabla_pcaxis_tpx.json").unwrap();
    let found = decoded(Format::IneTempus, &plain, &Hints::default()).unwrap();
    check_cells(&found, &plain);
    assert_eq!(found.lines(), ["TOTAL EDADES, TOTAL, Ambos sexos|2022|47475420||"]);

    let tables = payload("ine-tempus3/tablas_operacion_tipA.json").unwrap();
    let error = refused(Format::IneTempus, &tables, &Hints::default());
    assert_eq!(error, "line 1, column 2 (byte 1): expected a series with `Data`, found none");
}

#[test]
fn variables_are_the_dimensions() {
    let found = read(
        r#"[{"COD":"E1","Nombre":"Cantabria. Total.","T3_Unidad":"Empresas","T3_Escala":" ","MetaData":[
        {"Id":6,"Variable":{"Id":70,"Nombre":"Comunidades","Codigo":"CCAA"},"Nombre":"Cantabria","Codigo":"06"},
        {"Id":7,"T3_Variable":"Estrato","Nombre":"De 3 a 5 ","Codigo":""}],
        "Data":[{"T3_TipoDato":"Avance","T3_Periodo":"A","Anyo":2023,"Valor":1e3,
        "Notas":[{"texto":"poca muestra"},{"texto":null}]}]},
        {"Data":[{"Fecha":1,"FK_Periodo":28,"Anyo":2023,"Valor":null,"Secreto":true}],"T3_Unidad":"Empresas",
        "MetaData":[{"T3_Variable":"Estrato","Nombre":"Total"},
        {"T3_Variable":"Comunidades","Nombre":"Galicia","Codigo":"12"}],"COD":"E2"}]"#,
    );
    assert_eq!(
        found.names,
        "Comunidades Estrato time_period obs_value obs_flag conf_status tipo_dato unidad notas cell"
            .split(' ')
            .collect::<Vec<_>>()
    );
    assert_eq!(found.lines(), ["06|De 3 a 5|2023|1000|||Avance|Empresas|poca muestra", "12|Total|2023|||C||Empresas|"]);
    assert_eq!(found.metadata.labels["Comunidades"]["06"], "Cantabria");
    assert_eq!(found.metadata.units.as_deref(), Some("Empresas"));
}

#[test]
fn a_series_without_a_variable_is_not_made_a_total() {
    let text = r#"[{"COD":"A","MetaData":[{"T3_Variable":"Total Nacional","Nombre":"Nacional"},
        {"T3_Variable":"Sexo","Nombre":"Mujeres"}],"Data":[{"NombrePeriodo":"2024","Valor":3}]},
        {"COD":"B","MetaData":[{"T3_Variable":"Sexo","Nombre":"Mujeres"},
        {"T3_Variable":"Comunidades","Nombre":"Cantabria","Codigo":"06"}],"Data":[{"NombrePeriodo":"2024","Valor":1}]}]"#;
    let found = read(text);
    check_cells(&found, text.as_bytes());
    assert_eq!(found.names[..3], ["Total Nacional", "Sexo", "Comunidades"]);
    assert_eq!(found.lines(), ["Nacional|Mujeres|_Z|2024|3||", "_Z|Mujeres|06|2024|1||"]);
    assert_eq!(found.metadata.labels["Comunidades"]["_Z"], "not applicable");
}

/// As of table 39372: the activity stands in the names only, and those of the nation have a part more.
#[test]
fn a_declared_part_of_the_name_is_a_dimension() {
    let rule = NamePart {
        dimension: "Actividad principal".into(),
        separator: ". ".into(),
        take: [("3".to_owned(), 3), ("4".to_owned(), 4)].into(),
    };
    let hints = Hints { name_part: Some(rule), ..Hints::default() };
    let text = r#"[{"COD":"A","Nombre":"Cantabria. De 1 a 2. 41 Construcción de edificios.","MetaData":[
        {"T3_Variable":"Comunidades","Nombre":"Cantabria","Codigo":"06"},{"T3_Variable":"Estrato","Nombre":"De 1 a 2"}],
        "Data":[{"NombrePeriodo":"2025","Valor":7}]},
        {"Data":[{"NombrePeriodo":"2025","Valor":9}],"MetaData":[{"T3_Variable":"Estrato","Nombre":"De 1 a 2"}],
        "Nombre":"Nacional. Total Nacional. De 1 a 2. Total grupos CNAE93. ","COD":"B"}]"#;
    let found = decoded(Format::IneTempus, text.as_bytes(), &hints).unwrap();
    check_cells(&found, text.as_bytes());
    let mut names = found.names[..3].to_vec();
    names.sort();
    assert_eq!(names, ["Actividad principal", "Comunidades", "Estrato"]);
    let at = |name: &str| found.names.iter().position(|found| found == name).unwrap();
    let activities: Vec<String> =
        found.lines().iter().map(|line| line.split('|').nth(at("Actividad principal")).unwrap().to_owned()).collect();
    assert_eq!(activities, ["41 Construcción de edificios", "Total grupos CNAE93"]);

    let other = r#"[{"Nombre":"Cantabria. Total","Data":[{"NombrePeriodo":"2025","Valor":7}]}]"#;
    assert_eq!(
        refused(Format::IneTempus, other.as_bytes(), &hints).lines().next().unwrap(),
        "line 1, column 2 (byte 1): expected a name of 3 or 4 parts, of which one is `Actividad principal`, found `Cantabria. Total` of 2"
    );
}

/// As of table 39372, too: the activity stands in the metadata once more, under codes of INE's own.
#[test]
fn only_the_named_variables_are_dimensions() {
    let rule = NamePart { dimension: "Actividad".into(), separator: ". ".into(), take: [("2".to_owned(), 2)].into() };
    let dimensions = vec!["Comunidades".to_owned()];
    let hints = Hints { name_part: Some(rule), dimensions, ..Hints::default() };
    let text = r#"[{"Nombre":"Cantabria. 10 Alimentos.","MetaData":[{"T3_Variable":"Comunidades","Nombre":"Cantabria","Codigo":"06"},
        {"T3_Variable":"Grupos","Nombre":"Alimentos","Codigo":"BAX"}],"Data":[{"NombrePeriodo":"2025","Valor":7}]},
        {"MetaData":[{"T3_Variable":"Totales","Nombre":"Total CNAE","Codigo":"AAA"}],"Nombre":"Nacional. Total.",
        "Data":[{"NombrePeriodo":"2025","Valor":9}]}]"#;
    let found = decoded(Format::IneTempus, text.as_bytes(), &hints).unwrap();
    check_cells(&found, text.as_bytes());
    let mut names = found.names[..2].to_vec();
    names.sort();
    assert_eq!(names, ["Actividad", "Comunidades"]);
    let mut values: Vec<Vec<String>> =
        found.lines().iter().map(|line| line.split('|').take(3).map(str::to_owned).collect()).collect();
    values.iter_mut().for_each(|row| row.sort());
    assert_eq!(values, [["06", "10 Alimentos", "2025"], ["2025", "Total", "_Z"]]);
}

#[test]
fn a_secret_figure_may_have_no_value_at_all() {
    let text = r#"{"Nombre":"x","Data":[{"NombrePeriodo":"2024 (avance)","Secreto":true},
        {"Periodo":{"Id":20,"Nombre":"II"},"Anyo":"2024","Valor":".."},{"T3_Periodo":"2023","Valor":-0.5}]}"#;
    let found = read(text);
    check_cells(&found, text.as_bytes());
    assert_eq!(found.lines(), ["x|2024|||C|avance", "x|2024-Q2||||", "x|2023|-0.5|||"]);
}

#[test]
fn what_is_no_table_is_refused() {
    for (text, expected) in [
        ("", "found nothing: the payload is empty"),
        ("<html><title>404</title>", "found an HTML page with the title `404`"),
        ("7", "found `7`"),
        ("[]", "found an empty list"),
        ("[7]", "expected a series in braces, found `7`"),
        (r#"{"status":"No existen datos"}"#, "found a message of the source: `No existen datos`"),
        (r#"[{"COD":"A"}]"#, "expected a series with `Data`, found none"),
        (r#"[{"Data":[]}]"#, "expected a series with `COD` or `Nombre`, found neither"),
        (r#"[{"COD":"A","Data":7}]"#, "expected a list of observations, found `7`"),
        (r#"[{"COD":"A","Data":[7]}]"#, "expected an observation in braces, found `7`"),
        (r#"[{"COD":[],"Data":[]}]"#, "expected a text, found `[`"),
        (r#"[{"COD":"A","Data":[{"Anyo":2020,"FK_Periodo":28}]}]"#, "expected an observation with `Valor`"),
        (r#"[{"COD":"A","Data":[{"Anyo":2020,"FK_Periodo":28,"Valor":"1,5"}]}]"#, "expected a number or `null`"),
        (r#"[{"COD":"A","Data":[{"Anyo":2020,"FK_Periodo":28,"Valor":1.2.3}]}]"#, "expected a number or `null`"),
        (r#"[{"COD":"A","Data":[{"Anyo":2020,"FK_Periodo":29,"Valor":1}]}]"#, "expected a known period, found `29`"),
        (
            r#"[{"COD":"A","Data":[{"Anyo":2020,"T3_Periodo":"M13","Valor":1}]}]"#,
            "expected a known period, found `M13`",
        ),
        (r#"[{"COD":"A","Data":[{"Anyo":20,"FK_Periodo":28,"Valor":1}]}]"#, "expected a year of four digits"),
        (
            r#"[{"COD":"A","Data":[{"Anyo":2020,"T3_Periodo":"2021","Valor":1}]}]"#,
            "expected one year, found 2020 and 2021",
        ),
        (r#"[{"COD":"A","Data":[{"Anyo":2020,"T3_Periodo":"M1","FK_Periodo":2,"Valor":1}]}]"#, "expected one period"),
        (r#"[{"COD":"A","Data":[{"Fecha":1609455600000,"Valor":1}]}]"#, "expected `Anyo` with"),
        (r#"[{"COD":"A","Data":[{"Anyo":2020,"Valor":1}]}]"#, "expected `Anyo` with"),
        (r#"[{"COD":"A","Data":[{"NombrePeriodo":"2018-2020","Valor":1}]}]"#, "expected a known period"),
        (r#"[{"COD":"A","Data":[{"NombrePeriodo":"2018","Secreto":1}]}]"#, "expected `true` or `false`, found `1`"),
        (r#"[{"COD":"A","MetaData":[{"Nombre":"x"}],"Data":[]}]"#, "expected a member with"),
        (r#"[{"COD":"A","MetaData":[{"T3_Variable":"obs_value","Nombre":"x"}],"Data":[]}]"#, "with a name of its own"),
        (
            r#"[{"COD":"A","MetaData":[{"T3_Variable":"V","Nombre":"x"}],"Data":[]},{"COD":"B","Data":[]}]"#,
            "expected `MetaData` in every series, found `B` without",
        ),
        (
            r#"[{"COD":"A","Data":[]},{"COD":"B","MetaData":[{"T3_Variable":"V","Nombre":"x"}],"Data":[]}]"#,
            "expected `MetaData` in every series, found `A` without",
        ),
        (
            r#"[{"COD":"A","MetaData":[{"T3_Variable":"V","Nombre":"x","Codigo":"1"}],"Data":[]},
            {"COD":"B","MetaData":[{"T3_Variable":"V","Nombre":"y","Codigo":"1"}],"Data":[]}]"#,
            "expected one name for code `1` of `V`, found `x` and `y`",
        ),
        (r#"[{"COD":"A","Data":[{"NombrePeriodo":"2018","Valor":1}]"#, "expected the rest of the document"),
        ("[{\"COD\":\"A\u{0}", "expected a closing quote"),
    ] {
        let error = bad(text);
        assert!(error.contains(expected), "{text}\n{error}");
    }
    assert!(bad(&"[".repeat(10_000)).contains("expected a series in braces"));
    let deep = format!("[{{\"x\":{}", "[".repeat(10_000));
    assert!(bad(&deep).contains("at most 64 deep"));
}

/// One observation: year, kind of period, number in it, value, secret, its type.
type Figure = (u16, u8, u8, Option<i32>, bool, u8);

fn figures() -> impl Strategy<Value = Vec<Figure>> {
    let value = prop::option::weighted(0.8, any::<i32>());
    prop::collection::vec((1900u16..2100, 0u8..4, 1u8..13, value, any::<bool>(), 0u8..3), 0..12)
}

/// Series of a region and a size, whether they have `MetaData`, and whether without `tip`.
type Cube = (Vec<(String, String, Vec<Figure>)>, bool, bool);

fn cube() -> impl Strategy<Value = Cube> {
    let label = "[A-Za-zñÁ\"\\\\,. ]{0,5}[a-z]";
    (prop::collection::vec((label, label, figures()), 1..8), any::<bool>(), any::<bool>())
}

fn written(series: &[(String, String, Vec<Figure>)], with_metadata: bool, is_raw: bool) -> (String, Vec<String>) {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let any_kind = series.iter().any(|(_, _, figures)| figures.iter().any(|figure| figure.5 > 0));
    let (mut text, mut rows) = (String::from("["), Vec::new());
    for (at, (region, size, figures)) in series.iter().enumerate() {
        let comma = if at > 0 { "\n," } else { "" };
        text.push_str(&format!("{comma}{{\"COD\":\"S{at}\", \"Nombre\":{}", quoted(&format!("{region}. {size}. "))));
        let mut codes = format!("S{at}");
        if with_metadata {
            text.push_str(&format!(
                ",\"MetaData\":[{{\"Id\":1,\"T3_Variable\":\"Región\",\"Nombre\":{},\"Codigo\":\"{at}\"}},\
                 {{\"T3_Variable\":\"Tamaño\",\"Nombre\":{},\"Codigo\":\"\"}}]",
                quoted(region),
                quoted(size)
            ));
            codes = format!("{at}|{}", size.trim());
        }
        text.push_str(",\"Data\":[");
        for (at, (year, kind, number, value, is_secret, of_type)) in figures.iter().enumerate() {
            let (fk, t3, period) = match kind {
                0 => (28, "A".to_owned(), format!("{year}")),
                1 => (*number, format!("M{number:02}"), format!("{year}-{number:02}")),
                2 => (number % 4 + 19, format!("T{}", number % 4 + 1), format!("{year}-Q{}", number % 4 + 1)),
                _ => (number % 2 + 23, format!("S{}", number % 2 + 1), format!("{year}-S{}", number % 2 + 1)),
            };
            let value = value.map(|value| f64::from(value) / 100.0);
            let mark = value.map_or("null".to_owned(), |value| value.to_string());
            let comma = if at > 0 { "," } else { "" };
            let period_member = match is_raw {
                true => format!("\"FK_Periodo\":{fk}"),
                false => format!("\"T3_Periodo\":\"{t3}\""),
            };
            let kind = match of_type {
                0 => String::new(),
                of_type => format!("\"FK_TipoDato\":{of_type},"),
            };
            text.push_str(&format!(
                "{comma}{{\"Fecha\":0,{kind}{period_member},\"Anyo\":{year},\"Valor\":{mark},\"Secreto\":{is_secret}}}"
            ));
            let kind = if *of_type > 0 { of_type.to_string() } else { String::new() };
            let kind = if any_kind { format!("|{kind}") } else { String::new() };
            let value = value.map_or(String::new(), |value| value.to_string());
            rows.push(format!("{codes}|{period}|{value}||{}{kind}", if *is_secret { "C" } else { "" }));
        }
        text.push_str("]}");
    }
    text.push(']');
    (text, rows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_cube_is_read_back((series, with_metadata, is_raw) in cube()) {
        let (text, rows) = written(&series, with_metadata, is_raw);
        let found = read(&text);
        check_cells(&found, text.as_bytes());
        prop_assert_eq!(found.lines(), rows);
    }

    #[test]
    fn damaged_documents_never_panic(
        (series, with_metadata, is_raw) in cube(),
        damage in damage(),
    ) {
        let bytes = damaged(written(&series, with_metadata, is_raw).0, damage);
        let _ = decoded(Format::IneTempus, &bytes, &Hints::default());
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), brace in any::<bool>()) {
        let bytes = if brace { [b"[{\"Data\":[{".as_slice(), &bytes].concat() } else { bytes };
        let _ = decoded(Format::IneTempus, &bytes, &Hints::default());
    }
}

/// More rows than a batch has are cut into batches, also within a series.
#[test]
fn long_series_are_cut_into_batches() {
    let figure = r#"{"Anyo":2020,"FK_Periodo":28,"Valor":1},"#.repeat(BATCH_ROWS + 4);
    let figures = figure.trim_end_matches(',');
    let text = format!(r#"[{{"COD":"A","Data":[{figures}]}},{{"COD":"B","Data":[{figures}]}}]"#);
    let found = read(&text);
    assert_eq!(found.rows.len(), 2 * (BATCH_ROWS + 4));
    assert_eq!(found.rows[BATCH_ROWS + 3][0], "A");
    assert_eq!(found.rows[BATCH_ROWS + 4][0], "B");
    let late = format!(r#"[{{"Data":[{figures}],"COD":"A"}}]"#);
    assert!(bad(&late).contains("expected who a long series is before its observations"));
}
