//! Decoded membership export → canonical memberships (DESIGN 4.3).
//!
//! What identifies a natural person leaves this room only as a keyed hash; their name, website and
//! municipality not at all. Who has no tax number with the form of a legal entity's may be one.
//! Messages and quarantine name the line and the field, never what stands in it: people write
//! names and telephones into any column.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, DictionaryArray, RecordBatch, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, TimeUnit, UInt64Type};
use jiff::civil::Date;

use super::names::{folded, matching};
use super::places::Places;
use super::quarantine::{Kept, Quarantine};
use super::{Counts, NormaliseError, Normalised, Origin, constant, dictionary, nif};
use crate::decode::{CELL, ROW};
use crate::spec::{Codelists, Members};

/// Columns of a canonical membership.
pub fn membership_schema() -> SchemaRef {
    let text = |name: &str, nullable: bool| Field::new(name, dictionary(), nullable);
    Arc::new(Schema::new(vec![
        text("pipeline", false),
        text("dataset", false),
        text("cluster", false),
        text("member", false),
        text("identified_by", false),
        text("name_key", false),
        Field::new("duplicate_of", DataType::UInt64, true),
        text("name", true),
        Field::new("nif_valid", DataType::Boolean, true),
        text("activity", true),
        text("sector_scheme", true),
        text("municipality", true),
        text("region", true),
        text("size_class", true),
        Field::new("joined", DataType::Date32, true),
        Field::new("left_on", DataType::Date32, true),
        text("website", true),
        text("declared_forces", true),
        Field::new("vintage", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        text("snapshot", false),
        Field::new("row", DataType::UInt64, false),
        Field::new("cell", DataType::UInt64, false),
        text("provenance", false),
    ]))
}

/// Makes the batches of one export canonical.
pub struct MemberNormaliser<'a> {
    members: &'a Members,
    codelists: &'a Codelists,
    origin: Origin,
    hash_key: [u8; 32],
    provenance: &'static str,
    places: Places<'a>,
    /// What the export calls each driving force, as it is compared, with its code.
    forces: HashMap<String, String>,
    /// The first row of each member, and of each name with the number that it came with.
    seen: HashMap<String, u64>,
    names: HashMap<String, (u64, Option<String>)>,
    /// What became of the rows so far.
    pub counts: Counts,
}

/// One canonical membership.
struct Member {
    member: String,
    /// Whether the tax number or only the name tells this member from others.
    identified_by: &'static str,
    /// Keyed hash of the name as it is compared: two spellings of one name have the same.
    name_key: String,
    /// The row of this export that has the same number, or the same name with no other number.
    duplicate_of: Option<u64>,
    name: Option<String>,
    nif_valid: Option<bool>,
    activity: Option<String>,
    municipality: Option<String>,
    region: Option<String>,
    size_class: Option<&'static str>,
    joined: Option<Date>,
    left: Option<Date>,
    website: Option<String>,
    /// Codes of the driving forces that it says it serves, sorted, with blanks between them.
    forces: Option<String>,
    row: u64,
    cell: u64,
}

impl<'a> MemberNormaliser<'a> {
    /// `synthetic` says that the sample delivered the export.
    pub fn new(
        members: &'a Members,
        codelists: &'a Codelists,
        origin: Origin,
        hash_key: &str,
        synthetic: bool,
    ) -> Self {
        MemberNormaliser {
            members,
            codelists,
            origin,
            hash_key: blake3::derive_key("tejido 2026 members' tax numbers", hash_key.as_bytes()),
            provenance: if synthetic { "synthetic" } else { "official" },
            places: Places::new(codelists),
            forces: members.force_names.iter().map(|(name, code)| (folded(name), code.clone())).collect(),
            seen: HashMap::new(),
            names: HashMap::new(),
            counts: Counts::default(),
        }
    }

    /// Makes one decoded batch canonical.
    pub fn batch(&mut self, batch: &RecordBatch) -> Result<Normalised, NormaliseError> {
        let record = Record::new(batch, self.members)?;
        self.counts.decoded += batch.num_rows() as u64;
        let mut quarantine = Quarantine::default();
        let mut loaded = Vec::with_capacity(batch.num_rows());
        for at in 0..batch.num_rows() {
            match self.member(&record, at) {
                Fate::Member(member) => loaded.push(*member),
                Fate::Filtered => self.counts.filtered += 1,
                Fate::Unknown { reason, found } => {
                    let row = record.rows.value(at);
                    let kept = Kept {
                        cell: record.cells.value(at),
                        reason,
                        found,
                        suggestion: None,
                        key: format!("row={row}"),
                        value: None,
                    };
                    quarantine.keep(kept, &mut self.counts);
                }
            }
        }
        self.counts.loaded += loaded.len() as u64;
        if !loaded.is_empty() {
            *self.counts.provenance.entry(self.provenance.to_owned()).or_default() += loaded.len() as u64;
        }
        Ok(Normalised { rows: self.table(&loaded)?, quarantined: quarantine.finish(&self.origin)? })
    }

