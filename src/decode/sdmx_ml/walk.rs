//! Walks through a message and tells a [`Sink`] what it finds. Both passes walk the same way.

use super::message::{Message, Shape, artefact, keep, other_message};
use crate::decode::notice::unexpected;
use crate::decode::xml::{Attribute, Event, Outcome, Tag, Xml, local, quoted, wrong, wrong_with};

/// Text of one element is a code, a number or a few sentences.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// No message declares nearly as many structures or data sets of different structures.
const MAX_DATASETS: usize = 1000;

/// Values of one attribute of one observation.
const MAX_VALUES: usize = 100;

/// Ids are short; those of structures and data sets are kept.
const MAX_ID_BYTES: usize = 1000;

/// What a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    DataSet,
    Group,
    Series,
    /// An observation in a series.
    Obs,
    /// An observation outside of any series.
    Flat,
}

pub(super) const LEVELS: usize = 5;

/// What a message says that a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A dimension's.
    Key,
    /// An attribute's.
    Attribute,
    /// The observed value.
    Value,
    /// It does not say: structure-specific messages.
    Any,
}

/// What is told.
pub(super) trait Sink {
    /// Something begins, at this offset.
    fn open(&mut self, level: Level, offset: u64) -> Outcome<()>;
    /// It has this value.
    fn value(&mut self, level: Level, kind: Kind, value: Attribute<'_>) -> Outcome<()>;
    /// It is over.
    fn close(&mut self, level: Level) -> Outcome<()>;
}

/// Where in a message the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Message,
    Header,
    /// Elements of the header that are text.
    Prepared,
    Title,
    DataSetId,
    Action,
    Source,
    Structure,
    /// What a `Structure` refers to, and the reference if it is a URN.
    Artefact,
    Urn,
    Footer,
    FooterMessage,
    FooterText,
    /// An answer without data; its texts.
    Fault,
    DataSet,
    /// `Group`, `Series` or `Obs`.
    Part(Level),
    /// `SeriesKey` and the like, and `Attributes`, whose `Value`s are of this kind.
    Values(Level, Kind),
    /// 3.0: a value with several texts.
    Complex(Level),
    ComplexValue,
    ComplexText,
    /// What carries no data.
    Skip,
}

/// The state of a walk.
pub(super) struct Walk {
    pub message: Message,
    pub shape: Shape,
    stack: Vec<Element>,
    /// Text of the innermost element, and where it begins.
    text: String,
    text_offset: u64,
    /// The language asked for.
    language: Option<String>,
    /// The only data sets that are read.
    wanted: Option<String>,
    /// The current data set's dimension at observations.
    pub observation_dimension: Option<String>,
    /// A complex value: its id, its texts, where the first stands, and the text chosen of several languages.
    complex: (String, Vec<String>, u64, Option<String>),
    text_language: Option<String>,
    /// Whether observations have been told, after which nothing may change what holds for all of them.
    told: [bool; LEVELS],
}

impl Walk {
    /// A walk that reads the data sets with the wanted id, or, without one, those with the id of the first.
    pub fn new(wanted: Option<String>, language: Option<String>) -> Self {
        Walk {
            message: Message::default(),
            shape: Shape::Specific,
            stack: Vec::new(),
            text: String::new(),
            text_offset: 0,
            language,
            wanted,
            observation_dimension: None,
            complex: Default::default(),
            text_language: None,
            told: [false; LEVELS],
        }
    }

