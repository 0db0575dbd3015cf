//! The first reading of a JSON-stat document: everything but the values.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value};

use crate::decode::json::{Kind, Reader, Token};
use crate::decode::{DecodeError, Hints, MAX_DIMENSIONS, Metadata, Source, TIME_PERIOD, notice};
use crate::error::nearest;

const EXPECTED: &str = "a JSON-stat dataset";

/// Cells of one cube; the largest tables of statistical offices have some hundred millions.
const MAX_CELLS: u64 = 1 << 40;

/// Statuses up to this index are kept in a list, two bytes each; those of larger cubes by index.
const LISTED: u64 = 1 << 26;

/// The list has at most so many places for each status, or one status of a far cell would fill memory.
const PLACES: u64 = 64;

/// Indices up to this one are ticked off in a bit set (32 MiB at the most).
const COUNTED: u64 = 1 << 28;

/// What a document says besides its values.
pub(super) struct Description {
    pub layout: Layout,
    pub metadata: Metadata,
    pub statuses: Statuses,
}

/// Where the values are and what they belong to.
pub(super) struct Layout {
    /// Member of the document that is the dataset; none when the document is.
    pub path: Option<String>,
    pub dimensions: Vec<Dimension>,
    /// Product of the sizes.
    pub cells: u64,
}

pub(super) struct Dimension {
    name: String,
    pub codes: Vec<String>,
}

impl Layout {
    /// The dimensions' names.
    pub fn names(&self) -> Vec<String> {
        self.dimensions.iter().map(|dimension| dimension.name.clone()).collect()
    }
}

/// Statuses by flat index; each is taken once.
#[derive(Default)]
pub(super) struct Statuses {
    texts: Vec<String>,
    numbers: HashMap<String, u16>,
    /// Number of the status plus one, by index.
    listed: Vec<u16>,
    further: HashMap<u64, u16>,
    /// One status for all cells that have a value.
    all: Option<String>,
    remaining: u64,
    /// Indices that had a value, for objects of values: a bit set, and those beyond it.
    seen: Vec<u64>,
    seen_further: HashSet<u64>,
}

impl Statuses {
    /// Keeps the status of a cell; whether it is the first one, or none when there are too many different ones.
    fn insert(&mut self, index: u64, status: &str) -> Option<bool> {
        if status.is_empty() {
            return Some(true);
        }
        let number = match self.numbers.get(status) {
            Some(number) => *number,
            None => {
                let number = u16::try_from(self.texts.len() + 1).ok()?;
                self.texts.push(status.to_owned());
                self.numbers.insert(status.to_owned(), number);
                number
            }
        };
        let before = self.far(index);
        let before = if index < LISTED.min(PLACES * (self.remaining + 1)) {
            let at = index as usize;
            if at >= self.listed.len() {
                self.listed.resize(at + 1, 0);
            }
            std::mem::replace(&mut self.listed[at], number).max(before)
        } else {
            self.further.insert(index, number);
            before
        };
        self.remaining += u64::from(before == 0);
        Some(before == 0)
    }

    /// Takes the number of a status that is not in the list; 0 if there is none.
    fn far(&mut self, index: u64) -> u16 {
        match self.further.is_empty() {
            true => 0,
            false => self.further.remove(&index).unwrap_or_default(),
        }
    }

    /// The status of a cell, which is then forgotten.
    pub fn take(&mut self, index: u64) -> Option<&str> {
        let number = match self.listed.get_mut(index as usize) {
            Some(number) if *number > 0 => std::mem::take(number),
            _ => self.far(index),
        };
        if number == 0 {
            return self.all.as_deref();
        }
        self.remaining -= 1;
        self.texts.get(usize::from(number) - 1).map(String::as_str)
    }

    /// Statuses that have not been taken.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Notes that a cell has a value; false if it had one before.
    pub fn see(&mut self, index: u64) -> bool {
        if index >= COUNTED {
            return self.seen_further.insert(index);
        }
        let (word, bit) = ((index / 64) as usize, 1u64 << (index % 64));
        if word >= self.seen.len() {
            self.seen.resize(word + 1, 0);
        }
        let first = self.seen[word] & bit == 0;
        self.seen[word] |= bit;
        first
    }
}

/// JSON with neither values nor datasets.
fn without_values(members: &Map<String, Value>, head: &[u8]) -> DecodeError {
    match members.get("class").and_then(Value::as_str) {
        Some("dataset") => DecodeError::Format {
            expected: "a JSON-stat dataset with a member `value`".into(),
            found: "the description of a dataset, without values".into(),
            hint: Some("ask the source for the data, not for its structure".into()),
        },
        _ => notice::unexpected(head, EXPECTED),
    }
}

