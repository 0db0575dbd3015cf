//! What a message says around its observations: header, footer, and errors in place of data.

use crate::decode::notice::shortened;
use crate::decode::{DecodeError, Metadata};

/// Notes and texts of a message are a few lines; this is for one that is not.
const MAX_TEXTS: usize = 100;

/// How a message writes its observations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `GenericData`: names and codes are both values (2.1 only).
    Generic,
    /// `StructureSpecificData`: names are XML attributes.
    Specific,
}

/// A `Structure` of the header.
#[derive(Debug, Clone, Default)]
pub(super) struct Structure {
    /// `structureID`, by which data sets refer to it.
    pub id: String,
    /// `dimensionAtObservation`.
    pub observation_dimension: Option<String>,
    /// Id of the dataflow, or of the structure definition where no dataflow is named.
    pub artefact: Option<String>,
    /// Whether `artefact` is a structure definition, which several dataflows may share.
    pub is_definition: bool,
}

/// What has been read of a message so far.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub prepared: Option<String>,
    pub title: Option<String>,
    /// `DataSetID`s, in order.
    pub dataset_ids: Vec<String>,
    /// `DataSetAction`.
    pub action: Option<String>,
    pub structures: Vec<Structure>,
    /// `Source` of the header and messages of the footer.
    pub notes: Vec<String>,
    /// The code of the footer's current message, its severity and its texts.
    pub footer: Option<(String, String, Vec<String>)>,
    /// A message of the footer that says that there is no data.
    pub refusal: Option<String>,
    /// Texts of a SOAP fault, an SDMX error or another answer without data.
    pub fault: Vec<String>,
    /// Whether what came is an answer about a queued extraction.
    pub queued: bool,
    /// The data sets' ids, each once.
    pub datasets: Vec<String>,
}

impl Message {
    /// The structure that a data set refers to, or the only one.
    pub fn structure(&self, reference: Option<&str>) -> Option<&Structure> {
        match (reference, self.structures.as_slice()) {
            (Some(reference), structures) => structures.iter().find(|structure| structure.id == reference),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    /// The id of a data set: its dataflow's; failing that its structure definition's, where that is not just a
    /// `DSD_` before the `DataSetID` (Eurostat until 2022); failing that what the message calls it.
    pub fn dataset(&self, reference: Option<&str>) -> String {
        let structure = self.structure(reference);
        let artefact = structure.and_then(|structure| structure.artefact.clone());
        let only_id = match self.dataset_ids.as_slice() {
            [id] => Some(id.clone()),
            _ => None,
        };
        match (artefact, only_id) {
            (Some(artefact), Some(id)) if artefact.strip_prefix("DSD_") == Some(id.as_str()) => id,
            (Some(artefact), _) => artefact,
            (None, Some(id)) => id,
            (None, None) => reference.unwrap_or_default().to_owned(),
        }
    }

    /// The footer's message is over.
    pub fn close_footer(&mut self) {
        let Some((code, severity, texts)) = self.footer.take() else {
            return;
        };
        let text = texts.join(" ");
        let text = if code.is_empty() { text } else { format!("{code}: {text}") };
        if severity.eq_ignore_ascii_case("error") {
            self.refusal.get_or_insert(text);
        } else {
            keep(&mut self.notes, &text);
        }
    }

    /// Why the message holds no data, if it says so.
    pub fn refused(&self, has_data: bool) -> Option<DecodeError> {
        let said = |what: &str, text: &str, hint: &str| {
            let short: String = text.chars().take(1000).filter(|character| !character.is_control()).collect();
            Some(DecodeError::Format {
                expected: EXPECTED.into(),
                found: format!("{what}: `{short}`"),
                hint: Some(hint.into()),
            })
        };
        const ASK: &str = "ask the source for something else, as its message says, or later";
        if self.queued {
            return said(
                "an answer that the data is being prepared",
                &self.fault.join(": "),
                "the extraction is queued at the source: fetch it again later, or ask for less at a time",
            );
        }
        if !self.fault.is_empty() {
            return said("an error message of the source", &self.fault.join(": "), ASK);
        }
        if let Some(text) = &self.refusal {
            return said("an error message of the source", text, ASK);
        }
        match (has_data, self.notes.last()) {
            (true, _) => None,
            (false, Some(note)) => said("a message without data", note, ASK),
            (false, None) => Some(DecodeError::Format {
                expected: EXPECTED.into(),
                found: "a message without a data set".into(),
                hint: Some("the source has nothing for what was asked: ask for more codes or periods".into()),
            }),
        }
    }

    /// What the message states besides its observations.
    pub fn metadata(self, dataset: Option<String>) -> Metadata {
        Metadata {
            dataset: dataset.filter(|id| !id.is_empty()),
            title: self.title,
            // SDMX-ML states no time of the last change; this is the time of the message.
            updated: self.prepared,
            notes: self.notes,
            ..Metadata::default()
        }
    }
}

/// Keeps a text of a list that a message may fill at will.
pub(super) fn keep(texts: &mut Vec<String>, text: &str) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !text.is_empty() && texts.len() < MAX_TEXTS && texts.last() != Some(&text) {
        texts.push(text);
    }
}

/// What the decoder takes.
pub(super) const EXPECTED: &str = "an SDMX-ML 2.1 or 3.0 message with data (`StructureSpecificData` or `GenericData`)";

/// `urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow=ECB:EXR(1.0)` → `EXR`.
pub(super) fn artefact(urn: &str) -> Option<&str> {
    let (_, reference) = urn.trim().rsplit_once('=')?;
    let id = reference.split(['(', ')']).next()?;
    let id = id.rsplit(':').next()?;
    (!id.is_empty()).then_some(id)
}

/// The root element says that this is another kind of message.
pub(super) fn other_message(root: &str, namespaces: &str) -> Option<DecodeError> {
    let (found, hint) = match root {
        "Structure" => ("an SDMX-ML message of structures", "ask the source for the data, not for its structure"),
        "CompactData" | "UtilityData" | "CrossSectionalData" => {
            ("an SDMX-ML 1.0 or 2.0 message", "ask the source for SDMX-ML 2.1 or 3.0, or for SDMX-CSV")
        }
        "GenericData" | "StructureSpecificData" if namespaces.contains("v2_0") || namespaces.contains("v1_0") => {
            ("an SDMX-ML 1.0 or 2.0 message", "ask the source for SDMX-ML 2.1 or 3.0, or for SDMX-CSV")
        }
        "GenericMetadata" | "StructureSpecificMetadata" | "MetadataSet" => {
            ("an SDMX-ML message of reference metadata", "ask the source for the data")
        }
        _ => return None,
    };
    Some(DecodeError::Format {
        expected: EXPECTED.into(),
        found: format!("{found} (`{}`)", shortened(root)),
        hint: Some(hint.into()),
    })
}
