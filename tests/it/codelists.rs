//! The codelists and crosswalks agree with each other: no orphan, nothing in two places, wholes that are their parts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use tejido::spec::{Codelist, Codelists};

use crate::support::repository;

fn all() -> Codelists {
    Codelists::load(&repository().join("pipelines/codelists")).unwrap()
}

/// Rows of a codelist with these columns only.
fn rows<'l, const N: usize>(list: &'l Codelist, columns: [&str; N]) -> Vec<[&'l str; N]> {
    let at = columns.map(|name| list.column(name).unwrap_or_else(|| panic!("no column `{name}` in {}", list.name)));
    list.rows.iter().map(|row| at.map(|at| row[at].as_str())).collect()
}

/// The divisions of each section and aggregate, and of each division itself.
fn parts(lists: &Codelists) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut parts: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for [scheme, code, level] in rows(lists.get("sectors").unwrap(), ["scheme", "code", "level"]) {
        if level == "division" || code == "S951" {
            parts.insert((scheme.into(), code.into()), BTreeSet::from([code.to_owned()]));
        }
    }
    for [scheme, code, part] in rows(lists.get("sector_parts").unwrap(), ["scheme", "code", "part"]) {
        parts.entry((scheme.into(), code.into())).or_default().insert(part.to_owned());
    }
    parts
}

#[test]
fn every_file_names_its_source_and_licence_and_every_label_is_there() {
    let lists = all();
    for list in lists.iter() {
        let text = std::fs::read_to_string(&list.path).unwrap();
        let first = text.lines().next().unwrap();
        assert!(first.starts_with("# source: ") && first.contains("licence: "), "{}", list.name);
        assert!(!list.rows.is_empty(), "{} is empty", list.name);
        for (at, column) in list.columns.iter().enumerate().filter(|(_, column)| column.starts_with("label")) {
            let empty = list.rows.iter().find(|row| row[at].trim().is_empty());
            assert!(empty.is_none(), "{}: no {column} in {empty:?}", list.name);
        }
    }
}

#[test]
fn crosswalks_lead_to_known_codes() {
    let lists = all();
    for list in lists.iter().filter(|list| list.name.starts_with("map_")) {
        for (column, codelist) in
            [("region", "regions"), ("sector", "sectors"), ("size_class", "size_classes"), ("indicator", "indicators")]
        {
            let Some(at) = list.column(column) else { continue };
            let codes = lists.get(codelist).unwrap();
            let orphan = list.rows.iter().find(|row| !codes.contains(&row[at]));
            assert!(orphan.is_none(), "{}: {orphan:?} leads to no code of {codelist}", list.name);
        }
        if let Some(at) = list.column("relation") {
            let unequal = list.rows.iter().find(|row| row[at] != "equal");
            assert!(unequal.is_none(), "{}: {unequal:?} would never be mapped", list.name);
        }
        // What is a code of its own is not mapped to another one.
        if let (Some(at), Some(to)) = (list.column("code"), list.column("region")) {
            let codes = lists.get("regions").unwrap();
            for row in list.rows.iter().filter(|row| row[at] != row[to]) {
                assert!(is_retired(codes, &row[at]), "{}: {row:?} maps a code that is in force", list.name);
            }
        }
    }
}

/// Whether a region is not among the known ones, or no longer in force.
fn is_retired(regions: &Codelist, code: &str) -> bool {
    let to = regions.column("valid_to").unwrap();
    regions.row(code).is_none_or(|row| !row[to].is_empty())
}