/// Members of a dataset, as far as they have been read.
#[derive(Default)]
struct Parts {
    members: Map<String, Value>,
    /// How many members `value` there are, and whether any of them is a list.
    values: usize,
    has_list: bool,
    statuses: Statuses,
}

/// Reads everything but the values.
pub(super) fn describe(source: &Source, hints: &Hints) -> Result<Description, DecodeError> {
    let mut reader = Reader::new(source.stream(hints)?)?;
    if reader.head().trim_ascii_start().first() != Some(&b'{') {
        return Err(notice::unexpected(reader.head(), EXPECTED));
    }
    let head = reader.head()[..reader.head().len().min(2000)].to_vec();
    let mut root = Parts::default();
    // Datasets of a bundle: objects of the document that have dimensions of their own.
    let mut bundle: Vec<(String, Parts)> = Vec::new();
    let first = reader.next()?;
    debug_assert_eq!(first.kind, Kind::BeginObject);
    loop {
        let token = reader.next()?;
        if token.kind == Kind::EndObject {
            break;
        }
        let key = reader.str(&token)?.into_owned();
        let value = reader.next()?;
        let is_member =
            ["value", "status", "dimension", "id", "size", "role", "extension", "link", "note"].contains(&key.as_str());
        if value.kind == Kind::BeginObject && !is_member {
            let mut parts = Parts::default();
            while let Some((member, token)) = next_member(&mut reader)? {
                parts.read(&mut reader, member, token)?;
            }
            bundle.push((key, parts));
        } else {
            root.read(&mut reader, key, value)?;
        }
    }
    let end = reader.next()?;
    debug_assert_eq!(end.kind, Kind::End);
    bundle.retain(|(_, parts)| parts.members.contains_key("dimension"));
    let refused =
        |found: String, hint: String| DecodeError::Format { expected: EXPECTED.into(), found, hint: Some(hint) };
    if root.members.contains_key("dimension") && root.members.get("class") != Some(&Value::from("dimension")) {
        return root.description(None, &head);
    }
    if root.members.get("class") == Some(&Value::from("collection")) {
        let links = links(&root.members);
        let hint = match links.is_empty() {
            true => "fetch the datasets that it lists one by one".into(),
            false => format!("fetch one of its datasets: {}", links.join(", ")),
        };
        return Err(refused("a JSON-stat collection, which has no values".into(), hint));
    }
    let names: Vec<&str> = bundle.iter().map(|(name, _)| name.as_str()).collect();
    if let Some((_, name)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        let hint = "nothing tells the two apart: ask the source for one dataset at a time";
        return Err(refused(format!("a bundle with two datasets `{name}`"), hint.into()));
    }
    let chosen = match (&hints.dataset, names.as_slice()) {
        (_, []) => return Err(without_values(&root.members, &head)),
        (Some(wanted), names) => match names.iter().position(|name| name == wanted) {
            Some(at) => at,
            None => {
                let near = nearest(wanted, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                let hint = near.unwrap_or_else(|| format!("there are {}", names.join(", ")));
                return Err(refused(format!("a bundle without a dataset `{wanted}`"), hint));
            }
        },
        (None, [_]) => 0,
        (None, names) => {
            let hint = format!("say which one is meant: `dataset` is one of {}", names.join(", "));
            return Err(refused(format!("a bundle of {} datasets", names.len()), hint));
        }
    };
    let (name, parts) = bundle.swap_remove(chosen);
    parts.description(Some(name), &head)
}

/// The next member of the object that is being read: its name, and the first token of its value.
fn next_member(reader: &mut Reader) -> Result<Option<(String, Token)>, DecodeError> {
    let token = reader.next()?;
    if token.kind != Kind::Key {
        return Ok(None);
    }
    let key = reader.str(&token)?.into_owned();
    Ok(Some((key, reader.next()?)))
}

/// Goes to the first token of a dataset's member; none if it has no such member.
pub(super) fn seek(reader: &mut Reader, path: Option<&str>, member: &str) -> Result<Option<Token>, DecodeError> {
    reader.next()?;
    for wanted in path.into_iter().chain([member]) {
        loop {
            match next_member(reader)? {
                None => return Ok(None),
                Some((key, token)) if key == wanted => match wanted == member {
                    true => return Ok(Some(token)),
                    false => break,
                },
                Some((_, token)) => reader.skip(token)?,
            }
        }
    }
    Ok(None)
}

/// The flat index that a key states.
pub(super) fn index(reader: &Reader, key: &Token, cells: u64) -> Result<u64, DecodeError> {
    let text = reader.str(key)?;
    match text.parse::<u64>() {
        Ok(index) if index < cells => Ok(index),
        _ => Err(reader.wrong(key, &format!("an index below {cells}, the product of `size`"))),
    }
}

impl Parts {
    fn read(&mut self, reader: &mut Reader, key: String, first: Token) -> Result<(), DecodeError> {
        match key.as_str() {
            "value" => {
                self.values += 1;
                self.has_list |= matches!(first.kind, Kind::BeginArray | Kind::BeginObject);
                reader.skip(first)
            }
            "status" => self.read_statuses(reader, first),
            _ => {
                let tree = reader.tree(first)?;
                self.members.insert(key, tree);
                Ok(())
            }
        }
    }

    fn read_statuses(&mut self, reader: &mut Reader, first: Token) -> Result<(), DecodeError> {
        let text = |reader: &Reader, token: &Token| match token.kind {
            Kind::Text => Ok(reader.str(token)?.into_owned()),
            Kind::Null => Ok(String::new()),
            _ => Err(reader.wrong(token, "the text of a status")),
        };
        match first.kind {
            Kind::BeginObject => {
                while let Some((key, token)) = next_member(reader)? {
                    let status = text(reader, &token)?;
                    let index = key.parse::<u64>().ok().filter(|index| *index < MAX_CELLS);
                    let first = match index.map(|index| self.statuses.insert(index, &status)) {
                        Some(None) => return Err(too_many(reader, &token)),
                        Some(Some(first)) => first,
                        None => false,
                    };
                    if !first {
                        return Err(reader.wrong_at(
                            token.offset,
                            "the status of each index once",
                            &format!("`{key}`"),
                            None,
                        ));
                    }
                }
                Ok(())
            }
            Kind::BeginArray => {
                let mut index = 0;
                loop {
                    let token = reader.next()?;
                    if token.kind == Kind::EndArray {
                        return Ok(());
                    }
                    let status = text(reader, &token)?;
                    self.statuses.insert(index, &status).ok_or_else(|| too_many(reader, &token))?;
                    index += 1;
                }
            }
            _ => {
                self.statuses.all = Some(text(reader, &first)?).filter(|status| !status.is_empty());
                Ok(())
            }
        }
    }

    fn description(self, path: Option<String>, head: &[u8]) -> Result<Description, DecodeError> {
        let wrong = |expected: &str, found: String| DecodeError::Format {
            expected: expected.into(),
            found,
            hint: Some("the source has changed what it delivers, or the payload is damaged".into()),
        };
        if self.values == 0 {
            return Err(without_values(&self.members, head));
        }
        if self.values > 1 || !self.has_list {
            let found = if self.values > 1 { "several members `value`" } else { "a single value" };
            return Err(wrong("one list of values, in an array or an object", found.into()));
        }
        let members = &self.members;
        let nothing = Map::new();
        let dimension = members.get("dimension").and_then(Value::as_object).unwrap_or(&nothing);
        // In 1.x these stand inside `dimension`.
        let part = |name: &str| members.get(name).or_else(|| dimension.get(name)).unwrap_or(&Value::Null);
        let texts = |value: &Value| -> Option<Vec<String>> {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        };
        let ids = texts(part("id")).ok_or_else(|| wrong("a list `id` of dimensions", part("id").to_string()))?;
        let sizes: Option<Vec<u64>> =
            part("size").as_array().and_then(|sizes| sizes.iter().map(Value::as_u64).collect());
        let sizes = sizes.ok_or_else(|| wrong("a list `size` of whole numbers", part("size").to_string()))?;
        if ids.len() > MAX_DIMENSIONS {
            return Err(wrong(&format!("at most {MAX_DIMENSIONS} dimensions"), ids.len().to_string()));
        }
        if ids.len() != sizes.len() {
            return Err(wrong("as many sizes as dimensions", format!("{} and {}", sizes.len(), ids.len())));
        }
        let cells =
            sizes.iter().try_fold(1u64, |cells, size| cells.checked_mul(*size)).filter(|cells| *cells <= MAX_CELLS);
        let cells = cells.ok_or_else(|| wrong("sizes whose product is a number of cells", part("size").to_string()))?;
        let times = texts(&part("role")["time"]).unwrap_or_default();
        let mut metadata = self.metadata(path.as_deref());
        let mut dimensions: Vec<Dimension> = Vec::with_capacity(ids.len());
        for (id, size) in ids.into_iter().zip(sizes) {
            let stated = dimension.get(&id).ok_or_else(|| wrong(&format!("a dimension `{id}`"), "none".into()))?;
            let codes = codes(&id, &stated["category"], size)
                .map_err(|found| wrong(&format!("{size} categories of the dimension `{id}`"), found))?;
            let is_time = times == [id.as_str()] || (times.is_empty() && matches!(id.as_str(), "time" | "TIME_PERIOD"));
            let name = if is_time { TIME_PERIOD.to_owned() } else { id };
            if dimensions.iter().any(|other| other.name == name) || super::super::is_reserved(&name) {
                return Err(wrong("each dimension once, under a name of its own", format!("`{name}`")));
            }
            if let Some(label) = stated["label"].as_str() {
                metadata.dimension_labels.insert(name.clone(), label.to_owned());
            }
            if let Some(labels) = stated["category"]["label"].as_object() {
                let labels: BTreeMap<String, String> = labels
                    .iter()
                    .filter_map(|(code, label)| Some((code.clone(), label.as_str()?.to_owned())))
                    .collect();
                metadata.labels.insert(name.clone(), labels);
            }
            dimensions.push(Dimension { name, codes });
        }
        Ok(Description { layout: Layout { path, dimensions, cells }, metadata, statuses: self.statuses })
    }

    fn metadata(&self, path: Option<&str>) -> Metadata {
        let text = |name: &str| self.members.get(name).and_then(Value::as_str).map(str::to_owned);
        let id = self.members.get("extension").and_then(|extension| extension["id"].as_str());
        let notes = self.members.get("note").and_then(Value::as_array);
        Metadata {
            dataset: id.or(path).map(str::to_owned),
            title: text("label"),
            updated: text("updated"),
            notes: notes.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
            ..Metadata::default()
        }
    }
}

/// The codes of a dimension in their order; what is wrong about them as the error.
fn codes(id: &str, category: &Value, size: u64) -> Result<Vec<String>, String> {
    let mut codes: Vec<String> = match &category["index"] {
        Value::Array(codes) => codes.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Object(places) => {
            let mut codes = vec![String::new(); places.len()];
            for (code, place) in places {
                let place = place.as_u64().and_then(|place| codes.get_mut(usize::try_from(place).ok()?));
                match place {
                    Some(place) if place.is_empty() => place.clone_from(code),
                    _ => return Err(format!("no place of its own for `{code}`")),
                }
            }
            codes
        }
        // One category needs no place; it may even go without a label.
        _ => match category["label"].as_object() {
            Some(labels) => labels.keys().cloned().collect(),
            None if size == 1 => vec![id.to_owned()],
            None => Vec::new(),
        },
    };
    let found = codes.len();
    if found as u64 != size {
        return Err(found.to_string());
    }
    codes.shrink_to_fit();
    let mut seen = HashSet::with_capacity(found);
    match codes.iter().find(|code| !seen.insert(code.as_str())) {
        Some(twice) => Err(format!("`{twice}` twice")),
        None => Ok(codes),
    }
}

/// More different statuses than there is room for: these are no flags.
fn too_many(reader: &Reader, token: &Token) -> DecodeError {
    reader.wrong_at(token.offset, &format!("at most {} different statuses", u16::MAX), "more", None)
}

/// Addresses that a collection lists.
fn links(members: &Map<String, Value>) -> Vec<String> {
    let items = members.get("link").map(|link| &link["item"]).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(|item| item["href"].as_str()).take(20).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{PLACES, Statuses};

    #[test]
    fn a_status_of_a_far_cell_takes_no_room_for_those_before_it() {
        let mut statuses = Statuses::default();
        for index in [60_000_000, 200, 3, 64, 70] {
            assert_eq!(statuses.insert(index, &format!("s{index}")), Some(true));
            assert!(statuses.listed.len() as u64 <= PLACES * statuses.remaining(), "{index}");
        }
        // The list has grown past an index that was kept beside it.
        assert!(statuses.listed.len() > 64 && statuses.further.contains_key(&200));
        statuses.insert(190, "s190");
        assert_eq!(statuses.insert(200, "again"), Some(false));
        assert_eq!(statuses.remaining(), 6);
        for (index, status) in [(60_000_000, "s60000000"), (200, "again"), (190, "s190"), (3, "s3"), (64, "s64")] {
            assert_eq!(statuses.take(index), Some(status));
            assert_eq!(statuses.take(index), None);
        }
        assert_eq!(statuses.take(70), Some("s70"));
        assert_eq!(statuses.remaining(), 0);
    }
}
