//! How sources are asked: what breaks off is continued, what is promised is waited for, what is no data is kept apart.

use std::time::Duration;

use crate::support::{Answer, Scene, Upstream, repository};

const PIPELINE: &str = "eurostat__isoc_eb_ai";
const BY_SIZE: &str = "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_eb_ai?format=TSV&compressed=true";
const KEY: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

fn by_size() -> String {
    std::fs::read_to_string(repository().join("pipelines/samples/eurostat__isoc_eb_ai/isoc_eb_ai.tsv")).unwrap()
}

/// A project with one pipeline, and the paths that it asked for in a run with this exit code.
fn asked(upstream: &Upstream, scene: &Scene, code: i32) -> (Vec<String>, String) {
    let run = scene.run(code);
    let asked = upstream.asked().into_iter().map(|line| line.replace("/ec.europa.eu/eurostat/api/dissemination/", ""));
    (asked.map(|line| line.split('?').next().unwrap().to_owned()).collect(), run.stderr)
}

/// The sidecars of the archive, oldest first.
fn sidecars(scene: &Scene) -> Vec<serde_json::Value> {
    let folder = format!("data/archive/{PIPELINE}");
    let names = scene.list(&folder).into_iter().filter(|name| name.ends_with(".json"));
    names.map(|name| serde_json::from_str(&scene.read(&format!("{folder}/{name}"))).unwrap()).collect()
}

/// The bytes of the newest snapshot.
fn newest(scene: &Scene) -> Vec<u8> {
    let sidecar = sidecars(scene).pop().unwrap();
    let file = scene.path(&format!("data/archive/{PIPELINE}/{}", sidecar["file"].as_str().unwrap()));
    zstd::decode_all(std::fs::File::open(file).unwrap()).unwrap()
}

#[test]
fn a_body_that_breaks_off_is_continued_where_the_source_can() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[PIPELINE]);
    let whole = Answer::ok(by_size()).ranges();
    upstream.answers(BY_SIZE, [whole.clone().cut(1500), whole.clone()]);
    let (asked_for, _) = asked(&upstream, &scene, 0);
    assert_eq!(asked_for, ["200 sdmx/2.1/data/isoc_eb_ai", "206 sdmx/2.1/data/isoc_eb_ai"]);
    assert_eq!(newest(&scene), by_size().into_bytes());
    assert_eq!(sidecars(&scene)[0]["status"], 200);

    // The body has changed meanwhile: the rest would be that of another one, so all of it comes.
    let news = Answer::ok(by_size().replace("20.27", "20.5")).ranges();
    upstream.answers(BY_SIZE, [Answer::ok(by_size().replace("20.27", "20.4")).ranges().cut(1500), news]);
    let (asked_for, _) = asked(&upstream, &scene, 0);
    assert_eq!(asked_for, ["200 sdmx/2.1/data/isoc_eb_ai", "200 sdmx/2.1/data/isoc_eb_ai"]);
    assert_eq!(newest(&scene), by_size().replace("20.27", "20.5").into_bytes());
}

#[test]
fn a_length_or_checksum_that_is_not_kept_is_no_snapshot() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[PIPELINE]);
    let mut longer = Answer::ok(by_size());
    longer.promised = Some(longer.body.len() + 10);
    upstream.answer(BY_SIZE, longer);
    let (_, message) = asked(&upstream, &scene, 1);
    assert!(message.contains("after 2 tries"), "{message}");
    let digest = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    upstream.answer(BY_SIZE, Answer::ok(by_size()).header("Repr-Digest", digest));
    let (_, message) = asked(&upstream, &scene, 1);
    assert!(message.contains("another checksum than its header `repr-digest` says"), "{message}");
    assert_eq!(sidecars(&scene), Vec::<serde_json::Value>::new());
}

#[test]
fn a_source_that_asks_for_patience_is_asked_again() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[PIPELINE]);
    let busy = Answer::status(429, "too many requests").header("Retry-After", "1");
    upstream.answers(BY_SIZE, [busy, Answer::ok(by_size())]);
    let started = std::time::Instant::now();
    let (asked_for, _) = asked(&upstream, &scene, 0);
    assert_eq!(asked_for, ["429 sdmx/2.1/data/isoc_eb_ai", "200 sdmx/2.1/data/isoc_eb_ai"]);
    // The backoff of the tests is a thousandth of it.
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[test]
fn the_budget_of_time_ends_the_requests_of_a_pipeline() {
    let upstream = Upstream::start();
    let mut scene = Scene::live(&upstream, &[PIPELINE]);
    scene.set("TEJIDO__FETCH__BUDGET_SECS", "1");
    upstream.answer(BY_SIZE, Answer::ok(by_size()).delay(Duration::from_secs(60)));
    let (_, message) = asked(&upstream, &scene, 1);
    assert!(
        message.contains("within 1 s of the pipeline's start") && message.contains("fetch.budget_secs"),
        "{message}"
    );
}

