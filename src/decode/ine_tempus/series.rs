//! The series of a Tempus document and their observations, one after the other.

use super::super::columns::number;
use super::super::json::{Kind, Reader, Token};
use super::super::notice::{shortened, unexpected};
use super::super::{DecodeError, Hints, NamePart, Source};
use super::period::{Part, named, year};

pub(super) const EXPECTED: &str = "INE's Tempus JSON, a series or a list of series with `Data`";

/// More variables than any table has.
const MAX_MEMBERS: usize = 64;

/// More text than the notes of one series or observation have.
const MAX_NOTE_BYTES: usize = 1 << 20;

/// Where a series stands in one variable.
#[derive(Debug, Default)]
pub(super) struct Member {
    pub variable: String,
    pub code: String,
    pub name: String,
}

/// What is said of a series, as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// Where it begins.
    pub offset: u64,
    pub cod: String,
    pub name: String,
    pub unit: String,
    pub scale: String,
    pub notes: Vec<String>,
    pub members: Vec<Member>,
    /// Whether one of the above came after the observations.
    pub is_late: bool,
    has_data: bool,
    /// Whether the declared part of the name is among the members.
    has_part: bool,
    status: Option<String>,
}

/// The last observation.
#[derive(Debug, Default)]
pub(super) struct Observation {
    pub value: Option<f64>,
    pub cell: u64,
    pub is_secret: bool,
    /// As SDMX writes it.
    pub period: String,
    /// `T3_TipoDato` or `FK_TipoDato`, as written.
    pub kind: String,
    pub notes: String,
}

/// What a member of an observation is about: there are millions of them.
#[derive(Debug, Clone, Copy)]
enum Name {
    Value,
    Secret,
    Year,
    Part,
    Period,
    Kind,
    Notes,
    Other,
}

impl Name {
    fn of(name: &[u8]) -> Name {
        match name {
            b"Valor" => Name::Value,
            b"Secreto" => Name::Secret,
            b"Anyo" => Name::Year,
            b"FK_Periodo" | b"T3_Periodo" | b"Periodo" => Name::Part,
            b"NombrePeriodo" => Name::Period,
            b"T3_TipoDato" | b"FK_TipoDato" | b"TipoDato" => Name::Kind,
            b"Notas" => Name::Notes,
            _ => Name::Other,
        }
    }
}

/// What has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Observation,
    EndOfSeries,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    List,
    Series,
    Data,
    After,
}

/// Reads a document.
pub(super) struct Document {
    reader: Reader,
    name_part: Option<NamePart>,
    /// The variables of `MetaData` that are dimensions; none for all.
    dimensions: Vec<String>,
    place: Place,
    /// Whether the document is one series and no list.
    pub is_single: bool,
    pub series: Series,
    pub observation: Observation,
}

impl Document {
    pub fn new(source: &Source, hints: &Hints) -> Result<Self, DecodeError> {
        let reader = Reader::new(source.stream(hints)?)?;
        if !matches!(reader.head().trim_ascii_start().first(), Some(b'{' | b'[')) {
            return Err(unexpected(reader.head(), EXPECTED));
        }
        let (series, observation) = (Series::default(), Observation::default());
        let (name_part, dimensions) = (hints.name_part.clone(), hints.dimensions.clone());
        Ok(Document { reader, name_part, dimensions, place: Place::Start, is_single: false, series, observation })
    }

    /// Reads on to the next event.
    pub fn next(&mut self) -> Result<Event, DecodeError> {
        loop {
            let token = self.reader.next()?;
            match (self.place, token.kind) {
                (Place::Start, Kind::BeginArray) => self.place = Place::List,
                (Place::Start | Place::List, Kind::BeginObject) => {
                    self.is_single = self.place == Place::Start;
                    self.series = Series { offset: token.offset, ..Series::default() };
                    self.place = Place::Series;
                }
                (Place::List, Kind::EndArray) => self.place = Place::After,
                (Place::Series, Kind::EndObject) => {
                    self.check_series()?;
                    self.take_part()?;
                    self.place = if self.is_single { Place::After } else { Place::List };
                    return Ok(Event::EndOfSeries);
                }
                (Place::Series, _) => self.member(&token)?,
                (Place::Data, Kind::BeginObject) => {
                    self.observe(token)?;
                    return Ok(Event::Observation);
                }
                (Place::Data, Kind::EndArray) => self.place = Place::Series,
                (Place::After, Kind::End) => return Ok(Event::End),
                (Place::Data, _) => return Err(self.wrong(&token, "an observation in braces", None)),
                _ => return Err(self.wrong(&token, "a series in braces", None)),
            }
        }
    }