    /// Takes the next event; whether there was one.
    #[inline]
    pub fn step(&mut self, xml: &mut Xml, sink: &mut impl Sink) -> Outcome<bool> {
        if self.stack.is_empty() {
            let head = xml.head();
            let lower = head.get(..head.len().min(64)).unwrap_or_default().trim_ascii_start().to_ascii_lowercase();
            if !lower.starts_with(b"<") || lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
                return Err(unexpected(head, super::message::EXPECTED).into());
            }
        }
        let head = match self.stack.is_empty() {
            true => xml.head().to_vec(),
            false => Vec::new(),
        };
        match xml.next()? {
            Event::Open(tag) => {
                let element = match self.stack.last() {
                    None => self.root(&tag, &head)?,
                    Some(parent) => self.child(*parent, &tag, sink)?,
                };
                self.text.clear();
                self.text_offset = 0;
                match tag.closed {
                    true => self.close(element, sink)?,
                    false => self.stack.push(element),
                }
            }
            Event::Close => {
                if let Some(element) = self.stack.pop() {
                    self.close(element, sink)?;
                }
            }
            Event::Text(text, offset) => self.take_text(&text, offset)?,
            Event::Nothing => {}
            Event::End => return Ok(false),
        }
        Ok(true)
    }

    fn root(&mut self, tag: &Tag<'_>, head: &[u8]) -> Outcome<Element> {
        let mut namespaces = String::new();
        let mut attributes = tag.attributes();
        while let Some(attribute) = attributes.next()? {
            if attribute.name.starts_with("xmlns") {
                namespaces.push_str(attribute.raw);
            }
        }
        if let Some(error) = other_message(tag.local(), &namespaces) {
            return Err(error.into());
        }
        self.shape = match tag.local() {
            "GenericData" | "GenericTimeSeriesData" => Shape::Generic,
            "StructureSpecificData" | "StructureSpecificTimeSeriesData" => Shape::Specific,
            "Fault" | "Error" => return Ok(Element::Fault),
            "Envelope" => {
                self.message.queued = true;
                return Ok(Element::Fault);
            }
            _ => return Err(unexpected(head, super::message::EXPECTED).into()),
        };
        Ok(Element::Message)
    }

    fn child(&mut self, parent: Element, tag: &Tag<'_>, sink: &mut impl Sink) -> Outcome<Element> {
        use Element::*;
        let name = tag.local();
        Ok(match (parent, name) {
            // The many come first.
            (Part(Level::Series), "Obs") => self.part(Level::Obs, tag, sink)?,
            (Values(level, kind), "Value") => {
                self.generic_value(level, kind, tag, sink)?;
                Skip
            }
            (Part(level @ (Level::Obs | Level::Flat)), "ObsValue") if self.shape == Shape::Generic => {
                self.observed(level, tag, sink)?;
                Skip
            }
            (Part(Level::Obs), "ObsDimension") if self.shape == Shape::Generic => {
                self.observation_key(tag, sink)?;
                Skip
            }
            (Part(Level::Series), "SeriesKey") if self.shape == Shape::Generic => {
                self.in_time(Level::Series, tag)?;
                Values(Level::Series, Kind::Key)
            }
            (Part(level @ Level::Group), "GroupKey") | (Part(level @ (Level::Obs | Level::Flat)), "ObsKey")
                if self.shape == Shape::Generic =>
            {
                Values(level, Kind::Key)
            }
            (Part(level), "Attributes") if self.shape == Shape::Generic => {
                self.in_time(level, tag)?;
                Values(level, Kind::Attribute)
            }
            (DataSet, "Attributes") if self.shape == Shape::Generic => {
                self.in_time(Level::DataSet, tag)?;
                Values(Level::DataSet, Kind::Attribute)
            }
            (DataSet, "Series") => self.part(Level::Series, tag, sink)?,
            (DataSet, "Obs") => self.part(Level::Flat, tag, sink)?,
            (DataSet, "Group" | "Atts") => self.part(Level::Group, tag, sink)?,
            (Part(level), "Comp") => self.complex(level, tag)?,
            (DataSet, "Comp") => self.complex(Level::DataSet, tag)?,
            (Complex(_), "Value") if self.complex.1.len() == MAX_VALUES => {
                return Err(wrong(tag.offset, format!("at most {MAX_VALUES} values of an attribute"), "more"));
            }
            (Complex(_), "Value") => ComplexValue,
            (ComplexValue, "Text") => {
                self.text_language = tag.get("lang")?.map(|language| language.into_owned());
                ComplexText
            }
            (Message, "Header") => Header,
            (Message, "DataSet") => self.dataset(tag, sink)?,
            (Message, "Footer") => Footer,
            (Footer, "Message") => {
                let stated = |name| -> Outcome<String> { Ok(tag.get(name)?.unwrap_or_default().into_owned()) };
                self.message.footer = Some((stated("code")?, stated("severity")?, Vec::new()));
                FooterMessage
            }
            (FooterMessage, "Text") => FooterText,
            (Header, "Prepared") => Prepared,
            (Header, "DataSetID") => DataSetId,
            (Header, "DataSetAction") => Action,
            (Header, "Source") => Source,
            (Header, "Name") => {
                self.text_language = tag.get("lang")?.map(|language| language.into_owned());
                Title
            }
            (Header, "Structure") => {
                let stated = |name| -> Outcome<_> { Ok(tag.get(name)?.map(|text| text.into_owned())) };
                if self.message.structures.len() == MAX_DATASETS {
                    return Err(wrong(tag.offset, format!("at most {MAX_DATASETS} structures"), "more"));
                }
                for name in ["structureID", "dimensionAtObservation"] {
                    short_enough(&stated(name)?.unwrap_or_default(), tag)?;
                }
                self.message.structures.push(super::message::Structure {
                    id: stated("structureID")?.unwrap_or_default(),
                    observation_dimension: stated("dimensionAtObservation")?,
                    ..Default::default()
                });
                Structure
            }
            (Structure, "Structure" | "StructureUsage" | "ProvisionAgreement" | "ProvisionAgrement") => {
                if let Some(structure) = self.message.structures.last_mut() {
                    structure.is_definition = name == "Structure";
                }
                Artefact
            }
            (Artefact, "Ref") => {
                let id = tag.get("id")?.map(|id| id.into_owned());
                short_enough(id.as_deref().unwrap_or_default(), tag)?;
                if let Some(structure) = self.message.structures.last_mut() {
                    structure.artefact = id;
                }
                Skip
            }
            (Artefact, "URN") => Urn,
            (Fault, _) => {
                if name == "Fault" {
                    self.message.queued = false;
                }
                if let Some(code) = tag.get("code")? {
                    keep(&mut self.message.fault, &code);
                }
                Fault
            }
            (Skip, _) | (Header | Structure | Artefact, _) => Skip,
            (_, "Annotations" | "DataProvider" | "MetadataSet" | "Metadata") => Skip,
            _ => {
                return Err(wrong(tag.offset, "an element that a message of data has there", format!("`<{name}>`")));
            }
        })
    }

    /// A data set: whether it is to be read, and what its tag says.
    fn dataset(&mut self, tag: &Tag<'_>, sink: &mut impl Sink) -> Outcome<Element> {
        let reference = tag.get("structureRef")?.map(|text| text.into_owned());
        let id = self.message.dataset(reference.as_deref());
        short_enough(&id, tag)?;
        let action = tag.get("action")?.map(|text| text.into_owned()).or_else(|| self.message.action.clone());
        if !self.message.datasets.contains(&id) {
            if self.message.datasets.len() == MAX_DATASETS {
                return Err(wrong(tag.offset, format!("data sets of at most {MAX_DATASETS} structures"), "more"));
            }
            self.message.datasets.push(id.clone());
        }
        let wanted = self.wanted.as_ref().or(self.message.datasets.first());
        if wanted.is_some_and(|wanted| *wanted != id) {
            return Ok(Element::Skip);
        }
        if let Some(action) = action.filter(|action| action.eq_ignore_ascii_case("delete")) {
            return Err(wrong_with(
                tag.offset,
                "an action that gives data (`Append`, `Replace`, `Information`, `Merge`)",
                quoted(&action),
                "ask for the data, not for its changes",
            ));
        }
        let structure = self.message.structure(reference.as_deref());
        self.observation_dimension = structure.and_then(|structure| structure.observation_dimension.clone());
        self.told = [false; LEVELS];
        sink.open(Level::DataSet, tag.offset)?;
        if self.shape == Shape::Specific {
            let mut attributes = tag.attributes();
            while let Some(attribute) = attributes.next()? {
                if !DATASET_OWN.contains(&attribute.name) && is_own(attribute.name) {
                    sink.value(Level::DataSet, Kind::Any, attribute)?;
                }
            }
        }
        Ok(Element::DataSet)
    }

    #[inline]
    fn part(&mut self, level: Level, tag: &Tag<'_>, sink: &mut impl Sink) -> Outcome<Element> {
        self.told[Level::DataSet as usize] |= level != Level::Group;
        match level {
            Level::Obs => self.told[Level::Series as usize] = true,
            Level::Series => self.told[Level::Series as usize] = false,
            _ => {}
        }
        sink.open(level, tag.offset)?;
        if self.shape == Shape::Specific {
            let mut attributes = tag.attributes();
            while let Some(attribute) = attributes.next()? {
                if is_own(attribute.name) {
                    let kind = if attribute.name == "OBS_VALUE" { Kind::Value } else { Kind::Any };
                    sink.value(level, kind, attribute)?;
                }
            }
        }
        Ok(Element::Part(level))
    }

    /// Whether what is said of a whole series or data set comes before its observations.
    fn in_time(&self, level: Level, tag: &Tag<'_>) -> Outcome<()> {
        match self.told[level as usize] {
            true => Err(wrong(tag.offset, "attributes before what they hold for", format!("`<{}>`", tag.local()))),
            false => Ok(()),
        }
    }

    fn generic_value(&mut self, level: Level, kind: Kind, tag: &Tag<'_>, sink: &mut impl Sink) -> Outcome<()> {
        let (mut id, mut value) = (None, None);
        let mut attributes = tag.attributes();
        while let Some(attribute) = attributes.next()? {
            match attribute.name {
                "id" => id = Some(attribute),
                "value" => value = Some(attribute),
                _ => {}
            }
        }
        match (id, value) {
            (Some(id), Some(value)) if id.plain && !id.raw.is_empty() => {
                sink.value(level, kind, Attribute { name: id.raw, ..value })
            }
            _ => Err(wrong(tag.offset, "a value with `id` and `value`", "one without")),
        }
    }

    fn observed(&mut self, level: Level, tag: &Tag<'_>, sink: &mut impl Sink) -> Outcome<()> {
        let mut attributes = tag.attributes();
        while let Some(attribute) = attributes.next()? {
            if attribute.name == "value" {
                return sink.value(level, Kind::Value, Attribute { name: "OBS_VALUE", ..attribute });
            }
        }
        // Stated, and empty: as if it were left out.
        Ok(())
    }

    fn observation_key(&mut self, tag: &Tag<'_>, sink: &mut impl Sink) -> Outcome<()> {
        let (mut name, mut value) = (None, None);
        let mut attributes = tag.attributes();
        while let Some(attribute) = attributes.next()? {
            match attribute.name {
                "id" if attribute.plain => name = Some(attribute.raw),
                "value" => value = Some(attribute),
                _ => {}
            }
        }
        let name = match (name, self.observation_dimension.as_deref()) {
            (Some(name), _) => name,
            (None, Some("AllDimensions")) => {
                return Err(wrong(tag.offset, "`ObsDimension` with an `id`", "one without"));
            }
            (None, stated) => stated.unwrap_or("TIME_PERIOD"),
        };
        match value {
            Some(value) => sink.value(Level::Obs, Kind::Key, Attribute { name, ..value }),
            None => Err(wrong(tag.offset, "`ObsDimension` with a `value`", "one without")),
        }
    }

    fn complex(&mut self, level: Level, tag: &Tag<'_>) -> Outcome<Element> {
        self.in_time(level, tag)?;
        let Some(id) = tag.get("id")?.filter(|id| !id.is_empty()) else {
            return Err(wrong(tag.offset, "`Comp` with an `id`", "one without"));
        };
        self.complex = (id.into_owned(), Vec::new(), 0, None);
        Ok(Element::Complex(level))
    }

    #[inline]
    fn close(&mut self, element: Element, sink: &mut impl Sink) -> Outcome<()> {
        use Element::*;
        match element {
            Part(level) => return sink.close(level),
            DataSet => return sink.close(Level::DataSet),
            Message | Header | Structure | Footer | Skip | Values(..) => return Ok(()),
            Complex(level) => {
                let (id, texts, offset, _) = std::mem::take(&mut self.complex);
                let kind = if id == "OBS_VALUE" { Kind::Value } else { Kind::Any };
                let text = texts.join(";");
                return sink.value(level, kind, Attribute { name: &id, raw: &text, offset, plain: true });
            }
            _ => {}
        }
        let text = self.text.trim();
        match element {
            Prepared => self.message.prepared = Some(text.to_owned()).filter(|text| !text.is_empty()),
            Title if !text.is_empty() => {
                let asked = self.language.is_some() && self.language == self.text_language;
                if asked || self.message.title.is_none() {
                    self.message.title = Some(text.to_owned());
                }
            }
            DataSetId => keep(&mut self.message.dataset_ids, text),
            Action => self.message.action = Some(text.to_owned()),
            Source => keep(&mut self.message.notes, text),
            Artefact | Urn => {
                if let (Some(id), Some(structure)) = (artefact(text), self.message.structures.last_mut()) {
                    structure.artefact = Some(id.to_owned());
                }
            }
            FooterText => {
                if let Some((_, _, texts)) = &mut self.message.footer {
                    keep(texts, text);
                }
            }
            FooterMessage => self.message.close_footer(),
            Fault => keep(&mut self.message.fault, text),
            ComplexText => {
                let asked = self.language.is_some() && self.language == self.text_language;
                if asked || self.complex.3.is_none() {
                    self.complex.3 = Some(text.to_owned());
                }
            }
            ComplexValue => {
                if self.complex.1.is_empty() {
                    self.complex.2 = self.text_offset;
                }
                let text = self.complex.3.take().unwrap_or_else(|| text.to_owned());
                self.complex.1.push(text);
            }
            _ => {}
        }
        self.text.clear();
        self.text_offset = 0;
        Ok(())
    }

    fn take_text(&mut self, text: &str, offset: u64) -> Outcome<()> {
        use Element::*;
        match self.stack.last() {
            None | Some(Skip | Message | Header | Structure | Footer | FooterMessage) => return Ok(()),
            Some(DataSet | Part(_) | Values(..) | Complex(_)) => {
                return match text.trim_ascii() {
                    "" => Ok(()),
                    found => Err(wrong(offset, "an element", quoted(found))),
                };
            }
            Some(_) => {}
        }
        if self.text.len() + text.len() > MAX_TEXT_BYTES {
            return Err(wrong(offset, format!("a text of at most {MAX_TEXT_BYTES} bytes"), "a longer one"));
        }
        if self.text.is_empty() {
            self.text_offset = offset + (text.len() - text.trim_ascii_start().len()) as u64;
        }
        self.text.push_str(text);
        Ok(())
    }
}

fn short_enough(id: &str, tag: &Tag<'_>) -> Outcome<()> {
    match id.len() > MAX_ID_BYTES {
        true => Err(wrong(tag.offset, format!("an id of at most {MAX_ID_BYTES} bytes"), quoted(id))),
        false => Ok(()),
    }
}

/// Attributes of a data set's tag that are SDMX's own, in messages that write them without a prefix.
const DATASET_OWN: [&str; 10] = [
    "action",
    "setID",
    "structureRef",
    "dataScope",
    "validFromDate",
    "validToDate",
    "reportingBeginDate",
    "reportingEndDate",
    "publicationYear",
    "publicationPeriod",
];

/// Whether a tag's attribute is the data's own: those with a prefix (`xsi:type`, `ss:dataScope`) are XML's or SDMX's.
#[inline]
fn is_own(name: &str) -> bool {
    local(name).len() == name.len() && name != "xmlns"
}