    fn member(&mut self, record: &Record<'_>, at: usize) -> Fate {
        if record.is_blank(at) {
            return Fate::Filtered;
        }
        let name = record.text(record.name, at);
        if name.is_some_and(|name| self.members.drop_names.iter().any(|drop| folded(drop) == folded(name))) {
            return Fate::Filtered;
        }
        let Some(name) = name else {
            return Fate::Unknown { reason: format!("`{}` is empty", self.members.name), found: None };
        };
        let nif_text = record.text(record.nif, at);
        let nif = nif_text.and_then(nif::parse);
        let unknown = |reason: String| Fate::Unknown { reason, found: None };
        let activity = match record.text(record.activity, at).map(|text| self.division(text)) {
            Some(None) => {
                let scheme = self.members.activity_scheme.name();
                return unknown(format!("`{}` is no code of {scheme}", self.members.activity));
            }
            Some(division) => division,
            None => None,
        };
        let mut days = [None, None];
        let columns = [(record.joined, &self.members.joined), (record.left, &self.members.left)];
        for (day, (column, field)) in days.iter_mut().zip(columns) {
            match record.text(column, at).map(|text| self.day(text)) {
                Some(None) => {
                    return unknown(format!("`{field}` is no date of the form `{}`", self.members.date_format));
                }
                Some(date) => *day = date,
                None => {}
            }
        }
        let forces = match record.forces.and_then(|column| record.text(column, at)).map(|text| self.forces(text)) {
            Some(None) => {
                let field = self.members.forces.as_deref().unwrap_or_default();
                return unknown(format!("`{field}` has a force that `[members.force_names]` does not name"));
            }
            Some(forces) => forces,
            None => None,
        };
        let place = self
            .places
            .find(record.text(record.municipality, at), record.postal_code.and_then(|column| record.text(column, at)));
        let is_entity = nif.as_ref().is_some_and(|nif| nif.entity);
        let public = |text: Option<String>| text.filter(|_| is_entity);
        let (identified_by, identity) = match &nif {
            Some(nif) => ("number", format!("nif:{}", nif.number)),
            // Without a number only the name is left to tell members apart.
            None => ("name", format!("name:{}", matching(name))),
        };
        let member = self.hashed(&identity);
        let name_key = self.hashed(&format!("name:{}", matching(name)));
        let row = record.rows.value(at);
        let duplicate_of = self.duplicate(&member, &name_key, nif.as_ref().map(|nif| nif.number.as_str()), row);
        Fate::Member(Box::new(Member {
            member,
            identified_by,
            name_key,
            duplicate_of,
            name: public(Some(name.to_owned())),
            nif_valid: nif_text.map(|_| nif.is_some_and(|nif| nif.valid)),
            activity,
            municipality: public(place.municipality),
            region: place.region,
            size_class: record.text(record.employees, at).and_then(size_class),
            joined: days[0],
            left: days[1],
            website: public(record.website.and_then(|column| record.text(column, at)).map(str::to_owned)),
            forces,
            row,
            cell: record.cells.value(at),
        }))
    }

    fn hashed(&self, identity: &str) -> String {
        blake3::keyed_hash(&self.hash_key, identity.as_bytes()).to_hex()[..32].to_owned()
    }

    /// The earlier row of the same member: one with the same number, or with the same name unless both have numbers,
    /// which then differ.
    fn duplicate(&mut self, member: &str, name_key: &str, number: Option<&str>, row: u64) -> Option<u64> {
        let same_member = self.seen.get(member).copied();
        self.seen.entry(member.to_owned()).or_insert(row);
        let (first, its_number) =
            self.names.entry(name_key.to_owned()).or_insert_with(|| (row, number.map(str::to_owned)));
        let same_name = (*first != row && (number.is_none() || its_number.is_none())).then_some(*first);
        same_member.or(same_name)
    }

    /// A day as the pipeline says that it is written, or as ISO 8601 does, which cannot be taken for another one.
    fn day(&self, text: &str) -> Option<Date> {
        let iso = || text.parse().ok().filter(|_| text.len() == "2026-12-31".len());
        Date::strptime(&self.members.date_format, text).ok().or_else(iso)
    }

