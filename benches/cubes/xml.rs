//! The cube in SDMX-ML 2.1.

use super::{DIMENSIONS, series};

/// What stands around the series of a message of this kind.
fn message(kind: &str, series: &str) -> String {
    let schemas = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1";
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<m:{kind} xmlns:m="{schemas}/message" xmlns:s="{schemas}/data/structurespecific" xmlns:g="{schemas}/data/generic"
 xmlns:c="{schemas}/common" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<m:Header><m:ID>1</m:ID><m:Prepared>2026-11-24T00:00:00Z</m:Prepared>
<m:Structure structureID="CUBE" dimensionAtObservation="TIME_PERIOD">
<c:StructureUsage><Ref id="CUBE" agencyID="X" version="1.0"/></c:StructureUsage></m:Structure></m:Header>
<m:DataSet s:structureRef="CUBE" xsi:type="u:DataSetType">
{series}</m:DataSet></m:{kind}>
"#
    )
}

/// A structure-specific message.
pub fn sdmx_ml() -> String {
    let mut text = String::new();
    for series in series() {
        text += "<Series";
        for ((name, ..), code) in DIMENSIONS.iter().zip(&series.codes) {
            text += &format!(" {name}=\"{code}\"");
        }
        text.push('>');
        for cell in series.cells() {
            text += &format!("<Obs TIME_PERIOD=\"{}\" OBS_VALUE=\"", cell.period);
            cell.write(&mut text, '.', "NaN");
            text += &match cell.flag {
                "" => "\"/>".to_owned(),
                flag => format!("\" OBS_STATUS=\"{flag}\"/>"),
            };
        }
        text += "</Series>\n";
    }
    message("StructureSpecificData", &text)
}

/// A generic message.
pub fn sdmx_ml_generic() -> String {
    let mut text = String::new();
    for series in series() {
        text += "<g:Series><g:SeriesKey>";
        for ((name, ..), code) in DIMENSIONS.iter().zip(&series.codes) {
            text += &format!("<g:Value id=\"{name}\" value=\"{code}\"/>");
        }
        text += "</g:SeriesKey>";
        for cell in series.cells() {
            text += &format!("<g:Obs><g:ObsDimension value=\"{}\"/><g:ObsValue value=\"", cell.period);
            cell.write(&mut text, '.', "NaN");
            text += "\"/>";
            if !cell.flag.is_empty() {
                let value = format!("<g:Value id=\"OBS_STATUS\" value=\"{}\"/>", cell.flag);
                text += &format!("<g:Attributes>{value}</g:Attributes>");
            }
            text += "</g:Obs>";
        }
        text += "</g:Series>\n";
    }
    message("GenericData", &text)
}
