//! The shipped pipelines on the shipped sample, and on real bytes.

use std::io::Read;

use crate::support::{Answer, Scene, Upstream, repository, rows, shared};

fn golden(scene: &Scene, name: &str, found: &[String]) {
    scene.golden().bind(|| insta::assert_snapshot!(name, found.join("\n")));
}

#[test]
fn the_sample_gives_these_marts() {
    let scene = Scene::new();
    scene.run(0);
    let adoption = |filter: &str| {
        scene.query(&format!(
            "select region, sector, size_class, indicator, unit, time_period, source, share, flags, provenance, dataset, cell
             from ict_adoption where {filter} order by all"
        ))
    };
    golden(&scene, "cantabria", &adoption("region = 'ES13'"));
    golden(&scene, "spain_by_size", &adoption("region = 'ES' and source = 'eurostat__isoc_eb_ai'"));
    golden(
        &scene,
        "members",
        &scene.query("select cluster, region, region_name_es, sector, section, sector_name_es, members, provenance, cell, cells from cluster_members_by_sector order by all"),
    );
    golden(
        &scene,
        "by_source",
        &scene.query(
            "select source, publisher, dataset, provenance, count(*), count(share), round(sum(share), 2), count(flags), count(distinct region), count(distinct sector)
             from ict_adoption group by all order by all",
        ),
    );

    // The figures that the press and the sources publish, each from its own source.
    let published = |region: &str, sector: &str, source: &str| {
        scene.query(&format!(
            "select time_period, share, provenance from ict_adoption where region = '{region}' and sector = '{sector}' and source = '{source}'
             and indicator = 'E_AI_TANY' and size_class = 'GE10' and unit = 'PC_ENT' order by time_period"
        ))
    };
    let expected = ["2023|6.38|official", "2024|7.36|official", "2025|10.99|official"];
    assert_eq!(published("ES13", "C10-S951_X_K", "eurostat__isoc_r_eb_ain2"), expected);
    assert_eq!(published("ES", "C10-S951_X_K", "eurostat__isoc_r_eb_ain2")[2], "2025|20.27|official");
    assert_eq!(published("ES", "INE_TOTAL", "ine__ai_by_region")[2], "2025|21.14|official");
}

/// The first rows of each table as the lake has them, in canonical codes, and how many there are.
#[test]
fn the_sample_gives_these_canonical_rows() {
    let scene = Scene::whole();
    scene.run(0);
    let connection = duckdb::Connection::open_in_memory().unwrap();
    let lake = |folder: &str| format!("read_parquet('{}/**/*.parquet')", scene.path(folder).display());
    let observations = lake("data/lake/observations");
    let mut found = rows(
        &connection,
        &format!(
            "select pipeline, dataset, count(*), count(\"value\"), count(flags) from {observations} group by all order by all"
        ),
    );
    found.extend(rows(
        &connection,
        &format!(
            "select pipeline, dataset, indicator, region, sector, sector_scheme, size_class, unit, time_period, \"value\", flags, cell, provenance, \"change\"
             from {observations} qualify row_number() over (partition by pipeline, dataset order by cell) <= 6 order by pipeline, dataset, cell"
        ),
    ));
    found.extend(rows(
        &connection,
        &format!(
            "select pipeline, dataset, cluster, member, identified_by, duplicate_of, name, nif_valid, activity, sector_scheme, municipality, region,
                    size_class, joined, left_on, website, \"row\", cell, provenance
             from {} order by \"row\", pipeline limit 6",
            lake("data/lake/memberships")
        ),
    ));
    golden(&scene, "canonical_rows", &found);
}

#[test]
fn of_two_sources_of_one_cell_one_is_preferred_and_both_are_kept() {
    let scene = Scene::new();
    scene.run(0);
    let key = "region, sector, sector_scheme, size_class, indicator, unit, time_period";
    let cells = scene.query(&format!(
        "select count(*) from (select {key}, count(*) filter (preferred) as chosen, bool_or(preferred and share is null) as has_none, count(share) as known
         from ict_adoption group by all) where chosen <> 1 or has_none and known > 0"
    ));
    assert_eq!(cells, ["0"], "one row of each cell, with a figure where any source has one");
    assert_eq!(
        scene.query("select time_period, source, share, other_source, other_share, round(difference, 2) from source_disagreements where region = 'ES13' and sector = 'F' order by 1"),
        [
            "2023|eurostat__isoc_r_eb_ain2|1.71|ine__ai_by_region|4.86|3.15",
            "2024|eurostat__isoc_r_eb_ain2|1.89|ine__ai_by_region|5.8|3.91",
            "2025|eurostat__isoc_r_eb_ain2|2.96|ine__ai_by_region|8.64|5.68",
        ]
    );
    // INE first, and nothing below six points is told.
    scene.replace("pipelines/ine__ai_by_region.toml", "preference = 20", "preference = 1");
    scene.replace(
        "pipelines/codelists/units.csv",
        "Percentage of enterprises,enterprises,0.1",
        "Percentage of enterprises,enterprises,5",
    );
    scene.run(0);
    assert_eq!(
        scene.query("select time_period, source, share, other_source from source_disagreements where region = 'ES13' and sector = 'F' order by 1"),
        ["2025|ine__ai_by_region|8.64|eurostat__isoc_r_eb_ain2"]
    );
}

