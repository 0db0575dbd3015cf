//! SDMX-CSV 1.0 and 2.0 with ids (`labels=id`), with labels in the same field (`both`, `CODE: Label`) or
//! in a column of their own (`name`).
//!
//! Specification: sdmx-twg/sdmx-csv, `data-message/docs/sdmx-csv-field-guide.md`. In 1.0 the first
//! column is `DATAFLOW`, in 2.0 `STRUCTURE` (with `[;]` after it, a sub-field separator, where
//! several values may stand in one field) followed by `STRUCTURE_ID` and `ACTION`. Neither says
//! which columns are dimensions and which attributes. What stands before `OBS_VALUE`, and
//! `TIME_PERIOD` wherever it stands, is taken for a dimension, the rest for attributes, which is how
//! most writers order them; the hint `dimensions` names them where a writer does not. Eurostat adds `LAST UPDATE` (`DD/MM/YY HH:MM:SS`).

use std::sync::Arc;

use super::columns::{Observations, number};
use super::notice::unexpected;
use super::parallel::tables;
use super::records::{Block, Blocks, Charset, Field, each_record, header};
use super::{DecodeError, Hints, Metadata, Source, TIME_PERIOD, Table, observation_schema};

const EXPECTED: &str = "an SDMX-CSV header that begins with `DATAFLOW` or `STRUCTURE`";

/// Whether a payload begins like this format.
pub(super) fn recognises(head: &[u8]) -> bool {
    head.starts_with(b"DATAFLOW,") || head.starts_with(b"STRUCTURE,") || head.starts_with(b"STRUCTURE[")
}

pub(super) fn open(source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    let charset = Charset::new(hints)?;
    let mut blocks = Blocks::new(source.stream(hints)?, true)?;
    let (head, names) = header(&mut blocks, b',', EXPECTED)?;
    let layout = Layout::new(&head, &names, charset, &hints.dimensions)?;
    let schema = observation_schema(&layout.names(Role::Dimension), &layout.names(Role::Attribute));
    let mut metadata = Metadata::default();
    let mut structure = Vec::new();
    if let Some(first) = blocks.peek()? {
        structure = layout.describe(&first, charset, &mut metadata)?;
    }
    let batch_schema = schema.clone();
    let shared = Arc::new((layout, structure));
    let parser = move || {
        let (shared, schema) = (shared.clone(), batch_schema.clone());
        let mut columns = Observations::new(shared.0.count(Role::Dimension), shared.0.count(Role::Attribute));
        move |block: Block| {
            let (layout, structure) = shared.as_ref();
            let width = Some(layout.columns.len());
            each_record(&block, b',', width, |fields, _| layout.row(&block, fields, charset, structure, &mut columns))?;
            columns.take(&schema)
        }
    };
    Ok(Table { metadata, schema, batches: tables(blocks, parser) })
}

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// `DATAFLOW` or `STRUCTURE_ID`.
    Structure,
    /// `LAST UPDATE`.
    Updated,
    /// `ACTION`.
    Action,
    /// `STRUCTURE`: the kind of the structure.
    Kind,
    /// Names of the ids in the column before.
    Label,
    Dimension,
    Value,
    Flag,
    Confidentiality,
    Attribute,
}

struct Column {
    name: String,
    role: Role,
    /// Whether its fields hold `CODE: Label`.
    labelled: bool,
}

struct Layout {
    columns: Vec<Column>,
}

impl Layout {
    fn new(head: &Block, names: &[Field], charset: Charset, dimensions: &[String]) -> Result<Self, DecodeError> {
        let mut columns: Vec<Column> = Vec::with_capacity(names.len());
        let mut value_seen = false;
        for field in names {
            let text = charset.text(&head.bytes[field.start..field.end], head, field.start)?;
            let (id, labelled) = match text.split_once(": ") {
                Some((id, _)) => (id.trim().to_owned(), true),
                None => (text.trim().to_owned(), false),
            };
            // With `labels=name` each column of ids, from the structure's on, has one of names behind it.
            let names_follow = columns.iter().any(|column| column.role == Role::Label);
            let before = columns.last().map(|column| column.role);
            let is_name = names_follow && !matches!(before, Some(Role::Label | Role::Action) | None);
            let role = match id.as_str() {
                _ if is_name => Role::Label,
                "DATAFLOW" | "STRUCTURE_ID" => Role::Structure,
                "LAST UPDATE" => Role::Updated,
                "ACTION" => Role::Action,
                "OBS_VALUE" => Role::Value,
                "OBS_FLAG" | "OBS_STATUS" => Role::Flag,
                "CONF_STATUS" => Role::Confidentiality,
                "TIME_PERIOD" => Role::Dimension,
                "STRUCTURE_NAME" => Role::Label,
                name if name.starts_with("STRUCTURE") && columns.is_empty() => Role::Kind,
                _ if columns.is_empty() => return Err(unexpected(&head.bytes, EXPECTED)),
                name if !dimensions.is_empty() => match dimensions.iter().any(|dimension| dimension == name) {
                    true => Role::Dimension,
                    false => Role::Attribute,
                },
                _ if value_seen => Role::Attribute,
                _ => Role::Dimension,
            };
            let is_single = matches!(
                role,
                Role::Structure | Role::Updated | Role::Action | Role::Value | Role::Flag | Role::Confidentiality
            );
            if is_single && columns.iter().any(|column| column.role == role) {
                return Err(head.wrong(field.start, "one column of this meaning", id.as_bytes(), None));
            }
            value_seen |= role == Role::Value;
            let name = match (role, id.as_str()) {
                (Role::Dimension, "TIME_PERIOD") => TIME_PERIOD.to_owned(),
                _ => id,
            };
            if role != Role::Label && columns.iter().any(|column| column.name == name && column.role != Role::Label) {
                return Err(head.wrong(field.start, "each column once", name.as_bytes(), None));
            }
            if matches!(role, Role::Attribute | Role::Dimension) && super::is_reserved(&name) {
                return Err(head.wrong(field.start, "a column of another name", name.as_bytes(), None));
            }
            columns.push(Column { name, role, labelled });
        }
        if !value_seen {
            return Err(head.wrong(0, "a column `OBS_VALUE`", &head.bytes, None));
        }
        Ok(Layout { columns })
    }

