#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]
use std::fmt::Write;
use std::path::PathBuf;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Float64Type, UInt64Type};
use proptest::prelude::*;

use super::open;
use crate::decode::{DecodeError, Hints, Metadata, Source};
use crate::error::Hint;

fn decode(payload: &[u8], hints: &Hints) -> Result<(Metadata, RecordBatch), DecodeError> {
    let table = open(&Source::from_bytes(payload), hints)?;
    let batches: Vec<RecordBatch> = table.batches.collect::<Result<_, _>>()?;
    Ok((table.metadata, concat_batches(&table.schema, &batches)?))
}

fn names(table: &RecordBatch) -> Vec<String> {
    table.schema().fields().iter().map(|field| field.name().clone()).collect()
}

/// The fields of every row; nulls are `-`.
fn shown(table: &RecordBatch) -> Vec<String> {
    let field = |column: usize, row: usize| {
        let array = table.column(column);
        match array.data_type() {
            _ if array.is_null(row) => "-".to_owned(),
            DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
            DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
            _ => {
                let array = array.as_any_dictionary();
                array.values().as_string::<i32>().value(array.normalized_keys()[row]).to_owned()
            }
        }
    };
    (0..table.num_rows())
        .map(|row| (0..table.num_columns() - 1).map(|column| field(column, row)).collect::<Vec<_>>().join(" "))
        .collect()
}

/// What stands at each row's cell, up to the next quote, `<` or blank.
fn at_cells<'p>(table: &RecordBatch, payload: &'p [u8]) -> Vec<&'p str> {
    let cells = table.column_by_name("cell").unwrap().as_primitive::<UInt64Type>();
    let text = |cell: u64| {
        let rest = &payload[cell as usize..];
        let end = rest.iter().position(|byte| b"\"'< ".contains(byte)).unwrap_or(rest.len());
        std::str::from_utf8(&rest[..end]).unwrap()
    };
    cells.values().iter().map(|cell| text(*cell)).collect()
}

const SPACES: &str = "xmlns:m='urn:message' xmlns:s='urn:specific' xmlns:c='urn:common' xmlns:x='urn:xsi'";

fn specific(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<m:StructureSpecificData {SPACES}>\n<m:Header><m:ID>1</m:ID>\
         <m:Prepared>2026-01-02T03:04:05Z</m:Prepared><m:Structure structureID=\"S\" \
         dimensionAtObservation=\"TIME_PERIOD\"><c:StructureUsage><Ref id=\"ISOC\" agencyID=\"ESTAT\"/>\
         </c:StructureUsage></m:Structure></m:Header>\n{body}\n</m:StructureSpecificData>\n"
    )
}

fn data(series: &str) -> String {
    specific(&format!("<m:DataSet s:structureRef=\"S\" x:type=\"u:T\">{series}</m:DataSet>"))
}

fn generic(body: &str) -> String {
    format!(
        "<m:GenericData {SPACES} xmlns:g='urn:g'><m:Header><m:Structure structureID=\"S\" \
         dimensionAtObservation=\"TIME_PERIOD\"><c:Structure><Ref id=\"DSD_x\"/></c:Structure></m:Structure>\
         <m:DataSetID>x</m:DataSetID></m:Header><m:DataSet structureRef=\"S\">{body}</m:DataSet></m:GenericData>"
    )
}

#[track_caller]
fn check(payload: &str, columns: &str, rows: &[&str]) -> Metadata {
    let (metadata, table) = decode(payload.as_bytes(), &Hints::default()).unwrap();
    assert_eq!(names(&table).join(" "), format!("{columns} cell"));
    assert_eq!(shown(&table), rows);
    metadata
}

#[track_caller]
fn fails(payload: &str, hints: &Hints) -> (String, Option<String>) {
    let error = decode(payload.as_bytes(), hints).map(|(_, table)| shown(&table)).unwrap_err();
    (error.to_string(), error.hint())
}

