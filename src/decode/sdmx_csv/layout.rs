//! What the header says: which column is what.
//!
//! SDMX-CSV does not mark dimensions. What stands before `OBS_VALUE`, and `TIME_PERIOD` wherever it stands, is
//! taken for a dimension, the rest for attributes, which is how most writers order them; the hint `dimensions`
//! names them where a writer does not. The hint `value` names a measure that is not called `OBS_VALUE`; other
//! measures are attributes then, or dimensions where they stand before it, which `dimensions` sets right. A name with brackets or a dot (`ATTR[]`, `CONTACT.NAME`) is never a dimension's.

use std::collections::BTreeMap;

use crate::decode::fields::Field;
use crate::decode::notice::unexpected;
use crate::decode::records::{Block, Charset};
use crate::decode::{ACTION, DecodeError, Hints, TIME_PERIOD, is_reserved};

pub(super) const EXPECTED: &str = "an SDMX-CSV header that begins with `DATAFLOW` or `STRUCTURE`";

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// What says nothing of the single cell: structure, its kind, time of the update, keys that repeat the dimensions,
    /// labels.
    Ignored,
    /// A dimension of another structure.
    Absent,
    /// `ACTION`.
    Action,
    Dimension,
    Value,
    Flag,
    Confidentiality,
    Attribute,
}

/// A column of the message.
pub(super) struct Column {
    /// Its name in the decoded table.
    pub name: String,
    pub role: Role,
    /// Whether its fields hold `CODE: Label`.
    pub labelled: bool,
}

/// The columns of a message.
pub(super) struct Layout {
    pub columns: Vec<Column>,
    /// Where `DATAFLOW` or `STRUCTURE_ID` stands.
    pub structure: usize,
    /// Where `OBS_VALUE` stands.
    pub value: usize,
    pub action: Option<usize>,
    /// Where `LAST UPDATE` stands.
    pub updated: Option<usize>,
    /// Where `STRUCTURE_NAME` stands.
    pub title: Option<usize>,
    /// Dimension → its label.
    pub labels: BTreeMap<String, String>,
}

/// The separator of a message that begins like this: what follows the first name.
pub(super) fn separator(head: &[u8]) -> Option<u8> {
    let head = head.trim_ascii_start();
    let quoted = head.strip_prefix(b"\"");
    let text = quoted.unwrap_or(head);
    let rest = match text.strip_prefix(b"DATAFLOW") {
        Some(rest) => rest,
        None => {
            let rest = text.strip_prefix(b"STRUCTURE")?;
            match rest.strip_prefix(b"[") {
                // The sub-field separator is one character.
                Some(inner) => &inner[inner.iter().take(6).position(|byte| *byte == b']')? + 1..],
                None => rest,
            }
        }
    };
    let rest = if quoted.is_some() { rest.strip_prefix(b"\"")? } else { rest };
    rest.first().copied().filter(|byte| b",;\t|".contains(byte))
}

