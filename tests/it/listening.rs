//! The service's listener: what monitors and browsers are answered, and that it stops nothing.

use std::time::{Duration, Instant};

use crate::support::http::{ask, get};
use crate::support::{Answer, Scene, Service, Upstream, quiet};

/// The value of a metric by its name with labels.
fn metric(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

#[test]
fn it_answers_how_everything_stands() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[PIPELINE]);
    // Until the source has answered, there is no build.
    upstream.answer(BY_SIZE, Answer::ok(by_size()).delay(Duration::from_secs(3)));
    let service = Service::start(&scene);
    let address = service.address();
    let health = get(&address, "/healthz", &[]);
    assert_eq!((health.status, health.text()), (200, "ok\n"));
    let ready = get(&address, "/readyz", &[]);
    assert_eq!((ready.status, ready.text()), (503, "no build is published\n"));
    assert_eq!(get(&address, "/published/manifest.json", &[]).status, 503);
    let metrics = get(&address, "/metrics", &[]);
    assert_eq!(metrics.status, 200, "{}", metrics.text());
    let never = format!("tejido_pipeline_state{{pipeline=\"{PIPELINE}\",state=\"never\"}}");
    assert_eq!(metric(metrics.text(), &never), Some(1.0), "{}", metrics.text());
    assert!(!metrics.text().contains("tejido_build_info"), "{}", metrics.text());

    service.says("published 20");
    let build = scene.manifest()["build_id"].as_str().unwrap().to_owned();
    let ready = get(&address, "/readyz", &[]);
    assert_eq!((ready.status, ready.text()), (200, format!("ok {build}\n").as_str()));
    // What was read is good for a second.
    let mut metrics = get(&address, "/metrics", &[]);
    let until = Instant::now() + Duration::from_secs(60);
    while !metrics.text().contains("tejido_build_info") && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(200));
        metrics = get(&address, "/metrics", &[]);
    }
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4"));
    let text = metrics.text();
    let of = |name: &str| metric(text, name).unwrap_or_else(|| panic!("no {name} in\n{text}"));
    for (name, value) in [
        (never.clone(), 0.0),
        (format!("tejido_pipeline_state{{pipeline=\"{PIPELINE}\",state=\"fresh\"}}"), 1.0),
        ("tejido_runs_total{outcome=\"done\"}".into(), 1.0),
        ("tejido_runs_total{outcome=\"failed\"}".into(), 0.0),
        ("tejido_last_run_refused".into(), 0.0),
        ("tejido_build_rows{schema=\"main\",table=\"ict_adoption\"}".into(), 792.0),
        ("tejido_http_requests_total{route=\"/readyz\",status=\"503\"}".into(), 1.0),
    ] {
        assert_eq!(of(&name), value, "{name}\n{text}");
    }
    let now = jiff::Timestamp::now().as_second() as f64;
    for name in [
        format!("tejido_pipeline_last_run_timestamp_seconds{{pipeline=\"{PIPELINE}\"}}"),
        format!("tejido_pipeline_last_success_timestamp_seconds{{pipeline=\"{PIPELINE}\"}}"),
        format!("tejido_pipeline_last_change_timestamp_seconds{{pipeline=\"{PIPELINE}\"}}"),
        "tejido_last_run_timestamp_seconds".into(),
        "tejido_build_timestamp_seconds".into(),
        "process_start_time_seconds".into(),
    ] {
        assert!((now - 600.0..=now + 1.0).contains(&of(&name)), "{name}\n{text}");
    }
    assert!(of(&format!("tejido_pipeline_next_run_timestamp_seconds{{pipeline=\"{PIPELINE}\"}}")) > now);
    assert!(of("tejido_last_run_stage_duration_seconds{stage=\"pipelines\"}") >= 3.0, "{text}");
    assert!(of("process_resident_memory_bytes") > 1e6 && of("process_open_fds") > 5.0, "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(text.contains(&format!("# HELP {name} ")) && text.contains(&format!("# TYPE {name} ")), "{line}");
    }

    // The same as `tejido status --json`, but for the moment.
    let answered = get(&address, "/status.json", &[]);
    assert_eq!(answered.header("content-type"), Some("application/json"));
    let mut answered: serde_json::Value = serde_json::from_slice(&answered.body).unwrap();
    let mut told: serde_json::Value = serde_json::from_str(&scene.tejido(&["status", "--json"]).stdout).unwrap();
    answered["at"] = serde_json::Value::Null;
    told["at"] = serde_json::Value::Null;
    assert_eq!(answered, told);

    // A failure shows.
    upstream.answer(BY_SIZE, Answer::status(404, "moved"));
    scene.run(3);
    std::thread::sleep(Duration::from_millis(1100));
    let metrics = get(&address, "/metrics", &[]);
    let failing = format!("tejido_pipeline_state{{pipeline=\"{PIPELINE}\",state=\"failing\"}}");
    assert_eq!(metric(metrics.text(), &failing), Some(1.0), "{}", metrics.text());
    assert_eq!(metric(metrics.text(), "tejido_runs_total{outcome=\"partial\"}"), Some(1.0), "{}", metrics.text());

    // A build that was removed by hand.
    std::fs::remove_file(scene.path("data/published")).unwrap();
    assert_eq!(get(&address, "/readyz", &[]).status, 503);
    assert_eq!(get(&address, "/healthz", &[]).status, 200);
    assert_eq!(service.stop(), Some(0));
    assert!(std::net::TcpStream::connect(&address).is_err(), "it ends with the service");
}