/// What Eurostat answers to a question about an extraction.
fn state(state: &str) -> Answer {
    Answer::ok(format!(
        "<?xml version='1.0' encoding='UTF-8'?><env:Envelope xmlns:env=\"http://schemas.xmlsoap.org/soap/envelope/\"><env:Header/>\
         <env:Body><ns0:asyncResponse xmlns:ns0=\"http://estat.ec.europa.eu/disschain/asynchronous/extractions\" \
         xmlns:ns1=\"http://estat.ec.europa.eu/disschain/soap\"><ns1:status><ns1:key>{KEY}</ns1:key><ns1:status>{state}</ns1:status>\
         </ns1:status></ns0:asyncResponse></env:Body></env:Envelope>"
    ))
}

#[test]
fn an_extraction_that_is_promised_is_waited_for() {
    let upstream = Upstream::start();
    let mut scene = Scene::live(&upstream, &[PIPELINE]);
    scene.set("TEJIDO__FETCH__POLL_SECS", "0");
    let base = "https://ec.europa.eu/eurostat/api/dissemination/1.0/async";
    let places = format!(
        "\n[request.deferred]\nstatus = \"{base}/status/{{key}}\"\ndata = \"{base}/data/{{key}}\"\n\n[[editions]]"
    );
    scene.replace(&format!("pipelines/{PIPELINE}.toml"), "\n[[editions]]", &places);
    let at = |what: &str| format!("ec.europa.eu/eurostat/api/dissemination/1.0/async/{what}/{KEY}");
    let later = Answer::status(413, "{\"error\":[{\"status\":413,\"id\":413,\"label\":\"ASYNCHRONOUS_RESPONSE\"}]}");
    upstream.answers(BY_SIZE, [later, state("SUBMITTED")]);
    upstream.answers(&at("status"), [state("PROCESSING"), state("AVAILABLE")]);
    let not_yet =
        "<S:Fault xmlns:S=\"s\"><faultcode>100</faultcode><faultstring>DATA_NOT_YET_AVAILABLE</faultstring></S:Fault>";
    upstream.answers(&at("data"), [Answer::ok(not_yet), Answer::ok(by_size()).gzip()]);
    let (asked_for, _) = asked(&upstream, &scene, 0);
    let status = format!("200 1.0/async/status/{KEY}");
    let data = format!("200 1.0/async/data/{KEY}");
    let first = "sdmx/2.1/data/isoc_eb_ai";
    let expected =
        [format!("413 {first}"), format!("200 {first}"), status.clone(), status.clone(), data.clone(), status, data];
    assert_eq!(asked_for, expected);
    let sidecar = &sidecars(&scene)[0];
    assert!(sidecar["url"].as_str().unwrap().contains(first), "the documented address stays");
    assert!(sidecar["delivered_from"].as_str().unwrap().ends_with(&format!("/data/{KEY}")));

    upstream.answer(BY_SIZE, state("EXPIRED"));
    let (_, message) = asked(&upstream, &scene, 3);
    assert!(message.contains("promised the extraction for later and then said EXPIRED"), "{message}");
}

#[test]
fn a_message_under_the_status_of_success_is_kept_apart() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[PIPELINE]);
    let fault = "<S:Fault><faultcode>413</faultcode><faultstring>EXTRACTION_TOO_BIG: estimated 17348292 rows</faultstring></S:Fault>";
    upstream.answer(BY_SIZE, Answer::ok(fault).gzip());
    let (_, message) = asked(&upstream, &scene, 1);
    assert!(message.contains("found a message: EXTRACTION_TOO_BIG: estimated 17348292 rows"), "{message}");
    assert!(message.contains("`[request.split]`"), "{message}");
    assert_eq!(sidecars(&scene)[0]["refused"], "EXTRACTION_TOO_BIG: estimated 17348292 rows");
    upstream.answer(BY_SIZE, Answer::ok(by_size()));
    scene.run(0);
}