#[test]
fn structure_specific_series() {
    let payload = data(
        "<Series freq=\"A\" geo=\"ES\" TITLE=\"a &amp; b\"><Obs TIME_PERIOD=\"2024\" OBS_VALUE=\" 1.50 \" OBS_FLAG=\"b\"/>\
         <Obs OBS_VALUE=\"NaN\" CONF_STATUS=\"C\" TIME_PERIOD=\"2025\"/></Series>\
         <Series geo='PT' freq='A' note='n'><Obs TIME_PERIOD='2024' OBS_FLAG='u'/><Obs TIME_PERIOD='2025'/></Series>",
    );
    let metadata = check(
        &payload,
        "freq geo time_period obs_value obs_flag conf_status TITLE note",
        &["A ES 2024 1.5 b - a & b -", "A ES 2025 - - C a & b -", "A PT 2024 - u - - n", "A PT 2025 - - - - n"],
    );
    assert_eq!(metadata.dataset.as_deref(), Some("ISOC"));
    assert_eq!(metadata.updated.as_deref(), Some("2026-01-02T03:04:05Z"));
    let (_, table) = decode(payload.as_bytes(), &Hints::default()).unwrap();
    assert_eq!(at_cells(&table, payload.as_bytes()), ["1.50", "NaN", "u", ""]);
    let (_, table) = decode(format!("\u{feff}{payload}").as_bytes(), &Hints::default()).unwrap();
    assert_eq!(at_cells(&table, format!("\u{feff}{payload}").as_bytes()), ["1.50", "NaN", "u", ""]);
}

#[test]
fn the_hint_says_what_is_a_dimension() {
    let payload = data("<Series a=\"1\" b=\"2\"><Obs c=\"3\" TIME_PERIOD=\"2024\" OBS_VALUE=\"4\"/></Series>");
    check(&payload, "a b time_period obs_value obs_flag conf_status c", &["1 2 2024 4 - - 3"]);
    let hints = Hints { dimensions: vec!["c".into(), "a".into()], ..Hints::default() };
    let (_, table) = decode(payload.as_bytes(), &hints).unwrap();
    assert_eq!(names(&table).join(" "), "c a time_period obs_value obs_flag conf_status b cell");
    assert_eq!(shown(&table), ["3 1 2024 4 - - 2"]);
    let hints = Hints { dimensions: vec!["geo".into()], ..Hints::default() };
    assert_eq!(
        fails(&payload, &hints),
        (
            "expected a dimension `geo`, found `a`, `b`, `c`, `TIME_PERIOD`, `OBS_VALUE`".into(),
            Some("correct the hint `dimensions`".into())
        )
    );
}

#[test]
fn structure_specific_flat_with_groups_and_complex_values() {
    let payload = specific(
        "<m:DataSet s:structureRef=\"S\" UNIT_MEASURE=\"EUR\"><Group x:type=\"u:G\" geo=\"ES\" AVAILABILITY=\"K\"/>\
         <Atts DECIMALS=\"1\"/>\
         <Obs geo=\"ES\" TIME_PERIOD=\"2024\" OBS_VALUE=\"1\"><Comp id=\"OBS_STATUS\"><Value>A</Value><Value>F</Value>\
         </Comp></Obs><Obs geo=\"PT\" TIME_PERIOD=\"2024\"><Comp id=\"OBS_VALUE\"><Value> 2.5</Value></Comp>\
         <Comp id=\"NOTE\"><Value><c:Text xml:lang=\"en\">one &lt; two</c:Text><c:Text xml:lang=\"es\">uno</c:Text>\
         </Value></Comp></Obs></m:DataSet>",
    );
    let columns = "geo time_period obs_value obs_flag conf_status UNIT_MEASURE AVAILABILITY DECIMALS NOTE";
    let metadata = check(&payload, columns, &["ES 2024 1 A;F - EUR K 1 -", "PT 2024 2.5 - - EUR - 1 one < two"]);
    assert_eq!(metadata.units.as_deref(), Some("EUR"));
    let hints = Hints { language: Some("es".into()), ..Hints::default() };
    let (_, table) = decode(payload.as_bytes(), &hints).unwrap();
    assert_eq!(shown(&table)[1], "PT 2024 2.5 - - EUR - 1 uno");
    assert_eq!(at_cells(&table, payload.as_bytes()), ["1", "2.5"]);
}