    fn names(&self, role: Role) -> Vec<String> {
        let of_role = self.columns.iter().filter(|column| column.role == role);
        of_role.map(|column| column.name.clone()).collect()
    }

    fn count(&self, role: Role) -> usize {
        self.columns.iter().filter(|column| column.role == role).count()
    }

    /// What the first record says of the whole; the structure as it is written there.
    fn describe(&self, first: &Block, charset: Charset, metadata: &mut Metadata) -> Result<Vec<u8>, DecodeError> {
        let mut structure = Vec::new();
        each_record(first, b',', None, |fields, _| {
            for (column, field) in self.columns.iter().zip(fields) {
                let bytes = &first.bytes[field.start..field.end];
                let text = |bytes| charset.text(bytes, first, field.start).map(|text| Some(text.into_owned()));
                match column.role {
                    Role::Structure => {
                        structure = bytes.to_vec();
                        metadata.dataset = text(dataset(bytes))?;
                    }
                    Role::Updated => metadata.updated = text(bytes)?,
                    _ => {}
                }
            }
            Ok(())
        })?;
        Ok(structure)
    }

    fn row(
        &self,
        block: &Block,
        fields: &[Field],
        charset: Charset,
        structure: &[u8],
        columns: &mut Observations,
    ) -> Result<(), DecodeError> {
        let (mut dimension, mut attribute) = (0, 0);
        let (mut has_flag, mut has_confidentiality) = (false, false);
        for (column, field) in self.columns.iter().zip(fields) {
            // By far most fields are codes as they stand.
            if !column.labelled && !field.escaped && field.end > field.start {
                let texts = match column.role {
                    Role::Updated | Role::Kind | Role::Label => continue,
                    Role::Dimension => {
                        dimension += 1;
                        Some(&mut columns.dimensions[dimension - 1])
                    }
                    Role::Flag => {
                        has_flag = true;
                        Some(&mut columns.flags)
                    }
                    Role::Confidentiality => {
                        has_confidentiality = true;
                        Some(&mut columns.confidentiality)
                    }
                    _ => None,
                };
                if let Some(texts) = texts {
                    texts.push_field(charset, block, field.start, field.end)?;
                    continue;
                }
            }
            let whole = field.bytes(block);
            let text: &[u8] = match column.labelled {
                true => whole.windows(2).position(|pair| pair == b": ").map_or(&whole[..], |end| &whole[..end]),
                false => &whole,
            };
            match column.role {
                Role::Kind | Role::Updated | Role::Label => {}
                Role::Structure => {
                    // All rows mostly have it to the letter.
                    let is_same =
                        whole.as_ref() == structure || structure.is_empty() || dataset(text) == dataset(structure);
                    if !is_same {
                        let expected = format!("rows of `{}` only", String::from_utf8_lossy(dataset(structure)));
                        let hint = "ask for one dataset at a time";
                        return Err(block.wrong(field.start, expected, text, Some(hint.into())));
                    }
                }
                Role::Action => {
                    if !matches!(text, b"I" | b"A" | b"R" | b"M" | b"") {
                        let expected = "an action that gives data (`I`, `A`, `R`, `M`)";
                        return Err(block.wrong(
                            field.start,
                            expected,
                            text,
                            Some("ask for the data, not for its changes".into()),
                        ));
                    }
                }
                Role::Dimension => {
                    if text.is_empty() {
                        let expected = format!("a code of `{}`", column.name);
                        return Err(block.wrong(field.start, expected, b"", None));
                    }
                    columns.dimensions[dimension].push(text, charset, block, field.start)?;
                    dimension += 1;
                }
                Role::Value => {
                    let blanks = text.len() - text.trim_ascii_start().len();
                    let value = match text.trim_ascii() {
                        b"" | b":" | b"NaN" => None,
                        text => Some(
                            number(text)
                                .ok_or_else(|| block.wrong(field.start, "a number with a decimal point", text, None))?,
                        ),
                    };
                    columns.push(value, block.offset + (field.start + blanks) as u64);
                }
                Role::Flag => {
                    has_flag = true;
                    columns.flags.push_nullable(text, charset, block, field.start)?;
                }
                Role::Confidentiality => {
                    has_confidentiality = true;
                    columns.confidentiality.push_nullable(text, charset, block, field.start)?;
                }
                Role::Attribute => {
                    columns.attributes[attribute].push_nullable(text, charset, block, field.start)?;
                    attribute += 1;
                }
            }
        }
        if !has_flag {
            columns.flags.push_null();
        }
        if !has_confidentiality {
            columns.confidentiality.push_null();
        }
        Ok(())
    }
}

/// `ESTAT:ISOC_R_EB_AIN2(1.0)` → `ISOC_R_EB_AIN2`, with or without a label behind it.
fn dataset(structure: &[u8]) -> &[u8] {
    let id = structure.split(|byte| *byte == b'(').next().unwrap_or(structure);
    id.rsplit(|byte| *byte == b':').next().unwrap_or(id)
}