#[test]
fn regions_form_a_tree_and_nuts_has_as_many_as_it_has() {
    let lists = all();
    let regions = lists.get("regions").unwrap();
    let all = rows(regions, ["code", "level", "parent", "country", "valid_from", "valid_to"]);
    for [code, level, parent, country, from, to] in &all {
        if let Some(above) = match *level {
            "nuts1" => Some("country"),
            "nuts2" => Some("nuts1"),
            "nuts3" => Some("nuts2"),
            _ => None,
        } {
            let row = regions.row(parent).unwrap_or_else(|| panic!("{code}: no parent `{parent}`"));
            assert_eq!(row[regions.column("level").unwrap()], above, "{code}");
            assert!(code.starts_with(parent) && code.starts_with(country), "{code} below {parent}, {country}");
        }
        for version in [from, to] {
            assert!(
                matches!(*version, "" | "2010" | "2013" | "2016" | "2021" | "2024"),
                "{code}: `{version}` is no version of NUTS"
            );
        }
    }
    let union: BTreeSet<&str> =
        "AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split(' ').collect();
    // Commission Delegated Regulations (EU) 2016/2066, 2019/1755 and 2023/674; without the United Kingdom.
    for (version, count) in [("2016", 240), ("2021", 242), ("2024", 244)] {
        let is_in = |from: &str, to: &str| (from.is_empty() || from <= version) && (to.is_empty() || version <= to);
        let found: Vec<&str> = all
            .iter()
            .filter(|[_, level, _, country, from, to]| *level == "nuts2" && union.contains(country) && is_in(from, to))
            .map(|[code, ..]| *code)
            .collect();
        assert_eq!(found.len(), count, "NUTS {version}: {found:?}");
    }
    let of_spain =
        |level: &str| all.iter().filter(|[_, found, _, country, ..]| *found == level && *country == "ES").count();
    assert_eq!((of_spain("nuts1"), of_spain("nuts2"), of_spain("nuts3")), (7, 19, 59));
}

#[test]
fn communities_and_provinces_are_regions_each_once() {
    let lists = all();
    let regions = rows(lists.get("regions").unwrap(), ["code", "level", "country"]);
    let communities: BTreeSet<&str> = regions
        .iter()
        .filter(|[_, level, country]| *level == "nuts2" && *country == "ES")
        .map(|[code, ..]| *code)
        .collect();
    let crosswalk = lists.get("map_ine_region__region").unwrap();
    let mut numbered: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for [label, region] in rows(crosswalk, ["label", "region"]) {
        assert!(region == "ES" || communities.contains(region), "{label}");
        if let Some(number) = label.get(..2).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
            numbered.entry(number).or_default().insert(region);
        }
    }
    assert!(numbered.values().all(|regions| regions.len() == 1), "{numbered:?}");
    let reached: BTreeSet<&str> = numbered.values().flatten().copied().filter(|region| *region != "ES").collect();
    assert_eq!(reached, communities, "every community, whose sum is Spain");
    for label in
        ["06 Cantabria", "Cantabria", "CA06", "Asturias, Principado de", "Principado de Asturias", "Total Nacional"]
    {
        assert!(crosswalk.contains(label), "{label}");
    }
    let provinces = rows(lists.get("provinces").unwrap(), ["code", "region"]);
    assert_eq!(provinces.len(), 52);
    assert_eq!(provinces.iter().map(|[_, region]| *region).collect::<BTreeSet<_>>(), communities);
    let regions_of: HashMap<&str, &str> = provinces.iter().map(|[code, region]| (*code, *region)).collect();
    for [code, region, province] in rows(lists.get("municipalities").unwrap(), ["code", "region", "province"]) {
        assert!(code.len() == 5 && code.starts_with(province), "{code}");
        assert_eq!(regions_of[province], region, "{code}");
    }
}

#[test]
fn sectors_are_their_parts() {
    let lists = all();
    let sectors = lists.get("sectors").unwrap();
    let parts = parts(&lists);
    for ((scheme, code), parts) in &parts {
        assert!(sectors.contains_in(scheme, code), "sector_parts.csv: {scheme} {code}");
        for part in parts {
            assert!(sectors.contains_in(scheme, part), "sector_parts.csv: {scheme} {code} has no part {part}");
        }
    }
    for [scheme, code, level, parent] in rows(sectors, ["scheme", "code", "level", "parent"]) {
        if level == "division" {
            let above = &parts[&(scheme.to_owned(), parent.to_owned())];
            assert!(above.contains(code), "{scheme} {code} is no part of {parent}");
        }
        if level == "section" {
            assert!(parts.contains_key(&(scheme.to_owned(), code.to_owned())), "{scheme} {code} has no parts");
        }
    }
    // Eurostat's total of the surveys is all but finance, and the repair of computers.
    let total = &parts[&("NACE_R2".to_owned(), "C10-S951_X_K".to_owned())];
    assert!(
        total.contains("S951")
            && total.contains("10")
            && total.contains("82")
            && !total.contains("64")
            && !total.contains("95")
    );
}