#[test]
fn generic_series_and_flat() {
    let payload = generic(
        "<g:Group type=\"G\"><g:GroupKey><g:Value id=\"GEO\" value=\"AT\"/></g:GroupKey><g:Attributes>\
         <g:Value id=\"TITLE\" value=\"t\"/></g:Attributes></g:Group>\
         <g:Series><g:SeriesKey><g:Value id=\"GEO\" value=\"AT\"/><g:Value value=\"A\" id=\"FREQ\"/></g:SeriesKey>\
         <g:Attributes><g:Value id=\"DECIMALS\" value=\"2\"/></g:Attributes>\
         <g:Obs><g:ObsDimension value=\"2010\"/><g:ObsValue value=\"17.78\"/></g:Obs>\
         <g:Obs><g:ObsDimension id=\"TIME_PERIOD\" value=\"2009\"/><g:ObsValue value=\"\"/><g:Attributes>\
         <g:Value id=\"OBS_STATUS\" value=\"p\"/></g:Attributes></g:Obs></g:Series>",
    );
    let metadata = check(
        &payload,
        "GEO FREQ time_period obs_value obs_flag conf_status TITLE DECIMALS",
        &["AT A 2010 17.78 - - t 2", "AT A 2009 - p - t 2"],
    );
    assert_eq!(metadata.dataset.as_deref(), Some("x"));
    let flat = generic(
        "<g:Attributes><g:Value id=\"UNIT\" value=\"KG\"/></g:Attributes><g:Obs><g:ObsKey><g:Value id=\"TIME_PERIOD\" \
         value=\"2010\"/><g:Value id=\"GEO\" value=\"AT\"/></g:ObsKey><g:ObsValue value=\"1e3\"/></g:Obs><g:Obs><g:ObsKey>\
         <g:Value id=\"TIME_PERIOD\" value=\"2011\"/><g:Value id=\"GEO\" value=\"AT\"/></g:ObsKey></g:Obs>",
    );
    let metadata = check(
        &flat,
        "time_period GEO obs_value obs_flag conf_status UNIT",
        &["2010 AT 1000 - - KG", "2011 AT - - - KG"],
    );
    assert_eq!(metadata.units.as_deref(), Some("KG"));
}

#[test]
fn several_data_sets() {
    let set = |reference: &str, value: u8| {
        format!(
            "<m:DataSet s:structureRef=\"{reference}\"><Obs geo=\"ES\" TIME_PERIOD=\"2024\" OBS_VALUE=\"{value}\"/></m:DataSet>"
        )
    };
    let same = specific(&(set("S", 1) + &set("S", 2)));
    check(&same, "geo time_period obs_value obs_flag conf_status", &["ES 2024 1 - -", "ES 2024 2 - -"]);
    let other = specific(&(set("S", 1) + &set("T", 2)));
    assert_eq!(
        fails(&other, &Hints::default()),
        (
            "expected data sets of one structure, found `ISOC`, `T`".into(),
            Some("say which one is wanted, such as `dataset = \"ISOC\"`".into())
        )
    );
    let hints = Hints { dataset: Some("T".into()), ..Hints::default() };
    assert_eq!(shown(&decode(other.as_bytes(), &hints).unwrap().1), ["ES 2024 2 - -"]);
    let hints = Hints { dataset: Some("U".into()), ..Hints::default() };
    assert!(fails(&other, &hints).0.starts_with("expected a data set `U`, found `ISOC`, `T`"));
}