#[test]
fn rows_are_conserved_and_provenance_is_said_everywhere() {
    let scene = Scene::whole();
    scene.run(0);
    let manifest = scene.manifest();
    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    let sum = |value: &serde_json::Value| value.as_object().unwrap().values().map(number).sum::<u64>();
    let pipelines = manifest["pipelines"].as_array().unwrap();
    let tables: usize = std::fs::read_dir(repository().join("pipelines"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| std::fs::read_to_string(path).unwrap().matches("[[editions]]").count())
        .sum();
    assert_eq!(pipelines.len(), tables, "one record a table");
    for pipeline in pipelines {
        let parts = number(&pipeline["loaded"]) + number(&pipeline["filtered"]) + sum(&pipeline["quarantined"]);
        assert_eq!(number(&pipeline["decoded"]), parts, "{pipeline}");
        assert!(
            number(&pipeline["decoded"]) > 0 && sum(&pipeline["provenance"]) == number(&pipeline["loaded"]),
            "{pipeline}"
        );
    }
    assert_eq!(manifest["profile"], "sample");
    for model in manifest["models"].as_array().unwrap() {
        if model["schema"] == "main" {
            assert_eq!(sum(&model["provenance"]), number(&model["rows"]), "{model}");
        }
    }
    assert_eq!(
        scene.query("select distinct provenance from ict_adoption union select distinct provenance from cluster_members_by_sector order by 1"),
        ["official", "synthetic"]
    );
    // What is official is what official.csv names: no more, no less.
    let named: usize = scene
        .list("pipelines/samples")
        .iter()
        .filter_map(|folder| {
            std::fs::read_to_string(scene.path(&format!("pipelines/samples/{folder}/official.csv"))).ok()
        })
        .map(|text| text.lines().count() - 1)
        .sum();
    assert_eq!(
        scene.query("select count(*) from lake.observations where provenance = 'official'"),
        [named.to_string()]
    );
    // What is published of all of them is what stands in the archived bytes, and comes out the same again.
    let verified = scene.tejido(&["verify", "--full"]);
    verified.must(0);
    assert!(!verified.stdout.contains("WRONG"), "{}", verified.stdout);
}

#[test]
fn every_number_is_found_again_in_its_source() {
    let scene = Scene::new();
    scene.run(0);
    let archived = scene.query("select \"snapshot\", file from lake.snapshots");
    let mut payloads = std::collections::HashMap::new();
    for line in archived {
        let (hash, file) = line.split_once('|').unwrap();
        let raw = zstd::decode_all(std::fs::File::open(scene.path(&format!("data/{file}"))).unwrap()).unwrap();
        assert_eq!(blake3::hash(&raw).to_hex().as_str(), hash);
        let mut bytes = Vec::new();
        match raw.starts_with(&[0x1f, 0x8b]) {
            true => flate2::read::MultiGzDecoder::new(raw.as_slice()).read_to_end(&mut bytes).map(drop).unwrap(),
            false => bytes = raw,
        }
        payloads.insert(hash.to_owned(), bytes);
    }
    let cells = scene.query("select \"snapshot\", cell, share from ict_adoption where share is not null");
    assert!(cells.len() > 15_000);
    for line in cells {
        let fields: Vec<&str> = line.split('|').collect();
        let at = &payloads[fields[0]][fields[1].parse::<usize>().unwrap()..];
        let digits: Vec<u8> = at
            .iter()
            .take_while(|byte| byte.is_ascii_digit() || b".,".contains(byte))
            .map(|byte| if *byte == b',' { b'.' } else { *byte })
            .collect();
        let there = std::str::from_utf8(&digits).unwrap().trim_end_matches('.');
        assert_eq!(there.parse::<f64>().unwrap(), fields[2].parse::<f64>().unwrap(), "{line}");
    }
}

/// Every file below the data root that is not in the archive, with its bytes.
fn outside_the_archive(scene: &Scene) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![scene.path("data")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() && !path.ends_with("archive") {
                folders.push(path);
            } else if path.is_file() {
                found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn nothing_personal_leaves_the_archive() {
    let scene = Scene::new();
    let run = scene.run(0);
    // A contact's mail and telephone, a member's tax number, and the name of a natural person.
    let planted = [
        "contacto01@",
        "942 000 001",
        "Contacto Ficticio",
        "B0000017D",
        "B0000034I",
        "00000037Z",
        "Covadonga Ficticia",
    ];
    let mut places = outside_the_archive(&scene);
    places.push(("output".to_owned(), run.text().into_bytes()));
    assert!(places.len() > 12);
    for (place, bytes) in places {
        for secret in planted {
            assert!(memchr::memmem::find(&bytes, secret.as_bytes()).is_none(), "`{secret}` is in {place}");
        }
    }
    // Parquet compresses its pages: look at the values, too.
    let members = rows(
        &duckdb::Connection::open_in_memory().unwrap(),
        &format!("select * from read_parquet('{}/**/*.parquet')", scene.path("data/lake/memberships").display()),
    );
    assert_eq!(members.len(), 46);
    for secret in planted {
        assert!(!members.iter().any(|member| member.contains(secret)), "{secret}");
    }
    // Without the number of a legal entity nobody's name is known to be a company's.
    for named in ["Covadonga", "Cabarga Inventos"] {
        assert!(!members.iter().any(|member| member.contains(named)), "{named}");
    }

    // The export itself is for nobody but who runs it, also where it is taken elsewhere.
    let mode = |path: &str| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(scene.path(path)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode("data/archive/clusters__tera"), 0o700);
    scene.tejido(&["archive", "export", "members.tar", "clusters__tera"]).must(0);
    assert_eq!(mode("members.tar"), 0o600);

    // What is published speaks of no single member, in no table and in no byte.
    assert_eq!(
        scene.query("select table_name from information_schema.tables where table_name like '%member%'"),
        ["cluster_members_by_sector"]
    );
    for file in ["tejido.duckdb", "marts/cluster_members_by_sector.parquet", "manifest.json"] {
        let bytes = std::fs::read(scene.published().join(file)).unwrap();
        for name in ["Trentisoft", "Ingeniería de Software", "socio01.ejemplo", "Universidad Imaginaria"] {
            assert!(memchr::memmem::find(&bytes, name.as_bytes()).is_none(), "`{name}` is in {file}");
        }
    }
}

/// Of the exports of all clusters, whatever their form: no contact, no tax number, no telephone gets out.
#[test]
fn of_no_cluster_anything_personal_gets_out() {
    let scene = Scene::whole();
    let run = scene.run(0);
    let mut planted = std::collections::BTreeSet::new();
    for folder in std::fs::read_dir(scene.path("pipelines/samples")).unwrap() {
        let folder = folder.unwrap();
        if !folder.file_name().to_str().unwrap().starts_with("clusters__") {
            continue;
        }
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            let cells: Vec<String> = match path.extension().and_then(|name| name.to_str()) {
                Some("xlsx") => {
                    let mut workbook = calamine::open_workbook_auto(&path).unwrap();
                    let sheets = calamine::Reader::worksheets(&mut workbook);
                    sheets
                        .iter()
                        .flat_map(|(_, sheet)| sheet.used_cells().map(|(_, _, cell)| cell.to_string()))
                        .collect()
                }
                _ => {
                    let text: String = std::fs::read(&path).unwrap().into_iter().map(char::from).collect();
                    text.split([';', ',', '\n', '"']).map(|cell| cell.trim().to_owned()).collect()
                }
            };
            let is_number = |cell: &str| {
                cell.len() == 9
                    && cell.bytes().filter(u8::is_ascii_digit).count() >= 7
                    && cell.bytes().all(|byte| byte.is_ascii_alphanumeric())
            };
            planted.extend(cells.into_iter().filter(|cell| {
                cell.contains('@') || cell.contains("Contacto Ficticio") || cell.starts_with("942 ") || is_number(cell)
            }));
        }
    }
    assert!(planted.len() > 400, "{}", planted.len());
    let finder = |place: &str, bytes: &[u8]| {
        for secret in &planted {
            assert!(memchr::memmem::find(bytes, secret.as_bytes()).is_none(), "`{secret}` is in {place}");
        }
    };
    finder("output", run.text().as_bytes());
    outside_the_archive(&scene).iter().for_each(|(place, bytes)| finder(place, bytes));
    let members = rows(
        &duckdb::Connection::open_in_memory().unwrap(),
        &format!("select * from read_parquet('{}/**/*.parquet')", scene.path("data/lake/memberships").display()),
    );
    assert!(members.len() > 250);
    finder("the lake", members.join("\n").as_bytes());
    // Nothing is said of fewer than three members by place or size.
    let few = "from cluster_coverage where dimension in ('municipality', 'size_class') and members between 1 and 2
        and code not in ('unknown', 'fewer_than_3')";
    assert_eq!(scene.query(&format!("select * {few}")), Vec::<String>::new());
}

#[test]
fn the_real_excerpt_of_table_76405_goes_the_same_way() {
    let Some(shared) = shared() else {
        return;
    };
    let upstream = Upstream::start();
    let real = std::fs::read(shared.join("payloads/ine-csv/tic-empresas-ccaa-ia-76405.excerpt.csv")).unwrap();
    upstream.answer("www.ine.es/jaxi/files/tpx/en/csv_bdsc/76405.csv", Answer::ok(real));
    let scene = Scene::live(&upstream, &["ine__ai_by_region"]);
    // The tables of the other years are not there: exit code 3, and what did come is published.
    let run = scene.run(3);
    assert!(run.stderr.contains("found 404"), "{}", run.stderr);
    let found = scene.query("select region, sector, indicator, unit, time_period, share, provenance, dataset, cell from ict_adoption order by cell");
    golden(&scene, "real_76405", &found);
}

/// The list of members as somebody keeps it in a spreadsheet: a title, numbers and days as what they are.
fn workbook(csv: &[u8]) -> Vec<u8> {
    let (text, ..) = encoding_rs::WINDOWS_1252.decode(csv);
    let mut workbook = rust_xlsxwriter::Workbook::new();
    workbook.add_worksheet().set_name("Portada").unwrap().write_string(0, 0, "Socios").unwrap();
    let sheet = workbook.add_worksheet().set_name("Socios").unwrap();
    let look = rust_xlsxwriter::Format::new();
    sheet.merge_range(0, 0, 0, 5, "Socios a 24/11/2026", &look).unwrap();
    let day = rust_xlsxwriter::Format::new().set_num_format("dd/mm/yyyy");
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').has_headers(false).from_reader(text.as_bytes());
    for (row, record) in (2..).zip(reader.records()) {
        for (column, field) in (0..).zip(record.unwrap().iter()) {
            let date =
                rust_xlsxwriter::ExcelDateTime::parse_from_str(&field.split('/').rev().collect::<Vec<_>>().join("-"));
            match (field.parse::<f64>(), date) {
                (Ok(number), _) => sheet.write_number(row, column, number).unwrap(),
                (_, Ok(date)) if field.contains('/') => {
                    sheet.write_datetime_with_format(row, column, &date, &day).unwrap()
                }
                _ => sheet.write_string(row, column, field).unwrap(),
            };
        }
    }
    workbook.save_to_buffer().unwrap()
}

#[test]
fn a_register_kept_as_a_workbook_gives_the_same_members() {
    let csv = std::fs::read(repository().join("pipelines/samples/clusters__tera/tera.csv")).unwrap();
    let upstream = Upstream::start();
    let members =
        "select cluster, region, sector, section, members, provenance from cluster_members_by_sector order by all";
    let loaded = |name: &str, body: Vec<u8>, change: &dyn Fn(&Scene)| {
        let scene = Scene::live(&upstream, &["clusters__tera"]);
        change(&scene);
        upstream.answer(&format!("socios.clustertera.invalid/exportacion/{name}"), Answer::ok(body));
        scene.run(0);
        scene.query(members)
    };
    let from_csv = loaded("tera.csv", csv.clone(), &|_| {});
    let from_workbook = loaded("tera.xlsx", workbook(&csv), &|scene| {
        let pipeline = "pipelines/clusters__tera.toml";
        scene.replace(pipeline, "{dataset}.csv", "{dataset}.xlsx");
        scene.replace(
            pipeline,
            "format = \"delimited\"\nencoding = \"windows-1252\"\nseparator = \";\"",
            "format = \"xlsx\"\nsheet = \"Socios\"\nheader = 3",
        );
        scene.replace(pipeline, "%d/%m/%Y", "%Y-%m-%d");
    });
    assert!(from_csv.len() > 5);
    assert_eq!(from_workbook, from_csv);
}
