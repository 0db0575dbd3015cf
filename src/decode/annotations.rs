//! Annotations of an SDMX structure by their type, such as when its data last changed.
//!
//! In SDMX-ML an `Annotation` has an `AnnotationType` and an `AnnotationTitle` or `AnnotationText` (SDMX 2.1, SDMXCommon,
//! `AnnotationType`); in the JSON of structures an object with `type` and `title`, `text` or `date`. Nothing else of the
//! structure is read.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

/// What the annotations of these types say, in the order of the names; none unless each of them is there.
pub fn annotations(structure: &[u8], names: &[String]) -> Option<Vec<String>> {
    let found = match structure.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'<') => of_xml(structure),
        _ => of_json(&serde_json::from_slice(structure).ok()?),
    };
    let said = |name: &String| found.iter().find(|(kind, _)| kind == name).map(|(_, text)| text.clone());
    names.iter().map(said).collect()
}

/// Type and text of all annotations; those before the first fault of a document that has one.
fn of_xml(structure: &[u8]) -> Vec<(String, String)> {
    let mut reader = Reader::from_reader(structure);
    let mut found = Vec::new();
    let (mut kind, mut said) = (String::new(), String::new());
    let mut within: Option<bool> = None;
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => match start.local_name().as_ref() {
                "Annotation" => (kind, said) = (String::new(), String::new()),
                "AnnotationType" => within = Some(true),
                "AnnotationTitle" | "AnnotationText" => within = Some(false),
                _ => within = None,
            },
            Ok(Event::Text(text)) => match within {
                Some(true) => kind.push_str(text.as_ref()),
                Some(false) => said.push_str(text.as_ref()),
                None => {}
            },
            Ok(Event::End(end)) => {
                within = None;
                if end.local_name().as_ref() == "Annotation" && !kind.is_empty() {
                    found.push((std::mem::take(&mut kind), std::mem::take(&mut said)));
                }
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

fn of_json(structure: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    // No recursion: how deep a document is, is its own affair.
    let mut open = vec![structure];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(kind)) = members.get("type") {
                    let said = ["date", "title", "text"].iter().find_map(|name| members.get(*name)?.as_str());
                    found.extend(said.map(|said| (kind.clone(), said.to_owned())));
                }
                open.extend(members.values().rev());
            }
            Value::Array(values) => open.extend(values.iter().rev()),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(structure: &str) -> Option<Vec<String>> {
        annotations(structure.as_bytes(), &["UPDATE_DATA".to_owned(), "UPDATE_STRUCTURE".to_owned()])
    }

    #[test]
    fn they_are_found_in_xml_and_json() {
        let xml = r#"<m:Structure xmlns:m="m"><s:Dataflow xmlns:c="c"><c:Annotations>
            <c:Annotation><c:AnnotationTitle>2024-06-16</c:AnnotationTitle><c:AnnotationType>UPDATE_DATA</c:AnnotationType></c:Annotation>
            <c:Annotation><c:AnnotationType>CREATED</c:AnnotationType></c:Annotation>
            <c:Annotation><c:AnnotationTitle>2024-01-03</c:AnnotationTitle><c:AnnotationType>UPDATE_STRUCTURE</c:AnnotationType></c:Annotation>
            </c:Annotations></s:Dataflow></m:Structure>"#;
        let expected = Some(vec!["2024-06-16".to_owned(), "2024-01-03".to_owned()]);
        assert_eq!(asked(xml), expected);
        let json = r#"{"extension":{"annotation":[{"type":"UPDATE_STRUCTURE","date":"2024-01-03"},
            {"type":"OBS_COUNT","title":"7"},{"type":"UPDATE_DATA","date":"2024-06-16"}]}}"#;
        assert_eq!(asked(json), expected);
    }

    #[test]
    fn half_of_them_are_none() {
        for structure in ["", "{", "<a", "[]", r#"{"annotation":[{"type":"UPDATE_DATA","date":"2024-06-16"}]}"#] {
            assert_eq!(asked(structure), None, "{structure}");
        }
    }
}