    fn check_series(&self) -> Result<(), DecodeError> {
        let series = &self.series;
        if let (Some(status), false) = (&series.status, series.has_data) {
            return Err(DecodeError::Format {
                expected: EXPECTED.to_owned(),
                found: format!("a message of the source: `{}`", shortened(status)),
                hint: Some("ask for less at a time (`nult`, `date`, `tv`), or look the table up at the source".into()),
            });
        }
        if !series.has_data {
            return Err(self.wrong_at(series.offset, "a series with `Data`", "none", None));
        }
        if series.cod.is_empty() && series.name.is_empty() {
            return Err(self.wrong_at(series.offset, "a series with `COD` or `Nombre`", "neither", None));
        }
        Ok(())
    }

    /// Makes the declared part of the name a member like those of `MetaData`, once the name is known.
    fn take_part(&mut self) -> Result<(), DecodeError> {
        let Some(rule) = self.name_part.as_ref().filter(|_| !self.series.has_part) else {
            return Ok(());
        };
        let name = self.series.name.trim().trim_end_matches('.');
        let parts: Vec<&str> = name.split(rule.separator.as_str()).map(str::trim).collect();
        let at = rule.take.get(&parts.len().to_string()).and_then(|number| number.checked_sub(1));
        let Some(part) = at.and_then(|at| parts.get(at)).filter(|part| !part.is_empty()) else {
            let counts: Vec<&str> = rule.take.keys().map(String::as_str).collect();
            let expected = format!("a name of {} parts, of which one is `{}`", counts.join(" or "), rule.dimension);
            let found = format!("{} of {}", quoted(&self.series.name), parts.len());
            let hint = "`name_part.take` says which part is taken of a name of so many";
            return Err(self.wrong_at(self.series.offset, &expected, &found, Some(hint)));
        };
        let text = (*part).to_owned();
        let member = Member { variable: rule.dimension.clone(), code: text.clone(), name: text };
        self.series.members.push(member);
        self.series.has_part = true;
        Ok(())
    }

    /// A member of a series' object, whose name is `key`.
    fn member(&mut self, key: &Token) -> Result<(), DecodeError> {
        let name = self.reader.str(key)?.into_owned();
        let value = self.reader.next()?;
        match name.as_str() {
            "COD" => self.series.cod = self.text(&value)?,
            "Nombre" => self.series.name = self.text(&value)?,
            _ if value.kind == Kind::Null && name != "Data" => return Ok(()),
            "T3_Unidad" | "FK_Unidad" | "Unidad" => self.series.unit = self.label(&value)?.name,
            "T3_Escala" | "FK_Escala" | "Escala" => self.series.scale = self.label(&value)?.name,
            "Notas" => self.series.notes = self.notes(&value)?,
            // Added to the part of the name, which may be there already.
            "MetaData" => {
                let mut members = self.members(&value)?;
                members.retain(|member| self.dimensions.is_empty() || self.dimensions.contains(&member.variable));
                self.series.members.extend(members);
            }
            "status" => self.series.status = Some(self.text(&value)?),
            "Data" => {
                match value.kind {
                    Kind::BeginArray => self.place = Place::Data,
                    Kind::Null => {}
                    _ => return Err(self.wrong(&value, "a list of observations", None)),
                }
                self.series.has_data = true;
                // A long series gives rows before its end.
                return if self.series.name.is_empty() { Ok(()) } else { self.take_part() };
            }
            _ => return self.reader.skip(value),
        }
        self.series.is_late |= self.series.has_data && name != "Notas" && name != "status";
        Ok(())
    }