    /// `62.01`, `6201`, `62` → the division `62`, if the classification has the code. A class may be one that only the
    /// national classification has.
    fn division(&self, text: &str) -> Option<String> {
        let digits: String = text.chars().filter(|c| !matches!(c, '.' | ' ')).collect();
        let division = digits.get(..2).filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        let scheme = self.members.activity_scheme;
        let has = |list: &str, scheme: &str, code: &str| {
            self.codelists.get(list).is_some_and(|list| list.contains_in(scheme, code))
        };
        let is_known = match digits.len() {
            2 => true,
            3 => has("activities", scheme.nace(), &digits),
            4 => has("activities", scheme.nace(), &digits) || has("national_activities", scheme.name(), &digits),
            _ => false,
        };
        (is_known && has("sectors", scheme.nace(), division)).then(|| division.to_owned())
    }

    /// The codes of the declared forces, each once and in their order, with blanks between them; none where one has a name
    /// that the pipeline does not give.
    fn forces(&self, text: &str) -> Option<String> {
        let names = text.split([',', ';']).map(folded).filter(|name| !name.is_empty());
        let codes: Option<BTreeSet<&str>> = names.map(|name| self.forces.get(&name).map(String::as_str)).collect();
        codes.filter(|codes| !codes.is_empty()).map(|codes| codes.into_iter().collect::<Vec<_>>().join(" "))
    }

    fn table(&self, members: &[Member]) -> Result<RecordBatch, arrow::error::ArrowError> {
        let rows = members.len();
        let text = |field: fn(&Member) -> Option<&str>| -> ArrayRef {
            Arc::new(members.iter().map(field).collect::<DictionaryArray<Int32Type>>())
        };
        let days = |field: fn(&Member) -> Option<Date>| -> ArrayRef {
            Arc::new(members.iter().map(|member| field(member).map(days_since_1970)).collect::<Date32Array>())
        };
        let columns: Vec<ArrayRef> = vec![
            constant(&self.origin.pipeline, rows)?,
            constant(&self.origin.dataset, rows)?,
            constant(&self.members.cluster, rows)?,
            text(|member| Some(&member.member)),
            text(|member| Some(member.identified_by)),
            text(|member| Some(&member.name_key)),
            Arc::new(members.iter().map(|member| member.duplicate_of).collect::<UInt64Array>()),
            text(|member| member.name.as_deref()),
            Arc::new(members.iter().map(|member| member.nif_valid).collect::<BooleanArray>()),
            text(|member| member.activity.as_deref()),
            {
                let scheme = self.members.activity_scheme.nace();
                let schemes = members.iter().map(|member| member.activity.as_ref().map(|_| scheme));
                Arc::new(schemes.collect::<DictionaryArray<Int32Type>>())
            },
            text(|member| member.municipality.as_deref()),
            text(|member| member.region.as_deref()),
            text(|member| member.size_class),
            days(|member| member.joined),
            days(|member| member.left),
            text(|member| member.website.as_deref()),
            text(|member| member.forces.as_deref()),
            Arc::new(
                TimestampMicrosecondArray::from_value(self.origin.fetched_at.as_microsecond(), rows)
                    .with_timezone("UTC"),
            ),
            constant(&self.origin.snapshot, rows)?,
            Arc::new(UInt64Array::from_iter_values(members.iter().map(|member| member.row))),
            Arc::new(UInt64Array::from_iter_values(members.iter().map(|member| member.cell))),
            constant(self.provenance, rows)?,
        ];
        RecordBatch::try_new(membership_schema(), columns)
    }
}

/// What becomes of one row of an export.
enum Fate {
    Member(Box<Member>),
    Filtered,
    Unknown { reason: String, found: Option<String> },
}

/// The columns of a decoded batch by their meaning.
struct Record<'b> {
    batch: &'b RecordBatch,
    name: usize,
    nif: usize,
    activity: usize,
    municipality: usize,
    postal_code: Option<usize>,
    employees: usize,
    joined: usize,
    left: usize,
    website: Option<usize>,
    forces: Option<usize>,
    rows: &'b UInt64Array,
    cells: &'b UInt64Array,
}