/// `[request.discover]`: the list is asked before the data, and names the table.
#[test]
fn the_table_that_is_meant_is_looked_up() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[PIPELINE]);
    let file = format!("pipelines/{PIPELINE}.toml");
    let found = "[request.discover]\nurl = \"https://stat.example/list?of={dataset}\"\ntake = \"tag\"\n";
    let rule = "match = { tag = \"isoc_eb_*\", active = \"true\" }\nnewest = \"changed\"\n\n[request.check]";
    scene.replace(&file, "/data/{dataset}?", "/data/{found}?");
    scene.replace(&file, "[request.check]", &format!("{found}{rule}"));
    let list = "stat.example/list?of=isoc_eb_ai";
    let entries = r#"[{"tag":"isoc_eb_old","active":true,"changed":1},{"tag":"isoc_eb_ai","active":true,"changed":2},
        {"tag":"isoc_eb_new","active":false,"changed":3}]"#;
    upstream.answer(list, Answer::ok(entries));
    upstream.answer(BY_SIZE, Answer::ok(by_size()));
    scene.run(0);
    let asked = upstream.asked_all();
    assert!(asked[0].contains("stat.example/list?of=isoc_eb_ai"), "{asked:?}");
    assert!(asked.last().unwrap().contains("/data/isoc_eb_ai?"), "{asked:?}");
    assert_eq!(sidecars(&scene).len(), 1);

    // A tag that has vanished: nothing is asked for, the last good data stay, and what there is is told.
    upstream.answer(list, Answer::ok(entries.replace("isoc_eb", "isoc_ec")));
    let run = scene.run(3);
    assert!(
        run.stderr.contains(
            "`https://stat.example/list?of=isoc_eb_ai`: expected an entry whose `active` is like `true` and `tag` is like `isoc_eb_*`, found none among 3"
        ),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("the nearest are `isoc_ec_"), "{}", run.stderr);
    assert!(upstream.asked_all().iter().all(|line| !line.contains("/data/")));
    assert_eq!(sidecars(&scene).len(), 1);

    // What can not work is told before anything is asked for.
    scene.replace(&file, "/data/{found}?", "/data/{dataset}?");
    let run = scene.tejido(&["run"]);
    run.must(2);
    assert!(run.stderr.contains("expected an address with `{found}`"), "{}", run.stderr);
}

/// What Eurostat says of a table's last change, at `[request.check]`.
fn changed(day: &str) -> Answer {
    Answer::ok(format!(
        r#"{{"extension":{{"id":"ISOC_EB_AI","annotation":[{{"type":"UPDATE_DATA","date":"{day}"}},{{"type":"UPDATE_STRUCTURE","date":"2024-01-03"}}]}}}}"#
    ))
}

#[test]
fn a_table_is_not_asked_for_while_the_source_says_that_it_has_not_changed() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[PIPELINE]);
    let check =
        "ec.europa.eu/eurostat/api/dissemination/sdmx/3.0/structure/dataflow/ESTAT/isoc_eb_ai/1.0/?lang=EN&format=JSON";
    upstream.answer(BY_SIZE, Answer::ok(by_size()));
    upstream.answer(check, changed("2026-01-05"));
    let asked_for = |code| {
        scene.run(code);
        let what = |line: String| if line.contains("/data/") { "data" } else { "check" };
        upstream.asked_all().into_iter().map(what).collect::<Vec<_>>()
    };
    assert_eq!(asked_for(0), ["check", "data"]);
    assert_eq!(sidecars(&scene)[0]["checked"], "UPDATE_DATA 2026-01-05, UPDATE_STRUCTURE 2024-01-03");
    assert_eq!(asked_for(0), ["check"]);
    upstream.answer(check, changed("2026-11-20"));
    upstream.answer(BY_SIZE, Answer::ok(by_size().replace("20.27", "20.5")));
    assert_eq!(asked_for(0), ["check", "data"]);
    assert_eq!(sidecars(&scene).len(), 2);
    // That it cannot say is no failure.
    for speechless in [Answer::status(404, "no"), Answer::ok("{}"), Answer::ok("<html>")] {
        upstream.answer(check, speechless);
        assert_eq!(asked_for(0), ["check", "data"]);
    }
}

/// A line of the table, by its country.
fn lines_of(countries: &[&str]) -> String {
    let text = by_size();
    let is_of = |line: &&str| {
        let country = line.split('\t').next().unwrap().rsplit(',').next().unwrap();
        countries.is_empty() || countries.contains(&country)
    };
    let (header, lines) = text.split_once('\n').unwrap();
    let kept: Vec<&str> = lines.lines().filter(is_of).collect();
    format!("{header}\n{}\n", kept.join("\n"))
}