    /// An observation whose brace was the last token.
    fn observe(&mut self, begin: Token) -> Result<(), DecodeError> {
        let mut found = Observation::default();
        let mut cell = None;
        let mut secret_at = None;
        let mut of_year: Option<u16> = None;
        let mut own_year: Option<u16> = None;
        let mut part: Option<Part> = None;
        let mut whole = None;
        loop {
            let key = self.reader.next()?;
            if key.kind == Kind::EndObject {
                break;
            }
            let name = Name::of(self.reader.bytes(&key));
            let value = self.reader.next()?;
            match name {
                Name::Value => (found.value, cell) = self.value(&value).map(|(value, cell)| (value, Some(cell)))?,
                Name::Secret => {
                    found.is_secret = match value.kind {
                        Kind::True => true,
                        Kind::False | Kind::Null => false,
                        _ => return Err(self.wrong(&value, "`true` or `false`", None)),
                    };
                    secret_at = Some(value.offset);
                }
                Name::Year => {
                    let text = self.text(&value)?;
                    of_year = year(&text);
                    if of_year.is_none() && value.kind != Kind::Null {
                        return Err(self.wrong(&value, "a year of four digits", None));
                    }
                }
                Name::Part if value.kind != Kind::Null => {
                    let said = self.part(&value)?;
                    if part.is_some_and(|part| part != said.0) {
                        return Err(self.wrong_at(value.offset, "one period", "two that differ", None));
                    }
                    (part, own_year) = (Some(said.0), own_year.or(said.1));
                }
                Name::Period if value.kind != Kind::Null => {
                    let text = self.text(&value)?;
                    let Some((year, part, remark)) = named(&text) else {
                        return Err(self.wrong(&value, "a known period, such as `2021`, `2021M03` or `2021T1`", None));
                    };
                    whole = Some((year, part));
                    if found.kind.is_empty() {
                        found.kind = remark.to_owned();
                    }
                }
                Name::Kind if value.kind != Kind::Null => {
                    found.kind = self.label(&value)?.name;
                }
                Name::Notes => found.notes = self.notes(&value)?.join("; "),
                _ => self.reader.skip(value)?,
            }
        }
        if let (Some(year), Some(own)) = (of_year, own_year)
            && year != own
        {
            return Err(self.wrong_at(begin.offset, "one year", &format!("{year} and {own}"), None));
        }
        found.period = match (of_year.or(own_year), part, whole) {
            (Some(year), Some(part), _) | (_, _, Some((year, part))) => part.of_year(year),
            _ => {
                let expected = "`Anyo` with `T3_Periodo` or `FK_Periodo`, or `NombrePeriodo`";
                return Err(self.wrong_at(begin.offset, expected, "neither", None));
            }
        };
        // Of a figure that is kept secret the mark may be all that there is.
        let Some(cell) = cell.or(secret_at.filter(|_| found.is_secret)) else {
            return Err(self.wrong_at(begin.offset, "an observation with `Valor`", "none", None));
        };
        found.cell = cell;
        self.observation = found;
        Ok(())
    }

    fn value(&self, token: &Token) -> Result<(Option<f64>, u64), DecodeError> {
        match token.kind {
            Kind::Null => return Ok((None, token.offset)),
            Kind::Number => {
                if let Some(value) = number(self.reader.bytes(token)) {
                    return Ok((Some(value), token.offset));
                }
            }
            // The mark stands behind the quote.
            Kind::Text if matches!(self.reader.bytes(token), b"" | b"." | b"..") => {
                return Ok((None, token.offset + 1));
            }
            _ => {}
        }
        Err(self.wrong(token, "a number or `null`", None))
    }

    /// The part of a year, and the year where it is said in the same place.
    fn part(&mut self, token: &Token) -> Result<(Part, Option<u16>), DecodeError> {
        let place = *token;
        let label = self.label(token)?;
        let by_number = |text: &str| text.parse().ok().and_then(Part::of_number);
        let known = match place.kind {
            Kind::Number => by_number(&label.name).map(|part| (part, None)),
            Kind::BeginObject => by_number(&label.code).map(|part| (part, None)),
            _ => Part::of_code(&label.name)
                .map(|part| (part, None))
                .or_else(|| year(&label.name).map(|year| (Part::Year, Some(year)))),
        };
        known.ok_or_else(|| {
            let said = if place.kind == Kind::BeginObject { &label.code } else { &label.name };
            let hint = "its number is not known: ask for the table with `tip=A`, which names its periods";
            let hint = (place.kind != Kind::Text).then_some(hint);
            self.wrong_at(place.offset, "a known period", &quoted(said), hint)
        })
    }