impl Layout {
    /// Reads the header.
    pub fn new(head: &Block, names: &[Field], charset: Charset, hints: &Hints) -> Result<Self, DecodeError> {
        let (hinted, measure) = (&hints.dimensions, hints.value.as_deref().unwrap_or("OBS_VALUE"));
        let mut header =
            Header { charset, head, hinted, measure, columns: Vec::with_capacity(names.len()), found: Vec::new() };
        if names.is_empty() {
            return Err(unexpected(&head.bytes, EXPECTED));
        }
        let mut labels = BTreeMap::new();
        for field in names {
            if let Some((dimension, label)) = header.column(*field)? {
                labels.insert(dimension, label);
            }
        }
        let Header { columns, found, .. } = header;
        let place = |wanted: Meaning| found.iter().position(|meaning| *meaning == wanted);
        let Some(structure) = place(Meaning::Structure) else {
            let hint = "it says of each row which structure it is of";
            return Err(head.wrong(0, "a column `STRUCTURE_ID`", &head.bytes, Some(hint.into())));
        };
        let Some(value) = place(Meaning::Plain(Role::Value)) else {
            let hint = match &hints.value {
                Some(_) => "correct the hint `value`",
                None => {
                    "if the message has a measure of another name, say which one is meant: `value`; one of attributes \
                     only is not decoded"
                }
            };
            return Err(head.wrong(0, format!("a column `{measure}`"), &head.bytes, Some(hint.into())));
        };
        let is_there = |name: &String| {
            columns.iter().any(|column| column.role == Role::Dimension && column.name == own_name(name))
        };
        if let Some(missing) = hinted.iter().find(|name| !is_there(name)) {
            let hint = "correct the hint `dimensions`";
            return Err(head.wrong(0, format!("a dimension `{missing}`"), &head.bytes, Some(hint.into())));
        }
        Ok(Layout {
            structure,
            value,
            action: place(Meaning::Plain(Role::Action)),
            updated: place(Meaning::Updated),
            title: place(Meaning::Title),
            labels,
            columns,
        })
    }

    /// How many of the first columns say what a row is of.
    pub fn lead(&self) -> usize {
        let is_key = |column: &&Column| matches!(column.role, Role::Ignored | Role::Action | Role::Dimension);
        self.columns.iter().take_while(is_key).count()
    }

    /// Names of the dimensions, in the message's order.
    pub fn dimensions(&self) -> Vec<String> {
        self.names(|role| role == Role::Dimension)
    }

    /// Names of the attributes, `ACTION` among them.
    pub fn attributes(&self) -> Vec<String> {
        self.names(|role| matches!(role, Role::Attribute | Role::Action))
    }

    fn names(&self, is_wanted: impl Fn(Role) -> bool) -> Vec<String> {
        let wanted = self.columns.iter().filter(|column| is_wanted(column.role));
        wanted.map(|column| column.name.clone()).collect()
    }

    /// Takes dimensions out that the chosen structure does not have: those of these columns.
    pub fn leave_out(&mut self, empty: &[usize]) {
        for at in empty {
            let column = &mut self.columns[*at];
            if column.role == Role::Dimension {
                column.role = Role::Absent;
                self.labels.remove(&column.name);
            }
        }
    }
}

/// What a name of the header means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// `STRUCTURE`: the kind of the structure.
    Kind,
    /// `DATAFLOW` or `STRUCTURE_ID`.
    Structure,
    /// `STRUCTURE_NAME`.
    Title,
    /// `LAST UPDATE`.
    Updated,
    /// `SERIES_KEY`, `OBS_KEY`: the dimensions again.
    Key,
    /// Labels of the codes in the column before.
    Label,
    /// What its role says.
    Plain(Role),
}

/// A header being read.
struct Header<'h> {
    charset: Charset,
    head: &'h Block,
    hinted: &'h [String],
    /// Name of the column of observed values.
    measure: &'h str,
    columns: Vec<Column>,
    found: Vec<Meaning>,
}

