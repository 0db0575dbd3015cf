//! `/metrics`: how everything stands, in the text format 0.0.4 of Prometheus.
//!
//! All but the count of requests is worked out anew for each answer, from what `status` and the ledger say, so that a
//! number here is never another one than there.

use axum::http::StatusCode;
use jiff::Timestamp;
use prometheus::{Encoder, GaugeVec, IntCounterVec, Opts, Registry, TextEncoder};

use super::View;
use crate::disk;
use crate::error::Exit;
use crate::run::schedule::Pulse;
use crate::run::status::{PipelineStatus, State};

pub(super) use prometheus::TEXT_FORMAT as CONTENT_TYPE;

/// The requests answered so far.
pub(super) struct Requests(Option<IntCounterVec>);

impl Default for Requests {
    fn default() -> Self {
        let options = Opts::new("tejido_http_requests_total", "Requests answered by the listener.");
        // Only a wrong name could fail.
        Requests(IntCounterVec::new(options, &["route", "status"]).ok())
    }
}

impl Requests {
    pub(super) fn count(&self, route: &str, status: StatusCode) {
        if let Some(counter) = &self.0 {
            counter.with_label_values(&[route, status.as_str()]).inc();
        }
    }
}

/// All metrics.
pub(super) fn text(view: &View, requests: &Requests, pulse: &Pulse) -> Result<String, prometheus::Error> {
    let page = Page(Registry::new());
    page.gauge("tejido_info", "The program.", &["version"], [([env!("CARGO_PKG_VERSION")], Some(1.0))])?;
    pipelines(&page, &view.status.pipelines)?;
    runs(&page, view)?;
    build(&page, view)?;
    process(&page, pulse)?;
    if let Some(requests) = &requests.0 {
        page.0.register(Box::new(requests.clone()))?;
    }
    let mut text = Vec::new();
    TextEncoder::new().encode(&page.0.gather(), &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// A moment of a pipeline's.
type Moment = fn(&PipelineStatus) -> Option<Timestamp>;

fn pipelines(page: &Page, pipelines: &[PipelineStatus]) -> Result<(), prometheus::Error> {
    let moments: [(&str, &str, Moment); 4] = [
        ("last_run", "When its source was last asked.", |pipeline| pipeline.last_run),
        ("last_success", "When its source was last asked and all went well.", |pipeline| pipeline.last_success),
        ("last_change", "When its source last had something new.", |pipeline| pipeline.last_change),
        ("next_run", "When it is due next.", |pipeline| pipeline.next_run),
    ];
    for (name, help, moment) in moments {
        page.gauge(
            &format!("tejido_pipeline_{name}_timestamp_seconds"),
            help,
            &["pipeline"],
            pipelines.iter().map(|pipeline| ([pipeline.pipeline.as_str()], moment(pipeline).map(seconds))),
        )?;
    }
    let states = pipelines.iter().flat_map(|pipeline| {
        State::ALL.map(|state| {
            let is_it = f64::from(u8::from(pipeline.state == state));
            ([pipeline.pipeline.as_str(), state.key()], Some(is_it))
        })
    });
    page.gauge("tejido_pipeline_state", "1 for the state in which it is.", &["pipeline", "state"], states)
}

fn runs(page: &Page, view: &View) -> Result<(), prometheus::Error> {
    let options = Opts::new("tejido_runs_total", "Runs in the ledger, by what came of them.");
    let total = IntCounterVec::new(options, &["outcome"])?;
    for outcome in [Exit::Done, Exit::Failed, Exit::Partial] {
        let runs = view.history.iter().filter(|run| run.exit == outcome as u8).count();
        total.with_label_values(&[outcome.name()]).inc_by(runs as u64);
    }
    page.0.register(Box::new(total))?;
    let Some(last) = view.history.last() else {
        return Ok(());
    };
    page.gauge("tejido_last_run_timestamp_seconds", "When it ended.", &[], [([], Some(seconds(last.finished)))])?;
    page.gauge(
        "tejido_last_run_refused",
        "1 if it published nothing although it should have.",
        &[],
        [([], Some(f64::from(u8::from(last.error.is_some()))))],
    )?;
    page.gauge(
        "tejido_last_run_stage_duration_seconds",
        "How long its stages took.",
        &["stage"],
        [(["pipelines"], Some(last.stages.pipelines)), (["warehouse"], Some(last.stages.warehouse))],
    )
}

fn build(page: &Page, view: &View) -> Result<(), prometheus::Error> {
    let Some(published) = &view.published else {
        return Ok(());
    };
    let manifest = &published.manifest;
    page.gauge(
        "tejido_build_info",
        "The published build.",
        &["build", "profile", "engine"],
        [([manifest.build_id.as_str(), manifest.profile.as_str(), manifest.engine.as_str()], Some(1.0))],
    )?;
    page.gauge(
        "tejido_build_timestamp_seconds",
        "When the published build was made.",
        &[],
        [([], Some(seconds(manifest.built_at)))],
    )?;
    let rows = manifest.models.iter().filter_map(|model| {
        let text = |key: &str| model.get(key)?.as_str();
        Some(([text("schema")?, text("name")?], model.get("rows")?.as_f64()))
    });
    page.gauge("tejido_build_rows", "Rows of the published build's tables.", &["schema", "table"], rows)
}

/// Under the names that all clients use; where the system has no `/proc`, without what stands there.
fn process(page: &Page, pulse: &Pulse) -> Result<(), prometheus::Error> {
    page.gauge(
        "process_start_time_seconds",
        "When the service was started.",
        &[],
        [([], Some(seconds(pulse.started)))],
    )?;
    page.gauge("process_resident_memory_bytes", "Resident memory.", &[], [([], disk::resident_bytes())])?;
    page.gauge("process_open_fds", "Open file descriptors.", &[], [([], disk::open_files())])
}

fn seconds(moment: Timestamp) -> f64 {
    moment.as_microsecond() as f64 / 1e6
}

/// The metrics of one answer.
struct Page(Registry);

impl Page {
    /// Adds a gauge. What has no value, such as a moment that has never been, is left out.
    fn gauge<'l, const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str; N],
        samples: impl IntoIterator<Item = ([&'l str; N], Option<f64>)>,
    ) -> Result<(), prometheus::Error> {
        let gauge = GaugeVec::new(Opts::new(name, help), labels)?;
        for (values, value) in samples {
            if let Some(value) = value {
                gauge.with_label_values(&values).set(value);
            }
        }
        self.0.register(Box::new(gauge))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::run::status::Status;

    #[test]
    fn names_are_escaped_and_what_never_was_is_left_out() {
        let pipeline = PipelineStatus {
            pipeline: "a\"b\\c\nd".into(),
            state: State::LateAtSource,
            last_run: Some(Timestamp::from_millisecond(1_500).unwrap()),
            last_success: None,
            last_change: None,
            next_run: None,
            expected: None,
            error: None,
        };
        let status =
            Status { at: Timestamp::UNIX_EPOCH, build: None, last_run: None, error: None, pipelines: vec![pipeline] };
        let page = Page(Registry::new());
        pipelines(&page, &status.pipelines).unwrap();
        let text = TextEncoder::new().encode_to_string(&page.0.gather()).unwrap();
        let name = r#"pipeline="a\"b\\c\nd""#;
        assert!(text.contains(&format!("tejido_pipeline_last_run_timestamp_seconds{{{name}}} 1.5\n")), "{text}");
        assert!(text.contains(&format!("tejido_pipeline_state{{{name},state=\"late_at_source\"}} 1\n")), "{text}");
        assert!(text.contains(&format!("tejido_pipeline_state{{{name},state=\"fresh\"}} 0\n")), "{text}");
        assert!(!text.contains("last_success"), "{text}");
    }
}