    /// `MetaData`: one member a variable.
    fn members(&mut self, first: &Token) -> Result<Vec<Member>, DecodeError> {
        let mut members = Vec::new();
        match first.kind {
            Kind::Null => return Ok(members),
            Kind::BeginArray => {}
            _ => return Err(self.wrong(first, "a list of variables", None)),
        }
        loop {
            let token = self.reader.next()?;
            match token.kind {
                Kind::EndArray => return Ok(members),
                Kind::BeginObject if members.len() < MAX_MEMBERS => {}
                Kind::BeginObject => {
                    let expected = format!("at most {MAX_MEMBERS} variables");
                    return Err(self.wrong_at(token.offset, &expected, "more", None));
                }
                _ => return Err(self.wrong(&token, "a variable in braces", None)),
            }
            let mut member = Member::default();
            loop {
                let key = self.reader.next()?;
                if key.kind == Kind::EndObject {
                    break;
                }
                let name = self.reader.str(&key)?.into_owned();
                let value = self.reader.next()?;
                match name.as_str() {
                    "T3_Variable" | "Variable" => member.variable = self.label(&value)?.name,
                    "Nombre" => member.name = self.text(&value)?,
                    "Codigo" => member.code = self.text(&value)?,
                    _ => self.reader.skip(value)?,
                }
            }
            if member.code.is_empty() {
                member.code.clone_from(&member.name);
            }
            if member.variable.is_empty() || member.code.is_empty() {
                let expected = "a member with `T3_Variable` or `Variable`, and `Nombre`";
                return Err(self.wrong_at(token.offset, expected, "one without", None));
            }
            members.push(member);
        }
    }

    /// Something named: its text, or an object with `Nombre` and `Id` (which is then the code).
    fn label(&mut self, token: &Token) -> Result<Member, DecodeError> {
        let mut found = Member::default();
        if token.kind != Kind::BeginObject {
            found.name = self.text(token)?;
            return Ok(found);
        }
        loop {
            let key = self.reader.next()?;
            if key.kind == Kind::EndObject {
                return Ok(found);
            }
            let name = self.reader.str(&key)?.into_owned();
            let value = self.reader.next()?;
            match name.as_str() {
                "Nombre" => found.name = self.text(&value)?,
                "Id" => found.code = self.text(&value)?,
                _ => self.reader.skip(value)?,
            }
        }
    }

    fn notes(&mut self, first: &Token) -> Result<Vec<String>, DecodeError> {
        let mut notes = Vec::new();
        let mut bytes = 0;
        if first.kind != Kind::BeginArray {
            notes.push(self.text(first)?);
        } else {
            loop {
                let token = self.reader.next()?;
                match token.kind {
                    Kind::EndArray => break,
                    Kind::BeginObject => loop {
                        let key = self.reader.next()?;
                        if key.kind == Kind::EndObject {
                            break;
                        }
                        let is_text = self.reader.str(&key)? == "texto";
                        let value = self.reader.next()?;
                        match is_text {
                            true => notes.push(self.text(&value)?),
                            false => self.reader.skip(value)?,
                        }
                    },
                    _ => notes.push(self.text(&token)?),
                }
                bytes += notes.last().map_or(0, |note| note.len() + 24);
                if bytes > MAX_NOTE_BYTES {
                    let expected = format!("notes of at most {MAX_NOTE_BYTES} bytes");
                    return Err(self.wrong_at(token.offset, &expected, "more", None));
                }
            }
        }
        notes.retain(|note| !note.is_empty());
        Ok(notes)
    }

    /// A text or number as written, without blanks around it; nothing for `null`.
    fn text(&self, token: &Token) -> Result<String, DecodeError> {
        match token.kind {
            Kind::Text => Ok(self.reader.str(token)?.trim().to_owned()),
            Kind::Number => Ok(String::from_utf8_lossy(self.reader.bytes(token)).into_owned()),
            Kind::Null => Ok(String::new()),
            _ => Err(self.wrong(token, "a text", None)),
        }
    }

    fn wrong(&self, token: &Token, expected: &str, hint: Option<&str>) -> DecodeError {
        self.wrong_at(token.offset, expected, &quoted(&String::from_utf8_lossy(self.reader.bytes(token))), hint)
    }

    /// Something at a place of the document is wrong.
    pub fn wrong_at(&self, offset: u64, expected: &str, found: &str, hint: Option<&str>) -> DecodeError {
        self.reader.wrong_at(offset, expected, found, hint)
    }
}

/// The beginning of a text, for a message.
fn quoted(text: &str) -> String {
    format!("`{}`", shortened(text).chars().take(100).collect::<String>())
}
