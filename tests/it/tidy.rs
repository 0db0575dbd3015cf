//! What docs/ARCHITECTURE.md says of the repository, held against the repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::repository;

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The code of a file without its comments and its tests, with the number of each line.
fn code(path: &Path) -> Vec<(usize, String)> {
    // Files of tests alone.
    if ["tests", "properties", "probe"].iter().any(|name| path.file_stem().unwrap() == *name) {
        return Vec::new();
    }
    let text = std::fs::read_to_string(path).unwrap();
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
    code.lines().enumerate().map(|(at, line)| (at + 1, line.split("//").next().unwrap().to_owned())).collect()
}

fn room(path: &Path) -> String {
    let relative = path.strip_prefix(repository().join("src")).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn rooms_import_only_what_they_may() {
    let may: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("error", &[][..]),
        ("disk", &["error"]),
        ("parallel", &[]),
        ("decode", &["error"]),
        ("fetch", &["error"]),
        ("archive", &["error", "disk"]),
        ("replay", &["error", "disk"]),
        // Settings structs, and the names of the formats.
        ("spec", &["error", "disk", "fetch", "decode", "parallel"]),
        ("normalise", &["error", "spec", "decode"]),
        ("lake", &["error", "disk", "normalise", "spec"]),
        ("store", &["error", "disk"]),
        ("warehouse", &["error", "disk", "parallel"]),
        ("publish", &["error", "disk"]),
        ("lineage", &["error", "archive", "decode", "publish", "warehouse"]),
        ("report", &["error", "disk", "warehouse"]),
        ("notify", &["error", "disk", "spec"]),
        (
            "run",
            &[
                "error",
                "disk",
                "decode",
                "fetch",
                "archive",
                "replay",
                "spec",
                "normalise",
                "lake",
                "warehouse",
                "publish",
                "lineage",
                "report",
                "notify",
                "store",
            ],
        ),
        ("telemetry", &["run"]),
        ("listen", &["error", "disk", "publish", "run"]),
        (
            "cli",
            &["error", "run", "lineage", "listen", "notify", "telemetry", "spec", "decode", "normalise", "warehouse"],
        ),
        ("main", &["cli"]),
        ("lib", &[]),
    ]);
    let mut wrong = Vec::new();
    for path in files(&repository().join("src"), "rs") {
        let room = room(&path);
        let allowed =
            may.get(room.as_str()).unwrap_or_else(|| panic!("`{room}` is a new room: say what it may import"));
        for (line, text) in code(&path) {
            for (at, _) in text.match_indices("crate::").chain(text.match_indices("tejido::")) {
                let rest = &text[at..].split_once("::").unwrap().1;
                let names: Vec<&str> = match rest.strip_prefix('{') {
                    Some(list) => list
                        .split('}')
                        .next()
                        .unwrap()
                        .split(',')
                        .map(|name| name.trim().split("::").next().unwrap())
                        .collect(),
                    None => vec![rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()],
                };
                for name in names {
                    if may.contains_key(name) && name != room && !allowed.contains(&name) {
                        wrong.push(format!("{}:{line}: `{room}` imports `{name}`", path.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_disk_touches_files() {
    let mut wrong = Vec::new();
    for path in files(&repository().join("src"), "rs") {
        if room(&path) == "disk" {
            continue;
        }
        for (line, text) in code(&path) {
            if ["std::fs", "File::open", "File::create", "OpenOptions"].iter().any(|word| text.contains(word)) {
                wrong.push(format!("{}:{line}: {}", path.display(), text.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_provider_is_named_in_code() {
    // A format may be one provider's own: its file and its name in the list of formats.
    let formats = ["decode/eurostat_tsv", "decode/ine_", "decode/icane_json"];
    let names = ["eurostat", "icane", "sodercan", "tera\"", "_tera", "cantabria", "es13"];
    let mut wrong = Vec::new();
    for path in files(&repository().join("src"), "rs") {
        let relative = path.strip_prefix(repository().join("src")).unwrap().to_str().unwrap().to_owned();
        if formats.iter().any(|format| relative.starts_with(format)) {
            continue;
        }
        for (line, text) in code(&path) {
            let lower: String = text
                .to_lowercase()
                .replace("eurostat_tsv", "")
                .replace("eurostat-tsv", "")
                .replace("eurostattsv", "")
                .replace("ine_csv", "")
                .replace("ine_tempus", "")
                .replace("ine_wide", "")
                .replace("ine-tempus", "")
                .replace("icane_json", "")
                .replace("icane-json", "")
                .replace("icanejson", "")
                .replace("inetempus", "")
                .replace("ine-csv", "")
                .replace("inecsv", "");
            let ine = lower.split(|c: char| !c.is_alphanumeric()).any(|word| word == "ine");
            // The summary shows two queries to try; they are words for people.
            let shown = relative == "cli/summary.rs" && lower.contains("duckdb ");
            if (ine || names.iter().any(|name| lower.contains(name))) && !shown {
                wrong.push(format!("{relative}:{line}: {}", text.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_model_has_its_header_and_no_star_at_the_end() {
    let models = files(&repository().join("sql"), "sql");
    assert!(models.len() >= 10);
    for path in models {
        let text = std::fs::read_to_string(&path).unwrap();
        let is_macro = path.parent().unwrap().ends_with("macros");
        assert!(
            text.starts_with("-- ") && (is_macro || text.contains("\n-- grain: ") && text.contains("\n-- column ")),
            "{}",
            path.display()
        );
        let last = text.rsplit("\nselect").next().unwrap();
        assert!(!last.trim_start().starts_with('*'), "{}: `select *` at the end", path.display());
    }
}

#[test]
fn every_mart_says_its_words_in_spanish() {
    let marts = files(&repository().join("sql/marts"), "sql");
    assert!(marts.len() >= 20);
    for path in marts {
        let text = std::fs::read_to_string(&path).unwrap();
        let header: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("-- ")).collect();
        assert!(header.iter().any(|line| line.starts_with("in es: ")), "{}: no `in es:`", path.display());
        // The key of each entry of a column, without the text, which may not be empty.
        let keys =
            || header.iter().filter_map(|line| line.strip_prefix("column ")?.split_once(": ")).map(|(key, _)| key);
        let columns: Vec<&str> = keys().filter(|key| !key.contains(' ')).collect();
        let spanish: Vec<&str> = keys().filter_map(|key| key.strip_suffix(" in es")).collect();
        assert!(!columns.is_empty(), "{}", path.display());
        assert_eq!(columns, spanish, "{}: columns, and those with `in es`, in the same order", path.display());
    }
}

#[test]
fn every_source_has_its_title_and_licence_in_spanish() {
    let folder = repository().join("pipelines");
    for file in files(&folder, "toml").into_iter().filter(|file| file.parent() == Some(&folder)) {
        let text = std::fs::read_to_string(&file).unwrap();
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        assert!(value("title_es").is_some() && value("title_es") != value("title"), "{}", file.display());
        let is_a_name = value("licence").unwrap().starts_with("\"CC ");
        assert_eq!(value("licence_es").is_none(), is_a_name, "{}", file.display());
    }
}

#[test]
fn every_format_has_good_and_bad_fixtures() {
    for format in tejido::decode::Format::all().map(tejido::decode::Format::name) {
        let folder = repository().join("tests/formats").join(format);
        let names: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let cases: Vec<&String> =
            names.iter().filter(|name| !name.ends_with(".snap") && !name.ends_with(".toml")).collect();
        assert!(
            cases.iter().any(|name| !name.starts_with("bad_")) && cases.iter().any(|name| name.starts_with("bad_")),
            "{format}"
        );
        for golden in names.iter().filter(|name| name.ends_with(".snap")) {
            let stem = golden.trim_end_matches(".snap");
            assert!(
                cases.iter().any(|name| name.rsplit_once('.').unwrap().0 == stem),
                "{format}/{golden} belongs to no case"
            );
        }
    }
}