/// All countries of the table.
fn countries() -> Vec<String> {
    let mut found: Vec<String> = by_size()
        .lines()
        .skip(1)
        .map(|line| line.split('\t').next().unwrap().rsplit(',').next().unwrap().to_owned())
        .collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn what_is_too_big_is_asked_for_in_parts_and_joined() {
    let whole = Upstream::start();
    let scene = Scene::live(&whole, &[PIPELINE]);
    whole.answer(BY_SIZE, Answer::ok(by_size()));
    scene.run(0);
    let table = "select region, size_class, time_period, share, flags from ict_adoption order by all";
    let expected = scene.query(table);

    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[PIPELINE]);
    let all = countries();
    let (first, second) = all.split_at(all.len() / 2);
    let [first, second] = [first.join("+"), second.join("+")];
    let path = format!("pipelines/{PIPELINE}.toml");
    let split = format!(
        "[request.split]\nurl = \"https://ec.europa.eu/part/{{dataset}}?geo={{part}}\"\nparts = [\"{first}\", \"{second}\"]\n\n[[editions]]"
    );
    scene.replace(&path, "[[editions]]", &split);
    let fault = "<S:Fault><faultcode>413</faultcode><faultstring>EXTRACTION_TOO_BIG: estimated 17348292 rows</faultstring></S:Fault>";
    upstream.answer(BY_SIZE, Answer::status(413, fault));
    let at = |part: &str| format!("ec.europa.eu/part/isoc_eb_ai?geo={part}");
    let body = |part: &str| Answer::ok(lines_of(&part.split('+').collect::<Vec<_>>()));

    // One part is missing: nothing is published, and no half is taken for the whole.
    upstream.answer(&at(&first), body(&first));
    let (_, message) = asked(&upstream, &scene, 1);
    assert!(message.contains("found 404"), "{message}");
    assert!(!scene.path("data/published").exists());

    upstream.answer(&at(&second), body(&second));
    scene.run(0);
    assert_eq!(scene.query(table), expected);
    let parts: Vec<serde_json::Value> =
        sidecars(&scene).into_iter().filter(|sidecar| sidecar["status"] == 200).collect();
    assert_eq!(parts.len(), 2);
    assert_eq!((&parts[1]["part"]["number"], &parts[1]["part"]["of"]), (&2.into(), &2.into()));
    // Each value stands in the part that it came in.
    let cell = scene.query("select \"snapshot\", cell, share from ict_adoption where region = 'ES' and size_class = 'GE10' and time_period = '2025'");
    let mut fields = cell[0].split('|');
    let (snapshot, cell, share) = (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
    let shown = scene.tejido(&["archive", "show", snapshot, "--payload"]);
    assert!(shown.stdout[cell.parse().unwrap()..].starts_with(share));
    assert_eq!(scene.query("select count(*), count(distinct fetched_at) from lake.snapshots"), ["2|1"]);

    // Nothing new: both parts are asked for conditionally, and nothing is filed.
    upstream.asked();
    assert!(scene.run(0).stdout.contains("nothing has changed"));
    let statuses: Vec<String> = upstream.asked().iter().map(|line| line[..3].to_owned()).collect();
    assert_eq!(statuses, ["413", "304", "304"]);

    // One part is revised: the other one is not sent again, and both make the next vintage.
    upstream.answer(&at(&first), Answer::ok(lines_of(&first.split('+').collect::<Vec<_>>()).replace("20.27", "20.5")));
    let (asked_for, _) = asked(&upstream, &scene, 0);
    assert_eq!(asked_for.iter().map(|line| &line[..3]).collect::<Vec<_>>(), ["413", "200", "304"]);
    assert_ne!(scene.query(table), expected);
    assert_eq!(scene.query(table).len(), expected.len());
    let run = scene.tejido(&["run", "--offline"]);
    assert!(run.stdout.contains("nothing has changed"), "{}", run.text());
}

#[test]
fn pages_are_asked_for_until_one_is_empty() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[PIPELINE]);
    let path = format!("pipelines/{PIPELINE}.toml");
    let url = scene.read(&path).lines().find(|line| line.starts_with("url = ")).unwrap().to_owned();
    scene.replace(&path, &url, "url = \"https://ec.europa.eu/pages/{dataset}?page={page}\"");
    scene.replace(&path, "[[editions]]", "[request.pages]\nempty = \"[]\"\nmost = 3\n\n[[editions]]");
    let at = |page: u32| format!("ec.europa.eu/pages/isoc_eb_ai?page={page}");
    let all = countries();
    let (first, second) = all.split_at(7);
    let body = |part: &[String]| Answer::ok(lines_of(&part.iter().map(String::as_str).collect::<Vec<_>>()));
    upstream.answer(&at(1), body(first));
    upstream.answer(&at(2), body(second));
    upstream.answer(&at(3), Answer::ok(" []\n"));
    scene.run(0);
    assert_eq!(scene.query("select count(*) from ict_adoption"), ["792"]);
    assert_eq!(sidecars(&scene).iter().map(|sidecar| sidecar["part"]["name"].clone()).collect::<Vec<_>>(), ["1", "2"]);

    upstream.answer(&at(3), body(&second[..1]));
    let (_, message) = asked(&upstream, &scene, 3);
    assert!(message.contains("expected at most 3 pages"), "{message}");
    assert_eq!(scene.query("select count(*) from ict_adoption"), ["792"]);
}