#[test]
fn it_serves_the_published_build_and_nothing_else() {
    let scene = quiet();
    scene.run(0);
    let service = Service::start(&scene);
    let address = service.address();
    let manifest = get(&address, "/published/manifest.json", &[]);
    assert_eq!(manifest.status, 200);
    assert_eq!(manifest.header("content-type"), Some("application/json"));
    assert_eq!(manifest.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(manifest.body, std::fs::read(scene.published().join("manifest.json")).unwrap());
    let etag = manifest.header("etag").unwrap();
    let again = get(&address, "/published/manifest.json", &[("If-None-Match", etag)]);
    assert_eq!((again.status, again.body.len()), (304, 0));

    let mart = "/published/marts/ict_adoption.parquet";
    let head = ask(&address, "HEAD", mart, &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-type"), Some("application/vnd.apache.parquet"));
    let part = get(&address, mart, &[("Range", "bytes=0-3")]);
    assert_eq!((part.status, part.text()), (206, "PAR1"));
    let whole = get(&address, mart, &[("Range", "bytes=0-3"), ("If-Range", "\"of another build\"")]);
    assert_eq!((whole.status, whole.body.len().to_string().as_str()), (200, head.header("content-length").unwrap()));

    // What is not in the build is not served, by whatever name.
    scene.write("data/secret.txt", "secret");
    for path in [
        "/published/nothing",
        "/published/marts",
        "/published/marts/",
        "/published/../secret.txt",
        "/published/../../secret.txt",
        "/published/%2e%2e/%2e%2e/secret.txt",
        "/published/..%2f..%2fsecret.txt",
        "/published/marts/..%2f..%2f..%2fsecret.txt",
        "/published//etc/passwd",
        "/published/%2fetc/passwd",
        "/secret.txt",
        "/../secret.txt",
        "/ledger.jsonl",
    ] {
        let reply = get(&address, path, &[]);
        assert!([307, 404].contains(&reply.status), "{path}: {} {}", reply.status, reply.text());
        assert!(!reply.text().contains("secret") && !reply.text().contains("root:"), "{path}");
    }
    for path in ["/", "/healthz", "/metrics", "/status.json", "/published/manifest.json"] {
        for method in ["POST", "PUT", "DELETE"] {
            assert_eq!(ask(&address, method, path, &[]).status, 405, "{method} {path}");
        }
    }

    // Without a report, the first page says what there is; with one, it is the report.
    let home = get(&address, "/", &[]);
    assert!(home.text().contains("<td>clusters__tera<td>fresh"), "{}", home.text());
    assert!(home.text().contains("href=\"published/marts/ict_adoption.parquet\""), "{}", home.text());
    let report = scene.published().join("report");
    std::fs::create_dir(&report).unwrap();
    std::fs::write(report.join("index.html"), "<!doctype html><title>año</title>").unwrap();
    let home = get(&address, "/", &[]);
    assert_eq!((home.status, home.header("location")), (307, Some("/published/report/")));
    let page = get(&address, "/published/report/", &[]);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("año"));
    let bare = get(&address, "/published/report", &[]);
    assert_eq!((bare.status, bare.header("location")), (307, Some("/published/report/")));

    // Another build shows at once.
    scene.replace("sql/marts/ict_adoption.sql", "\nselect", "\n-- again\nselect");
    scene.run(0);
    let next = get(&address, "/published/manifest.json", &[("If-None-Match", etag)]);
    assert_eq!(next.status, 200);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&next.body).unwrap(), scene.manifest());
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn an_address_that_is_taken_or_none_ends_the_service() {
    let mut scene = quiet();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    scene.set("TEJIDO__LISTEN__ADDRESS", &taken.local_addr().unwrap().to_string());
    let run = scene.tejido(&["schedule"]);
    run.must(1);
    assert!(run.stderr.contains("of the setting `listen.address`"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: stop what listens there"), "{}", run.stderr);
    scene.set("TEJIDO__LISTEN__ADDRESS", "localhost");
    let run = scene.tejido(&["schedule"]);
    run.must(2);
    assert!(run.stderr.contains("expects an IP address with a port, found `localhost`"), "{}", run.stderr);

    // Turned off, it opens nothing.
    scene.set("TEJIDO__LISTEN__ADDRESS", "");
    let service = Service::start(&scene);
    let first = service.says("");
    assert!(first.contains("pipelines have a timetable"), "{first}");
    assert_eq!(service.stop(), Some(0));
}

const PIPELINE: &str = "eurostat__isoc_eb_ai";
const BY_SIZE: &str = "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_eb_ai?format=TSV&compressed=true";

fn by_size() -> Vec<u8> {
    std::fs::read(crate::support::repository().join("pipelines/samples/eurostat__isoc_eb_ai/isoc_eb_ai.tsv")).unwrap()
}