#[test]
fn footers_and_faults() {
    let footer = |severity: &str| {
        format!(
            "<m:DataSet s:structureRef=\"S\"><Series geo=\"ES\"><Obs TIME_PERIOD=\"2024\" OBS_VALUE=\"1\"/></Series>\
             </m:DataSet><f:Footer xmlns:f='urn:f'><f:Message code=\"510\" severity=\"{severity}\"><c:Text>too\n large</c:Text>\
             <c:Text>cut</c:Text></f:Message></f:Footer>"
        )
    };
    let noted =
        check(&specific(&footer("Information")), "geo time_period obs_value obs_flag conf_status", &["ES 2024 1 - -"]);
    assert_eq!(noted.notes, ["510: too large cut"]);
    let found = "found an error message of the source: `510: too large cut`";
    assert!(fails(&specific(&footer("Error")), &Hints::default()).0.ends_with(found));
    let fault =
        "<S:Fault xmlns:S=\"x\"><faultcode>413</faultcode><faultstring>TOO_BIG: ask\nfor less</faultstring></S:Fault>";
    let found = "found an error message of the source: `413: TOO_BIG: ask for less`";
    assert!(fails(fault, &Hints::default()).0.ends_with(found));
    let queued = "<e:Envelope xmlns:e='x'><e:Body><a><status><key>12-3</key><status>SUBMITTED</status></status></a></e:Body></e:Envelope>";
    assert!(
        fails(queued, &Hints::default())
            .0
            .ends_with("found an answer that the data is being prepared: `12-3: SUBMITTED`")
    );
    let error =
        "<m:Error xmlns:m='m'><m:ErrorMessage code=\"150\"><c:Text>no such key</c:Text></m:ErrorMessage></m:Error>";
    assert!(fails(error, &Hints::default()).0.ends_with("found an error message of the source: `150: no such key`"));
    assert!(fails(&specific(""), &Hints::default()).0.ends_with("found a message without a data set"));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let default = Hints::default();
    let at = |series: &str| fails(&data(series), &default).0;
    let obs =
        |value: &str| at(&format!("<Series geo=\"ES\">\n<Obs TIME_PERIOD=\"2024\" OBS_VALUE=\"{value}\"/></Series>"));
    assert_eq!(
        obs("1,5"),
        "line 5, column 36 (byte 476): expected a number with a decimal point, `NaN` or nothing, found `1,5`"
    );
    let entity = "expected one of XML's five entities (`&amp;` …) or the number of a character";
    assert!(at("<Series geo=\"&nbsp;\"><Obs TIME_PERIOD=\"2024\" OBS_VALUE=\"1\"/></Series>").contains(entity));
    assert!(at("<Series geo=\"&#0;\"><Obs TIME_PERIOD=\"2024\" OBS_VALUE=\"1\"/></Series>").contains(entity));
    assert!(at("<Series geo=\"ES\" geo=\"PT\"/>").contains("expected each name once, found `geo`"));
    assert!(at("<Series geo=\"ES\"><Oops/></Series>").contains("found `<Oops>`"));
    assert!(at("<Series geo=\"ES\">text</Series>").contains("expected an element, found `text`"));
    assert!(at("<Series geo=\"ES\"></Serie>").contains("expected `</Series>`, found `</Serie>`"));
    assert!(at("<Series geo=ES/>").contains("expected a value in quotes, found `ES`"));
    assert!(
        at("<Series geo=\"ES\"><Obs OBS_VALUE=\"1\"/></Series>").contains("expected observations with `TIME_PERIOD`")
    );
    assert!(
        at("<Series geo=\"\"><Obs TIME_PERIOD=\"2024\" OBS_VALUE=\"1\"/></Series>").contains("with a code of `geo`")
    );
    let turnover = at("<Series geo=\"ES\"><Obs TIME_PERIOD=\"2024\" TURNOVER=\"1\"/></Series>");
    assert_eq!(turnover, "expected observations with `OBS_VALUE`, found none with it");
    assert!(at("<Series obs_value=\"1\"/>").contains("names of their own, found `obs_value`"));
    let doctype = fails("<!DOCTYPE a [<!ENTITY b \"c\">]><m:GenericData/>", &default).0;
    assert!(doctype.starts_with("line 1, column 1 (byte 0): expected a message without a document type"), "{doctype}");
    let deep = fails(&data(&"<Annotations>".repeat(10_000)), &default).0;
    assert!(deep.contains("expected elements at most 64 deep"), "{deep}");
    let whole = data("<Series geo=\"ES\"/>");
    let cut = fails(&whole[..whole.len() - 30], &default);
    assert!(cut.1.unwrap().contains("cut short"), "{}", cut.0);
    assert!(fails("", &default).0.ends_with("found nothing: the payload is empty"));
    assert!(fails("<html><title>Down</title></html>", &default).0.ends_with("an HTML page with the title `Down`"));
    assert!(fails("{\"a\": 1}", &default).0.contains("found JSON"));
    let old = fails("<CompactData/>", &default);
    assert!(old.0.contains("found an SDMX-ML 1.0 or 2.0 message"));
    let latin = whole.replace("UTF-8", "ISO-8859-1");
    assert!(fails(&latin, &default).0.contains("expected a message in UTF-8, found the encoding `ISO-8859-1`"));
    let mut bytes = whole.into_bytes();
    let at = bytes.windows(2).position(|pair| pair == b"ES").unwrap();
    bytes[at] = 0xff;
    let error = decode(&bytes, &default).unwrap_err().to_string();
    assert!(error.contains("expected text in UTF-8"), "{error}");
    let long = data(&format!("<Series geo=\"{}\"/>", "x".repeat(5 << 20)));
    assert!(fails(&long, &default).0.contains("expected a tag or text of at most"));
}

/// One observation of a random cube: codes, value as written, flag, confidentiality.
type Cell = (usize, usize, usize, Option<String>, Option<&'static str>, Option<&'static str>);

