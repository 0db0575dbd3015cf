//! The cube in the formats of separated text.

use super::{DIMENSIONS, PERIODS, series};

/// The names of the dimensions with something between them.
fn names(between: &str) -> String {
    DIMENSIONS.map(|(name, ..)| name).join(between)
}

/// One line a cell.
pub fn sdmx_csv() -> String {
    let mut text = format!("DATAFLOW,LAST UPDATE,{},TIME_PERIOD,OBS_VALUE,OBS_FLAG,CONF_STATUS\n", names(","));
    for series in series() {
        for cell in series.cells() {
            text += &format!("ESTAT:CUBE(1.0),24/11/26 11:00:00,{},{},", series.joined(","), cell.period);
            cell.write(&mut text, '.', "");
            text += &format!(",{},\n", cell.flag);
        }
    }
    text
}

/// One line a series.
pub fn eurostat_tsv() -> String {
    let mut text = format!("{}\\TIME_PERIOD\t{}\n", names(","), PERIODS.join(" \t"));
    for series in series() {
        text += &series.joined(",");
        for cell in series.cells() {
            text.push('\t');
            cell.write(&mut text, '.', ":");
            text += &format!(" {}", cell.flag);
        }
        text.push('\n');
    }
    text
}

/// Long: one line a cell, with a decimal comma.
pub fn ine_csv() -> String {
    let mut text = format!("{};Periodo;Total\n", names(";"));
    for series in series() {
        for cell in series.cells() {
            text += &format!("{};{};", series.joined(";"), cell.period);
            cell.write(&mut text, ',', "..");
            text.push('\n');
        }
    }
    text
}

/// Wide: one line a series, the periods in columns, with a decimal comma.
pub fn ine_csv_wide() -> String {
    let mut text = format!("ICT\nUnits: Percentage\n;{};\n", PERIODS.join(";"));
    for series in series() {
        text += &series.joined(" ");
        for cell in series.cells() {
            text.push(';');
            cell.write(&mut text, ',', "..");
        }
        text += ";\n";
    }
    text
}

/// A header of keywords, then one line a series.
pub fn pc_axis() -> String {
    let quoted = |names: Vec<String>| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
    let mut text = String::from("CHARSET=\"ANSI\";\nAXIS-VERSION=\"2013\";\nCODEPAGE=\"utf-8\";\nLANGUAGE=\"en\";\n");
    text += "MATRIX=\"CUBE\";\nTITLE=\"Cube\";\nCONTENTS=\"Share\";\nUNITS=\"percentage\";\nDECIMALS=2;\n";
    text += &format!("STUB={};\nHEADING=\"year\";\n", quoted(DIMENSIONS.map(|(name, ..)| name.to_owned()).to_vec()));
    for (name, prefix, size) in DIMENSIONS {
        let codes = quoted((0..size).map(|at| format!("{prefix}{at}")).collect());
        text += &format!("VALUES(\"{name}\")={codes};\nCODES(\"{name}\")={codes};\n");
    }
    text += &format!("VALUES(\"year\")={};\nDATA=\n", quoted(PERIODS.map(str::to_owned).to_vec()));
    for series in series() {
        for cell in series.cells() {
            cell.write(&mut text, '.', "\"..\"");
            text.push(' ');
        }
        text.push('\n');
    }
    text + ";\n"
}

/// A register of as many members as the cube has cells, two of its four columns declared.
pub fn delimited() -> String {
    let mut text = String::from("name;number;telephone;town\n");
    for series in series() {
        for cell in series.cells() {
            let number = series.number;
            text +=
                &format!("\"Firm {number}; S.L.\";B{number:07}{};600 {number:06};Town of {}\n", cell.flag, cell.period);
        }
    }
    text
}
