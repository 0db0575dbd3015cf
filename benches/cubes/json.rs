//! The cube in the formats that are JSON.

use super::{DIMENSIONS, PERIODS, Series, series};

/// Items with commas between them.
fn list<T>(items: impl IntoIterator<Item = T>, write: impl Fn(T) -> String) -> String {
    items.into_iter().map(write).collect::<Vec<_>>().join(",")
}

/// Every dimension with its codes.
fn dimensions() -> Vec<(&'static str, Vec<String>)> {
    let codes = |prefix: &str, size| (0..size).map(|at| format!("{prefix}{at}")).collect();
    let mut all: Vec<_> = DIMENSIONS.iter().map(|(name, prefix, size)| (*name, codes(prefix, *size))).collect();
    all.push(("time", PERIODS.map(str::to_owned).to_vec()));
    all
}

/// A JSON-stat 2.0 dataset: its values in an array, its statuses by index.
pub fn json_stat() -> String {
    let all = dimensions();
    let shapes = list(&all, |(name, codes)| {
        let index = list(codes.iter().enumerate(), |(at, code)| format!("\"{code}\":{at}"));
        format!("\"{name}\":{{\"category\":{{\"index\":{{{index}}}}}}}")
    });
    let names = list(&all, |(name, _)| format!("\"{name}\""));
    let sizes = list(&all, |(_, codes)| codes.len().to_string());
    let (mut values, mut statuses, mut at) = (String::new(), String::new(), 0);
    for series in series() {
        for cell in series.cells() {
            let comma = if at > 0 { "," } else { "" };
            values += comma;
            cell.write(&mut values, '.', "null");
            if !cell.flag.is_empty() {
                let comma = if statuses.is_empty() { "" } else { "," };
                statuses += &format!("{comma}\"{at}\":\"{}\"", cell.flag);
            }
            at += 1;
        }
    }
    format!(
        "{{\"version\":\"2.0\",\"class\":\"dataset\",\"id\":[{names}],\"size\":[{sizes}],\"dimension\":{{{shapes}}},\
         \"value\":[{values}],\"status\":{{{statuses}}}}}"
    )
}

/// An SDMX-JSON 1.0 message in series.
pub fn sdmx_json() -> String {
    let mut shapes = dimensions();
    let time = shapes.split_off(DIMENSIONS.len());
    let shape = |shapes: &[(&str, Vec<String>)]| {
        list(shapes, |(name, codes)| {
            format!("{{\"id\":\"{name}\",\"values\":[{}]}}", list(codes, |code| format!("{{\"id\":\"{code}\"}}")))
        })
    };
    let flags = ["b", "e", "p", "u"];
    let position = |flag: &str| flags.iter().position(|known| *known == flag);
    let statuses = list(flags, |flag| format!("{{\"id\":\"{flag}\"}}"));
    let mut text = format!(
        "{{\"header\":{{}},\"structure\":{{\"dimensions\":{{\"dataSet\":[],\"series\":[{}],\"observation\":[{}]}},\
         \"attributes\":{{\"series\":[],\"observation\":[{{\"id\":\"OBS_STATUS\",\"values\":[{statuses}]}}]}}}},\
         \"dataSets\":[{{\"action\":\"Information\",\"series\":{{",
        shape(&shapes),
        shape(&time).replace("\"time\"", "\"TIME_PERIOD\"")
    );
    for series in series() {
        let mut rest = series.number;
        let mut key = DIMENSIONS.map(|_| String::new());
        for (place, (.., size)) in key.iter_mut().zip(DIMENSIONS).rev() {
            *place = (rest % size).to_string();
            rest /= size;
        }
        let comma = if series.number > 0 { "," } else { "" };
        text += &format!("{comma}\"{}\":{{\"observations\":{{", key.join(":"));
        for (at, cell) in series.cells().enumerate() {
            text += &format!("{}\"{at}\":[", if at > 0 { "," } else { "" });
            cell.write(&mut text, '.', "null");
            text += &position(cell.flag).map_or("]".to_owned(), |position| format!(",{position}]"));
        }
        text += "}}";
    }
    text + "}}]}"
}

/// A reply of `DATOS_TABLA` with `tip=AM`: each series with its variables.
pub fn ine_tempus() -> String {
    let one = |series: Series| {
        let variables = list(DIMENSIONS.iter().zip(&series.codes), |((name, ..), code)| {
            format!("{{\"Id\":1,\"T3_Variable\":\"{name}\",\"Nombre\":\"{code}\",\"Codigo\":\"{code}\"}}")
        });
        let data = list(series.cells(), |cell| {
            let mut text = format!("{{\"T3_TipoDato\":\"Definitivo\",\"T3_Periodo\":\"A\",\"Anyo\":{},", cell.period);
            text += "\"Valor\":";
            cell.write(&mut text, '.', "null");
            text + "}"
        });
        let name = series.joined(". ");
        format!(
            "{{\"COD\":\"E{}\",\"Nombre\":\"{name}. \",\"T3_Unidad\":\"Empresas\",\"T3_Escala\":\" \",\
             \"MetaData\":[{variables}],\"Data\":[{data}]}}",
            series.number
        )
    };
    format!("[{}]", list(series(), one))
}

/// `headers`, and `data` nested one level a header.
pub fn icane_json() -> String {
    let headers = list(dimensions(), |(name, _)| format!("\"{name}\""));
    let mut text = format!("{{\"headers\":[{headers}],\"data\":");
    let mut before: Option<Series> = None;
    for series in series() {
        // Close what the last series had open from the first code that differs, and open this one's.
        let same = before.as_ref().map_or(0, |before| {
            before.codes.iter().zip(&series.codes).take_while(|(before, code)| before == code).count()
        });
        let closed = before.as_ref().map_or(0, |_| series.codes.len() - same);
        text += &"}".repeat(closed);
        for (depth, code) in series.codes.iter().enumerate().skip(same) {
            let is_next = depth == same && before.is_some();
            text += &format!("{}\"{code}\":", if is_next { "," } else { "{" });
        }
        for (at, cell) in series.cells().enumerate() {
            text += &format!("{}\"{}\":", if at > 0 { "," } else { "{" }, cell.period);
            cell.write(&mut text, '.', "null");
        }
        before = Some(series);
    }
    text + &"}".repeat(DIMENSIONS.len() + 1) + "}"
}