impl<'b> Record<'b> {
    fn new(batch: &'b RecordBatch, members: &Members) -> Result<Self, arrow::error::ArrowError> {
        let schema = batch.schema_ref();
        let optional = |name: &Option<String>| name.as_ref().map(|name| schema.index_of(name)).transpose();
        Ok(Record {
            batch,
            name: schema.index_of(&members.name)?,
            nif: schema.index_of(&members.nif)?,
            activity: schema.index_of(&members.activity)?,
            municipality: schema.index_of(&members.municipality)?,
            postal_code: optional(&members.postal_code)?,
            employees: schema.index_of(&members.employees)?,
            joined: schema.index_of(&members.joined)?,
            left: schema.index_of(&members.left)?,
            website: optional(&members.website)?,
            forces: optional(&members.forces)?,
            rows: batch.column(schema.index_of(ROW)?).as_primitive::<UInt64Type>(),
            cells: batch.column(schema.index_of(CELL)?).as_primitive::<UInt64Type>(),
        })
    }

    fn text(&self, column: usize, at: usize) -> Option<&'b str> {
        let array = self.batch.column(column).as_string::<i32>();
        array.is_valid(at).then(|| array.value(at).trim()).filter(|text| !text.is_empty())
    }

    /// Whether every decoded field is empty.
    fn is_blank(&self, at: usize) -> bool {
        let text_columns = self.batch.num_columns() - 2;
        (0..text_columns).all(|column| self.text(column, at).is_none())
    }
}

/// A number of employees, with a dot between thousands, or a band `de 50 a 249`; none for anything else
/// (`n.d.`), which is unknown and not an error.
fn size_class(text: &str) -> Option<&'static str> {
    let folded = folded(text);
    let band: Vec<&str> = folded.split(' ').collect();
    match band.as_slice() {
        ["de", "10", "a", "49"] | ["10-49"] => return Some("10-49"),
        ["de", "50", "a", "249"] | ["50-249"] => return Some("50-249"),
        ["de", "0", "a", "9"] | ["menos", "de", "10"] | ["0-9"] => return Some("0-9"),
        ["mas", "de", "249"] | ["250", "o", "mas"] | ["250", "y", "mas"] => return Some("GE250"),
        _ => {}
    }
    // A decimal comma: the average of a year.
    let (whole, fraction) = folded.split_once(',').unwrap_or((folded.as_str(), "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = whole.split('.');
    let first = groups.next().filter(|group| (1..=3).contains(&group.len()) || !whole.contains('.'))?;
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        digits.push_str(group);
    }
    match digits.parse::<u32>().ok().filter(|_| is_fraction)? {
        0..=9 => Some("0-9"),
        10..=49 => Some("10-49"),
        50..=249 => Some("50-249"),
        250.. => Some("GE250"),
    }
}

fn days_since_1970(date: Date) -> i32 {
    (date - Date::constant(1970, 1, 1)).get_days()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn employees_become_size_classes() {
        for (text, class) in [
            ("9", Some("0-9")),
            ("87", Some("50-249")),
            ("1.250", Some("GE250")),
            ("De 50 a 249", Some("50-249")),
            ("250 o más", Some("GE250")),
            ("n.d.", None),
            ("12.5", None),
            ("1,5", Some("0-9")),
            ("9,9", Some("0-9")),
            ("1.249,75", Some("GE250")),
            ("1,x", None),
        ] {
            assert_eq!(size_class(text), class, "{text}");
        }
    }

    #[test]
    fn declared_forces_become_codes() {
        let text = r#"
            cluster = "c"
            activity_scheme = "CNAE-2009"
            date_format = "%d/%m/%Y"
            name = "a"
            nif = "b"
            activity = "c"
            municipality = "d"
            employees = "e"
            joined = "f"
            left = "g"
            forces = "h"
            force_names = { "Computación cuántica" = "quantum_computing", IA = "artificial_intelligence", Nube = "cloud" }
        "#;
        let members: Members = toml::from_str(text).unwrap();
        let codelists = Codelists::default();
        let origin = Origin {
            pipeline: "p".into(),
            dataset: "d".into(),
            snapshot: "s".into(),
            fetched_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let normaliser = MemberNormaliser::new(&members, &codelists, origin, "key", true);
        for (text, codes) in [
            ("nube; COMPUTACION CUANTICA,Nube", Some("cloud quantum_computing")),
            ("IA", Some("artificial_intelligence")),
            ("IA, blockchain", None),
            (",", None),
        ] {
            assert_eq!(normaliser.forces(text).as_deref(), codes, "{text}");
        }
    }

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(days_since_1970(Date::constant(1970, 1, 2)), 1);
        assert_eq!(days_since_1970(Date::constant(2024, 3, 1)), 19783);
    }
}
