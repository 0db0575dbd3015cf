//! Decoded membership export → canonical memberships (DESIGN 4.3).
//!
//! What identifies a natural person leaves this room only as a keyed hash; their name, website and
//! municipality not at all. Who has no tax number with the form of a legal entity's may be one.
//! Messages and quarantine name the line and the field, never what stands in it: people write
//! names and telephones into any column.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, UInt64Type};
use jiff::civil::Date;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::quarantine::{Kept, Quarantine};
use super::{Counts, NormaliseError, Normalised, Origin, nif};
use crate::decode::{CELL, ROW};
use crate::spec::{Codelists, Members};

/// Columns of a canonical membership.
pub fn membership_schema() -> SchemaRef {
    let text = |name: &str, nullable: bool| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("pipeline", false),
        text("dataset", false),
        text("cluster", false),
        text("member", false),
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
    municipalities: HashMap<String, (String, String)>,
    /// What became of the rows so far.
    pub counts: Counts,
}

/// One canonical membership.
struct Member {
    member: String,
    name: Option<String>,
    nif_valid: Option<bool>,
    activity: Option<String>,
    municipality: Option<String>,
    region: Option<String>,
    size_class: Option<&'static str>,
    joined: Option<Date>,
    left: Option<Date>,
    website: Option<String>,
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
        let mut municipalities = HashMap::new();
        if let Some(list) = codelists.get("municipalities")
            && let (Some(code), Some(region), Some(label)) =
                (list.column("code"), list.column("region"), list.column("label"))
        {
            for row in &list.rows {
                municipalities.insert(folded(&row[label]), (row[code].clone(), row[region].clone()));
            }
        }
        MemberNormaliser {
            members,
            codelists,
            origin,
            hash_key: blake3::derive_key("tejido 2026 members' tax numbers", hash_key.as_bytes()),
            provenance: if synthetic { "synthetic" } else { "official" },
            municipalities,
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

    fn member(&self, record: &Record<'_>, at: usize) -> Fate {
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
            Some(None) => return unknown(format!("`{}` is no code of CNAE-2009", self.members.activity)),
            Some(division) => division,
            None => None,
        };
        let mut days = [None, None];
        let columns = [(record.joined, &self.members.joined), (record.left, &self.members.left)];
        for (day, (column, field)) in days.iter_mut().zip(columns) {
            match record.text(column, at).map(|text| Date::strptime(&self.members.date_format, text)) {
                Some(Err(_)) => {
                    return unknown(format!("`{field}` is no date of the form `{}`", self.members.date_format));
                }
                Some(Ok(date)) => *day = Some(date),
                None => {}
            }
        }
        let (municipality, region) = self.place(record, at);
        let is_entity = nif.as_ref().is_some_and(|nif| nif.entity);
        let public = |text: Option<String>| text.filter(|_| is_entity);
        let identity = match &nif {
            Some(nif) => format!("nif:{}", nif.number),
            // Without a number only the name is left to tell members apart.
            None => format!("name:{}", folded(name)),
        };
        Fate::Member(Box::new(Member {
            member: blake3::keyed_hash(&self.hash_key, identity.as_bytes()).to_hex()[..32].to_owned(),
            name: public(Some(name.to_owned())),
            nif_valid: nif_text.map(|_| nif.is_some_and(|nif| nif.valid)),
            activity,
            municipality: public(municipality),
            region,
            size_class: record.text(record.employees, at).and_then(size_class),
            joined: days[0],
            left: days[1],
            website: public(record.website.and_then(|column| record.text(column, at)).map(str::to_owned)),
            row: record.rows.value(at),
            cell: record.cells.value(at),
        }))
    }

    /// `62.01`, `6201`, `62` → the division `62`, if NACE has it.
    fn division(&self, text: &str) -> Option<String> {
        let digits: String = text.chars().filter(|c| !matches!(c, '.' | ' ')).collect();
        let division = digits.get(..2)?;
        let is_code = digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
        (is_code && self.codelists.get("sectors")?.contains(division)).then(|| division.to_owned())
    }

    /// Municipality code and region: from the name, else the region from the postal code's province.
    fn place(&self, record: &Record<'_>, at: usize) -> (Option<String>, Option<String>) {
        let by_name = record.text(record.municipality, at).and_then(|name| self.municipalities.get(&folded(name)));
        if let Some((code, region)) = by_name {
            return (Some(code.clone()), Some(region.clone()));
        }
        let province = record
            .postal_code
            .and_then(|column| record.text(column, at))
            .filter(|code| code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit()))
            .map(|code| &code[..2]);
        let region = province.and_then(|province| {
            let list = self.codelists.get("provinces")?;
            Some(list.row(province)?[list.column("region")?].clone())
        });
        (None, region)
    }

    fn table(&self, members: &[Member]) -> Result<RecordBatch, arrow::error::ArrowError> {
        let rows = members.len();
        let same =
            |value: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows))) };
        let text = |field: fn(&Member) -> Option<&str>| -> ArrayRef {
            Arc::new(members.iter().map(field).collect::<StringArray>())
        };
        let days = |field: fn(&Member) -> Option<Date>| -> ArrayRef {
            Arc::new(members.iter().map(|member| field(member).map(days_since_1970)).collect::<Date32Array>())
        };
        let columns: Vec<ArrayRef> = vec![
            same(&self.origin.pipeline),
            same(&self.origin.dataset),
            same(&self.members.cluster),
            text(|member| Some(&member.member)),
            text(|member| member.name.as_deref()),
            Arc::new(members.iter().map(|member| member.nif_valid).collect::<BooleanArray>()),
            text(|member| member.activity.as_deref()),
            // CNAE-2009 is NACE Rev. 2 down to the fourth digit.
            text(|member| member.activity.as_ref().map(|_| "NACE_R2")),
            text(|member| member.municipality.as_deref()),
            text(|member| member.region.as_deref()),
            text(|member| member.size_class),
            days(|member| member.joined),
            days(|member| member.left),
            text(|member| member.website.as_deref()),
            Arc::new(
                TimestampMicrosecondArray::from_value(self.origin.fetched_at.as_microsecond(), rows)
                    .with_timezone("UTC"),
            ),
            same(&self.origin.snapshot),
            Arc::new(UInt64Array::from_iter_values(members.iter().map(|member| member.row))),
            Arc::new(UInt64Array::from_iter_values(members.iter().map(|member| member.cell))),
            same(self.provenance),
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

/// Text as it is compared: lower case, without accents, single blanks.
fn folded(text: &str) -> String {
    let plain: String = text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
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
    let mut groups = folded.split('.');
    let first = groups.next().filter(|group| (1..=3).contains(&group.len()) || !folded.contains('.'))?;
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        digits.push_str(group);
    }
    match digits.parse::<u32>().ok()? {
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
            ("1,5", None),
        ] {
            assert_eq!(size_class(text), class, "{text}");
        }
    }

    #[test]
    fn names_are_compared_without_accents() {
        assert_eq!(folded("  Astillero,  EL"), "astillero, el");
        assert_eq!(folded("Íñigo"), "inigo");
    }

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(days_since_1970(Date::constant(1970, 1, 2)), 1);
        assert_eq!(days_since_1970(Date::constant(2024, 3, 1)), 19783);
    }
}
