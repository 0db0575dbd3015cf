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
        "\ndeferred = {{ status = \"{base}/status/{{key}}\", data = \"{base}/data/{{key}}\" }}\n\n[[editions]]"
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
    assert!(message.contains("ask for less of the table"), "{message}");
    assert_eq!(sidecars(&scene)[0]["refused"], "EXTRACTION_TOO_BIG: estimated 17348292 rows");
    upstream.answer(BY_SIZE, Answer::ok(by_size()));
    scene.run(0);
}
