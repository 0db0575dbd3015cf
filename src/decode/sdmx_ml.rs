//! SDMX-ML 2.1 and 3.0 messages of data.
//!
//! Specification: SDMX 2.1 section 3A and 3.0 section 3 (`SDMXMessage.xsd`, `SDMXDataGeneric.xsd`,
//! `SDMXDataStructureSpecific.xsd`). A message is a header, data sets, and a footer with messages of the source.
//! A data set is a list of series with observations, or of observations alone ("flat"):
//!
//! ```text
//! GenericData            <Series><SeriesKey><Value id="geo" value="ES13"/></SeriesKey>
//!                          <Obs><ObsDimension value="2025"/><ObsValue value="1.5"/></Obs></Series>
//! StructureSpecificData  <Series geo="ES13"><Obs TIME_PERIOD="2025" OBS_VALUE="1.5"/></Series>
//! ```
//!
//! # What is a dimension
//! Generic messages say it: what stands in `SeriesKey`, `ObsKey` and `ObsDimension`. Structure-specific ones do
//! not; only the structure definition, another message, does. What the file tells is used, in this order:
//!
//! - `TIME_PERIOD` and the header's `dimensionAtObservation` are dimensions.
//! - Names of SDMX's own attributes (`OBS_STATUS`, `DECIMALS`, `TITLE`, …) are attributes.
//! - A name that some series (in a flat data set: some observation) does not have is an attribute, since every
//!   series has a code of every dimension. So is what only observations of series, groups or data sets have.
//! - Every other name is a dimension.
//!
//! So an attribute that all series have and that SDMX does not know may come out as one more dimension. That
//! changes no number and merges no rows; the hint `dimensions`, a list of names, settles it. Values and attributes
//! are never mixed up: a measure is `OBS_VALUE`. Messages whose measures have other names (3.0) are refused.
//!
//! # Two passes
//! Later series may bring names that the first did not have, and the footer, which may say that the data is not
//! what was asked for, comes last. So the first pass collects names and groups, the second one emits rows. Both
//! are bounded by a tag; only groups, which hold for series anywhere, are kept whole, up to a limit.
//!
//! # What becomes of the rest
//! `OBS_STATUS` (or `OBS_FLAG`) is `obs_flag`, `CONF_STATUS` is `conf_status`. Attributes of series, groups and
//! data sets are columns, repeated for each of their observations; what is nearer to the observation wins.
//! Several values of one attribute (3.0) are joined with `;`. `NaN`, nothing and an absent `OBS_VALUE` are missing
//! values; `cell` is then where that mark, failing it the status, failing that the observation stands.
//! The time of the message (`Prepared`) is the nearest thing to `updated` that the format has.
//!
//! # Not supported, on purpose
//! SDMX-ML 1.0 and 2.0; document types and entities beyond XML's five; encodings other than UTF-8; structures,
//! annotations and reference metadata inside a data message (passed over); namespaces (elements are known by their
//! local names, since every writer has its own prefixes; attributes with a prefix are XML's or SDMX's own).

use super::xml::Xml;
use super::{BATCH_ROWS, DecodeError, Hints, Source, Table, observation_schema};

mod message;
mod rows;
mod survey;
mod walk;

#[cfg(test)]
mod tests;

use message::{EXPECTED, Message};
use rows::Rows;
use survey::Survey;
use walk::Walk;

/// Whether a payload begins like this format: XML in which a message or a data set of SDMX begins.
pub(super) fn recognises(head: &[u8]) -> bool {
    let has = |name: &[u8]| memchr::memmem::find(head, name).is_some();
    let is_message = has(b"sdmx.org/resources/sdmxml") || has(b"www.sdmx.org") || has(b"SDMX");
    head.first() == Some(&b'<') && is_message
}

pub(super) fn open(source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    check_encoding(hints)?;
    let mut survey = Survey::default();
    let mut xml = Xml::new(source.stream(hints)?)?;
    let mut walk = Walk::new(hints.dataset.clone(), hints.language.clone());
    loop {
        match walk.step(&mut xml, &mut survey) {
            Ok(true) => {}
            Ok(false) => break,
            Err(failure) => return Err(failure.locate(source, hints)),
        }
    }
    let message = std::mem::take(&mut walk.message);
    if let Some(error) = message.refused(!message.datasets.is_empty()) {
        return Err(error);
    }
    let dataset = chosen(&message, hints)?;
    let at_observation = walk.observation_dimension.take().filter(|name| name != "AllDimensions");
    let layout = survey.layout(walk.shape, at_observation.as_deref(), hints)?;
    let schema = observation_schema(&survey.columns(&layout.dimensions), &survey.columns(&layout.attributes));
    let mut metadata = message.metadata(Some(dataset.clone()));
    metadata.units = survey.for_all("UNIT_MEASURE").or_else(|| survey.for_all("UNIT"));
    if let Some(updated) = survey.for_all("LAST_UPDATE") {
        metadata.updated = Some(updated);
    }

    let mut rows = Rows::new(survey, &layout)?;
    let mut xml = Xml::new(source.stream(hints)?)?;
    let mut walk = Walk::new(Some(dataset), hints.language.clone());
    let (source, hints, batch_schema) = (source.clone(), hints.clone(), schema.clone());
    let mut over = false;
    let batches = std::iter::from_fn(move || {
        while !over && rows.columns.rows() < BATCH_ROWS {
            match walk.step(&mut xml, &mut rows) {
                Ok(more) => over = !more,
                Err(failure) => {
                    over = true;
                    rows.columns = Default::default();
                    return Some(Err(failure.locate(&source, &hints)));
                }
            }
        }
        (rows.columns.rows() > 0).then(|| rows.columns.take(&batch_schema))
    });
    Ok(Table { metadata, schema, batches: Box::new(batches) })
}

/// The data set to read, by its id.
fn chosen(message: &Message, hints: &Hints) -> Result<String, DecodeError> {
    let among = |hint: &str| {
        let ids: Vec<&str> = message.datasets.iter().map(String::as_str).take(50).collect();
        DecodeError::Format {
            expected: match &hints.dataset {
                Some(wanted) => format!("a data set `{wanted}`"),
                None => "data sets of one structure".into(),
            },
            found: format!("`{}`", ids.join("`, `")),
            hint: Some(format!("{hint}, such as `dataset = \"{}\"`", ids.first().unwrap_or(&""))),
        }
    };
    match (&hints.dataset, message.datasets.as_slice()) {
        (Some(wanted), ids) if ids.contains(wanted) => Ok(wanted.clone()),
        (Some(_), _) => Err(among("correct the hint")),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(among("say which one is wanted")),
    }
}

fn check_encoding(hints: &Hints) -> Result<(), DecodeError> {
    match hints.encoding.as_deref() {
        Some(encoding) if !["utf-8", "utf8"].contains(&encoding.to_ascii_lowercase().as_str()) => {
            Err(DecodeError::Format {
                expected: format!("{EXPECTED} in UTF-8"),
                found: format!("the hint `encoding = \"{encoding}\"`"),
                hint: Some("leave the hint out; a message in another encoding must be converted first".into()),
            })
        }
        _ => Ok(()),
    }
}
