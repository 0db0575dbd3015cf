//! The libraries of OpenTelemetry, set up for this program.

use std::sync::mpsc;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use super::AnyLayer;
use crate::run::RunReport;

/// How long a collector may take to answer, and the end of the program waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct Exporter {
    spans: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
}

impl Exporter {
    /// None if nobody has said where to.
    pub(super) fn start(endpoint: &str) -> Result<Option<Self>, ExporterBuildError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let is_off = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let common = variable("OTEL_EXPORTER_OTLP_ENDPOINT").is_some();
        let target = |own: &str, path: &str| match () {
            () if is_off => None,
            // The library reads them by itself.
            () if common || variable(own).is_some() => Some(Target::Environment),
            () if endpoint.is_empty() => None,
            () => Some(Target::Address(format!("{}/{path}", endpoint.trim_end_matches('/')))),
        };
        let protocol = match variable("OTEL_EXPORTER_OTLP_PROTOCOL").as_deref() {
            Some("http/json") => Protocol::HttpJson,
            _ => Protocol::HttpBinary,
        };
        let resource = || Resource::builder().with_attributes(attributes(&variable)).build();
        let spans = match target("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "v1/traces") {
            None => None,
            Some(target) => {
                let exporter = target.of(SpanExporter::builder().with_http().with_protocol(protocol)).build()?;
                Some(SdkTracerProvider::builder().with_resource(resource()).with_batch_exporter(exporter).build())
            }
        };
        let metrics = match target("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "v1/metrics") {
            None => None,
            Some(target) => {
                let exporter = target.of(MetricExporter::builder().with_http().with_protocol(protocol)).build()?;
                let provider = SdkMeterProvider::builder().with_resource(resource());
                Some(provider.with_periodic_exporter(exporter).build())
            }
        };
        if spans.is_none() && metrics.is_none() {
            return Ok(None);
        }
        if let Some(metrics) = &metrics {
            global::set_meter_provider(metrics.clone());
        }
        Ok(Some(Exporter { spans, metrics }))
    }

    pub(super) fn layer<S>(&self) -> Option<AnyLayer<S>>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let tracer = self.spans.as_ref()?.tracer("tejido");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false);
        // Not those of the libraries, of which one is about to send them.
        Some(layer.with_filter(Targets::new().with_target("tejido", Level::INFO)).boxed())
    }

    pub(super) fn end(self) {
        let (sender, done) = mpsc::channel();
        let mut waiting = 0;
        let mut flush = |shutdown: Box<dyn FnOnce() -> OTelSdkResult + Send>| {
            waiting += 1;
            let sender = sender.clone();
            // The library's own limit is that of one request.
            std::thread::spawn(move || _ = sender.send(shutdown()));
        };
        if let Some(spans) = self.spans {
            flush(Box::new(move || spans.shutdown_with_timeout(PATIENCE)));
        }
        if let Some(metrics) = self.metrics {
            flush(Box::new(move || metrics.shutdown_with_timeout(PATIENCE)));
        }
        let until = std::time::Instant::now() + PATIENCE;
        for _ in 0..waiting {
            let left = until.saturating_duration_since(std::time::Instant::now());
            match done.recv_timeout(left) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!("spans and metrics could not be delivered: {error}"),
                Err(_) => {
                    tracing::warn!("spans and metrics could not be delivered within {} s", PATIENCE.as_secs());
                    return;
                }
            }
        }
    }
}

/// Where a signal goes.
enum Target {
    /// As the standard variables say.
    Environment,
    /// The setting, with the signal's path.
    Address(String),
}

impl Target {
    fn of<B: WithExportConfig + WithHttpConfig>(self, builder: B) -> B {
        let builder = builder.with_timeout(PATIENCE);
        match self {
            Target::Environment => builder,
            Target::Address(address) => builder.with_endpoint(address),
        }
    }
}

/// What the environment says is not said otherwise.
fn attributes(variable: &impl Fn(&str) -> Option<String>) -> Vec<KeyValue> {
    let mut attributes = vec![KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))];
    let said = variable("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|text| text.contains("service.name"));
    if !said && variable("OTEL_SERVICE_NAME").is_none() {
        attributes.push(KeyValue::new("service.name", "tejido"));
    }
    attributes
}

pub(super) fn count(report: &RunReport) {
    let meter = global::meter("tejido");
    let outcome = KeyValue::new("outcome", report.exit().name());
    meter.u64_counter("tejido.runs").with_description("Runs by what came of them").build().add(1, &[outcome]);
    let durations = meter.f64_histogram("tejido.run.stage.duration").with_unit("s");
    let durations = durations.with_description("How long the stages of a run took").build();
    durations.record(report.stages.pipelines, &[KeyValue::new("stage", "pipelines")]);
    durations.record(report.stages.warehouse, &[KeyValue::new("stage", "warehouse")]);
    let counter = |name, description| meter.u64_counter(name).with_description(description).build();
    let changed = counter("tejido.rows.changed", "Rows that runs have changed");
    let revised = counter("tejido.rows.revised", "Of these, observations with another value than before");
    let failures = counter("tejido.pipeline.failures", "What failed in runs");
    let gauge = |name, description| meter.u64_gauge(name).with_description(description).build();
    let loaded = gauge("tejido.rows.loaded", "Rows of the newest snapshots in the lake");
    let quarantined = gauge("tejido.rows.quarantined", "Rows of the newest snapshots that were kept back");
    for pipeline in &report.pipelines {
        let labels = [KeyValue::new("pipeline", pipeline.id.clone())];
        let counts = pipeline.counts();
        loaded.record(counts.loaded, &labels);
        quarantined.record(counts.quarantined_rows(), &labels);
        changed.add(pipeline.editions.iter().map(|edition| edition.changed_rows).sum(), &labels);
        revised.add(pipeline.editions.iter().map(|edition| edition.revised_rows).sum(), &labels);
        failures.add(pipeline.failures().count() as u64, &labels);
    }
}