#[test]
fn relations_say_what_the_parts_say() {
    let lists = all();
    let parts = parts(&lists);
    let sectors = lists.get("sectors").unwrap();
    let mut equal: HashMap<(&str, &str, &str), &str> = HashMap::new();
    for [from_scheme, from, relation, to_scheme, to] in
        rows(lists.get("relations_sectors").unwrap(), ["from_scheme", "from", "relation", "to_scheme", "to"])
    {
        assert!(sectors.contains_in(from_scheme, from), "relations_sectors.csv: {from_scheme} {from}");
        assert!(sectors.contains_in(to_scheme, to), "relations_sectors.csv: {to_scheme} {to}");
        if relation == "equal"
            && let Some(other) = equal.insert((from_scheme, from, to_scheme), to)
        {
            panic!("{from_scheme} {from} is equal to both {other} and {to}");
        }
        let of = |scheme: &str, code: &str| parts.get(&(scheme.to_owned(), code.to_owned()));
        let (Some(one), Some(other)) = (of(from_scheme, from), of(to_scheme, to)) else { continue };
        if from_scheme == to_scheme {
            let holds = match relation {
                "equal" => one == other,
                "contained" => one.is_subset(other) && one != other,
                "contains" => other.is_subset(one) && one != other,
                _ => !one.is_disjoint(other) && !one.is_subset(other) && !other.is_subset(one),
            };
            assert!(holds, "{from} {relation} {to}");
        }
    }
    let regions = lists.get("regions").unwrap();
    let mut equal: HashMap<&str, &str> = HashMap::new();
    for [from, relation, to] in rows(lists.get("relations_regions").unwrap(), ["from", "relation", "to"]) {
        assert!(regions.contains(from) && regions.contains(to), "relations_regions.csv: {from} {relation} {to}");
        assert!(from != to);
        if relation == "equal" {
            assert!(equal.insert(from, to).is_none(), "{from} is equal to two regions");
        }
    }
    let crosswalk = lists.get("map_nuts__region").unwrap();
    for (from, to) in equal.iter().filter(|(from, to)| is_retired(regions, from) && !is_retired(regions, to)) {
        assert!(crosswalk.row(from).is_some_and(|row| row[1] == **to), "{from} is {to}, and not mapped");
    }
}

#[test]
fn activities_are_below_divisions() {
    let lists = all();
    let (activities, sectors) = (lists.get("activities").unwrap(), lists.get("sectors").unwrap());
    for [scheme, code, level, parent] in rows(activities, ["scheme", "code", "level", "parent"]) {
        assert!(code.starts_with(parent), "{scheme} {code} below {parent}");
        let known = match level {
            "group" => code.len() == 3 && sectors.contains_in(scheme, parent),
            _ => code.len() == 4 && activities.contains_in(scheme, parent),
        };
        assert!(known, "{scheme} {code}: {level} below {parent}");
    }
    for (scheme, groups, classes) in [("NACE_R2", 272, 615), ("NACE_R2_1", 287, 651)] {
        let of = |wanted: &str| {
            rows(activities, ["scheme", "level"])
                .iter()
                .filter(|[found, level]| *found == scheme && *level == wanted)
                .count()
        };
        assert_eq!((of("group"), of("class")), (groups, classes), "{scheme}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever there is in each division: sections add up to all of it, and an aggregate to the sections and divisions
    /// that lie in it.
    #[test]
    fn what_is_counted_by_parts_adds_up(seed in prop::collection::vec(0u64..1_000_000, 100)) {
        let lists = all();
        let parts = parts(&lists);
        for scheme in ["NACE_R2", "NACE_R2_1"] {
            let count = |division: &str| seed[division.bytes().map(usize::from).sum::<usize>() % seed.len()];
            let of = |code: &str| parts[&(scheme.to_owned(), code.to_owned())].iter().map(|part| count(part)).sum::<u64>();
            let with = |wanted: &str| -> Vec<String> {
                rows(lists.get("sectors").unwrap(), ["scheme", "code", "level"])
                    .into_iter()
                    .filter(|[found, _, level]| *found == scheme && *level == wanted)
                    .map(|[_, code, _]| code.to_owned())
                    .collect()
            };
            let whole: u64 = with("division").iter().map(|division| count(division)).sum();
            prop_assert_eq!(with("section").iter().map(|section| of(section)).sum::<u64>(), whole);
        }
        let of = |code: &str| parts[&("NACE_R2".to_owned(), code.to_owned())].iter()
            .map(|part| seed[part.bytes().map(usize::from).sum::<usize>() % seed.len()]).sum::<u64>();
        prop_assert_eq!(of("C") + of("D_E"), of("C-E"));
        prop_assert_eq!(of("C-E") + of("F"), of("C-F"));
        prop_assert_eq!(of("C-F") + of("G45-S951_X_K"), of("C10-S951_X_K"));
    }
}
