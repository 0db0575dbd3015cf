//! Registers of members: who is one, who is the same in two records, clusters or exports, and what is kept of whom.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Answer, Scene, Upstream, rows, shared};

const TERA: &str = "clusters__tera";
const ADDRESS: &str = "socios.clustertera.invalid/exportacion/tera.csv";
const HEADER: &str = "Razón social;CIF;CNAE;Actividad;Municipio;C.P.;Persona de contacto;Correo electrónico;Teléfono;Web;Nº empleados;Fecha de alta;Fecha de baja;Fuerzas motrices\r\n";

fn windows(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

/// An export of these members: name, number, activity, employees, day of leaving.
fn export(members: &[[&str; 5]]) -> Vec<u8> {
    let line = |[name, nif, activity, employees, left]: &[&str; 5]| {
        format!("{name};{nif};{activity};;Santander;39011;;;;;{employees};01/01/2020;{left};\r\n")
    };
    windows(&format!("{HEADER}{}", members.iter().map(line).collect::<String>()))
}

const ALFA: [&str; 5] = ["Alfa Ficticia, S.L.", "B0000017D", "6201", "34", ""];
const BETA: [&str; 5] = ["Beta Ficticia, S.A.", "B0000034I", "62.02", "9", ""];
const GAMMA: [&str; 5] = ["Gamma Ficticia, S.L.U.", "", "2562", "de 50 a 249", ""];

/// A project with one cluster, or two, that believes small registers.
fn scene(upstream: &Upstream) -> Scene {
    let scene = Scene::live(upstream, &[TERA]);
    scene.replace("pipelines/clusters__tera.toml", "min_rows = 10", "min_rows = 1");
    let other = scene.read("pipelines/clusters__tera.toml");
    let other =
        other.replace("cluster = \"tera\"", "cluster = \"gira\"").replace("dataset = \"tera\"", "dataset = \"gira\"");
    scene.write("pipelines/clusters__gira.toml", &other);
    scene
}

fn deliver(upstream: &Upstream, tera: &[[&str; 5]], gira: &[[&str; 5]]) {
    upstream.answer(ADDRESS, Answer::ok(export(tera)));
    upstream.answer("socios.clustertera.invalid/exportacion/gira.csv", Answer::ok(export(gira)));
}

#[test]
fn one_member_in_two_spellings_records_and_clusters_is_one() {
    let upstream = Upstream::start();
    let scene = scene(&upstream);
    let twice = ["ALFA FICTICIA SL", "ES-b0000017-d", "6201", "34", ""];
    let numbered = ["Gamma Ficticia SLU", "B0000051G", "2562", "60", ""];
    let wrong = ["Delta Ficticia, S.L.", "B0000068X", "2562", "12", ""];
    deliver(&upstream, &[ALFA, BETA, GAMMA, twice], &[["Beta ficticia S. A.", "", "6202", "9,5", ""], numbered, wrong]);
    scene.run(0);
    assert_eq!(
        scene.query("select cluster, records, members, joined, duplicate_records, without_number, wrong_numbers from cluster_exports order by 1"),
        ["gira|3|3||0|1|2", "tera|4|3||1|1|0"]
    );
    // Beta is known by its name in the one, Gamma in the other.
    assert_eq!(
        scene.query("select cluster, other_cluster, members, common_members, round(common_share, 1) from cluster_overlaps order by 1"),
        ["gira|tera|3|2|66.7", "tera|gira|3|2|66.7"]
    );
    assert_eq!(
        scene.query("select sector, members from cluster_members_by_sector where cluster = 'tera' order by 1"),
        ["25|1", "62|2"]
    );
}

#[test]
fn who_came_and_who_went_is_counted_from_export_to_export() {
    let upstream = Upstream::start();
    let scene = scene(&upstream);
    deliver(&upstream, &[ALFA, BETA], &[ALFA]);
    scene.run(0);
    deliver(&upstream, &[ALFA, GAMMA], &[ALFA]);
    scene.run(0);
    let mut left = ALFA;
    left[4] = "01/02/2024";
    deliver(&upstream, &[left, GAMMA, BETA], &[ALFA]);
    scene.run(0);
    assert_eq!(
        scene.query("select members, joined, left_since, is_current from cluster_exports where cluster = 'tera' order by vintage"),
        ["2|||false", "2|1|1|false", "2|1|1|true"]
    );
    assert_eq!(scene.query("select sum(members) from cluster_members_by_sector where cluster = 'tera'"), ["2"]);
    // Of no export but the newest is anything left once its days are over.
    let mut later = scene;
    let archived =
        |scene: &Scene| scene.list("data/archive/clusters__tera").iter().filter(|name| name.ends_with(".zst")).count();
    assert_eq!(archived(&later), 3);
    for name in later.list("data/archive/clusters__tera") {
        // As if they had been fetched a year ago.
        let path = later.path("data/archive/clusters__tera").join(&name);
        if name.ends_with(".json") {
            let text = std::fs::read_to_string(&path).unwrap();
            let year: i32 = jiff::Timestamp::now().strftime("%Y").to_string().parse().unwrap();
            let (this, last) = (format!("\"fetched_at\": \"{year}"), format!("\"fetched_at\": \"{}", year - 1));
            assert!(text.contains(&this), "{text}");
            std::fs::write(&path, text.replace(&this, &last)).unwrap();
        }
    }
    later.set("TEJIDO__PRIVACY__KEEP_EXPORTS_DAYS", "100");
    later.run(0);
    assert_eq!(archived(&later), 1, "the newest one stays, however old");
    assert_eq!(later.query("select cluster, members, joined from cluster_exports where cluster = 'tera'"), ["tera|2|"]);
}

#[test]
fn the_first_live_run_makes_a_key_and_none_is_made_in_place_of_a_lost_one() {
    let upstream = Upstream::start();
    let mut scene = scene(&upstream);
    scene.set("TEJIDO__PRIVACY__HASH_KEY", "tejido sample key, public");
    deliver(&upstream, &[ALFA, BETA], &[ALFA]);
    scene.tejido(&["status"]);
    let key = scene.path("data/hash.key");
    assert!(!key.exists(), "only a run makes one");
    let run = scene.run(0);
    assert!(run.stderr.contains("made a key for the hashes of members"), "{}", run.stderr);
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let made = std::fs::read_to_string(&key).unwrap();
    assert_eq!(made.len(), 64);
    assert!(!run.text().contains(&made));
    let build = scene.published();
    let run = scene.run(0);
    assert!(!run.stderr.contains("made a key"), "{}", run.stderr);
    assert_eq!(scene.published(), build);

    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let run = scene.run(2);
    assert!(
        run.stderr.contains("others than its owner may read") && run.stderr.contains("chmod 600"),
        "{}",
        run.stderr
    );
    std::fs::remove_file(&key).unwrap();
    let run = scene.run(2);
    assert!(run.stderr.contains("were hashed with a key, and there is no"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: put the file back"), "{}", run.stderr);
    assert_eq!(scene.published(), build);
}

#[test]
fn an_activity_of_either_edition_of_cnae() {
    let upstream = Upstream::start();
    let scene = scene(&upstream);
    // Division 45 is gone from CNAE-2025, in which 95 repairs vehicles.
    let sells = ["Alfa Ficticia, S.L.", "B0000017D", "4511", "34", ""];
    let repairs = ["Gamma Ficticia, S.A.", "B0000051G", "95.31", "9", ""];
    let programs = ["Beta Ficticia, S.A.", "B0000034I", "62.10", "9", ""];
    deliver(&upstream, &[sells, BETA], &[repairs, programs]);
    scene.replace("pipelines/clusters__gira.toml", "CNAE-2009", "CNAE-2025");
    scene.run(0);
    assert_eq!(
        scene.query("select cluster, sector, sector_scheme, section from cluster_members_by_sector order by all"),
        ["gira|62|NACE_R2_1|K", "gira|95|NACE_R2_1|T", "tera|45|NACE_R2|G", "tera|62|NACE_R2|J"]
    );
    // Neither a class that has gone nor one that has come is taken for one of the other edition.
    deliver(&upstream, &[sells, programs], &[sells, BETA]);
    let run = scene.run(3);
    assert!(run.stderr.contains("(2): `CNAE` is no code of CNAE-2025"), "{}", run.stderr);
    assert!(run.stderr.contains("(1): `CNAE` is no code of CNAE-2009"), "{}", run.stderr);
}

/// The export that has every kind of mess which is known of real ones.
#[test]
fn the_messy_export_is_read_as_far_as_it_can_be_understood() {
    let Some(shared) = shared() else {
        return;
    };
    let upstream = Upstream::start();
    let scene = scene(&upstream);
    std::fs::remove_file(scene.path("pipelines/clusters__gira.toml")).unwrap();
    scene.replace("pipelines/clusters__tera.toml", "max_quarantined_share = 0.05", "max_quarantined_share = 0.5");
    // It is older than the column of forces.
    let pipeline = scene.read("pipelines/clusters__tera.toml");
    let (before, forces) = pipeline.split_once("forces = \"Fuerzas motrices\"\n").unwrap();
    let (between, names) = forces.split_once("# The six forces").unwrap();
    let (_, behind) = names.split_once("\n[quality]").unwrap();
    scene.write("pipelines/clusters__tera.toml", &format!("{before}{between}[quality]{behind}"));
    let bytes = std::fs::read(shared.join("payloads/cluster-synthetic/socios_cluster_sintetico.cp1252.csv")).unwrap();
    upstream.answer(ADDRESS, Answer::ok(bytes));
    scene.run(0);
    let members = rows(
        &duckdb::Connection::open_in_memory().unwrap(),
        &format!(
            "select \"row\", identified_by, duplicate_of, name, nif_valid, activity, municipality, region, size_class, joined, left_on
             from read_parquet('{}/**/*.parquet') order by 1",
            scene.path("data/lake/memberships").display()
        ),
    );
    insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("messy_members", members.join("\n"));
    });
    let kept = scene.tejido(&["quarantine"]);
    assert!(kept.stdout.contains("`Fecha de alta` is no date of the form `%d/%m/%Y`"), "{}", kept.stdout);
    assert!(!kept.text().contains("Pas") && !kept.text().contains("30/02"), "{}", kept.text());
}
