//! Spans and metrics go to a collector, and a collector that is not there delays nothing.

use crate::support::Scene;

#[test]
fn an_endpoint_is_an_address() {
    let mut scene = Scene::new();
    scene.set("TEJIDO__TELEMETRY__ENDPOINT", "collector:4318");
    let run = scene.tejido(&["run"]);
    run.must(2);
    assert!(run.stderr.contains("`telemetry.endpoint` expects an address"), "{}", run.stderr);
}

#[cfg(not(feature = "telemetry"))]
#[test]
fn a_program_without_the_feature_says_so() {
    let mut scene = Scene::new();
    scene.set("TEJIDO__TELEMETRY__ENDPOINT", "http://127.0.0.1:1");
    let run = scene.run(0);
    assert!(run.stderr.contains("built without the feature `telemetry`"), "{}", run.stderr);
}

#[cfg(feature = "telemetry")]
mod collector {
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};

    use serde_json::Value;

    use crate::support::receiver::Sent;
    use crate::support::{Answer, Receiver, Scene, Service, Upstream, repository};

    const PIPELINE: &str = "eurostat__isoc_eb_ai";
    const BY_SIZE: &str = "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_eb_ai?format=TSV&compressed=true";

    fn by_size() -> Vec<u8> {
        std::fs::read(repository().join("pipelines/samples/eurostat__isoc_eb_ai/isoc_eb_ai.tsv")).unwrap()
    }

    fn scene() -> (Upstream, Receiver, Scene) {
        let upstream = Upstream::start();
        let scene = Scene::live(&upstream, &[PIPELINE]);
        upstream.answer(BY_SIZE, Answer::ok(by_size()));
        (upstream, Receiver::start(), scene)
    }

    /// All elements of lists with this name.
    fn all<'v>(value: &'v Value, name: &str, found: &mut Vec<&'v Value>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| all(item, name, found)),
            Value::Object(fields) => {
                for (field, value) in fields {
                    match value.as_array() {
                        Some(items) if field == name => found.extend(items),
                        _ => all(value, name, found),
                    }
                }
            }
            _ => {}
        }
    }

    fn text<'v>(value: &'v Value, field: &str) -> &'v str {
        value[field].as_str().unwrap_or_default()
    }

    fn attribute(value: &Value, name: &str) -> String {
        let attributes = value["attributes"].as_array().unwrap();
        let found = attributes.iter().find(|attribute| attribute["key"] == name);
        found.map(|attribute| text(&attribute["value"], "stringValue").to_owned()).unwrap_or_default()
    }

    fn of(sent: &[Sent], path: &str) -> Vec<Value> {
        sent.iter().filter(|sent| sent.path == path).map(Sent::json).collect()
    }

    #[test]
    fn a_run_is_a_trace_with_its_pipelines_stages_and_models() {
        let (upstream, receiver, mut scene) = scene();
        scene.set("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.address());
        scene.set("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json");
        scene.run(0);
        let sent = receiver.sent();
        let traces = of(&sent, "/v1/traces");
        let mut spans = Vec::new();
        traces.iter().for_each(|trace| all(trace, "spans", &mut spans));
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        spans.iter().for_each(|span| *names.entry(text(span, "name")).or_default() += 1);
        let models = scene.manifest()["models"].as_array().unwrap().len();
        let expected = [("decode", 1), ("fetch", 1), ("model", models), ("pipeline", 1), ("run", 1), ("warehouse", 1)];
        assert_eq!(names, BTreeMap::from(expected));
        let named = |name: &str| *spans.iter().find(|span| text(span, "name") == name).unwrap();
        for (child, parent) in [
            ("pipeline", "run"),
            ("fetch", "pipeline"),
            ("decode", "pipeline"),
            ("warehouse", "run"),
            ("model", "warehouse"),
        ] {
            let (child, parent) = (named(child), named(parent));
            assert_eq!(text(child, "parentSpanId"), text(parent, "spanId"), "{child}");
            assert_eq!(text(child, "traceId"), text(parent, "traceId"), "{child}");
        }
        assert_eq!(text(named("run"), "parentSpanId"), "");
        assert_eq!(attribute(named("run"), "outcome"), "done");
        assert_eq!(attribute(named("run"), "build"), text(&scene.manifest(), "build_id"));
        assert_eq!(attribute(named("pipeline"), "pipeline"), PIPELINE);
        assert_eq!(attribute(&traces[0]["resourceSpans"][0]["resource"], "service.name"), "tejido");

        let metrics = of(&sent, "/v1/metrics");
        let mut found = Vec::new();
        metrics.iter().for_each(|metric| all(metric, "metrics", &mut found));
        let point = |name: &str, kind: &str| {
            let metric = found.iter().find(|metric| text(metric, "name") == name);
            metric.unwrap_or_else(|| panic!("no {name}"))[kind]["dataPoints"][0].clone()
        };
        let runs = point("tejido.runs", "sum");
        assert_eq!((text(&runs, "asInt"), attribute(&runs, "outcome").as_str()), ("1", "done"));
        assert_eq!(text(&point("tejido.rows.loaded", "gauge"), "asInt"), "792");
        assert_eq!(text(&point("tejido.rows.changed", "sum"), "asInt"), "792");
        assert!(point("tejido.run.stage.duration", "histogram")["sum"].as_f64().unwrap() > 0.0);

        // A failure is one.
        upstream.answer(BY_SIZE, Answer::status(404, "moved"));
        scene.run(3);
        let traces = of(&receiver.sent(), "/v1/traces");
        let mut spans = Vec::new();
        traces.iter().for_each(|trace| all(trace, "spans", &mut spans));
        let failed = spans.iter().find(|span| text(span, "name") == "pipeline").unwrap();
        assert_eq!(failed["status"]["code"], 2, "{failed}");
    }

    #[test]
    fn the_service_sends_what_it_has_when_it_ends() {
        let (_upstream, receiver, mut scene) = scene();
        scene.set("TEJIDO__TELEMETRY__ENDPOINT", &format!("{}/", receiver.address()));
        let service = Service::start(&scene);
        service.says("published 20");
        assert_eq!(service.stop(), Some(0));
        let sent = receiver.sent();
        let mut paths: Vec<&str> = sent.iter().map(|sent| sent.path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths, ["/v1/metrics", "/v1/traces"]);
        assert!(sent.iter().all(|sent| sent.header("content-type") == "application/x-protobuf"));
        let traces: Vec<u8> =
            sent.iter().filter(|sent| sent.path == "/v1/traces").flat_map(|sent| sent.body.clone()).collect();
        let names = traces.windows(PIPELINE.len()).filter(|window| *window == PIPELINE.as_bytes()).count();
        assert!(names >= 1);
    }

    #[test]
    fn a_signal_can_go_elsewhere_or_nowhere() {
        let (_upstream, receiver, mut scene) = scene();
        scene.set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &format!("{}/elsewhere", receiver.address()));
        scene.run(0);
        let paths: Vec<String> = receiver.sent().into_iter().map(|sent| sent.path).collect();
        assert!(!paths.is_empty() && paths.iter().all(|path| path == "/elsewhere"), "{paths:?}");
        scene.set("OTEL_SDK_DISABLED", "true");
        scene.run(0);
        assert!(receiver.sent().is_empty());
    }

    #[test]
    fn a_collector_that_is_not_there_delays_nothing() {
        let (_upstream, receiver, mut scene) = scene();
        let plain = scene.run(0).stdout;
        assert!(plain.contains("published"), "{plain}");
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        scene.set("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{closed}"));
        let begun = Instant::now();
        let run = scene.run(0);
        assert!(run.stderr.contains("spans and metrics could not be delivered"), "{}", run.stderr);
        assert!(run.stdout.starts_with("nothing has changed"), "{}", run.stdout);
        // One that takes what is sent and says nothing.
        receiver.delays(Duration::from_secs(600));
        scene.set("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.address());
        let run = scene.run(0);
        assert!(run.stderr.contains("spans and metrics could not be delivered"), "{}", run.stderr);
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}