fn cube() -> impl Strategy<Value = Vec<Cell>> {
    let value = prop_oneof![
        1 => Just(None),
        1 => Just(Some("NaN".to_owned())),
        1 => Just(Some(String::new())),
        6 => any::<i32>().prop_map(|value| Some(value.to_string())),
        6 => any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(|value| Some(format!("{value:?}"))),
    ];
    let cell = (
        0..4_usize,
        0..5_usize,
        0..6_usize,
        value,
        prop::option::of(prop::sample::select(vec!["b", "p", "é&<"])),
        prop::option::of(Just("C")),
    );
    prop::collection::vec(cell, 1..40).prop_map(|mut cells| {
        cells.sort_by_key(|cell| (cell.0, cell.1, cell.2));
        cells.dedup_by_key(|cell| (cell.0, cell.1, cell.2));
        cells
    })
}

const GEO: [&str; 4] = ["ES13", "PT", "Ñ \"1\"", "a'b"];
const SIZE: [&str; 5] = ["GE10", "L10", "10&11", "T", "<5"];

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', "&#x27;")
}

/// The cube as a message.
fn written(cells: &[Cell], is_generic: bool, is_flat: bool, bom: bool) -> String {
    let mut body = String::new();
    let mut last = None;
    for (geo, size, time, value, flag, conf) in cells {
        let (geo, size, time) = (escaped(GEO[*geo]), escaped(SIZE[*size]), 2020 + time);
        let key = format!("<g:Value id=\"geo\" value=\"{geo}\"/><g:Value id=\"size\" value=\"{size}\"/>");
        if !is_flat && last.as_ref() != Some(&key) {
            body.push_str(if last.is_some() { "</Series>\n" } else { "" });
            match is_generic {
                true => write!(body, "<Series><g:SeriesKey>{key}</g:SeriesKey>").unwrap(),
                false => write!(body, "<Series geo=\"{geo}\" size=\"{size}\">").unwrap(),
            }
            last = Some(key.clone());
        }
        let attributes = [("OBS_FLAG", flag), ("CONF_STATUS", conf)];
        let attributes = attributes.iter().filter_map(|(name, text)| text.map(|text| (name, escaped(text))));
        if is_generic {
            match is_flat {
                true => write!(body, "<g:Obs><g:ObsKey>{key}<g:Value id=\"TIME_PERIOD\" value=\"{time}\"/></g:ObsKey>"),
                false => write!(body, "<g:Obs><g:ObsDimension value=\"{time}\"/>"),
            }
            .unwrap();
            if let Some(value) = value {
                write!(body, "<g:ObsValue value=\"{value}\"/>").unwrap();
            }
            let values: String =
                attributes.map(|(name, text)| format!("<g:Value id=\"{name}\" value=\"{text}\"/>")).collect();
            write!(body, "<g:Attributes>{values}</g:Attributes></g:Obs>").unwrap();
        } else {
            body.push_str("\n  <Obs");
            if is_flat {
                write!(body, " geo=\"{geo}\" size=\"{size}\"").unwrap();
            }
            write!(body, " TIME_PERIOD = \"{time}\"").unwrap();
            if let Some(value) = value {
                write!(body, " OBS_VALUE=\"{value}\"").unwrap();
            }
            for (name, text) in attributes {
                write!(body, "\n{name}='{text}'").unwrap();
            }
            body.push_str("/>");
        }
    }
    body.push_str(if last.is_some() { "</Series>\n" } else { "" });
    let mark = if bom { "\u{feff}" } else { "" };
    mark.to_owned() + &if is_generic { generic(&body) } else { data(&body) }
}