impl Header<'_> {
    /// Adds a column; a dimension's label if the field gives one.
    fn column(&mut self, field: Field) -> Result<Option<(String, String)>, DecodeError> {
        let bytes = field.bytes(self.head);
        let text = self.charset.text(&bytes, self.head, field.start)?;
        let (id, label) = match text.split_once(": ") {
            Some((id, label)) => (id.trim(), Some(label.trim())),
            None => (text.trim(), None),
        };
        let meaning = self.meaning(id, field)?;
        if meaning == Meaning::Label {
            let of = self.columns.last().filter(|column| column.role == Role::Dimension);
            let named = of.map(|column| (column.name.clone(), text.trim().to_owned()));
            self.add(meaning, String::new(), false);
            return Ok(named);
        }
        if !matches!(meaning, Meaning::Key | Meaning::Plain(Role::Dimension | Role::Attribute))
            && self.found.contains(&meaning)
        {
            return Err(self.head.wrong(field.start, "one column of this meaning", id.as_bytes(), None));
        }
        let name = match meaning {
            Meaning::Plain(Role::Dimension) => own_name(id),
            _ => id,
        };
        if self.columns.iter().any(|column| column.name == name) {
            return Err(self.head.wrong(field.start, "each column once", name.as_bytes(), None));
        }
        if matches!(meaning, Meaning::Plain(Role::Attribute | Role::Dimension))
            && (is_reserved(name) || name.is_empty())
        {
            return Err(self.head.wrong(field.start, "a column of another name", name.as_bytes(), None));
        }
        let named = label.filter(|_| meaning == Meaning::Plain(Role::Dimension));
        let named = named.map(|label| (name.to_owned(), label.to_owned()));
        // Of several values in a field, each has its own label: what is kept as written is kept whole.
        self.add(meaning, name.to_owned(), label.is_some() && !id.ends_with(']'));
        Ok(named)
    }

    fn add(&mut self, meaning: Meaning, name: String, labelled: bool) {
        let role = match meaning {
            Meaning::Plain(role) => role,
            _ => Role::Ignored,
        };
        self.found.push(meaning);
        self.columns.push(Column { name, role, labelled });
    }

    fn meaning(&self, id: &str, field: Field) -> Result<Meaning, DecodeError> {
        let Some(before) = self.found.last() else {
            return match id {
                "DATAFLOW" => Ok(Meaning::Structure),
                _ if id == "STRUCTURE" || id.starts_with("STRUCTURE[") => Ok(Meaning::Kind),
                _ => Err(unexpected(&self.head.bytes, EXPECTED)),
            };
        };
        // With `labels=name` each column of ids, from the structure's on, has one of names behind it.
        let names_follow = self.found.contains(&Meaning::Title);
        let has_names =
            !matches!(before, Meaning::Title | Meaning::Label | Meaning::Key | Meaning::Plain(Role::Action));
        if names_follow && has_names {
            return Ok(Meaning::Label);
        }
        // `ATTR[]` has several values in a field, `ATTR[en;fr]` several languages.
        let (base, is_list) = match id.strip_suffix(']').and_then(|inner| inner.rsplit_once('[')) {
            Some((base, _)) => (base, true),
            None => (id, false),
        };
        Ok(match base {
            "STRUCTURE_ID" => Meaning::Structure,
            "STRUCTURE_NAME" => Meaning::Title,
            "LAST UPDATE" => Meaning::Updated,
            ACTION => Meaning::Plain(Role::Action),
            measure if measure == self.measure && is_list => {
                let hint = "several values in a field are not decoded: ask the source for one value an observation";
                return Err(self.head.wrong(
                    field.start,
                    format!("one `{measure}` in a field"),
                    id.as_bytes(),
                    Some(hint.into()),
                ));
            }
            measure if measure == self.measure => Meaning::Plain(Role::Value),
            "OBS_FLAG" | "OBS_STATUS" => Meaning::Plain(Role::Flag),
            "CONF_STATUS" => Meaning::Plain(Role::Confidentiality),
            "TIME_PERIOD" => Meaning::Plain(Role::Dimension),
            _ if self.hinted.iter().any(|dimension| dimension == id) => Meaning::Plain(Role::Dimension),
            "SERIES_KEY" | "OBS_KEY" => Meaning::Key,
            _ if is_list || id.contains('.') || !self.hinted.is_empty() => Meaning::Plain(Role::Attribute),
            _ if self.found.contains(&Meaning::Plain(Role::Value)) => Meaning::Plain(Role::Attribute),
            _ => Meaning::Plain(Role::Dimension),
        })
    }
}

/// The name that a dimension has in the decoded table.
fn own_name(id: &str) -> &str {
    match id {
        "TIME_PERIOD" => TIME_PERIOD,
        id => id,
    }
}