proptest! {
    /// What is written is read back, and every value stands where its cell says.
    #[test]
    fn a_cube_is_read_back(cells in cube(), is_generic: bool, is_flat: bool, bom: bool) {
        let payload = written(&cells, is_generic, is_flat, bom);
        let hints = Hints { dimensions: vec!["geo".into(), "size".into()], ..Hints::default() };
        let (_, table) = decode(payload.as_bytes(), &hints).unwrap();
        prop_assert_eq!(&names(&table)[..3], ["geo", "size", "time_period"]);
        let number = |value: &Option<String>| value.as_ref().and_then(|text| text.parse().ok()).filter(|v: &f64| v.is_finite());
        let expected: Vec<String> = cells
            .iter()
            .map(|(geo, size, time, value, flag, conf)| {
                let value = number(value).map_or("-".into(), |value| value.to_string());
                let (flag, conf) = (flag.unwrap_or("-"), conf.unwrap_or("-"));
                format!("{} {} {} {value} {flag} {conf}", GEO[*geo], SIZE[*size], 2020 + time)
            })
            .collect();
        prop_assert_eq!(shown(&table), expected);
        for (there, (.., value, _, _)) in at_cells(&table, payload.as_bytes()).iter().zip(&cells) {
            if let Some(value) = value {
                prop_assert_eq!(there, value);
            }
        }
    }

    /// A message with other bytes in it, or cut, gives an error or a table.
    #[test]
    fn any_bytes_are_survived(
        cells in cube(),
        is_generic: bool,
        is_flat: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"<>/\"'=& \0\xffA;:!?-[]".to_vec())), 0..6),
        cut in any::<prop::sample::Index>(),
        is_cut: bool,
    ) {
        let mut payload = written(&cells, is_generic, is_flat, false).into_bytes();
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        if is_cut {
            payload.truncate(cut.index(payload.len()));
        }
        let _ = decode(&payload, &Hints::default());
        let _ = decode(&payload, &Hints { dimensions: vec!["geo".into()], dataset: Some("x".into()), ..Hints::default() });
    }

    #[test]
    fn random_bytes_are_survived(payload in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(&payload, &Hints::default()).is_err());
    }
}

#[test]
fn the_sources_real_files() {
    let root = std::env::var_os("TEJIDO_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = root.join("payloads");
    if !folder.is_dir() {
        println!("no real files under {}", folder.display());
        return;
    }
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();

    let gdp = read("sdmx-ml/ESTAT-NAMA_10_GDP.structurespecific.xml");
    let (metadata, table) = decode(&gdp, &Hints::default()).unwrap();
    assert_eq!(metadata.dataset.as_deref(), Some("NAMA_10_GDP"));
    assert_eq!(names(&table).join(" "), "geo na_item unit freq time_period obs_value obs_flag conf_status cell");
    assert_eq!(table.num_rows(), 4);
    assert_eq!(shown(&table)[0], "LU B1GQ CP_MEUR A 2012 46526.2 - -");
    assert_eq!(shown(&table)[3], "LU B1GQ CP_MEUR A 2015 54142.3 - -");
    assert_eq!(at_cells(&table, &gdp), ["46526.2", "49094.5", "51791.3", "54142.3"]);

    let isoc = read("sdmx-ml/isoc_ic_biski.generic21.xml");
    let (metadata, table) = decode(&isoc, &Hints::default()).unwrap();
    assert_eq!(metadata.dataset.as_deref(), Some("isoc_ic_biski"));
    assert_eq!(metadata.updated.as_deref(), Some("2015-03-03T09:44:41"));
    assert_eq!(names(&table).join(" "), "INDIC_IS GEO FREQ time_period obs_value obs_flag conf_status cell");
    let observations = String::from_utf8(isoc.clone()).unwrap().matches("<generic:Obs>").count();
    assert_eq!(table.num_rows(), observations);
    assert_eq!(shown(&table)[0], "IC_SK AT A 2010 17.78 - -");
    assert_eq!(shown(&table)[11], "IC_SK BE A 2010 19.36 - -");
    assert!(shown(&table).last().unwrap().ends_with("2000 25.41 - -"));
    let values = table.column(4).as_primitive::<Float64Type>();
    for (row, there) in at_cells(&table, &isoc).into_iter().enumerate() {
        let read = there.parse().ok().filter(|value: &f64| value.is_finite());
        assert_eq!(read, values.is_valid(row).then(|| values.value(row)), "row {row}");
    }

    for (name, said) in [
        ("errors/ESTAT-footer-413-old.xml", "413: Due to the large query the response will be written to a file"),
        ("errors/eurostat-413-soap-fault.xml", "413: EXTRACTION_TOO_BIG: The requested extraction is too big"),
        ("errors/eurostat-404-soap-fault.xml", "100: ERR_NOT_FOUND_2: DATA_SET:DS-999999"),
        ("eurostat-structure/estat-lfsa_egai2d.dataflow_all.xml", "an SDMX-ML message of structures"),
    ] {
        let error = decode(&read(name), &Hints::default()).unwrap_err();
        assert!(matches!(error, DecodeError::Format { .. }), "{name}: {error:?}");
        assert!(error.to_string().contains(said), "{name}: {error}");
    }
}
